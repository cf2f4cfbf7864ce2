"""Runs that are killed or interrupted at some moment, go on, and must end as if nothing had happened."""

import os
import random
import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from signal import SIGINT, SIGKILL, SIGTERM, Signals

from tests.leyden.torture.bench import Bench, Row
from tests.leyden.torture.doors import ROOT
from tests.leyden.torture.hold import Hold
from tests.leyden.torture.processes import is_gone
from tests.leyden.torture.runs import Kept, Runs, write_pictures

Moment = Callable[[Path], bool]  # whether it has come, for a run directory


@dataclass(frozen=True)
class Trial:
    """What became of one run.

    Attributes:
        status: of the process that was stopped, as a shell tells it.
        record: the status in run.json after that; None where there was no record yet.
        writing: whether it left a half-written checkpoint.
        wrong: what was not as it should be; nothing if all was.
    """

    status: int
    record: str | None
    writing: bool
    wrong: list[str]


def after(seconds: float) -> Moment:
    """So long after a run began."""
    until = time.monotonic() + seconds
    return lambda _: time.monotonic() > until


def while_writing(number: int, delay: float = 0.0) -> Moment:
    """In the middle of writing last.ckpt for the n-th time, counted from 1; so many seconds after its file appeared."""
    count, before, until = 0, False, float("inf")

    def has_come(run_dir: Path) -> bool:
        nonlocal count, before, until
        now = any((run_dir / "checkpoints").glob(".last.ckpt.*.tmp"))
        count, before = count + (now and not before), now
        if count >= number:
            until = min(until, time.monotonic() + delay)
        return time.monotonic() >= until

    return has_come


def stop(runs: Runs, name: str, number: Signals, moment: Moment, group: bool = False) -> int | None:
    """Start a run and send it a signal; gives the exit status as a shell tells it, None if the run was over before.

    Args:
        moment: when; a `Hold` is released after it.
        group: whether worker processes get it too, as with Ctrl-C.
    """
    pid = runs.start(name, hold=moment.file if isinstance(moment, Hold) else None)
    _await(runs, name, pid, moment)
    with suppress(ProcessLookupError):
        (os.killpg if group else os.kill)(pid, number)
    if isinstance(moment, Hold):
        moment.release()
    status = runs.doors.wait(pid)
    return None if status == 0 else status if status > 0 else 128 - status


def stop_when(runs: Runs, name: str, moment: Moment, happens: Callable[[], None]) -> int:
    """Start a run and let something happen; gives its exit status."""
    pid = runs.start(name)
    _await(runs, name, pid, moment)
    happens()
    return runs.doors.wait(pid)


def _await(runs: Runs, name: str, pid: int, moment: Moment) -> None:
    while not moment(runs.dir(name)) and not is_gone(pid):
        time.sleep(0.0005)


def trial(runs: Runs, name: str, number: Signals, moment: Moment, reference: Kept, group: bool = False) -> Trial | None:
    """Stop a run, go on with it, and compare the end; None if it was over before it could be stopped."""
    status = stop(runs, name, number, moment, group)
    if status is None:
        return None
    record, writing = runs.status(name), any((runs.dir(name) / "checkpoints").glob(".*.tmp"))
    wrong, said = [], len(runs.said(name)) if number == SIGKILL else 0  # workers are surprised when it is killed
    if status != 128 + number:
        wrong.append(f"exit status {status}")
    if record not in (None, "running" if number == SIGKILL else "interrupted", "finished"):  # just before its exit
        wrong.append(f"run.json says {record}")
    try:
        wrong += runs.resume(name).differences(reference)
    except (RuntimeError, OSError) as error:
        wrong.append(str(error))
    if "Traceback" in runs.said(name)[said:]:
        wrong.append("a traceback")
    return Trial(status, record, writing, wrong)


def kill(bench: Bench) -> list[Row]:
    """SIGKILL at random moments, every other time while a checkpoint is written; the main process or the group."""
    half = bench.kills // 2
    return [
        _row(bench, "SIGKILL", [SIGKILL] * bench.kills, workers=0, group=False),
        _row(bench, "SIGKILL of the main process", [SIGKILL] * (bench.kills - half), workers=2, group=False),
        _row(bench, "SIGKILL of the process group", [SIGKILL] * half, workers=2, group=True),
    ]


def signals(bench: Bench) -> list[Row]:
    """SIGTERM and SIGINT at random moments, of the main process and of the group, as Ctrl-C sends it."""
    rows = []
    for number in (SIGTERM, SIGINT):
        repeated = [number] * bench.stops
        rows.append(_row(bench, number.name, repeated, workers=0, group=False))
        rows.append(_row(bench, f"{number.name} of the process group", repeated, workers=2, group=True))
    return rows


STEPS = {
    "ema": ["callbacks=ema", "callbacks.ema.decay=0.98"],
    "swa": ["callbacks=swa", "callbacks.swa.swa_epoch_start=2", "callbacks.swa.swa_lrs=0.01"],
    "accumulation": ["trainer.accumulate_grad_batches=3"],
    "class weights": ["task.class_weights=[1,2,1,1,4,1,1,1,1,9]"],
    "all of them": [
        "callbacks=swa",
        "callbacks.swa.swa_epoch_start=1",
        "trainer.accumulate_grad_batches=4",
        "task.class_weights=[1,2,1,1,4,1,1,1,1,9]",
    ],
}


def averages(bench: Bench) -> list[Row]:
    """SIGKILL of runs whose weights, gradients or losses are averaged in another way than usual."""
    rows = []
    for name, settings in STEPS.items():
        rows.append(_row(bench, f"SIGKILL, {name}", [SIGKILL] * bench.stops, 0, group=False, more=settings))
    return rows


def settings_of(workers: int, pictures: Path) -> list[str]:
    """Some thousand digits, with everything that a run has to find again when it goes on."""
    data = ["data.train_size=2000", "data.val_size=500", f"paths.data_dir={ROOT / 'data'}"]
    if workers:
        data = ["data=image_folder", f"data.root={pictures}", "data.size=28", "data.channels=1"]
        data += ["data.augment.horizontal_flip=0", f"data.num_workers={workers}"]
    training = ["scheduler=onecycle", "trainer.max_epochs=4", "trainer.log_every_n_steps=5"]
    return ["experiment=mnist_mlp", *data, "data.augment.crop_padding=2", *training, "callbacks.last.every_n_steps=7"]


def _row(bench: Bench, name: str, numbers: list[Signals], workers: int, group: bool, more: Sequence[str] = ()) -> Row:
    pictures, what = bench.folder / "pictures", f"{name}, {workers} workers"
    if workers and not pictures.exists():
        write_pictures(pictures, 2500)
    runs = Runs(
        bench.doors, bench.folder / what.replace(",", "").replace(" ", "_"), [*settings_of(workers, pictures), *more]
    )
    began = time.monotonic()
    reference = runs.train("reference")
    seconds = time.monotonic() - began
    source, writing, wrong = random.Random(bench.seed), 0, []
    for place, number in enumerate(bench.track(numbers, what)):
        found = None
        for attempt in range(20):
            if found is None:  # else it was over before it could be stopped
                moment = _somewhere(source, seconds, number == SIGKILL and place % 2 == 1)
                found = trial(runs, f"{place} {attempt}", number, moment, reference, group)
                seconds *= 1.0 if found else 0.95
                if not (found and found.wrong):
                    shutil.rmtree(runs.dir(f"{place} {attempt}"))
        writing += bool(found and found.writing)
        wrong.append(found.wrong if found else "never stopped in time")
    note = f"{writing} of them while a checkpoint was written" if SIGKILL in numbers else ""
    return Row.count(f"{what}: the same bits after resuming", wrong, len(numbers), note)


def _somewhere(source: random.Random, seconds: float, writing: bool) -> Moment:
    """Somewhere in a run that takes so long; or while it saves."""
    if writing:
        return while_writing(source.randint(1, 18), source.uniform(0, 0.01))
    return after(source.uniform(0.2, seconds))
