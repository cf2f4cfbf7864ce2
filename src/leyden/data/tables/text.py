"""What a column of text holds: numbers, dates, or names; and what is no plain number or date, but meant as one."""

import re

import polars as pl

MISSING = ("", "NA", "N/A", "NaN", "nan", "-nan", "null", "None", "?")  # what stands for a value that is not there
MOSTLY = 0.9  # of a column: if so many are numbers, the others are mistakes and not categories
_SAMPLE = 1000

_SIGN = r"[-+]?\s*[$€£¥]?\s*[-+]?"
_GAP = "[.,'\u2019 \u00a0\u202f]"
_DIGITS = rf"(?:\d{{1,3}}(?:{_GAP}\d{{3}})+|\d+)(?:[.,]\d*)?"
_LIKE_NUMBERS = rf"^{_SIGN}(?:{_DIGITS}|[.,]\d+)\s*[%$€£¥]?$"
_LIKE_DATES = r"^(?:\d{1,2}[/.-]\d{1,2}[/.-]\d{4}|\d{1,2}/\d{1,2}/\d{2}|\d{4}[/.]\d{1,2}[/.]\d{1,2})(?:$|[T ]\d)"
_TIMES = ("%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M")


def as_numbers(text: pl.Series) -> pl.Series:
    """Null where it is something else."""
    return text.cast(pl.Float64, strict=False).fill_nan(None)


def as_dates(text: pl.Series) -> pl.Series:
    """Dates and times as ISO 8601 writes them, those of a time zone in UTC; null where it is something else."""
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


def kind_of_text(column: pl.Series) -> tuple[str, pl.Series]:
    """What nearly all of a column holds (numbers, dates or text), and the column as such.

    Each kind is tried on some of the values first, for to try it on millions takes seconds.
    """
    some = _some(column)
    for kind, convert in (("numbers", as_numbers), ("dates", as_dates)):
        if convert(some).count() > len(some) // 2:  # what holds for 0.9 of all is never so rare
            values = convert(column)
            if values.count() >= MOSTLY * column.count():
                return kind, values
    return "text", column


def lookalike(column: pl.Series) -> tuple[str, pl.Series]:
    """What a column of text is meant to hold (numbers, dates or text), and its values that are not written so."""
    some = _some(column)
    for kind, pattern in (("dates", _LIKE_DATES), ("numbers", _LIKE_NUMBERS)):
        if some.str.contains(pattern).sum() >= MOSTLY * len(some):
            return kind, column.filter(column.str.contains(pattern) & as_numbers(column).is_null())
    return "text", column.clear()


def is_infinite(value: str) -> bool:
    return bool(as_numbers(pl.Series([value])).is_infinite().any())


def is_like_date(value: str) -> bool:
    """Whether this may be a date that is not written as ISO 8601 has it."""
    return re.search(_LIKE_DATES, value) is not None


def plainly(value: str) -> str | None:
    """How to write a number that stands there with a comma, blanks, a currency or the like; None if it is none."""
    if not re.search(_LIKE_NUMBERS, value):
        return None
    digits = re.sub(r"[^-+.,\d]", "", value)
    whole, mark, end = digits.rpartition(max(",.", key=digits.rfind))
    if not mark or digits.count(mark) > 1:
        return re.sub(r"[.,]", "", digits)
    if mark == "," and len(end) == 3 and "." not in whole and whole.strip("-+"):
        return f"{whole}{end} or {whole}.{end}"
    return re.sub(r"[.,]", "", whole) + "." * bool(end) + end


def _of_full_years(dates: pl.Series) -> pl.Series:
    """Without those such as 20-01-05, which may be any of day, month and year."""
    return dates.set(dates.dt.year() < 1000, None)


def _some(column: pl.Series) -> pl.Series:
    values = column.drop_nulls()
    return values.sample(min(len(values), _SAMPLE), seed=0)
