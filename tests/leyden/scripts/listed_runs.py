"""Records of runs that were written by hand, for scripts/runs.py to list."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

SCRIPT = Path(__file__).resolve().parents[3] / "scripts" / "runs.py"
NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)


def keep(run: str, days: float = 0, /, **record: Any) -> None:
    """A run, below the working directory, that started so many days ago."""
    path = Path(run, "run.json")
    path.parent.mkdir(parents=True)
    started = (NOW - timedelta(days=days)).isoformat(timespec="seconds")
    whole = {"status": "finished", "experiment": path.parts[1], "started": started, "monitor": "val/acc", "seed": 1}
    whole |= {"seconds": 140.2, "epochs": 3, "steps": 900, "git": {"commit": "0123456789abcdef", "dirty": False}}
    path.write_text(json.dumps(whole | record))
