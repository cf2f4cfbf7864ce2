"""Formats of dates, times and quantities other than plain numbers and ISO 8601.

A format is a string, so that a checkpoint can keep it: of `strptime` for dates, `quarter` for 1974Q1, `time` for 07:30,
which is read in hours, and `#` for a number with something around it: `# kg`, `$#`, `#%`.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import product

import polars as pl

from leyden.system.errors import UserError

Numbers = Callable[[pl.Series], pl.Series]

QUARTER, TIME = "quarter", "time"
_CURRENCY = "[$€£¥]"
_MINUS = r"[-+\u2212]?"
_UNIT = r"[A-Za-z%‰°µμΩ€$£¥²³/]{0,12}"
_AROUND = re.compile(rf"^{_MINUS}\s*({_CURRENCY}?)\s*{_MINUS}[.,]?\d[\d.,'\u2019 \u00a0\u202f]*?(\s?)({_UNIT})$")
_CLOCK = r"^(\d{1,3}):([0-5]\d)(?::([0-5]\d(?:\.\d+)?))?(?:\s?([AaPp])\.?[Mm]\.?)?$"
_QUARTERS = (r"^(?<year>\d{4})[-/ ]?[Qq](?<quarter>[1-4])$", r"^[Qq](?<quarter>[1-4])[-/ ]?(?<year>\d{4})$")
_YEAR, _DAY, _HOUR = (re.compile(f"%[-_0]?[{codes}]") for codes in ("YyDFcx", "deDFjcx", "HIklTRrcX"))

_DAYS = (
    *("%Y/%m/%d", "%Y.%m.%d", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%m-%d-%Y"),
    *("%d/%m/%y", "%m/%d/%y", "%y/%m/%d", "%d.%m.%y", "%y-%m-%d", "%d-%m-%y", "%m-%d-%y"),
    *("%b %d %Y", "%b %d, %Y", "%d %b %Y", "%d-%b-%Y", "%d/%b/%Y", "%d-%b-%y", "%d %b %y", "%Y %b %d", "%Y-%b-%d"),
    *("%B %d %Y", "%B %d, %Y", "%d %B %Y", "%d. %B %Y", "%d-%B-%Y", "%A, %B %d, %Y", "%a %b %d %Y"),
)
_MONTHS = ("%b %Y", "%b-%Y", "%Y %b", "%Y-%b", "%B %Y", "%Y %B", "%b-%y", "%b %y")
_TIMES = ("", " %H:%M:%S%.f", " %H:%M", " %I:%M:%S %p", " %I:%M %p", "T%H:%M:%S%.f", "T%H:%M")
_SHORT_YEAR = re.compile(r"^(?:\d\d?([-.])\d\d\1\d\d|\d\d?/\d\d?/\d\d)\b")
_DIGITS_FIRST = re.compile(r"^\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}")
_MONTH_NAME = re.compile(r"(?i)(?:^|[^a-z])(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)")


def check_date_format(form: str) -> None:
    """Refuse a format with which no date is read."""
    moment = datetime(2015, 3, 31, 10, 40, 50, tzinfo=UTC)
    text = moment.strftime(_chrono(form).replace("%.f", ""))
    read = as_dates_of(form, pl.Series([text])) if _YEAR.search(form) else pl.Series([None])
    if read[0] is None or str(read[0])[:7] not in ("2015-03", "2015-01"):
        raise UserError(
            f"data.date_format={form}: is no format of dates; write it as strptime has it, such as "
            "data.date_format=%d/%m/%Y for 31/01/2015"
        )


def as_dates_of(form: str, text: pl.Series) -> pl.Series:
    """Text as dates, or dates with times, of a format; null for other text."""
    if form == QUARTER:
        return _quarters(text)
    chrono = _chrono(form)
    if not _DAY.search(chrono):  # a month is its first day
        text, chrono = text + " 1", chrono + " %d"
    if "%z" in chrono or "%Z" in chrono:
        dates = text.str.to_datetime(chrono, time_unit="us", strict=False, time_zone="UTC").dt.replace_time_zone(None)
    elif _HOUR.search(chrono):
        dates = text.str.to_datetime(chrono, time_unit="us", strict=False)
    else:
        dates = text.str.to_date(chrono, strict=False)
    return dates.set(dates.dt.year() < 1000, None)  # 15 is no full year


def as_quantities_of(form: str, text: pl.Series, numbers: Numbers) -> pl.Series:
    """Text as numbers without what is around them, or times in hours; null for other text."""
    if form == TIME:
        return _hours(text)
    before, after = (re.escape(part.strip()) for part in form.split("#"))
    groups = text.str.extract_groups(rf"^([-+\u2212]?)\s*{before}\s*([-+\u2212]?.*?)\s*{after}$")
    sign, number = groups.struct[0], groups.struct[1]
    return numbers((sign.fill_null("") + number).alias(text.name))


def written_in_digits(form: str, table: pl.DataFrame) -> list[str]:
    """Columns of whole numbers most of which are dates of a format of digits only, such as 20150131."""
    width, names = len(datetime(2015, 1, 1, tzinfo=UTC).strftime(form)), list[str]()
    for column in table:
        if column.dtype.is_float() and column.count() and not (column % 1 != 0).any():
            digits = column.drop_nulls().cast(pl.Int64, strict=False).cast(pl.String).str.zfill(width)
            if as_dates_of(form, digits).count() > len(digits) / 2:  # large numbers of 32 bits are rounded
                names.append(column.name)
    return names


def is_certain(form: str) -> bool:
    """True if a format in which all of a column can be read must be the right one, as it shows the year."""
    return "%y" not in form or ("%b" in form.lower() and "%d" in form)


def is_of_dates(form: str) -> bool:
    return form == QUARTER or ("%" in form and "#" not in form)


def quantity_format(some: pl.Series, numbers: Numbers) -> str | None:
    """The format of most values, if it is a time or a number with a unit; None otherwise."""
    if _hours(some).count() > len(some) / 2:
        return TIME
    found = [match for text in some if (match := _AROUND.match(text)) and (match[1] or match[3])]
    if len(found) <= len(some) / 2:
        return None
    forms = [f"{match[1]}#{match[2] and ' '}{match[3]}" for match in found]
    form = max(dict.fromkeys(forms), key=forms.count)
    return form if as_quantities_of(form, some, numbers).count() > len(some) / 2 else None


def date_formats(some: pl.Series, share: float = 1.0) -> list[str]:
    """Date formats in which at least a share of some values can be read."""
    needed = max(share * len(some), 1)
    if _quarters(some).count() >= needed:
        return [QUARTER]
    if some.str.contains(r"^\d{4}-(?:0[1-9]|1[0-2])$").sum() >= needed:
        return ["%Y-%m"]
    names = sum(bool(_MONTH_NAME.search(text)) for text in some)
    digits = sum(bool(_DIGITS_FIRST.match(text)) for text in some)
    if max(names, digits) < needed:
        return []
    short = names >= digits or all(map(_SHORT_YEAR.match, some))  # 1.2.3 is a version
    days = [
        form
        for form in (*_DAYS, *_MONTHS)
        if ("b" in form.lower()) == (names >= digits) and (short or "%y" not in form)
    ]
    found = dict[tuple[object, ...], str]()
    for form, time in product(days, _TIMES):
        if time and form in _MONTHS:
            continue
        dates = as_dates_of(form + time, some)
        if dates.count() >= needed:
            found.setdefault(tuple(dates), form + time)  # %b and %B read the same
    return list(found.values())


def _chrono(form: str) -> str:
    """A format of Python in the notation of polars: fractions of a second, and names of months of any length."""
    return re.sub(r"\.%f", "%.f", form).replace("%b", "%B").replace("%a", "%A")


def _quarters(text: pl.Series) -> pl.Series:
    dates = pl.Series(text.name, [None] * len(text), dtype=pl.Date)
    for pattern in _QUARTERS:
        parts = text.str.extract_groups(pattern)
        month = parts.struct.field("quarter").cast(pl.Int32) * 3 - 2
        day = parts.struct.field("year") + "-" + month.cast(pl.String) + "-1"
        dates = dates.zip_with(dates.is_not_null(), day.str.to_date("%Y-%m-%d", strict=False))
    return dates


def _hours(text: pl.Series) -> pl.Series:
    parts = text.str.extract_groups(_CLOCK).struct
    hour, minute = parts[0].cast(pl.Float64), parts[1].cast(pl.Float64)
    second = parts[2].cast(pl.Float64).fill_null(0.0)
    half = parts[3].str.to_lowercase()
    wrong = half.is_not_null() & ((hour > 12) | (hour < 1))
    hour = (
        (hour % 12 + 12 * (half == "p").cast(pl.Float64)).zip_with(half.is_not_null(), hour) if half.count() else hour
    )
    return (hour + minute / 60 + second / 3600).set(wrong.fill_null(False), None).alias(text.name)
