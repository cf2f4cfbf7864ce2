"""The commands train, evaluate and predict: from the config that Hydra composed to the result.

Torch is imported only after the config has been checked, so that a mistake is reported at once.
"""

from omegaconf import DictConfig

from leyden.cli.entry_point import report_user_errors
from leyden.config.compose import check, check_run
from leyden.config.quiet import is_quiet
from leyden.data.inputs.request import check_request
from leyden.system.console import set_up_logging


def train_command(cfg: DictConfig) -> float | None:
    """Train and test as the config describes; returns the monitored metric, the objective of a sweep."""
    with report_user_errors():
        _be_quiet(cfg)
        experiment = check(cfg)
        from leyden.training.train import run_experiment

        return run_experiment(experiment)


def evaluate_command(cfg: DictConfig) -> None:
    """Evaluate a recorded run on one split of its data."""
    with report_user_errors():
        _be_quiet(cfg)
        recorded, settings = check_run(cfg)
        from leyden.training.evaluate import evaluate_run

        evaluate_run(recorded, settings)


def predict_command(cfg: DictConfig) -> None:
    """Predict new inputs, or the test split, with a recorded run."""
    with report_user_errors():
        _be_quiet(cfg)
        recorded, settings = check_run(cfg)
        request = check_request(settings, recorded.dir)
        from leyden.training.predict import predict_run

        predict_run(recorded, request)


def _be_quiet(cfg: DictConfig) -> None:
    if is_quiet(cfg):
        set_up_logging(quiet=True)
