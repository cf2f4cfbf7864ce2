"""Notation of the values of a table: by the settings of a user, and as found in the training file."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl

from leyden.data.tables.value_formats import as_dates_of, as_quantities_of, check_date_format, is_of_dates
from leyden.system.errors import UserError

PLAIN = "plain"  # the format of numbers and of dates of ISO 8601
_BLANKS = "".join(map(chr, [*range(33), 0x7F, 0x85, 0xA0, *range(0x2000, 0x2010), 0x202F, 0x205F, 0x3000, 0xFEFF]))
_GAPS = {" ": "[ \u00a0\u2009\u202f]", "'": "['\u2019]"}

_OLD_MISSING = ("", "NA", "N/A", "NaN", "nan", "-nan", "null", "None", "?")  # of checkpoints that do not list theirs
MISSING = (  # the default of pandas.read_csv, and ?
    *("", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A", "NA"),
    *("NULL", "NaN", "None", "n/a", "nan", "null", "?"),
)
_YAML = {None: ("null", "NULL", "Null", "~"), True: ("true", "True", "TRUE"), False: ("false", "False", "FALSE")}
MissingWord = str | float | bool | None

_SAMPLE = 2048  # numbers, evenly spaced
_LARGER = 1000  # times the spread: 32 bits, a precision of 6e-8, then keep 6e-5 of the spread


@dataclass
class Notation:
    """Notation of numbers, dates and missing values.

    Attributes:
        decimal: the decimal mark.
        thousands: the separator of groups of three digits, if any.
        date_format: of dates that are not written as ISO 8601, or one for each column.
        missing: words that stand for a missing value, in addition to the usual ones.
        usual: the usual ones.
        formats: of columns that are known to hold numbers or dates; those found in a file are added.
        wide: columns of numbers that are stored in 64 bits, all others in 32; None to decide by their values.
        unread: columns of text that seem to hold numbers or dates, with an example and a message for each.
    """

    decimal: str = "."
    thousands: str | None = None
    date_format: str | Mapping[str, str] | None = None
    missing: Sequence[str] = ()
    usual: Sequence[str] = MISSING
    formats: dict[str, str] = field(default_factory=dict)
    wide: frozenset[str] | None = None
    unread: dict[str, tuple[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, mark in (("decimal", self.decimal), ("thousands", self.thousands)):
            if mark is not None and (len(mark) != 1 or mark.isalnum() or mark in '-+"'):
                raise UserError(f"data.{name}={mark}: must be one sign, as in 'data.{name}=\",\"'")
        if self.decimal == self.thousands:
            why = "the decimal mark and the separator of thousands must differ"
            raise UserError(f"data.decimal={self.decimal} data.thousands={self.thousands}: {why}")
        of_columns = self.date_format if isinstance(self.date_format, Mapping) else {}
        for form in of_columns.values() if of_columns else [self.date_format]:
            if form:
                check_date_format(str(form))
        self.formats |= of_columns

    @classmethod
    def of_training(cls, columns: Mapping[str, Any]) -> "Notation":
        """The notation of the file that a network was trained on, from `DataSpec.columns`."""
        features = columns["features"]
        wide = [column["name"] for column in features if column.get("narrow") is False]
        return cls(
            decimal=columns.get("decimal", "."),
            thousands=columns.get("thousands"),
            missing=columns["missing"],
            usual=columns.get("usual", _OLD_MISSING),
            formats={
                column["name"]: column.get("format", PLAIN) for column in features if column["kind"] != "category"
            },
            wide=frozenset([*wide, *columns["wide_targets"]]) if "wide_targets" in columns else None,
        )

    def recorded(self) -> dict[str, Any]:
        """The values that `of_training` needs in a checkpoint beside those of the columns."""
        return {
            "missing": list(self.missing),
            "usual": list(self.usual),
            "decimal": self.decimal,
            "thousands": self.thousands,
        }

    @property
    def words(self) -> list[str]:
        """All words that stand for a missing value."""
        return [*self.usual, *self.missing]

    @property
    def missing_numbers(self) -> list[float]:
        """The numbers among the words that stand for a missing value."""
        return (
            pl.Series(self.missing, dtype=pl.String)
            .cast(pl.Float64, strict=False)
            .fill_nan(None)
            .drop_nulls()
            .to_list()
        )

    @property
    def is_plain(self) -> bool:
        """True if numbers are written as in program code."""
        return self.decimal == "." and self.thousands is None

    def numbers(self, text: pl.Series) -> pl.Series:
        """Text as numbers, null for other text."""
        text = text.str.replace_all("\u2212", "-", literal=True)  # of typography
        if not self.is_plain:
            point, gap = re.escape(self.decimal), _GAPS.get(self.thousands or "", re.escape(self.thousands or ""))
            digits = rf"(?:\d{{1,3}}(?:{gap}\d{{3}})+|\d+)" if gap else r"\d+"
            pattern = rf"^[-+]?(?:{digits}(?:{point}\d*)?|{point}\d+)(?:[eE][-+]?\d+)?$"
            text = text.set(~text.str.contains(pattern), None)
            text = text.str.replace_all(gap, "") if gap else text
            text = text.str.replace(self.decimal, ".", literal=True)
        return text.cast(pl.Float64, strict=False).fill_nan(None)

    def read_as(self, form: str, text: pl.Series) -> pl.Series:
        """Text as numbers or dates of a format, null for other text."""
        return as_dates_of(form, text) if is_of_dates(form) else as_quantities_of(form, text, self.numbers)

    def without_missing(self, text: pl.Series) -> pl.Series:
        """Text without blanks around it, null if it stands for a missing value."""
        text = text.str.strip_chars(_BLANKS)
        return text.set(text.is_in(self.words), None)


def spelled(setting: Sequence[MissingWord] | MissingWord) -> list[str]:
    """The words of `data.missing`, a list or a single word, as they are spelled in a file.

    YAML reads some words as values: `NULL` as null, `true` as a boolean, `-999.0` and `nan` as numbers. Each stands for
    all its spellings.
    """
    words = [] if setting is None else [setting] if isinstance(setting, str | float | int) else setting
    return list(dict.fromkeys(spelling for word in words for spelling in _spellings(word)))


def are_narrow(numbers: pl.Series) -> bool:
    """True if 32 bits distinguish numbers of 64 bits, null if missing, well enough to learn from them.

    They do if most numbers are at most a thousand times as large as their spread, the distance of their quartiles: a
    few outliers, and so another row in a file, change nothing. They also do if no number is rounded.
    """
    some = numbers.gather_every(max(1, len(numbers) // _SAMPLE)).drop_nulls().to_numpy()
    if not len(some):
        return True
    low, high = np.quantile(some, [0.25, 0.75])
    if max(abs(low), abs(high)) <= _LARGER * (high - low):
        return True
    with np.errstate(over="ignore"):
        return bool((numbers.cast(pl.Float32).cast(pl.Float64) == numbers).all())


def _spellings(word: MissingWord) -> Sequence[str]:
    if word is None or isinstance(word, bool):
        return _YAML[word]
    if isinstance(word, str):
        return [word.strip()]
    text = str(word)  # of a float, inf and nan too
    if text.strip("-").isalpha():
        return [text, text.upper(), text.replace("inf", "Inf").replace("nan", "NaN")]
    return [text, str(int(word)), f"{int(word)}.0"] if float(word).is_integer() else [text]
