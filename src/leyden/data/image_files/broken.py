"""Image files that cannot be read, and the digests of all: found before a training run uses them, and recorded."""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from leyden.data.downloads import alone_in
from leyden.data.image_files.decoding import read_image
from leyden.data.threads import in_threads

RECORD = ".checked.json"  # in the folder itself: each file's size, time, fault and digest
Entry = tuple[int, int, str, int]


def check_files(root: Path, names: Sequence[str]) -> dict[str, Entry]:
    """Size, time, fault (empty for none) and digest of files under `root`. Each is decoded once, until it changes."""

    def check(name: str) -> Entry:
        return *states[name], _fault(root / name), _digest(root / name)

    with alone_in(root):
        states = {name: state_of(root / name) for name in names}
        record = _read(root / RECORD)
        known = {name: record[name] for name in names if name in record and record[name][:2] == states[name]}
        unknown = [name for name in names if name not in known]
        try:
            for name, entry in zip(unknown, in_threads(check, unknown, "Checking images"), strict=True):
                known[name] = entry
        finally:  # what an interrupted check has found is recorded too
            if unknown:
                _write(root / RECORD, known)
    return known


def state_of(path: Path) -> tuple[int, int]:
    """Size and time of a file; -1 where it cannot be reached."""
    try:
        stat = path.stat()
    except OSError:  # a link that leads nowhere
        return -1, -1
    return stat.st_size, stat.st_mtime_ns


def _digest(path: Path) -> int:
    try:
        with path.open("rb") as file:
            return int.from_bytes(hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=8)).digest(), "little")
    except OSError:  # its fault says so
        return 0


def _fault(path: Path) -> str:
    try:
        if not path.stat().st_size:
            return "empty"
        read_image(path, 3)
    except Exception as error:  # each format's decoder has its own types
        return (str(error).strip() or type(error).__name__).splitlines()[0].replace(str(path), path.name)
    return ""


def _read(path: Path) -> dict[str, Entry]:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    items = record.items() if isinstance(record, dict) else ()
    return {name: entry for name, value in items if (entry := _entry(value))}


def _entry(value: object) -> Entry | None:
    match value:
        case [int(size), int(time), str(fault), int(digest)]:
            return size, time, fault, digest
    return None


def _write(path: Path, record: Mapping[str, Entry]) -> None:
    new = path.with_suffix(".new")
    with suppress(OSError):  # a folder that is only to be read is checked each time
        new.write_text(json.dumps(record), encoding="utf-8")
        os.replace(new, path)
