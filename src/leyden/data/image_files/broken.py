"""Broken image files, found before a training run uses them; and the digests of all."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from leyden.data.image_files.decoding import read_image
from leyden.data.image_files.file_cache import cached_facts
from leyden.data.image_files.opening import cause

RECORD = ".checked.json"


def check_files(root: Path, names: Sequence[str]) -> dict[str, tuple[str, int]]:
    """Fault (empty if there is none) and digest of files under `root`. Each is decoded once, until it changes."""
    facts = cached_facts(root, names, RECORD, lambda path: (_fault(path), _digest(path)), (str, int), "Checking images")
    return {name: (fault, digest) for name, (fault, digest) in facts.items()}


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
        return cause(error).replace(str(path), path.name)
    return ""
