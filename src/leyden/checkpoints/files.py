"""Checkpoint files: written atomically, verified byte by byte, read without running code."""

import logging
import os
import shlex
import zipfile
from collections import Counter, OrderedDict
from pathlib import Path
from typing import Any, BinaryIO

import torch
from lightning.fabric.plugins import CheckpointIO
from torch import Tensor
from torch.serialization import get_unsafe_globals_in_checkpoint

from leyden.records.record import CHECKPOINTS
from leyden.system.atomic_files import is_full, previous, replacing
from leyden.system.errors import UserError

log = logging.getLogger(__name__)

_PLAIN = (type(None), bool, int, float, complex, str, bytes, bytearray, torch.dtype, torch.device, torch.Size)


class DurableCheckpoints(CheckpointIO):
    """Plugin of the Trainer that saves and loads checkpoints.

    A new checkpoint takes its name only when it is on the disk, and the one before stays beside it, under the name that
    `leyden.system.atomic_files.previous` gives: whenever the process or the machine dies, one of the two is whole.
    """

    def __init__(self) -> None:
        self._whole: dict[Path, tuple[int, ...]] = {}  # what this process wrote or verified, not to be read again

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None) -> None:
        """Save, and keep the checkpoint of that name as the previous one, unless it is damaged.

        Raises:
            UserError: the disk refuses it; the checkpoint before is kept.
            TypeError: a value, which the message names, could not be read back.
        """
        path = Path(path)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with replacing(path, previous(path) if self._is_whole(path) else None) as file:
                _write(checkpoint, file)
            self._whole[path] = _stamp(path)
        except OSError as error:
            raise UserError(_refusal(path, error)) from error

    def load_checkpoint(
        self, path: str | Path, map_location: Any = None, weights_only: bool | None = None
    ) -> dict[str, Any]:
        """Content of a checkpoint. Only tensors and plain values are unpickled, for any `weights_only`.

        Raises:
            UserError: the file is not whole, or not a checkpoint.
        """
        path = Path(path)
        content = _load(path, str(path), map_location)
        self._whole[path] = _stamp(path)
        return content

    def remove_checkpoint(self, path: str | Path) -> None:
        """Remove a checkpoint and the one before it; files without the suffix .ckpt stay."""
        for file in (previous(Path(path)), Path(path)):
            if file.suffix == ".ckpt":
                file.unlink(missing_ok=True)

    def _is_whole(self, path: Path) -> bool:
        return path.exists() and (self._whole.get(path) == _stamp(path) or verify(path) is None)


def verify(path: Path) -> str | None:
    """Fault of a file, in words that follow `is`; None if it is as it was saved, down to the last byte."""
    try:
        if path.exists() and not path.is_file():
            return "not a file"
        with path.open("rb") as file:
            return _fault(file)
    except FileNotFoundError:
        return "missing"
    except (OSError, ValueError) as error:
        return f"unreadable ({_words(error)})"


def read_checkpoint(path: Path, setting: str = "ckpt") -> dict[str, Any]:
    """Content of a checkpoint, on the CPU; `setting` named the file, for messages.

    Raises:
        UserError: it is not whole, holds what is not plain, or is no checkpoint of a run.
    """
    return _load(path, f"{setting}={path}", "cpu")


def newest_whole(path: Path, setting: str = "ckpt") -> Path | None:
    """Checkpoint of a name or, if that is not whole, the one before it, with a warning; None without any.

    Raises:
        UserError: there are some, and none is whole.
    """
    fault, older = verify(path), previous(path)
    if fault is None:
        return path
    other = verify(older)
    if other is None:
        log.warning("%s is %s; taking %s, the one before it", path, fault, older.name)
        return older
    if fault == other == "missing":
        return None
    faults = f"is {fault}, and {older.name}, the one before it, is {other}"
    raise UserError(f"{setting}={path}: {faults}; give another one, or start a new run")


def recorded_spec(run_dir: Path) -> dict[str, Any] | None:
    """DataSpec in the last checkpoint of a run, as plain values; None without a whole checkpoint."""
    last = run_dir / CHECKPOINTS / "last.ckpt"
    whole = next((path for path in (last, previous(last)) if verify(path) is None), None)
    spec = read_checkpoint(whole, "resume").get("spec") if whole else None
    return spec if isinstance(spec, dict) else None


def _write(checkpoint: dict[str, Any], file: BinaryIO) -> None:
    """Serialise, and make sure that it can be read back: loading with weights_only takes few types."""
    try:
        torch.save(checkpoint, file)
        file.seek(0)
        foreign = ", ".join(get_unsafe_globals_in_checkpoint(file))
    except Exception as error:
        cause: BaseException | None = error
        while cause is not None:  # torch wraps what the file raises, Ctrl-C as well, in a RuntimeError
            if isinstance(cause, OSError) or not isinstance(cause, Exception):
                raise cause from None
            cause = cause.__context__
        foreign = _words(error)
    if foreign:
        where = _not_plain(checkpoint) or f"checkpoint: {foreign}"
        raise TypeError(f"{where}; a checkpoint takes tensors and plain values only")


def _not_plain(value: Any, key: str = "checkpoint") -> str | None:
    """First value of a type that cannot be read back, by its keys, with its type; None without any."""
    inner = list[tuple[Any, str]]()
    if type(value) in (dict, OrderedDict, Counter):
        inner = [(part, f"{key}[{name!r}]") for name, both in value.items() for part in (name, both)]
    elif type(value) in (list, tuple, set):
        inner = [(part, f"{key}[{number}]") for number, part in enumerate(value)]
    elif type(value) not in _PLAIN and (not isinstance(value, Tensor) or getattr(value, "__dict__", None)):
        return f"{key}: is a {type(value).__module__}.{type(value).__qualname__}"
    return next((found for part, name in inner if (found := _not_plain(part, name))), None)


def _fault(file: BinaryIO) -> str | None:
    size = file.seek(0, os.SEEK_END)
    if not size:
        return "empty"
    file.seek(0)
    is_zip = file.read(4) == b"PK\3\4"
    try:
        members = (archive := zipfile.ZipFile(file)).infolist()
        # No more is read than is there, though parts be compressed or overlap. And nothing has the mark of a folder:
        # torch would fill its tensor with what happens to be in memory.
        if sum(m.file_size for m in members) > size or any(m.external_attr & 0x10 for m in members):
            return "damaged (its table of contents)"
        for member in members:
            with archive.open(member) as part:
                while part.read(1 << 20):
                    pass
        file.seek(0)
        foreign = get_unsafe_globals_in_checkpoint(file)  # opens the file as torch does, and reads names only
    except Exception as error:  # of any type: what a damaged header leads to
        return f"damaged ({_words(error)})" if is_zip else "not a checkpoint"
    return "not plain: it holds Python objects, which may run any code when they are read" if foreign else None


def _load(path: Path, label: str, map_location: Any) -> dict[str, Any]:
    fault = verify(path)
    if fault is not None:
        older = previous(path)
        remedy = f"{older.name}, the one before it, is whole" if verify(older) is None else "give another one"
        raise UserError(f"{label}: is {fault}; {remedy}")
    try:
        content = torch.load(path, map_location=map_location, weights_only=True)
    except Exception as error:  # of any type, for a manipulated file
        raise UserError(f"{label}: cannot be loaded ({_words(error)}); give another one") from error
    if not isinstance(content, dict) or not isinstance(content.get("state_dict"), dict):
        raise UserError(f"{label}: is not a checkpoint of a run, it has no state_dict; give another one")
    return content


def _stamp(path: Path) -> tuple[int, ...]:
    """Identity, size and time of a file, which change when the file does."""
    return (status := path.stat()).st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _refusal(path: Path, error: OSError) -> str:
    why = f"{path}: cannot be saved ({_words(error)})"
    remedy = "free some space" if is_full(error) else "fix that"
    run_dir = shlex.quote(str(path.parent.parent))
    return f"{why}; what was saved before is kept; {remedy}, then resume with: python train.py resume={run_dir}"


def _words(error: BaseException) -> str:
    """Message of an error, shortened to one line."""
    text = (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
    return " ".join(text.split())[:100]
