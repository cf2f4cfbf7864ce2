"""Decimal marks and separators of thousands that read numbers which the present ones do not."""

import polars as pl

from leyden.data.tables.notation import PLAIN, Notation
from leyden.data.tables.value_formats import as_quantities_of, quantity_format
from leyden.system.override_text import setting

_MARKS = ((".", ","), (",", None), (",", "."), (".", "'"), (",", "'"), (".", " "), (",", " "))  # decimal, thousands


def other_marks(text: pl.Series, notation: Notation, form: str | None, keep_decimal: bool) -> dict[float, str]:
    """Settings as they are typed, each of which reads all values, by the number that the first value is then.

    Args:
        text: the values, none of them missing.
        notation: the present one.
        form: the format of the column of these values; None where it is found anew.
        keep_decimal: whether the decimal mark must stay, as other numbers of the file have it.
    """
    found = dict[float, str]()
    for decimal, thousands in _MARKS:
        if not len(text) or (keep_decimal and decimal != notation.decimal):
            continue
        values = _read(text, Notation(decimal, thousands), form)
        words = [("decimal", decimal, notation.decimal), ("thousands", thousands, notation.thousands)]
        typed = " ".join(setting(f"data.{name}", now) for name, now, before in words if now != before)
        if typed and values.count() == len(text):
            found.setdefault(values[0], typed)
    return found


def _read(text: pl.Series, notation: Notation, form: str | None) -> pl.Series:
    """Numbers as reading the file anew would give them: plain ones, or those of one unit or currency."""
    numbers = notation.numbers(text)
    if form == PLAIN or (form is None and numbers.count() == len(text)):
        return numbers
    form = form or quantity_format(text, notation.numbers)
    return as_quantities_of(form, text, notation.numbers) if form else numbers
