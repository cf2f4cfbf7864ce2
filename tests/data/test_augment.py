from typing import Any

import pytest
import torch
from torch import Generator, Tensor
from torch.nn import functional as F
from torchvision.transforms.v2 import functional as reference

from myproject.data.augment import Augment

EACH: list[dict[str, Any]] = [
    {"crop_padding": 3},
    {"horizontal_flip": 0.5},
    {"vertical_flip": 0.5},
    {"rotation": 30.0},
    {"translate": 0.2},
    {"scale": 0.5},
    {"shear": 20.0},
    {"brightness": 0.5},
    {"contrast": 0.5},
    {"saturation": 0.5},
    {"erase": 0.5},
]
each_setting = pytest.mark.parametrize("setting", EACH, ids=lambda setting: next(iter(setting)))
SHAPES = [(3, 20, 20), (3, 16, 28), (3, 30, 12)]
each_shape = pytest.mark.parametrize("shape", SHAPES, ids=str)


def random(seed: int = 0) -> Generator:
    return torch.Generator().manual_seed(seed)


def made(number: int, *shape: int) -> Tensor:
    """Smooth images with values all over [0, 1], so that resampling them twice in two ways gives the same."""
    coarse = torch.rand(number, shape[0], 5, 5, generator=random(7))
    return F.interpolate(coarse, size=shape[1:], mode="bilinear", align_corners=True)


def spreads(values: Tensor, low: float, high: float) -> bool:
    """Whether values lie within [low, high] and come near both ends."""
    near = 0.1 * (high - low)
    return bool(low - 1e-3 <= values.min() <= low + near and high - near <= values.max() <= high + 1e-3)


def test_nothing_is_done_unless_it_is_set() -> None:
    images = made(8, 3, 20, 20)
    generator = random()
    before = generator.get_state()
    assert not Augment().active
    assert torch.equal(Augment()(images, generator), images)
    assert torch.equal(generator.get_state(), before)


@each_setting
@each_shape
def test_a_setting_changes_images_and_keeps_their_form(setting: dict[str, Any], shape: tuple[int, ...]) -> None:
    augment, images = Augment(**setting), made(16, *shape)
    given = images.clone()
    changed = augment(images, random())
    assert augment.active
    assert changed.shape == images.shape
    assert changed.dtype == images.dtype
    assert 0 <= changed.min() <= changed.max() <= 1
    assert not torch.allclose(changed, images)
    assert torch.equal(images, given)  # not in place


@each_setting
def test_the_generator_alone_decides_what_is_drawn(setting: dict[str, Any]) -> None:
    augment, images = Augment(**setting), made(16, 3, 20, 20)
    before = torch.get_rng_state()
    changed = augment(images, random(1))
    assert torch.equal(torch.get_rng_state(), before)
    torch.rand(3)
    assert torch.equal(changed, augment(images, random(1)))
    assert not torch.equal(changed, augment(images, random(2)))


@each_setting
def test_each_image_of_a_batch_has_its_own_draw(setting: dict[str, Any]) -> None:
    same = made(1, 3, 20, 20).repeat(16, 1, 1, 1)
    changed = Augment(**setting)(same, random())
    assert len(changed.flatten(1).unique(dim=0)) >= (2 if "flip" in next(iter(setting)) else 5)


def test_everything_at_once_stays_in_range() -> None:
    everything = {name: value for setting in EACH for name, value in setting.items()}
    changed = Augment(**everything)(made(64, 3, 20, 14), random())
    assert changed.shape == (64, 3, 20, 14)
    assert 0 <= changed.min() <= changed.max() <= 1


@each_shape
def test_a_crop_is_a_window_of_the_padded_image(shape: tuple[int, ...]) -> None:
    _, height, width = shape
    images = torch.rand(32, *shape, generator=random())
    padded = F.pad(images, [3] * 4)
    for cut, whole in zip(Augment(crop_padding=3)(images, random()), padded, strict=True):
        windows = (whole[:, y : y + height, x : x + width] for y in range(7) for x in range(7))
        assert sum(torch.equal(cut, window) for window in windows) == 1


def test_a_crop_takes_every_window() -> None:
    same = torch.rand(1, 1, 4, 5, generator=random()).repeat(500, 1, 1, 1)
    assert len(Augment(crop_padding=1)(same, random()).flatten(1).unique(dim=0)) == 9


@pytest.mark.parametrize(("name", "axis"), [("horizontal_flip", 3), ("vertical_flip", 2)])
def test_a_flip_mirrors_as_often_as_it_is_told(name: str, axis: int) -> None:
    images = made(400, 3, 6, 8)
    always: dict[str, Any] = {name: 1.0}
    assert torch.equal(Augment(**always)(images, random()), images.flip(axis))
    sometimes: dict[str, Any] = {name: 0.25}
    changed = Augment(**sometimes)(images, random())
    mirrored = (changed == images.flip(axis)).flatten(1).all(dim=1)
    kept = (changed == images).flatten(1).all(dim=1)
    assert (mirrored ^ kept).all()
    assert 60 < mirrored.sum() < 140


def test_brightness_multiplies() -> None:
    dark = made(200, 3, 6, 8) * 0.5 + 0.1
    factors = Augment(brightness=0.5)(dark, random()) / dark
    assert torch.allclose(factors, factors[:, :1, :1, :1].expand_as(factors), atol=1e-5)
    assert spreads(factors[:, 0, 0, 0], 0.5, 1.5)


def test_contrast_stretches_about_the_mean() -> None:
    pale = made(200, 3, 6, 8) * 0.2 + 0.4
    changed = Augment(contrast=0.5)(pale, random())
    mean = pale.mean(dim=(1, 2, 3), keepdim=True)
    assert torch.allclose(changed.mean(dim=(1, 2, 3), keepdim=True), mean, atol=1e-5)
    factors = ((changed - mean) * (pale - mean)).sum(dim=(1, 2, 3)) / (pale - mean).square().sum(dim=(1, 2, 3))
    assert torch.allclose(changed, mean + (pale - mean) * factors[:, None, None, None], atol=1e-5)
    assert spreads(factors, 0.5, 1.5)


def test_saturation_stretches_about_grey_and_leaves_grey_images_alone() -> None:
    pale = made(200, 3, 6, 8) * 0.2 + 0.4
    changed = Augment(saturation=1.0)(pale, random())
    grey = reference.rgb_to_grayscale(pale)
    factors = ((changed - grey) * (pale - grey)).sum(dim=(1, 2, 3)) / (pale - grey).square().sum(dim=(1, 2, 3))
    assert spreads(factors, 0, 2)
    for before, after, factor in zip(pale, changed, factors.clamp(0, 2).tolist(), strict=True):
        assert torch.allclose(after, reference.adjust_saturation(before, factor), atol=1e-3)

    one_channel = made(8, 1, 6, 8)
    assert torch.equal(Augment(saturation=1.0)(one_channel, random()), one_channel)
    no_colour = one_channel.repeat(1, 3, 1, 1)
    assert torch.allclose(Augment(saturation=1.0)(no_colour, random()), no_colour, atol=1e-6)


def test_colours_stay_in_range() -> None:
    extreme = made(64, 3, 6, 8).round()
    changed = Augment(brightness=0.9, contrast=0.9, saturation=0.9)(extreme, random())
    assert changed.min() == 0
    assert changed.max() == 1


@each_shape
def test_erasing_makes_a_hole_of_the_promised_size(shape: tuple[int, ...]) -> None:
    _, height, width = shape
    changed = Augment(erase=1.0)(torch.ones(500, *shape), random())
    holes = changed == 0
    assert ((changed == 0) | (changed == 1)).all()
    assert (holes == holes[:, :1]).all()  # through all channels
    holes = holes[:, 0]
    rectangles = holes.any(dim=2)[:, :, None] & holes.any(dim=1)[:, None, :]
    assert torch.equal(holes, rectangles)
    tall, wide = holes.any(dim=2).sum(dim=1), holes.any(dim=1).sum(dim=1)
    assert all((line.nonzero().diff(dim=0) == 1).all() for hole in holes for line in (hole.any(dim=0), hole.any(dim=1)))
    area = tall * wide / (height * width)
    assert 0.005 < area.min() < 0.05  # 2 %, less the parts of pixels
    assert 0.25 < area.max() <= 0.33
    assert (tall > 1.5 * wide).any()
    assert (wide > 1.5 * tall).any()
    assert holes.any(dim=0).all()  # everywhere, up to the corners


def test_erasing_is_done_as_often_as_it_is_told() -> None:
    changed = Augment(erase=0.25)(torch.ones(400, 1, 20, 20), random())
    assert 60 < (changed == 0).flatten(1).any(dim=1).sum() < 140
