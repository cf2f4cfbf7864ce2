"""Inputs as the network takes them, and what the data of a run say of them."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from leyden.data.csv import CSV
from leyden.data.inputs.open import Inputs
from leyden.data.inputs.rows import read_rows
from leyden.data.spec import DataSpec
from tests.leyden.helpers.csv_files import rows, write

GREY = DataSpec("classification", (1, 6, 8), 2, ("a", "b"), (0.5,), (0.25,))


def numbers() -> str:
    return "x,z,y\n" + "".join(f"{i * 7 % 13}.5,{i * i},{i % 5}\n" for i in range(20))


def table_spec(folder: Path, content: str = "", **settings: Any) -> DataSpec:
    settings = {"target": "y", "val_size": 0, "test_size": 0} | settings
    data = CSV(str(write(folder / "train.csv", content or rows())), **settings)
    data.setup()
    return data.spec


def save(path: Path, array: NDArray[Any], **settings: Any) -> Path:
    np.save(path, array, **settings)
    return path


def read(inputs: Inputs) -> tuple[list[str], Tensor]:
    """All names, and all inputs as the network takes them."""
    batches = list(inputs.batches)
    assert len(batches) <= inputs.steps
    names = [name for batch in batches for name in batch.names]
    return names, torch.cat([inputs.transform(batch.inputs) for batch in batches])


def read_inputs(path: Path, spec: DataSpec) -> Tensor:
    """The inputs of a table of which every row can be read."""
    inputs, _, faults = read_rows(path, spec)
    assert not faults
    return inputs
