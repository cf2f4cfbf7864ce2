"""Where a run goes on, and that it is left alone until it does."""

import logging
import shutil
from typing import Any

import pytest
import torch

from leyden.config.experiment import Experiment
from leyden.run.directory import Run
from leyden.system.errors import UserError
from leyden.system.locks import is_live
from tests.leyden.helpers.opened_runs import again, interrupt


def files(run: Run) -> dict[str, bytes]:
    found = [path for path in run.dir.rglob("*") if path.is_file() and path.name not in ("train.log", ".lock")]
    return {str(path.relative_to(run.dir)): path.read_bytes() for path in found}


@pytest.fixture
def stopped(experiment: Experiment) -> Run:
    """A run with two checkpoints, of which the newer is damaged, and a table that is longer than these."""
    run = interrupt(experiment)
    (run.dir / "metrics.csv").write_bytes(b"loss,step\r\n0.5,4\r\n0.25,5\r\n")
    (run.dir / "checkpoints").mkdir()
    older, last = (run.dir / "checkpoints" / f"last{name}.ckpt" for name in (".previous", ""))
    torch.save({"state_dict": {}, "progress": {"logged": 5, "epoch": 2, "best": ["", 0]}}, older)
    last.write_bytes(older.read_bytes()[:-10])
    return run


def test_a_run_goes_on_from_its_newest_whole_checkpoint(stopped: Run, experiment: Experiment, caplog: Any) -> None:
    with caplog.at_level(logging.INFO), Run(again(experiment)) as run:
        assert run.checkpoint_to_resume() == stopped.dir / "checkpoints" / "last.previous.ckpt"
        run.begin()
        assert (run.dir / "metrics.csv").read_bytes() == b"loss,step\r\n0.5,4\r\n"
    assert "resuming from last.previous.ckpt, step 5" in caplog.text


def test_a_run_that_had_no_checkpoint_yet_goes_on_from_its_beginning(stopped: Run, experiment: Experiment) -> None:
    shutil.rmtree(stopped.dir / "checkpoints")
    with Run(again(experiment)) as run:
        assert run.checkpoint_to_resume() is None
        run.begin()
        assert (run.dir / "metrics.csv").read_bytes() == b"loss,step\r\n"


@pytest.mark.parametrize(
    ("content", "most", "named"),
    [
        (b"broken", 9, "give another one, or start a new run"),
        ({"state_dict": {}}, 9, "last.ckpt is of another version; try init_from="),
        (
            {"state_dict": {}, "progress": {"logged": 5, "epoch": 3}},
            2,
            "trainer.max_epochs=2: the run has had 3 epochs",
        ),
    ],
)
def test_a_run_that_cannot_go_on_stays_as_it_was(
    content: Any, most: int, named: str, stopped: Run, experiment: Experiment
) -> None:
    (stopped.dir / "checkpoints" / "last.previous.ckpt").unlink()
    last = stopped.dir / "checkpoints" / "last.ckpt"
    last.write_bytes(content) if isinstance(content, bytes) else torch.save(content, last)
    before = files(stopped)
    with pytest.raises(UserError, match=named), Run(again(experiment, trainer={"max_epochs": most})) as run:
        run.checkpoint_to_resume()
    assert files(stopped) == before
    assert not is_live(stopped.dir)


def test_until_a_run_that_goes_on_begins_nothing_of_it_is_changed(stopped: Run, experiment: Experiment) -> None:
    before = files(stopped)
    with Run(again(experiment, trainer={"max_epochs": 3})) as run:
        run.checkpoint_to_resume()
        assert is_live(run.dir)
        assert files(stopped) == before
    assert files(stopped) == before
