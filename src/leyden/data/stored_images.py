"""Images in memory, transformed one at a time as those of files are."""

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from leyden.data.image_files.decoding import DecodedImage, Decoder
from leyden.data.threads import in_threads
from leyden.data.workers import random_numbers_kept, seed_item
from leyden.system.errors import UserError
from leyden.system.override_text import as_text, setting

_DRAWS = 8  # of random transforms, before training begins


class StoredImages:
    """Reader of images (N, C, H, W) by their number: PIL images of uint8 in one channel or three, otherwise tensors."""

    def __init__(self, images: Tensor) -> None:
        self.images = images

    def __call__(self, number: int) -> DecodedImage:
        return as_decoded(self.images[number])


def as_decoded(image: Tensor) -> DecodedImage:
    """Image (C, H, W) as it is decoded from a file: a PIL image if it is one of 8 bits, grey or in colour."""
    if image.dtype != torch.uint8 or len(image) not in (1, 3):
        return image
    values = image.numpy()
    return Image.fromarray(values[0] if len(values) == 1 else np.ascontiguousarray(values.transpose(1, 2, 0)))


def transformed(decode: Decoder, number: int) -> Tensor:
    """Images (N, C, H, W) that transforms without random numbers make of the first so many."""
    images = torch.empty(number, *(decode.shape or ()), dtype=decode.dtype)
    with random_numbers_kept():  # a transform with probability 1 draws some
        for place, image in enumerate(in_threads(decode, range(number), "Transforming images")):
            images[place] = image
    return images


def shape_of(decode: Decoder, number: int = 0) -> tuple[int, int, int]:
    """Shape (C, H, W) that transforms make of an image, the same for several draws of random numbers.

    Raises:
        UserError: they cannot be applied, or make images of several shapes.
    """
    made = set[tuple[int, int, int]]()
    with random_numbers_kept():
        for draw in range(_DRAWS):
            seed_item(draw)
            channels, height, width = decode(number).shape
            made.add((channels, height, width))
    if len(made) > 1:
        some = " and of ".join(sorted(map(_in_words, made))[:2])
        raise UserError(f"data.{decode.name}: makes images of {some}; all must have one size")
    [shape] = made
    return shape


def check_shapes(train: tuple[int, ...], evaluation: tuple[int, ...], stored: tuple[int, ...] | None) -> None:
    """Refuse transforms of training and evaluation that make images of different shapes.

    Args:
        train: (C, H, W) that those of training make.
        evaluation: that those of evaluation make.
        stored: of the images in memory, if there are no transforms of evaluation; None otherwise.

    Raises:
        UserError: the shapes differ.
    """
    if train == evaluation:
        return
    wanted, had = (train, stored) if stored else (evaluation, train)
    size = wanted[1] if wanted[1] == wanted[2] else {"size": list(wanted[1:])}
    entry = {"CenterCrop" if wanted[1] <= had[1] and wanted[2] <= had[2] else "Resize": size}
    remedy = setting("data.eval_transform", [entry]) if stored else f"{as_text(entry)} in data.train_transform"
    if train[0] != evaluation[0]:
        remedy = "{Grayscale: 1} or {RGB: {}} in the other"
    raise UserError(
        f"data.train_transform: makes {_in_words(train)} of an image, and data.eval_transform {_in_words(evaluation)}; "
        f"both must make the same, as with {remedy}"
    )


def _in_words(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape))
