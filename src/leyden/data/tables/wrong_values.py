"""Values that are not what their column holds: one message for all, with the settings that read them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from leyden.data.tables.marks import other_marks
from leyden.data.tables.notation import PLAIN, Notation
from leyden.data.tables.remedies import as_list, date_format, is_target
from leyden.data.tables.type_inference import (
    is_infinite,
    is_like_date,
    is_like_number,
    is_word,
    plainly,
    possible_dates,
)
from leyden.system.errors import UserError

_SHOWN, _LISTED = 5, 20  # words in a message, and in a setting


@dataclass
class Odd:
    """What stands in a column beside what it holds.

    Attributes:
        line: of the file, on which the first stands.
        kind: numbers or dates.
        words: how often each stands there.
        sound: how many values are as they should be.
        form: in which they are written.
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


def merged(found: Sequence[Odd]) -> list[Odd]:
    """One for each column, from those of all blocks."""
    columns = dict[str, Odd]()
    for odd in sorted(found, key=lambda odd: odd.line):
        one = columns.setdefault(odd.name, replace(odd, words=Counter(), sound=0))
        one.words.update(odd.words)
        one.sound += odd.sound
    return list(columns.values())


def refusal(path: Path, odds: Sequence[Odd], notation: Notation, keep_decimal: bool = False) -> UserError:
    """The error about all columns that hold words, or about the first with numbers or dates in another notation.

    Args:
        path: of the file, to name it.
        odds: one for each column.
        notation: in which the file was read.
        keep_decimal: whether other numbers of the file have its decimal mark.
    """
    found = {odd.name: _marks(odd, notation, keep_decimal) for odd in odds if odd.kind == "numbers"}
    words = [odd for odd in odds if not (_are_other_numbers(odd) or found.get(odd.name) or _are_other_dates(odd))]
    if words:
        return _words(path, words)
    odd = min(odds, key=lambda odd: odd.line)
    at = f"{path}, line {odd.line}: {odd.name}={odd.first}:"
    categories = "" if is_target(odd.name) else f", or add {as_categories(odd.name)}"
    if odd.kind == "dates":
        forms = possible_dates(pl.Series(list(odd.words))) if not odd.sound else []
        settings = [date_format(odd.name, form, notation.date_format, notation.formats) for form in forms]
        if settings:
            typed = " or ".join(settings) + _and_missing(odd)
            return UserError(f"{at} add {typed} if these are dates{categories}")
        ignore = f", or add {as_list('ignore', odd.name)} to leave it out" if categories else ""
        return UserError(f"{at} write dates as 2015-01-31 (year-month-day){ignore}{categories}")
    marks = found[odd.name]
    common = {value: typed for value, typed in marks.items() if all(typed in of.values() for of in found.values())}
    remedies = [f"add {typed}{_and_missing(odd)} if this is {value:.15g}" for value, typed in (common or marks).items()]
    if not remedies:
        return UserError(f"{at} is not plainly a number; write {plainly(odd.first, notation)}{categories}")
    if odd.form != PLAIN and len(marks) == 1 and (other := _other_value(odd)) not in (None, *marks):
        remedies.append(f"write it without the mark if this is {other:.15g}")
    return UserError(f"{at} is not plainly a number; {', or '.join(remedies)}{categories}")


def as_categories(*names: str) -> str:
    """The setting that makes categories of columns, and when to use it."""
    return f"{as_list('categorical', *names)} if these are categories"


def _words(path: Path, odds: Sequence[Odd]) -> UserError:
    first = min(odds, key=lambda odd: odd.line)
    at = f"{path}, line {first.line}: {first.name}={first.first}:"
    counts = "; ".join(f"{odd.name}: {_counted(odd.words)}, and {odd.sound} {odd.kind}" for odd in odds[:_SHOWN])
    more = f"; and {len(odds) - _SHOWN} more columns" if len(odds) > _SHOWN else ""
    words = list(dict.fromkeys(word for odd in odds for word in odd.words))
    what = f"is text in a column of {first.kind}"
    if is_infinite(first.first):
        what = "must be finite"
    elif first.form != PLAIN:
        what = f"is not written as other values of the column ({first.form})"
    names = [odd.name for odd in odds if not is_target(odd.name)]
    remedies = [f"add {as_list('missing', *words)} if nothing is known there"] if len(words) <= _LISTED else []
    remedies += [f"add {as_categories(*names)}"] if len(names) == len(odds) else []
    remedies += [f"leave out with {as_list('ignore', *names)}"] if len(words) > _LISTED and names else []
    return UserError(f"{at} {what} ({counts}{more}); {', or '.join(remedies) or 'correct these values'}")


def _counted(words: Counter[str]) -> str:
    shown = ", ".join(f"{word} in {count}" for word, count in words.most_common(_SHOWN))
    rest = len(words) - _SHOWN
    rows = "row" if len(words) == 1 and words.total() == 1 else "rows"
    return f"{shown} {rows}" + (f" and {rest} other words" if rest > 0 else "")


def _are_other_numbers(odd: Odd) -> bool:
    return odd.kind == "numbers" and odd.form == PLAIN and is_like_number(odd.first) and not is_infinite(odd.first)


def _are_other_dates(odd: Odd) -> bool:
    return odd.kind == "dates" and odd.form == PLAIN and is_like_date(odd.first)


def _marks(odd: Odd, notation: Notation, keep_decimal: bool) -> dict[float, str]:
    """What to add so that all the numbers of a column are read, by the number that the first is then."""
    if is_word(odd.first) or (odd.form == PLAIN and not is_like_number(odd.first)) or is_infinite(odd.first):
        return {}
    text = pl.Series([word for word in odd.words if not is_word(word)])
    if odd.form != PLAIN:
        return other_marks(text, notation, odd.form, keep_decimal)
    form, keep_decimal = (PLAIN, True) if odd.sound else (None, keep_decimal)  # others of the column are plain
    return other_marks(text, notation, form, keep_decimal)


def _other_value(odd: Odd) -> float | None:
    """The first value of a column of quantities, if its dots separate thousands."""
    value = Notation(",", ".").read_as(odd.form, pl.Series([odd.first]))[0]
    return float(value) if value is not None else None


def _and_missing(odd: Odd) -> str:
    """The setting that is needed, too, where words stand among numbers or dates in another notation."""
    words = [word for word in odd.words if is_word(word)]
    return f" {as_list('missing', *words)}" if words else ""
