"""A run directory on disk: its files, its record, its lock, and how a command finds it.

Nothing here imports torch, so that runs are listed, and a wrong name is reported, at once.
"""

import json
import math
import os
import shlex
import socket
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml
from filelock import FileLock, Timeout

from leyden.system.atomic_files import previous, write_text
from leyden.system.errors import UserError
from leyden.system.locks import hold, is_alive, is_live

CONFIG, OVERRIDES, RECORD, LOG, SWEEP = "config.yaml", "overrides.yaml", "run.json", "train.log", "sweep.json"
CHECKPOINTS, CHANGES = "checkpoints", "changes.patch"
LATEST = "last"  # the name of the newest run, and of the file with its path

Record = dict[str, Any]


class InUseError(UserError):
    """Another process is writing into a run directory."""


def find_run(name: str, log_dir: str | Path, setting: str = "run") -> Path:
    """The directory of a run.

    Args:
        name: a directory; or `last`, the newest below `log_dir`.
        log_dir: where runs are kept.
        setting: that the name is a value of, for the messages.

    Raises:
        UserError: it does not exist, or is not a run.
    """
    path = Path(name).expanduser()
    if name == LATEST or (path.name == LATEST and path.is_file()):
        log_dir = log_dir if name == LATEST else path.parent
        path = latest_run(log_dir) or Path(log_dir, LATEST)
        name = LATEST
    lists = f"python scripts/runs.py{'' if str(log_dir) == 'logs' else f' {shlex.quote(str(log_dir))}'} lists them"
    if path.is_file() and name != LATEST:
        raise UserError(f"{setting}={name}: is a file; use the run's directory{_run_of(path, setting)}")
    if not path.is_dir():
        why = f"there is no run in {log_dir} yet" if name == LATEST else "there is no such directory"
        raise UserError(f"{setting}={name}: {why}{_newest(Path(log_dir, name), setting) or f'; {lists}'}")
    if (path / SWEEP).is_file():
        raise UserError(
            f"{setting}={name}: is a sweep; python scripts/summarize.py {shlex.quote(name)} names its best run"
        )
    if not (path / CONFIG).is_file():
        raise UserError(f"{setting}={name}: is not a run, it has no {CONFIG}{_newest(path, setting) or f'; {lists}'}")
    if name != LATEST and not path.is_symlink():
        return path
    path, here = path.resolve(), Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def latest_run(log_dir: str | Path) -> Path | None:
    """Directory of the newest run, which may be gone; None if none is recorded.

    The file `last` has its path, relative to the folder of all runs. A link would make TensorBoard list the run twice;
    one of an older version is followed.
    """
    pointer = Path(log_dir, LATEST)
    if pointer.is_symlink():
        return pointer.resolve()
    try:
        text = pointer.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return None
    return Path(log_dir, text) if text else None


def _run_of(path: Path, setting: str) -> str:
    """The setting for the run that a file belongs to."""
    if path.parent.name == CHECKPOINTS and (path.parents[1] / CONFIG).is_file():
        which = f" ckpt={shlex.quote(path.stem)}" if setting == "run" else ""
        return f"; write {setting}={shlex.quote(str(path.parents[1]))}{which}"
    if (path.parent / CONFIG).is_file():
        return f"; write {setting}={shlex.quote(str(path.parent))}"
    return ", and which checkpoint as in ckpt=last"


def _newest(folder: Path, setting: str) -> str:
    """A hint at the newest run in a folder or up to two levels below it; empty if there is none."""
    below = [path.parent for pattern in (CONFIG, f"*/{CONFIG}", f"*/*/{CONFIG}") for path in folder.glob(pattern)]
    below = [run for run in below if (run / RECORD).is_file()]
    if not below:
        return ""
    newest = max(below, key=lambda run: (run / CONFIG).stat().st_mtime)
    return f"; did you mean {setting}={shlex.quote(str(newest))}?"


def find_runs(log_dir: str | Path) -> Iterator[Path]:
    """All run directories below a folder, unordered, including those of sweeps and debug runs."""
    for folder, inside, files in os.walk(log_dir):
        if RECORD in files:
            inside.clear()
            yield Path(folder)


def checkpoint_of(run_dir: Path, name: str, setting: str = "ckpt") -> Path:
    """The file of a checkpoint: `best`, `last`, another name in the run's folder of checkpoints, or a path.

    `best` is the one that the run's callback recorded as the best, of any file name; for a run without best weights it
    is the last one. The file may be missing if its previous version exists.

    Raises:
        UserError: it does not exist.
    """
    folder = run_dir / CHECKPOINTS
    path = Path(name).expanduser()
    if name == "best":
        candidates = _best_of(run_dir)
    elif path.suffix == ".ckpt":
        candidates = [folder / name, path]
    else:
        candidates = [folder / f"{name}.ckpt"]
    for candidate in candidates:
        if candidate.is_file() or previous(candidate).is_file():
            return candidate
    raise UserError(
        f"{setting}={name}: {run_dir} has no such checkpoint; there are: {', '.join(sorted(_names(folder))) or 'none'}"
    )


def _best_of(run_dir: Path) -> list[Path]:
    """The files that may hold the best weights.

    The record names one, as of the start of the epoch. If that file is gone since, the only other one has replaced it.
    """
    folder = run_dir / CHECKPOINTS
    record = read_record(run_dir) if (run_dir / RECORD).is_file() else {}
    noted, others = record.get("best_checkpoint"), sorted(_names(folder) - {"last"})
    if noted is None and "best_checkpoint" in record:  # the run keeps no best weights
        return [folder / "last.ckpt"]
    if not noted:
        return [folder / "best.ckpt", *([] if others else [folder / "last.ckpt"])]
    return [folder / str(noted), *(folder / f"{name}.ckpt" for name in others if len(others) == 1)]


def _names(folder: Path) -> set[str]:
    """Names of the checkpoints in a folder and below, without those of previous versions."""
    paths = (path.relative_to(folder).with_suffix("") for path in folder.rglob("*.ckpt"))
    return {str(path).removesuffix(".previous") for path in paths}


def has_checkpoint(run_dir: Path) -> bool:
    """True if there is a checkpoint to resume from, complete or not."""
    return any((run_dir / CHECKPOINTS).glob("last*.ckpt"))


def read_record(run_dir: Path) -> Record:
    """The content of run.json.

    Raises:
        UserError: it cannot be read.
    """
    path = run_dir / RECORD
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read ({error})") from error
    metrics = (content.get("metrics") or {}) if isinstance(content, dict) else None
    if not isinstance(metrics, dict):
        raise UserError(f"{path}: is not the record of a run")
    return {**content, "metrics": {name: math.nan if value is None else value for name, value in metrics.items()}}


def write_record(run_dir: Path, record: Mapping[str, Any]) -> None:
    """Replace run.json atomically; NaN and infinities are null."""
    write_text(run_dir / RECORD, json.dumps(finite(record), indent=2, allow_nan=False) + "\n")


def finite(value: Any) -> Any:
    """Plain values with null for NaN and infinities, which strict JSON does not have."""
    if isinstance(value, Mapping):
        return {str(key): finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def read_yaml(path: Path) -> Any:
    """The content of a YAML file of a run.

    Raises:
        UserError: it cannot be read.
    """
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise UserError(f"{path}: cannot be read ({' '.join(str(error).split())})") from error


def status(run_dir: Path, record: Mapping[str, Any]) -> str:
    """The recorded status; `killed` if that is `running` and no process holds the run's lock."""
    recorded = str(record.get("status"))
    return "killed" if recorded == "running" and not is_live(run_dir) else recorded


def check_free(run_dir: Path, setting: str) -> None:
    """Refuse a run directory that another process of this machine writes into; `lock` refuses the rest.

    Raises:
        InUseError: one does.
    """
    record = read_record(run_dir) if (run_dir / RECORD).exists() else {}
    is_here = record.get("status") == "running" and record.get("host") == socket.gethostname()
    if is_here and is_alive(record.get("pid")) and is_live(run_dir):
        raise _in_use(run_dir, setting, record)


def _in_use(run_dir: Path, setting: str, record: Mapping[str, Any]) -> InUseError:
    process = f"process {record.get('pid')} on {record.get('host')}"
    return InUseError(f"{setting}={run_dir}: is in use by {process}; wait for it, or end it")


def lock(run_dir: Path, setting: str = "run") -> FileLock:
    """The right to write into a run directory, until it is released or the process ends.

    Raises:
        InUseError: another process has it.
        UserError: the directory cannot be written.
    """
    record = read_record(run_dir) if (run_dir / RECORD).exists() else {}
    try:
        return hold(run_dir, record)
    except Timeout as error:
        raise _in_use(run_dir, setting, record) from error
    except OSError as error:
        raise UserError(f"{setting}={run_dir}: cannot be written ({error.strerror})") from error


def rebase_paths(value: Any, old: str, new: str) -> Any:
    """A config in which every path below one directory is below another, to which a run was moved."""
    if isinstance(value, dict):
        return {key: rebase_paths(inner, old, new) for key, inner in value.items()}
    if isinstance(value, list):
        return [rebase_paths(inner, old, new) for inner in value]
    inside = isinstance(value, str) and (value == old or value.startswith((old + "/", old + "\\")))
    return new + value[len(old) :] if inside else value


def of_type(kind: type | tuple[type, ...], value: Any) -> Any:
    """The value if it has this type, else None: a record may have been written by any program."""
    return value if isinstance(value, kind) and not isinstance(value, bool) else None


def parse_time(value: Any) -> datetime | None:
    """Local time from ISO 8601; None for anything else."""
    try:
        return datetime.fromisoformat(value).astimezone()
    except (TypeError, ValueError, OverflowError):
        return None
