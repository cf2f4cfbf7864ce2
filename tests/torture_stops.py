"""Runs that are killed or interrupted at some moment, go on, and must end as if nothing had happened."""

import os
import random
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from signal import SIGKILL, Signals

from tests.torture_runs import Kept, Runs

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
        moment: when.
        group: whether worker processes get it too, as with Ctrl-C.
    """
    pid = runs.start(name)
    while not moment(runs.dir(name)) and _runs(pid):
        time.sleep(0.0005)
    with suppress(ProcessLookupError):
        (os.killpg if group else os.kill)(pid, number)
    status = runs.doors.wait(pid)
    return None if status == 0 else status if status > 0 else 128 - status


def trial(runs: Runs, name: str, number: Signals, moment: Moment, reference: Kept, group: bool = False) -> Trial | None:
    """Stop a run, go on with it, and compare the end; None if it was over before it could be stopped."""
    status = stop(runs, name, number, moment, group)
    if status is None:
        return None
    record, writing = runs.status(name), any((runs.dir(name) / "checkpoints").glob(".*.tmp"))
    wrong = []
    if status != 128 + number:
        wrong.append(f"exit status {status}")
    if record not in (None, "running" if number == SIGKILL else "interrupted"):
        wrong.append(f"run.json says {record}")
    try:
        wrong += runs.resume(name).differences(reference)
    except (RuntimeError, TimeoutError) as error:
        wrong.append(str(error))
    if "Traceback" in runs.said(name):
        wrong.append("a traceback")
    return Trial(status, record, writing, wrong)


def random_moment(source: random.Random, seconds: float, saves: int, writing: bool) -> Moment:
    """Somewhere in a run that takes so long and saves so often; or while it saves."""
    if writing:
        return while_writing(source.randint(1, saves), source.uniform(0, 0.01))
    return after(source.uniform(0.2, seconds))


def _runs(pid: int) -> bool:
    """Whether a process has not ended; a zombie has."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
