"""What executors share whose processes are started by somebody else: by a scheduler, or by a cluster's own workers."""

import os
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from signal import Signals
from typing import Any

import leyden
from leyden.sweeps.job import Job
from leyden.system.errors import UserError
from leyden.system.graceful_shutdown import STOPS


def optional(package: str, launcher: str) -> Any:
    """A package that comes with the extra of a launcher's name.

    Raises:
        UserError: it is not installed.
    """
    try:
        return import_module(package)
    except ModuleNotFoundError as error:
        if error.name != package:
            raise
        raise UserError(
            f"hydra/launcher={launcher}: {package} is not installed; uv sync --extra {launcher}, "
            f"or pip install -e '.[{launcher}]'"
        ) from error


def environment(threads: int | None) -> dict[str, str]:
    """What a worker needs beside the environment that it has.

    The project may not be installed, but run from a folder; that is to have the same place there: it is the same
    machine, or a file system that is shared.

    Args:
        threads: how many it is to have, unless the environment says so already; None to leave that to others.
    """
    made = {}
    source = Path(leyden.__file__).parents[1]
    if source.name not in ("site-packages", "dist-packages"):
        before = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
        made["PYTHONPATH"] = os.pathsep.join([str(source), *(path for path in before if path != str(source))])
    for name in ("OMP_NUM_THREADS", "POLARS_MAX_THREADS"):
        if threads is not None and name not in os.environ:
            made[name] = str(threads)
    return made


def devices(job: Job) -> int | None:
    """How many devices of a machine a job trains on; None for as many as there are."""
    wanted = job.experiment.config["trainer"].get("devices", "auto")
    if isinstance(wanted, list):
        return len(wanted)
    if isinstance(wanted, str) and "," in wanted:
        return len([device for device in wanted.split(",") if device.strip()])
    return int(wanted) if str(wanted).isdigit() else None


def gpus_of(job: Job, there_are: bool = False) -> int:
    """How many GPUs of a machine a job trains on; where it takes what there is (`auto`), it depends."""
    accelerator = job.experiment.config["trainer"].get("accelerator", "auto")
    takes = accelerator in ("gpu", "cuda") or (accelerator == "auto" and there_are)
    return (devices(job) or 1) if takes else 0


def check_numbers(launcher: str, numbers: Mapping[str, Any], least: int = 1) -> None:
    """Refuse, with a UserError, what is given and is no number, or too small."""
    for name, value in numbers.items():
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float) or value < least):
            raise UserError(
                f"hydra.launcher.{name}={value}: must be a number of at least {least} (hydra/launcher={launcher})"
            )


def cause(status: int) -> str | None:
    """What the exit status of a job's process, negative for a signal, says that the job itself has not said."""
    if status in (0, 1, *(128 + number for number in STOPS)):
        return None
    if status > 0:
        return f"ended with exit status {status}"
    return f"killed by {Signals(-status).name if -status in set(Signals) else f'signal {-status}'}"
