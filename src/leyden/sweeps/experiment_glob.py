"""Experiments of a sweep over `experiment=glob(*)`: each once, and only those that need no download.

An experiment that is named, as in experiment=cifar10_cnn, is run in any case.
"""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from hydra.core.override_parser.types import Override, ValueType

from leyden.config.downloads import needed_downloads
from leyden.sweeps.job import Job
from leyden.system.errors import UserError

log = logging.getLogger(__name__)


def is_glob(override: Override | None) -> bool:
    """True for `experiment=glob(…)`."""
    return override is not None and override.value_type == ValueType.GLOB_CHOICE_SWEEP


def distinct_experiments(names: Sequence[str], folder: Path) -> list[str]:
    """Names without those of files that set nothing, and without other names of an experiment among them.

    Args:
        folder: configs/experiment.
    """
    left_out: dict[str, str] = {}
    for name in names:
        content = _read(folder / f"{name}.yaml")
        if not content and content is not None and len(names) > 1:
            left_out[name] = "sets nothing"
        elif content and content.keys() == {"defaults"} and (other := _only(content["defaults"])) in names:
            left_out[name] = f"is {other}"
    if left_out:
        log.info("left out: %s", ", ".join(f"{name} ({why})" for name, why in left_out.items()))
    return [name for name in names if name not in left_out]


def without_downloads(jobs: Sequence[Job], typed: str) -> list[Job]:
    """Jobs whose data and weights are there; the experiments of the others are logged in one line.

    Args:
        typed: the glob, for the message.

    Raises:
        UserError: there are none.
    """
    needed = [needed_downloads(job.experiment.config) for job in jobs]
    names = list(dict.fromkeys(job.experiment.name for job, what in zip(jobs, needed, strict=True) if what))
    if not names:
        return list(jobs)
    kept = [job for job, what in zip(jobs, needed, strict=True) if not what]
    what = ", ".join(dict.fromkeys(name for found in needed for name in found))
    if not kept:
        raise UserError(f"{typed}: each needs a download ({what}); to run one: python train.py experiment={names[0]}")
    log.info(
        "not run, as they need a download: %s; to run one: python train.py experiment=%s", ", ".join(names), names[0]
    )
    return kept


def _read(path: Path) -> dict[str, Any] | None:
    """Content of a YAML file; None if it cannot be read as a mapping."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        return None
    return {} if content is None else content if isinstance(content, dict) else None


def _only(defaults: Any) -> str | None:
    """The only file of a defaults list; None if it has others, or overrides a group."""
    names = [entry for entry in defaults if entry != "_self_"] if isinstance(defaults, list) else []
    return names[0] if len(names) == 1 and isinstance(names[0], str) else None
