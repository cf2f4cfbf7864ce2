import math
from typing import Any

import pytest
import torch
from torch import Generator, Tensor
from torch.nn import functional as F
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional as reference

from myproject.data.augment import Augment

EACH: list[dict[str, Any]] = [{"rotation": 30.0}, {"translate": 0.2}, {"scale": 0.5}, {"shear": 20.0}]
each_shape = pytest.mark.parametrize("shape", [(3, 20, 20), (3, 16, 28), (3, 30, 12)], ids=str)


def random(seed: int = 0) -> Generator:
    return torch.Generator().manual_seed(seed)


def made(number: int, *shape: int) -> Tensor:
    """Smooth images with values all over [0, 1], so that resampling them twice in two ways gives the same."""
    coarse = torch.rand(number, shape[0], 5, 5, generator=random(7))
    return F.interpolate(coarse, size=shape[1:], mode="bilinear", align_corners=True)


def origins(augment: Augment, number: int, height: int, width: int) -> tuple[Tensor, Tensor]:
    """Where the pixels of changed images come from: (B, 2, 2) and (B, 2), in pixels (x, y) from the centre.

    Read off an image whose channels are its own coordinates, and one of ones: linear interpolation keeps them exact
    except at the border, where the ones are less than one.
    """
    y, x = torch.meshgrid(torch.arange(height) - (height - 1) / 2, torch.arange(width) - (width - 1) / 2, indexing="ij")
    coordinates = torch.stack([x / width + 0.5, y / height + 0.5, torch.ones_like(x)])
    changed = augment(coordinates.repeat(number, 1, 1, 1), random())
    matrices, shifts = [], []
    for image in changed:
        inside = image[2] > 1 - 1e-6
        here = torch.stack([x[inside], y[inside], torch.ones_like(x[inside])], dim=1)
        there = torch.stack([(image[0][inside] - 0.5) * width, (image[1][inside] - 0.5) * height], dim=1)
        solution = torch.linalg.lstsq(here.double(), there.double()).solution  # (3, 2)
        assert torch.allclose(here.double() @ solution, there.double(), atol=1e-3)  # it is an affine map
        matrices.append(solution[:2].T)
        shifts.append(solution[2])
    return torch.stack(matrices), torch.stack(shifts)


def spreads(values: Tensor, low: float, high: float) -> bool:
    """Whether values lie within [low, high] and come near both ends."""
    near = 0.1 * (high - low)
    return bool(low - 1e-3 <= values.min() <= low + near and high - near <= values.max() <= high + 1e-3)


@each_shape
def test_a_rotation_is_rigid_about_the_centre(shape: tuple[int, ...]) -> None:
    matrices, shifts = origins(Augment(rotation=30), 200, *shape[1:])
    assert torch.allclose(matrices @ matrices.mT, torch.eye(2, dtype=torch.float64), atol=1e-4)
    assert torch.allclose(torch.linalg.det(matrices), torch.ones(200, dtype=torch.float64), atol=1e-4)
    assert shifts.abs().max() < 1e-3
    assert spreads(torch.atan2(matrices[:, 1, 0], matrices[:, 0, 0]).rad2deg(), -30, 30)


@each_shape
def test_a_translation_moves_by_up_to_its_share_of_each_side(shape: tuple[int, ...]) -> None:
    _, height, width = shape
    matrices, shifts = origins(Augment(translate=0.2), 200, height, width)
    assert torch.allclose(matrices, torch.eye(2, dtype=torch.float64), atol=1e-4)
    assert spreads(shifts[:, 0], -0.2 * width, 0.2 * width)
    assert spreads(shifts[:, 1], -0.2 * height, 0.2 * height)
    assert shifts.T.corrcoef()[0, 1].abs() < 0.2


@each_shape
def test_a_zoom_is_the_same_along_both_sides(shape: tuple[int, ...]) -> None:
    matrices, shifts = origins(Augment(scale=0.5), 200, *shape[1:])
    factors = matrices[:, 0, 0]
    assert torch.allclose(matrices, factors[:, None, None] * torch.eye(2, dtype=torch.float64), atol=1e-4)
    assert shifts.abs().max() < 1e-3
    assert spreads(factors.log(), -math.log(1.5), math.log(1.5))  # as often larger as smaller


@each_shape
def test_a_shear_slides_along_the_width(shape: tuple[int, ...]) -> None:
    matrices, shifts = origins(Augment(shear=20), 200, *shape[1:])
    slide = matrices[:, 0, 1].clone()
    matrices[:, 0, 1] = 0
    assert torch.allclose(matrices, torch.eye(2, dtype=torch.float64), atol=1e-4)
    assert shifts.abs().max() < 1e-3
    assert spreads(slide.atan().rad2deg(), -20, 20)


@each_shape
def test_rotation_zoom_and_translation_together_keep_angles(shape: tuple[int, ...]) -> None:
    matrices, shifts = origins(Augment(rotation=30, scale=0.3, translate=0.1), 100, *shape[1:])
    factors = torch.linalg.det(matrices).sqrt()
    unscaled = matrices / factors[:, None, None]
    assert torch.allclose(unscaled @ unscaled.mT, torch.eye(2, dtype=torch.float64), atol=1e-4)
    assert factors.std() > 0.1
    assert (shifts.std(dim=0) > 0.5).all()


@each_shape
def test_rotation_and_shear_together_keep_areas(shape: tuple[int, ...]) -> None:
    matrices, _ = origins(Augment(rotation=30, shear=20), 100, *shape[1:])
    assert torch.allclose(torch.linalg.det(matrices), torch.ones(100, dtype=torch.float64), atol=1e-4)


@each_shape
@pytest.mark.parametrize("setting", EACH, ids=lambda setting: next(iter(setting)))
def test_images_are_resampled_as_torchvision_does(setting: dict[str, Any], shape: tuple[int, ...]) -> None:
    _, height, width = shape
    matrices, shifts = origins(Augment(**setting), 12, height, width)  # the same draws as below
    images = made(12, *shape)
    for before, after, (first, second), (right, down) in zip(
        images, Augment(**setting)(images, random()), matrices.tolist(), shifts.tolist(), strict=True
    ):
        zoom = 1 / first[0] if "scale" in setting else 1.0
        expected = reference.affine(
            before,
            angle=-math.degrees(math.atan2(second[0], first[0])),
            translate=[-right * zoom, -down * zoom],
            scale=zoom,
            shear=[math.degrees(math.atan(first[1])) if "shear" in setting else 0.0, 0.0],
            interpolation=InterpolationMode.BILINEAR,
        )
        assert torch.allclose(after, expected, atol=2e-3)
