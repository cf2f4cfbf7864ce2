"""Runs that are used again: when the project's YAML files have changed, and with nothing but their directory."""

import csv
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from tests.leyden.torture.bench import Bench, Row
from tests.leyden.torture.doors import ROOT
from tests.leyden.torture.runs import Runs, write_pictures

DOORS = ("train.py", "eval.py", "predict.py")
SHORT = ["trainer.max_epochs=1", "trainer.limit_train_batches=3", "data.train_size=64", "data.val_size=32"]
# Other values for what a result depends on, file by file.
OTHER: dict[str, dict[str, Any]] = {
    "train.yaml": {"seed": 7, "matmul_precision": "highest", "monitor": "val/loss", "mode": "min", "test": False},
    "data/mnist.yaml": {"batch_size": 7, "eval_batch_size": 100, "val_size": 0.3, "train_size": 50},
    "data/csv.yaml": {"batch_size": 7, "val_size": 0.4, "test_size": 0.4},
    "model/mlp.yaml": {"hidden_sizes": [3], "dropout": 0.9, "activation": "tanh", "batch_norm": False},
    "optimizer/adam.yaml": {"lr": 9.0},
    "trainer/default.yaml": {"max_epochs": 77, "precision": "bf16-mixed", "limit_test_batches": 1},
    "experiment/mnist_mlp.yaml": {"data": {"batch_size": 5}, "trainer": {"max_epochs": 33}},
    "experiment/csv_mlp.yaml": {"data": {"batch_size": 5}, "model": {"hidden_sizes": [2]}},
}


def changed_defaults(bench: Bench) -> list[Row]:
    """Evaluate, predict and resume before and after every default that matters has changed."""
    wrong = []
    for experiment in bench.track(("mnist_mlp", "csv_mlp"), "defaults changed"):
        project = copy_of_project(bench.folder / experiment)
        size = ["data.train_size=500", "data.val_size=200"] if experiment == "mnist_mlp" else []
        runs = Runs(bench.doors, project / "logs", [f"experiment={experiment}", *size, "trainer.max_epochs=2"])
        data = f"paths.data_dir={ROOT / 'data'}"
        reference = runs.train("run", data, folder=project)
        before = used(runs, "run", project)
        change_defaults(project / "configs")
        after = used(runs, "run", project)
        wrong.append([name for name in before if before[name] != after[name]])
        for file in ("run.json", "checkpoints/last.ckpt", "checkpoints/last.previous.ckpt"):
            forget(runs.dir("run") / file)
        wrong.append(runs.resume("run", folder=project).differences(reference))
    return [
        Row.count("eval, predict, resume after the defaults in configs/ changed: the same result", wrong, len(wrong))
    ]


def copy_of_project(folder: Path) -> Path:
    """The doors and configs of this project, to be changed."""
    folder.mkdir(parents=True)
    for door in DOORS:
        shutil.copy(ROOT / door, folder)
    shutil.copytree(ROOT / "configs", folder / "configs")
    return folder


def change_defaults(configs: Path) -> None:
    """Give `configs` other values."""
    for name, values in OTHER.items():
        path = configs / name
        content = path.read_text()
        head = "# @package _global_\n" if content.startswith("# @package _global_") else ""
        path.write_text(head + yaml.safe_dump(_merged(yaml.safe_load(content), values), sort_keys=False))


def used(runs: Runs, name: str, project: Path) -> dict[str, Any]:
    """What eval.py and predict.py make of a run."""
    found = dict[str, Any]()
    for split, more in (("test", []), ("val", [f"paths.log_dir={runs.folder}"])):  # what is typed is composed from YAML
        arguments = [f"run={runs.dir(name)}", f"split={split}", *more]
        status = runs.doors.run(arguments, runs.output(name), door="eval.py", folder=project)
        record = json.loads((runs.dir(name) / "run.json").read_text())
        found[split] = (status, status == 0 and record["evaluations"][-1]["metrics"])
    status = runs.doors.run([f"run={runs.dir(name)}"], runs.output(name), door="predict.py", folder=project)
    found["predictions"] = (status, (runs.dir(name) / "predictions" / "test.csv").read_text() if status == 0 else "")
    if bad := {key: value[0] for key, value in found.items() if value[0]}:
        raise RuntimeError(f"exit status {bad}: {runs.said(name)[-2000:]}")
    return found


def every_experiment(bench: Bench) -> list[Row]:
    """eval.py, predict.py and scripts/export.py with `run=last` and nothing else."""
    wrong, skipped = [], []
    pictures = write_pictures(bench.folder / "pictures", 300)
    names = sorted(path.stem for path in (ROOT / "configs" / "experiment").glob("*.yaml"))
    for name in bench.track(names, "experiments"):
        own = [*SHORT, f"paths.data_dir={ROOT / 'data'}"]
        if name.startswith("folder"):
            own += [f"data.root={pictures}", "data.size=32", "model.weights=null"]
        if not has_data(name):
            skipped.append(name)
            continue
        wrong.append(alone(Runs(bench.doors, copy_of_project(bench.folder / name) / "logs", own), name))
    note = f"not tried, for want of their data: {', '.join(skipped)}" if skipped else ""
    return [Row.count("experiments used from run=last alone: eval, predict, export", wrong, len(wrong), note)]


def has_data(experiment: str) -> bool:
    """Whether what an experiment trains on is on this machine."""
    folder = {"cifar10_cnn": "cifar-10-batches-py", "fashion_mnist_cnn": "FashionMNIST"}.get(experiment, "")
    return (ROOT / "data" / folder).exists()


def alone(runs: Runs, experiment: str) -> list[str]:
    """What is wrong when a run is used with nothing but `run=last`, where it was made."""
    project, output = runs.folder.parent, runs.output("run")
    runs.train("run", f"experiment={experiment}", folder=project)
    record = json.loads((runs.dir("run") / "run.json").read_text())
    shutil.copytree(ROOT / "scripts", project / "scripts")
    wrong = []
    for door in ("eval.py", "predict.py", "scripts/export.py"):
        if runs.doors.run(["run=last"], output, door=door, folder=project):
            wrong.append(f"{door}: {runs.said('run')[-800:]}")
    again = json.loads((runs.dir("run") / "run.json").read_text()).get("evaluations", [{}])[-1].get("metrics", {})
    for metric, value in again.items():
        if record["metrics"].get(metric) != value:
            wrong.append(f"{metric}: {record['metrics'].get(metric)} in training, {value} by eval.py")
    if not again or not _rows(runs.dir("run") / "predictions" / "test.csv"):
        wrong.append("nothing was measured or predicted")
    return wrong


def forget(path: Path) -> None:
    """Take a run back to where it has a record that says running, and no checkpoint."""
    if path.name == "run.json":
        path.write_text(json.dumps(json.loads(path.read_text()) | {"status": "running"}))
    else:
        path.unlink(missing_ok=True)


def _rows(path: Path) -> Sequence[Any]:
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def _merged(settings: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    merged = dict(settings)
    for key, value in values.items():
        merged[key] = _merged(merged.get(key) or {}, value) if isinstance(value, dict) else value
    return merged
