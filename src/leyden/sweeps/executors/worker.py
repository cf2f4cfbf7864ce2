"""Helpers of executors: checks, devices and environment of a job, cause of its exit status."""

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


def import_optional(package: str, launcher: str) -> Any:
    """Import a package of the optional dependencies of a launcher.

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
    """Environment variables to set for a worker.

    If the project is not installed but runs from a folder, workers need that folder at the same path, on the same
    machine or a shared file system.

    Args:
        threads: of a worker, unless the environment sets them already; None for its default.
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
    """Number of devices of a machine that a job trains on; None for all."""
    wanted = job.experiment.config["trainer"].get("devices", "auto")
    if isinstance(wanted, list):
        return len(wanted)
    if isinstance(wanted, str) and "," in wanted:
        return len([device for device in wanted.split(",") if device.strip()])
    return int(wanted) if str(wanted).isdigit() else None


def gpus_of(job: Job, there_are: bool = False) -> int:
    """Number of GPUs of a machine that a job trains on; with `auto` none unless there are any."""
    accelerator = job.experiment.config["trainer"].get("accelerator", "auto")
    takes = accelerator in ("gpu", "cuda") or (accelerator == "auto" and there_are)
    return (devices(job) or 1) if takes else 0


def check_numbers(launcher: str, numbers: Mapping[str, Any], least: int = 1) -> None:
    """Raise a UserError for a setting that is neither None nor a number of the least size."""
    for name, value in numbers.items():
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float) or value < least):
            raise UserError(
                f"hydra.launcher.{name}={value}: must be a number of at least {least} (hydra/launcher={launcher})"
            )


def cause(status: int) -> str | None:
    """Cause of an exit status, negative for a signal; None if the job recorded its outcome itself."""
    if status in (0, 1, *(128 + number for number in STOPS)):
        return None
    if status > 0:
        return f"ended with exit status {status}"
    return f"killed by {Signals(-status).name if -status in set(Signals) else f'signal {-status}'}"
