"""Settings of a table as they are typed, for messages about its columns."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

from leyden.config.near import did_you_mean
from leyden.config.typed import setting

_LISTS: ContextVar[Mapping[str, Sequence[str]]] = ContextVar("lists", default={})  # noqa: B039  (never changed)


def as_list(option: str, *words: str) -> str:
    """A list setting with some words more, as it is typed in a shell."""
    return setting(f"data.{option}", [*(one for one in _LISTS.get().get(option, ()) if one not in words), *words])


def shortened(names: Sequence[str], most: int = 8) -> str:
    """The first of some names, and how many more there are."""
    more = len(names) - most
    return ", ".join(names) if more < 2 else f"{', '.join(names[:most])} and {more} more"


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
