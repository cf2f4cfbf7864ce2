"""Jobs on a Ray cluster (https://docs.ray.io), or on this machine by Ray's rules."""

import logging
import os
import pickle
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from signal import Signals
from typing import Any

from omegaconf import OmegaConf

from leyden.config.experiment import STORAGE
from leyden.sweeps.executors.executor import OUTPUT, Ended
from leyden.sweeps.executors.worker import cause, check_numbers, environment, gpus_of, optional
from leyden.sweeps.job import Job
from leyden.system.errors import UserError
from leyden.system.processes import cpus

log = logging.getLogger(__name__)

_PATIENCE = 10.0  # seconds in which jobs that are left may stop by themselves
_RAYS_OWN = {
    "RAY_USAGE_STATS_ENABLED": "0",  # nobody is told that it is used
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",  # or under `uv run` each worker would make an environment of its own
    "RAY_kill_child_processes_on_worker_exit": "false",  # they stop by themselves, with a checkpoint
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "1",  # a job that asks for no GPU sees none
}
_OBJECTS = 100 * 2**20  # bytes of shared memory: nothing is kept there


class Ray:
    """Executes jobs as tasks of Ray, each in a process of its own that the task starts.

    Workers are to find this folder and this Python where they are here: on the same machine, or a file system that is
    shared. A cluster of this machine only ends with the sweep, as do its jobs, which stop with a checkpoint.

    Args:
        address: of a cluster that runs already, `auto` or `host:port`; None for one of this machine, for this sweep.
        n_jobs: how many at a time; None for as many as there are CPUs and GPUs for.
        num_cpus: of each job, which has as many threads; None: on this machine its share, elsewhere 1.
        num_gpus: likewise; None for `trainer.devices`, if the Trainer takes GPUs and there are any.
        init: further arguments of `ray.init`.
    """

    prompt = False

    def __init__(
        self,
        address: str | None = None,
        n_jobs: int | None = None,
        num_cpus: int | None = None,
        num_gpus: float | None = None,
        init: Mapping[str, Any] | None = None,
    ) -> None:
        check_numbers("ray", {"n_jobs": n_jobs, "num_cpus": num_cpus})
        check_numbers("ray", {"num_gpus": num_gpus}, least=0)
        self.address, self.slots = address, n_jobs or 1
        self._n_jobs, self._num_cpus, self._num_gpus = n_jobs, num_cpus, num_gpus
        self._init: dict[str, Any] = dict(OmegaConf.to_object(OmegaConf.create(dict(init or {}))))  # type: ignore[arg-type]
        self._running: dict[Any, Job] = {}  # by what Ray calls the result to be
        self._stops = 0
        self._ray: Any = None

    def open(self, sweep_dir: Path, jobs: Sequence[Job]) -> None:
        for name, value in _RAYS_OWN.items():
            os.environ.setdefault(name, value)
        ray = optional("ray", "ray")
        cores = cpus()
        each = self._num_cpus or (max(1, cores // (self._n_jobs or cores)) if self.address is None else 1)
        arguments: dict[str, Any] = {"include_dashboard": False, "log_to_driver": False, "logging_level": "ERROR"}
        if self.address is None:
            arguments |= {"num_cpus": max(cores, each * (self._n_jobs or 1)), "object_store_memory": _OBJECTS}
        before = signal.getsignal(signal.SIGTERM)
        try:
            ray.init(self.address or "local", **{**arguments, **self._init})
        except (ConnectionError, ValueError, TypeError, RuntimeError, OSError) as error:
            why = " ".join(str(error).split())
            raise UserError(f"hydra/launcher=ray: Ray cannot be started, or reached ({why})") from error
        finally:
            if threading.current_thread() is threading.main_thread():
                signal.signal(signal.SIGTERM, before)  # Ray's would leave at once
        self._ray = ray
        there = ray.cluster_resources()
        gpus = self._num_gpus if self._num_gpus is not None else gpus_of(jobs[0], "GPU" in there)
        most = min([there.get("CPU", 0) / each, *([there.get("GPU", 0) / gpus] if gpus else [])])
        if most < 1:
            self.close()
            raise UserError(
                f"hydra/launcher=ray: a job needs {each} CPUs and {gpus:g} GPUs, and there are {there.get('CPU', 0):g} "
                f"and {there.get('GPU', 0):g}; give hydra.launcher.num_cpus, hydra.launcher.num_gpus"
            )
        self.slots = self._n_jobs or int(most)
        self._output = (sweep_dir / OUTPUT).resolve()
        self._output.mkdir(parents=True, exist_ok=True)
        self._environment = environment(each)
        if STORAGE in os.environ:  # a cluster's workers have an environment of their own
            self._environment[STORAGE] = os.environ[STORAGE]
        self._work = ray.remote(num_cpus=each, num_gpus=gpus, max_retries=0)(_made())

    def holds(self, job: Job) -> bool:
        return False

    def start(self, job: Job) -> None:
        output, here = str(self._output / f"{job.name}.txt"), str(Path.cwd())
        result = self._work.remote(pickle.dumps(job), sys.executable, output, here, self._environment)
        self._running[result] = job

    def wait(self, seconds: float) -> list[Ended]:
        if not self._running:
            return []
        ready, _ = self._ray.wait(list(self._running), timeout=seconds)
        if ready:
            ready, _ = self._ray.wait(list(self._running), num_returns=len(self._running), timeout=0)
        return [Ended(self._running.pop(result), self._cause(result)) for result in ready]

    def _cause(self, result: Any) -> str | None:
        try:
            return cause(self._ray.get(result))
        except self._ray.exceptions.TaskCancelledError:
            return "cancelled"
        except self._ray.exceptions.OutOfMemoryError:
            return "out of memory: Ray ended its worker"
        except self._ray.exceptions.RayError as error:
            return f"Ray: {str(error).strip().partition(chr(10))[0]}"

    def stop(self, signal: Signals) -> None:
        self._stops += 1
        for result in self._running:
            self._ray.cancel(result, force=self._stops > 1)  # of which a job's own process learns by its pipe

    def close(self) -> None:
        if self._ray is None:
            return
        for force in (False, True):
            for result in self._running:
                self._ray.cancel(result, force=force)
            until = time.monotonic() + _PATIENCE
            while self._running and time.monotonic() < until:
                self.wait(0.2)
        self._ray.shutdown()
        self._ray = None


def _made() -> Callable[..., int]:
    """The task. It is made here for Ray to send its code, and not its name: a worker need not find this project."""

    def perform(job: bytes, python: str, output: str, directory: str, variables: dict[str, str]) -> int:
        """Let a process of its own perform a job; returns its exit status."""
        import os
        import signal
        import subprocess
        import time

        with open(output, "ab") as file:  # noqa: PTH123
            process = subprocess.Popen(
                [python, "-u", "-m", "leyden.sweeps.executors.child"],
                stdin=subprocess.PIPE,
                stdout=file,
                stderr=subprocess.STDOUT,
                cwd=directory,
                env={**os.environ, **variables},
                start_new_session=True,
            )
        before = signal.signal(signal.SIGINT, lambda *_: process.send_signal(signal.SIGINT))  # by ray.cancel
        try:
            assert process.stdin is not None
            try:
                process.stdin.write(job)
                process.stdin.flush()
            except BrokenPipeError:  # it has ended, and has a status
                pass
            while process.poll() is None:
                time.sleep(0.1)
            return process.returncode
        finally:
            signal.signal(signal.SIGINT, before)

    return perform
