"""Inputs from picture files, decoded a batch at a time."""

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor
from torchvision.transforms.v2 import functional as F

from leyden.data.pictures.files import EXTENSIONS, is_picture
from leyden.data.pictures.picture import Decoder, centre_cut, read_picture
from leyden.data.spec import DataSpec
from leyden.errors import UserError
from leyden.processes import cpus

log = logging.getLogger(__name__)


class Pictures:
    """A picture file, or those in a folder and the folders in it; hidden ones are not looked at.

    A picture is decoded as in evaluation: its shorter side becomes `spec.resize` pixels, and the centre is cut out.
    Where the network was trained on pictures that came in one size (`spec.resize` is None, as for MNIST), one of that
    size is taken as it is, and any other is scaled to cover it and cut to its centre, which a warning says.

    Args:
        path: the file or folder.
        spec: of the data that the network was trained on.
        steps: transforms of a PIL picture in place of those above, such as a data set's own `eval_transform`.

    Attributes:
        names: of the files, sorted; in a folder, relative to it.
        unreadable: why a file, or a folder, could not be read, by its name; filled as it is met.
        passed_over: how many other files there are.

    Raises:
        UserError: there is none, or the network takes no pictures.
    """

    def __init__(self, path: Path, spec: DataSpec, steps: Sequence[Any] = ()) -> None:
        if not spec.mean or spec.input_shape[0] not in (1, 3):
            what = "a table (csv)" if spec.columns else "an array (npy)"
            raise UserError(f"input={path}: the run was not trained on such pictures; give {what}")
        self.root, self.names = path.parent, [path.name]
        self.unreadable: dict[str, str] = {}
        self.passed_over = 0
        if path.is_dir():
            self.root = path
            self._find()
        if not self.names:
            kinds = ", ".join(sorted(EXTENSIONS)).replace(".", "")
            raise UserError(f"input={path}: there are no pictures ({kinds}) in it")
        channels, height, width = spec.input_shape
        cut = [_Covering(height, width)] if spec.resize is None else centre_cut(spec.resize, (height, width))
        self._decode = Decoder(
            lambda number: read_picture(self.root / self.names[number], 1 if channels == 1 else 3),
            steps or cut,
            (channels, height, width),
            "eval_transform",
        )

    def batches(self, size: int) -> Iterator[tuple[list[str], Tensor]]:
        """The names and the pictures, uint8 (B, C, H, W), of those that can be read."""
        for numbers, results in _one_ahead(self._decoded, len(self.names), size):
            names = [self.names[number] for number in numbers]
            whole = {name: result for name, result in zip(names, results, strict=True) if isinstance(result, Tensor)}
            faults = {name: result for name, result in zip(names, results, strict=True) if isinstance(result, str)}
            self.unreadable |= faults
            if whole:
                yield list(whole), torch.stack(list(whole.values()))

    def _find(self) -> None:
        def note(error: OSError) -> None:
            name = Path(error.filename).relative_to(self.root).as_posix()
            self.unreadable[f"{name}/"] = error.strerror or "cannot be listed"

        self.names = []
        for place, folders, files in os.walk(self.root, onerror=note):
            folders[:] = [name for name in folders if not name.startswith(".")]
            pictures = [path for name in files if is_picture(path := Path(place, name))]
            self.names += [path.relative_to(self.root).as_posix() for path in pictures]
            self.passed_over += len(files) - len(pictures)
        self.names.sort()

    def _decoded(self, number: int) -> Tensor | str:
        """The picture, or why it cannot be read."""
        try:
            return self._decode(number)
        except Exception as error:  # each format's decoder has its own types
            file = self.root / self.names[number]
            if file.is_file() and not file.stat().st_size:
                return "is empty"
            return (str(error).strip() or type(error).__name__).splitlines()[0].replace(str(file), file.name)


class _Covering:
    """Scales a PIL picture until it covers a size, and cuts the centre out; one of that size is left as it is."""

    def __init__(self, height: int, width: int) -> None:
        self.height, self.width, self.told = height, width, False

    def __call__(self, picture: Image.Image) -> Image.Image:
        if picture.size == (self.width, self.height):
            return picture
        if not self.told:
            self.told = True
            log.warning("input: the network knows pictures of %d×%d only; others are scaled", self.height, self.width)
        scale = max(self.height / picture.height, self.width / picture.width)
        sides = [max(self.height, round(picture.height * scale)), max(self.width, round(picture.width * scale))]
        cut: Image.Image = F.center_crop(F.resize(picture, sides), [self.height, self.width])
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
