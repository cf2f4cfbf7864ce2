"""Inputs from image files, decoded a batch at a time."""

import logging
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torchvision.transforms.v2 import functional as F

from leyden.data.image_files.decoding import Channels, DecodedImage, Decoder, centre_crop, read_alike, size_of
from leyden.data.image_files.formats import KINDS
from leyden.data.image_files.levels import MARGIN, levels_of, warn_of_out_of_range
from leyden.data.image_files.listing import list_images
from leyden.data.image_files.opening import cause
from leyden.data.spec import DataSpec
from leyden.data.threads import map_ahead
from leyden.system.errors import UserError
from leyden.system.processes import cpus

log = logging.getLogger(__name__)


class ImageFiles:
    """An image file, or those in a folder and its subfolders, also by links, except hidden ones.

    An image is decoded as in evaluation: its shorter side becomes `spec.resize` pixels, and the centre is cropped. If
    the network was trained on images of one size (`spec.resize` is None, as for MNIST), one of that size is unchanged,
    and any other is scaled to cover it and cropped to the centre, with a warning; `steps` come after that.

    Args:
        path: the file or folder.
        spec: of the data that the network was trained on.
        steps: transforms of evaluation, of a PIL image, in place of Resize and CenterCrop; None for these.

    Attributes:
        names: of the files, sorted; in a folder, relative to it.
        unreadable: the reason why a file, or a folder, could not be read, by its name; filled on the way.
        skipped: number of other files, which a warning counts by kind.
        beyond: names of those with values far beyond the black and white of training. They are not clipped; a warning
            counts them when all are read.

    Raises:
        UserError: there are no images, or the network takes none.
    """

    def __init__(self, path: Path, spec: DataSpec, steps: Sequence[Any] | None = None) -> None:
        stored = spec.stored_shape or spec.input_shape
        if not spec.mean or stored[0] not in (1, 3):
            what = "a table (csv)" if spec.columns else "an array (npy)"
            raise UserError(f"input={path}: the run was not trained on such images; give {what}")
        self.root, self.names = path.parent, [path.name]
        self.levels = levels_of(spec)
        self.unreadable: dict[str, str] = {}
        self.beyond: list[str] = []
        self.skipped = 0
        if path.is_dir():
            self.root = path
            self._find()
        if not self.names:
            others = f"; other files: {self._others}" if self.skipped else ""
            raise UserError(f"input={path}: there are no images ({KINDS}) in it{others}")
        if self.skipped:
            log.warning("input=%s: skipped as no images: %s", path, self._others)
        channels, height, width = stored
        if spec.resize is not None and steps is None:
            steps = centre_crop(spec.resize, (height, width))
        elif spec.stored_shape or not steps:
            steps = [_CoverAndCrop(height, width), *(steps or [])]
        self._channels: Channels = 1 if channels == 1 else 3
        dtype = torch.uint8 if self.levels is None else torch.float32
        self._decode = Decoder(self._read, steps, spec.input_shape, "eval_transform", dtype)

    def batches(self, size: int) -> Iterator[tuple[list[str], Tensor]]:
        """Names and images, as they are stored (B, C, H, W), of those that can be read."""
        decoded = map_ahead(self._decoded, range(len(self.names)), cpus(), ahead=size)
        names = iter(self.names)
        while results := dict(zip(islice(names, size), decoded, strict=False)):
            self.unreadable |= {name: fault for name, fault in results.items() if isinstance(fault, str)}
            images = {name: image for name, image in results.items() if isinstance(image, Tensor)}
            if images:
                yield list(images), torch.stack(list(images.values()))
        warn_of_out_of_range(self.beyond, self.levels)

    def _read(self, number: int) -> DecodedImage:
        image = read_alike(self.root / self.names[number], self._channels, self.levels)
        if isinstance(image, Tensor) and (image.min() < -MARGIN or image.max() > 1 + MARGIN):
            self.beyond.append(self.names[number])
        return image

    def _find(self) -> None:
        def note(error: OSError) -> None:
            name = Path(error.filename).relative_to(self.root).as_posix()
            self.unreadable[f"{name}/"] = error.strerror or "cannot be listed"

        found = list_images(self.root, note)
        self.names, self._others, self.skipped = found.names, found.skipped, len(found.skipped)

    def _decoded(self, number: int) -> Tensor | str:
        """The image, or the reason why it cannot be read."""
        try:
            return self._decode(number)
        except Exception as error:  # each format's decoder has its own types
            file = self.root / self.names[number]
            if file.is_file() and not file.stat().st_size:
                return "is empty"
            return cause(error).replace(str(file), file.name)


class _CoverAndCrop:
    """Transform that scales an image to cover a size and crops the centre; one of that size is unchanged."""

    def __init__(self, height: int, width: int) -> None:
        self.height, self.width, self.has_warned = height, width, False

    def __call__(self, image: DecodedImage) -> DecodedImage:
        height, width = size_of(image)
        if (height, width) == (self.height, self.width):
            return image
        if not self.has_warned:
            self.has_warned = True
            log.warning("input: the network knows images of %d×%d only; others are scaled", self.height, self.width)
        scale = max(self.height / height, self.width / width)
        sides = [max(self.height, round(height * scale)), max(self.width, round(width * scale))]
        cut: DecodedImage = F.center_crop(F.resize(image, sides), [self.height, self.width])
        return cut
