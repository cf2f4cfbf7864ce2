"""The head is trained first, then everything; a resumed run does the same."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import pytest
import torch
import yaml
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from leyden import UserError
from myproject.callbacks.unfreeze import Unfreeze
from myproject.models.linear import Linear
from myproject.models.pretrained import Pretrained


class Task(pl.LightningModule):
    """The least that Unfreeze meets; it keeps the state of each epoch's beginning."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.states: list[dict[str, Tensor]] = []
        self.frozen: list[bool] = []

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        self.frozen.append(bool(getattr(self.network, "frozen", False)))
        return F.cross_entropy(self.network(batch[0]), batch[1])

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        self.network(batch[0])

    def configure_optimizers(self) -> torch.optim.Optimizer:
        trained = [p for p in self.network.parameters() if p.requires_grad]
        return torch.optim.AdamW(trained, lr=1e-3, weight_decay=0.1)

    def on_fit_start(self) -> None:
        self.trained_at_start = [name for name, p in self.network.named_parameters() if p.requires_grad]

    def on_train_epoch_start(self) -> None:
        self.states.append({name: value.clone() for name, value in self.network.state_dict().items()})


def build(freeze: str = "backbone") -> Task:
    torch.manual_seed(0)
    return Task(Pretrained((1, 16, 16), 3, name="shufflenet_v2_x0_5", freeze=freeze))


def fit(
    task: Task, root: Path, epochs: int, unfreeze: int, callbacks: Sequence[pl.Callback] = (), **settings: Any
) -> pl.Trainer:
    generator = torch.Generator().manual_seed(1)
    data = TensorDataset(torch.randn(8, 1, 16, 16, generator=generator), torch.arange(8) % 3)
    trainer = pl.Trainer(
        accelerator="cpu",
        max_epochs=epochs,
        callbacks=[Unfreeze(unfreeze), *callbacks],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=root,
    )
    loader = DataLoader(data, batch_size=4)
    trainer.fit(task, loader, loader, **settings)
    return trainer


def changed(before: dict[str, Tensor], after: dict[str, Tensor]) -> set[str]:
    return {name for name in before if not torch.equal(before[name], after[name])}


@pytest.mark.parametrize("freeze", ["backbone", "until:conv5"])
def test_what_is_frozen_stays_bit_identical_until_the_epoch(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, freeze: str
) -> None:
    task = build(freeze)
    with caplog.at_level(logging.INFO, logger="myproject"):
        fit(task, tmp_path, epochs=4, unfreeze=2)
    first, second, third, last = task.states
    free = ("output.",) if freeze == "backbone" else ("output.", "backbone.conv5.")
    for before, after in ((first, second), (second, third)):
        assert changed(before, after) == {name for name in first if name.startswith(free)}
    assert changed(third, last) == set(first)
    told = [record.getMessage() for record in caplog.records if record.name.startswith("myproject")]
    assert told[-1] == "epoch 3: all layers are trained from now on"


def test_the_optimizer_holds_everything_from_the_start(tmp_path: Path) -> None:
    task = build()
    trainer = fit(task, tmp_path, epochs=1, unfreeze=1)
    held = {id(p) for group in trainer.optimizers[0].param_groups for p in group["params"]}
    assert held == {id(p) for p in task.network.parameters()}
    assert len(trainer.optimizers[0].state) == 2  # weight and bias of the head
    assert task.trained_at_start == ["output.weight", "output.bias"]


def test_a_second_fit_begins_frozen_again(tmp_path: Path) -> None:
    task = build()
    fit(task, tmp_path, epochs=2, unfreeze=1)
    assert not task.network.frozen
    before = {name: value.clone() for name, value in task.network.state_dict().items()}
    fit(task, tmp_path, epochs=1, unfreeze=1)
    assert changed(before, task.network.state_dict()) == {"output.weight", "output.bias"}


@pytest.mark.parametrize("killed_after", [1, 2, 3])
def test_a_resumed_run_ends_with_the_same_bits(tmp_path: Path, killed_after: int) -> None:
    whole, first, second = build(), build(), build()
    fit(whole, tmp_path, epochs=4, unfreeze=2)
    fit(first, tmp_path, epochs=killed_after, unfreeze=2).save_checkpoint(tmp_path / "last.ckpt")
    fit(second, tmp_path, epochs=4, unfreeze=2, ckpt_path=tmp_path / "last.ckpt", weights_only=True)
    assert changed(whole.network.state_dict(), second.network.state_dict()) == set()
    assert changed(first.network.state_dict(), second.network.state_dict())


class KeepsStep(pl.Callback):
    """Writes a checkpoint in the middle of an epoch."""

    def __init__(self, step: int, path: Path) -> None:
        self.step, self.path = step, path

    def on_train_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
        if trainer.global_step == self.step:
            trainer.save_checkpoint(self.path)


def test_a_run_that_is_resumed_within_an_epoch_is_as_free_as_it_was(tmp_path: Path) -> None:
    whole, resumed, path = build(), build(), tmp_path / "middle.ckpt"
    fit(whole, tmp_path, epochs=3, unfreeze=1, callbacks=[KeepsStep(3, path)])  # two steps an epoch
    fit(resumed, tmp_path, epochs=3, unfreeze=1, ckpt_path=path, weights_only=True)
    assert whole.frozen == [True] * 2 + [False] * 4
    assert resumed.frozen == [False] * 3


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (Linear((1, 16, 16), 3), r"^callbacks\.unfreeze: Linear has nothing to unfreeze; try model=resnet"),
        (build("none").network, r"^callbacks\.unfreeze: nothing is frozen; set model\.freeze=backbone"),
    ],
)
def test_it_needs_something_to_unfreeze(tmp_path: Path, network: nn.Module, message: str) -> None:
    with pytest.raises(UserError, match=message):
        fit(Task(network), tmp_path, epochs=1, unfreeze=1)


def test_the_first_epoch_is_no_epoch_to_unfreeze_in() -> None:
    with pytest.raises(UserError, match=r"^callbacks\.unfreeze\.epoch=0: must be 1 or more"):
        Unfreeze(0)


def test_the_config_builds_it() -> None:
    path = Path(__file__).parents[2] / "configs" / "callbacks" / "unfreeze.yaml"
    settings = yaml.safe_load(path.read_text(encoding="utf-8"))["unfreeze"]
    assert settings.pop("_target_") == "myproject.callbacks.unfreeze.Unfreeze"
    assert Unfreeze(**settings).epoch == 3
