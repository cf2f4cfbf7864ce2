"""Callbacks that change a recorded setting are refused, with a command that works as it is printed."""

import shlex
from pathlib import Path

import pytest

from leyden.config.compose import compose
from leyden.config.cross_checks import tuner
from leyden.config.signature import ancestors
from leyden.system.errors import UserError
from leyden.training.train import run_experiment

LIGHTNING = "lightning.pytorch.callbacks"
SUBCLASSES = """
import lightning.pytorch as pl
import lightning.pytorch.callbacks
from lightning.pytorch import callbacks as cb
from lightning.pytorch.callbacks import BatchSizeFinder, Callback

class Direct(BatchSizeFinder): ...
class Further(Direct): ...
class ByModule(pl.callbacks.LearningRateFinder): ...
class ByPackage(lightning.pytorch.callbacks.LearningRateFinder): ...
class ByAlias(cb.BatchSizeFinder): ...
class Other(Callback): ...
class BatchSizeFinderOfMine(Callback): ...
def made() -> Callback:
    return Direct()
"""


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module of the user's with callbacks that extend Lightning's."""
    (tmp_path / "finders_of_mine.py").write_text(SUBCLASSES)
    monkeypatch.syspath_prepend(tmp_path)


@pytest.mark.parametrize(
    ("target", "kind"),
    [
        (f"{LIGHTNING}.BatchSizeFinder", "BatchSizeFinder"),
        (f"{LIGHTNING}.batch_size_finder.BatchSizeFinder", "BatchSizeFinder"),
        (f"{LIGHTNING}.lr_finder.LearningRateFinder", "LearningRateFinder"),
        ("finders_of_mine.Direct", "BatchSizeFinder"),
        ("finders_of_mine.Further", "BatchSizeFinder"),
        ("finders_of_mine.ByModule", "LearningRateFinder"),
        ("finders_of_mine.ByPackage", "LearningRateFinder"),
        ("finders_of_mine.ByAlias", "BatchSizeFinder"),
        ("finders_of_mine.Other", None),
        ("finders_of_mine.BatchSizeFinderOfMine", None),
        (f"{LIGHTNING}.EarlyStopping", None),
        ("no.such.thing", None),
    ],
)
def test_a_finder_is_known_by_its_class_and_those_that_extend_it(target: str, kind: str | None, mine: None) -> None:
    assert tuner(target) == kind


def test_ancestors_are_named_where_they_are_defined(mine: None) -> None:
    assert [path for path, _, _ in ancestors("finders_of_mine.Further")][:3] == [
        "finders_of_mine.Further",
        "finders_of_mine.Direct",
        f"{LIGHTNING}.batch_size_finder.BatchSizeFinder",
    ]


@pytest.mark.sample(2)
@pytest.mark.parametrize(
    ("typed", "script"),
    [
        ("+callbacks.x={_target_: lightning.pytorch.callbacks.BatchSizeFinder}", "scripts/find_batch_size.py"),
        ("+callbacks.x={_target_: lightning.pytorch.callbacks.LearningRateFinder, max_lr: 2}", "scripts/find_lr.py"),
        ("callbacks.x._target_=lightning.pytorch.callbacks.LearningRateFinder", "scripts/find_lr.py"),
        ("trainer.auto_lr_find=true", "scripts/find_lr.py"),
        ("trainer.auto_scale_batch_size=power", "scripts/find_batch_size.py"),
    ],
)
def test_the_command_that_is_printed_is_one_that_holds(typed: str, script: str, tmp_path: Path) -> None:
    others = ["experiment=csv_linear", "data.ignore=[name]", f"paths.log_dir={tmp_path / 'my logs'}"]
    with pytest.raises(UserError, match=r"find it beforehand: python scripts/") as refused:
        compose([*others, typed])
    command = shlex.split(str(refused.value).partition("beforehand: ")[2])
    assert command[:2] == ["python", script]
    assert Path(script).is_file()
    assert len(command) == 2 + len(others)
    assert compose(command[2:]).config["paths"]["log_dir"] == str(tmp_path / "my logs")
    assert not (tmp_path / "my logs").exists()


def test_a_finder_of_a_file_is_set_to_null(tmp_path: Path) -> None:
    configs = tmp_path / "configs"
    configs.symlink_to(tmp_path / "copy")
    copy = tmp_path / "copy"
    copy.mkdir()
    for path in Path("configs").resolve().iterdir():
        if path.name != "callbacks":
            (copy / path.name).symlink_to(path)
    (copy / "callbacks").mkdir()
    for path in Path("configs/callbacks").resolve().iterdir():
        (copy / "callbacks" / path.name).symlink_to(path)
    finder = "defaults: [default]\nfinder: {_target_: lightning.pytorch.callbacks.LearningRateFinder}\n"
    (copy / "callbacks" / "mine.yaml").write_text(finder)
    with pytest.raises(UserError) as refused:
        compose(["callbacks=mine"], configs=configs)
    command = shlex.split(str(refused.value).partition("beforehand: ")[2])
    assert command == ["python", "scripts/find_lr.py", "callbacks=mine", "callbacks.finder=null"]
    assert compose(command[2:], configs=configs).config["callbacks"]["finder"] is None


def test_a_finder_that_only_building_shows_leaves_no_run_behind(quick: list[str], tmp_path: Path, mine: None) -> None:
    with pytest.raises(UserError, match="callbacks: Direct changes settings that are recorded; leave it out"):
        run_experiment(compose([*quick, "+callbacks.x={_target_: finders_of_mine.made}"]))
    assert [path for path in (tmp_path / "logs").rglob("*") if not path.is_dir()] == []


def test_a_run_is_not_resumed_with_a_finder(quick: list[str]) -> None:
    experiment = compose([*quick, "experiment=mnist_linear"])
    run_experiment(experiment)
    finder = "+callbacks.x={_target_: lightning.pytorch.callbacks.LearningRateFinder}"
    with pytest.raises(
        UserError, match=r"callbacks.x: LearningRateFinder changes optimizer.lr, which a resumed run keeps"
    ):
        compose([f"resume={experiment.run_dir}", finder])
