"""Executor on Ray (https://docs.ray.io): a cluster, or this machine."""

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
from leyden.sweeps.executors.worker import cause, check_numbers, environment, gpus_of, import_optional
from leyden.sweeps.job import Job
from leyden.system.errors import UserError
from leyden.system.processes import cpus

log = logging.getLogger(__name__)

_PATIENCE = 10.0  # seconds for remaining jobs to stop by themselves
_RAYS_OWN = {
    "RAY_USAGE_STATS_ENABLED": "0",  # no telemetry
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",  # otherwise each worker under `uv run` creates an environment
    "RAY_kill_child_processes_on_worker_exit": "false",  # they stop by themselves, with a checkpoint
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "1",  # a job without GPUs sees none
}
_OBJECTS = 100 * 2**20  # bytes of shared memory, which is not used


class RayExecutor:
    """Executes jobs as tasks of Ray, each of which starts a process for its job.

    Workers need this folder and this Python at the same paths: on the same machine, or a shared file system. A local
    cluster ends with the sweep, and its jobs stop with a checkpoint.

    Args:
        address: of a running cluster, `auto` or `host:port`; None for a local one for this sweep.
        n_jobs: jobs at a time; None for as many as CPUs and GPUs allow.
        num_cpus: CPUs and threads of each job; None for its share of this machine, or 1 on a cluster.
        num_gpus: GPUs of each job; None for `trainer.devices`, if the Trainer uses GPUs and there are any.
        init: further arguments of `ray.init`.
    """

    stops_in_handler = False

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
        self._running: dict[Any, Job] = {}  # by Ray's reference to the result
        self._stops = 0
        self._ray: Any = None
        self.output: Path | None = None

    def open(self, sweep_dir: Path, jobs: Sequence[Job]) -> None:
        for name, value in _RAYS_OWN.items():
            os.environ.setdefault(name, value)
        ray = import_optional("ray", "ray")
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
            raise UserError(f"hydra/launcher=ray: Ray cannot be started or reached ({why})") from error
        finally:
            if threading.current_thread() is threading.main_thread():
                signal.signal(signal.SIGTERM, before)  # Ray's handler would exit at once
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
        self.output = sweep_dir.resolve() / OUTPUT
        self.output.mkdir(parents=True, exist_ok=True)
        self._environment = environment(each)
        if STORAGE in os.environ:  # a cluster's workers have their own environment
            self._environment[STORAGE] = os.environ[STORAGE]
        self._work = ray.remote(num_cpus=each, num_gpus=gpus, max_retries=0)(_task())

    def is_submitted(self, job: Job) -> bool:
        return False

    def start(self, job: Job) -> None:
        assert self.output is not None
        output, here = str(self.output / f"{job.name}.txt"), str(Path.cwd())
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
            self._ray.cancel(result, force=self._stops > 1)  # the job's process notices by its pipe

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


def _task() -> Callable[..., int]:
    """Task of Ray. A nested function is sent as code, not by name: the worker need not import this project."""

    def run(job: bytes, python: str, output: str, directory: str, variables: dict[str, str]) -> int:
        """Run a job in its own process; returns its exit status."""
        import os
        import signal
        import subprocess
        import time

        with open(output, "ab") as file:  # noqa: PTH123
            process = subprocess.Popen(
                [python, "-u", "-m", "leyden.sweeps.executors.job_from_stdin"],
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
            except BrokenPipeError:  # it has ended already
                pass
            while process.poll() is None:
                time.sleep(0.1)
            return process.returncode
        finally:
            signal.signal(signal.SIGINT, before)

    return run
