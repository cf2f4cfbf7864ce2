"""A task from a checkpoint alone."""

from pathlib import Path
from typing import Any

import pytest
import torch

from leyden.checkpoints.restore import restore_spec, restore_task
from leyden.config.compose import compose
from leyden.data.spec import DataSpec
from leyden.system.errors import UserError
from leyden.tasks.task import Task
from leyden.training.build import build_task

SPEC = DataSpec("classification", (1, 16, 16), 3, ("a", "b", "c"), mean=(0.5,), std=(0.25,))
PRICES = DataSpec("regression", (4,), 2, target_names=("x", "y"), target_mean=(5.0, 1.0), target_std=(2.0, 3.0))
TABLE = ["data=csv", "data.path=a.csv", "data.target=y"]
TASKS: dict[str, tuple[DataSpec, list[str]]] = {
    "classification": (SPEC, ["model=cnn", "model.batch_norm=true", "task.label_smoothing=0.1", "task.top_k=2"]),
    "weighted": (SPEC, ["model=linear", "task.class_weights=[1,2,3]"]),
    "pretrained": (SPEC, ["model=resnet", "model.name=shufflenet_v2_x0_5", "model.freeze=backbone"]),
    "regression": (PRICES, [*TABLE, "model=mlp", "task.loss=huber", "task.delta=0.5"]),
    "reconstruction": (SPEC, ["experiment=mnist_autoencoder"]),
}


def saved(task: Task, folder: Path) -> dict[str, Any]:
    """What a file holds of a task."""
    content: dict[str, Any] = {"state_dict": task.state_dict()}
    task.on_save_checkpoint(content)
    torch.save(content, folder / "made.ckpt")
    content = torch.load(folder / "made.ckpt", weights_only=True)
    return content


def made(name: str) -> Task:
    spec, typed = TASKS[name]
    torch.manual_seed(0)
    task = build_task(compose(typed).config, spec)
    task(torch.randn(8, *spec.input_shape))  # moves the running statistics
    return task


def batch(spec: DataSpec) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    inputs = torch.randn(6, *spec.input_shape, generator=generator)
    classes, numbers = torch.arange(6) % spec.output_size, torch.randn(6, spec.output_size, generator=generator)
    return inputs, classes if spec.class_names else numbers


@pytest.mark.sample(2)
@pytest.mark.parametrize("name", TASKS)
def test_a_checkpoint_alone_gives_the_same_task(name: str, tmp_path: Path) -> None:
    task = made(name)
    restored = restore_task(saved(task, tmp_path))
    assert type(restored) is type(task)
    assert restored.spec == task.spec
    assert not any(module.training for module in restored.modules())
    task.eval()
    with torch.no_grad():
        losses = [of._step(batch(task.spec), of.test_epoch)[0] for of in (task, restored)]
    assert torch.equal(*losses)
    metrics = [{key: value.item() for key, value in of.test_epoch.compute().items()} for of in (task, restored)]
    assert metrics[0] == metrics[1]


@pytest.mark.sample(2)
@pytest.mark.parametrize("name", TASKS)
def test_what_was_restored_makes_the_same_checkpoint(name: str, tmp_path: Path) -> None:
    content = saved(made(name), tmp_path)
    again = saved(restore_task(content), tmp_path)
    weights, others = content.pop("state_dict"), again.pop("state_dict")
    assert again == content
    assert all(torch.equal(value, others[key]) for key, value in weights.items())


@pytest.mark.sample(4)
@pytest.mark.parametrize("key", ["model", "task", "spec", "state_dict"])
@pytest.mark.parametrize("instead", [None, 7, "text", []])
def test_a_checkpoint_that_lacks_something_is_told_in_one_line(key: str, instead: Any, tmp_path: Path) -> None:
    content = saved(made("weighted"), tmp_path) | {key: instead}
    with pytest.raises(UserError, match=f"^mine.ckpt: has no {key} in it; it was not written by train.py$"):
        restore_task(content, "mine.ckpt")


@pytest.mark.sample(2)
@pytest.mark.parametrize(
    ("key", "node", "named"),
    [
        ("model", {"_target_": "os.system", "command": "touch HARM"}, "mine.ckpt: model"),
        ("task", {"_target_": "os.system", "command": "touch HARM"}, "mine.ckpt: task"),
        (
            "task",
            {"_target_": "myproject.models.linear.Linear", "input_shape": [3], "output_size": 2},
            "mine.ckpt: task",
        ),
        ("model", {"_target_": "myproject.tasks.classification.Classification"}, "mine.ckpt: model"),
        ("model", {}, "mine.ckpt: model"),
    ],
)
def test_what_is_not_to_be_trusted_is_not_built(key: str, node: dict[str, Any], named: str, tmp_path: Path) -> None:
    node = {
        name: value.replace("HARM", f"{tmp_path}/harm") if name == "command" else value for name, value in node.items()
    }
    with pytest.raises(UserError, match=f"^{named}"):
        restore_task(saved(made("weighted"), tmp_path) | {key: node}, "mine.ckpt")
    assert not (tmp_path / "harm").exists()


def test_weights_of_another_network_are_told_in_one_line(tmp_path: Path) -> None:
    content = saved(made("weighted"), tmp_path)
    for state in ({}, {key: value[:1] for key, value in content["state_dict"].items()}):
        with pytest.raises(UserError, match=r"^mine\.ckpt: its weights do not fit its network") as refusal:
            restore_task(content | {"state_dict": state}, "mine.ckpt")
        assert "\n" not in str(refusal.value)


def test_facts_of_another_version_are_left_out_or_told(tmp_path: Path) -> None:
    content = saved(made("weighted"), tmp_path)
    assert restore_spec({**content["spec"], "colour": "blue"}) == SPEC
    with pytest.raises(UserError, match=r"^mine\.ckpt: its spec is not complete .*output_size"):
        restore_spec({"task": "classification", "input_shape": (3,)}, "mine.ckpt")


def test_a_restored_task_is_not_for_training(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="without an optimizer"):
        restore_task(saved(made("weighted"), tmp_path)).configure_optimizers()
