"""Settings of predict.py, with input and output, checked before torch is imported."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from leyden.data.image_files.formats import KINDS, extensions
from leyden.system.errors import UserError

Kind = Literal["image", "folder", "table", "array"]

TABLES = frozenset({".csv", ".tsv", ".txt", ".tab", ".dat", ".data"})
COMPRESSED = frozenset({".gz", ".bz2", ".xz"})
OTHERS = frozenset(
    {".zip", ".zst", ".xlsx", ".xls", ".ods", ".parquet", ".feather", ".arrow", ".json", ".jsonl", ".db"}
)


@dataclass(frozen=True)
class Request:
    """Settings of a prediction, checked.

    Attributes:
        input: an image, a folder of images, a table or an array; None for the run's own test split.
        output: the CSV file to write.
        ckpt: best, last, or a file.
        top_k: number of classes written for each input.
        batch_size: None for that of the run's evaluation.
    """

    input: Path | None
    output: Path
    ckpt: str = "best"
    top_k: int = 3
    batch_size: int | None = None


def check_request(settings: Mapping[str, Any], run_dir: Path) -> Request:
    """The settings of configs/predict.yaml, for the run of a directory.

    Raises:
        UserError: the input does not exist or cannot be of use, or the output cannot be written.
    """
    path = None if settings["input"] is None else Path(str(settings["input"])).expanduser()
    if path is not None:
        kind_of_input(path)
    for name in ("top_k", "batch_size"):
        value = settings[name]
        if not (type(value) is int and value > 0) and (name, value) != ("batch_size", None):
            raise UserError(f"{name}={value}: must be a whole number, at least 1")
    name = "test" if path is None else _stem(path.resolve())
    chosen = settings["output"]
    output = run_dir / "predictions" / f"{name}.csv" if chosen is None else Path(str(chosen)).expanduser()
    _check_output(output, path)
    return Request(path, output, str(settings["ckpt"]), settings["top_k"], settings["batch_size"])


def kind_of_input(path: Path) -> Kind:
    """Kind of an input, by the name of its file.

    Raises:
        UserError: it does not exist, or is of another kind.
    """
    what = f"an image, a folder of images, a table ({_listed(TABLES)}) or an array (npy)"
    if not path.exists():
        raise UserError(f"input={path}: is not there; give {what}")
    if path.is_dir():
        return "folder"
    ending = path.suffix.lower()
    if ending in TABLES | COMPRESSED | OTHERS:  # reading one of another format reports how to convert it
        return "table"
    if ending == ".npy":
        return "array"
    if ending in extensions():
        return "image"
    raise UserError(f"input={path}: is no image ({KINDS}); give {what}")


def _stem(path: Path) -> str:
    """Name of a file without its suffix, and without that of a compression."""
    return Path(path.stem).stem if path.suffix.lower() in COMPRESSED else path.stem


def _check_output(output: Path, path: Path | None) -> None:
    if output.is_dir():
        raise UserError(f"output={output}: is a folder; give the name of a file, such as {output / 'predictions.csv'}")
    if output.suffix.lower() != ".csv":
        raise UserError(f"output={output}: predictions are written as a table; give a name that ends in .csv")
    if path is not None and output.resolve() == path.resolve():
        raise UserError(f"output={output}: is the input itself; give another name")
    there = next(folder for folder in output.absolute().parents if folder.exists())
    if not there.is_dir():
        raise UserError(f"output={output}: {there} is a file, not a folder; give another name")


def _listed(endings: frozenset[str]) -> str:
    return ", ".join(sorted(endings)).replace(".", "")
