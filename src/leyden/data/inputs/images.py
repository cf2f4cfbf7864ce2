"""Inputs from image files, decoded a batch at a time."""

import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
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
from leyden.system.errors import UserError
from leyden.system.processes import cpus

log = logging.getLogger(__name__)


class ImageFiles:
    """An image file, or those in a folder and the folders in it, also by links; hidden ones are not looked at.

    An image is decoded as in evaluation: its shorter side becomes `spec.resize` pixels, and the centre is cut out.
    Where the network was trained on images that came in one size (`spec.resize` is None, as for MNIST), one of that
    size is taken as it is, and any other is scaled to cover it and cut to its centre, which a warning says.

    Args:
        path: the file or folder.
        spec: of the data that the network was trained on.
        steps: transforms of a PIL image in place of those above, such as a data set's own `eval_transform`.

    Attributes:
        names: of the files, sorted; in a folder, relative to it.
        unreadable: why a file, or a folder, could not be read, by its name; filled as it is met.
        passed_over: how many other files there are, which a warning counts by kind.
        beyond: names of those with values far beyond the black and white of training. They are not clipped; a warning
            counts them when all are read.

    Raises:
        UserError: there is none, or the network takes no images.
    """

    def __init__(self, path: Path, spec: DataSpec, steps: Sequence[Any] = ()) -> None:
        if not spec.mean or spec.input_shape[0] not in (1, 3):
            what = "a table (csv)" if spec.columns else "an array (npy)"
            raise UserError(f"input={path}: the run was not trained on such images; give {what}")
        self.root, self.names = path.parent, [path.name]
        self.levels = levels_of(spec)
        self.unreadable: dict[str, str] = {}
        self.beyond: list[str] = []
        self.passed_over = 0
        if path.is_dir():
            self.root = path
            self._find()
        if not self.names:
            others = f"; other files: {self._skipped}" if self.passed_over else ""
            raise UserError(f"input={path}: there are no images ({KINDS}) in it{others}")
        if self.passed_over:
            log.warning("input=%s: skipped as no images: %s", path, self._skipped)
        channels, height, width = spec.input_shape
        cut = [_Covering(height, width)] if spec.resize is None else centre_crop(spec.resize, (height, width))
        self._channels: Channels = 1 if channels == 1 else 3
        dtype = torch.uint8 if self.levels is None else torch.float32
        self._decode = Decoder(self._read, steps or cut, (channels, height, width), "eval_transform", dtype)

    def batches(self, size: int) -> Iterator[tuple[list[str], Tensor]]:
        """The names and the images, uint8 (B, C, H, W), of those that can be read."""
        for numbers, results in _one_ahead(self._decoded, len(self.names), size):
            names = [self.names[number] for number in numbers]
            whole = {name: result for name, result in zip(names, results, strict=True) if isinstance(result, Tensor)}
            faults = {name: result for name, result in zip(names, results, strict=True) if isinstance(result, str)}
            self.unreadable |= faults
            if whole:
                yield list(whole), torch.stack(list(whole.values()))
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
        self.names, self._skipped, self.passed_over = found.names, found.skipped, len(found.skipped)

    def _decoded(self, number: int) -> Tensor | str:
        """The image, or why it cannot be read."""
        try:
            return self._decode(number)
        except Exception as error:  # each format's decoder has its own types
            file = self.root / self.names[number]
            if file.is_file() and not file.stat().st_size:
                return "is empty"
            return cause(error).replace(str(file), file.name)


class _Covering:
    """Scales an image until it covers a size, and cuts the centre out; one of that size is left as it is."""

    def __init__(self, height: int, width: int) -> None:
        self.height, self.width, self.told = height, width, False

    def __call__(self, image: DecodedImage) -> DecodedImage:
        height, width = size_of(image)
        if (height, width) == (self.height, self.width):
            return image
        if not self.told:
            self.told = True
            log.warning("input: the network knows images of %d×%d only; others are scaled", self.height, self.width)
        scale = max(self.height / height, self.width / width)
        sides = [max(self.height, round(height * scale)), max(self.width, round(width * scale))]
        cut: DecodedImage = F.center_crop(F.resize(image, sides), [self.height, self.width])
        return cut


def _one_ahead(
    work: Callable[[int], Tensor | str], number: int, size: int
) -> Iterator[tuple[range, list[Tensor | str]]]:
    """Results a batch at a time, made in threads. The next batch is in the making while one is used, and no more are:
    what is handed to a pool as a whole (`in_threads`) would be held as a whole where the network is the slower one."""
    batches = [range(begin, min(begin + size, number)) for begin in range(0, number, size)]
    with ThreadPoolExecutor(cpus()) as pool:
        ahead = pool.map(work, batches[0])
        for batch, following in zip(batches, [*batches[1:], range(0)], strict=True):
            results = list(ahead)
            ahead = pool.map(work, following)
            yield batch, results
