"""Inference of what a column of text holds: numbers, dates or categories, also in a notation that is not read."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import polars as pl

from leyden.data.tables.notation import PLAIN, Notation
from leyden.data.tables.value_formats import as_dates_of, date_formats, is_certain, is_of_dates, quantity_format

Kind = Literal["numbers", "dates", "text"]

MOSTLY = 0.9  # of a column: if so many are numbers, the others are mistakes and not categories
FEW = 10  # different words among numbers that may stand for missing values
_RARE = 0.05  # of a sample: numbers that are not looked for in the whole column
_SAMPLE = 1000

_SIGN = r"[-+]?\s*[$€£¥]?\s*[-+]?"
_GAP = "[.,'\u2019 \u00a0\u202f]"
_DIGITS = rf"(?:\d{{1,3}}(?:{_GAP}\d{{3}})+|\d+)(?:[.,]\d*)?"
_LIKE_NUMBERS = rf"^{_SIGN}(?:{_DIGITS}|[.,]\d+)\s*[%$€£¥]?$"
_LIKE_DATES = r"^(?:\d{1,2}[/.-]\d{1,2}[/.-]\d{4}|\d{1,2}/\d{1,2}/\d{2}|\d{4}[/.]\d{1,2}[/.]\d{1,2})(?:$|[T ]\d)"
_ONE = r"[-+\u2212]?(?:\d[\d.,'\u2019]*|[.,]\d+)"
_BESIDE = (  # numbers with something beside them: bounds, losses, ranges, units, remarks
    rf"[<>≤≥~≈±=]+\s*{_ONE}.*",
    rf"\(\s*[$€£¥]?\s*{_ONE}\s*\)",
    rf"{_ONE}\s*(?:-|\u2013|\.\.|to)\s*{_ONE}",
    rf"{_ONE}\s*(?:[+*<>†‡?]+|\(.*\)|\[.*\]|±.*|[A-Za-z%°µμ]+[²³]?)",
)
_WITH_NUMBERS = rf"^(?:{'|'.join(_BESIDE)})$"
_INNER = r"\d[.,'\u2019\s\u00a0\u202f]\d"  # a mark between digits
_POINT = r"\d\.|\.\d"
_GROUPS = r"(?:^|[^\d.,])[1-9]\d{0,2}(?:\.\d{3})+(?:,\d*)?(?:$|[^\d.,])"  # whose points may separate thousands
_DIGIT = r"^[^#]*\d"  # but no error of a spreadsheet, such as #DIV/0!
_TIMES = ("%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M")


@dataclass(frozen=True)
class Reading:
    """A column of text, read as what it holds.

    Attributes:
        kind: numbers, dates or text.
        values: the column as such, null for other values.
        form: the format of the values.
        wrong: the values in another format.
    """

    kind: Kind
    values: pl.Series
    form: str
    wrong: pl.Series


def as_numbers(text: pl.Series) -> pl.Series:
    """Text as numbers, null for other text."""
    return text.cast(pl.Float64, strict=False).fill_nan(None)


def as_dates(text: pl.Series) -> pl.Series:
    """Text as dates and times of ISO 8601, those of a time zone in UTC; null for other text."""
    dates = text.str.to_date("%Y-%m-%d", strict=False)
    if dates.null_count() == text.null_count():
        return _of_full_years(dates)
    dates = dates.cast(pl.Datetime("us"))
    text = text.str.replace(r" ?(?:Z|UTC)$", "+0000").str.replace("T", " ").str.replace(r" ?([-+]\d\d)$", "${1}00")
    for form in (time + zone for zone in ("", "%z") for time in _TIMES):
        if dates.null_count() > text.null_count():
            times = text.str.to_datetime(form, time_unit="us", strict=False).dt.replace_time_zone(None)
            dates = dates.zip_with(dates.is_not_null(), times)
    return _of_full_years(dates)


def read_text(column: pl.Series, notation: Notation) -> Reading:
    """A column read as what all its values are, except a few words; as text if they are several things.

    A known format is kept. Otherwise each kind is tried on a sample first, because trying it on millions takes seconds.

    Args:
        column: without blanks around the values, null if one is missing.
    """
    known = notation.formats.get(column.name)
    if known not in (None, PLAIN):
        values = notation.read_as(known, column)
        return Reading("dates" if is_of_dates(known) else "numbers", values, known, _wrong(column, values))
    some = _some(column)
    for kind, form, convert in _candidates(some, notation, guess=known is None):
        if convert(some).count() > _RARE * len(some):
            values = convert(column)
            wrong = _wrong(column, values)
            if _is_meant(values, wrong):
                if "#" in form:
                    wrong = _unclear(column, wrong, notation)
                return Reading(kind, values, form, wrong)
    return Reading("text", column, PLAIN, column.clear())


def lookalike(column: pl.Series, notation: Notation) -> tuple[Kind, pl.Series]:
    """Kind of a column of text (numbers, dates or text), if it may be in another notation.

    Returns:
        The kind, and the values: first those that look like it, then words without a digit.
    """
    some, words = _with_digits(_some(column)), column.filter(~column.str.contains(_DIGIT)).drop_nulls()
    if 2 * len(words) >= column.count() or words.n_unique() > FEW:
        return "text", column.clear()
    kinds: tuple[tuple[Kind, str], ...] = (("dates", _LIKE_DATES), ("numbers", _LIKE_NUMBERS))
    for kind, pattern in kinds:
        if some.str.contains(pattern).sum() >= MOSTLY * len(some):
            like = column.filter(column.str.contains(pattern))
            order = notation.numbers(like).is_not_null().cast(pl.Int8) * 2 + (~like.str.contains(_INNER)).cast(pl.Int8)
            return kind, pl.concat([*(like.filter(order == place) for place in range(4)), words])
    return "text", column.clear()


def possible_dates(column: pl.Series) -> list[str]:
    """Date formats in which every value with a digit can be read."""
    values = _with_digits(column)
    if 2 * len(values) <= column.count():
        return []
    forms = date_formats(_some(values))
    return forms if not forms else [form for form in forms if as_dates_of(form, values).count() == len(values)]


def with_numbers(column: pl.Series) -> str | None:
    """An example of the values of a column, if nearly all are numbers with something beside them; None otherwise."""
    some = _some(column)
    digits = _with_digits(some)
    beside = digits.str.contains(_WITH_NUMBERS)
    if 2 * len(digits) <= len(some) or not beside.any():
        return None
    if (beside | digits.str.contains(_LIKE_NUMBERS) | as_numbers(digits).is_not_null()).sum() < MOSTLY * len(digits):
        return None
    return str(digits.filter(beside)[0])


def is_infinite(value: str) -> bool:
    return bool(as_numbers(pl.Series([value])).is_infinite().any())


def is_word(value: str) -> bool:
    """True if a value is neither a number nor a date in any notation."""
    return re.search(_DIGIT, value) is None


def is_like_number(value: str) -> bool:
    """True if a value may be a number with a comma, blanks, a currency or the like."""
    return re.search(_LIKE_NUMBERS, value) is not None


def is_like_date(value: str) -> bool:
    """True if a value may be a date that is not of ISO 8601."""
    return re.search(_LIKE_DATES, value) is not None


def plainly(value: str, notation: Notation) -> str | None:
    """Plain notation of a number with other marks, blanks, a currency or the like; None for other values."""
    if not is_like_number(value):
        return None
    bare = re.sub(r"[$€£¥%\s]", "", value)
    if notation.numbers(pl.Series([bare]))[0] is not None:  # except for a currency or a percent sign
        return bare.replace(notation.thousands or "", "")
    digits, point = re.sub(r"[^-+.,\d]", "", value), notation.decimal
    whole, mark, end = digits.rpartition(max(",.", key=digits.rfind))
    if not mark or digits.count(mark) > 1:
        return re.sub(r"[.,]", "", digits)
    if mark != point and len(end) == 3 and not re.search("[.,]", whole) and whole.strip("-+"):
        return f"{whole}{end} or {whole}{point}{end}"
    return re.sub(r"[.,]", "", whole) + point * bool(end) + end


def _candidates(
    some: pl.Series, notation: Notation, guess: bool
) -> Iterator[tuple[Kind, str, Callable[[pl.Series], pl.Series]]]:
    """Kinds, formats and conversions to try, plain ones first."""
    yield "numbers", PLAIN, notation.numbers
    yield "dates", PLAIN, as_dates
    if not guess:
        return
    if isinstance(notation.date_format, str):
        form = notation.date_format
        yield "dates", form, lambda text: notation.read_as(form, text)
    digits = _with_digits(some)
    if len(digits) <= len(some) / 2:
        return
    quantity = quantity_format(digits, notation.numbers)
    if quantity:
        yield "numbers", quantity, lambda text: notation.read_as(quantity, text)
    forms = date_formats(digits)
    if len(forms) == 1 and is_certain(forms[0]):
        yield "dates", forms[0], lambda text: notation.read_as(forms[0], text)


def _wrong(column: pl.Series, values: pl.Series) -> pl.Series:
    sound = values.is_finite() if values.dtype.is_float() else values.is_not_null()
    return column.filter(column.is_not_null() & ~sound.fill_null(False))


def _unclear(column: pl.Series, wrong: pl.Series, notation: Notation) -> pl.Series:
    """Values of a column of quantities that cannot be read, numbers first.

    Among them are those such as 1.036 € if neither a value nor a setting shows if points separate thousands.
    """
    pointed = column.str.contains(_POINT).fill_null(False)
    if notation.is_plain and pointed.any() and column.filter(pointed).str.contains(_GROUPS).all():
        wrong = column.filter(pointed | column.is_in(wrong.to_list()).fill_null(False))
    digits = wrong.str.contains(_DIGIT)
    return pl.concat([wrong.filter(digits), wrong.filter(~digits)])


def _is_meant(values: pl.Series, wrong: pl.Series) -> bool:
    """True if a column holds such values throughout: nearly all are, or all except a few words."""
    count = values.count()
    if count >= MOSTLY * (count + len(wrong)):
        return True
    words = wrong.unique()
    if len(words) > FEW or words.str.contains(_DIGIT).any():
        return False
    return count > len(wrong) or (len(words) <= FEW // 2 and values.n_unique() > FEW)


def _of_full_years(dates: pl.Series) -> pl.Series:
    """Dates without those such as 20-01-05, in which any number may be the year."""
    return dates.set(dates.dt.year() < 1000, None)


def _with_digits(column: pl.Series) -> pl.Series:
    """Values that may be numbers or dates; others in the column may stand for missing ones."""
    return column.filter(column.str.contains(_DIGIT))


def _some(column: pl.Series) -> pl.Series:
    values = column.drop_nulls()
    return values.sample(min(len(values), _SAMPLE), seed=0)
