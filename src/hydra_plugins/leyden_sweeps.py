"""Plugins that Hydra finds: the search path of configs, the sweeper and the launchers. `leyden.sweeps` does the work.

Hydra imports every module of `hydra_plugins` at each start, so nothing heavy is imported here. A new launcher is a
class here, an executor in leyden/sweeps/executors, and a file hydra/launcher/<name>.yaml.
"""

from collections.abc import Sequence
from importlib import import_module
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
    """Adds the engine's configs after the project's, which have priority."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        search_path.append(provider="leyden", path="pkg://leyden.hydra_configs")


class LeydenSweeper(Sweeper):
    """Runs a grid or a search; repeating the command resumes it."""

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        self.hydra_context, self.task_function, self.config = hydra_context, task_function, config

    def sweep(self, arguments: list[str]) -> None:
        from leyden.sweeps.sweep import sweep

        assert self.hydra_context is not None
        assert self.config is not None
        sweep(self.hydra_context, self.task_function, self.config, arguments)


class _ExecutorLauncher(Launcher):
    """Gives the sweeper an executor. It cannot launch batches of jobs for other sweepers.

    Args:
        settings: of the executor.
    """

    module: str
    name: str

    def __init__(self, **settings: Any) -> None:
        self.settings = settings

    def executor(self) -> "Executor":
        executor: Executor = getattr(import_module(self.module), self.name)(**self.settings)
        return executor

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        pass

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        raise HydraException("hydra/launcher: works with hydra/sweeper=leyden only; with another, hydra/launcher=basic")


class LocalLauncher(_ExecutorLauncher):
    """On this machine, each job in its own process."""

    module, name = "leyden.sweeps.executors.local", "LocalExecutor"

    def __init__(self, n_jobs: int | None = 1) -> None:
        super().__init__(n_jobs=n_jobs)


class SlurmLauncher(_ExecutorLauncher):
    """On a SLURM cluster, by submitit."""

    module, name = "leyden.sweeps.executors.slurm", "SlurmExecutor"


class RayLauncher(_ExecutorLauncher):
    """On a Ray cluster, or this machine."""

    module, name = "leyden.sweeps.executors.ray", "RayExecutor"
