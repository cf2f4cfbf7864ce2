"""Leyden's public API: what a project, its tests and notebooks import. Everything else is private to the engine.

Nothing is imported before it is asked for, so that `from leyden import compose` does not import torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from leyden.callbacks.averaging import Averaging as Averaging
    from leyden.callbacks.progress import Progress as Progress
    from leyden.checkpoints.weights import load_weights as load_weights
    from leyden.cli.commands import evaluate_command as evaluate_command
    from leyden.cli.commands import predict_command as predict_command
    from leyden.cli.commands import train_command as train_command
    from leyden.cli.entry_point import run_cli as run_cli
    from leyden.config.compose import compose as compose
    from leyden.config.experiment import Config as Config
    from leyden.config.experiment import Experiment as Experiment
    from leyden.config.loss_names import outputs_per_target as outputs_per_target
    from leyden.data.abbreviated import abbreviated as abbreviated
    from leyden.data.csv import CSV as CSV
    from leyden.data.downloads import DOWNLOAD_ERRORS as DOWNLOAD_ERRORS
    from leyden.data.downloads import failure_reason as failure_reason
    from leyden.data.downloads import folder_lock as folder_lock
    from leyden.data.folder import ImageFolder as ImageFolder
    from leyden.data.images import InMemoryImages as InMemoryImages
    from leyden.data.in_memory import InMemory as InMemory
    from leyden.data.in_memory import Split as Split
    from leyden.data.module import DataModule as DataModule
    from leyden.data.spec import DataSpec as DataSpec
    from leyden.data.vision import TorchvisionImages as TorchvisionImages
    from leyden.models import backbones as backbones
    from leyden.models.initialisers import initialise as initialise
    from leyden.models.layers import make_activation as make_activation
    from leyden.models.notation import Activation as Activation
    from leyden.models.notation import Init as Init
    from leyden.models.torchvision_inputs import image_needed as image_needed
    from leyden.models.torchvision_inputs import torchvision_input_check as torchvision_input_check
    from leyden.models.torchvision_weights import torchvision_weights_download as torchvision_weights_download
    from leyden.plots.classification import classification_plots as classification_plots
    from leyden.plots.evaluated import Evaluated as Evaluated
    from leyden.plots.labels import binary_plots as binary_plots
    from leyden.plots.labels import multilabel_plots as multilabel_plots
    from leyden.plots.plot import Plot as Plot
    from leyden.plots.reconstruction import reconstruction_plots as reconstruction_plots
    from leyden.plots.regression import regression_plots as regression_plots
    from leyden.records.listing import list_runs as list_runs
    from leyden.system.console import set_up_logging as set_up_logging
    from leyden.system.errors import UserError as UserError
    from leyden.system.suggestions import did_you_mean as did_you_mean
    from leyden.tasks.class_weights import weights_in_order as weights_in_order
    from leyden.tasks.decision_threshold import DecisionThreshold as DecisionThreshold
    from leyden.tasks.decision_threshold import class_index as class_index
    from leyden.tasks.losses import LossSetting as LossSetting
    from leyden.tasks.losses import make_loss as make_loss
    from leyden.tasks.metric_suffixes import metric_suffixes as metric_suffixes
    from leyden.tasks.optimizers import OptimizerFactory as OptimizerFactory
    from leyden.tasks.schedulers import SchedulerFactory as SchedulerFactory
    from leyden.tasks.task import Predictions as Predictions
    from leyden.tasks.task import Task as Task
    from leyden.training.build import build_data as build_data
    from leyden.training.build import build_network as build_network
    from leyden.training.build import build_task as build_task
    from leyden.training.build import build_trainer as build_trainer
    from leyden.training.loaded_run import LoadedRun as LoadedRun
    from leyden.training.loaded_run import load_run as load_run
    from leyden.training.model_settings import complete_model as complete_model
    from leyden.training.train import run_experiment as run_experiment
    from leyden.training.train import train as train

__version__ = "0.2.0"  # of the engine: a fork has a version of its own, in pyproject.toml

# Where each public name is defined.
_PUBLIC = {
    "Activation": "models.notation",
    "Averaging": "callbacks.averaging",
    "CSV": "data.csv",
    "Config": "config.experiment",
    "DataModule": "data.module",
    "DataSpec": "data.spec",
    "Evaluated": "plots.evaluated",
    "Experiment": "config.experiment",
    "ImageFolder": "data.folder",
    "Init": "models.notation",
    "InMemory": "data.in_memory",
    "InMemoryImages": "data.images",
    "LoadedRun": "training.loaded_run",
    "LossSetting": "tasks.losses",
    "OptimizerFactory": "tasks.optimizers",
    "Plot": "plots.plot",
    "Predictions": "tasks.task",
    "Progress": "callbacks.progress",
    "SchedulerFactory": "tasks.schedulers",
    "Split": "data.in_memory",
    "Task": "tasks.task",
    "TorchvisionImages": "data.vision",
    "DOWNLOAD_ERRORS": "data.downloads",
    "UserError": "system.errors",
    "DecisionThreshold": "tasks.decision_threshold",
    "binary_plots": "plots.labels",
    "class_index": "tasks.decision_threshold",
    "multilabel_plots": "plots.labels",
    "folder_lock": "data.downloads",
    "build_data": "training.build",
    "build_network": "training.build",
    "build_task": "training.build",
    "build_trainer": "training.build",
    "classification_plots": "plots.classification",
    "complete_model": "training.model_settings",
    "compose": "config.compose",
    "did_you_mean": "system.suggestions",
    "evaluate_command": "cli.commands",
    "initialise": "models.initialisers",
    "make_loss": "tasks.losses",
    "metric_suffixes": "tasks.metric_suffixes",
    "outputs_per_target": "config.loss_names",
    "list_runs": "records.listing",
    "load_run": "training.loaded_run",
    "load_weights": "checkpoints.weights",
    "make_activation": "models.layers",
    "predict_command": "cli.commands",
    "failure_reason": "data.downloads",
    "reconstruction_plots": "plots.reconstruction",
    "regression_plots": "plots.regression",
    "run_cli": "cli.entry_point",
    "run_experiment": "training.train",
    "set_up_logging": "system.console",
    "abbreviated": "data.abbreviated",
    "image_needed": "models.torchvision_inputs",
    "torchvision_input_check": "models.torchvision_inputs",
    "torchvision_weights_download": "models.torchvision_weights",
    "train": "training.train",
    "train_command": "cli.commands",
    "weights_in_order": "tasks.class_weights",
}

__all__ = [*sorted(_PUBLIC), "backbones"]


def __getattr__(name: str) -> Any:
    if name == "backbones":
        return import_module("leyden.models.backbones")
    if name not in _PUBLIC:
        raise AttributeError(f"module 'leyden' has no attribute {name!r}")
    return getattr(import_module(f"leyden.{_PUBLIC[name]}"), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
