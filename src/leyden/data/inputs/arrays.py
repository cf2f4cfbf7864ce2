"""Inputs from an array of NumPy, read in parts."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch
from torch import Tensor

from leyden.data.image_files.levels import MARGIN, Levels, levels_of
from leyden.data.spec import DataSpec
from leyden.data.tables.column_types import encode
from leyden.system.errors import UserError


class Array:
    """Inputs (N, ...), or a single one, in a file.

    Images are integers from 0 to 255, or floats from 0 to 1. For a network that was trained on images with more than 8
    bits, integers are values as in these, and floats are from 0 for their black to 1 for their white; an array of uint8
    is refused unless images of both depths were trained on, as an image file of 8 bits is. For a network that was
    trained on a table, they are the numbers of its columns as in the file. Other inputs are used unchanged, as
    `spec.input_dtype`; sequences of whole numbers may have any length.

    Attributes:
        beyond: names of the images read so far with values far beyond the black and white of training. They are not
            clipped.

    Args:
        path: the file; one that holds Python objects is refused.
        spec: of the data that the network was trained on.
        is_transformed: True if images are transformed to the shape of the network's inputs. They have that of the
            stored images of training, or any height and width if these come from files.

    Raises:
        UserError: the file cannot be read, or has another shape than the network takes.
    """

    def __init__(self, path: Path, spec: DataSpec, is_transformed: bool = False) -> None:
        self.path, self.spec = path, spec
        self.beyond: list[str] = []
        self.columns: list[dict[str, Any]] = list(spec.columns["features"]) if spec.columns else []
        other = [column["name"] for column in self.columns if column["kind"] != "number"]
        if other:
            raise UserError(f"input={path}: {other[0]} is no number, which an array cannot hold; give a table (csv)")
        shape = (len(self.columns),) if self.columns else spec.stored_shape or spec.input_shape
        any_size = is_transformed and spec.stored_shape is None
        try:
            array = np.load(path, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise UserError(f"input={path}: cannot be read ({' '.join(str(error).split())})") from error
        if not isinstance(array, np.ndarray) or array.dtype.kind not in "uif":
            raise UserError(f"input={path}: must be an array of integers or floats")
        levels = levels_of(spec)
        if levels and not levels.mixed and array.dtype == np.uint8:
            raise UserError(
                f"input={path}: has 8 bits a channel (uint8), and the network was trained on images with more "
                f"({levels}); give values as in these (uint16), or floats from 0 for their black to 1 for their white"
            )
        are_tokens = len(shape) == 1 and not self.columns and spec.input_dtype.startswith("int")
        if not shape:
            raise UserError(
                f"input={path}: the network takes several inputs at once; leave this out for the test split"
            )
        if spec.input_dtype.startswith("int") and array.dtype.kind == "f":
            raise UserError(f"input={path}: must be an array of integers, as the inputs of the network are")
        if are_tokens and 0 not in array.shape and array.ndim in (1, 2):
            shape = array.shape[-1:]  # sequences may be shorter or longer than those of the training
        if any_size and 0 not in array.shape and array.shape[-3:-2] == shape[:1]:
            shape = array.shape[-3:]
        self.array = array[None] if array.shape == shape else array
        if self.array.shape[1:] != shape or not len(self.array):
            one = f"{shape[0]}×H×W" if any_size else "×".join(map(str, shape))
            has = "×".join(map(str, array.shape)) or "()"
            order = f", in the order {', '.join(column['name'] for column in self.columns)}" if self.columns else ""
            raise UserError(f"input={path}: has the shape {has}; it must be N×{one}, or {one} for one{order}")

    def __len__(self) -> int:
        return len(self.array)

    def read(self, begin: int, end: int) -> tuple[list[int], Tensor, dict[int, str]]:
        """Positions of the usable inputs of a part, these as they are stored (B, ...), and the faults of the others."""
        values = np.array(self.array[begin:end])  # a copy, as the file is only mapped
        finite = np.isfinite(values).reshape(len(values), -1).all(axis=1)
        low, high = self._limits()
        sound = finite & ((values >= low) & (values <= high)).reshape(len(values), -1).all(axis=1)
        if self.columns:
            with np.errstate(over="ignore"):
                mean, std = (np.array([column[of] for column in self.columns]) for of in ("mean", "std"))
                sound &= np.isfinite(((values - mean) / std).astype(np.float32)).all(axis=1)
        far = f"holds values beyond {low:g} to {high:g}" if math.isfinite(high) else "holds a number that is too large"
        if (levels := self._levels) and self.array.dtype.kind in "ui":
            scaled = _scaled(values, levels).reshape(len(values), -1)
            is_beyond = ((scaled < -MARGIN) | (scaled > 1 + MARGIN)).any(axis=1)
            self.beyond += [str(begin + place) for place in np.flatnonzero(is_beyond).tolist()]
        wrong = np.flatnonzero(~sound).tolist()
        faults = {begin + place: far if finite[place] else "holds a value that is not finite" for place in wrong}
        return [begin + place for place in np.flatnonzero(sound).tolist()], self._stored(values[sound]), faults

    @property
    def _levels(self) -> Levels | None:
        """Levels of integers; None if they have 8 bits."""
        return None if self.array.dtype == np.uint8 else levels_of(self.spec)

    def _limits(self) -> tuple[float, float]:
        if not self.spec.mean:
            return -math.inf, math.inf
        if self.array.dtype.kind == "f":
            return 0.0, 1.0
        return (0.0, 255.0) if self._levels is None else (-math.inf, math.inf)

    def _stored(self, values: np.ndarray[Any, Any]) -> Tensor:
        if self.columns:
            table = pl.DataFrame({c["name"]: values[:, i].astype(np.float64) for i, c in enumerate(self.columns)})
            return encode(table, self.columns, self.path)
        if not self.spec.mean:
            return torch.from_numpy(values.astype(self.spec.input_dtype))
        if values.dtype.kind == "f":
            return torch.from_numpy(values.astype(np.float32))
        if not self.spec.value_range:
            return torch.from_numpy(values.astype(np.uint8))
        return torch.from_numpy(_scaled(values, self._levels or Levels(0, 255)).astype(np.float32))


def _scaled(values: np.ndarray[Any, Any], levels: Levels) -> np.ndarray[Any, Any]:
    """float64 of the same shape, in which black is 0 and white is 1."""
    scaled: np.ndarray[Any, Any] = (values.astype(np.float64) - levels.black) / (levels.white - levels.black)
    return scaled
