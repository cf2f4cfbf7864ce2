"""Statistics of a training: the norm of a gradient, times, items per second, memory."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from lightning.pytorch.loggers import CSVLogger

from leyden.callbacks.statistics import Statistics
from leyden.config.compose import compose
from leyden.plots.learning_curves import Curve, read_curves
from leyden.system.lightning_internals import gradient_scale
from leyden.training.build import build_task
from myproject.data.mnist import MNIST
from tests.helpers.trainers import made_trainer


@pytest.fixture(scope="module")
def data(mnist_root: Path) -> MNIST:
    data = MNIST(str(mnist_root), batch_size=16, train_size=96, val_size=16)
    data.prepare_data()
    data.setup()
    return data


def logged(data: MNIST, folder: Path, **settings: Any) -> dict[str, Curve]:
    """Two epochs of six steps."""
    torch.manual_seed(0)
    task = build_task(compose(["model=linear", "optimizer=sgd", "optimizer.lr=1e-30"]).config, data.spec)
    logger = CSVLogger(folder, name="", version="")
    settings = {"max_epochs": 2, "log_every_n_steps": 2} | settings
    made_trainer(folder, logger=logger, callbacks=[Statistics()], **settings).fit(task, datamodule=data)
    return read_curves(folder / "metrics.csv")


def test_the_norm_is_that_of_the_gradient_of_the_step(data: MNIST, tmp_path: Path) -> None:
    curves = logged(data, tmp_path)
    assert curves["gradient/norm"].steps == [1, 3, 5, 7, 9, 11]
    torch.manual_seed(0)
    task = build_task(compose(["model=linear"]).config, data.spec)
    batches = list(data.loader("train", shuffle=True, seed=data.seed))
    task.loss(task.network(batches[1][0]), batches[1][1]).backward()
    gradients = torch.cat([p.grad.flatten() for p in task.network.parameters() if p.grad is not None])
    assert curves["gradient/norm"].values[0] == pytest.approx(float(gradients.norm()), rel=1e-5)


def test_the_norm_is_taken_before_gradients_are_clipped(data: MNIST, tmp_path: Path) -> None:
    free = logged(data, tmp_path / "free")["gradient/norm"]
    clipped = logged(data, tmp_path / "clipped", gradient_clip_val=0.01)["gradient/norm"]
    assert min(free.values) > 0.1
    assert clipped.values == pytest.approx(free.values, rel=1e-5)


def test_times_are_logged_with_the_metrics_of_their_epoch(
    data: MNIST, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter(range(1000))
    monkeypatch.setattr("leyden.callbacks.statistics.time", SimpleNamespace(monotonic=lambda: next(clock)))
    curves = logged(data, tmp_path)
    assert curves["time/epoch"].steps == curves["train/loss"].steps == [5, 11]
    # the clock is read at the start, after each of six batches, after validation, and at the end
    assert curves["time/epoch"].values == [8, 8]
    assert curves["time/items_per_second"].values == [96 / 6, 96 / 6]


def test_memory_is_that_of_the_process_where_the_system_tells_it(
    data: MNIST, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("leyden.callbacks.statistics.in_use", lambda device: 25_000_000)
    curves = logged(data, tmp_path / "told")
    assert curves["memory/process_mb"] == Curve([5, 11], [25.0, 25.0])
    monkeypatch.setattr("leyden.callbacks.statistics.in_use", lambda device: None)
    assert not {"memory/process_mb", "memory/gpu_mb"} & logged(data, tmp_path / "not_told").keys()


def test_batches_of_unknown_size_have_a_time_and_no_speed() -> None:
    statistics = Statistics()
    statistics.on_train_epoch_start(None, None)  # type: ignore[arg-type]
    statistics.on_train_batch_end(None, None, None, object(), 0)  # type: ignore[arg-type]
    rows: list[Any] = []

    class Logger:
        def log_metrics(self, values: dict[str, float], step: int) -> None:
            rows.append((values, step))

    class Strategy:
        root_device = torch.device("cpu")

    class Trainer:
        loggers = (Logger(),)
        strategy = Strategy()
        world_size = 1

    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr("leyden.callbacks.statistics.steps_logged", lambda trainer: 8)
        statistics.on_train_epoch_end(Trainer(), None)  # type: ignore[arg-type]
    [(values, step)] = rows
    assert step == 7
    assert "time/epoch" in values
    assert "time/items_per_second" not in values


def test_an_optimizer_that_evaluates_the_loss_several_times_logs_each_step_once(data: MNIST, tmp_path: Path) -> None:
    task = build_task(compose(["model=linear", "optimizer=lbfgs"]).config, data.spec)
    logger = CSVLogger(tmp_path, name="", version="")
    trainer = made_trainer(tmp_path, logger=logger, callbacks=[Statistics()], max_epochs=1, log_every_n_steps=1)
    trainer.fit(task, datamodule=data)
    assert read_curves(tmp_path / "metrics.csv")["gradient/norm"].steps == list(range(6))


def test_gradients_that_the_optimizer_unscales_itself_are_unscaled_in_the_norm() -> None:
    class Scaler:
        def get_scale(self) -> float:
            return 1024.0

    trainer = SimpleNamespace(precision_plugin=SimpleNamespace(scaler=Scaler()))
    fused, plain = SimpleNamespace(_step_supports_amp_scaling=True), SimpleNamespace()
    assert gradient_scale(trainer, fused) == 1024.0  # type: ignore[arg-type]
    assert gradient_scale(trainer, plain) == 1.0  # type: ignore[arg-type]
    assert gradient_scale(SimpleNamespace(precision_plugin=object()), fused) == 1.0  # type: ignore[arg-type]
