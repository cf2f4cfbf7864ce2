"""What Hydra finds of this project: plugins are looked for in `hydra_plugins`, and everything here is imported at each
start. So nothing is done here; `leyden.sweeps` does it.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.utils import JobReturn
from hydra.errors import HydraException
from hydra.plugins.launcher import Launcher
from hydra.plugins.search_path_plugin import SearchPathPlugin
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

if TYPE_CHECKING:
    from leyden.sweeps.executors.executor import Executor


class EngineConfigs(SearchPathPlugin):
    """Adds the engine's own configs behind the project's, which win."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        search_path.append(provider="leyden", path="pkg://leyden.hydra_configs")


class LeydenSweeper(Sweeper):
    """Runs a grid or a search, which goes on where it was when the same command is given again."""

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        self.hydra_context, self.task_function, self.config = hydra_context, task_function, config

    def sweep(self, arguments: list[str]) -> None:
        from leyden.sweeps.sweep import sweep

        assert self.hydra_context is not None
        assert self.config is not None
        sweep(self.hydra_context, self.task_function, self.config, arguments)


class _OwnLauncher(Launcher):
    """Tells the sweeper where jobs are executed. A sweeper of somebody else's would want batches of jobs."""

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        pass

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        raise HydraException("hydra/launcher: works with hydra/sweeper=leyden only; with another, hydra/launcher=basic")


class LocalLauncher(_OwnLauncher):
    """On this machine, each job in a process of its own.

    Args:
        n_jobs: how many at a time; None for one for each GPU, or core.
    """

    def __init__(self, n_jobs: int | None = 1) -> None:
        self.n_jobs = n_jobs

    def executor(self) -> "Executor":
        """See leyden.sweeps.executors.processes."""
        from leyden.sweeps.executors.processes import Processes

        return Processes(self.n_jobs)


class SlurmLauncher(_OwnLauncher):
    """On a SLURM cluster, by submitit.

    Args:
        settings: see leyden.sweeps.executors.slurm.
    """

    def __init__(self, **settings: Any) -> None:
        self.settings = settings

    def executor(self) -> "Executor":
        """See leyden.sweeps.executors.slurm."""
        from leyden.sweeps.executors.slurm import Slurm

        return Slurm(**self.settings)


class RayLauncher(_OwnLauncher):
    """On a Ray cluster, or this machine.

    Args:
        settings: see leyden.sweeps.executors.ray.
    """

    def __init__(self, **settings: Any) -> None:
        self.settings = settings

    def executor(self) -> "Executor":
        """See leyden.sweeps.executors.ray."""
        from leyden.sweeps.executors.ray import Ray

        return Ray(**self.settings)
