"""Jobs by a launcher of Hydra's own, such as hydra/launcher=basic: one after the other, in this process."""

from collections.abc import Sequence
from pathlib import Path
from signal import Signals, raise_signal

from hydra.core.utils import JobStatus
from hydra.plugins.launcher import Launcher

from leyden.sweeps.executors.executor import Ended
from leyden.sweeps.job import Job, describe
from leyden.system.errors import UserError
from leyden.system.graceful_shutdown import STOPS
from leyden.system.lightning_internals import job_error


class HydraLauncherExecutor:
    """Executes jobs one at a time.

    Args:
        launcher: set up by Hydra.
    """

    slots = 1
    prompt = False

    def __init__(self, launcher: Launcher) -> None:
        self.launcher = launcher
        self._ended: list[Ended] = []
        self._number = 0

    def open(self, sweep_dir: Path, jobs: Sequence[Job]) -> None:
        if jobs[0].experiment.trial:
            raise UserError("sweep/pruner: jobs of this launcher cannot be given up; add hydra/launcher=local")

    def holds(self, job: Job) -> bool:
        return False

    def start(self, job: Job) -> None:
        place = str(job.dir).replace("\\", "\\\\").replace("'", "\\'")
        overrides = [*job.overrides, f"++paths.run_dir='{place}'"]
        try:
            (result,) = self.launcher.launch([overrides], self._number)
            failed = result.status == JobStatus.FAILED
            self._ended.append(Ended(job, describe(job_error(result)) if failed else None))
        except SystemExit as left:  # which Hydra lets through; of a run that a signal ended, among others
            self._ended.append(Ended(job, f"ended with exit status {left.code}"))
            stopped = [number for number in STOPS if left.code == 128 + number]
            if stopped:
                raise_signal(stopped[0])  # the sweep is to know too
        self._number += 1

    def wait(self, seconds: float) -> list[Ended]:
        ended, self._ended = self._ended, []
        return ended

    def stop(self, signal: Signals) -> None:
        pass

    def close(self) -> None:
        pass
