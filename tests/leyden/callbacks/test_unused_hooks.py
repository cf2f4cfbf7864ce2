"""Hooks that do nothing are not called in each batch; all others are."""

from pathlib import Path
from typing import Any

import lightning as L
from lightning.pytorch.callbacks import LambdaCallback
from lightning.pytorch.demos.boring_classes import BoringModel

from leyden.callbacks.unused_hooks import OF_BATCHES, skip_unused_hooks
from leyden.config.compose import compose
from leyden.training.build import build_trainer
from tests.helpers.trainers import made_trainer


class Own(L.Callback):
    def __init__(self) -> None:
        self.called: list[str] = []

    def on_train_batch_end(self, *_: Any) -> None:
        self.called.append("train")

    def on_train_epoch_end(self, *_: Any) -> None:
        self.called.append("epoch")


class Derived(Own):
    def on_validation_batch_end(self, *_: Any, **__: Any) -> None:
        self.called.append("val")


def test_hooks_of_a_callback_and_its_bases_are_called_and_no_others(tmp_path: Path) -> None:
    lambdas: list[int] = []
    callbacks = [Own(), Derived(), LambdaCallback(on_train_batch_start=lambda *_: lambdas.append(1))]
    trainer = made_trainer(
        tmp_path, callbacks=callbacks, max_epochs=1, limit_train_batches=2, limit_val_batches=1, num_sanity_val_steps=0
    )
    skip_unused_hooks(callbacks)
    trainer.fit(BoringModel())
    assert callbacks[0].called == ["train", "train", "epoch"]  # type: ignore[union-attr]
    assert callbacks[1].called == ["train", "train", "val", "epoch"]  # type: ignore[union-attr]
    assert lambdas == [1, 1]
    assert all(not callable(getattr(callbacks[0], name)) for name in OF_BATCHES if name != "on_train_batch_end")


def test_the_trainer_of_a_run_skips_them(quick: list[str]) -> None:
    trainer = build_trainer(compose(quick).config)
    callbacks = {type(callback).__name__: callback for callback in trainer.callbacks}  # type: ignore[attr-defined]
    assert not callable(callbacks["LearningCurves"].on_train_batch_end)
    assert callable(callbacks["LearningCurves"].on_train_end)
    assert callable(callbacks["Progress"].on_train_batch_end)
    assert callable(callbacks["BestCheckpoint"].on_train_batch_end)
