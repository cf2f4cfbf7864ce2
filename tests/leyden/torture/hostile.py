"""Run directories of somebody who means harm: every command is tried on them, and nothing of theirs may run."""

import shutil
from collections.abc import Mapping, Sequence

from tests.leyden.torture.attacks import attacks
from tests.leyden.torture.bench import Bench, Row
from tests.leyden.torture.damage import one_line
from tests.leyden.torture.doors import ROOT
from tests.leyden.torture.runs import Runs

SETTINGS = ["experiment=mnist_mlp", "model.hidden_sizes=[16]", "model.dropout=0.0", "data.train_size=64"]
SETTINGS += ["data.val_size=64", "trainer.max_epochs=1", "trainer.limit_test_batches=1", "logger=csv"]


def hostile(bench: Bench, few: Sequence[str] = ()) -> list[Row]:
    """Every command on every run that was tampered with; or on these few."""
    runs = Runs(bench.doors, bench.folder, [*SETTINGS, f"paths.data_dir={ROOT / 'data'}"])
    runs.train("good", "trainer.max_epochs=1")
    marker = bench.folder / "marker"
    every = attacks(f"touch {marker}", bench.folder)
    wrong: list[object] = []
    if few:
        every = {name: every[name] for name in few}
    for number, name in enumerate(bench.track(every, "hostile run directories")):
        for door, arguments in commands(runs, f"h{number}").items():
            run_dir = runs.dir(f"h{number}")
            shutil.rmtree(run_dir, ignore_errors=True)
            shutil.copytree(runs.dir("good"), run_dir)
            every[name](run_dir)
            faults = one_line(runs, f"h{number}", arguments, door.partition(" ")[0])
            if faults and "status 0" in faults[0] and not _must_refuse(name, door):
                faults = []
            if marker.exists():
                faults.append("IT WAS RUN")
                marker.unlink()
            wrong.append(faults and f"{name}, {door}: {faults}")
    return [Row.count(f"{len(every)} hostile checkpoints and configs, by each command: nothing run", wrong, len(wrong))]


def commands(runs: Runs, name: str) -> Mapping[str, list[str]]:
    run_dir, log_dir = runs.dir(name), f"paths.log_dir={runs.folder}"
    again = [*runs.settings, f"paths.run_dir={runs.dir('new')}", f"init_from={run_dir}"]
    return {
        "eval.py": [f"run={run_dir}", log_dir],
        "eval.py with an override": [f"run={run_dir}", log_dir, "data.batch_size=8"],
        "predict.py": [f"run={run_dir}", log_dir],
        "scripts/export.py": [f"run={run_dir}"],
        "train.py resume": [f"resume={run_dir}", log_dir, "trainer.max_epochs=2"],
        "train.py init_from": again,
    }


def _must_refuse(attack: str, door: str) -> bool:
    """Whether a command meets what is hostile, so that it has to say so; others never look at it."""
    if attack.startswith("a pickle"):
        return True
    if attack.endswith("in a checkpoint"):
        return door.startswith(("eval", "predict", "scripts")) and "weights that" not in attack
    if attack.endswith("in config.yaml"):
        return door == "train.py resume"
    return attack.startswith("a config") and door != "train.py init_from"
