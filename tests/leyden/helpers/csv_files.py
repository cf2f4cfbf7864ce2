"""CSV files that look right."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from leyden.data.csv import CSV
from leyden.system.errors import UserError

Mistake = tuple[str | bytes, dict[str, Any], list[str]]
"""What the file holds (and those whose setting is a path), the settings, and what the one line must name."""


def rows(number: int = 40, other: Mapping[int, str] | None = None, header: str = "x,c,y") -> str:
    """Numbers, a category of three and numbers to predict; with some rows replaced."""
    lines = [f"{i * 7 % 13}.5,{'uvw'[i % 3]},{i * 3 % 11}" for i in range(number)]
    for row, line in (other or {}).items():
        lines[row] = line
    return "\n".join([header, *lines]) + "\n"


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def write_line(path: Path, number: int = 400, noise: float = 0.1) -> Path:
    """y = 3x + 2 + noise, of x between 4 and 6."""
    generator = torch.Generator().manual_seed(7)
    x = 4 + 2 * torch.rand(number, generator=generator)
    y = 3 * x + 2 + noise * torch.randn(number, generator=generator)
    lines = [f"{a},{b}" for a, b in zip(x.tolist(), y.tolist(), strict=True)]
    return write(path, "\n".join(["x,y", *lines]) + "\n")


def in_files(mistake: Mistake, folder: Path) -> dict[str, Any]:
    """The settings, once the files are written."""
    content, settings, _ = mistake
    write(folder / "train.csv", content)
    paths = {
        name: str(write(folder / f"{name.removesuffix('_path')}.csv", settings[name]))
        for name in settings.keys() & {"val_path", "test_path"}
    }
    return {"target": "y"} | settings | paths | {"path": str(folder / settings.get("path", "train.csv"))}


def refused_in_one_line(mistake: Mistake, folder: Path) -> None:
    """The datamodule refuses it in one line, which names what it must."""
    with pytest.raises(UserError) as caught:
        CSV(**in_files(mistake, folder)).setup()
    assert "\n" not in str(caught.value)
    for part in mistake[2]:
        assert part in str(caught.value)
