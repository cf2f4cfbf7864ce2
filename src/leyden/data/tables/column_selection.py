"""Selection of the columns to learn from, by their values in the training rows."""

import logging
from collections.abc import Collection, Sequence
from pathlib import Path

import polars as pl

from leyden.data.abbreviated import listed
from leyden.data.tables.remedies import as_list
from leyden.system.errors import UserError
from leyden.system.override_text import setting

log = logging.getLogger(__name__)
_OWN, _MANY = 0.9, 0.5  # of the training rows: different values of text
_ROWS = 10  # fewer are not judged
_SENTINELS = frozenset(sign * int(digit * n) for sign in (-1, 1) for digit in "89" for n in (2, 3, 4, 5, 6))


class ColumnSelection:
    """Selection of the columns of a table, and the messages about the others.

    Args:
        max_categories: of a column of text; more are refused.
        wanted: columns that a user has named, which are used even if each row has a value of its own.
    """

    def __init__(self, path: Path, max_categories: int, wanted: Collection[str]) -> None:
        self.path, self.max_categories, self.wanted = path, max_categories, wanted
        self.empty, self.constant, self.own = list[str](), list[str](), list[str]()
        self.many, self.refused, self.used = list[str](), dict[str, pl.Series](), 0
        self.alike, self.far = list[str](), dict[str, float]()

    def takes(self, seen: pl.Series) -> bool:
        """True if a column with these values in the training rows is used."""
        values = seen.drop_nulls()
        different = values.n_unique()
        if not different:
            self.empty.append(seen.name)
        elif different == 1 and len(seen) > 1 and not seen.null_count():
            self.constant.append(seen.name)
        elif seen.dtype == pl.String:
            return self._takes_text(values, different)
        else:
            self._find_sentinels(values)
            self.used += 1
            return True
        return False

    def close(self) -> None:
        """Log the columns that are left out.

        Raises:
            UserError: columns have too many categories, or none is left.
        """
        if self.refused:
            columns = listed(
                [f"{name} ({len(found)} different values, such as {found[0]})" for name, found in self.refused.items()]
            )
            most = max(map(len, self.refused.values()))
            raise UserError(
                f"{self.path}: column{'s' * (len(self.refused) > 1)} {columns}: too many categories; leave out with "
                f"{as_list('ignore', *self.refused)}, or add {setting('data.max_categories', most)}"
            )
        keep = f"{as_list('categorical', *self.own)} keeps it, as far as data.max_categories allows"
        if not self.used:
            why = f"the training rows have only one value of {listed([*self.constant, *self.empty])}"
            if self.own:
                why = f"nearly every training row has its own value of {listed(self.own)}; {keep}"
            raise UserError(f"{self.path}: no column is left to predict from; {why}")
        for names, why in (
            (self.empty, "no value in the training rows"),
            (self.constant, "the same value in every training row"),
            (self.own, f"text, and nearly every training row has its own value ({keep})"),
        ):
            if names:
                log.warning("%s: left out, %s: %s", self.path, why, _counted(names))
        if self.many:
            why = "text, and more than half of the training rows have their own value; each becomes an input of its own"
            ignore = as_list("ignore", *self.many)
            log.warning("%s: %s: %s; leave out with %s", self.path, listed(self.many), why, ignore)
        if self.alike:
            log.warning("%s: values differ only in upper and lower case: %s", self.path, listed(self.alike))
        if self.far:
            log.warning(
                "%s: %s: stands far from all other values; add %s if it stands for a missing value",
                self.path,
                listed([f"{name}={value:g}" for name, value in self.far.items()]),
                as_list("missing", *(f"{value:g}" for value in dict.fromkeys(self.far.values()))),
            )

    def _takes_text(self, values: pl.Series, different: int) -> bool:
        name, rows = values.name, len(values)
        if rows >= _ROWS and different > _OWN * rows and name not in self.wanted:
            self.own.append(name)
            return False
        self.used += 1
        if different > self.max_categories:
            self.refused[name] = values.unique().sort()
            return True
        if rows >= _ROWS and different > _MANY * rows:
            self.many.append(name)
        found = values.unique().sort()
        folded = found.str.to_lowercase().str.replace_all(r"[\s_-]+", " ")
        if folded.n_unique() < different:
            same = found.filter(folded.is_duplicated())
            self.alike.append(f"{name} ({', '.join(same.head(2))})")
        return True

    def _find_sentinels(self, values: pl.Series) -> None:
        """Note -999, 9999 and the like if they are repeated, far from all other values."""
        if not values.dtype.is_float():
            return
        for end in (values.min(), values.max()):
            if not isinstance(end, float) or end not in _SENTINELS:
                continue
            others = values.filter(values != end)
            low, high = others.min(), others.max()
            if len(values) - len(others) < 2 or not isinstance(low, float) or not isinstance(high, float):
                continue
            gap = max(low - end, end - high)
            if gap > 2 * (high - low) and gap > 0:
                self.far[values.name] = end


def _counted(names: Sequence[str]) -> str:
    return listed(names) if len(names) == 1 else f"{len(names)} columns, {listed(names)}"
