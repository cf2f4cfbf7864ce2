"""Loaded run: its network, data and metrics."""

import logging
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import lightning as L
import polars as pl
from torch import nn

from leyden.checkpoints import trust
from leyden.checkpoints.files import newest_whole, read_checkpoint
from leyden.checkpoints.restore import restore_task
from leyden.config.experiment import Config
from leyden.config.recorded import recorded
from leyden.data.module import DataModule
from leyden.data.recorded_split import RecordedSplit
from leyden.data.spec import DataSpec
from leyden.data.tables.coefficients import coefficients_of
from leyden.records.record import CHECKPOINTS, RECORD, checkpoint_of, find_run, read_record
from leyden.run.split_record import read_split, report_changes
from leyden.system.errors import UserError
from leyden.system.lightning_internals import epochs_trained
from leyden.tasks.task import Task
from leyden.training.build import build_data

log = logging.getLogger(__name__)
OF_SPLITS = ("fold", "folds", "split_seed", "val_size", "test_size", "train_size", "split_column")


@dataclass(frozen=True)
class LoadedRun:
    """Run with its network and weights; returned by `load_run`.

    Attributes:
        dir: run directory.
        config: complete and resolved.
        checkpoint: file of the weights.
        epochs: that the weights were trained for.
        metrics: of the run.
        task: LightningModule with the network, in evaluation mode.
        data: description of its data when it began; empty if it is not known.
    """

    dir: Path
    config: Config
    checkpoint: Path
    epochs: int
    metrics: dict[str, float]
    task: Task
    data: str = ""

    def describe(self) -> str:
        """Run, checkpoint and epochs in one line."""
        return f"{self.dir}, {self.checkpoint.name}, after {self.epochs} epoch{'s' if self.epochs != 1 else ''}"

    @property
    def is_own(self) -> bool:
        """True if the weights are of this run, and not of another file."""
        return self.checkpoint.is_relative_to(self.dir / CHECKPOINTS)

    @property
    def is_best(self) -> bool:
        """True if the weights are the best ones of the run."""
        return self.is_own and self.checkpoint == checkpoint_of(self.dir, "best") and self.checkpoint.stem != "last"

    @property
    def model(self) -> nn.Module:
        """Network in evaluation mode: (B, *spec.input_shape) to (B, output_size)."""
        return self.task.network

    @property
    def spec(self) -> DataSpec:
        """Facts about the data that the network was trained on."""
        return self.task.spec

    @property
    def coefficients(self) -> pl.DataFrame | None:
        """Coefficients of a linear model of a table in the units of its columns: target, input, coefficient.

        Each target has a row `intercept`; of a classification they are those of the logits. None of other networks.
        """
        found = coefficients_of(self.model, self.spec)
        return found.table() if found else None

    @cached_property
    def datamodule(self) -> DataModule:
        """Data of the run with its splits, normalised and encoded as in training; read at the first access."""
        trust.check(self.config["data"], f"{self.dir}: data", L.LightningDataModule)
        before = recorded(self.dir).config["data"]
        is_divided_anew = any(self.config["data"].get(name) != before.get(name) for name in OF_SPLITS)
        split = read_split(self.dir)
        if split and is_divided_anew:
            split = replace(split, is_kept=False)
        datamodule = build_data(self.config, self.spec, split)
        then, now = self.data, datamodule.describe()
        if split and split.is_kept and datamodule.items:
            report_changes(datamodule, self.dir)
        elif then and then != now and before == self.config["data"]:
            log.warning(
                "data: changed since the run, and may hold items that it trained on; now %s, then %s", now, then
            )
        return datamodule

    @property
    def trained_on(self) -> RecordedSplit | None:
        """Recorded split of the run that the weights are from; None without a record."""
        return self.datamodule.recorded if self.is_own else read_split(self.checkpoint.parent.parent)


def load_run(run: str | Path = "last", ckpt: str = "best", log_dir: str | Path = "logs") -> LoadedRun:
    """Load a run from its directory.

    Args:
        run: its directory; `last` is the newest below `log_dir`.
        ckpt: `best`, `last` or a file.
        log_dir: folder of all runs.

    Raises:
        UserError: there is no such run, or it cannot be restored.
    """
    found = recorded(find_run(str(run), log_dir))
    return load_recorded(found.dir, found.config, ckpt)


def load_recorded(run_dir: Path, config: Config, ckpt: str = "best") -> LoadedRun:
    """Load the run of a directory with a config that may differ from the recorded one."""
    path = newest_whole(checkpoint_of(run_dir, ckpt))
    if path is None:
        raise UserError(f"ckpt={ckpt}: {run_dir} has no such checkpoint any more")
    checkpoint = read_checkpoint(path)
    record: dict[str, Any] = read_record(run_dir) if (run_dir / RECORD).is_file() else {}
    task = restore_task(checkpoint, str(path))
    try:
        epochs = epochs_trained(checkpoint)
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path}: does not say how long it was trained; it was not written by train.py") from error
    metrics, data = dict(record.get("metrics", {})), str(record.get("data") or "")
    return LoadedRun(run_dir, config, path, epochs, metrics, task, data)
