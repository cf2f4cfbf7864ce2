"""Input of a command: an experiment to run, or an existing run."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

Config = dict[str, Any]  # resolved and checked: plain dicts, lists and values

STORAGE = "LEYDEN_STORAGE"  # environment variable: the URL of a study's database, which may have a password


@dataclass(frozen=True)
class Trial:
    """Trial of a search: where a run reports its metrics, so that it may be pruned.

    Attributes:
        storage: the URL of the study's database; empty if it may have a password: see `STORAGE`.
        study: name of the study in the database.
        number: of the trial; -1 in an example of a job, which is not executed.
        monitor: the metric that decides about pruning.
        pruner: settings of the pruner.
    """

    storage: str
    study: str
    number: int
    monitor: str
    pruner: dict[str, Any]


@dataclass(frozen=True)
class Experiment:
    """A run to start or resume: its config, name and directory.

    Attributes:
        name: the chosen file of configs/experiment.
        config: resolved and checked; plain dicts, lists and values.
        overrides: as they were typed.
        resumes: resume the existing run.
        changed: with changed settings.
        recorded: its config was read from a run directory, which may be of another origin.
        trial: of a search that prunes.
        objectives: metrics of a search.
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
        """Directory of the run, created when it opens."""
        return Path(self.config["paths"]["run_dir"])


@dataclass(frozen=True)
class Recorded:
    """An existing run, with the overrides of a command applied.

    Attributes:
        dir: its directory.
        name: of its experiment.
        before: the config as it was recorded; plain dicts, lists and values.
        config: the same with the overrides of this command.
        overrides: of the run, as they were typed.
        typed: overrides of this command.
    """

    dir: Path
    name: str
    before: Config
    config: Config
    overrides: list[str]
    typed: list[str]
