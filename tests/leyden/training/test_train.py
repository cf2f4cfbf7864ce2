"""One run from config to record, in this process."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from leyden.config.compose import compose
from leyden.records.record import read_record, write_record
from leyden.system.errors import UserError
from leyden.training.build import build_network
from leyden.training.train import run_experiment


def run(overrides: list[str], quick: list[str]) -> tuple[float | None, Path, dict[str, Any]]:
    experiment = compose([*quick, *overrides])
    result = run_experiment(experiment)
    directory = experiment.run_dir
    return result, directory, json.loads((directory / "run.json").read_text())


@pytest.mark.parametrize(
    ("model", "least"), [("linear", 0.85), ("mlp", 0.90), ("cnn", 0.90)]
)  # digits vary with the CPU
def test_mnist_is_learned_from_a_few_thousand_pictures(model: str, least: float, quick: list[str]) -> None:
    size = ["data.train_size=5000", "data.val_size=1000", "trainer.max_epochs=3"]
    _, _, record = run([f"model={model}", *size, "logger=none"], quick)
    assert record["metrics"]["test/acc"] >= least


def test_a_run_keeps_all_that_the_readme_promises(quick: list[str]) -> None:
    result, directory, record = run(["trainer.max_epochs=2", "trainer.log_every_n_steps=2"], quick)
    files = {str(p.relative_to(directory)) for p in directory.rglob("*") if p.is_file() and "tfevents" not in p.name}
    assert {
        "config.yaml",
        "overrides.yaml",
        "run.json",
        "metrics.csv",
        "train.log",
        "checkpoints/best.ckpt",
        "checkpoints/last.ckpt",
    } <= files
    assert record["status"] == "finished"
    measured = {f"{split}/{name}" for split in ("val", "test") for name in ("loss", "acc", "f1", "top3")}
    assert set(record["metrics"]) == measured | {"train/loss", "train/acc", "best/val/acc"}
    assert result == record["metrics"]["best/val/acc"]

    with (directory / "metrics.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["val/acc"]]
    assert len(rows) == 2
    assert float(rows[-1]["val/acc"]) == pytest.approx(record["metrics"]["val/acc"])

    board = EventAccumulator(str(directory / "tensorboard")).Reload()
    assert {"train/loss", "train/loss_step", "val/acc", "test/acc", "lr-Adam"} <= set(board.Tags()["scalars"])
    assert len(board.Scalars("val/acc")) == 2
    assert board.Scalars("best")[0].value == pytest.approx(record["metrics"]["best/val/acc"])
    assert "_hparams_/session_start_info" in board.summary_metadata


def test_the_best_weights_are_tested_not_the_last(quick: list[str]) -> None:
    # a learning rate that grows a thousandfold after the first epoch ruins the last weights
    ruin = ["scheduler=step", "scheduler.step_size=1", "scheduler.gamma=1000", "trainer.max_epochs=2"]
    _, directory, record = run(["model=linear", "monitor=val/loss", "mode=min", *ruin], quick)
    metrics = record["metrics"]
    assert metrics["val/loss"] > 5 * metrics["best/val/loss"]
    assert metrics["test/loss"] < 2 * metrics["best/val/loss"]
    best, last = (torch.load(directory / "checkpoints" / f"{n}.ckpt", weights_only=True) for n in ("best", "last"))
    assert best["epoch"] == 0
    assert last["progress"]["epoch"] == 2  # epochs that are over


def test_one_checkpoint_is_enough_to_rebuild_the_network(quick: list[str]) -> None:
    _, directory, _ = run(["model=cnn"], quick)
    checkpoint = torch.load(directory / "checkpoints" / "best.ckpt", weights_only=True)
    network = build_network(checkpoint["model"])
    prefix = "network."
    weights = {k.removeprefix(prefix): v for k, v in checkpoint["state_dict"].items()}
    network.load_state_dict(weights)
    assert set(checkpoint["state_dict"]) == {prefix + name for name in network.state_dict()}, "something else was saved"


def test_a_seed_decides_the_run(quick: list[str]) -> None:
    def weights(seed: int) -> dict[str, torch.Tensor]:
        _, directory, _ = run([f"seed={seed}", "logger=none", "data.augment.crop_padding=2"], quick)
        state: dict[str, torch.Tensor] = torch.load(directory / "checkpoints/last.ckpt", weights_only=True)[
            "state_dict"
        ]
        return state

    first, again, other = weights(1), weights(1), weights(2)
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not all(torch.equal(first[name], other[name]) for name in first)


def test_early_stopping_stops(quick: list[str]) -> None:
    still = ["optimizer.lr=1e-12", "callbacks=early_stopping", "callbacks.early_stopping.patience=1"]
    _, directory, _ = run([*still, "trainer.max_epochs=6", "logger=csv"], quick)
    with (directory / "metrics.csv").open() as file:
        assert sum(bool(row["val/acc"]) for row in csv.DictReader(file)) == 2


def test_without_validation_the_last_weights_are_tested(quick: list[str]) -> None:
    _, _, record = run(["data.val_size=0", "monitor=train/loss", "mode=min", "logger=none"], quick)
    assert "val/acc" not in record["metrics"]
    assert 0 < record["metrics"]["test/acc"] <= 1


@pytest.fixture
def first(quick: list[str]) -> Path:
    """A run whose weights others begin with."""
    _, directory, _ = run(["model=cnn", "logger=none"], quick)
    return directory


def begun(directory: Path) -> dict[str, torch.Tensor]:
    """The weights that a run began with, given that it learned as good as nothing."""
    state: dict[str, torch.Tensor] = torch.load(directory / "checkpoints/last.ckpt", weights_only=True)["state_dict"]
    return state


STILL = ["model=cnn", "optimizer=sgd", "optimizer.lr=1e-30", "logger=none"]


@pytest.mark.sample(2)
@pytest.mark.parametrize("given", ["RUN", "last", "RUN/checkpoints/best.ckpt", "FILE"])
def test_a_run_begins_with_the_weights_of_another_or_of_a_file(
    given: str, first: Path, quick: list[str], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    weights = torch.load(first / "checkpoints/best.ckpt", weights_only=True)["state_dict"]
    torch.save({name.removeprefix("network."): value for name, value in weights.items()}, tmp_path / "mine.pt")
    given = given.replace("RUN", str(first)).replace("FILE", str(tmp_path / "mine.pt"))
    _, directory, _ = run([*STILL, f"init_from={given}", "seed=7"], quick)
    learned = begun(directory)
    assert all(torch.equal(learned[name], value) for name, value in weights.items())
    assert f"weights: {len(weights)} of {len(weights)} tensors from" in caplog.text
    config = yaml.safe_load((directory / "config.yaml").read_text())
    file = given if given.endswith(".pt") else first / "checkpoints" / "best.ckpt"
    assert Path(config["init_from"]).resolve() == Path(file)


def test_a_run_that_was_killed_before_its_first_checkpoint_begins_with_these_weights_again(
    first: Path, quick: list[str]
) -> None:
    _, directory, _ = run([*STILL, f"init_from={first}", "seed=7"], quick)
    for path in (directory / "checkpoints").iterdir():
        path.unlink()
    write_record(directory, read_record(directory) | {"status": "running"})
    run_experiment(compose([f"resume={directory}"]))
    weights, learned = (begun(of) for of in (first, directory))
    assert all(torch.equal(learned[name], value) for name, value in weights.items())


def test_a_head_for_other_classes_begins_anew_and_the_log_tells(
    first: Path, quick: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    typed = [*STILL, f"init_from={first}", "data.classes=[3 - three,5 - five,7 - seven]"]
    _, directory, _ = run(typed, quick)
    weights, learned = (begun(of) for of in (first, directory))
    same = {name for name, value in learned.items() if torch.equal(value, weights[name])}
    assert set(learned) - same == {"network.output.weight", "network.output.bias"}
    assert f"weights: {len(same)} of {len(learned)} tensors from" in caplog.text
    assert "of another shape: output.weight, output.bias" in caplog.text


def test_a_run_that_is_finished_tells_its_result_again(first: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_: object) -> None:
        raise AssertionError("it trains")

    before = {path: path.read_bytes() for path in first.rglob("*") if path.is_file()}
    monkeypatch.setattr("leyden.training.train.build_data", forbidden)
    again = compose([f"resume={first}"])
    assert run_experiment(again) == json.loads((first / "run.json").read_text())["metrics"]["best/val/acc"]
    assert {path: path.read_bytes() for path in first.rglob("*") if path.is_file()} == before
    with pytest.raises(UserError, match="it trains"):
        run_experiment(compose([f"resume={first}", "trainer.max_epochs=2"]))
