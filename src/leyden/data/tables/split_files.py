"""Files of the splits of a table, read into one table, with the rows of each split."""

import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import torch
from torch import Tensor

from leyden.data.tables.column_types import kind_of
from leyden.data.tables.reader import read_table
from leyden.data.tables.remedies import as_categories, used_by
from leyden.system.errors import UserError
from leyden.system.suggestions import did_you_mean

log = logging.getLogger(__name__)
_PLURAL = {"number": "numbers", "date": "dates", "category": "text"}
_NAMES = {"train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}


def read_splits(
    paths: Mapping[str, str | None],
    features: Callable[[Path, Sequence[str]], list[str]],
    targets: Sequence[str],
    split_column: str | None,
    reading: Mapping[str, Any],
) -> tuple[pl.DataFrame, dict[str, Tensor]]:
    """Read the rows that have a target.

    Args:
        paths: the file of train and, if there are such, of val and test.
        features: the columns to predict from, among those of the first file.
        split_column: the column with train, val or test in each row; rows in which it is empty are for training.
        reading: arguments of `read_table`.

    Returns:
        The features and targets of all rows, and the rows of each part.

    Raises:
        UserError: a file cannot be read or lacks a column, or a column is of another kind in another file.
    """
    files = {part: Path(path) for part, path in paths.items() if path}
    tables, names = {}, list[str]()
    for part, file in files.items():
        known = {"wanted": names.__contains__, "used": names, "search": True} if names else {}
        with used_by("data.path" if part == "train" else f"data.{part}_path"):
            table = read_table(file, **{**reading, **known})
        names = names or [*features(file, table.columns), *targets]
        columns = [*names, split_column] if split_column and part == "train" else names
        tables[part] = _with_targets(file, chosen_columns(file, table, columns), targets)
    parts, begin = {}, 0
    for part, table in tables.items():
        parts[part] = torch.arange(begin, begin + len(table))
        begin += len(table)
    if split_column:
        words = tables["train"].drop_in_place(split_column)
        for part, rows in _by_word(files["train"], words).items():
            if part != "train" and part in parts and len(rows):
                raise UserError(f"data.{part}_path={files[part]}: data.split_column={split_column} has {part} rows too")
            parts |= {part: rows} if len(rows) or part == "train" else {}
    for name in names:
        kinds = {kind_of(table[name]): files[part] for part, table in tables.items() if table[name].count()}
        if len(kinds) > 1:
            (one, file), (other, second), *_ = kinds.items()
            raise UserError(
                f"{second}: {name} holds {_PLURAL[other]}, and {_PLURAL[one]} in {file}; correct it, or add "
                f"{as_categories(name)}"
            )
    return pl.concat([_joinable(table) for table in tables.values()], how="vertical_relaxed"), parts


def chosen_columns(path: Path, table: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    """Some columns of the table of a file.

    Raises:
        UserError: one does not exist.
    """
    for name in names:
        if name not in table.columns:
            raise UserError(f"{path}: has no column {name}" + did_you_mean(name, table.columns))
    return table.select(names)


def _joinable(table: pl.DataFrame) -> pl.DataFrame:
    """The table with columns without a value of a type that can be joined with any other."""
    return table.with_columns(pl.lit(None).alias(column.name) for column in table if not column.count())


def _with_targets(path: Path, table: pl.DataFrame, targets: Sequence[str]) -> pl.DataFrame:
    """Rows in which no target is missing."""
    kept = table.drop_nulls(targets)
    if not len(kept):
        raise UserError(f"{path}: {', '.join(targets)} is missing in every row")
    if len(kept) < len(table):
        log.info("%s: %d rows without %s are left out", path, len(table) - len(kept), " or ".join(targets))
    return kept


def _by_word(path: Path, words: pl.Series) -> dict[str, Tensor]:
    lower = words.fill_null("train").str.to_lowercase()
    unknown = lower.filter(~lower.is_in(list(_NAMES)))
    if len(unknown):
        raise UserError(f"{path}: column {words.name} holds {unknown[0]}, and must say train, val or test of each row")
    part = lower.replace_strict(_NAMES)
    if "train" not in part:
        raise UserError(f"{path}: column {words.name} says train of no row")
    return {name: (part == name).arg_true().to_torch().long() for name in ("train", "val", "test")}
