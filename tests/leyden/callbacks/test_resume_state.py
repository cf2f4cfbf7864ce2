"""What a checkpoint says of files, of a run that may be anybody's."""

from pathlib import Path
from typing import Any

import pytest
from lightning.pytorch.callbacks import ModelCheckpoint

from leyden.callbacks.last import LastCheckpoint
from leyden.callbacks.resume_state import rebase_callback_state
from tests.helpers.trainers import made_trainer
from tests.leyden.tasks.test_task import made_task

PATHS = ("best_model_path", "kth_best_model_path", "last_model_path")
ELSEWHERE = ["other/c.ckpt", "old/../other/c.ckpt", "older/c.ckpt", "old/../../c.ckpt", "old/c.txt", "old", ""]


def state(best: str, *others: str) -> dict[str, Any]:
    """Of a checkpoint callback, with paths from here."""
    return {
        "dirpath": "old",
        "monitor": "val/loss",
        "best_k_models": dict.fromkeys(others or [best], 0.5),
    } | dict.fromkeys(PATHS, best)


def test_files_of_a_run_are_where_it_is_now(tmp_path: Path) -> None:
    found = rebase_callback_state(state("old/c.ckpt", "old/c.ckpt", "old/in/d.ckpt"), "old", str(tmp_path))
    assert {found[name] for name in PATHS} == {f"{tmp_path}/c.ckpt"}
    assert found["best_k_models"] == {f"{tmp_path}/c.ckpt": 0.5, f"{tmp_path}/in/d.ckpt": 0.5}
    assert (found["dirpath"], found["monitor"]) == (str(tmp_path), "val/loss")


@pytest.mark.parametrize("path", ELSEWHERE)
def test_files_that_lie_elsewhere_are_forgotten(path: str, tmp_path: Path) -> None:
    found = rebase_callback_state(state(path, path, "old/c.ckpt"), "old", str(tmp_path))
    assert {found[name] for name in PATHS} == {""}
    assert found["best_k_models"] == {f"{tmp_path}/c.ckpt": 0.5}


def test_a_link_out_of_the_folder_leads_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "link").symlink_to(tmp_path)
    found = rebase_callback_state(state("old/link/c.ckpt"), "old", str(tmp_path / "run"))
    assert found["best_k_models"] == {}


def test_a_run_that_goes_on_takes_nobodys_files_for_its_own(tmp_path: Path) -> None:
    last, best = LastCheckpoint(str(tmp_path)), ModelCheckpoint(str(tmp_path), "best", "val/loss")
    trainer = made_trainer(tmp_path, callbacks=[last, best], enable_checkpointing=True)
    made = state("old/c.ckpt", "old/c.ckpt", "/etc/hosts", "/home/me/mine.ckpt")
    checkpoint = {"callbacks": {best.state_key: made}}
    last.on_load_checkpoint(trainer, made_task(), checkpoint)
    assert list(checkpoint["callbacks"][best.state_key]["best_k_models"]) == [f"{tmp_path}/c.ckpt"]
