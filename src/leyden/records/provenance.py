"""Provenance of a result beside its config: the code, the versions of packages, the machine."""

import hashlib
import os
import platform
import shutil
import socket
import subprocess
import tempfile
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from leyden import __version__

_OWN = ("src", "configs")  # folders in which a file that git does not know counts as a change
_LARGEST = 1_000_000  # bytes of changes that are kept


@dataclass(frozen=True)
class Code:
    """State of the project's git repository.

    Attributes:
        commit: full hash of HEAD.
        dirty: whether tracked files differ from it, or src/ or configs/ have new files that git does not ignore.
        changes: the difference as a patch for `git apply` on top of the commit; None if there is none, if it has more
            than 1 MB, or if git cannot read it.
    """

    commit: str
    dirty: bool = False
    changes: bytes | None = None

    def as_record(self) -> dict[str, Any]:
        """Plain values for run.json; changes by their SHA-256."""
        record: dict[str, Any] = {"commit": self.commit, "dirty": self.dirty}
        if self.dirty:
            record["changes"] = None if self.changes is None else hashlib.sha256(self.changes).hexdigest()
        return record


def read_code() -> Code | None:
    """The state of the repository that the current directory is in; None outside one, and before its first commit."""
    try:
        commit = _git("rev-parse", "HEAD").decode().strip()
    except (OSError, subprocess.SubprocessError):
        return None
    try:
        top = Path(os.fsdecode(_git("rev-parse", "--show-toplevel")).rstrip("\n"))
        folders = [folder for folder in _OWN if (top / folder).is_dir()]
        new = _git("ls-files", "-z", "--others", "--exclude-standard", "--", *folders, cwd=top) if folders else b""
        if not new and not _git("status", "--porcelain", "--untracked-files=no"):
            return Code(commit)
        files = [top / os.fsdecode(name) for name in new.split(b"\0") if name]
        if sum(path.lstat().st_size for path in files) > _LARGEST:
            return Code(commit, dirty=True)
        changes = _changes(top, folders)
    except (OSError, subprocess.SubprocessError):  # such as a repository within this one, or a file without permission
        return Code(commit, dirty=True)
    return Code(commit, True, changes if len(changes) <= _LARGEST else None)


def provenance(code: Code | None = None) -> dict[str, Any]:
    """Code, versions, host and process as plain values; `code` if it has been read already."""
    code = code or read_code()
    git = code.as_record() if code else None
    return {"git": git, "versions": _versions(), "host": socket.gethostname(), "pid": os.getpid()}


def _changes(top: Path, folders: list[str]) -> bytes:
    """Difference between the commit and the working tree, new files of some folders included."""
    index = Path(os.fsdecode(_git("rev-parse", "--path-format=absolute", "--git-path", "index")).rstrip("\n"))
    with tempfile.TemporaryDirectory() as folder:
        own = os.environ | {"GIT_INDEX_FILE": str(Path(folder, "index"))}  # the user's own index stays unchanged
        if index.is_file():
            shutil.copy(index, own["GIT_INDEX_FILE"])
        if folders:
            _git("add", "--intent-to-add", "--", *folders, cwd=top, env=own)
        return _git("diff", "--binary", "--no-color", "--no-ext-diff", "HEAD", cwd=top, env=own)


def _git(*arguments: str, cwd: Path | None = None, env: dict[str, str] | None = None) -> bytes:
    return subprocess.run(["git", *arguments], capture_output=True, check=True, timeout=10, cwd=cwd, env=env).stdout


def _versions() -> dict[str, str]:
    versions = {"python": platform.python_version(), "leyden": __version__}
    for package in ("torch", "torchvision", "lightning", "hydra-core", "torchmetrics"):
        try:
            versions[package] = version(package)
        except PackageNotFoundError:  # run from a folder, not installed
            continue
    return versions
