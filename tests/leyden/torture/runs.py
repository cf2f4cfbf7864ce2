"""What two runs have to have in common, down to the last bit, and the data that they train on."""

import hashlib
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
from torch import Tensor

from leyden.records.record import checkpoint_of
from leyden.system.atomic_files import previous
from myproject.data.mnist import MNIST
from tests.leyden.helpers.logged import MEASURED, table
from tests.leyden.torture.doors import ROOT, Doors


@dataclass(frozen=True)
class Kept:
    """What a run has left, without what differs from one run to the next, such as times."""

    weights: str
    best: str
    optimizer: str
    table: list[Any] = field(repr=False)
    board: list[Any] = field(repr=False)
    metrics: dict[str, float] = field(repr=False)
    epochs: int
    steps: int

    def differences(self, other: "Kept") -> list[str]:
        """The names of what is not the same; nothing for two runs that are equal."""
        names = [one.name for one in fields(self)]
        return [name for name in names if getattr(self, name) != getattr(other, name)]


def kept(run_dir: Path) -> Kept:
    """What a finished run has left."""
    folder, record = run_dir / "checkpoints", json.loads((run_dir / "run.json").read_text())
    last = torch.load(folder / "last.ckpt", weights_only=True)
    path = checkpoint_of(run_dir, "best")
    best = torch.load(path, weights_only=True) if path.name != "last.ckpt" else None
    return Kept(
        weights=digest([last["state_dict"], last.get("current_model_state")]),  # an average, and what is trained
        best=digest(best and best["state_dict"]),
        optimizer=digest([last["optimizer_states"], last["lr_schedulers"]]),
        table=table(run_dir),
        board=board(run_dir),
        metrics=record["metrics"],
        epochs=record["epochs"],
        steps=record["steps"],
    )


def digest(value: Any) -> str:
    """A few letters for tensors and plain values in any nesting; others for the smallest difference."""
    sha = hashlib.sha256()

    def add(value: Any) -> None:
        if isinstance(value, Tensor):
            sha.update(repr((value.dtype, tuple(value.shape))).encode())
            sha.update(value.contiguous().flatten().view(torch.uint8).numpy().tobytes() if value.numel() else b"")
        elif isinstance(value, dict):
            for key, inner in value.items():
                sha.update(repr(key).encode())
                add(inner)
        elif isinstance(value, list | tuple):
            for inner in value:
                add(inner)
        else:
            sha.update(repr(value).encode())

    add(value)
    return sha.hexdigest()[:12]


def board(run_dir: Path) -> list[Any]:
    """The values that TensorBoard shows: (tag, step, value)."""
    seen = []
    for path in (run_dir / "tensorboard").rglob("*tfevents*"):
        for event in EventFileLoader(str(path)).Load():
            for value in event.summary.value:
                if not value.tag.startswith(("_hparams_/", *MEASURED)):
                    seen.append((value.tag, event.step, *value.tensor.float_val))
    return sorted(seen)


class Runs:
    """Runs in one folder. What a run printed is beside it, under its name and `.txt`.

    Args:
        doors: how they are started.
        folder: where they are kept.
        settings: of all of them.
    """

    def __init__(self, doors: Doors, folder: Path, settings: Sequence[str] = ()) -> None:
        self.doors, self.folder = doors, folder
        self.settings = [*settings, *_quiet(folder)]
        folder.mkdir(parents=True, exist_ok=True)

    def dir(self, name: str) -> Path:
        return self.folder / name

    def output(self, name: str) -> Path:
        return self.folder / f"{name}.txt"

    def said(self, name: str) -> str:
        """What a run printed, and its predecessors in the same directory."""
        return self.output(name).read_text(errors="replace") if self.output(name).exists() else ""

    def status(self, name: str) -> str | None:
        """What run.json says; None where there is none yet."""
        path = self.dir(name) / "run.json"
        return str(json.loads(path.read_text())["status"]) if path.exists() else None

    def start(self, name: str, *more: str, **how: Any) -> int:
        arguments = [*self.settings, f"paths.run_dir={self.dir(name)}", *more]
        return self.doors.start(arguments, self.output(name), **how)

    def train(self, name: str, *more: str, **how: Any) -> Kept:
        """A run from its beginning to its end.

        Raises:
            RuntimeError: it failed; with what it said.
        """
        return self._ended(name, self.doors.wait(self.start(name, *more, **how)))

    def start_again(self, name: str, *more: str, **how: Any) -> int:
        """Go on with a run; one that was stopped before it had a config begins."""
        if not (self.dir(name) / "config.yaml").exists():
            shutil.rmtree(self.dir(name), ignore_errors=True)
            return self.start(name, *more, **how)
        return self.doors.start([f"resume={self.dir(name)}", *more, *_quiet(self.folder)[:1]], self.output(name), **how)

    def resume(self, name: str, *more: str, **how: Any) -> Kept:
        """Go on with a run, to its end.

        Raises:
            RuntimeError: it failed; with what it said.
        """
        return self._ended(name, self.doors.wait(self.start_again(name, *more, **how)))

    def _ended(self, name: str, status: int) -> Kept:
        if status:
            raise RuntimeError(f"{name}: exit status {status}\n{self.said(name)[-3000:]}")
        return kept(self.dir(name))


def fall_back(runs: Runs, name: str, copy: Path, to: str) -> None:
    """Copy a finished run, as it would be if its process had died later than the checkpoint `copy` was written."""
    shutil.copytree(runs.dir(name), runs.dir(to))
    last = runs.dir(to) / "checkpoints" / "last.ckpt"
    previous(last).unlink(missing_ok=True)
    shutil.copy(copy, last)
    before = {"status": "running", "epochs": 0, "steps": 0, "metrics": {}}
    record = runs.dir(to) / "run.json"
    record.write_text(json.dumps(json.loads(record.read_text()) | before))


def _quiet(folder: Path) -> list[str]:
    return [f"paths.log_dir={folder}", "callbacks.summary=null", "trainer.accelerator=cpu"]


def write_pictures(root: Path, number: int) -> Path:
    """So many real digits of MNIST as PNG files, in a folder for each class."""
    data = MNIST(str(ROOT / "data"), val_size=number, train_size=100)
    data.prepare_data()
    data.setup()
    for place, (picture, label) in enumerate(zip(*data.splits["val"], strict=True)):
        folder = root / f"digit {int(label)}"
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture.squeeze().numpy()).save(folder / f"{place:05}.png")
    return root
