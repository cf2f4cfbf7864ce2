"""How the values of a table are written: the settings of a user, and what was found in the training file."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from leyden.data.tables.missing import BEFORE, MISSING
from leyden.data.tables.value_formats import as_dates_of, as_quantities_of, check_date_format, is_of_dates
from leyden.system.errors import UserError

PLAIN = "plain"  # the format of numbers and of dates of ISO 8601
_BLANKS = "".join(map(chr, [*range(33), 0x7F, 0x85, 0xA0, *range(0x2000, 0x2010), 0x202F, 0x205F, 0x3000, 0xFEFF]))
_GAPS = {" ": "[ \u00a0\u2009\u202f]", "'": "['\u2019]"}


@dataclass
class Notation:
    """What numbers, dates and missing values look like.

    Attributes:
        decimal: the decimal mark.
        thousands: what separates groups of three digits; None for nothing.
        date_format: of dates that are not written as ISO 8601, or one for each column.
        missing: words that stand for a missing value, beside the usual ones.
        usual: the usual ones.
        formats: of columns that are known to hold numbers or dates; those that are found in a file are added.
        wide: columns of numbers that are stored in 64 bits, all others in 32; None to decide by their values.
        unread: columns of text that seem to hold numbers or dates, with an example and what to say of each.
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
            why = "the decimal mark and what separates thousands must differ"
            raise UserError(f"data.decimal={self.decimal} data.thousands={self.thousands}: {why}")
        of_columns = self.date_format if isinstance(self.date_format, Mapping) else {}
        for form in of_columns.values() if of_columns else [self.date_format]:
            if form:
                check_date_format(str(form))
        self.formats |= of_columns

    @property
    def words(self) -> list[str]:
        """All that stand for a missing value."""
        return [*self.usual, *self.missing]

    @property
    def is_plain(self) -> bool:
        """Whether numbers are written as in program code."""
        return self.decimal == "." and self.thousands is None

    def kept(self) -> dict[str, Any]:
        """What a checkpoint must know to read further files; formats are kept with the columns."""
        return {
            "missing": list(self.missing),
            "usual": list(self.usual),
            "decimal": self.decimal,
            "thousands": self.thousands,
        }

    def numbers(self, text: pl.Series) -> pl.Series:
        """Null where it is something else."""
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
        """Numbers or dates of a format; null where it is something else."""
        return as_dates_of(form, text) if is_of_dates(form) else as_quantities_of(form, text, self.numbers)

    def without_missing(self, text: pl.Series) -> pl.Series:
        """Text without blanks around it, null where it stands for a missing value."""
        text = text.str.strip_chars(_BLANKS)
        return text.set(text.is_in(self.words), None)


def notation_of(columns: Mapping[str, Any]) -> Notation:
    """How the file was read that a network was trained on, from what its checkpoint keeps of the columns."""
    formats = {
        column["name"]: column.get("format", PLAIN) for column in columns["features"] if column["kind"] != "category"
    }
    return Notation(
        decimal=columns.get("decimal", "."),
        thousands=columns.get("thousands"),
        missing=columns["missing"],
        usual=columns.get("usual", BEFORE),
        formats=formats,
        wide=_wide_of(columns),
    )


def _wide_of(columns: Mapping[str, Any]) -> frozenset[str] | None:
    """The columns that a network knows in 64 bits; None for a checkpoint that does not say."""
    if "wide_targets" not in columns:
        return None
    wide = [column["name"] for column in columns["features"] if column.get("narrow") is False]
    return frozenset([*wide, *columns["wide_targets"]])
