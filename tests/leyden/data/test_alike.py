"""What training makes of an odd image is, to the bit, what prediction makes of it."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from leyden.data.folder import ImageFolder
from leyden.data.image_files.decoding import read_image
from leyden.data.inputs.open import open_inputs
from tests.leyden.data.inputs.opened_inputs import read
from tests.leyden.helpers.odd_files import DEEP, SHALLOW, Write


def written(root: Path, kinds: dict[str, Write]) -> Path:
    for part in ("train", "test"):
        for label, name in enumerate(("cat", "dog")):
            for number, (kind, write) in enumerate(kinds.items()):
                path = root / part / name / f"{number:02} {kind}"
                path.parent.mkdir(parents=True, exist_ok=True)
                write(path, 50 * label + number + (part == "test"))
    return root


def fed(root: Path, trained: Any = None, **settings: Any) -> tuple[list[str], Tensor, Any]:
    """Names and inputs of the test split."""
    data = ImageFolder(str(root), **{"size": 8, "resize": 10, "val_size": 2, "eval_batch_size": 7} | settings)
    data.reference_spec = trained
    data.prepare_data()
    data.setup()
    names = [path.relative_to(root / "test").as_posix() for path in data.found[0].paths if "test" in path.parts]
    loader: Any = data.test_dataloader()
    inputs = torch.cat([inputs for inputs, _ in loader])
    data.teardown()
    return names, inputs, data.spec


@pytest.mark.sample(2)
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("kinds", [SHALLOW, DEEP], ids=["8 bits", "more"])
def test_training_and_prediction_decode_alike(kinds: dict[str, Write], channels: int, tmp_path: Path) -> None:
    root = written(tmp_path, kinds)
    names, expected, spec = fed(root, channels=channels, cache=False, num_workers=0)
    assert len(names) == 2 * len(kinds) == len(expected)
    assert (spec.value_range is None) == (kinds is SHALLOW)
    for settings in ({"cache": True}, {"cache": False, "num_workers": 2}):
        again = fed(root, spec, channels=channels, **settings)
        assert torch.equal(again[1], expected), settings
        assert again[2] == spec
    read_names, inputs = read(open_inputs(root / "test", spec, 5))
    assert read_names == names
    assert torch.equal(inputs, expected)
    for name, one in zip(names, expected, strict=True):
        assert torch.equal(read(open_inputs(root / "test" / name, spec, 1))[1][0], one), name


@pytest.mark.parametrize("name", [name for name in SHALLOW if name.split(".")[1] in ("png", "gif", "tif", "bmp")])
def test_what_is_transparent_is_white_in_any_mode(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    SHALLOW[name](path, 3)
    with Image.open(path) as image:
        if image.getexif().get(0x0112, 1) != 1:
            pytest.skip("a test of its own")
        alpha = np.asarray(image.convert("RGBA"), np.float64)
        has_alpha = image.has_transparency_data
    opacity = alpha[..., 3:] / 255
    if has_alpha:
        assert opacity.min() < 1
    expected = alpha[..., :3] * opacity + 255 * (1 - opacity)
    assert np.abs(np.asarray(read_image(path, 3), np.float64) - expected).max() <= 1
