"""Remedies in messages about a table: settings and commands that work as they are typed in a shell."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import chain, count
from pathlib import Path

from leyden.data.tables.fields import BLANKS
from leyden.system.errors import UserError
from leyden.system.override_text import setting
from leyden.system.suggestions import did_you_mean

_LISTS: ContextVar[Mapping[str, Sequence[str]]] = ContextVar("lists", default={})  # noqa: B039  (never changed)
_PATH: ContextVar[str] = ContextVar("path", default="data.path")

_SEPARATORS = {  # as they are typed in a shell
    ",": "\"data.separator=','\"",
    ";": "\"data.separator=';'\"",
    "\t": r"'data.separator=\t'",
    "|": "'data.separator=|'",
}
_COMPRESSIONS = {"gzip": b"\x1f\x8b", "bzip2": b"BZh", "xz": b"\xfd7zXZ\x00"}  # decompressed while they are read
_SUFFIXES = (".gz", ".bz2", ".xz", ".zst", ".csv", ".tsv", ".txt", ".tab", ".dat")
_TABS = (".tsv", ".tab")  # suffixes of files whose separator is a tab by default


@contextmanager
def remedies_add_to(lists: Mapping[str, Sequence[str]]) -> Iterator[None]:
    """Context in which `as_list` keeps the words that the list settings of a command have already."""
    before = _LISTS.set(lists)
    try:
        yield
    finally:
        _LISTS.reset(before)


@contextmanager
def used_by(name: str) -> Iterator[None]:
    """Context in which remedies name a new file in this setting, such as `data.test_path` or `input`."""
    before = _PATH.set(name)
    try:
        yield
    finally:
        _PATH.reset(before)


def as_list(option: str, *words: str) -> str:
    """A list setting with further words."""
    return setting(f"data.{option}", [*(one for one in _LISTS.get().get(option, ()) if one not in words), *words])


def as_categories(*names: str) -> str:
    """The setting that makes columns categorical, and its condition."""
    return f"{as_list('categorical', *names)} if these are categories"


def is_target(name: str) -> bool:
    """True if a column is to be predicted."""
    return name in _LISTS.get().get("target", ())


def date_format(name: str, form: str, before: Mapping[str, str] | str | None, found: Mapping[str, str]) -> str:
    """The setting of a date format, which keeps the present one for other columns.

    Args:
        before: the present setting.
        found: the format of each column that was read with it.
    """
    if before is None:
        return setting("data.date_format", form)
    of_columns = {column: of for column, of in found.items() if of == before} if isinstance(before, str) else before
    return setting("data.date_format", {**of_columns, name: form})


def column_hint(option: str, name: str, names: Sequence[str], columns: Sequence[str]) -> str:
    """`; did you mean …?` for a misspelt column, with the others of a list."""

    def write(near: str) -> str:
        if option == "split_column" or (option == "target" and len(names) == 1):
            return setting(f"data.{option}", near)
        return setting(f"data.{option}", [near if one == name else one for one in names])

    return did_you_mean(name, columns, write)


def separator_setting(header: str, separator: str, row: str) -> str:
    """The setting with which a header, and the first row, have several columns; empty if there is none.

    Args:
        header: the first line.
        separator: with which it has one column.
        row: the line below.
    """
    found = {other: header.count(other) for other in _SEPARATORS if other != separator and other in header}
    same = [other for other, number in found.items() if row.count(other) in (number, number + 1)]
    if same or found:
        return _SEPARATORS[(same or list(found))[0]]
    return f"'data.separator={BLANKS}'" if len(header.split()) > 1 else ""


def no_rows(path: Path, line: int) -> UserError:
    """The error about a file that has a header only; its first row should begin on this line."""
    return UserError(f"{path}: has a header, but no rows; write them from line {line} on, or name another file")


def new_header(path: Path, number: int, separator: str) -> str:
    """The command that writes a file with a line of names above it."""
    if number <= 12:
        names = "echo " + shlex.quote(separator.join(f"column_{place}" for place in range(1, number + 1)))
    else:
        names = f"seq -s {shlex.quote(separator)} -f column_%g {number}"
    new = edited(path, "named")
    return f"({names}; {unpack(path)}) > {quoted(new)}{use(new)}"


def zero_bytes_remedy(path: Path) -> str:
    """The command that writes a file without its zero bytes."""
    new = edited(path, "edited")
    command = f"{unpack(path)} | tr -d '\\000' > {quoted(new)}"
    return f"if this is a CSV file, remove them: {command}{use(new)}"


def without_line(path: Path, line: int) -> str:
    """The command that writes a file without one of its lines."""
    return filtered(path, f"sed {line}d")


def without_comments(path: Path) -> str:
    """The command that writes a file without the lines that begin with #."""
    return filtered(path, "grep -v '^#'")


def filtered(path: Path, command: str, what: str = "edited") -> str:
    """The command that writes the output of a command for a file into a new file."""
    new = edited(path, what)
    command = f"{unpack(path)} | {command}" if compression(path) else f"{command} {quoted(path)}"
    return f"{command} > {quoted(new)}{use(new)}"


def use(path: Path) -> str:
    """The end of a remedy: the setting that uses a new file."""
    return f", and use {setting(_PATH.get(), str(path))}"


def edited(path: Path, what: str) -> Path:
    """A new file beside another, for the same fields: `a-utf8.csv` for `a.csv.gz`, and `a-utf8.tsv` for `a.tsv`."""
    has_tabs = any(suffix.lower() in _TABS for suffix in path.suffixes)
    return _unused(path, f"{_stem(path)}-{what}", ".tsv" if has_tabs else ".csv")


def converted(path: Path, suffix: str = ".csv") -> Path:
    """A new file beside one of another format: `a-converted.csv` for `a.parquet`. Without a suffix, for a folder."""
    stem = _stem(path)
    return _unused(path, f"{Path(stem).stem if f'{stem}.csv' != path.name else stem}-converted", suffix)


def extracted(path: Path) -> Path:
    """A new folder beside an archive: `a-extracted` for `a.tar.gz`."""
    stem = Path(_stem(path))
    return _unused(path, f"{stem.stem if stem.suffix.lower() in ('.zip', '.tar') else stem}-extracted", "")


def unpack(path: Path) -> str:
    """The command that writes a file to its standard output, decompressed if its first bytes say so."""
    method = compression(path)
    return f"{method} -dc < {quoted(path)}" if method else f"cat {quoted(path)}"


def compression(path: Path) -> str:
    """Compression of a file by its first bytes: gzip, bzip2 or xz; empty for others."""
    try:
        with path.open("rb") as file:
            return compression_of(file.read(6))
    except OSError:
        return ""


def compression_of(head: bytes) -> str:
    """Compression of a file that begins with these bytes: gzip, bzip2 or xz; empty for others."""
    return next((method for method, magic in _COMPRESSIONS.items() if head.startswith(magic)), "")


def quoted(path: Path) -> str:
    """A path as it is typed in a shell; one that begins with a dash is not taken for an option."""
    return shlex.quote(f"./{path}" if str(path).startswith("-") else str(path))


def _unused(path: Path, stem: str, suffix: str) -> Path:
    """A path beside another at which there is no file, with a number behind the name if necessary: `a-2.csv`."""
    names = chain([stem], (f"{stem}-{number}" for number in count(2)))
    new = (path.with_name(name + suffix) for name in names)
    return next(one for one in new if not one.exists() and not one.is_symlink())  # `>` would follow a broken link


def _stem(path: Path) -> str:
    """The name of a file without the suffixes of a table and of a compression."""
    name = path.name
    for suffix in _SUFFIXES:
        name = name[: -len(suffix)] if name.lower().endswith(suffix) and len(name) > len(suffix) else name
    return name
