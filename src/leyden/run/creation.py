"""Creation of a run directory, and the link `last` to the newest one."""

import logging
import os
import shutil
from contextlib import suppress
from pathlib import Path

from leyden.system.errors import UserError

log = logging.getLogger(__name__)


def make_directory(directory: Path) -> Path:
    """Create a directory of this name, or of this name with a number if it is taken."""
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


class LatestLink:
    """Symbolic link `last` beside the experiments to the newest run.

    Args:
        log_dir: folder of all runs.
    """

    def __init__(self, log_dir: Path) -> None:
        self.link = log_dir / "last"
        self._absent = [folder for folder in (log_dir, *log_dir.parents) if not folder.exists()]
        self._before: Path | None = None

    def set(self, directory: Path) -> None:
        """Let it point to a run."""
        self._before = self.link.resolve() if self.link.is_symlink() else None
        temporary = self.link.with_name(f".last.{os.getpid()}")
        try:
            self.link.parent.mkdir(parents=True, exist_ok=True)
            temporary.symlink_to(os.path.relpath(directory, self.link.parent), target_is_directory=True)
            os.replace(temporary, self.link)
        except OSError as error:  # a file system, or a Windows account, without symbolic links
            log.warning("%s not set: %s", self.link, error)

    def remove_run(self, directory: Path) -> None:
        """Remove the directory of a run that was refused before it began, and what was created for it."""
        if self.link.is_symlink() and self.link.resolve() == directory.resolve():
            self.link.unlink()
            if self._before:
                self.set(self._before)
        shutil.rmtree(directory, ignore_errors=True)
        log_dir = self.link.parent
        inside = [folder for folder in directory.parents if folder.is_relative_to(log_dir) and folder != log_dir]
        for folder in (*inside, *self._absent):
            with suppress(OSError):  # it is not empty
                folder.rmdir()
