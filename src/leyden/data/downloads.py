"""Data sets that are downloaded and extracted on first use."""

import os
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from tarfile import TarError
from zipfile import BadZipFile

from filelock import FileLock

# Raised by torchvision if a download fails or a file is cut off. (URLError is an OSError.)
DOWNLOAD_ERRORS = (OSError, RuntimeError, ValueError, AssertionError, EOFError, BadZipFile, TarError)


def folder_lock(folder: Path) -> AbstractContextManager[object]:
    """Lock that lets one process at a time work in a folder; no lock if the folder is read-only."""
    folder.mkdir(parents=True, exist_ok=True)
    return FileLock(folder / ".lock") if os.access(folder, os.W_OK) else nullcontext()


def failure_reason(error: Exception) -> str:
    """One line on why a data set is not available."""
    return (str(error).strip() or "a file is cut off").splitlines()[-1]
