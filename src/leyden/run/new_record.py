"""Contents of run.json when a run begins or resumes."""

import logging
import shlex
from datetime import UTC, datetime
from typing import Any

from leyden.config.experiment import Experiment
from leyden.records.provenance import Code, provenance
from leyden.records.record import Record

log = logging.getLogger(__name__)


def new_record(experiment: Experiment, code: Code | None = None) -> Record:
    """Record of a run that begins; `code` if it has been read already."""
    return {
        "status": "running",
        "experiment": experiment.name,
        "command": shlex.join(["python", "train.py", *experiment.overrides]),
        "started": _now(),
        "seconds": 0.0,
        "seed": experiment.config["seed"],
        "monitor": experiment.config["monitor"],
        "epochs": 0,
        "steps": 0,
        "metrics": {},
        **provenance(code),
    }


def continued_record(record: Record, code: Code | None = None) -> Record:
    """Record of a run that resumes, with the code and packages of both starts, and without its former result."""
    here = provenance(code)
    if record.get("git") != here["git"]:
        log.warning(
            "the code has changed since the run began (%s, now %s)", code_of(record.get("git")), code_of(here["git"])
        )
    if record.get("versions") != here["versions"]:
        log.warning("versions of packages have changed since the run began; the result may differ in its last digits")
    metrics = record.get("metrics", {})
    return {
        "seconds": 0.0,
        **{key: value for key, value in record.items() if key not in ("error", "refused")},
        "status": "running",
        "metrics": {name: value for name, value in metrics.items() if not name.startswith(("best/", "test/"))},
        "resumed": [*record.get("resumed", []), {"at": _now(), "git": here["git"], "versions": here["versions"]}],
        "host": here["host"],
        "pid": here["pid"],
    }


def code_of(git: Any) -> str:
    """Commit in a record, shortened, and whether there were changes to it."""
    if not isinstance(git, dict):
        return "no commit"
    changes = f" {str(git['changes'])[:7]}" if git.get("changes") else ""
    return str(git.get("commit"))[:7] + (f" with changes{changes}" if git.get("dirty") else "")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
