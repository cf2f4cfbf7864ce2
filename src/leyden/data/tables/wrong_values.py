"""Values that do not belong in their column: one error for all of them, with the settings that read them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from leyden.data.tables.notation import PLAIN, Notation
from leyden.data.tables.remedies import as_categories, as_list, date_format, is_target
from leyden.data.tables.type_inference import (
    is_infinite,
    is_like_date,
    is_like_number,
    is_word,
    plainly,
    possible_dates,
)
from leyden.data.tables.value_formats import as_quantities_of, quantity_format
from leyden.system.errors import UserError
from leyden.system.override_text import setting

_SHOWN, _LISTED = 5, 20  # words in a message, and in a setting
_MARKS = ((".", ","), (",", None), (",", "."), (".", "'"), (",", "'"), (".", " "), (",", " "))  # decimal, thousands


@dataclass
class WrongValues:
    """Values in a column that holds something else.

    Attributes:
        line: of the file, with the first of them.
        kind: of the column: numbers or dates.
        words: the values, each with its count.
        sound: number of values that do belong in the column.
        form: in which these are written.
    """

    name: str
    line: int
    kind: str
    words: Counter[str]
    sound: int
    form: str = PLAIN

    @property
    def first(self) -> str:
        return next(iter(self.words))

    @property
    def are_other_numbers(self) -> bool:
        """True if the first one may be a number in another notation."""
        return (
            self.kind == "numbers" and self.form == PLAIN and is_like_number(self.first) and not is_infinite(self.first)
        )

    @property
    def are_other_dates(self) -> bool:
        """True if the first one may be a date in another format."""
        return self.kind == "dates" and self.form == PLAIN and is_like_date(self.first)

    def marks(self, notation: Notation, keep_decimal: bool) -> dict[float, str]:
        """Settings that read all the numbers, by the number that the first value is then."""
        if is_word(self.first) or (self.form == PLAIN and not is_like_number(self.first)) or is_infinite(self.first):
            return {}
        text = pl.Series([word for word in self.words if not is_word(word)])
        if self.form != PLAIN:
            return other_marks(text, notation, self.form, keep_decimal)
        if self.sound:  # other values of the column are plain numbers
            return other_marks(text, notation, PLAIN, keep_decimal=True)
        return other_marks(text, notation, None, keep_decimal)

    @property
    def without_mark(self) -> float | None:
        """The first value of a column of quantities, if its points separate thousands."""
        value = Notation(",", ".").read_as(self.form, pl.Series([self.first]))[0]
        return float(value) if value is not None else None

    @property
    def and_missing(self) -> str:
        """The further setting that is needed if there are words among numbers or dates in another notation."""
        words = [word for word in self.words if is_word(word)]
        return f" {as_list('missing', *words)}" if words else ""


def merged(found: Sequence[WrongValues]) -> list[WrongValues]:
    """The wrong values of all blocks, merged for each column."""
    columns = dict[str, WrongValues]()
    for wrong in sorted(found, key=lambda wrong: wrong.line):
        one = columns.setdefault(wrong.name, replace(wrong, words=Counter(), sound=0))
        one.words.update(wrong.words)
        one.sound += wrong.sound
    return list(columns.values())


def refusal(path: Path, columns: Sequence[WrongValues], notation: Notation, keep_decimal: bool = False) -> UserError:
    """The error about all columns that hold words, or about the first with numbers or dates in another notation.

    Args:
        columns: the wrong values of each column.
        notation: in which the file was read.
        keep_decimal: True if other numbers of the file have its decimal mark.
    """
    found = {column.name: column.marks(notation, keep_decimal) for column in columns if column.kind == "numbers"}
    words = [c for c in columns if not (c.are_other_numbers or found.get(c.name) or c.are_other_dates)]
    if words:
        return _error_about_words(path, words)
    column = min(columns, key=lambda column: column.line)
    at = f"{path}, line {column.line}: {column.name}={column.first}:"
    categories = "" if is_target(column.name) else f", or add {as_categories(column.name)}"
    if column.kind == "dates":
        forms = possible_dates(pl.Series(list(column.words))) if not column.sound else []
        settings = [date_format(column.name, form, notation.date_format, notation.formats) for form in forms]
        if settings:
            return UserError(f"{at} add {' or '.join(settings)}{column.and_missing} if these are dates{categories}")
        ignore = f", or add {as_list('ignore', column.name)} to leave it out" if categories else ""
        return UserError(f"{at} write dates as 2015-01-31 (year-month-day){ignore}{categories}")
    marks = found[column.name]
    common = {value: typed for value, typed in marks.items() if all(typed in of.values() for of in found.values())}
    remedies = [
        f"add {typed}{column.and_missing} if this is {value:.15g}" for value, typed in (common or marks).items()
    ]
    if not remedies:
        return UserError(f"{at} is not plainly a number; write {plainly(column.first, notation)}{categories}")
    if column.form != PLAIN and len(marks) == 1 and (other := column.without_mark) not in (None, *marks):
        remedies.append(f"write it without the mark if this is {other:.15g}")
    return UserError(f"{at} is not plainly a number; {', or '.join(remedies)}{categories}")


def other_marks(text: pl.Series, notation: Notation, form: str | None, keep_decimal: bool) -> dict[float, str]:
    """Settings of decimal mark and separator of thousands that read all values, by the number that the first is then.

    Args:
        text: the values, none of them missing.
        notation: the present one.
        form: the format of the column of these values; None to find it anew.
        keep_decimal: True if the decimal mark must stay, as other numbers of the file have it.
    """
    found = dict[float, str]()
    for decimal, thousands in _MARKS:
        if not len(text) or (keep_decimal and decimal != notation.decimal):
            continue
        values = _as_reread(text, Notation(decimal, thousands), form)
        words = [("decimal", decimal, notation.decimal), ("thousands", thousands, notation.thousands)]
        typed = " ".join(setting(f"data.{name}", now) for name, now, before in words if now != before)
        if typed and values.count() == len(text):
            found.setdefault(values[0], typed)
    return found


def _as_reread(text: pl.Series, notation: Notation, form: str | None) -> pl.Series:
    """Numbers as reading the file anew would give them: plain ones, or those of one unit or currency."""
    numbers = notation.numbers(text)
    if form == PLAIN or (form is None and numbers.count() == len(text)):
        return numbers
    form = form or quantity_format(text, notation.numbers)
    return as_quantities_of(form, text, notation.numbers) if form else numbers


def _error_about_words(path: Path, columns: Sequence[WrongValues]) -> UserError:
    first = min(columns, key=lambda column: column.line)
    counts = "; ".join(f"{c.name}: {_counted(c.words)}, and {c.sound} {c.kind}" for c in columns[:_SHOWN])
    more = f"; and {len(columns) - _SHOWN} more columns" if len(columns) > _SHOWN else ""
    words = list(dict.fromkeys(word for column in columns for word in column.words))
    what = f"is text in a column of {first.kind}"
    if is_infinite(first.first):
        what = "must be finite"
    elif first.form != PLAIN:
        what = f"is not written as other values of the column ({first.form})"
    names = [column.name for column in columns if not is_target(column.name)]
    remedies = [f"add {as_list('missing', *words)} if nothing is known there"] if len(words) <= _LISTED else []
    remedies += [f"add {as_categories(*names)}"] if len(names) == len(columns) else []
    remedies += [f"leave out with {as_list('ignore', *names)}"] if len(words) > _LISTED and names else []
    return UserError(
        f"{path}, line {first.line}: {first.name}={first.first}: {what} ({counts}{more}); "
        f"{', or '.join(remedies) or 'correct these values'}"
    )


def _counted(words: Counter[str]) -> str:
    shown = ", ".join(f"{word} in {count}" for word, count in words.most_common(_SHOWN))
    rest = len(words) - _SHOWN
    rows = "row" if len(words) == 1 and words.total() == 1 else "rows"
    return f"{shown} {rows}" + (f" and {rest} other words" if rest > 0 else "")
