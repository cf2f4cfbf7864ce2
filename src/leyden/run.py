"""The run directory: what one run was, did and found."""

import json
import logging
import os
import platform
import shlex
import subprocess
import time
import traceback
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from signal import Signals
from types import TracebackType
from typing import Any, Self

import yaml
from lightning.pytorch.utilities.exceptions import SIGTERMException

from leyden.config import Experiment
from leyden.errors import UserError
from leyden.processes import rank

log = logging.getLogger(__name__)


class Run:
    """An open run directory. It is a context: the way it is left becomes the run's status.

    It holds config.yaml (resolved), overrides.yaml (what was typed), run.json (status, metrics, and what the result
    depends on) and train.log, beside what callbacks and loggers write. In the second and further processes of one run
    it writes nothing.

    Args:
        experiment: its `run_dir` is made; if it is taken, a number is added.
    """

    def __init__(self, experiment: Experiment) -> None:
        self.experiment = experiment
        self.writes = rank() == 0
        self.dir = _make(experiment.run_dir) if self.writes else experiment.run_dir
        if self.dir != experiment.run_dir:  # callbacks and loggers have the directory in their settings too
            experiment.config.update(_moved(experiment.config, str(experiment.run_dir), str(self.dir)))

    def __enter__(self) -> Self:
        self._started = time.monotonic()
        self._record: dict[str, Any] = {
            "status": "running",
            "experiment": self.experiment.name,
            "command": shlex.join(["python", "train.py", *self.experiment.overrides]),
            "started": datetime.now(UTC).isoformat(timespec="seconds"),
            "seconds": 0.0,
            "seed": self.experiment.config["seed"],
            "metrics": {},
            "git": _git(),
            "versions": _versions(),
        }
        self._handler: logging.Handler = logging.NullHandler()
        if self.writes:
            self._handler = logging.FileHandler(self.dir / "train.log", encoding="utf-8")
        self._handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        logging.getLogger().addHandler(self._handler)
        if self.writes:
            # Also where no door has set up the log.
            logging.getLogger(__name__.partition(".")[0]).setLevel(logging.INFO)
            _write(self.dir / "config.yaml", yaml.safe_dump(self.experiment.config, sort_keys=False))
            _write(self.dir / "overrides.yaml", yaml.safe_dump(self.experiment.overrides))
            self._save()
            _point_last(Path(self.experiment.config["paths"]["log_dir"], "last"), self.dir)
        return self

    def finish(self, metrics: dict[str, float]) -> None:
        """Keep the result."""
        self._record |= {"status": "finished", "metrics": metrics}

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        signal = _signal(error)
        if signal:
            self._record |= {"status": "interrupted", "error": signal.name}
            log.warning("interrupted by %s; kept in %s", signal.name, self.dir)
        elif error is not None:
            self._record |= {"status": "failed", "error": f"{type(error).__name__}: {error}"}
        self._record["seconds"] = round(time.monotonic() - self._started, 3)
        logging.getLogger().removeHandler(self._handler)
        self._handler.close()
        if self.writes:
            self._save()
            if error is not None and not signal:  # after the record: on a full disk the status counts for more
                with (self.dir / "train.log").open("a", encoding="utf-8") as file:
                    traceback.print_exception(error, file=file)
        if signal:  # Lightning would exit with 0 or 1
            raise SystemExit(128 + signal) from None

    def _save(self) -> None:
        _write(self.dir / "run.json", json.dumps(self._record, indent=2) + "\n")


def _make(directory: Path) -> Path:
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


def _moved(value: Any, old: str, new: str) -> Any:
    """A config with every path that begins with one directory in another."""
    if isinstance(value, dict):
        return {key: _moved(inner, old, new) for key, inner in value.items()}
    if isinstance(value, list):
        return [_moved(inner, old, new) for inner in value]
    inside = isinstance(value, str) and (value == old or value.startswith((old + "/", old + os.sep)))
    return new + value[len(old) :] if inside else value


def _write(path: Path, text: str) -> None:
    """Replace a file whole, so that a reader never meets half of it."""
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_text(text, encoding="utf-8")
    os.replace(temporary, path)


def _point_last(link: Path, directory: Path) -> None:
    """Let `last` beside the experiments point at the newest run."""
    temporary = link.with_name(f".last.{os.getpid()}")
    try:
        temporary.symlink_to(os.path.relpath(directory, link.parent), target_is_directory=True)
        os.replace(temporary, link)
    except OSError as error:  # a file system, or a Windows account, without symbolic links
        log.warning("%s not set: %s", link, error)


def _signal(error: BaseException | None) -> Signals | None:
    """The signal that an exception stands for."""
    if isinstance(error, SIGTERMException):
        return Signals.SIGTERM
    if isinstance(error, KeyboardInterrupt) or (
        isinstance(error, SystemExit) and isinstance(error.__context__, KeyboardInterrupt)
    ):
        return Signals.SIGINT
    return None


def _git() -> dict[str, Any] | None:
    """The commit that is checked out, and whether tracked files differ from it; None outside a repository."""

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
