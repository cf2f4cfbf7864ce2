"""A disk that is full while a run writes, and has room again when it goes on."""

import json
import random
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from leyden.checkpoints.files import verify
from leyden.system.atomic_files import previous
from tests.leyden.torture.bench import Bench, Row
from tests.leyden.torture.doors import ROOT
from tests.leyden.torture.runs import Kept, Runs
from tests.leyden.torture.stops import after, stop_when

SIZE = 48 << 20  # of the disk: the run needs about thirty
SETTINGS = ["experiment=mnist_mlp", "data.train_size=2000", "data.val_size=500", "trainer.max_epochs=4"]
SETTINGS += ["scheduler=onecycle", "callbacks.last.every_n_steps=7", "trainer.log_every_n_steps=1"]


def full_disk(bench: Bench) -> list[Row]:
    """Fill the disk at random moments of a run."""
    name = "disk full while a run writes: one line, status 2; freed and resumed: the same bits"
    folder, wrong = bench.folder / "disk", list[object]()
    folder.mkdir(parents=True)
    try:
        with small_disk(folder):
            runs = Runs(bench.doors, folder, [*SETTINGS, f"paths.data_dir={ROOT / 'data'}"])
            reference = runs.train("reference")
            seconds = float(json.loads((runs.dir("reference") / "run.json").read_text())["seconds"])
            shutil.rmtree(runs.dir("reference"))
            source = random.Random(bench.seed)
            for number in bench.track(range(bench.fills), "the disk filled"):
                moment = source.uniform(0.4, 0.4 + seconds)  # at first it composes, longer on a slow machine
                wrong.append(in_time(runs, str(number), moment, reference, bench.folder))
    except subprocess.CalledProcessError as error:
        return [Row(name, f"no disk of a few megabytes can be mounted here ({error.stderr.strip()})", None)]
    return [Row.count(name, wrong, len(wrong))]


def in_time(runs: Runs, name: str, seconds: float, reference: Kept, outside: Path) -> list[str]:
    """What is wrong when the disk is full from some moment of a run on; an earlier one if the run was over by then."""
    for attempt in range(10):
        wrong = filled(runs, f"{name} {attempt}", seconds * 0.7**attempt, reference, outside)
        shutil.rmtree(runs.dir(f"{name} {attempt}"), ignore_errors=True)
        if wrong is not None:
            return wrong
    return [f"ends with status 0 on a disk that is full after {seconds * 0.7**9:.2f} s"]


def filled(runs: Runs, name: str, seconds: float, reference: Kept, outside: Path) -> list[str] | None:
    """What is wrong when the disk is full from some moment of a run on; None if the run got to its end."""
    output, filler = outside / f"said by {name}.txt", runs.folder / "filler"
    runs.output = lambda _: output  # type: ignore[method-assign]  # a terminal has no disk to fill
    status = stop_when(runs, name, after(seconds), lambda: fill(filler))
    if status == 0:
        filler.unlink()
        return None
    wrong, said, last = [], runs.said(name), runs.dir(name) / "checkpoints" / "last.ckpt"
    faults = [verify(path) for path in (last, previous(last)) if path.exists()]
    filler.unlink()
    errors = [line for line in said.splitlines() if line.startswith("error: ")]
    if status != 2 or len(errors) != 1 or "Traceback" in said:
        wrong.append(f"after {seconds:.2f} s: status {status}, said: {said[-1500:]}")
    if "epoch 2/4" in said and None not in faults:
        wrong.append(f"the checkpoint before is lost: {faults}")
    try:
        wrong += runs.resume(name).differences(reference)
    except (RuntimeError, OSError, ValueError) as error:
        wrong.append(f"resume: {error}")
    return wrong


def fill(path: Path) -> None:
    """Leave not a byte on the disk of this file; what is freed meanwhile is taken too."""
    with path.open("wb", buffering=0) as file:
        for size in (1 << 20, 4096, 1):
            with suppress(OSError):
                while file.write(bytes(size)):
                    pass


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """A file system in memory.

    Raises:
        CalledProcessError: it needs rights that are not there.
    """
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(folder)]
    subprocess.run(mount, check=True, capture_output=True, text=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True, capture_output=True)
