"""What the guarantee costs: epochs of MNIST with all that makes runs exact and durable, and without."""

import shutil
import statistics
import time

import lightning.pytorch as pl
import torch
from lightning.fabric.plugins import TorchCheckpointIO
from lightning.pytorch.callbacks import ModelCheckpoint

from leyden.callbacks.last import LastCheckpoint
from leyden.callbacks.randomness import Randomness
from leyden.config.compose import compose
from leyden.config.experiment import Experiment
from leyden.data.module import DataModule
from leyden.run.directory import Run
from leyden.run.record_updater import RecordUpdater
from leyden.training.build import build_data, build_task, build_trainer
from tests.leyden.torture.bench import Bench, Row
from tests.leyden.torture.doors import ROOT

MOST = 1.03
Times = tuple[float, float]  # seconds by the clock, which other programs lengthen, and of this process's CPU
SETTINGS = ["experiment=mnist_mlp", "trainer.max_epochs=1", "trainer.accelerator=cpu", "callbacks.summary=null"]
SETTINGS += ["callbacks.progress=null", "trainer.enable_progress_bar=false", "trainer.num_sanity_val_steps=0"]


def cost(bench: Bench) -> list[Row]:
    """Interleaved pairs of runs of one epoch in this process, with one thread."""
    torch.set_num_threads(1)
    settings = [*SETTINGS, f"paths.data_dir={ROOT / 'data'}", f"paths.log_dir={bench.folder}"]
    experiment = compose([*settings, f"paths.run_dir={bench.folder / 'run'}"], ROOT / "configs")
    datamodule = build_data(experiment.config)
    _exact(experiment, datamodule)
    ratios: list[Times] = []
    for pair in bench.track(range(bench.pairs), "pairs of epochs"):
        if pair % 2:
            exact, plain = _exact(experiment, datamodule), _plain(experiment, datamodule)
        else:
            plain, exact = _plain(experiment, datamodule), _exact(experiment, datamodule)
        ratios.append((exact[0] / plain[0], exact[1] / plain[1]))
    clock, cpu = ([pair[kind] for pair in ratios] for kind in (0, 1))
    middle, (low, _, high) = statistics.median(clock), statistics.quantiles(clock, n=4)
    result = f"{middle - 1:+.1%} (half of {len(ratios)} pairs: {low - 1:+.1%} to {high - 1:+.1%})"
    result += f"; of CPU time {statistics.median(cpu) - 1:+.1%}"
    return [Row("an epoch of MNIST, mnist_mlp, against Lightning's own checkpoints", result, middle <= MOST)]


def _exact(experiment: Experiment, datamodule: DataModule) -> Times:
    """Times of a run as train.py makes it."""
    shutil.rmtree(experiment.run_dir, ignore_errors=True)
    task = build_task(experiment.config, datamodule.spec)
    with Run(experiment) as run:
        trainer = build_trainer(experiment.config, RecordUpdater(run))
        for callback in trainer.callbacks:  # type: ignore[attr-defined]
            if isinstance(callback, LastCheckpoint):
                callback.shutdown = run.shutdown
        times = _times(trainer, task, datamodule)
        run.finish({})
    return times


def _plain(experiment: Experiment, datamodule: DataModule) -> Times:
    """Times of a run that saves as often, as Lightning does: no fsync, nothing verified, nothing seeded."""
    shutil.rmtree(experiment.run_dir, ignore_errors=True)
    task, trainer = build_task(experiment.config, datamodule.spec), build_trainer(experiment.config)
    callbacks: list[pl.Callback] = trainer.callbacks  # type: ignore[attr-defined]
    callbacks = [one for one in callbacks if not isinstance(one, LastCheckpoint | Randomness)]
    last = ModelCheckpoint(f"{experiment.run_dir}/checkpoints", "last", enable_version_counter=False)
    trainer.callbacks = [*callbacks, last]  # type: ignore[attr-defined]
    trainer.strategy.checkpoint_io = TorchCheckpointIO()
    return _times(trainer, task, datamodule)


def _times(trainer: pl.Trainer, task: pl.LightningModule, datamodule: DataModule) -> Times:
    started = time.perf_counter(), time.process_time()
    trainer.fit(task, datamodule=datamodule)
    return time.perf_counter() - started[0], time.process_time() - started[1]
