"""Target of a table: numbers or classes, as the task needs them, and the remedy if it is neither."""

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from leyden.data.abbreviated import abbreviated, one_line
from leyden.data.classes import Classes, in_known_order, matching, natural_order, number_in, warn_of_alike
from leyden.data.tables.labels import check_several
from leyden.data.tables.remedies import as_list
from leyden.data.tables.type_inference import as_dates
from leyden.system.errors import UserError
from leyden.system.override_text import as_text, setting

log = logging.getLogger(__name__)

_FEW = 20  # different whole numbers, which may be meant as classes
_SURE = 10  # classes that are never too many
_ROWS = 2  # for each class at least, on average
_ROWS_OF_NUMBERS = 10  # the same, of classes that are numbers, unless `categorical` names the target
_WHOLE = re.compile(r"([-+]?\d+)\.0*")  # the notation of whole numbers in a column in which a value was missing


@dataclass(frozen=True)
class Targets:
    """Checks of the columns to predict, and their classes.

    Attributes:
        names: of the columns.
        kind: classification, regression or multilabel, as the task or the trained network needs it; None for either of
            the first two.
        categorical: the columns whose numbers are names.
        max_classes: numbers of more different values are no classes, unless they are categorical.
        known: the classes of a network, in its order.
        is_trained: True if the network is evaluated, so that nothing is learned from these data.
        may_change: True if another column may be chosen without a change of other settings.
    """

    path: Path
    names: Sequence[str]
    kind: str | None = None
    categorical: Sequence[str] = ()
    max_classes: int = 100
    known: Sequence[str] = ()
    is_trained: bool = False
    may_change: bool = True

    @property
    def are_classes(self) -> bool:
        """True if the column is read as text, as the names of classes."""
        return self.kind == "classification"

    @property
    def are_labels(self) -> bool:
        """True if the columns are read as text, as yes or no."""
        return self.kind == "multilabel"

    def check(self) -> None:
        """Check the settings, before the file is read."""
        if not self.names:
            raise UserError("data.target=[]: name the column to predict, data.target=…")
        if self.are_labels:
            check_several(self.names)
            return
        named = [name for name in self.names if name in self.categorical]
        if len(self.names) > 1 and (named or self.are_classes):
            one = f"{setting('data.target', named[0] if named else self.names[0])} task=classification"
            raise UserError(
                f"data.target={as_text(list(self.names))}: one column of classes can be predicted, not several; "
                f"choose one, as {one}, or predict numbers with {self._as_numbers()}"
            )
        if named and self.kind == "regression":
            raise UserError(
                f"data.categorical={as_text(list(self.categorical))}: makes {named[0]} a column of classes, and "
                f"task=regression predicts numbers; add task=classification, or {self._without_categories()}"
            )

    def read(self, columns: pl.DataFrame, others: pl.DataFrame) -> Classes | None:
        """The classes of the rows; None if numbers are predicted.

        Args:
            columns: to predict, without missing values.
            others: to predict from, which are searched for another target in a remedy.

        Raises:
            UserError: the columns hold nothing that can be predicted, or something else than the task needs.
        """
        for column in columns:
            if not (self.are_labels and self.is_trained):
                self._check_column(column, others)
        self._check_several(columns)
        column = columns.to_series()
        if column.dtype == pl.String:
            return self._classes(column, others)
        return None

    def log_interpretation(self, columns: pl.DataFrame, classes: Classes | None) -> None:
        """Log numbers that are predicted as classes or may be meant so, and class names that are nearly the same."""
        if self.is_trained or len(self.names) > 1:
            return
        where, values = setting("data.target", self.names[0]), columns.to_series()
        if classes:
            warn_of_alike(classes.names, where)
            if all(number_in(name) is not None for name in classes.names):
                log.info(
                    "%s: its %d different numbers (%s) are classes; to predict numbers, add %s",
                    where,
                    len(classes.names),
                    abbreviated(classes.names),
                    self._as_numbers(),
                )
            return
        different = values.unique().sort()
        if len(different) <= min(_FEW, len(values) // 2) and (different == different.floor()).all():
            log.info(
                "%s: its %d different whole numbers (%s) are predicted as numbers; to predict classes, add %s",
                where,
                len(different),
                abbreviated([f"{value:.0f}" for value in different.to_list()]),
                "task=classification",
            )

    def _check_column(self, column: pl.Series, others: pl.DataFrame) -> None:
        name, is_text = column.name, column.dtype == pl.String
        if column.n_unique() == 1 and not (self.is_trained and is_text):
            value = _plain(one_line(str(column[0])))
            raise UserError(
                f"{self.path}: {name} is {value} in every row; there is nothing to predict{self._another(others)}"
            )
        if column.dtype.is_temporal() or (self.are_classes and name not in self.categorical and _are_dates(column)):
            raise UserError(
                f"{setting('data.target', name)}: holds dates, and only numbers or classes are predicted"
                f"{self._another(others)}"
            )
        if is_text and self.kind == "regression" and len(self.names) == 1:
            raise self._text_for_numbers(column, others)

    def _check_several(self, columns: pl.DataFrame) -> None:
        text = [column for column in columns if column.dtype == pl.String]
        if not text or len(self.names) == 1:
            return
        numbers = [column.name for column in columns if column.dtype != pl.String]
        leave_out = f"leave it out, as {setting('data.target', numbers[0] if len(numbers) == 1 else numbers)}, or "
        raise UserError(
            f"data.target={as_text(list(self.names))}: {text[0].name} is text ({_examples(text[0])}), and several "
            f"targets must be numbers; {leave_out if numbers else ''}predict it by itself, as "
            f"{setting('data.target', text[0].name)} task=classification"
        )

    def _text_for_numbers(self, column: pl.Series, others: pl.DataFrame) -> UserError:
        where = setting("data.target", column.name)
        if self.is_trained:
            return UserError(f"{where}: is text ({_examples(column)}), and the network was trained to predict numbers")
        remedy = "; to predict classes, add task=classification"
        if are_too_many(column.n_unique(), len(column)):
            remedy = self._another(others)
        return UserError(f"{where}: is text ({_examples(column)}), and task=regression predicts numbers{remedy}")

    def _classes(self, column: pl.Series, others: pl.DataFrame) -> Classes:
        written = column.unique().to_list()
        are_numbers = all(number_in(text) is not None for text in written)
        names = {text: _plain(text) if are_numbers else text for text in written}
        if self.known:
            same = {text: matching(text, self.known) or matching(name, self.known) for text, name in names.items()}
            if None not in same.values():
                names = {text: name or text for text, name in same.items()}
                return Classes.of(column, names, self.known)
        order = natural_order(set(names.values()))
        if self.are_classes and not self.is_trained and not self.known:
            self._check_mixture(column)
            self._check_number(column, order, are_numbers, others)
        return Classes.of(column, names, in_known_order(order, self.known))

    def _check_number(self, column: pl.Series, order: Sequence[str], are_numbers: bool, others: pl.DataFrame) -> None:
        """Refuse quantities, and too many classes."""
        name, rows, number = column.name, len(column), len(order)
        where = setting("data.target", name)
        many = f"{number:,} different {'numbers' if are_numbers else 'values'} in {rows:,} rows"
        if are_too_many(number, rows):
            remedy = f"; to predict numbers, add {self._as_numbers()}" if are_numbers else self._another(others)
            raise UserError(f"{where}: {many} are too many classes to learn{remedy}")
        if not are_numbers or name in self.categorical or number <= _FEW:
            return
        are_whole = all(_WHOLE.fullmatch(f"{name}.") for name in order)
        if not are_whole or number > self.max_classes or rows < _ROWS_OF_NUMBERS * number:
            raise UserError(
                f"{where}: {many} are quantities rather than classes; to predict numbers, add {self._as_numbers()}, or "
                f"add {as_list('categorical', name)} if they are the names of classes"
            )

    def _check_mixture(self, column: pl.Series) -> None:
        """Refuse numbers with a few words among them, which may be mistakes or stand for missing values."""
        if column.name in self.categorical:
            return
        words = column.filter(~column.str.contains(r"^[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?$"))
        if len(words) and len(words) * 2 < len(column) and words.n_unique() * 2 < column.n_unique():
            raise UserError(
                f"{setting('data.target', column.name)}: holds numbers, and {one_line(words[0])} in {len(words):,} "
                f"rows; add {as_list('missing', words[0])} if nothing is known there, or "
                f"{as_list('categorical', column.name)} if it is a class"
            )

    def _as_numbers(self) -> str:
        named = any(name in self.categorical for name in self.names)
        return "task=regression" + (f" {self._without_categories()}" if named else "")

    def _without_categories(self) -> str:
        return setting("data.categorical", [name for name in self.categorical if name not in self.names])

    def _another(self, others: pl.DataFrame) -> str:
        """The remedy to predict another column, one that fits if there is one."""
        if self.is_trained:
            return ""
        if self.may_change and (names := possible_targets(others, self.kind)):
            return f"; predict another column, such as {setting('data.target', names[0])}"
        return "; predict another column with data.target=…"


def are_too_many(classes: int, rows: int) -> bool:
    """True if nearly every row has a class of its own, so that nothing can be learned."""
    return classes > _SURE and rows < _ROWS * classes


def possible_targets(others: pl.DataFrame, kind: str | None) -> list[str]:
    """Columns that can be predicted, those of fewest classes first."""
    classes = {}
    for column in others:
        number, is_text = column.drop_nulls().n_unique(), column.dtype == pl.String
        if not is_text and not column.dtype.is_numeric():
            continue
        are_few = 2 <= number <= _FEW and not are_too_many(number, column.count())
        as_classes = kind != "regression" and are_few and (is_text or bool((column == column.floor()).all()))
        as_numbers = kind != "classification" and not is_text and number > 1
        if as_classes or as_numbers:
            classes[column.name] = number
    return sorted(classes, key=lambda name: (classes[name], name))


def _plain(number: str) -> str:
    """A whole number without decimals, `1` for `1.0`; other text unchanged."""
    match = _WHOLE.fullmatch(number)
    return match[1] if match else number


def _examples(column: pl.Series) -> str:
    return abbreviated(column.unique(maintain_order=True).head(3).to_list())


def _are_dates(column: pl.Series) -> bool:
    return column.dtype == pl.String and as_dates(column.unique().head(100)).null_count() == 0
