"""Where a run directory is made, and how it is found again."""

import logging
import os
from pathlib import Path

from leyden.errors import UserError

log = logging.getLogger(__name__)


def make_directory(directory: Path) -> Path:
    """A new directory of this name, or of this name with a number."""
    number, path = 1, directory
    while True:
        try:
            directory.parent.mkdir(parents=True, exist_ok=True)
            path.mkdir()
            return path
        except FileExistsError as error:
            if not directory.parent.is_dir():
                raise UserError(f"paths.log_dir: {directory.parent} cannot be made ({error.strerror})") from error
            number += 1
            path = directory.with_name(f"{directory.name}_{number}")
        except OSError as error:
            raise UserError(f"paths.log_dir: {path} cannot be made ({error.strerror})") from error


def point_last(link: Path, directory: Path) -> None:
    """Let `last` beside the experiments point at the newest run."""
    temporary = link.with_name(f".last.{os.getpid()}")
    try:
        link.parent.mkdir(parents=True, exist_ok=True)
        temporary.symlink_to(os.path.relpath(directory, link.parent), target_is_directory=True)
        os.replace(temporary, link)
    except OSError as error:  # a file system, or a Windows account, without symbolic links
        log.warning("%s not set: %s", link, error)
