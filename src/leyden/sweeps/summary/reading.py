"""Find a sweep's directory, and read its sweep.json."""

import json
import os
from pathlib import Path
from typing import Any

from leyden.records.record import RECORD, SWEEP, parse_time
from leyden.system.errors import UserError
from leyden.system.locks import is_live

_NAMED = 5  # sweeps in an error message


def find_sweep(name: str, log_dir: str | Path = "logs") -> Path:
    """Directory of a sweep.

    Args:
        name: a directory, or the sweep.json in it; or `last`, the newest below `log_dir`.
        log_dir: directory of all runs.

    Raises:
        UserError: it does not exist, or is not a sweep; the message names sweeps below it.
    """
    if name == "last" and not Path(name).is_dir():
        if not (found := _sweeps(log_dir)):
            raise UserError(
                f"last: there is no sweep in {log_dir} yet; start one: python train.py -m optimizer.lr=0.1,0.01"
            )
        return found[0]
    path = Path(name).expanduser()
    path = path.parent if path.name == SWEEP else path
    if not path.is_dir():
        raise UserError(f"{name}: no such directory; give that of a sweep, or last")
    if not (path / SWEEP).is_file():
        if below := _sweeps(path):
            more = f" and {len(below) - _NAMED} more" if len(below) > _NAMED else ""
            there = ", ".join(map(str, below[:_NAMED]))
            raise UserError(f"{name}: is not a sweep, it has no {SWEEP}; the newest below it: {there}{more}")
        raise UserError(f"{name}: is not a sweep, it has no {SWEEP}; python scripts/runs.py {name} lists its runs")
    return path


def read_sweep(sweep_dir: Path) -> dict[str, Any]:
    """Content of sweep.json, with the status `killed` if it says running but no process is.

    Raises:
        UserError: it cannot be read, or has no jobs.
    """
    path = sweep_dir / SWEEP
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        why = " ".join(str(error).split())
        raise UserError(f"{path}: cannot be read ({why}); python scripts/runs.py {sweep_dir} lists its runs") from error
    if not isinstance(content, dict) or not isinstance(content.get("jobs"), list):
        raise UserError(f"{path}: is not the record of a sweep; python scripts/runs.py {sweep_dir} lists its runs")
    if content.get("status") == "running" and not is_live(sweep_dir):
        content["status"] = "killed"
    return content


def _sweeps(directory: str | Path) -> list[Path]:
    """Sweeps below a directory, the newest first."""
    found = [Path(folder) for folder, inside, files in os.walk(directory) if _is_sweep(inside, files)]
    return sorted(found, key=_began, reverse=True)


def _is_sweep(inside: list[str], files: list[str]) -> bool:
    """True if a folder is a sweep; nothing below a sweep or a run is searched."""
    if SWEEP in files or RECORD in files:
        inside.clear()
    return SWEEP in files


def _began(sweep_dir: Path) -> float:
    try:
        content = json.loads((sweep_dir / SWEEP).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        content = None
    began = parse_time(content.get("started")) if isinstance(content, dict) else None
    return began.timestamp() if began else (sweep_dir / SWEEP).stat().st_mtime
