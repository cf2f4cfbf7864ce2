"""Files that are fetched and extracted on first use."""

import os
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from tarfile import TarError
from zipfile import BadZipFile

from filelock import FileLock

# What torchvision raises where it cannot download, or where a file is cut off. (URLError is an OSError.)
UNREADABLE = (OSError, RuntimeError, ValueError, AssertionError, EOFError, BadZipFile, TarError)


def alone_in(folder: Path) -> AbstractContextManager[object]:
    """Lets one process at a time work in a folder; where nothing can be written, nothing has to wait."""
    folder.mkdir(parents=True, exist_ok=True)
    return FileLock(folder / ".lock") if os.access(folder, os.W_OK) else nullcontext()


def reason(error: Exception) -> str:
    """Why a data set could not be had, in one line."""
    return (str(error).strip() or "a file is cut off").splitlines()[-1]
