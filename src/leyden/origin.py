"""What a result depends on beside its config: the code, the versions of packages, the machine."""

import os
import platform
import socket
import subprocess
from importlib.metadata import PackageNotFoundError, version
from typing import Any


def origin() -> dict[str, Any]:
    """What a result depends on beside its config."""
    return {"git": _git(), "versions": _versions(), "host": socket.gethostname(), "pid": os.getpid()}


def _git() -> dict[str, Any] | None:
    """The commit of the project, and whether tracked files differ from it; None outside a repository."""

    def ask(*question: str) -> str:
        return subprocess.run(["git", *question], capture_output=True, text=True, check=True, timeout=10).stdout.strip()

    try:
        return {"commit": ask("rev-parse", "HEAD"), "dirty": bool(ask("status", "--porcelain", "--untracked-files=no"))}
    except (OSError, subprocess.SubprocessError):
        return None


def _versions() -> dict[str, str]:
    versions = {"python": platform.python_version()}
    for package in ("leyden", "torch", "torchvision", "lightning", "hydra-core", "torchmetrics"):
        try:
            versions[package] = version(package)
        except PackageNotFoundError:  # run from a folder, not installed
            continue
    return versions
