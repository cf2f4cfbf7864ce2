"""Arrays are prepared as files that hold the same."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from leyden import DataSpec, UserError
from leyden.data.inputs.open import open_inputs
from tests.helpers.image_files import pixels
from tests.leyden.data.inputs.opened_inputs import GREY, numbers, read, read_inputs, save, table_spec
from tests.leyden.helpers.csv_files import write


def test_an_array_of_images_is_prepared_as_picture_files_are(tmp_path: Path) -> None:
    values = np.stack([pixels(seed, 6, 8, 1)[:, :, 0] for seed in range(5)])[:, None]
    (tmp_path / "files").mkdir()
    for place, image in enumerate(values):
        Image.fromarray(image[0]).save(tmp_path / "files" / f"{place}.png")
    names, expected = read(open_inputs(tmp_path / "files", GREY, 2))
    for dtype in (np.uint8, np.int64, ">u2"):
        names, inputs = read(open_inputs(save(tmp_path / "a.npy", values.astype(dtype)), GREY, 2))
        assert names == ["0", "1", "2", "3", "4"]
        assert torch.equal(inputs, expected)
    for kind in (np.float32, np.float64, ">f8"):
        _, inputs = read(open_inputs(save(tmp_path / "a.npy", (values / 255).astype(kind)), GREY, 2))
        assert torch.allclose(inputs, expected, atol=1e-5)
    _, inputs = read(open_inputs(save(tmp_path / "a.npy", values[3]), GREY, 2))
    assert torch.equal(inputs, expected[3:4])


def test_what_is_no_number_or_no_brightness_is_left_out(tmp_path: Path) -> None:
    values = np.full((6, 1, 6, 8), 0.5)
    values[1, 0, 2, 2] = np.nan
    values[3, 0, 0, 0] = 1.5
    values[4, 0, 0, 0] = -np.inf
    inputs = open_inputs(save(tmp_path / "a.npy", values), GREY, 4)
    names, kept = read(inputs)
    assert names == ["0", "2", "5"]
    assert torch.equal(kept, torch.zeros(3, 1, 6, 8))
    not_finite = "holds a value that is not finite"
    assert inputs.unreadable == {"1": not_finite, "3": "holds values beyond 0 to 1", "4": not_finite}


def test_an_array_of_numbers_is_encoded_as_a_table_is(tmp_path: Path) -> None:
    spec = table_spec(tmp_path, numbers())
    array = np.array([[0.5, 4], [7.25, -1e3], [np.inf, 1], [1, 1e300]])
    expected = read_inputs(write(tmp_path / "b.csv", "z,x\n4,0.5\n-1000,7.25\n"), spec)
    inputs = open_inputs(save(tmp_path / "a.npy", array), spec, 10)
    names, values = read(inputs)
    assert torch.allclose(values, expected)
    assert names == ["0", "1"]
    assert inputs.unreadable == {"2": "holds a value that is not finite", "3": "holds a number that is too large"}
    assert len(read(open_inputs(save(tmp_path / "a.npy", array[0]), spec, 10))[0]) == 1


def test_tokens_may_have_any_length_and_stay_whole_numbers(tmp_path: Path) -> None:
    spec = DataSpec("classification", (5,), 2, input_dtype="int64")
    _, inputs = read(open_inputs(save(tmp_path / "a.npy", np.arange(14).reshape(2, 7).astype(np.int32)), spec, 2))
    assert inputs.dtype == torch.int64
    assert inputs.tolist() == [list(range(7)), list(range(7, 14))]
    with pytest.raises(UserError, match="must be an array of integers"):
        open_inputs(save(tmp_path / "a.npy", np.zeros((2, 5))), spec, 2)


def test_a_network_with_several_inputs_takes_no_array(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="takes several inputs at once"):
        open_inputs(save(tmp_path / "a.npy", np.zeros((2, 5))), DataSpec("mine", (), 2), 2)
