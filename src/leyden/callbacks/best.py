"""Checkpoints of the best weights."""

import logging
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from torch import Tensor, nn

from leyden.system.atomic_files import current, previous
from leyden.system.lightning_internals import last_saved_step

log = logging.getLogger(__name__)


class BestCheckpoint(ModelCheckpoint):
    """Lightning's ModelCheckpoint, with ties broken by the loss and file names that stay in one folder.

    A metric that counts, such as the accuracy on 20 items, has the same value in many epochs. Among checkpoints with
    equal values of the monitored metric, the one with the lowest loss of the same split (`val/loss` for `val/acc`) is
    the best; among equal losses, the first.

    A `/` in the name of a metric becomes a `_` in a file name: `{epoch}-{val/rmse:.2f}` is `epoch=3-val_rmse=7.25`.
    The last checkpoint that ceased to be among the best stays under the name that `atomic_files.previous` gives, for a
    run that was killed since and resumes from a step before.

    The arguments are those of ModelCheckpoint.

    Attributes:
        losses: loss of each file in `best_k_models` that has one.
        steps: global step of each file in `best_k_models`.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.losses: dict[str, float] = {}
        self.steps: dict[str, int] = {}
        self._superseded = ""
        self._validated: tuple[int, dict[str, float]] = -1, {}  # the step, and sums over the weights at that time
        self._saves = self._warned = False

    def on_validation_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Note the weights that are validated; other callbacks, called before, may have exchanged them."""
        self._validated = trainer.global_step, _sums(dict(pl_module.named_parameters()))

    def on_save_checkpoint(self, trainer: L.Trainer, pl_module: L.LightningModule, checkpoint: dict[str, Any]) -> None:
        step, validated = self._validated
        if not self._saves or self._warned or step != trainer.global_step:
            return
        saved = _sums({name: checkpoint["state_dict"].get(name) for name in validated})
        other = [name for name in validated if name in saved and saved[name] != validated[name]]
        if any(not math.isnan(saved[name] + validated[name]) for name in other):
            self._warned = True
            log.warning(
                "%s has other weights than those that were validated: a callback changes them in between; "
                "callbacks=ema and callbacks=swa save what is validated",
                self.best_model_path,
            )

    def check_monitor_top_k(self, trainer: L.Trainer, current: Tensor | None = None) -> bool:
        if super().check_monitor_top_k(trainer, current):
            return True
        worst = self.best_k_models.get(self.kth_best_model_path)
        loss, before = self._loss(trainer), self.losses.get(self.kth_best_model_path, torch.inf)
        ties = current is not None and worst is not None and bool(current == worst)
        return bool(trainer.strategy.reduce_boolean_decision(ties and loss is not None and loss < before))

    def state_dict(self) -> dict[str, Any]:
        return {**super().state_dict(), "losses": self.losses, "steps": self.steps}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        super().load_state_dict(state_dict)
        self.losses = {path: loss for path, loss in state_dict["losses"].items() if path in self.best_k_models}
        self.steps = {path: step for path, step in state_dict["steps"].items() if path in self.best_k_models}

    def _save_checkpoint(self, trainer: L.Trainer, filepath: str) -> None:
        """Also rank the kept checkpoints: ModelCheckpoint, which has just done so, takes the first of equals."""
        if filepath in self.best_k_models:
            loss = self._loss(trainer)
            for of_files, value in ((self.losses, loss), (self.steps, trainer.global_step)):
                for path in of_files.keys() - self.best_k_models.keys() | {filepath}:
                    of_files.pop(path, None)
                if value is not None:
                    of_files[filepath] = value  # type: ignore[assignment]  # a loss, or a step
            ranked = sorted(self.best_k_models, key=self._rank)
            self.best_model_path = ranked[0]
            self.best_model_score = self.best_k_models[ranked[0]]
            if self.kth_best_model_path:
                self.kth_best_model_path = ranked[-1]
                self.kth_value = self.best_k_models[ranked[-1]]
        self._saves = True
        super()._save_checkpoint(trainer, filepath)
        self._saves = False

    def _remove_checkpoint(self, trainer: L.Trainer, filepath: str) -> None:
        path = Path(filepath)
        if not trainer.is_global_zero or not path.is_file():
            return
        if self._superseded and not current(Path(self._superseded)).exists():
            Path(self._superseded).unlink(missing_ok=True)
        self._superseded = str(path.replace(previous(path)))

    def _rank(self, path: str) -> tuple[float, float]:
        """Sort key: the best first."""
        score = float(self.best_k_models[path])
        return (score if self.mode == "min" else -score), self.losses.get(path, torch.inf)

    def _loss(self, trainer: L.Trainer) -> float | None:
        """Loss of the split that the monitored metric is of; None if it is not measured, or is NaN."""
        loss = trainer.callback_metrics.get(f"{str(self.monitor).partition('/')[0]}/loss")
        return None if loss is None or loss.isnan() else float(loss)

    def _get_metric_interpolated_filepath_name(
        self, monitor_candidates: dict[str, Tensor], trainer: L.Trainer, del_filepath: str | None = None
    ) -> str:
        """Path of a new file: a version is added where another of the best checkpoints would be overwritten."""
        path = str(super()._get_metric_interpolated_filepath_name(monitor_candidates, trainer, del_filepath))
        version = self.STARTING_VERSION
        while path in self.best_k_models:
            path = self.format_checkpoint_name(monitor_candidates, ver=version)
            version += 1
        return path

    def _format_checkpoint_name(
        self,
        filename: str | None,
        metrics: dict[str, Tensor],
        prefix: str | None = None,
        auto_insert_metric_name: bool = True,
    ) -> str:
        for name in re.findall(r"\{([^:}]*)", filename or ""):
            if name not in metrics:
                log.warning("callbacks: filename=%s: %s is not measured, and 0 stands for it", filename, name)
                metrics[name] = torch.tensor(0)
            plain = name.replace("/", "_")
            metrics[plain] = metrics[name]
            filename = str(filename).replace("{" + name, "{" + plain)
        return str(super()._format_checkpoint_name(filename, metrics, prefix, auto_insert_metric_name))


def _sums(weights: Mapping[str, Any]) -> dict[str, float]:
    """Sum over each floating-point tensor that no strategy has sharded: a cheap way to compare weights."""
    whole = {name: of for name, of in weights.items() if type(of) in (Tensor, nn.Parameter)}  # not spread over devices
    return {name: float(of.detach().sum()) for name, of in whole.items() if of.is_floating_point()}


def best_checkpoint(trainer: L.Trainer) -> ModelCheckpoint | None:
    """First checkpoint callback that monitors a metric; None in a run that keeps no best weights."""
    return next((c for c in trainer.checkpoint_callbacks if isinstance(c, ModelCheckpoint) and c.monitor), None)


def best_score(trainer: L.Trainer) -> dict[str, float]:
    """Monitored metric of the best weights so far, named like `best/val/acc`; empty if none are kept."""
    best = best_checkpoint(trainer)
    score = best.best_model_score if best else None
    return {} if best is None or score is None else {f"best/{best.monitor}": score.item()}


def best_so_far(trainer: L.Trainer) -> tuple[float, float | None] | None:
    """Monitored metric and loss of the best weights so far; None without any."""
    best = best_checkpoint(trainer)
    if best is None or best.best_model_score is None:
        return None
    losses = best.losses if isinstance(best, BestCheckpoint) else {}
    return best.best_model_score.item(), losses.get(best.best_model_path)


def best_epoch(trainer: L.Trainer) -> int | None:
    """Epoch of the best weights so far, counted from 1; None without any, or if their step is not known."""
    best, batches = best_checkpoint(trainer), trainer.fit_loop.epoch_loop.total_batch_idx + 1
    step = kept_files(trainer).get(Path(best.best_model_path).name) if best and best.best_model_path else None
    length = trainer.num_training_batches
    if not step or not trainer.global_step or batches < 1:
        return None
    if not isinstance(length, int) or not length:
        length = batches // max(trainer.current_epoch, 1) or 1
    steps_per_batch = trainer.global_step / batches  # less than 1 if gradients are accumulated
    return max(1, math.ceil(step / steps_per_batch / length - 1e-6))


def kept_files(trainer: L.Trainer) -> dict[str, int]:
    """Global step of each file of best weights, by file name."""
    best = best_checkpoint(trainer)
    if isinstance(best, BestCheckpoint):
        return {Path(path).name: step for path, step in best.steps.items()}
    return {Path(best.best_model_path).name: last_saved_step(best)} if best else {}
