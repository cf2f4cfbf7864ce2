"""Inputs for predict.py from a path, prepared like the data that the network was trained on, by its DataSpec only.

Files are read batch by batch; those that cannot be read are noted and left out.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from leyden.data.image_files.decoding import Decoder
from leyden.data.image_files.levels import levels_of, warn_of_out_of_range
from leyden.data.inputs.arrays import Array
from leyden.data.inputs.images import ImageFiles
from leyden.data.inputs.request import kind_of_input
from leyden.data.inputs.rows import read_rows
from leyden.data.normalisation import Normalise
from leyden.data.spec import DataSpec
from leyden.data.stored_images import StoredImages, transformed
from leyden.system.errors import UserError


class Named(NamedTuple):
    """Inputs (B, ...) as they are stored, their names, and their targets (B, ...) if these are known.

    Of a run's own data, inputs and targets have the structure that its task takes from a batch.
    """

    names: Sequence[str]
    inputs: Any
    targets: Any = None


@dataclass
class Inputs:
    """Inputs to predict.

    Attributes:
        steps: number of batches, at most.
        batches: in order, without inputs that cannot be read.
        transform: from stored inputs to those of the network, on its device.
        kind: meaning of a name: `input`, or `row` for the line of a table.
        unreadable: reason by name; complete after the last batch.
        skipped: number of files in a folder that are no images, without hidden ones.
    """

    steps: int
    batches: Iterator[Named]
    transform: Callable[[Any], Any] = field(default_factory=torch.nn.Identity)
    kind: str = "input"
    unreadable: Mapping[str, str] = field(default_factory=dict)
    skipped: int = 0


def open_inputs(path: Path, spec: DataSpec, batch_size: int, steps: Sequence[Any] | None = None) -> Inputs:
    """Inputs of an image, a folder of images, a table, or an array of NumPy.

    Args:
        path: see `ImageFiles`, `read_rows` and `Array` of this package.
        spec: of the data that the network was trained on.
        batch_size: of the inputs that are read at once.
        steps: transforms of evaluation, of images in files and arrays; None for Resize and CenterCrop by the spec, of
            images in files only.

    Raises:
        UserError: there is nothing to read, or the network takes other inputs.
    """
    match kind_of_input(path):
        case "table":
            return _table(path, spec, batch_size)
        case "array":
            return _array(path, spec, batch_size, steps or ())
    images = ImageFiles(path, spec, steps)
    return Inputs(
        -(-len(images.names) // batch_size),
        (Named(names, inputs) for names, inputs in images.batches(batch_size)),
        _normalise(spec),
        unreadable=images.unreadable,
        skipped=images.skipped,
    )


def _table(path: Path, spec: DataSpec, batch_size: int) -> Inputs:
    if spec.columns is None:
        raise UserError(f"input={path}: the run was not trained on a table; give images, or an array (npy)")
    inputs, lines, faults = read_rows(path, spec)
    begins = range(0, len(lines), batch_size)
    ends = ((begin, begin + batch_size) for begin in begins)
    batches = (Named([str(line) for line in lines[begin:end]], inputs[begin:end]) for begin, end in ends)
    return Inputs(len(begins), batches, kind="row", unreadable={f"line {line}": why for line, why in faults.items()})


def _array(path: Path, spec: DataSpec, batch_size: int, steps: Sequence[Any]) -> Inputs:
    array, unreadable = Array(path, spec, is_transformed=bool(steps)), dict[str, str]()
    begins = range(0, len(array), batch_size)

    def batches() -> Iterator[Named]:
        for begin in begins:
            places, stored, faults = array.read(begin, begin + batch_size)
            unreadable.update({str(place): why for place, why in faults.items()})
            if places:
                yield Named([str(place) for place in places], _evaluated(stored, steps, spec))
        warn_of_out_of_range(array.beyond, levels_of(spec))

    return Inputs(len(begins), batches(), _normalise(spec), unreadable=unreadable)


def _evaluated(images: Tensor, steps: Sequence[Any], spec: DataSpec) -> Tensor:
    """Images (B, C, H, W) after the transforms of evaluation, which get them as they are in training."""
    if not steps:
        return images
    if images.is_floating_point() and levels_of(spec) is None:
        images = images.mul(255).round().to(torch.uint8)
    return transformed(
        Decoder(StoredImages(images), steps, spec.input_shape, "eval_transform", images.dtype), len(images)
    )


def _normalise(spec: DataSpec) -> Callable[[Tensor], Tensor]:
    if not spec.mean:
        return torch.nn.Identity()
    normalise, unused = Normalise(spec), torch.Generator()  # nothing is random without `augment`
    return lambda stored: normalise(stored, unused)
