from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import SGD, Optimizer
from torch.optim.lr_scheduler import LRScheduler

from leyden.data.loader import Batch, TensorLoader
from leyden.data.spec import DataSpec
from leyden.system.errors import UserError
from leyden.tasks.optimizers import OptimizerFactory
from leyden.tasks.schedulers import SchedulerFactory
from leyden.tasks.task import Task
from leyden.training.build import build_network
from leyden.training.model_settings import complete_model
from myproject.schedulers import polynomial
from myproject.tasks.classification import Classification
from tests.helpers.made_images import CLASSES, MadeImages
from tests.helpers.trainers import made_trainer

SPEC = DataSpec("classification", (1, 6, 6), 4, CLASSES, (0.5,), (0.25,))
MLP = {"_target_": "myproject.models.mlp.MLP", "hidden_sizes": [8], "dropout": 0.1}


def made_task(spec: DataSpec = SPEC, scheduler: SchedulerFactory | None = None) -> Classification:
    torch.manual_seed(0)
    optimizer = OptimizerFactory(partial(SGD, lr=0.1))
    model = complete_model(MLP, spec)
    task = Classification(build_network(model), spec, optimizer, scheduler)
    task.model = model
    return task


Trained = tuple[Classification, MadeImages, pl.Trainer, dict[str, Any]]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A task after an epoch, with its data, and what its checkpoint holds."""
    folder = tmp_path_factory.mktemp("trained")
    data = MadeImages("", batch_size=8, eval_batch_size=4, val_size=10)
    data.prepare_data()
    data.setup()
    task, trainer = made_task(data.spec), made_trainer(folder, max_epochs=1)
    trainer.fit(task, datamodule=data)
    trainer.save_checkpoint(folder / "made.ckpt")
    return task, data, trainer, torch.load(folder / "made.ckpt", weights_only=True)


def test_training_moves_every_parameter(trained: Trained) -> None:
    before = made_task(trained[1].spec)  # the same start
    for (name, old), new in zip(before.named_parameters(), trained[0].parameters(), strict=True):
        assert not torch.equal(old, new), name


def test_a_checkpoint_alone_rebuilds_the_network(trained: Trained) -> None:
    task, data, _, checkpoint = trained
    assert checkpoint["model"] == MLP | {"input_shape": (1, 6, 6), "output_size": 4}
    assert DataSpec(**checkpoint["spec"]) == data.spec
    network = build_network(checkpoint["model"])
    network.load_state_dict(
        {key.removeprefix("network."): value for key, value in checkpoint["state_dict"].items() if "network." in key}
    )
    pictures = torch.rand(5, 1, 6, 6)
    assert torch.equal(network.eval()(pictures), task.network.eval()(pictures))


def test_a_checkpoint_holds_nothing_of_the_metrics(trained: Trained) -> None:
    assert all(key.startswith("network.") for key in trained[3]["state_dict"])


def measured(task: Classification, batches: Iterable[Batch]) -> dict[str, float]:
    """Loss and accuracy of all items at once."""
    together = list(batches)
    inputs, targets = (torch.cat(parts) for parts in zip(*together, strict=True))
    with torch.no_grad():
        outputs = task.network.eval()(inputs)
    return {
        "loss": F.cross_entropy(outputs, targets).item(),
        "acc": (outputs.argmax(1) == targets).float().mean().item(),
    }


def test_validation_is_measured_over_every_item(trained: Trained) -> None:
    task, data, trainer, _ = trained
    assert {"train/loss", "train/acc", "val/loss", "val/acc", "val/f1", "val/top3"} <= trainer.callback_metrics.keys()
    loader = data.val_dataloader()
    assert isinstance(loader, TensorLoader)
    assert [len(targets) for _, targets in loader] == [4, 4, 2]
    for name, value in measured(task, loader).items():
        assert trainer.callback_metrics[f"val/{name}"].item() == pytest.approx(value, rel=1e-5)


def test_a_test_is_measured_over_every_item(trained: Trained, tmp_path: Path) -> None:
    task, data, _, _ = trained
    (metrics,) = made_trainer(tmp_path).test(task, datamodule=data, verbose=False)
    assert metrics.keys() == {"test/loss", "test/acc", "test/f1", "test/top3"}
    for name, value in measured(task, data.test_dataloader()).items():
        assert metrics[f"test/{name}"] == pytest.approx(value, rel=1e-5)


def test_a_run_goes_on_with_the_data_that_it_began_with(trained: Trained) -> None:
    task, _, _, checkpoint = trained
    spec = checkpoint["spec"]
    for name in spec:  # of a version that knew fewer facts, or more
        task.on_load_checkpoint(
            {"spec": {key: value for key, value in spec.items() if key != name} | {"colour": "blue"}}
        )
    for name, other in {"class_names": ("b", "a", "c", "d"), "mean": (0.75,)}.items():
        with pytest.raises(UserError, match=f"^data: {name} is not what it was when the run began, so the files"):
            task.on_load_checkpoint({"spec": spec | {name: other}})


ENDS: list[dict[str, int]] = [
    {"max_epochs": 3},
    {"max_epochs": -1, "max_steps": 10},
    {"max_epochs": 3, "max_steps": 10},
    {"max_epochs": 3, "limit_train_batches": 3},
]


@pytest.mark.parametrize("end", ENDS, ids=str)
@pytest.mark.parametrize("accumulate", [1, 3])
@pytest.mark.parametrize(("interval", "frequency"), [("step", 1), ("step", 2), ("epoch", 1), ("epoch", 2)])
def test_a_schedule_ends_where_the_run_ends(
    interval: Any, frequency: int, accumulate: int, end: dict[str, int], tmp_path: Path
) -> None:
    made: list[tuple[LRScheduler, int]] = []

    def make(optimizer: Optimizer, total: int) -> LRScheduler:
        made.append((polynomial(optimizer, total, power=1.0), total))
        return made[-1][0]

    data = MadeImages("", batch_size=4, val_size=10)  # 30 pictures: 8 batches an epoch
    task = made_task(SPEC, SchedulerFactory(make, interval, frequency, length_as="total"))
    trainer = made_trainer(tmp_path, accumulate_grad_batches=accumulate, limit_val_batches=0, **end)
    trainer.fit(task, datamodule=data)
    ((scheduler, total),) = made
    cut = interval == "epoch" and "max_steps" in end  # then the last epoch has no end to move at
    assert total - cut <= scheduler.last_epoch <= total


def test_a_task_tells_its_network_and_size() -> None:
    task = made_task()
    assert task.describe() == f"MLP, {36 * 8 + 2 * 8 + 8 * 4 + 4} parameters"
    task.network.get_submodule("output").requires_grad_(False)
    assert task.describe() == f"MLP, {36 * 8 + 2 * 8} parameters and {8 * 4 + 4} frozen"


class Squares(Task):
    """A task of the user's own, with outputs of a shape of its own, that says nothing of predictions."""

    def __init__(self) -> None:
        super().__init__(nn.Identity(), SPEC)

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return outputs.square().mean()


def test_of_a_task_that_says_nothing_of_predictions_the_outputs_are_told() -> None:
    told = Squares().predictions(torch.arange(8.0).view(2, 2, 2), torch.zeros(2, 1, 6, 6), top_k=3)
    columns = {name: torch.as_tensor(values).tolist() for name, values in told.items()}
    assert columns == {"output_0": [0, 4], "output_1": [1, 5], "output_2": [2, 6], "output_3": [3, 7]}
