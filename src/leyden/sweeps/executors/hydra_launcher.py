"""Executor on a Hydra launcher, such as hydra/launcher=basic: jobs one after the other, in this process."""

from collections.abc import Sequence
from pathlib import Path
from signal import Signals, raise_signal

from hydra.core.utils import JobStatus
from hydra.plugins.launcher import Launcher

from leyden.sweeps.executors.executor import Ended
from leyden.sweeps.job import Job, error_line
from leyden.system.errors import UserError
from leyden.system.graceful_shutdown import STOPS
from leyden.system.lightning_internals import job_error


class HydraLauncherExecutor:
    """Executes jobs one at a time."""

    slots = 1
    output: Path | None = None
    stops_in_handler = False

    def __init__(self, launcher: Launcher) -> None:
        self.launcher = launcher
        self._ended: list[Ended] = []
        self._number = 0

    def open(self, sweep_dir: Path, jobs: Sequence[Job]) -> None:
        if jobs[0].experiment.trial:
            raise UserError("sweep/pruner: this launcher cannot prune jobs; add hydra/launcher=local")

    def is_submitted(self, job: Job) -> bool:
        return False

    def start(self, job: Job) -> None:
        place = str(job.dir).replace("\\", "\\\\").replace("'", "\\'")
        overrides = [*job.overrides, f"++paths.run_dir='{place}'"]
        try:
            (result,) = self.launcher.launch([overrides], self._number)
            failed = result.status == JobStatus.FAILED
            self._ended.append(Ended(job, error_line(job_error(result)) if failed else None))
        except SystemExit as left:  # not caught by Hydra; also after a signal
            self._ended.append(Ended(job, f"ended with exit status {left.code}"))
            stopped = [number for number in STOPS if left.code == 128 + number]
            if stopped:
                raise_signal(stopped[0])  # for the sweep
        self._number += 1

    def wait(self, seconds: float) -> list[Ended]:
        ended, self._ended = self._ended, []
        return ended

    def stop(self, signal: Signals) -> None:
        pass

    def close(self) -> None:
        pass
