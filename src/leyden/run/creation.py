"""Creation of a run directory, and the file `last` with the path of the newest one."""

import logging
import os
import shutil
from contextlib import suppress
from pathlib import Path

from leyden.records.record import LATEST, latest_run
from leyden.system.atomic_files import write_text
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


class LatestRun:
    """The file `last` beside the experiments, which names the newest run.

    Args:
        log_dir: folder of all runs.
    """

    def __init__(self, log_dir: Path) -> None:
        self.log_dir = log_dir
        self.pointer = log_dir / LATEST
        self._absent = [folder for folder in (log_dir, *log_dir.parents) if not folder.exists()]
        self._before: Path | None = None

    def set(self, directory: Path) -> None:
        """Let it name a run."""
        self._before = latest_run(self.log_dir)
        try:
            self.log_dir.mkdir(parents=True, exist_ok=True)
            write_text(self.pointer, f"{Path(os.path.relpath(directory, self.log_dir)).as_posix()}\n")
        except (OSError, ValueError) as error:  # or on another drive
            log.warning("%s not set: %s", self.pointer, error)

    def remove_run(self, directory: Path) -> None:
        """Remove the directory of a run that was refused before it began, and what was created for it."""
        latest = latest_run(self.log_dir)
        if latest and latest.resolve() == directory.resolve():
            self.pointer.unlink(missing_ok=True)
            if self._before:
                self.set(self._before)
        shutil.rmtree(directory, ignore_errors=True)
        log_dir = self.log_dir
        inside = [folder for folder in directory.parents if folder.is_relative_to(log_dir) and folder != log_dir]
        for folder in (*inside, *self._absent):
            with suppress(OSError):  # it is not empty
                folder.rmdir()
