"""Record of a sweep: sweep.json, and the lock of its directory."""

import json
import logging
import shlex
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from filelock import Timeout

from leyden.records.provenance import provenance
from leyden.records.record import SWEEP, finite
from leyden.sweeps.job import Outcome
from leyden.sweeps.job_source import JobSource
from leyden.sweeps.measure import measure_of
from leyden.system.atomic_files import write_text
from leyden.system.errors import UserError
from leyden.system.locks import LOCK, hold

log = logging.getLogger(__name__)

_INTERVAL = 1.0  # seconds between two writes of sweep.json; run directories are always up to date


class SweepRecord:
    """Context manager of a sweep's directory: locks it and writes sweep.json.

    Raises:
        UserError: another process runs this sweep, or the directory belongs to another sweep.
    """

    def __init__(
        self, directory: Path, source: JobSource, experiment: str, overrides: Sequence[str], constants: Sequence[str]
    ) -> None:
        self.dir = directory
        self._since = time.monotonic()
        self._created = [folder for folder in (directory, *directory.parents) if not folder.exists()]
        try:
            self.dir.mkdir(parents=True, exist_ok=True)
            before = self._read()
            self._lock = hold(self.dir, before)
        except Timeout as error:
            who = f"process {before.get('pid')} on {before.get('host')}"
            raise UserError(f"{self.dir}: this sweep is being run by {who}; wait for it, or stop it") from error
        except OSError as error:
            raise UserError(f"paths.log_dir: {self.dir} cannot be created ({error.strerror})") from error
        if other := _other(before, source):
            self._lock.release()
            raise UserError(f"{self.dir}: contains a {other}; give this sweep another name, sweep.name=…")
        seconds, jobs = before.get("seconds"), before.get("jobs")
        self._earlier = seconds if isinstance(seconds, int | float) else 0.0
        self._jobs: dict[str, dict[str, Any]] = {
            str(job["name"]): job
            for job in (jobs if isinstance(jobs, list) else [])
            if isinstance(job, dict) and "name" in job
        }
        self._saved = -_INTERVAL
        self._record: dict[str, Any] = {
            "kind": source.kind,
            "experiment": experiment,
            "command": shlex.join(["python", "train.py", "-m", *overrides]),
            "constants": list(constants),
            "swept": source.swept,
            "objectives": source.objectives,
            "status": "running",
            "started": before.get("started", datetime.now(UTC).isoformat(timespec="seconds")),
            **{key: value for key, value in provenance().items() if key != "versions"},
        }

    def __enter__(self) -> Self:
        self.save()
        return self

    @property
    def git(self) -> Any:
        """Git state of the code that runs now."""
        return self._record["git"]

    def note(self, found: Outcome) -> None:
        """Record the outcome of a job, in sweep.json within a second or with the next one."""
        job = found.job
        self._jobs[job.name] = {
            "name": job.name,
            "settings": job.settings,
            "overrides": job.experiment.overrides,
            "status": found.status,
            "error": found.error,
            "values": {name: found.metric(name) for name in job.objectives},
            "measure": measure_of(job.experiment.config),
            "epochs": found.record.get("epochs", 0),
            "seconds": found.record.get("seconds", 0.0),
            "trial": job.trial,
        }
        if time.monotonic() - self._saved > _INTERVAL:
            self.save()

    def save(self) -> None:
        """Write sweep.json."""
        self._saved = time.monotonic()
        seconds = round(self._earlier + time.monotonic() - self._since, 3)
        content = {**self._record, "seconds": seconds, "jobs": list(self._jobs.values())}
        write_text(self.dir / SWEEP, json.dumps(finite(content), indent=2, allow_nan=False) + "\n")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._record["status"] == "running":
            self._record["status"] = "failed"
        try:
            self.save()
        except OSError as full:  # disk, which is reported by whoever met it first
            if error is None:
                raise
            log.warning("%s: not written (%s)", self.dir / SWEEP, full.strerror)
        finally:
            self._lock.release()
            if self._created and isinstance(error, UserError):
                self._remove()

    def _remove(self) -> None:
        """Remove the directory of a sweep that was refused before its first job."""
        if {path.name for path in self.dir.iterdir()} <= {SWEEP, LOCK}:
            for path in self.dir.iterdir():
                path.unlink()
            for folder in self._created:
                with suppress(OSError):  # another run is there by now
                    folder.rmdir()

    def close(self, status: str) -> None:
        """Set the status of the whole sweep: finished, failed or interrupted."""
        self._record["status"] = status

    def _read(self) -> dict[str, Any]:
        try:
            content = json.loads((self.dir / SWEEP).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return content if isinstance(content, dict) else {}


def _other(before: dict[str, Any], source: JobSource) -> str | None:
    """Description of another sweep in a directory; None for this one, where a search may have changed its keys."""
    kind, swept = before.get("kind"), before.get("swept")
    if kind not in ("grid", "search") or not isinstance(swept, list):
        return None
    if kind == source.kind and (kind == "search" or set(swept) == set(source.swept)):
        return None
    return f"{kind} over {', '.join(map(str, swept)) or 'nothing'}"
