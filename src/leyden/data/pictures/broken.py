"""Which picture files cannot be read: found before a training run meets them, and remembered."""

import json
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from leyden.data.downloads import alone_in
from leyden.data.pictures.picture import read_picture
from leyden.data.threads import in_threads

RECORD = ".checked.json"  # in the folder itself: name, then size and time of the file as it was checked, and its fault


def find_broken(root: Path, names: Sequence[str]) -> dict[str, str]:
    """The files under `root` that cannot be decoded, each with its fault. Each is decoded once, until it changes."""
    with alone_in(root):
        states = {name: _state(root / name) for name in names}
        record = _read(root / RECORD)
        known = {name: record[name] for name in names if name in record and record[name][:2] == states[name]}
        unknown = [name for name in names if name not in known]
        try:
            faults = in_threads(lambda name: _fault(root / name), unknown, "Checking pictures")
            for name, fault in zip(unknown, faults, strict=True):
                known[name] = [*states[name], fault]
        finally:  # what an interrupted check has seen is kept too
            if unknown:
                _write(root / RECORD, known)
    return {name: known[name][2] for name in names if known[name][2]}


def _state(path: Path) -> list[int]:
    try:
        stat = path.stat()
    except OSError:  # a link that leads nowhere
        return [-1, -1]
    return [stat.st_size, stat.st_mtime_ns]


def _fault(path: Path) -> str:
    try:
        if not path.stat().st_size:
            return "empty"
        read_picture(path, 3)
    except Exception as error:  # each format's decoder has its own types
        return (str(error).strip() or type(error).__name__).splitlines()[0].replace(str(path), path.name)
    return ""


def _read(path: Path) -> dict[str, list[Any]]:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {name: entry for name, entry in record.items() if _is_entry(entry)} if isinstance(record, dict) else {}


def _is_entry(entry: object) -> bool:
    match entry:
        case [int(), int(), str()]:
            return True
    return False


def _write(path: Path, record: dict[str, list[Any]]) -> None:
    new = path.with_suffix(".new")
    with suppress(OSError):  # a folder that is only to be read is checked each time
        new.write_text(json.dumps(record), encoding="utf-8")
        os.replace(new, path)
