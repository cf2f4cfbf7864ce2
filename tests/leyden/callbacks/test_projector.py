"""TensorBoard's projector gets what a layer puts in, with labels, and images that browsers can show."""

import math
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import nn

from leyden.callbacks.projector import find_layer, labels, side_of_sprite, thumbnails
from leyden.config.compose import compose
from leyden.data.spec import DataSpec
from leyden.system.errors import UserError
from leyden.training.build import build_task
from leyden.training.loaded_run import load_run
from leyden.training.train import run_experiment

QUICK = [
    "model=mlp",
    "model.hidden_sizes=[8]",
    "model.dropout=0",
    "callbacks=projector",
    "callbacks.projector.items=300",
]


def test_the_inputs_of_the_last_layer_are_written_with_labels_and_images(quick: list[str]) -> None:
    experiment = compose([*quick, *QUICK])
    run_experiment(experiment)
    [folder] = {path.parent for path in (experiment.run_dir / "tensorboard").rglob("tensors.tsv")}
    rows = [list(map(float, line.split("\t"))) for line in (folder / "tensors.tsv").read_text().splitlines()]
    run = load_run(experiment.run_dir)
    data = run.datamodule
    data.setup("test")
    inputs, targets = next(iter(data.loader("test")))
    seen: list[torch.Tensor] = []
    find_layer(run.model, None).register_forward_pre_hook(lambda _, of: seen.append(of[0]))
    with torch.no_grad():
        run.model(inputs[:300])
    assert torch.allclose(torch.tensor(rows), seen[0], atol=1e-4)
    names = (folder / "metadata.tsv").read_text().splitlines()
    assert names == [data.spec.class_names[label] for label in targets[:300]]
    sprite = Image.open(folder / "sprite.png")
    assert sprite.size == (18 * 28, 18 * 28)
    config = next((experiment.run_dir / "tensorboard").rglob("projector_config.pbtxt")).read_text()
    assert "tensors.tsv" in config
    assert str(experiment.run_dir) not in config  # a run may be moved


@pytest.mark.parametrize(("images", "side", "shown"), [(10, 224, 64), (2000, 28, 28), (40_000, 64, 40), (10**6, 64, 8)])
def test_a_sprite_is_never_larger_than_browsers_can_show(images: int, side: int, shown: int) -> None:
    assert side_of_sprite(side, images) == shown
    assert shown * math.ceil(math.sqrt(images)) <= 8192


def test_images_are_squares() -> None:
    spec = DataSpec("classification", (1, 20, 30), 2, mean=(0.0,), std=(1.0,))
    found = thumbnails(torch.zeros(7, 1, 20, 30), build_task(compose(["model=linear"]).config, spec), 100)
    assert found is not None
    assert found.shape == (7, 3, 30, 30)


def test_labels_are_one_line_each() -> None:
    spec = DataSpec("classification", (4,), 2, ("a\tb\n", "c"))
    task = build_task(compose(["model=linear"]).config, spec)
    assert labels(torch.tensor([1, 0]), task) == ["c", "a b"]


def test_a_layer_that_is_not_there_is_refused_with_those_that_are(quick: list[str], tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"projector.layer=out: there is no such layer; there are .*output"):
        run_experiment(compose([*quick, *QUICK, "callbacks.projector.layer=out"]))
    assert not list((tmp_path / "logs").rglob("run.json"))
    with pytest.raises(UserError, match="has no linear layer"):
        find_layer(nn.Sequential(nn.Flatten()), None)


def test_it_needs_tensorboard(quick: list[str]) -> None:
    with pytest.raises(
        UserError, match=r"callbacks.projector: writes to TensorBoardLogger only; add logger=tensorboard"
    ):
        compose([*quick, *QUICK, "logger=csv"])
