"""First and last lines of a run in the log: what is run and where, and where the result is and what to do with it."""

import logging
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from leyden.config.experiment import Experiment
from leyden.system.console import log_line
from leyden.system.formatting import count, span
from leyden.system.override_text import in_shell, setting

log = logging.getLogger(__name__)

# Commands for a finished run, each with its file.
_NEXT = {
    "eval.py": "python eval.py {run}",
    "predict.py": "python predict.py {run}",
    "scripts/report.py": "python scripts/report.py {run}",
}


def announce_run(experiment: Experiment, run_dir: Path) -> None:
    """Log the experiment with its overrides in one line, and the directory in another."""
    typed = {override.partition("=")[0]: override for override in experiment.overrides}  # the last one is effective
    typed.pop("experiment", None)
    log_line(log, *_fewer(f"experiment: {experiment.name}", [in_shell(override) for override in typed.values()]))
    log.info("run: %s", run_dir)


def announce_result(run_dir: Path, log_dir: Path, epochs: int, seconds: float, has_events: bool) -> None:
    """Log where the result is, and the commands to use it, as far as they work in the current folder.

    Args:
        log_dir: folder of all runs.
        epochs: trained, in all sessions of the run.
        seconds: duration of all sessions.
        has_events: the run has logged to TensorBoard.
    """
    log.info("kept in %s (%s, %s)", run_dir, count(epochs, "epoch"), span(seconds))
    run = setting("run", str(run_dir))
    commands = [command.format(run=run) for file, command in _NEXT.items() if Path(file).is_file()]
    if has_events:
        by_uv = "UV_RUN_RECURSION_DEPTH" in os.environ  # set by `uv run`, whose PATH is not that of the shell
        tensorboard = "tensorboard" if shutil.which("tensorboard") and not by_uv else "uv run tensorboard"
        commands.append(f"{tensorboard} --logdir {in_shell(str(log_dir))}")
    if commands:
        log.info("next:%s", "".join(f"\n  {command}" for command in commands))


def _fewer(text: str, more: Sequence[str]) -> list[str]:
    """A line with all further words, then with fewer and fewer of them."""
    lines = [f"{text}  {' '.join(more[:number])} …" for number in range(len(more) - 1, 0, -1)]
    return ["  ".join([text, *([" ".join(more)] if more else [])]), *lines, *([f"{text}  …"] if more else [])]
