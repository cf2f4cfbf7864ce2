"""Settings of hydra/launcher=slurm, and the resources of a job."""

import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from leyden.sweeps.executors.worker import check_numbers, devices, environment, gpus_of
from leyden.sweeps.job import Job
from leyden.system.errors import UserError


@dataclass(frozen=True)
class SlurmSettings:
    """Settings of `hydra/launcher=slurm`; None for the job's or the cluster's default.

    Lightning needs one SLURM task for each device: by default `tasks_per_node` and `nodes` are the job's
    `trainer.devices` and `trainer.num_nodes`, and with `trainer.accelerator=gpu` there is a GPU for each task.
    hydra_configs/hydra/launcher/slurm.yaml describes each.
    """

    cluster: str | None = None
    n_jobs: int = 32
    timeout_min: int = 480
    max_num_timeout: int = 20
    signal_delay_s: int = 120
    nodes: int | None = None
    tasks_per_node: int | None = None
    gpus_per_node: int | None = None
    cpus_per_task: int | None = None
    mem_gb: float | None = None
    partition: str | None = None
    account: str | None = None
    qos: str | None = None
    constraint: str | None = None
    setup: Sequence[str] = ()
    additional_parameters: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.cluster not in (None, "slurm", "local"):
            raise UserError(f"hydra.launcher.cluster={self.cluster}: must be slurm or local")
        names = ("n_jobs", "timeout_min", "nodes", "tasks_per_node", "cpus_per_task")
        check_numbers("slurm", {name: getattr(self, name) for name in names})
        others = ("max_num_timeout", "signal_delay_s", "gpus_per_node", "mem_gb")
        check_numbers("slurm", {name: getattr(self, name) for name in others}, least=0)

    def parameters(self, job: Job) -> dict[str, Any]:
        """Arguments of submitit's SlurmExecutor for jobs like this one."""
        trainer = job.experiment.config["trainer"]
        tasks = self.tasks_per_node or devices(job) or self.gpus_per_node or 1
        gpus = self.gpus_per_node if self.gpus_per_node is not None else tasks * bool(gpus_of(job))
        parameters = {
            "time": self.timeout_min,
            "signal_delay_s": self.signal_delay_s,
            "nodes": self.nodes or int(trainer.get("num_nodes", 1)),
            "ntasks_per_node": tasks,
            "gpus_per_node": gpus or None,
            "cpus_per_task": self.cpus_per_task,
            "mem": f"{round(self.mem_gb * 1024)}MB" if self.mem_gb else None,
            "partition": self.partition,
            "account": self.account,
            "qos": self.qos,
            "constraint": self.constraint,
            "setup": list(self.setup) or None,
            "additional_parameters": {"requeue": True, **self.additional_parameters},  # the cluster may disable it
            "stderr_to_stdout": True,
            "srun_args": ["--kill-on-bad-exit=1"],  # otherwise the others would wait for a failed process
        }
        return {name: value for name, value in parameters.items() if value is not None}

    def local_parameters(self, job: Job) -> dict[str, Any]:
        """Arguments of submitit's LocalExecutor. Its one task starts the processes of further devices."""
        return {
            "timeout_min": self.timeout_min,
            "signal_delay_s": self.signal_delay_s,
            "gpus_per_node": gpus_of(job) if self.gpus_per_node is None else self.gpus_per_node,
            "stderr_to_stdout": True,
        }


def python(threads: int | None) -> str:
    """Shell command that starts Python for a job."""
    variables = [f"{name}={value}" for name, value in environment(threads).items()]
    return shlex.join([*(["env", *variables] if variables else []), sys.executable])
