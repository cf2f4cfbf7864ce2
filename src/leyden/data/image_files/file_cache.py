"""Facts about the files of a folder, computed once for each file and kept in the folder until the file changes."""

import json
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from leyden.data.downloads import folder_lock
from leyden.data.threads import in_threads


def cached_facts(
    root: Path,
    names: Sequence[str],
    record: str,
    compute: Callable[[Path], tuple[Any, ...]],
    types: tuple[type, ...],
    doing: str,
) -> dict[str, tuple[Any, ...]]:
    """The facts of each file under `root`, by its name.

    Args:
        record: name of the JSON file in `root` that keeps size, time and facts of each file.
        compute: the facts of a file, plain values; called in threads.
        types: of the facts; an entry of others is computed again.
        doing: for the progress bar.
    """
    path = root / record
    with folder_lock(root):
        states = {name: state_of(root / name) for name in names}
        entries = _read(path, (int, int, *types))
        known = {name: entries[name] for name in names if name in entries and tuple(entries[name][:2]) == states[name]}
        unknown = [name for name in names if name not in known]
        try:
            computed = in_threads(lambda name: compute(root / name), unknown, doing)
            for name, facts in zip(unknown, computed, strict=True):
                known[name] = [*states[name], *facts]
        finally:  # an interrupted computation is not repeated in full
            if unknown:
                _write(path, entries | known)
    return {name: tuple(known[name][2:]) for name in names}


def state_of(path: Path) -> tuple[int, int]:
    """Size and time of a file; -1 if it cannot be reached."""
    try:
        stat = path.stat()
    except OSError:  # a broken link
        return -1, -1
    return stat.st_size, stat.st_mtime_ns


def _read(path: Path, types: tuple[type, ...]) -> dict[str, list[Any]]:
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    items = entries.items() if isinstance(entries, dict) else ()
    return {name: entry for name, entry in items if isinstance(entry, list) and tuple(map(type, entry)) == types}


def _write(path: Path, entries: dict[str, list[Any]]) -> None:
    new = path.with_suffix(".new")
    with suppress(OSError):  # the facts of a read-only folder are computed each time
        new.write_text(json.dumps(entries), encoding="utf-8")
        os.replace(new, path)
