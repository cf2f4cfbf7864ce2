"""Columns that carry something to learn from, judged by the training rows."""

import logging
from collections.abc import Collection, Sequence
from pathlib import Path

import polars as pl

from leyden.data.abbreviated import shortened
from leyden.data.tables.remedies import as_list
from leyden.system.errors import UserError
from leyden.system.override_text import setting

log = logging.getLogger(__name__)
_OWN, _MANY = 0.9, 0.5  # of the training rows: different values of text
_ROWS = 10  # fewer tell nothing about that
_SENTINELS = frozenset(sign * int(digit * n) for sign in (-1, 1) for digit in "89" for n in (2, 3, 4, 5, 6))


class Choice:
    """Which columns of a table are used, and what is to be said of the others.

    Args:
        path: of the file, to name it.
        max_categories: of a column of text; more are refused.
        wanted: columns that a user has named: these are used though each row has a value of its own.
    """

    def __init__(self, path: Path, max_categories: int, wanted: Collection[str]) -> None:
        self.path, self.max_categories, self.wanted = path, max_categories, wanted
        self.empty, self.constant, self.own = list[str](), list[str](), list[str]()
        self.many, self.refused, self.used = list[str](), dict[str, pl.Series](), 0
        self.alike, self.far = list[str](), dict[str, float]()

    def takes(self, seen: pl.Series) -> bool:
        """Whether a column is used.

        Args:
            seen: its values in the training rows.
        """
        values = seen.drop_nulls()
        different = values.n_unique()
        if not different:
            self.empty.append(seen.name)
        elif different == 1 and len(seen) > 1 and not seen.null_count():
            self.constant.append(seen.name)
        elif seen.dtype == pl.String:
            return self._takes_text(values, different)
        else:
            self._look_for_sentinels(values)
            self.used += 1
            return True
        return False

    def close(self) -> None:
        """Log what is left out.

        Raises:
            UserError: columns have too many categories, or none is left.
        """
        if self.refused:
            columns = shortened(
                [f"{name} ({len(found)} different values, such as {found[0]})" for name, found in self.refused.items()]
            )
            most = max(map(len, self.refused.values()))
            raise UserError(
                f"{self.path}: column{'s' * (len(self.refused) > 1)} {columns}: too many categories; leave out with "
                f"{as_list('ignore', *self.refused)}, or add {setting('data.max_categories', most)}"
            )
        keep = f"{as_list('categorical', *self.own)} keeps it, as far as data.max_categories allows"
        if not self.used:
            why = f"the training rows have only one value of {shortened([*self.constant, *self.empty])}"
            if self.own:
                why = f"nearly every training row has its own value of {shortened(self.own)}; {keep}"
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
            log.warning("%s: %s: %s; leave out with %s", self.path, shortened(self.many), why, ignore)
        if self.alike:
            log.warning("%s: values differ only in upper and lower case: %s", self.path, shortened(self.alike))
        if self.far:
            log.warning(
                "%s: %s: stands far from all other values; add %s if it stands for a missing value",
                self.path,
                shortened([f"{name}={value:g}" for name, value in self.far.items()]),
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

    def _look_for_sentinels(self, values: pl.Series) -> None:
        """Remark on -999, 9999 and the like where they are repeated, far from all other values."""
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
    return shortened(names) if len(names) == 1 else f"{len(names)} columns, {shortened(names)}"
