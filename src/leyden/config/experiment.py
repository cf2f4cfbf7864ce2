"""What a command works on: an experiment to run, or a run that exists already."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

Config = dict[str, Any]  # resolved and checked: plain dicts, lists and values

STORAGE = "LEYDEN_STORAGE"  # of the environment: the URL of a study's database, which may have a password


@dataclass(frozen=True)
class Trial:
    """Where a run tells how it goes, if it is one of a search that may give it up early.

    Attributes:
        storage: the URL of the study's database; empty where that may have a password: see `STORAGE`.
        study: its name there.
        number: of the trial; -1 in an example of a job, which is not executed.
        monitor: the metric that it is judged by.
        pruner: what judges, as plain settings.
    """

    storage: str
    study: str
    number: int
    monitor: str
    pruner: dict[str, Any]


@dataclass(frozen=True)
class Experiment:
    """One run to be: what to do, what it is called and where it will be kept.

    Attributes:
        name: the chosen file of configs/experiment.
        config: resolved and checked; plain dicts, lists and values.
        overrides: what was typed.
        resumes: go on with the run that there is already.
        changed: with settings that it did not have.
        recorded: its config was read from a run directory, which may be somebody else's.
        trial: of a search whose bad trials are given up.
        objectives: metrics that a search looks at.
    """

    name: str
    config: Config
    overrides: list[str]
    resumes: bool = False
    changed: bool = False
    recorded: bool = False
    trial: Trial | None = None
    objectives: tuple[str, ...] = ()

    @property
    def run_dir(self) -> Path:
        """Where the run is kept; made when it opens."""
        return Path(self.config["paths"]["run_dir"])


@dataclass(frozen=True)
class Recorded:
    """A run that there is already, and what a command is to do with it.

    Attributes:
        dir: its directory.
        name: of its experiment.
        before: the config as it was recorded; plain dicts, lists and values.
        config: likewise, with what was typed on top.
        overrides: what was typed for the run.
        typed: what is typed now.
    """

    dir: Path
    name: str
    before: Config
    config: Config
    overrides: list[str]
    typed: list[str]
