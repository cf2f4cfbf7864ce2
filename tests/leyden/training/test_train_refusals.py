"""What is refused once torch is there leaves no run behind."""

from pathlib import Path

import pytest
import torch

from leyden.config.compose import compose
from leyden.system.errors import UserError
from leyden.training.train import run_experiment


@pytest.mark.sample(2)
@pytest.mark.parametrize(
    ("override", "named"),
    [
        ("monitor=val/accuracy", "did you mean monitor=val/acc?"),
        ("data.val_size=70000", "data.val_size=70000"),
        ("optimizer.betas=[2,3]", "optimizer"),
        ("optimizer.lr_scale={head: 10}", "head"),
        ("model._target_=torch.nn.Foo", "torch.nn.Foo"),
        ("task.class_weights=[1,2]", "task.class_weights"),
        ("model.dropout=[0.1]", "model.dropout"),
    ],
)
def test_a_setting_that_is_refused_while_building_leaves_no_run_behind(
    override: str, named: str, quick: list[str], tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=named.replace("[", r"\[")):
        run_experiment(compose([*quick, override]))
    assert not (tmp_path / "logs").exists()


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("trainer.accelerator=gpu", "trainer.accelerator=gpu: there is none on this machine; give trainer=cpu"),
        ("trainer.limit_train_batches=-1", "trainer: .*-1 for limit_train_batches"),
        ("callbacks.checkpoint.mode=most", "callbacks.checkpoint.mode=most: "),
    ],
)
def test_what_the_trainer_refuses_leaves_no_run_behind(
    override: str, told: str, quick: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for device in ("CUDA", "MPS"):
        monkeypatch.setattr(f"leyden.training.build.{device}Accelerator.is_available", lambda: False)
    with pytest.raises(UserError, match=told):
        run_experiment(compose([*quick, override]))
    assert [path for path in (tmp_path / "logs").rglob("*") if not path.is_dir()] == []
    assert not (tmp_path / "logs" / "last").exists()


def test_weights_that_cannot_be_read_leave_no_run_behind(quick: list[str], tmp_path: Path) -> None:
    (tmp_path / "mine.pt").write_bytes(b"nothing")
    torch.save({"other": torch.zeros(3)}, tmp_path / "other.pt")
    for given, named in (
        (f"{tmp_path}/mine.pt", "cannot be read; is it whole"),
        (f"{tmp_path}/other.pt", "nothing in it fits this network"),
        (f"{tmp_path}/gone.pt", "does not exist; use a run directory, a file of weights, or last"),
        (str(tmp_path), "is not a run, it has no config.yaml"),
        ("last", "there is no run in"),
    ):
        with pytest.raises(UserError, match=f"^init_from={given}: .*{named}"):
            run_experiment(compose([*quick, f"init_from={given}"]))
    assert not (tmp_path / "logs").exists()
