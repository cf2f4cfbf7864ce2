"""What TensorBoard shows of a run: read back from its event files, and by its own HTTP interface."""

import json
import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tensorboard.plugins.custom_scalar import layout_pb2
from tensorboard.plugins.hparams import metadata

from leyden.config.compose import compose
from leyden.plots.learning_curves import read_curves
from leyden.training.tensorboard_summaries import hyperparameters
from leyden.training.train import run_experiment
from tests.leyden.helpers.logged import MEASURED, events, scalars

CSV_RUN = ["experiment=csv_mlp", "trainer.max_epochs=3", "trainer.log_every_n_steps=2"]


def run(settings: list[str], quick: list[str]) -> Path:
    few = [word for word in quick if not (settings[0].startswith("experiment=csv") and "data." in word)]
    experiment = compose([*few, *settings])
    run_experiment(experiment)
    return experiment.run_dir


def hparams(run_dir: Path) -> list[dict[str, Any]]:
    """Settings in each beginning of a session."""
    found = []
    for event in events(run_dir):
        for value in event.summary.value:
            if value.tag == metadata.SESSION_START_INFO_TAG:
                content = value.metadata.plugin_data.content
                start = metadata.parse_session_start_info_plugin_data(content)
                found.append({name: getattr(of, of.WhichOneof("kind")) for name, of in start.hparams.items()})
    return found


def check_events(run_dir: Path) -> None:
    """Every value equals metrics.csv, and each step is there once."""
    shown, table = scalars(run_dir), read_curves(run_dir / "metrics.csv")
    best = {name for name in shown if name == "best" or name.startswith("best/")}
    assert shown.keys() - best == table.keys()
    for name, curve in table.items():
        steps = [step for step, _ in shown[name]]
        if name != "epoch":  # Lightning logs the same epoch with each of its metrics
            assert len(steps) == len(set(steps)), name
        assert dict(shown[name]) == pytest.approx(dict(zip(*curve, strict=True)), rel=1e-6, nan_ok=True), name
    [(_, value)] = shown["best"]
    record = json.loads((run_dir / "run.json").read_text())
    monitor = record["monitor"]
    assert value == pytest.approx(record["metrics"][f"best/{monitor}"])
    assert shown[f"best/{monitor}"][0][1] == value
    tags = [value.tag for event in events(run_dir) for value in event.summary.value]
    once = ["run/command", "run/data", "run/network", "run/config", "custom_scalars__config__"]
    once += [metadata.SESSION_START_INFO_TAG, metadata.SESSION_END_INFO_TAG]
    assert [tags.count(tag) for tag in once] == [1] * len(once)


@pytest.mark.parametrize("settings", [["model=linear", "trainer.max_epochs=2", "trainer.log_every_n_steps=2"], CSV_RUN])
def test_values_are_those_of_the_table_each_step_once(settings: list[str], quick: list[str]) -> None:
    directory = run(settings, quick)
    check_events(directory)
    assert {"gradient/norm", "time/epoch", "time/items_per_second", "lr-Adam", "train/loss_step"} <= {
        name.partition("W/")[0] for name in scalars(directory)
    }


def test_a_resumed_run_has_each_step_once_and_one_result(quick: list[str]) -> None:
    directory = run(["model=linear", "trainer.max_epochs=2", "trainer.log_every_n_steps=2"], quick)
    before = scalars(directory)
    run_experiment(compose([f"resume={directory}", "trainer.max_epochs=4"]))
    check_events(directory)
    after = scalars(directory)
    assert len(after["val/acc"]) == 4
    kept = {name for name in before if not name.startswith(("best", "epoch", "test/", *MEASURED))}
    assert {name: values[: len(before[name])] for name, values in after.items() if name in kept} == {
        name: before[name] for name in kept
    }
    [settings] = hparams(directory)
    assert settings["trainer.max_epochs"] == 4
    images = [value.tag for event in events(directory) for value in event.summary.value if "plots/" in value.tag]
    assert len(images) == len(set(images)) >= 8


def test_settings_are_those_that_were_typed_and_the_main_ones(quick: list[str]) -> None:
    typed = ["experiment=csv_mlp", "optimizer.lr=3e-4", "scheduler=none", "model.hidden_sizes=[8,8]", "trainer=cpu"]
    found = hyperparameters(compose([*typed, "data.scale_target=false", "seed=7"]))
    assert found == {
        "experiment": "csv_mlp",
        "model": "MLP",
        "optimizer.lr": 3e-4,
        "seed": 7,
        "monitor": "val/rmse",
        "scheduler": "none",
        "model.hidden_sizes": "[8, 8]",
        "trainer": "cpu",
        "data.scale_target": False,
    }


def test_passwords_and_directories_are_no_settings() -> None:
    experiment = compose(["model=linear", "paths.log_dir=/somewhere", "logger=csv"])
    experiment.overrides.append("logger.mlflow.tracking_uri=https://me:***@host")
    found = hyperparameters(experiment)
    assert not {name for name in found if name.startswith(("paths", "logger"))}


def test_texts_say_what_was_run(quick: list[str]) -> None:
    directory = run(["model=linear"], quick)
    texts = {
        value.tag: value.tensor.string_val[0].decode()
        for event in events(directory)
        for value in event.summary.value
        if value.tag.startswith("run/")
    }
    record = json.loads((directory / "run.json").read_text())
    assert texts["run/command"].strip() == record["command"]
    assert texts["run/data"] == record["data"]
    assert texts["run/network"] == "Linear, 7,850 parameters"
    config = (directory / "config.yaml").read_text()
    assert re.sub("(?m)^    ", "", texts["run/config"]).strip() == config.strip()


def test_passwords_are_in_no_event_file(quick: list[str]) -> None:
    experiment = compose(["model=linear", *quick])
    experiment.config["tracking_uri"] = "https://me:SECRETPW@host/x?token=SECRETPW"
    run_experiment(experiment)
    found = b"".join(path.read_bytes() for path in (experiment.run_dir / "tensorboard").rglob("*") if path.is_file())
    assert b"***@host" in found
    assert b"SECRETPW" not in found


def test_the_layout_has_training_and_validation_in_one_chart(quick: list[str]) -> None:
    directory = run(["model=linear", "trainer.log_every_n_steps=2"], quick)
    [content] = [
        value.tensor.string_val[0]
        for event in events(directory)
        for value in event.summary.value
        if value.tag == "custom_scalars__config__"
    ]
    layout = layout_pb2.Layout.FromString(content)
    charts = {chart.title: list(chart.multiline.tag) for of in layout.category for chart in of.chart}
    assert list(charts)[:2] == ["loss", "acc"]
    shown = scalars(directory)
    for title, [pattern] in charts.items():
        assert any(re.match(pattern, name) for name in shown), title
    matched = {name for name in shown if re.match(charts["loss"][0], name)}
    assert matched == {"train/loss", "val/loss"}


@contextmanager
def tensorboard(logdir: Path) -> Iterator[str]:
    """Address of a TensorBoard."""
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", str(logdir), "--port", "0", "--host", "127.0.0.1"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr
            address = next(found[0] for line in process.stderr if (found := re.search(r"http://\S+?:\d+", line)))
            yield address
        finally:
            process.kill()


def asked(address: str, path: str, **body: Any) -> Any:
    data = json.dumps(body).encode() if body else None
    request = urllib.request.Request(f"{address}/data/{path}", data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.loads(answer.read())


def test_tensorboard_lists_each_run_once_and_its_best_value(quick: list[str], tmp_path: Path) -> None:
    """Runs of different experiments, one of them resumed."""
    runs = [run(["model=linear", "seed=1"], quick), run([*CSV_RUN, "optimizer.lr=1e-3"], quick), run(CSV_RUN, quick)]
    run_experiment(compose([f"resume={runs[-1]}", "trainer.max_epochs=4"]))
    with tensorboard(tmp_path / "logs") as address:
        names = {str(path.relative_to(tmp_path / "logs") / "tensorboard"): path for path in runs}
        for _ in range(60):
            if len(asked(address, "runs")) == len(names):
                break
        assert sorted(asked(address, "runs")) == sorted(names)
        plugins = {name: of["enabled"] for name, of in asked(address, "plugins_listing").items()}
        assert all(plugins[name] for name in ("scalars", "custom_scalars", "images", "text", "hparams", "timeseries"))
        experiment = asked(address, "plugin/hparams/experiment", experimentName="", includeMetrics=True)
        columns = [info["name"]["tag"] for info in experiment["metricInfos"]]
        assert columns[0] == "best"  # the one that is shown at first
        wanted = [{"metric": info["name"]} for info in experiment["metricInfos"]]
        groups = asked(
            address,
            "plugin/hparams/session_groups",
            experimentName="",
            allowedStatuses=["STATUS_UNKNOWN", "STATUS_SUCCESS", "STATUS_FAILURE", "STATUS_RUNNING"],
            colParams=wanted,
            startIndex=0,
            sliceSize=100,
        )["sessionGroups"]
    assert len(groups) == len(runs)
    for group in groups:
        record = json.loads((names[group["name"]] / "run.json").read_text())
        values = {value["name"]["tag"]: value["value"] for value in group["metricValues"]}
        best = record["metrics"][f"best/{record['monitor']}"]
        assert values["best"] == values[f"best/{record['monitor']}"] == pytest.approx(best)
        assert group["hparams"]["experiment"] == record["experiment"]
        assert "trainer/profiler" not in group["hparams"]
