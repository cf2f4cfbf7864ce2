from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor

from leyden.config.compose import compose
from leyden.data.images import InMemoryImages
from leyden.data.in_memory import Split
from leyden.tasks.task import Task
from leyden.training.build import build_task
from leyden.training.frozen_features import CachedFeatures, cache_features
from leyden.training.train import train
from myproject.callbacks.unfreeze import Unfreeze
from myproject.data.augment import Augment
from myproject.models.pretrained import Pretrained
from tests.helpers.trainers import made_trainer

FROZEN = ["model=resnet", "model.freeze=backbone", "model.dropout=0.3", "optimizer.lr=0.01", "data.batch_size=8"]


class Stripes(InMemoryImages):
    """Two classes of pictures, striped across and along, under noise."""

    INPUT_SHAPE: ClassVar = (3, 32, 32)

    def load(self, train: bool) -> Split:
        number = 48 if train else 16
        labels = torch.arange(number) % 2
        stripes = (torch.arange(32) // 4 % 2 * 120).expand(3, 32, 32)
        pictures = torch.stack([stripes if label else stripes.transpose(1, 2) for label in labels])
        noise = torch.randint(0, 120, pictures.shape, generator=torch.Generator().manual_seed(number))
        return (pictures + noise).byte(), labels

    @property
    def class_names(self) -> tuple[str, ...]:
        return ("across", "along")


def stripes(augment: Augment | None = None) -> Stripes:
    data = Stripes("", augment=augment, batch_size=8, eval_batch_size=5, val_size=12)
    data.prepare_data()
    data.setup("fit")
    return data


def made_task(data: Stripes, *overrides: str) -> Task:
    torch.manual_seed(0)
    return build_task(compose([*FROZEN, *overrides]).config, data.spec)


def trained(folder: Path, cached: bool) -> tuple[Task, dict[str, float], dict[str, Tensor]]:
    data = stripes()
    task = made_task(data)
    before = {name: value.clone() for name, value in task.network.state_dict().items()}
    trainer = made_trainer(folder, max_epochs=3)
    datamodule = cache_features(data, task, trainer) if cached else data
    assert isinstance(datamodule, CachedFeatures) == cached
    return task, train(trainer, task, datamodule), before


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    return [trained(tmp_path_factory.mktemp("run"), cached) for cached in (True, False)]


@pytest.mark.slow
def test_a_run_on_cached_features_has_the_metrics_of_one_through_the_backbone(both: list[Any]) -> None:
    (_, cached, _), (_, through, _) = both
    assert cached == pytest.approx(through, rel=1e-4)
    assert {name.partition("/")[0] for name in cached} == {"train", "val", "test"}


def test_heads_end_the_same(both: list[Any]) -> None:
    (cached, _, before), (through, _, _) = both
    assert torch.allclose(cached.network.output.weight, through.network.output.weight, atol=1e-5)
    assert not torch.allclose(cached.network.output.weight, before["output.weight"], atol=1e-3)


@pytest.mark.parametrize("cached", [True, False])
def test_a_frozen_backbone_is_the_same_to_the_bit_after_training(both: list[Any], cached: bool) -> None:
    task, _, before = both[0 if cached else 1]
    names = [name for name in before if name.startswith("backbone.")]
    assert any("running_mean" in name for name in names)
    assert all(torch.equal(task.network.state_dict()[name], before[name]) for name in names)


def test_the_backbone_runs_once_for_each_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    features = Pretrained.features
    monkeypatch.setattr(Pretrained, "features", lambda self, x: seen.append(len(x)) or features(self, x))
    trained(tmp_path, cached=True)
    assert sum(seen) == 2 + 36 + 12 + 16  # the first two when it was built, to see how many outputs it makes


def test_nothing_is_cached_that_would_not_be_the_same(tmp_path: Path) -> None:
    plain, trainer = stripes(), made_trainer(tmp_path)
    frozen = made_task(plain)
    assert cache_features(plain, frozen, trainer).describe().endswith("computed once")
    augmented = stripes(Augment(horizontal_flip=0.5))
    assert cache_features(augmented, frozen, trainer) is augmented
    others = [["model.freeze=until:layer4"], ["task=reconstruction"], ["model=cnn", "~model.freeze", "~model.dropout"]]
    for overrides in others:
        assert cache_features(plain, made_task(plain, *overrides), trainer) is plain, overrides
    settings = [
        {"callbacks": [Unfreeze(1)]},
        {"limit_test_batches": 1},
        {"overfit_batches": 1},
        {"precision": "bf16-true"},
    ]
    for setting in settings:
        assert cache_features(plain, frozen, made_trainer(tmp_path, **setting)) is plain, setting


def test_a_frozen_backbone_can_be_asked_to_reconstruct(tmp_path: Path) -> None:
    data = stripes()
    task, trainer = made_task(data, "task=reconstruction"), made_trainer(tmp_path, max_epochs=1)
    assert "test/psnr" in train(trainer, task, cache_features(data, task, trainer))


@pytest.mark.slow
def test_in_mixed_precision_too_the_metrics_are_those_of_a_run_through_the_backbone(tmp_path: Path) -> None:
    results = []
    for cached in (True, False):
        data = stripes()
        task, trainer = made_task(data), made_trainer(tmp_path, max_epochs=1, precision="bf16-mixed")
        results.append(train(trainer, task, cache_features(data, task, trainer) if cached else data))
    assert results[0] == pytest.approx(results[1], rel=0.02)
