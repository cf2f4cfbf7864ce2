"""Jobs, executors and sources that train nothing."""

from collections.abc import Callable, Sequence
from pathlib import Path
from signal import Signals
from typing import Any

from leyden.config.experiment import Experiment
from leyden.records.record import write_record
from leyden.sweeps.executors.executor import Ended
from leyden.sweeps.job import Job, Outcome, read_outcome
from leyden.sweeps.loop import SweepLoop
from leyden.sweeps.progress import SweepProgress
from leyden.sweeps.sweep_record import SweepRecord

CONFIG = {"seed": 1, "monitor": "val/loss", "mode": "min", "trainer": {"max_epochs": 2}, "model": {"width": 3}}


def made_job(folder: Path, name: str, **settings: Any) -> Job:
    """A job that trains nothing."""
    config = {**CONFIG, "paths": {"run_dir": str(folder / name), "log_dir": str(folder)}}
    return Job(name, settings, Experiment("made", config, [f"{key}={value}" for key, value in settings.items()]))


def finish(job: Job, value: float = 0.5, status: str = "finished") -> None:
    """What a run leaves behind."""
    job.dir.mkdir(parents=True, exist_ok=True)
    write_record(job.dir, {"status": status, "metrics": {"best/val/loss": value}, "epochs": 2, "seconds": 1.5})


class Made:
    """An executor that does to a job what its function says, when it is waited for."""

    stops_in_handler = True
    output: Path | None = None

    def __init__(self, does: Callable[[Job], str | None], slots: int = 1) -> None:
        self.does, self.slots = does, slots
        self.started: list[str] = []
        self.held = list[str]()
        self.most = 0
        self.stops: list[Signals] = []
        self._running: list[Job] = []

    def open(self, sweep_dir: Path, jobs: Sequence[Job]) -> None:
        pass

    def is_submitted(self, job: Job) -> bool:
        return job.name in self.held

    def start(self, job: Job) -> None:
        self.started.append(job.name)
        self._running.append(job)
        self.most = max(self.most, len(self._running))

    def wait(self, seconds: float) -> list[Ended]:
        if not self._running:
            return []
        job = self._running.pop(0)
        return [Ended(job, self.does(job))]

    def stop(self, signal: Signals) -> None:
        self.stops.append(signal)

    def close(self) -> None:
        pass


class Listed:
    """A source of jobs that are given."""

    kind = "grid"
    swept = ("x",)

    def __init__(self, jobs: list[Job]) -> None:
        self.jobs, self.told = jobs, list[Outcome]()
        self.total = len(jobs)
        self.objectives = {"val/loss": "min"}
        self._left = list(jobs)

    def open(self) -> Sequence[Outcome]:
        done = [found for found in map(read_outcome, self.jobs) if found.done]
        self._left = [job for job in self.jobs if job not in [found.job for found in done]]
        return done

    def examples(self) -> Sequence[Job]:
        return self.jobs

    def ask(self) -> Job | None:
        return self._left.pop(0) if self._left else None

    def tell(self, found: Outcome) -> None:
        self.told.append(found)

    def remaining(self) -> int:
        return sum(not read_outcome(job).done for job in self.jobs)

    def close(self) -> None:
        pass


def ran(
    folder: Path, executor: Made, jobs: list[Job] | Listed, stop: bool = False
) -> tuple[SweepLoop, Listed, Signals | None]:
    """A sweep of these jobs: its loop, its source, and the signal that ended it."""
    source = Listed(jobs) if isinstance(jobs, list) else jobs
    with SweepRecord(folder, source, "made", ["x=1,2"], []) as record:
        done = source.open()
        loop = SweepLoop(source, executor, record, SweepProgress(source.total, len(done)), stop)
        received = loop.run()
        record.close("finished")
    return loop, source, received
