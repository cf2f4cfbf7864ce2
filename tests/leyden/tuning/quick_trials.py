"""Experiments whose trials take a second."""

from pathlib import Path

from leyden.config.compose import compose
from leyden.config.experiment import Experiment


def table(folder: Path, rows: int = 60) -> Path:
    """A table of numbers in which y follows x."""
    path = folder / "numbers.csv"
    lines = [f"{n * 37 % rows},{n * 11 % rows},{(n * 37 % rows) * 2 + 5}" for n in range(rows)]
    path.write_text("\n".join(["x,z,y", *lines]))
    return path


def made(folder: Path, *overrides: str) -> Experiment:
    """A small regression whose runs would lie in the folder."""
    few = [
        "data=csv",
        f"data.path={table(folder)}",
        "data.target=y",
        "task=regression",
        "model=mlp",
        "data.batch_size=8",
    ]
    few += [
        "model.hidden_sizes=[8]",
        "model.dropout=0.0",
        "trainer.accelerator=cpu",
        f"paths.log_dir={folder / 'logs'}",
    ]
    return compose([*few, *overrides])


def files(folder: Path) -> set[Path]:
    """All files and folders below a folder."""
    return set(folder.rglob("*"))
