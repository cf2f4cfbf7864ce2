"""Overhead of the template: the training part of an epoch against a bare PyTorch loop.

    python scripts/benchmark.py experiment=mnist_mlp
    python scripts/benchmark.py experiment=mnist_linear trainer.limit_train_batches=100
    python scripts/benchmark.py --tutorial experiment=mnist_cnn

Both train the same network with the same optimizer, batch size, order of images and normalisation, alternately in one
process. The bare loop indexes tensors in memory, computes loss and gradients, steps, and nothing else. The ratios of
five pairs of epochs are printed: unlike seconds they hardly depend on the machine.

With --tutorial the bare loop is that of a tutorial: a DataLoader of a TensorDataset with the normalised images, the
default memory format, and the optimizer with torch's default arguments, such as no fused kernel.
"""

import logging
import sys
import tempfile
import time
from itertools import islice
from pathlib import Path

try:
    import torch
except ModuleNotFoundError as missing:  # plain `python`, outside the project's environment
    sys.path.append(str(Path(__file__).parents[1]))
    from src.leyden.system.environment import restart

    restart(missing)
import lightning as L
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from leyden.cli.entry_point import report_user_errors
from leyden.cli.script_options import ScriptParser
from leyden.config.compose import compose
from leyden.config.experiment import Experiment
from leyden.data.images import InMemoryImages
from leyden.data.normalisation import Normalise
from leyden.system.console import set_up_logging
from leyden.training.build import build_data, build_task, build_trainer

PAIRS = 5


class EpochTimer(L.Callback):
    """Seconds from the first to the last training batch of an epoch, without validation."""

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self.started = time.perf_counter()

    def on_train_batch_end(self, trainer: L.Trainer, *_: object) -> None:
        if trainer.fit_loop.epoch_loop.batch_progress.is_last_batch:
            self.seconds = time.perf_counter() - self.started


def bare_epoch(experiment: Experiment, datamodule: InMemoryImages) -> float:
    """Seconds of an epoch of a bare PyTorch loop."""
    task = build_task(experiment.config, datamodule.spec)
    network, optimizer = task.network, task.make_optimizer(task.network)
    images, labels = datamodule.splits["train"]
    normalise, generator = Normalise(datamodule.spec), torch.Generator()
    limit = experiment.config["trainer"].get("limit_train_batches")
    network.train()
    started = time.perf_counter()
    for chosen in torch.randperm(len(labels)).split(datamodule.batch_size)[:limit]:
        inputs = normalise(images.index_select(0, chosen), generator)
        loss = F.cross_entropy(network(inputs), labels.index_select(0, chosen))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return time.perf_counter() - started


def tutorial_epoch(experiment: Experiment, datamodule: InMemoryImages) -> float:
    """Seconds of an epoch of a loop as in a tutorial."""
    task = build_task(experiment.config, datamodule.spec)
    network = task.network.to(memory_format=torch.contiguous_format)
    kind, lr = type(task.make_optimizer(network)), experiment.config["optimizer"]["lr"]
    optimizer = kind(network.parameters(), lr=lr)
    images, labels = datamodule.splits["train"]
    inputs = Normalise(datamodule.spec)(images, torch.Generator()).contiguous()
    loader = DataLoader(TensorDataset(inputs, labels), datamodule.batch_size, shuffle=True)
    limit = experiment.config["trainer"].get("limit_train_batches")
    network.train()
    started = time.perf_counter()
    for batch, targets in islice(loader, limit):
        loss = F.cross_entropy(network(batch), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return time.perf_counter() - started


def lightning_epoch(experiment: Experiment, datamodule: InMemoryImages) -> float:
    """Seconds of an epoch as train.py runs it, with its callbacks and loggers."""
    task = build_task(experiment.config, datamodule.spec)
    trainer = build_trainer(experiment.config)
    timer = EpochTimer()
    trainer.callbacks.append(timer)  # type: ignore[attr-defined]
    trainer.fit(task, datamodule=datamodule)
    return timer.seconds


def main() -> None:
    parser = ScriptParser(__doc__, overrides=True)
    parser.add_argument("--tutorial", action="store_true", help="compare with a loop as in a tutorial")
    arguments = parser.parse_intermixed_args()
    loop = tutorial_epoch if arguments.tutorial else bare_epoch
    fixed = ["trainer.max_epochs=1", "trainer.accelerator=cpu", "callbacks.summary=null"]
    fixed += ["trainer.num_sanity_val_steps=0", "trainer.enable_model_summary=false"]
    with tempfile.TemporaryDirectory() as folder:
        experiment = compose([*arguments.overrides, *fixed, f"paths.run_dir={folder}"])
        datamodule = build_data(experiment.config)
        loop(experiment, datamodule)
        lightning_epoch(experiment, datamodule)
        ratios = []
        for pair in range(PAIRS):
            bare, ours = loop(experiment, datamodule), lightning_epoch(experiment, datamodule)
            ratios.append(ours / bare)
            print(f"pair {pair + 1}: bare {bare:.2f} s, leyden {ours:.2f} s, ratio {ours / bare:.3f}", flush=True)
    ratios.sort()
    print(f"{experiment.name}: median {ratios[PAIRS // 2]:.3f} [{ratios[0]:.3f} .. {ratios[-1]:.3f}]")


if __name__ == "__main__":
    with report_user_errors():
        set_up_logging()
        logging.getLogger("leyden").setLevel(logging.WARNING)
        main()
