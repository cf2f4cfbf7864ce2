"""From YAML and what is typed to an experiment that holds. Nothing here imports torch."""

from leyden.config.experiment import Experiment, check, check_run, compose, compose_run
from leyden.config.recorded import Config, Recorded

__all__ = ["Config", "Experiment", "Recorded", "check", "check_run", "compose", "compose_run"]
