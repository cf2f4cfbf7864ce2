"""Names of the directories of sweeps and jobs, made of their settings, so that the same command finds them again."""

import hashlib
import re
from collections.abc import Iterable, Mapping
from typing import Any

from leyden.system.errors import UserError

LONGEST = 120

# Settings that do not change what a sweep computes.
_HOW = re.compile(r"(hydra|paths)[./@]|experiment$|quiet$|sweep$|sweep\.(name|on_error|n_trials|storage|study)$")


def job_name(settings: Mapping[str, Any]) -> str:
    """Name of a job's directory, such as `optimizer.lr=0.1,seed=1`.

    Args:
        settings: the swept ones: key and plain value, in any order.
    """
    if not settings:
        return "default"
    exact = ",".join(f"{key}={_exact(settings[key])}" for key in sorted(settings))
    return _file_name(",".join(f"{key}={_short(settings[key])}" for key in sorted(settings)), exact)


def sweep_name(given: str | None, search: str | None, swept: Iterable[str], constants: Mapping[str, str]) -> str:
    """Name of a sweep's directory: the swept keys, and the settings of all jobs.

    Args:
        given: `sweep.name`.
        search: the file of configs/sweep, for a search.
        swept: the keys whose values differ.
        constants: the other overrides: key and text.

    Raises:
        UserError: `sweep.name` is no name for a directory.
    """
    if given is not None:
        if not re.fullmatch(r"[\w.,=+-]+", str(given)) or not str(given).strip("."):
            raise UserError(f"sweep.name={given}: must be the name of a directory: letters, digits and _ . , = + -")
        return str(given)
    what = ",".join([*([search] if search else []), *sorted(swept)]) or "single"
    rest = ",".join(f"{key}={constants[key]}" for key in sorted(constants) if not _HOW.match(key))
    name = f"{what}__{rest}" if rest else what
    return _file_name(name, name)


def _exact(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, str) and re.fullmatch(r"[\d.,+-]*|true|false|null", value, re.IGNORECASE):
        return repr(value)  # a text that looks like another value
    return repr(value) if isinstance(value, float) else str(value)


def _short(value: Any) -> str:
    """Short text of a value, for a file name."""
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list) and not any(isinstance(item, list | dict) for item in value):
        return "-".join(map(_short, value))
    return value if isinstance(value, str) else _exact(value)


def _file_name(name: str, exact: str) -> str:
    """Name in characters that any file system allows, with a hash if that loses information."""
    plain = re.sub(r"[^\w.,=+-]", "_", name, flags=re.ASCII)
    lists = re.sub(r"[\[\] ]", "", exact)  # 16-32 stands for [16, 32]
    if len(plain) <= LONGEST and (plain == exact or plain.replace("-", ",") == lists.replace("-", ",")):
        return plain
    return f"{plain[: LONGEST - 9]}_{hashlib.sha256(exact.encode()).hexdigest()[:8]}"
