"""Kinds of data sets, networks and tasks of a user's own: those of docs/your-own.md, and more in tests/own.

Each is trained, interrupted within an epoch and resumed to the same bits, evaluated, used for prediction and exported.
"""

import csv
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from tests.helpers.copies import Copy
from tests.helpers.pages import ROOT, TEXTS, blocks, commands_of

TEXT = TEXTS["docs/your-own.md"]
OWN = ROOT / "tests/own"
COMMANDS = [command for command in commands_of(TEXT) if command.startswith("python train.py")]
MORE = {
    "weights": "data=weighted task=weighted model=mlp",
    "plain": "data=plain model=mlp",
    "manual": "data=circle model=mine task=manual optimizer=sgd",
}
KINDS = {re.sub(r"\W+", "_", c.removeprefix("python train.py ")): c for c in COMMANDS} | {
    name: f"python train.py {settings}" for name, settings in MORE.items()
}


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Copy]:
    made = Copy(tmp_path_factory.mktemp("copy"))
    for block in [*blocks(TEXT, "python"), *blocks(TEXT, "yaml")]:
        made.write(path_of(block), block)
    for file in OWN.rglob("*.*"):
        if file.suffix in (".py", ".yaml"):
            path = str(file.relative_to(OWN)).replace("src/project", f"src/{made.name}")
            made.write(path, file.read_text(encoding="utf-8").replace("own_project", made.name))
    with made:
        yield made


def path_of(block: str) -> str:
    """The path at the top of a block, below a line for Hydra if it has one."""
    found = re.match(r"(?:# @package _global_\n)?# ((?:src|configs)/\S+)\n", block)
    assert found
    return found[1]


def test_each_file_of_the_guide_is_complete_and_short() -> None:
    for block in [*blocks(TEXT, "python"), *blocks(TEXT, "yaml")]:
        assert path_of(block)
        assert len(block.splitlines()) <= 40


def settings_of(command: str) -> list[str]:
    settings = [word for word in shlex.split(command)[2:] if not word.startswith("trainer.max_epochs")]
    small = ["data.train_size=320", "data.val_size=64"]
    return [*settings, *([] if "data=plain" in settings else small), "trainer.max_epochs=2", "trainer.accelerator=cpu"]


QUICK = "data_reviews_model_gru"  # tokens of varying length: the others are done in the same way
EACH = [pytest.param(kind, marks=[] if QUICK in kind else [pytest.mark.slow]) for kind in KINDS]


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_is_trained_and_tested(kind: str, copy: Copy) -> None:
    settings = [*settings_of(KINDS[kind]), "trainer.max_epochs=1", "trainer.limit_test_batches=1"]
    done = copy.run("train.py", *settings, f"paths.run_dir={copy.folder / 'logs' / kind}")
    assert done.status == 0, done.output


@pytest.mark.parametrize("kind", EACH)
def test_a_kind_is_resumed_evaluated_and_used(kind: str, copy: Copy) -> None:
    settings = [*settings_of(KINDS[kind]), "scheduler=none" if "scheduler" not in KINDS[kind] else "test=true"]
    whole, stopped = (str(copy.folder / "logs" / f"{kind}_{way}") for way in ("whole", "stopped"))
    stop = "+callbacks.stop={_target_: " + f"{copy.name}.callbacks.stop.Stop, at: %d}}"
    assert copy.run("train.py", *settings, stop % -1, f"paths.run_dir={whole}").status == 0

    first = copy.run("train.py", *settings, stop % 7, f"paths.run_dir={stopped}")
    assert first.status == 143, first.output
    again = copy.run("train.py", f"resume={stopped}", "callbacks.stop.at=-1")
    assert again.status == 0, again.output
    assert same_weights(Path(whole), Path(stopped))

    evaluated = copy.run("eval.py", f"run={whole}")
    assert evaluated.status == 0, evaluated.output
    predicted = copy.run("predict.py", f"run={whole}")
    assert predicted.status == 0, predicted.output
    with (Path(whole) / "predictions" / "test.csv").open() as file:
        header, *rows = csv.reader(file)
    assert len(header) > 1
    assert len(rows) >= 50
    exported = copy.run("scripts/export.py", f"run={whole}", "format=torch_export")
    assert exported.status == 0 or (exported.status == 2 and exported.output.count("\n") == 1), exported.output
    assert (Path(whole) / "plots" / "learning_curves.png").exists()


def same_weights(one: Path, other: Path) -> bool:
    states = [torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"] for run in (one, other)]
    return states[0].keys() == states[1].keys() and all(torch.equal(states[0][k], states[1][k]) for k in states[0])
