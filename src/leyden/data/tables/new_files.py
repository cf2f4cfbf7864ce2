"""Names of new files that printed commands write, none of which exists yet, and the settings that use them."""

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import chain, count
from pathlib import Path

from leyden.system.override_text import setting

_COMPRESSED = {"gzip": b"\x1f\x8b", "bzip2": b"BZh", "xz": b"\xfd7zXZ\x00"}  # what is decompressed while it is read
_SUFFIXES = (".gz", ".bz2", ".xz", ".zst", ".csv", ".tsv", ".txt", ".tab", ".dat")
_TABS = (".tsv", ".tab")  # in a file with such a suffix the separator is a tab unless it is set
_SETTING: ContextVar[str] = ContextVar("setting", default="data.path")


@contextmanager
def used_by(name: str) -> Iterator[None]:
    """Within this block, remedies name the new file in this setting, such as `data.test_path` or `input`."""
    before = _SETTING.set(name)
    try:
        yield
    finally:
        _SETTING.reset(before)


def use(path: Path) -> str:
    """The end of a remedy: the setting that uses a new file, as it is typed in a shell."""
    return f", and use {setting(_SETTING.get(), str(path))}"


def edited(path: Path, what: str) -> Path:
    """A new file beside another, for the same fields: `a-utf8.csv` for `a.csv.gz`, and `a-utf8.tsv` for `a.tsv`."""
    has_tabs = any(suffix.lower() in _TABS for suffix in path.suffixes)
    return _unused(path, f"{_stem(path)}-{what}", ".tsv" if has_tabs else ".csv")


def converted(path: Path, suffix: str = ".csv") -> Path:
    """A new file beside another of another kind: `a-converted.csv` for `a.parquet`. Without a suffix, for a folder."""
    stem = _stem(path)
    return _unused(path, f"{Path(stem).stem if f'{stem}.csv' != path.name else stem}-converted", suffix)


def extracted(path: Path) -> Path:
    """A new folder beside an archive: `a-extracted` for `a.tar.gz`."""
    stem = Path(_stem(path))
    return _unused(path, f"{stem.stem if stem.suffix.lower() in ('.zip', '.tar') else stem}-extracted", "")


def unpack(path: Path) -> str:
    """The command that writes a file to its standard output, decompressed by its first bytes whatever it is called."""
    method = compression(path)
    return f"{method} -dc < {quoted(path)}" if method else f"cat {quoted(path)}"


def compression(path: Path) -> str:
    """Of a file: gzip, bzip2 or xz, by its first bytes; empty for another one."""
    try:
        with path.open("rb") as file:
            head = file.read(6)
    except OSError:
        return ""
    return next((method for method, magic in _COMPRESSED.items() if head.startswith(magic)), "")


def quoted(path: Path) -> str:
    """A path as it is typed in a shell; one that begins with a dash is not taken for an option."""
    return shlex.quote(f"./{path}" if str(path).startswith("-") else str(path))


def _unused(path: Path, stem: str, suffix: str) -> Path:
    """A path beside another at which nothing is, with a number behind the name where it is needed: `a-2.csv`."""
    names = chain([stem], (f"{stem}-{number}" for number in count(2)))
    new = (path.with_name(name + suffix) for name in names)
    return next(one for one in new if not one.exists() and not one.is_symlink())  # `>` would follow a broken link


def _stem(path: Path) -> str:
    """The name of a file without the suffix of a table and that of a compression."""
    name = path.name
    for suffix in _SUFFIXES:
        name = name[: -len(suffix)] if name.lower().endswith(suffix) and len(name) > len(suffix) else name
    return name
