"""Outputs of a split are collected in bounded memory; the worst items are those of a sort over all."""

import pytest
import torch
from torch import Tensor

from leyden.plots.evaluated import Collector, Evaluated


def collected(total: int, batch: int, most_values: int = 10**6, shown: int = 5) -> tuple[Evaluated, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    outputs = torch.randn(total, 4, generator=generator)
    targets = torch.randint(4, (total,), generator=generator)
    errors = torch.nn.functional.cross_entropy(outputs, targets, reduction="none")
    collector = Collector(shown, most_values)
    for start in range(0, total, batch):
        part = slice(start, start + batch)
        index = torch.arange(total)[part]
        collector.add(outputs[part] * 10, outputs[part], targets[part], errors[part], index)
    found = collector.result("test")
    assert found
    return found, outputs, errors


@pytest.mark.parametrize("batch", [1, 7, 64, 200])
def test_the_worst_items_are_those_of_the_greatest_errors(batch: int) -> None:
    found, outputs, errors = collected(200, batch)
    assert found.worst
    order = errors.argsort(descending=True, stable=True)[:5]
    assert found.worst.index.tolist() == order.tolist()
    assert torch.equal(found.worst.rank, errors[order])
    assert torch.equal(found.worst.inputs, outputs[order] * 10)
    assert torch.equal(found.outputs, outputs)
    assert found.total == 200


def test_examples_are_the_same_whatever_the_size_of_a_batch() -> None:
    first, second = (collected(200, batch)[0].examples for batch in (8, 200))
    assert first
    assert second
    assert first.index.tolist() == second.index.tolist()
    assert len(set(first.index.tolist())) == 5
    assert max(first.index.tolist()) > 20  # not just the first ones


def test_of_many_outputs_a_random_share_is_kept_and_named_in_the_caption() -> None:
    found, outputs, _ = collected(2000, 100, most_values=2000)  # 500 items of 4 values
    assert found.total == 2000
    assert 200 < len(found.outputs) <= 500
    assert f"{len(found.outputs):,} random items of 2,000" in found.describe()
    assert not torch.equal(found.outputs, outputs[: len(found.outputs)])


def test_parts_of_several_processes_are_one_evaluation() -> None:
    generator = torch.Generator().manual_seed(2)
    outputs, errors = torch.randn(60, 3, generator=generator), torch.rand(60, generator=generator)
    collectors = [Collector(shown=6) for _ in range(3)]
    for rank, collector in enumerate(collectors):
        index = torch.arange(rank, 60, 3)
        collector.add(outputs[index], outputs[index], index, errors[index], index)
    found = collectors[0].result("test", [other.parts() for other in collectors[1:]])
    assert found
    assert found.worst
    assert found.total == 60
    assert found.worst.index.tolist() == errors.argsort(descending=True)[:6].tolist()
    assert sorted(found.targets.tolist()) == list(range(60))


def test_an_item_whose_error_is_nan_is_among_the_worst() -> None:
    collector = Collector(shown=2)
    errors = torch.tensor([1.0, torch.nan, 3.0, 2.0])
    collector.add(torch.zeros(4, 1), torch.zeros(4, 2), torch.zeros(4), errors, torch.arange(4))
    found = collector.result("val")
    assert found
    assert found.worst
    assert found.worst.index.tolist() == [1, 2]


def test_nothing_collected_is_nothing_to_draw() -> None:
    assert Collector().result("test") is None


@pytest.mark.parametrize(
    ("names", "kind", "called"),
    [(["7", "9"], "row", "row 9"), (["a.png", "b.png"], "image", "b.png"), ([], "", "item 1")],
)
def test_items_are_named_as_in_predictions(names: list[str], kind: str, called: str) -> None:
    evaluated = Evaluated("test", 2, torch.zeros(2, 1), torch.zeros(2), item_names=names, item_kind=kind)
    assert evaluated.name_of(1) == called
