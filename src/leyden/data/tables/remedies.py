"""Settings of a table as they are typed, for messages about its columns."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

from leyden.config.near import did_you_mean
from leyden.config.typed import setting

_LISTS: ContextVar[Mapping[str, Sequence[str]]] = ContextVar("lists", default={})  # noqa: B039  (never changed)


def as_list(option: str, word: str) -> str:
    """A list setting with one word more, as it is typed in a shell."""
    return setting(f"data.{option}", [*(one for one in _LISTS.get().get(option, ()) if one != word), word])


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
