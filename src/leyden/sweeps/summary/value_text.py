"""Texts of values, for tables and command lines."""

import re
from typing import Any

from leyden.sweeps.summary.ranking import Spread
from leyden.system.formatting import number

_BARE = re.compile(r"[\w/.+:-]+", re.ASCII)


def shown(value: Any, digits: int | None = None) -> str:
    """Value of a setting as it would be typed, without quotes.

    Args:
        digits: significant digits of a float; None for all.
    """
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, list | tuple):
        return f"[{', '.join(shown(inner, digits) for inner in value)}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {shown(inner, digits)}" for key, inner in value.items()) + "}"
    if isinstance(value, float):
        short = f"{value:.{digits or 17}g}"
        return short if digits and float(short) != value else repr(value)
    return " ".join(str(value).split())


def brief(value: Any) -> str:
    """Value of a setting in a table, where six digits distinguish trials."""
    return shown(value, 6)


def typed(value: Any) -> str:
    """Value for the command line, where a text may need quotes."""
    if isinstance(value, str) and not _BARE.fullmatch(value):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return shown(value)


def with_deviation(spread: Spread | None) -> str:
    """Mean, with its deviation if there is one: `0.9833 ± 0.0001`."""
    if spread is None or spread.std is None:
        return "" if spread is None else number(spread.mean)
    mean = number(spread.mean)
    fixed = "e" not in mean and 0.0001 <= spread.std < 10000
    return f"{mean} ± {spread.std:.4f}" if fixed or spread.std == 0 else f"{mean} ± {spread.std:.2g}"
