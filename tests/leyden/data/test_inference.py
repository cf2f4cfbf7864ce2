from typing import Any

import pytest
import torch

from leyden import UserError
from leyden.data.inference import check_settings, infer_spec

VALUES = torch.zeros(2, 3)


def spec(targets: torch.Tensor, **settings: Any) -> Any:
    batch = VALUES, targets
    return infer_spec(batch, [batch, (VALUES, targets * 2)], settings.pop("settings", {}), **settings)


def test_whole_numbers_are_classes_that_are_counted_in_all_batches() -> None:
    found = spec(torch.tensor([0, 2]))
    assert (found.task, found.input_shape, found.output_size, found.input_dtype) == (
        "classification",
        (3,),
        5,
        "float32",
    )


def test_names_and_listed_labels_tell_the_number_of_classes() -> None:
    assert spec(torch.tensor([0, 1]), class_names=("a", "b", "c")).class_names == ("a", "b", "c")
    assert spec(torch.tensor([0, 1]), labels=torch.tensor([0, 6])).output_size == 7


def test_other_numbers_are_values_as_they_are() -> None:
    found = spec(torch.tensor([0.5, 2.0]))
    assert (found.task, found.output_size, found.target_mean, found.target_std) == ("regression", 1, (0.0,), (1.0,))
    assert spec(torch.zeros(2, 4)).target_names == ("target_0", "target_1", "target_2", "target_3")


def test_a_task_decides_what_targets_are() -> None:
    assert spec(torch.zeros(2, 4), kind="multilabel").task == "multilabel"
    assert spec(torch.tensor([0, 1]), kind="regression").task == "regression"
    with pytest.raises(UserError, match=r"classes must be whole numbers from 0"):
        spec(torch.zeros(2, 4), kind="classification")


def test_complete_settings_allow_any_batch() -> None:
    settings = {"task": "mine", "input_shape": [5], "output_size": 2, "extra": {"nodes": 7}}
    found = infer_spec({"x": VALUES}, [], settings)
    assert (found.input_shape, found.extra) == ((5,), {"nodes": 7})
    with pytest.raises(UserError, match=r"a batch is a dict of x float32 \(2, 3\), and no pair"):
        infer_spec({"x": VALUES}, [], {"task": "mine"})


def test_a_misspelt_fact_is_refused() -> None:
    with pytest.raises(
        UserError, match=r"data\.spec\.output_sizes: is no fact of a DataSpec; did you mean output_size\?"
    ):
        check_settings({"output_sizes": 3})


def test_negative_classes_are_refused() -> None:
    with pytest.raises(UserError, match="a class is -2"):
        spec(torch.tensor([0, -2]))


def test_names_in_the_settings_tell_the_number_of_classes() -> None:
    assert spec(torch.tensor([0, 1]), settings={"class_names": ["no", "yes", "maybe"]}).output_size == 3
    assert spec(torch.tensor([0, 1]), settings={"class_names": [0, 1]}).class_names == ("0", "1")
    with pytest.raises(UserError, match=r"are not 3 names"):
        spec(torch.tensor([0, 1]), settings={"class_names": ["no", "yes"], "output_size": 3})


def test_inputs_alone_are_enough_for_a_task_without_a_kind_of_targets() -> None:
    assert infer_spec(VALUES, [], {}).output_size == 3
    with pytest.raises(UserError, match="no pair"):
        infer_spec(VALUES, [], {}, kind="classification")
