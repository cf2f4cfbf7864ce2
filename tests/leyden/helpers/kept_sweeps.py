"""Sweep directories without a sweep."""

import json
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from leyden.records.record import CHECKPOINTS, Record, write_record
from leyden.sweeps.naming import job_name


def keep_sweep(
    sweep_dir: Path,
    jobs: Sequence[Mapping[str, Any]],
    objectives: dict[str, str] | None = {"val/loss": "min"},  # noqa: B006
    constants: Sequence[str] = (),
    **record: Any,
) -> Path:
    """The directory of a sweep that was written by hand.

    Args:
        sweep_dir: made.
        jobs: each with its settings; what else it has replaces what sweep.json would say of it, and its `record` is
            that of its run.
        objectives: of the sweep; None where it does not say.
        constants: what all jobs have in common.
        record: what replaces more of sweep.json.
    """
    sweep_dir.mkdir(parents=True)
    entries = []
    for job in jobs:
        settings, run = job["settings"], job.get("record", {})
        name = job_name(settings)
        if run:
            (sweep_dir / name).mkdir()
            write_record(sweep_dir / name, run)
            if run["status"] == "finished":
                (sweep_dir / name / CHECKPOINTS).mkdir()
                (sweep_dir / name / CHECKPOINTS / "best.ckpt").touch()
        metrics = run.get("metrics", {})
        values = {of: metrics.get(f"best/{of}", metrics.get(of)) for of in objectives or {}}
        overrides = [f"{key}={json.dumps(value)}" for key, value in settings.items()]
        told = {"name": name, "overrides": ["experiment=mnist_mlp", *overrides], "error": None, "values": values}
        told |= {"status": run.get("status", "waiting"), "epochs": 0, "seconds": 0.0, "trial": None}
        entries.append(told | {key: value for key, value in job.items() if key != "record"})
    whole = {"kind": "grid", "experiment": "mnist_mlp", "command": "python train.py -m", "constants": list(constants)}
    whole |= {"swept": list(jobs[0]["settings"]) if jobs else [], "objectives": objectives, "status": "finished"}
    whole |= {"started": "2026-01-31T12:00:00+00:00", "seconds": 60.0, "host": socket.gethostname(), "pid": 1}
    whole |= {"git": {"commit": "0123456789abcdef", "dirty": True}, "jobs": entries, **record}
    (sweep_dir / "sweep.json").write_text(json.dumps(whole))
    return sweep_dir


def finished(status: str = "finished", **metrics: float) -> Record:
    """The record of a run; `best__val__loss=0.1` is its best/val/loss."""
    found = {name.replace("__", "/"): value for name, value in metrics.items()}
    started = "2026-01-31T12:00:00+00:00"
    return {"status": status, "started": started, "seconds": 4.2, "epochs": 3, "monitor": "val/loss", "metrics": found}


def failed(cause: str) -> dict[str, Any]:
    """A job that failed."""
    return {"record": {**finished("failed"), "error": cause, "epochs": 0}}
