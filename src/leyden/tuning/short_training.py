"""Short trainings of an experiment that leave no trace: no file, no random state, no flag of torch."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import lightning as L
import numpy as np
import torch

from leyden.checkpoints.weights import load_initial
from leyden.config.experiment import Config, Experiment
from leyden.data.module import DataModule
from leyden.system.errors import UserError
from leyden.system.graceful_shutdown import GracefulShutdown, interruption
from leyden.tasks.task import Task
from leyden.training.build import build_data, build_task, build_trainer

# Settings of the Trainer for the length and devices of a run, and for what it checks, logs and writes. All others are
# the experiment's: accelerator, precision, gradient clipping, accumulation, determinism, limits of batches.
_OVERRIDDEN = {
    *("max_epochs", "min_epochs", "max_steps", "min_steps", "max_time", "fast_dev_run", "barebones"),
    *("limit_val_batches", "limit_test_batches", "limit_predict_batches", "num_sanity_val_steps"),
    *("val_check_interval", "check_val_every_n_epoch", "log_every_n_steps", "profiler", "detect_anomaly"),
    *("devices", "num_nodes", "strategy", "sync_batchnorm"),
    *("enable_checkpointing", "enable_progress_bar", "enable_model_summary"),
}


@contextmanager
def restore_global_state() -> Iterator[None]:
    """Restore on exit the random state of torch, NumPy and Python, and the global switches that a Trainer sets.

    Ctrl-C and SIGTERM end the block with the exit status that belongs to them.
    """
    random_state, numpy_state, torch_state = random.getstate(), np.random.get_state(), torch.get_rng_state()
    cuda_states = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else None
    mps_state = torch.mps.get_rng_state() if torch.backends.mps.is_available() else None
    precision = torch.get_float32_matmul_precision()
    deterministic = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    cudnn = torch.backends.cudnn.benchmark, torch.backends.cudnn.deterministic
    try:
        with GracefulShutdown():
            yield
    except (KeyboardInterrupt, SystemExit) as error:
        raise interruption(error) or error from None
    finally:
        random.setstate(random_state)
        np.random.set_state(numpy_state)
        torch.set_rng_state(torch_state)
        if cuda_states is not None:
            torch.cuda.set_rng_state_all(cuda_states)
        if mps_state is not None:
            torch.mps.set_rng_state(mps_state)
        torch.set_float32_matmul_precision(precision)
        torch.use_deterministic_algorithms(deterministic[0], warn_only=deterministic[1])
        torch.backends.cudnn.benchmark, torch.backends.cudnn.deterministic = cudnn


def prepare_data(experiment: Experiment) -> DataModule:
    """Datamodule of an experiment.

    Raises:
        UserError: the experiment resumes a run, or has nothing to train on.
    """
    if experiment.resumes:
        raise UserError("resume: a setting is searched for a new run; leave resume out")
    torch.set_float32_matmul_precision(experiment.config["matmul_precision"])
    return build_data(experiment.config)


def prepare_task(experiment: Experiment, datamodule: DataModule, seed: int) -> Task:
    """Task of an experiment as a run with this seed starts with it, but without its schedule.

    Raises:
        UserError: the settings of the task, the network or the optimizer are wrong.
    """
    config = experiment.config
    _seed_all(seed)
    task = build_task({**config, "scheduler": None}, datamodule.spec)
    if config["init_from"]:
        load_initial(task.network, config["init_from"])
    return task


def fit_steps(config: Config, task: Task, datamodule: DataModule, steps: int, callback: L.Callback, seed: int) -> None:
    """Train for a number of optimizer steps, over as many epochs as they need, without validation.

    Args:
        config: of the experiment; its callbacks, loggers and schedule are left out.
        steps: optimizer steps; -1 for no limit.
        callback: observes the steps, and may stop them.
        seed: of dropout, augmentation and the order of the data.

    Raises:
        UserError: there are no batches.
    """
    trainer = build_trainer(_short_config(config, steps, seed), callback)
    own_seed, datamodule.seed = datamodule.seed, seed
    try:
        trainer.fit(task, datamodule=datamodule)
    finally:
        datamodule.seed = own_seed
    if trainer.global_step == 0 and not trainer.should_stop:
        raise UserError("data: there are no batches to train on; see trainer.limit_train_batches and data.train_size")


def _short_config(config: Config, steps: int, seed: int) -> Config:
    settings = {name: value for name, value in config["trainer"].items() if name not in _OVERRIDDEN}
    settings |= {
        "max_epochs": -1,
        "max_steps": steps,
        "limit_val_batches": 0,
        "num_sanity_val_steps": 0,
        "devices": _first_device(config["trainer"].get("devices")),
        "profiler": None,
        "enable_checkpointing": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
    }
    return {**config, "trainer": settings, "callbacks": None, "logger": None, "seed": seed}


def _first_device(devices: Any) -> Any:
    """First of the Trainer's devices."""
    if isinstance(devices, str) and "," in devices:
        devices = [int(device) for device in devices.split(",") if device.strip()]
    return devices[:1] if isinstance(devices, list) else 1


def _seed_all(seed: int) -> None:
    """Seed as a run does; `L.seed_everything` would also leave variables in the environment."""
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
