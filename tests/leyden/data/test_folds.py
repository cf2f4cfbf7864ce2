"""Parts that are held out in turn: of tables in place of the test set, of images in place of the validation set."""

from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor

from leyden.data.csv import CSV
from leyden.data.images import InMemoryImages
from leyden.data.in_memory import Split
from leyden.data.splits import fold_split
from leyden.system.errors import UserError
from tests.leyden.helpers.csv_files import write


class Numbered(InMemoryImages):
    """103 + 12 images, each of which holds its own number."""

    INPUT_SHAPE: ClassVar = (1, 2, 2)

    def load(self, train: bool) -> Split:
        numbers = torch.arange(103) if train else torch.arange(200, 212)
        return numbers.byte().view(-1, 1, 1, 1).expand(-1, 1, 2, 2).contiguous(), numbers % 4

    @property
    def class_names(self) -> tuple[str, ...]:
        return ("a", "b", "c", "d")


def images(**settings: Any) -> Numbered:
    data = Numbered("", **settings)
    data.prepare_data()
    data.setup()
    return data


def table(path: Path, target: str, **settings: Any) -> CSV:
    data = CSV(str(path), target, scale_target=False, **settings)
    data.setup()
    return data


def numbers(data: InMemoryImages, split: str) -> list[int]:
    return data.splits[split][0][:, 0, 0, 0].tolist()


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    lines = [f"{i * 5 % 17},{i},{'aaab'[i % 4]}" for i in range(103)]
    return write(tmp_path / "a.csv", "\n".join(["x,y,k", *lines]))


@pytest.mark.parametrize("folds", [2, 5, 7, 103])
@pytest.mark.parametrize(
    "labels", [torch.zeros(103, dtype=torch.int64), torch.arange(103) % 7 % 5], ids=["one", "five"]
)
def test_folds_are_disjoint_complete_equal_and_stratified(labels: Tensor, folds: int) -> None:
    parts = [fold_split(labels, fold, folds, seed=3) for fold in range(folds)]
    assert torch.equal(torch.cat([held_out for _, held_out in parts]).sort().values, torch.arange(103))
    for left, held_out in parts:
        assert torch.equal(torch.cat([left, held_out]).sort().values, torch.arange(103))
        assert len(held_out) in (103 // folds, -(-103 // folds))
        fair = torch.bincount(labels) / folds
        assert ((torch.bincount(labels[held_out], minlength=len(fair)) - fair).abs() < 1 + 1e-6).all()


def test_folds_are_random_and_seeded() -> None:
    labels = torch.zeros(50, dtype=torch.int64)
    first = fold_split(labels, 0, 5, seed=3)[1]
    assert torch.equal(fold_split(labels, 0, 5, seed=3)[1], first)
    assert not torch.equal(fold_split(labels, 0, 5, seed=4)[1], first)
    assert first.tolist() not in (list(range(10)), list(range(0, 50, 5)))


@pytest.mark.parametrize(("fold", "folds"), [(5, 5), (-1, 5), (0, 1), (0, 11)])
def test_folds_that_there_cannot_be_are_refused(fold: int, folds: int) -> None:
    with pytest.raises(UserError, match=r"^data\.folds?="):
        fold_split(torch.zeros(10, dtype=torch.int64), fold, folds, seed=0)


def test_each_row_of_a_table_is_tested_on_once(rows: Path) -> None:
    tested = list[int]()
    for fold in range(5):
        data = table(rows, "y", fold=fold, ignore=["k"])
        train, val, test = (data.splits[name][1].flatten().int().tolist() for name in ("train", "val", "test"))
        assert sorted(train + val + test) == [*range(103)]
        assert len(val) == 8
        tested += test
    assert sorted(tested) == [*range(103)]


def test_each_fold_of_a_table_has_its_share_of_each_class(rows: Path) -> None:
    for fold in range(5):
        for _, labels in table(rows, "k", fold=fold, ignore=["y"]).splits.values():
            assert abs(len(labels) / 4 - int(labels.sum())) <= 1.5


def test_a_table_with_a_test_file_is_validated_on_its_folds(rows: Path, tmp_path: Path) -> None:
    test = write(tmp_path / "test.csv", "x,y,k\n1,500,a\n2,501,b\n")
    validated = list[int]()
    for fold in range(5):
        data = table(rows, "y", fold=fold, test_path=str(test))
        assert data.splits["test"][1].flatten().tolist() == [500, 501]
        validated += data.splits["val"][1].flatten().int().tolist()
    assert sorted(validated) == [*range(103)]


def test_each_training_image_is_validated_on_once_and_the_test_set_is_untouched() -> None:
    validated = list[int]()
    for fold in range(5):
        data = images(fold=fold, val_size=7)
        assert numbers(data, "test") == [*range(200, 212)]
        assert sorted(numbers(data, "train") + numbers(data, "val")) == [*range(103)]
        values = torch.tensor(numbers(data, "train")) / 255
        assert data.spec.mean == pytest.approx([values.mean().item()])
        validated += numbers(data, "val")
    assert sorted(validated) == [*range(103)]


@pytest.mark.parametrize("settings", [{"fold": 2}, {"val_size": 9}], ids=str)
def test_some_classes_in_an_order_of_ones_own_are_relabelled(settings: dict[str, Any]) -> None:
    data = images(classes=["d", "b"], **settings)
    assert (data.spec.class_names, data.spec.output_size) == (("d", "b"), 2)
    for split, (_, labels) in data.splits.items():
        assert labels.tolist() == [{3: 0, 1: 1}[number % 4] for number in numbers(data, split)]
        assert len(labels)
    assert sorted(numbers(data, "train") + numbers(data, "val")) == [*range(1, 103, 2)]


@pytest.mark.parametrize(
    ("classes", "said"), [(["a", "e"], "no class e"), (["a"], "two or more"), (["a", "a"], "once")]
)
def test_classes_that_there_cannot_be_are_refused(classes: list[str], said: str) -> None:
    with pytest.raises(UserError, match=rf"^data\.classes.*{said}"):
        images(classes=classes)
