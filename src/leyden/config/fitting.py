"""The value that was probably meant where a setting needs another type."""

import re
from collections.abc import Mapping
from typing import Any

from leyden.config.signature import Parameter
from leyden.system.override_text import as_text, read_as, squeezed

_TRUE, _FALSE, _NONE = ("true", "yes", "on", "1"), ("false", "no", "off", "0"), ("none", "null", "~")


def fitting(parameter: Parameter, value: Any, text: str | None = None) -> Any:
    """The value that was probably meant where another type is needed: 32 for 32.0, "2010" for 2010, [10] for 10.

    Args:
        parameter: what is set.
        value: that it does not accept.
        text: as it was typed, where that is known: 1e5 may be the name of a column.

    Raises:
        LookupError: nothing similar is accepted.
    """
    word = str(value).strip().lower()
    candidates: list[Any] = []
    if isinstance(value, float) and value.is_integer():
        candidates.append(int(value))
    if word in _NONE and isinstance(value, str):
        candidates.append(None)
    if isinstance(value, int | str) and not isinstance(value, bool):
        candidates += [True] if word in _TRUE else [False] if word in _FALSE else []
    if value is None and text:
        candidates.append(text)
    if isinstance(value, int | float):  # bool too
        candidates.append(text if text is not None else as_text(value))
    if isinstance(value, list):
        candidates += [*value[:1]] if len(value) == 1 else []
        candidates.append([int(v) if isinstance(v, float) and v.is_integer() else v for v in value])
        candidates.append(_words(value, text))
        parts = [_numbers(v) if isinstance(v, str) else [v] for v in value]
        candidates += [[number for part in parts for number in part]] if all(parts) else []
    elif not isinstance(value, Mapping) and value is not None:
        candidates += [[candidate] for candidate in (value, *candidates)]
        candidates.append(_numbers(str(value)))
    if isinstance(value, str):
        candidates += [choice for choice in parameter.choices if squeezed(choice) == squeezed(value)]
        candidates += [choice for choice in parameter.choices if squeezed(choice) == squeezed(value.rpartition(".")[2])]
    for candidate in candidates:
        if candidate != [] and parameter.accepts(candidate):
            return candidate
    raise LookupError(value)


def _words(values: list[Any], text: str | None) -> list[str]:
    """The entries of a list as texts, as they were typed if that is known."""
    parts = [part.strip().strip("'\"") for part in (text or "").strip("[]").split(",")]
    same = len(parts) == len(values)
    return [v if isinstance(v, str) else parts[n] if same else as_text(v) for n, v in enumerate(values)]


def _numbers(text: str) -> list[Any]:
    """`10 20` or `(10,20)` as a list of numbers."""
    parts = re.split(r"[\s,;x×]+", text.strip("()[] "))
    return [read_as(part) for part in parts] if all(re.fullmatch(r"[-+.\deE]+", part) for part in parts) else []
