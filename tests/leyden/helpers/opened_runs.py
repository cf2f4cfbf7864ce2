"""Run directories that are opened again."""

import json
import signal
import time
from dataclasses import replace
from signal import SIGTERM
from typing import Any

import pytest

from leyden.config.experiment import Experiment
from leyden.run.directory import Run
from leyden.system.graceful_shutdown import Interrupted


def again(experiment: Experiment, *typed: str, **config: Any) -> Experiment:
    """The same run, to be gone on with."""
    overrides = [*experiment.overrides, *typed]
    return replace(experiment, config=experiment.config | config, overrides=overrides, resumes=True)


def record(run: Run) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((run.dir / "run.json").read_text())
    return content


def interrupt(experiment: Experiment, after: float = 0.0) -> Run:
    run = Run(experiment)

    def work() -> None:
        with run:
            run.update(1, 10, {"val/acc": 0.5})
            time.sleep(after)
            signal.raise_signal(SIGTERM)

    with pytest.raises(Interrupted):
        work()
    return run
