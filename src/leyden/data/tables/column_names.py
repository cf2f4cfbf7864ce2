"""Names of columns: made unique in a header, and recognised in settings."""

import re
from collections.abc import Sequence
from contextlib import suppress

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from leyden.system.override_text import read_as

Name = str | int | float | bool | None
"""A column in a setting: YAML reads the name 2010 as a number, and yes as a bool."""

_INVISIBLE = re.compile("[\u200b\u2060\ufeff]|^[\u200c-\u200f]+|[\u200c-\u200f]+$")
_PANDAS = re.compile(r"Unnamed: \d+(_level_\d+)?")  # given by pandas to a column without a name


def unique_names(names: Sequence[str]) -> tuple[list[str], frozenset[str], tuple[str, ...]]:
    """Names that differ, of which none is empty: `x,,x` becomes `x,column_2,x_2`.

    Returns:
        The names, those given to columns without one, and the names that occur several times.
    """
    plain = [" ".join(_INVISIBLE.sub("", name).split()) for name in names]
    taken, unique = set(plain), list[str]()
    unnamed, twice = set[str](), dict[str, None]()
    for number, name in enumerate(plain, start=1):
        if not name:
            new = _free(f"column_{number}", taken)
            unnamed.add(new)
        elif name in unique:
            new = _free(name, taken, 2)
            twice[name] = None
        else:
            new = name
        if _PANDAS.fullmatch(name):
            unnamed.add(new)
        taken.add(new)
        unique.append(new)
    return unique, frozenset(unnamed), tuple(twice)


def as_named(value: Name, names: Sequence[str]) -> str:
    """The column that a setting names, or the setting as text if there is none.

    The first name may follow a #, as NumPy writes it. A setting that is not a string, such as 1e3, names the column
    whose name YAML reads as the same value.
    """
    text = str(value)
    if text in names:
        return text
    if isinstance(value, str):
        plain = " ".join(_INVISIBLE.sub("", value).split())
        return next((name for name in (plain, f"# {plain}", f"#{plain}") if name in names), value)
    return next((name for name in names if any(_same(value, read) for read in _readings(name))), _typed(value))


def is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _free(name: str, taken: set[str], number: int = 1) -> str:
    """A name that no column has: the name itself, or with the first free number."""
    candidate = name if number == 1 else f"{name}_{number}"
    while candidate in taken:
        number += 1
        candidate = f"{name}_{number}"
    return candidate


def _readings(name: str) -> list[object]:
    """The values that a command and a YAML file read from a name."""
    readings: list[object] = [read_as(name)]
    with suppress(OmegaConfBaseException, YAMLError):
        read = OmegaConf.to_container(OmegaConf.create(f"name: {name}"))
        readings += [read["name"]] if isinstance(read, dict) and "name" in read else []
    return readings


def _same(value: Name, read: object) -> bool:
    return type(value) is type(read) and value == read


def _typed(value: Name) -> str:
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
