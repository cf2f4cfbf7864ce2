from dataclasses import dataclass
from typing import NamedTuple

import pytest
import torch
from torch.nn.utils.rnn import pack_padded_sequence

from leyden.data.batches import description, is_joinable, items_in, join, map_tensors, moved


class Pair(NamedTuple):
    x: torch.Tensor
    y: torch.Tensor


BATCHES = {
    "tensor": torch.arange(6).reshape(3, 2),
    "pair": (torch.zeros(3, 2), torch.ones(3)),
    "list": [torch.zeros(3, 2), torch.ones(3)],
    "mapping": {"x": torch.zeros(3, 2), "of": {"y": torch.ones(3)}},
    "named": Pair(torch.zeros(3, 2), torch.ones(3)),
}


@pytest.mark.parametrize("name", BATCHES)
def test_two_batches_of_any_structure_are_joined(name: str) -> None:
    batch = BATCHES[name]
    assert items_in(batch) == 3
    assert is_joinable([batch, batch])
    joined = join([batch, batch])
    assert items_in(joined) == 6
    assert type(joined) is type(batch)


@pytest.mark.parametrize("name", BATCHES)
def test_a_function_is_applied_to_each_tensor_and_the_structure_stays(name: str) -> None:
    doubled = map_tensors(lambda part: part * 2, BATCHES[name])
    assert description(doubled) == description(BATCHES[name])
    assert type(doubled) is type(BATCHES[name])


def test_batches_of_different_lengths_or_structure_are_not_joinable() -> None:
    assert not is_joinable([torch.zeros(3, 2), torch.zeros(3, 4)])
    assert not is_joinable([(torch.zeros(3), torch.tensor(1.0))] * 2)  # a single number has no items
    assert not is_joinable([{"x": torch.zeros(3)}, {"x": torch.zeros(3), "y": torch.zeros(3)}])


def test_items_without_a_tensor_are_not_known() -> None:
    assert items_in({"x": "words"}) is None
    assert items_in([torch.tensor(1.0), torch.zeros(4)]) == 4


@pytest.mark.parametrize(
    ("batch", "words"),
    [
        (torch.zeros(3, 2), "float32 (3, 2)"),
        ((torch.zeros(3), torch.ones(3).long()), "a tuple of float32 (3,), int64 (3,)"),
        ({"x": torch.zeros(3), "y": [1, "a"]}, "a dict of x float32 (3,), y a list of 1, a str"),
        ([], "an empty list"),
        (None, "None"),
        (list(range(9)), "a list of 0, 1, 2, 3, 4, 5, …"),
    ],
)
def test_the_structure_of_a_batch_in_words(batch: object, words: str) -> None:
    assert description(batch) == words


def test_lists_of_one_mapping_for_each_item_are_not_joined() -> None:
    boxes = [{"boxes": torch.zeros(3, 4)}, {"boxes": torch.zeros(3, 4)}]  # of two images
    assert not is_joinable([boxes, boxes], [2, 2])
    assert not is_joinable([boxes, boxes])


def test_words_and_tensors_of_other_things_than_items_are_not_joined() -> None:
    assert not is_joinable([["a", "b"], ["c", "d"]], [2, 2])
    assert not is_joinable([{"y": torch.zeros(2), "text": ["a", "b"]}] * 2, [2, 2])
    assert not is_joinable([(torch.zeros(2), torch.zeros(5))] * 2, [2, 2])


def test_a_list_of_images_has_no_known_number_of_items() -> None:
    images = [torch.zeros(3, 8, 8), torch.zeros(3, 9, 9)]
    assert items_in([images, [torch.zeros(1, 4), torch.zeros(2, 4)]]) is None


@dataclass
class Graph:
    nodes: torch.Tensor
    name: str


def test_dataclasses_and_objects_with_a_method_to_are_moved() -> None:
    packed = pack_padded_sequence(torch.zeros(2, 3, 1), torch.tensor([3, 2]), batch_first=True)
    there = moved([Graph(torch.zeros(2), "a"), packed], "meta")
    assert there[0].nodes.device.type == there[1].data.device.type == "meta"
    assert items_in(Graph(torch.zeros(2), "a")) == 2
