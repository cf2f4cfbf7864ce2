"""Checkpoints of a real run that are damaged: found, told in one line, and made up for by the one before."""

import random
import shutil
from collections.abc import Callable
from pathlib import Path

from leyden.checkpoints.files import read_checkpoint, verify
from leyden.system.atomic_files import previous
from leyden.system.errors import UserError
from tests.leyden.torture.bench import Bench, Row
from tests.leyden.torture.doors import ROOT
from tests.leyden.torture.runs import Kept, Runs, digest, fall_back

SETTINGS = ["experiment=mnist_mlp", "model.hidden_sizes=[64]", "model.dropout=0.3", "data.train_size=1000"]
SETTINGS += ["data.val_size=500", "trainer.max_epochs=3", "callbacks.last.every_n_steps=10", "scheduler=onecycle"]


def flip(path: Path, place: int, bit: int = 0) -> None:
    content = bytearray(path.read_bytes())
    content[place % len(content)] ^= 1 << bit
    path.write_bytes(content)


DAMAGE: dict[str, Callable[[Path], object]] = {
    "truncated": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "without its last byte": lambda path: path.write_bytes(path.read_bytes()[:-1]),
    "empty": lambda path: path.write_bytes(b""),
    "garbage": lambda path: path.write_bytes(random.Random(0).randbytes(5000)),
    "zeros": lambda path: path.write_bytes(bytes(path.stat().st_size)),
    "one byte flipped": lambda path: flip(path, path.stat().st_size // 2),
    "missing": lambda path: path.unlink(),
}


class Damaged:
    """A run that was killed, with two checkpoints, and how it has to end.

    Args:
        runs: where it is made.
    """

    def __init__(self, runs: Runs) -> None:
        self.runs, copies = runs, runs.folder / "copies"
        copies.mkdir()
        self.reference: Kept = runs.train("reference", keep=copies)
        older, newer = sorted(copies.iterdir())[2:4]
        fall_back(runs, "reference", newer, "killed")
        self.last = Path("checkpoints", "last.ckpt")
        shutil.copy(older, previous(runs.dir("killed") / self.last))

    def resume(self, name: str, harm: Callable[[Path], object]) -> list[str]:
        """What is wrong when last.ckpt is harmed and the run goes on."""
        shutil.copytree(self.runs.dir("killed"), self.runs.dir(name))
        harm(self.runs.dir(name) / self.last)
        try:
            wrong = self.runs.resume(name).differences(self.reference)
        except RuntimeError as error:
            wrong = [str(error)]
        if "taking last.previous.ckpt, the one before it" not in self.runs.said(name):
            wrong.append("does not say that the one before was taken")
        return wrong

    def resume_without_any(self, name: str, harm: Callable[[Path], object]) -> list[str]:
        """What is wrong when both checkpoints are harmed: it has to end with one line."""
        shutil.copytree(self.runs.dir("killed"), self.runs.dir(name))
        for path in (self.runs.dir(name) / self.last, previous(self.runs.dir(name) / self.last)):
            harm(path)
        return one_line(self.runs, name, [f"resume={self.runs.dir(name)}"], "train.py")

    def evaluate(self, name: str, harm: Callable[[Path], object]) -> list[str]:
        """What is wrong when best.ckpt is harmed and the run is measured."""
        shutil.copytree(self.runs.dir("reference"), self.runs.dir(name))
        harm(self.runs.dir(name) / "checkpoints" / "best.ckpt")
        status = self.runs.doors.run([f"run={self.runs.dir(name)}"], self.runs.output(name), door="eval.py")
        said = self.runs.said(name)
        wrong = [] if status == 0 else [f"exit status {status}: {said[-500:]}"]
        if "taking best.previous.ckpt, the one before it" not in said or "Traceback" in said:
            wrong.append("does not say that the one before was taken")
        return wrong

    def flipped(self, place: int, bit: int) -> str | None:
        """What is wrong with one bit flipped: it must be found, or have changed nothing."""
        path = self.runs.folder / "flipped.ckpt"
        shutil.copy(self.runs.dir("reference") / self.last, path)
        flip(path, place, bit)
        if verify(path) is not None:
            return None
        try:
            same = digest(read_checkpoint(path)) == digest(read_checkpoint(self.runs.dir("reference") / self.last))
        except UserError:
            return None
        return None if same else f"bit {bit} of byte {place}: loaded, and not what was saved"


def one_line(runs: Runs, name: str, arguments: list[str], door: str) -> list[str]:
    """What is wrong with a command that has to end with `error: …` in one line, and status 2."""
    before = len(runs.said(name))
    status = runs.doors.run(arguments, runs.output(name), door=door)
    said = runs.said(name)[before:]
    errors = [line for line in said.splitlines() if line.startswith("error: ")]
    is_good = status == 2 and len(errors) == 1 and "Traceback" not in said and said.rstrip().endswith(errors[0])
    return [] if is_good else [f"{door} {' '.join(arguments)}: status {status}, said: {said[-500:]}"]


def damage(bench: Bench) -> list[Row]:
    """Every kind of damage to each checkpoint."""
    runs = Runs(bench.doors, bench.folder, [*SETTINGS, f"paths.data_dir={ROOT / 'data'}"])
    damaged, source = Damaged(runs), random.Random(bench.seed)
    size = (runs.dir("reference") / damaged.last).stat().st_size
    places = [(source.randrange(size), source.randrange(8)) for _ in range(bench.flips)]
    flips = [damaged.flipped(*place) for place in bench.track(places, "a bit flipped")]
    resumed = [damaged.resume(f"resumed {name}", DAMAGE[name]) for name in bench.track(DAMAGE, "last.ckpt damaged")]
    kinds = bench.track([name for name in DAMAGE if name != "missing"], "both damaged")  # both missing: it begins anew
    refused = [damaged.resume_without_any(f"refused {name}", DAMAGE[name]) for name in kinds]
    measured = [damaged.evaluate(f"measured {name}", DAMAGE[name]) for name in bench.track(DAMAGE, "best.ckpt damaged")]
    kinds_told = ", ".join(DAMAGE)
    return [
        Row.count("one bit flipped anywhere in a checkpoint: found, or without effect", flips, len(flips)),
        Row.count(f"last.ckpt {kinds_told}: resumed from the one before, the same bits", resumed, len(resumed)),
        Row.count("last.ckpt and the one before damaged: one line, status 2", refused, len(refused)),
        Row.count("best.ckpt damaged: eval says so and takes the one before", measured, len(measured)),
    ]
