"""From YAML and what is typed to an experiment that holds. Nothing here imports torch."""

from leyden.config.experiment import Config, Experiment, check, compose

__all__ = ["Config", "Experiment", "check", "compose"]
