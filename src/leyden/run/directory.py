"""An open run directory: what one run was, did and found."""

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
from leyden.records.provenance import read_code
from leyden.records.rebased_paths import rebase_paths
from leyden.records.record import CHANGES, CHECKPOINTS, CONFIG, LOG, OVERRIDES, RECORD, lock, read_record, write_record
from leyden.run.creation import LatestLink, make_directory
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
    """An open run directory. It is a context: the way it is left becomes the run's status.

    It holds config.yaml (resolved), overrides.yaml (what was typed), run.json (status, metrics, and what the result
    depends on) and train.log, beside what callbacks and loggers write. As long as it is open no other process can open
    it. In the second and further processes of one run it writes nothing. A new run that is refused before it begins
    leaves nothing.

    Args:
        experiment: its `run_dir` is made, and if it is taken, a number is added; or opened again, if it resumes.

    Raises:
        UserError: the directory cannot be made, or another process has it open.
    """

    def __init__(self, experiment: Experiment) -> None:
        self.experiment = experiment
        self.writes = rank() == 0
        self.shutdown = GracefulShutdown()
        self.dir = experiment.run_dir
        self._latest = LatestLink(Path(experiment.config["paths"]["log_dir"]))  # which notes what is not there yet
        if self.writes and not experiment.resumes:
            self.dir = make_directory(experiment.run_dir)
        if self.dir != experiment.run_dir:  # callbacks and loggers have the directory in their settings too
            config = rebase_paths(experiment.config, str(experiment.run_dir), str(self.dir))
            experiment.config.update(config | {"init_from": experiment.config.get("init_from")})  # of another run
        self._again = f"python train.py resume={shlex.quote(str(self.dir))}"
        self._lock = lock(self.dir, "resume") if self.writes else None

    def __enter__(self) -> Self:
        try:
            self._enter()
        except BaseException as error:
            self.shutdown.__exit__(None, None, None)
            self._leave()
            if self.writes and not self.experiment.resumes:
                self._latest.remove_run(self.dir)  # made by this run, and nothing is in it yet
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
            # Also where no door has set up the log.
            logging.getLogger(__name__.partition(".")[0]).setLevel(logging.INFO)
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
        """Training is about to take its first step. Until then a run that is resumed stays as it was, byte for byte."""
        if not self._begun:
            self._write()
            if self.writes and self._datamodule and not (self.dir / SPLIT).is_file():
                write_split(self.dir, self._datamodule)
            self._begun = True

    def _write(self) -> None:
        if self.writes and not self._written:
            assert isinstance(self._handler, MemoryHandler)
            self._handler.setTarget(LogFile(self.dir / LOG))
            self._handler.flushLevel = logging.NOTSET  # from now on each line at once
            self._handler.flush()
            for folder in (self.dir, self.dir / CHECKPOINTS):
                remove_leftovers(folder)
            if self.experiment.resumes:
                cut_history(self.dir, self._progress["logged"], self._events)
                for name, step in _steps_by_file(self._progress["best"]).items():
                    restore_previous_checkpoint(self.dir / CHECKPOINTS / Path(name).name, step)
            write_record(self.dir, self._record)  # first: a run that is to be another is no longer finished
            write_text(self.dir / CONFIG, yaml.safe_dump(self.experiment.config, sort_keys=False))
            write_text(self.dir / OVERRIDES, yaml.safe_dump(self.experiment.overrides))
            self._keep_changes()
            if not self.experiment.resumes or self.dir.resolve().is_relative_to(self._latest.link.parent.resolve()):
                self._latest.set(self.dir)
        self._written = True

    def _keep_changes(self) -> None:
        """Changes to the code since its commit, by which the run can be repeated: `git apply changes.patch`."""
        if self._code is None or not self._code.dirty:
            return
        if self._code.changes is None:
            log.warning("changes of the code are not kept: more than 1 MB, or not read by git; commit them")
            return
        times = len(self._record.get("resumed", []))
        with replacing(self.dir / (f"changes.{times}.patch" if times else CHANGES)) as file:
            file.write(self._code.changes)

    def checkpoint_to_resume(self) -> Path | None:
        """The checkpoint from which a run goes on; what it had logged after that is taken back when it begins.

        Returns None where there is none yet, so that the run starts anew.

        Raises:
            UserError: there are checkpoints, and none is whole; or it has had more epochs than it is to have.
        """
        path = newest_whole(self.dir / CHECKPOINTS / "last.ckpt", "resume")
        if path is None:
            log.info("goes on from the beginning: there is no checkpoint yet")
            return None
        progress = read_checkpoint(path, "resume").get("progress")
        if progress is None:
            raise UserError(f"resume={self.dir}: {path.name} is of another version; try init_from={self.dir}")
        had, most = progress["epoch"], self.experiment.config["trainer"].get("max_epochs")
        if most is not None and 0 <= most < had:
            raise UserError(f"trainer.max_epochs={most}: the run has had {had} epochs already; give more")
        self._progress = progress
        log.info("goes on from %s, step %s", path.name, f"{progress['logged']:,}")
        return path

    def update(self, epochs: int, steps: int, metrics: Mapping[str, float]) -> None:
        """Keep how far the run has come."""
        self._record |= {"epochs": epochs, "steps": steps, "metrics": {**self._record["metrics"], **metrics}}
        self._record["seconds"] = self._seconds()
        if self.writes and self._written:
            write_record(self.dir, self._record)

    def set_best(self, best: Path | None) -> None:
        """Keep which checkpoint has the best weights so far, with the next note; None where a run keeps none."""
        if best is None:
            self._record["best_checkpoint"] = None
        else:
            folder = (self.dir / CHECKPOINTS).resolve()
            inside = best.resolve().is_relative_to(folder)  # then the directory may be moved
            self._record["best_checkpoint"] = str(best.resolve().relative_to(folder) if inside else best.resolve())

    def set_data(self, datamodule: DataModule) -> None:
        """Keep the description of the data and the items of each split, by which later uses find that they changed."""
        self._record["data"] = datamodule.describe()
        self._datamodule = datamodule

    @property
    def tracker_ids(self) -> dict[str, str]:
        """What trackers call this run."""
        return dict(self._record.get("trackers", {}))

    @tracker_ids.setter
    def tracker_ids(self, names: Mapping[str, str]) -> None:
        self._record["trackers"] = dict(names)
        if self.writes and self._written:
            write_record(self.dir, self._record)

    def finish(self, metrics: Mapping[str, float], status: str = "finished") -> None:
        """Keep the result."""
        self._record |= {"status": status, "metrics": dict(metrics)}

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        stopped = interruption(error)
        if stopped:
            self._record |= {"status": "interrupted", "error": stopped.signal.name}
            if self.writes:
                log.warning("interrupted by %s; go on with: %s", stopped.signal.name, self._again)
        elif error is not None:
            self._record |= {"status": "failed", "error": f"{type(error).__name__}: {error}"}
        elif self._record["status"] == "running":
            self._record |= {"status": "failed", "error": "left without a result"}
        self._record["seconds"] = self._seconds()
        try:
            if self.writes:
                self._close(error if not stopped else None)
        finally:  # a signal that comes twice does not break off what it asked for
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
            raise SystemExit(1) from error  # whoever left, it was before the result

    def _close(self, error: BaseException | None) -> None:
        try:
            if self._written:
                write_record(self.dir, self._record)
            if error is not None and self._written:  # after the record: on a full disk the status counts for more
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
        """Remove what the TensorBoard logger, which Lightning opens before it loads a checkpoint, has begun."""
        for path in set(event_files(self.dir)) - set(self._events):
            path.unlink(missing_ok=True)

    def _seconds(self) -> float:
        return round(self._before + time.monotonic() - self._started, 3)


def _steps_by_file(best: dict[str, int] | tuple[str, int]) -> dict[str, int]:
    """Files of the best weights and their steps, as a checkpoint names them; older runs name one file only."""
    return best if isinstance(best, dict) else {best[0]: best[1]} if best[0] else {}
