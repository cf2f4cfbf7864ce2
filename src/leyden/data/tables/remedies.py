"""Settings of a table as they are typed, for messages about its columns."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from leyden.data.tables.content import BLANKS
from leyden.data.tables.new_files import compression, edited, quoted, unpack, use
from leyden.system.errors import UserError
from leyden.system.override_text import setting
from leyden.system.suggestions import did_you_mean

_LISTS: ContextVar[Mapping[str, Sequence[str]]] = ContextVar("lists", default={})  # noqa: B039  (never changed)

_SEPARATORS = {  # as they are typed in a shell
    ",": "\"data.separator=','\"",
    ";": "\"data.separator=';'\"",
    "\t": r"'data.separator=\t'",
    "|": "'data.separator=|'",
}


def as_list(option: str, *words: str) -> str:
    """A list setting with some words more, as it is typed in a shell."""
    return setting(f"data.{option}", [*(one for one in _LISTS.get().get(option, ()) if one not in words), *words])


def is_target(name: str) -> bool:
    """Whether a column is to be predicted."""
    return name in _LISTS.get().get("target", ())


def date_format(name: str, form: str, before: Mapping[str, str] | str | None, found: Mapping[str, str]) -> str:
    """The setting of a format of dates as it is typed in a shell, which keeps what is set already.

    Args:
        name: the column.
        form: its format.
        before: the setting as it is.
        found: the format of each column that was read with it.
    """
    if before is None:
        return setting("data.date_format", form)
    of_columns = {column: of for column, of in found.items() if of == before} if isinstance(before, str) else before
    return setting("data.date_format", {**of_columns, name: form})


@contextmanager
def remedies_add_to(lists: Mapping[str, Sequence[str]]) -> Iterator[None]:
    """Within this block, `as_list` keeps what the list settings of a command have already."""
    before = _LISTS.set(lists)
    try:
        yield
    finally:
        _LISTS.reset(before)


def column_hint(option: str, name: str, names: Sequence[str], columns: Sequence[str]) -> str:
    """A hint at the column that a wrong name means, as the setting is typed; with the others of a list."""

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


def new_header(path: Path, number: int, separator: str) -> str:
    """The command that writes a line of names above a file, into a new file."""
    if number <= 12:
        names = "echo " + shlex.quote(separator.join(f"column_{place}" for place in range(1, number + 1)))
    else:
        names = f"seq -s {shlex.quote(separator)} -f column_%g {number}"
    new = edited(path, "named")
    return f"({names}; {unpack(path)}) > {quoted(new)}{use(new)}"


def zero_bytes_remedy(path: Path) -> str:
    """The command that writes a file without its zero bytes, into a new file."""
    new = edited(path, "edited")
    command = f"{unpack(path)} | tr -d '\\000' > {quoted(new)}"
    return f"if this is a CSV file, remove them: {command}{use(new)}"


def no_rows(path: Path, line: int) -> UserError:
    """The error about a file of a header alone.

    Args:
        path: of the file, to name it.
        line: on which the first row should begin.
    """
    return UserError(f"{path}: has a header, but no rows; write them from line {line} on, or name another file")


def without_line(path: Path, line: int) -> str:
    """The command that writes a file without one of its lines, into a new file."""
    return _edited(path, f"sed {line}d")


def without_comments(path: Path) -> str:
    """The command that writes a file without the lines that begin with #, into a new file."""
    return _edited(path, "grep -v '^#'")


def _edited(path: Path, edit: str) -> str:
    new = edited(path, "edited")
    command = f"{unpack(path)} | {edit}" if compression(path) else f"{edit} {quoted(path)}"
    return f"{command} > {quoted(new)}{use(new)}"
