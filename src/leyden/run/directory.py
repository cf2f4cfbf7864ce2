"""Open run directory: config, record, log and status of one run."""

import logging
import shlex
import sys
import time
import traceback
from collections.abc import Mapping
from logging.handlers import MemoryHandler
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import yaml

from leyden.checkpoints.files import newest_whole, read_checkpoint
from leyden.config.experiment import Experiment
from leyden.data.module import DataModule
from leyden.records.projects import project_packages
from leyden.records.provenance import read_code
from leyden.records.record import (
    CHANGES,
    CHECKPOINTS,
    CONFIG,
    LOG,
    OVERRIDES,
    RECORD,
    lock,
    read_record,
    rebase_paths,
    write_record,
)
from leyden.run.creation import LatestRun, make_directory
from leyden.run.history import cut_history, event_files, restore_previous_checkpoint
from leyden.run.new_record import continued_record, new_record
from leyden.run.split_record import SPLIT, write_split
from leyden.system.atomic_files import full_disk, remove_leftovers, replacing, write_text
from leyden.system.console import LogFile
from leyden.system.errors import UserError
from leyden.system.graceful_shutdown import GracefulShutdown, interruption
from leyden.system.processes import rank

log = logging.getLogger(__name__)


class Run:
    """Open run directory, a context manager: the way it is left becomes the status of the run.

    It contains config.yaml (resolved), overrides.yaml (as typed), run.json (status, metrics and provenance) and
    train.log, beside the files of callbacks and loggers. While it is open no other process can open it. In the second
    and further processes of a run it writes nothing. A new run that is refused before it begins leaves nothing.

    Args:
        experiment: its `run_dir` is created, with a number if the name is taken; or reopened, if it resumes.

    Raises:
        UserError: the directory cannot be made, or another process has it open.
    """

    def __init__(self, experiment: Experiment) -> None:
        self.experiment = experiment
        self.writes = rank() == 0
        self.shutdown = GracefulShutdown()
        self.dir = experiment.run_dir
        self._latest = LatestRun(Path(experiment.config["paths"]["log_dir"]))  # before anything is created
        if self.writes and not experiment.resumes:
            self.dir = make_directory(experiment.run_dir)
        if self.dir != experiment.run_dir:  # callbacks and loggers have the directory in their settings too
            config = rebase_paths(experiment.config, str(experiment.run_dir), str(self.dir))
            experiment.config.update(config | {"init_from": experiment.config.get("init_from")})  # in another run
        self._again = f"python train.py resume={shlex.quote(str(self.dir))}"
        self._lock = lock(self.dir, "resume") if self.writes else None

    def __enter__(self) -> Self:
        try:
            self._enter()
        except BaseException as error:
            self.shutdown.__exit__(None, None, None)
            self._leave()
            if self.writes and not self.experiment.resumes:
                self._latest.remove_run(self.dir)  # created above, and still empty
            if full := full_disk(error, self.dir, "start again"):
                raise full from error
            raise
        return self

    def _enter(self) -> None:
        self._started = time.monotonic()
        self._before, self._written, self._begun = 0.0, False, False
        self._progress: dict[str, Any] = {"logged": 0, "best": {}}
        self._events = event_files(self.dir)
        self._handler: logging.Handler = logging.NullHandler()
        if self.writes:
            for package in ("leyden", *project_packages()):  # also if no entry point has set up the log
                logging.getLogger(package).setLevel(logging.INFO)
            self._handler = MemoryHandler(sys.maxsize, flushLevel=sys.maxsize, flushOnClose=False)
        logging.getLogger().addHandler(self._handler)
        self._datamodule: DataModule | None = None
        self._code = read_code()
        self._record = new_record(self.experiment, self._code)
        if self.experiment.resumes and (self.dir / RECORD).is_file():
            self._record |= continued_record(read_record(self.dir), self._code)
            self._before = float(self._record["seconds"])
        self.shutdown.__enter__()
        if not self.experiment.resumes:
            self._write()

    def begin(self) -> None:
        """Begin to write, just before the first step. Until then a resumed run stays as it was, byte for byte."""
        if not self._begun:
            self._write()
            if self.writes and self._datamodule and not (self.dir / SPLIT).is_file():
                write_split(self.dir, self._datamodule)
            self._begun = True

    def _write(self) -> None:
        if self.writes and not self._written:
            assert isinstance(self._handler, MemoryHandler)
            self._handler.setTarget(LogFile(self.dir / LOG))
            self._handler.flushLevel = logging.NOTSET  # each line at once
            self._handler.flush()
            for folder in (self.dir, self.dir / CHECKPOINTS):
                remove_leftovers(folder)
            if self.experiment.resumes:
                cut_history(self.dir, self._progress["logged"], self._events)
                for name, step in _steps_by_file(self._progress["best"]).items():
                    restore_previous_checkpoint(self.dir / CHECKPOINTS / Path(name).name, step)
            write_record(self.dir, self._record)  # first: the run is no longer finished
            write_text(self.dir / CONFIG, yaml.safe_dump(self.experiment.config, sort_keys=False))
            write_text(self.dir / OVERRIDES, yaml.safe_dump(self.experiment.overrides))
            self._keep_changes()
            if not self.experiment.resumes or self.dir.resolve().is_relative_to(self._latest.log_dir.resolve()):
                self._latest.set(self.dir)
        self._written = True

    def _keep_changes(self) -> None:
        """Save changes of the code since its commit; `git apply changes.patch` repeats them."""
        if self._code is None or not self._code.dirty:
            return
        if self._code.changes is None:
            log.warning("changes of the code are not kept: more than 1 MB, or not read by git; commit them")
            return
        times = len(self._record.get("resumed", []))
        with replacing(self.dir / (f"changes.{times}.patch" if times else CHANGES)) as file:
            file.write(self._code.changes)

    def checkpoint_to_resume(self) -> Path | None:
        """Checkpoint from which a run resumes, if it has one; what was logged after it is removed when the run begins.

        Raises:
            UserError: there are checkpoints, and none is whole; or it has had more epochs than it is to have.
        """
        path = newest_whole(self.dir / CHECKPOINTS / "last.ckpt", "resume")
        if path is None:
            log.info("resuming from the beginning: there is no checkpoint yet")
            return None
        progress = read_checkpoint(path, "resume").get("progress")
        if progress is None:
            raise UserError(f"resume={self.dir}: {path.name} is of another version; try init_from={self.dir}")
        had, most = progress["epoch"], self.experiment.config["trainer"].get("max_epochs")
        if most is not None and 0 <= most < had:
            raise UserError(f"trainer.max_epochs={most}: the run has had {had} epochs already; give more")
        self._progress = progress
        log.info("resuming from %s, step %s", path.name, f"{progress['logged']:,}")
        return path

    def update(self, epochs: int, steps: int, metrics: Mapping[str, float]) -> None:
        """Record epochs, steps and metrics so far."""
        self._record |= {"epochs": epochs, "steps": steps, "metrics": {**self._record["metrics"], **metrics}}
        self._record["seconds"] = self.seconds
        if self.writes and self._written:
            write_record(self.dir, self._record)

    def set_best(self, best: Path | None) -> None:
        """Set the checkpoint of the best weights so far, recorded with the next update; None if a run keeps none."""
        if best is None:
            self._record["best_checkpoint"] = None
        else:
            folder = (self.dir / CHECKPOINTS).resolve()
            inside = best.resolve().is_relative_to(folder)  # then the directory may be moved
            self._record["best_checkpoint"] = str(best.resolve().relative_to(folder) if inside else best.resolve())

    def set_data(self, datamodule: DataModule) -> None:
        """Set the data, whose description and splits are recorded, so that later changes of the files are found."""
        self._record["data"] = datamodule.describe()
        self._datamodule = datamodule

    def log(self) -> Path | None:
        """Log file of the run; None until it begins, as a run that is refused before leaves none."""
        return self.dir / LOG if self._begun else None

    @property
    def command(self) -> str:
        """Command that began the run."""
        return str(self._record.get("command", ""))

    @property
    def tracker_ids(self) -> dict[str, str]:
        """Ids of this run in experiment trackers."""
        return dict(self._record.get("trackers", {}))

    @tracker_ids.setter
    def tracker_ids(self, names: Mapping[str, str]) -> None:
        self._record["trackers"] = dict(names)
        if self.writes and self._written:
            write_record(self.dir, self._record)

    @property
    def epochs(self) -> int:
        """Number of epochs so far, in all sessions."""
        return int(self._record["epochs"])

    @property
    def seconds(self) -> float:
        """Duration so far, of all sessions."""
        return round(self._before + time.monotonic() - self._started, 3)

    def finish(self, metrics: Mapping[str, float], status: str = "finished") -> None:
        """Set the result."""
        self._record |= {"status": status, "metrics": dict(metrics)}

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        stopped = interruption(error)
        if stopped:
            self._record |= {"status": "interrupted", "error": stopped.signal.name}
            if self.writes:
                log.error("interrupted by %s; resume with:\n  %s", stopped.signal.name, self._again)
        elif error is not None:
            self._record |= {"status": "failed", "error": f"{type(error).__name__}: {error}"}
        elif self._record["status"] == "running":
            self._record |= {"status": "failed", "error": "left without a result"}
        self._record["seconds"] = self.seconds
        try:
            if self.writes:
                self._close(error if not stopped else None)
        finally:  # a second signal must not interrupt the end that the first one caused
            self.shutdown.__exit__(kind, error, trace)
            self._leave()
        if self.writes and not self._begun:
            if self.experiment.resumes:
                self._remove_new_events()
            elif isinstance(error, UserError):
                self._latest.remove_run(self.dir)
        if stopped and stopped is not error:  # Lightning would exit with 0 or 1
            raise stopped from None
        if full := full_disk(error, self.dir, self._again):
            raise full from error
        if isinstance(error, SystemExit) and not error.code:
            raise SystemExit(1) from error  # an exit before the result is a failure

    def _close(self, error: BaseException | None) -> None:
        try:
            if self._written:
                write_record(self.dir, self._record)
            if error is not None and self._written:  # after the record: on a full disk the status is more important
                with (self.dir / LOG).open("a", encoding="utf-8") as file:
                    traceback.print_exception(error, file=file)
        except OSError as full:
            log.warning("%s: not written (%s)", self.dir / RECORD, full.strerror)

    def _leave(self) -> None:
        logging.getLogger().removeHandler(self._handler)
        if isinstance(self._handler, MemoryHandler) and self._handler.target:
            self._handler.target.close()
        self._handler.close()
        if self._lock:
            self._lock.release()

    def _remove_new_events(self) -> None:
        """Remove the files of the TensorBoard logger, which Lightning opens before it loads a checkpoint."""
        for path in set(event_files(self.dir)) - set(self._events):
            path.unlink(missing_ok=True)


def _steps_by_file(best: dict[str, int] | tuple[str, int]) -> dict[str, int]:
    """Step of each file of best weights, from a checkpoint; older runs name one file only."""
    return best if isinstance(best, dict) else {best[0]: best[1]} if best[0] else {}
