"""Loss, metrics and weights do not depend on how items are divided into batches."""

from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import pytest
import torch
from torch import Tensor, nn
from torch.optim import LBFGS, SGD, Optimizer
from torch.utils.data import DataLoader, TensorDataset

from leyden.data.csv import CSV
from leyden.data.loader import Batch
from leyden.data.spec import DataSpec
from leyden.system.errors import UserError
from leyden.tasks.optimizers import OptimizerFactory
from leyden.tasks.task import Task
from myproject.tasks.classification import Classification
from myproject.tasks.regression import Regression
from tests.helpers.trainers import made_trainer

ROOT = Path(__file__).parents[3]
TRAINED = 286  # 28 * 10 + 6, 7 * 40 + 6
KINDS: dict[str, tuple[Any, dict[str, Any]]] = {
    "classes": ("origin", {}),
    "weighted classes": ("origin", {"class_weights": [1.0, 9.0, 0.5]}),
    "weighted and smoothed classes": ("origin", {"class_weights": [1.0, 9.0, 0.5], "label_smoothing": 0.1}),
    "a number": ("mpg", {}),
    "several numbers": (["mpg", "weight"], {}),
    "absolute errors": (["mpg", "weight"], {"loss": "l1"}),
}
Outcome = tuple[dict[str, Tensor], dict[str, float]]


def cars(kind: str, **sizes: int) -> CSV:
    path, target = str(ROOT / "data/csv/cars.csv"), KINDS[kind][0]
    data = CSV(path, target, ignore=["name"], test_size=0.2, val_size=0.1, train_size=TRAINED, **sizes)
    data.setup()
    return data


def made_task(kind: str, spec: DataSpec) -> Task:
    torch.manual_seed(0)
    network = nn.Linear(spec.input_shape[0], spec.output_size)
    task = Classification if spec.task == "classification" else Regression
    return task(network, spec, OptimizerFactory(partial(SGD, lr=0.05, momentum=0.9)), **KINDS[kind][1])


def trained(
    folder: Path, kind: str, batch_size: int, accumulate: int = 1, evaluated: int = 1024, **more: Any
) -> Outcome:
    """Weights and metrics after three epochs and a test."""
    data = cars(kind, batch_size=batch_size, eval_batch_size=evaluated)
    task = made_task(kind, data.spec)
    trainer = made_trainer(folder, max_epochs=3, accumulate_grad_batches=accumulate, **more)
    trainer.fit(task, datamodule=data)
    metrics = {name: value.item() for name, value in trainer.callback_metrics.items()}
    trainer.test(task, datamodule=data, verbose=False)
    metrics |= {name: value.item() for name, value in trainer.callback_metrics.items()}
    return task.state_dict(), metrics


def assert_alike(one: Outcome, other: Outcome, tolerance: float = 1e-5) -> None:
    torch.testing.assert_close(one[0], other[0], rtol=tolerance, atol=tolerance)
    assert one[1] == pytest.approx(other[1], rel=tolerance, abs=tolerance)


@pytest.mark.parametrize("kind", KINDS)
def test_evaluation_is_the_same_in_batches_of_1_7_and_all(kind: str, tmp_path: Path) -> None:
    data = cars(kind, eval_batch_size=1024)
    task = made_task(kind, data.spec)
    found = []
    for size in (1, 7, 1024):
        data.eval_batch_size = size
        found += made_trainer(tmp_path).test(task, datamodule=data, verbose=False)
    assert found[0] == pytest.approx(found[2], rel=1e-5, abs=1e-5)
    assert found[1] == pytest.approx(found[2], rel=1e-5, abs=1e-5)


@pytest.mark.sample(4)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("batch_size", "accumulate", "whole"), [(7, 4, 28), (1, 4, 4), (100, 4, TRAINED), (40, 16, TRAINED)]
)
def test_accumulated_batches_train_as_one_batch_of_their_items(
    kind: str, batch_size: int, accumulate: int, whole: int, tmp_path: Path
) -> None:
    """Also in the last step of an epoch, which has fewer batches, and a smaller one."""
    assert_alike(trained(tmp_path, kind, batch_size, accumulate), trained(tmp_path, kind, whole))


@pytest.mark.sample(2)
@pytest.mark.parametrize(
    ("more", "tolerance"),
    [
        ({"gradient_clip_val": 0.5}, 1e-5),
        ({"gradient_clip_val": 0.01, "gradient_clip_algorithm": "value"}, 1e-5),
        ({"precision": "64-true"}, 1e-6),
        ({"precision": "bf16-mixed"}, 2e-2),  # products of 8 bits
    ],
    ids=str,
)
def test_accumulation_goes_together_with(more: dict[str, Any], tolerance: float, tmp_path: Path) -> None:
    for kind in ("weighted classes", "several numbers"):
        one, other = trained(tmp_path, kind, 7, 4, **more), trained(tmp_path, kind, 28, **more)
        assert_alike(one, other, tolerance)


class Gradients(pl.Callback):
    """The gradient of each step, before callbacks and clipping meet it."""

    def __init__(self) -> None:
        self.seen: list[Tensor] = []
        self.losses: list[float] = []

    def on_before_optimizer_step(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, optimizer: Optimizer
    ) -> None:
        self.seen.append(torch.cat([p.grad.flatten().clone() for p in pl_module.parameters() if p.grad is not None]))

    def on_train_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
        if "train/loss_step" in trainer.callback_metrics and trainer.global_step > len(self.losses):
            self.losses.append(trainer.callback_metrics["train/loss_step"].item())


@pytest.mark.parametrize(("batch_size", "accumulate", "whole"), [(7, 4, 28), (143, 4, TRAINED)])
def test_callbacks_see_the_gradient_and_the_loss_of_the_items_of_a_step(
    batch_size: int, accumulate: int, whole: int, tmp_path: Path
) -> None:
    one, other = Gradients(), Gradients()
    trained(tmp_path, "weighted classes", batch_size, accumulate, callbacks=[one], log_every_n_steps=1)
    trained(tmp_path, "weighted classes", whole, callbacks=[other], log_every_n_steps=1)
    assert len(one.seen) == len(other.seen) == len(one.losses) == 3 * -(-TRAINED // whole)
    torch.testing.assert_close(one.seen, other.seen, rtol=1e-5, atol=1e-6)
    assert one.losses == pytest.approx(other.losses, rel=1e-5)


def test_complete_steps_of_equal_batches_are_lightnings_own_to_the_bit(tmp_path: Path, monkeypatch: Any) -> None:
    def run() -> Outcome:
        return trained(tmp_path, "classes", 22, 13)  # 286 = 22 * 13

    ours = run()
    for name in ("backward", "on_before_optimizer_step"):
        monkeypatch.setattr(Task, name, getattr(pl.LightningModule, name))
    plain = run()
    assert all(torch.equal(value, plain[0][name]) for name, value in ours[0].items())
    assert ours[1] == plain[1]


class Own(Classification):
    """A task of the user's own: batches of its own structure, and every hook that a user may override."""

    def training_step(self, batch: Any, batch_idx: int) -> Tensor | None:  # type: ignore[override]
        self.log("mine", batch["y"].float().mean(), on_step=False, on_epoch=True, batch_size=len(batch["y"]))
        if self.skipped and batch_idx in self.skipped:
            return None
        return self.loss(self.network(batch["x"]), batch["y"])

    skipped: tuple[int, ...] = ()

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        pass

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        pass


class Named(TensorDataset):
    def __getitem__(self, place: int) -> dict[str, Tensor]:
        x, y = super().__getitem__(place)
        return {"x": x, "y": y}


def owned(folder: Path, batch_size: int, accumulate: int, skipped: tuple[int, ...] = (), make: Any = None) -> Own:
    spec = DataSpec("classification", (4,), 3, ("a", "b", "c"))
    generator = torch.Generator().manual_seed(1)
    items = Named(torch.randn(33, 4, generator=generator), torch.arange(33) % 3)
    torch.manual_seed(0)
    task = Own(nn.Linear(4, 3), spec, OptimizerFactory(make or partial(SGD, lr=0.5)))
    task.skipped = skipped
    trainer = made_trainer(folder, max_epochs=2, accumulate_grad_batches=accumulate, limit_val_batches=0)
    trainer.fit(task, DataLoader(items, batch_size))
    assert trainer.callback_metrics["mine"].item() == pytest.approx(1.0)
    return task


def weights_of(task: Task) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in task.state_dict().items()}


def test_a_task_and_batches_of_the_users_own_accumulate_as_well(tmp_path: Path) -> None:
    one, other = owned(tmp_path, 5, 4), owned(tmp_path, 20, 1)
    torch.testing.assert_close(weights_of(one), weights_of(other), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("skipped", [(0,), (3,), (4,), (6,)])
def test_a_batch_that_is_skipped_has_no_share(skipped: tuple[int, ...], tmp_path: Path) -> None:
    """Of seven batches, of which four and then three make a step."""
    task = owned(tmp_path, 5, 4, skipped)
    torch.manual_seed(0)
    network, loss = nn.Linear(4, 3), nn.CrossEntropyLoss()
    x, y = torch.randn(33, 4, generator=torch.Generator().manual_seed(1)), torch.arange(33) % 3
    optimizer = SGD(network.parameters(), lr=0.5)
    steps = [[n for n in step if n not in skipped] for step in ([0, 1, 2, 3], [4, 5, 6])]
    for _, step in product(range(2), steps):
        items = torch.cat([torch.arange(5 * n, min(33, 5 * n + 5)) for n in step])
        optimizer.zero_grad()
        loss(network(x[items]), y[items]).backward()
        optimizer.step()
    torch.testing.assert_close(
        weights_of(task), {f"network.{k}": v for k, v in network.state_dict().items()}, rtol=1e-5, atol=1e-6
    )


class NoTensors(Own):
    """Whose batches tell nothing of their size, unless it is asked."""

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:  # type: ignore[override]
        return self.loss(self.network(torch.tensor(batch.inputs)), torch.tensor(batch.targets))


class Sized(NoTensors):
    def items_in(self, batch: Any) -> int:
        return len(batch.targets)


class Plain:
    def __init__(self, inputs: list[list[float]], targets: list[int]) -> None:
        self.inputs, self.targets = inputs, targets


@pytest.mark.parametrize("own", [NoTensors, Sized])
def test_batches_of_unknown_size_are_equal_and_a_warning_says_so(
    own: type[Own], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    torch.manual_seed(0)
    x, y = torch.randn(8, 4), torch.arange(8) % 3
    batches = [Plain(x[a:b].tolist(), y[a:b].tolist()) for a, b in ((0, 5), (5, 8))]
    network = nn.Linear(4, 3)
    start = {name: value.clone() for name, value in network.state_dict().items()}
    task = own(network, DataSpec("classification", (4,), 3, ("a", "b", "c")), OptimizerFactory(partial(SGD, lr=1.0)))
    trainer = made_trainer(tmp_path, max_epochs=1, accumulate_grad_batches=4, limit_val_batches=0)
    trainer.fit(task, DataLoader(batches, batch_size=None))  # type: ignore[arg-type]
    reference = nn.Linear(4, 3)
    reference.load_state_dict(start)
    losses = [task.loss(reference(x[a:b]), y[a:b]) for a, b in ((0, 5), (5, 8))]
    shares = (5 / 8, 3 / 8) if own is Sized else (1 / 2, 1 / 2)
    (shares[0] * losses[0] + shares[1] * losses[1]).backward()
    for parameter, (name, value) in zip(reference.parameters(), start.items(), strict=True):
        assert parameter.grad is not None
        torch.testing.assert_close(network.state_dict()[name], value - parameter.grad)
    assert ("items_in" in caplog.text) == (own is NoTensors)
    assert caplog.text.count("items_in") <= 1


class Counted(Classification):
    """Counts what its training steps see."""

    evaluations = 0

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        self.evaluations += self.training
        return super().loss(outputs, targets)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        loss = super().training_step(batch, batch_idx)
        self.log("train/mine", loss, on_step=False, on_epoch=True)
        return loss


@pytest.mark.parametrize("batch_size", [100, TRAINED])
def test_an_optimizer_that_evaluates_a_batch_again_and_again_counts_its_items_once(
    batch_size: int, tmp_path: Path
) -> None:
    data = cars("classes", batch_size=batch_size)
    torch.manual_seed(0)
    network = nn.Linear(data.spec.input_shape[0], data.spec.output_size)
    task = Counted(network, data.spec, OptimizerFactory(partial(LBFGS, lr=0.1, max_iter=4)))
    first: list[float] = []

    class GracefulShutdown(pl.Callback):
        def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
            acc = task.train_epoch.metrics["acc"]
            task.train_epoch.compute()
            assert int(acc.tp + acc.fn) == TRAINED  # type: ignore[operator]
            assert task.train_epoch.loss.weight == TRAINED

        def on_train_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
            first.append(trainer.callback_metrics["train/loss_step"].item())

    trainer = made_trainer(tmp_path, max_epochs=3, callbacks=[GracefulShutdown()], log_every_n_steps=1)
    for _ in range(2):  # in a second fit too
        trainer.fit_loop.epoch_progress.reset()
        trainer.fit(task, datamodule=data)
        metrics = trainer.callback_metrics
        assert metrics["train/mine"].item() == pytest.approx(metrics["train/loss"].item(), rel=1e-5)
    assert task.evaluations > 2 * trainer.global_step
    if batch_size == TRAINED:  # the loss before the step, not one on its way
        assert first[-1] == pytest.approx(metrics["train/loss"].item(), rel=1e-6)


def test_an_optimizer_that_evaluates_a_batch_again_cannot_accumulate(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^trainer\.accumulate_grad_batches=4: .*trainer\.accumulate_grad_batches=1$"):
        owned(tmp_path, 5, 4, make=partial(LBFGS, lr=0.1))
