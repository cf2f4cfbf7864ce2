from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.optim import SGD

from leyden import DataSpec, OptimizerFactory, build_network, complete_model
from myproject.tasks.reconstruction import Reconstruction
from tests.helpers.made_images import MadeImages
from tests.helpers.trainers import made_trainer

MEAN, STD = (0.5, 0.25), (0.25, 0.125)
SPEC = DataSpec("classification", (2, 6, 6), 4, ("a", "b", "c", "d"), MEAN, STD)
MODELS: dict[str, dict[str, Any]] = {
    "linear": {"_target_": "myproject.models.linear.Linear"},
    "mlp": {"_target_": "myproject.models.mlp.MLP", "hidden_sizes": [8], "dropout": 0.0},
    "autoencoder": {"_target_": "myproject.models.autoencoder.AutoEncoder", "channels": [4], "code_size": 8},
}


def made_task(spec: DataSpec = SPEC, model: str = "linear") -> Reconstruction:
    torch.manual_seed(0)
    complete = complete_model(MODELS[model], spec, Reconstruction.output_size(spec))
    return Reconstruction(build_network(complete), spec, OptimizerFactory(partial(SGD, lr=0.1)))


def images(number: int = 5) -> Tensor:
    """Images with values in [0, 1]."""
    return torch.rand(number, 2, 6, 6, generator=torch.Generator().manual_seed(number))


def normalised(values: Tensor) -> Tensor:
    return (values - torch.tensor(MEAN).view(-1, 1, 1)) / torch.tensor(STD).view(-1, 1, 1)


@pytest.mark.parametrize(("shape", "size"), [((1, 28, 28), 784), ((2, 6, 6), 72), ((11,), 11)])
def test_the_network_gives_as_many_values_as_an_input_has(shape: tuple[int, ...], size: int) -> None:
    assert Reconstruction.output_size(DataSpec("regression", shape, 3)) == size


@pytest.mark.parametrize("model", MODELS)
def test_any_network_learns_images(model: str, tmp_path: Path) -> None:
    data = MadeImages("", batch_size=8, val_size=10)
    data.prepare_data()
    data.setup()
    task = made_task(data.spec, model)
    before = {name: parameter.detach().clone() for name, parameter in task.named_parameters()}
    trainer = made_trainer(tmp_path, max_epochs=2)
    trainer.fit(task, datamodule=data)
    for name, parameter in task.named_parameters():
        assert not torch.equal(parameter, before[name]), name
    assert {"val/loss", "val/mse", "val/psnr"} <= trainer.callback_metrics.keys()
    assert trainer.callback_metrics["train/loss"] < 1.5
    inputs, _ = next(iter(data.val_dataloader()))
    assert task(inputs).shape == (10, 36)


def test_loss_and_gradients_do_not_look_at_the_targets() -> None:
    task, inputs = made_task(), normalised(images())
    losses = [task._step((inputs, labels), task.val_epoch)[0] for labels in (torch.arange(5), torch.zeros(5), inputs)]
    assert losses[0] == losses[1] == losses[2]
    expected = (task.network(inputs) - inputs.flatten(1)).square().mean()
    assert losses[0].item() == pytest.approx(expected.item())


@pytest.mark.parametrize("sizes", [[5], [1, 3, 1]])
def test_metrics_are_of_values_from_0_to_1(sizes: list[int]) -> None:
    task, true = made_task(), images()
    drawn = true + 0.1 * torch.randn(true.shape, generator=torch.Generator().manual_seed(1))
    for outputs, inputs in zip(normalised(drawn).split(sizes), normalised(true).split(sizes), strict=True):
        targets = task.targets((inputs, torch.zeros(len(inputs))))
        task.val_epoch.add(task.loss(outputs.flatten(1), targets), outputs.flatten(1), targets)
    metrics = {name: value.item() for name, value in task.val_epoch.compute().items()}
    mse = float(((drawn.numpy() - true.numpy()) ** 2).mean())
    assert metrics.keys() == {"loss", "mse", "psnr"}
    assert metrics["mse"] == pytest.approx(mse, rel=1e-4)
    assert metrics["psnr"] == pytest.approx(10 * np.log10(1 / mse), rel=1e-4)
    assert metrics["loss"] == pytest.approx((normalised(drawn) - normalised(true)).square().mean().item(), rel=1e-4)


def test_values_come_back_as_they_were_stored() -> None:
    stored = made_task().as_stored(normalised(images()).flatten(1))
    assert torch.allclose(stored.view(5, 2, 6, 6), images(), atol=1e-6)


def test_tables_are_reconstructed_as_they_are_handed_out() -> None:
    spec = DataSpec("regression", (4,), 1, target_names=("y",), target_mean=(5.0,), target_std=(2.0,))
    task = Reconstruction(nn.Linear(4, 4), spec, OptimizerFactory(partial(SGD, lr=0.1)))
    inputs = torch.arange(12.0).view(3, 4)
    task._step((inputs, torch.zeros(3, 1)), task.val_epoch)
    metrics = task.val_epoch.compute()
    assert metrics.keys() == {"loss", "mse"}
    assert metrics["mse"].item() == pytest.approx(metrics["loss"].item())


def test_what_undoes_the_normalising_is_a_fact_not_something_learned() -> None:
    assert all(name.startswith("network.") for name in made_task().state_dict())


def test_what_is_told_of_each_input_is_measured_of_it_alone() -> None:
    true = images()
    drawn = true + 0.1 * torch.randn(true.shape, generator=torch.Generator().manual_seed(1))
    told = made_task().predictions(normalised(drawn).flatten(1), normalised(true))
    mse = ((drawn - true) ** 2).mean(dim=(1, 2, 3)).tolist()
    assert list(told) == ["mse", "psnr"]
    assert list(map(float, told["mse"])) == pytest.approx(mse, rel=1e-4)
    assert list(map(float, told["psnr"])) == pytest.approx([10 * np.log10(1 / of) for of in mse], rel=1e-4)


def test_of_tables_the_error_alone_is_told() -> None:
    spec = DataSpec("regression", (4,), 1, target_names=("y",), target_mean=(5.0,), target_std=(2.0,))
    told = Reconstruction(nn.Linear(4, 4), spec).predictions(torch.ones(3, 4), torch.zeros(3, 4))
    assert list(told) == ["mse"]
    assert list(map(float, told["mse"])) == [1, 1, 1]
