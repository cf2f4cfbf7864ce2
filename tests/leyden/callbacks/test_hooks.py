from copy import deepcopy
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch.loggers import TensorBoardLogger
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch import Tensor, nn

from leyden.callbacks.hooks import Hooks
from leyden.config.compose import compose
from leyden.system.errors import UserError
from leyden.tasks.task import Task
from leyden.training.build import build_task
from myproject.data.mnist import MNIST
from tests.helpers.trainers import made_trainer


@pytest.fixture(scope="module")
def data(mnist_root: Path) -> MNIST:
    data = MNIST(str(mnist_root), batch_size=16, train_size=96, val_size=16)
    data.prepare_data()
    data.setup()
    return data


def run(
    data: MNIST, folder: Path, hooks: Hooks | None, model: str = "cnn", **settings: Any
) -> tuple[Task, dict[str, list[int]]]:
    """Two epochs of six steps; the task, and the steps of each histogram."""
    torch.manual_seed(0)
    task = build_task(compose([f"model={model}"]).config, data.spec)
    logger = TensorBoardLogger(folder, name="", version="")
    trainer = made_trainer(folder, logger=logger, max_epochs=2, callbacks=[hooks] if hooks else [], **settings)
    trainer.fit(task, datamodule=data)
    logger.finalize("success")
    events = EventAccumulator(str(folder), size_guidance={"histograms": 0}).Reload()
    return task, {tag: [e.step for e in events.Histograms(tag)] for tag in events.Tags()["histograms"]}


def hooked(network: nn.Module) -> int:
    return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) + len(m._backward_hooks) for m in network.modules())


def test_layers_are_recorded_every_so_many_steps(data: MNIST, tmp_path: Path) -> None:
    _, steps = run(data, tmp_path, Hooks([r"hidden\.0", "output"], every_n_steps=5))
    assert steps == {
        f"{kind}/{layer}": [0, 5, 10] for kind in ("activations", "gradients") for layer in ("hidden.0", "output")
    }


def test_what_is_recorded_is_what_the_layer_puts_out_and_its_gradient(data: MNIST, tmp_path: Path) -> None:
    torch.manual_seed(0)
    task = build_task(compose(["model=linear"]).config, data.spec)
    inputs, targets = next(iter(data.loader("train", shuffle=True, seed=data.seed)))
    outputs = task.network(inputs)
    outputs.retain_grad()
    task.loss(outputs, targets).backward()
    run(data, tmp_path, Hooks(["output"], every_n_steps=100), model="linear")
    events = EventAccumulator(str(tmp_path), size_guidance={"histograms": 0}).Reload()
    assert outputs.grad is not None
    for kind, values in {"activations": outputs, "gradients": outputs.grad}.items():
        histogram = events.Histograms(f"{kind}/output")[0].histogram_value
        assert histogram.num == values.numel()
        assert histogram.sum == pytest.approx(values.double().sum().item(), abs=1e-4)
        assert histogram.sum_squares == pytest.approx(values.double().square().sum().item(), rel=1e-4)


class InPlace(nn.Module):
    """Layers whose inputs and outputs are changed in place, and used twice."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.relu = nn.Linear(784, 16), nn.ReLU(inplace=True)
        self.second, self.output = nn.Linear(16, 16), nn.Linear(16, 10)

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.relu(self.first(x.flatten(1)))
        other = self.second(hidden)
        other += hidden
        outputs: Tensor = self.output(other)
        return outputs


def recorded(data: MNIST, folder: Path, network: nn.Module, hooks: Hooks) -> dict[str, Any]:
    """Histograms of the first step of a network, by tag."""
    torch.manual_seed(0)
    task = build_task(compose(["model=linear"]).config, data.spec)
    task.network = network
    logger = TensorBoardLogger(folder, name="", version="")
    made_trainer(folder, logger=logger, max_steps=1, callbacks=[hooks], num_sanity_val_steps=0).fit(task, data)
    logger.finalize("success")
    events = EventAccumulator(str(folder), size_guidance={"histograms": 0}).Reload()
    return {tag: events.Histograms(tag)[0].histogram_value for tag in events.Tags()["histograms"]}


def test_inputs_and_the_gradients_by_them_are_what_hooks_of_modules_get(data: MNIST, tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(784, 16), nn.Sigmoid(), nn.Linear(16, 10))
    task = build_task(compose(["model=linear"]).config, data.spec)
    inputs, targets = next(iter(data.loader("train", shuffle=True, seed=data.seed)))
    expected: dict[str, Tensor] = {}

    def forward(name: str, layer: nn.Module, given: tuple[Tensor, ...]) -> None:
        expected[f"inputs/{name}"] = given[0].detach()

    def backward(name: str, layer: nn.Module, by_inputs: tuple[Tensor | None, ...], by_outputs: Any) -> None:
        if by_inputs[0] is not None:
            expected[f"input_gradients/{name}"] = by_inputs[0]

    copy = deepcopy(network)
    for name, layer in copy.named_children():
        layer.register_forward_pre_hook(partial(forward, name))
        layer.register_full_backward_hook(partial(backward, name))
    task.loss(copy(inputs), targets).backward()
    kinds = {"activations": False, "gradients": False, "inputs": True, "input_gradients": True}
    found = recorded(data, tmp_path, network, Hooks(["."], **kinds))
    assert found.keys() == expected.keys()
    assert len(found) == 6  # the images, also when flattened, have no gradient
    for tag, histogram in found.items():
        assert histogram.num == expected[tag].numel()
        assert histogram.sum == pytest.approx(expected[tag].double().sum().item(), abs=1e-3), tag
        assert histogram.sum_squares == pytest.approx(expected[tag].double().square().sum().item(), rel=1e-4), tag


def test_layers_that_work_in_place_are_recorded_too(data: MNIST, tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = InPlace()
    plain = deepcopy(network)
    found = recorded(data, tmp_path / "with", network, Hooks(["."], inputs=True, input_gradients=True))
    names = {"first", "relu", "second", "output"}
    assert {tag for tag in found if tag.startswith("inputs/")} == {f"inputs/{name}" for name in names}
    assert {tag for tag in found if tag.startswith("input_g")} == {f"input_gradients/{n}" for n in names - {"first"}}
    assert found["inputs/relu"].min < 0 <= found["activations/relu"].min
    recorded(data, tmp_path / "without", plain, Hooks(["^none|output"], False, False))
    for name, value in plain.state_dict().items():
        assert torch.equal(network.state_dict()[name], value), name


@pytest.mark.slow
def test_training_is_not_changed_and_no_hook_is_left(data: MNIST, tmp_path: Path) -> None:
    few = {"model": "resnet", "limit_train_batches": 2}  # its ReLUs work in place
    with_hooks, _ = run(
        data, tmp_path / "with", Hooks(["."], every_n_steps=2, inputs=True, input_gradients=True), **few
    )
    without, steps = run(data, tmp_path / "without", None, **few)
    assert steps == {}
    assert hooked(with_hooks.network) == hooked(without.network) == 0
    for name, value in without.state_dict().items():
        assert torch.equal(with_hooks.state_dict()[name], value), name


@pytest.mark.parametrize("off", ["activations", "gradients"])
def test_either_kind_can_be_switched_off(off: str, data: MNIST, tmp_path: Path) -> None:
    _, steps = run(data, tmp_path, Hooks(["output"], **{off: False}))
    assert len(steps) == 1
    assert off not in next(iter(steps))


def test_hooks_are_taken_out_when_a_step_fails(data: MNIST, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    task = build_task(compose(["model=cnn"]).config, data.spec)
    monkeypatch.setattr(task, "loss", lambda outputs, targets: 1 / 0)
    hooks = Hooks(["."])
    logger = TensorBoardLogger(tmp_path)
    with pytest.raises(UserError, match="ZeroDivisionError"):
        made_trainer(tmp_path, logger=logger, max_epochs=1, num_sanity_val_steps=0, callbacks=[hooks]).fit(
            task, datamodule=data
        )
    assert hooked(task.network) == 0


def test_a_pattern_that_finds_nothing_and_a_run_without_tensorboard_are_refused(data: MNIST, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no layer has a name like encoder; there are hidden\.0"):
        run(data, tmp_path, Hooks(["encoder"]))
    task = build_task(compose(["model=cnn"]).config, data.spec)
    with pytest.raises(UserError, match="logger=tensorboard"):
        made_trainer(tmp_path, callbacks=[Hooks(["."])]).fit(task, datamodule=data)


def test_of_an_optimizer_that_evaluates_a_step_several_times_the_first_is_recorded(data: MNIST, tmp_path: Path) -> None:
    torch.manual_seed(0)
    task = build_task(compose(["model=linear", "optimizer=lbfgs"]).config, data.spec)
    logger = TensorBoardLogger(tmp_path, name="", version="")
    hooks = Hooks(["output"], every_n_steps=5)
    made_trainer(tmp_path, logger=logger, max_epochs=2, callbacks=[hooks], limit_val_batches=0).fit(task, data)
    logger.finalize("success")
    events = EventAccumulator(str(tmp_path), size_guidance={"histograms": 0}).Reload()
    found = {tag: [event.step for event in events.Histograms(tag)] for tag in events.Tags()["histograms"]}
    assert found == {"activations/output": [0, 5, 10], "gradients/output": [0, 5, 10]}
