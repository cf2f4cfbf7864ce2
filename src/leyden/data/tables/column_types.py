"""Column types of a table (number, date, category): fitted on the training rows, and encoded as inputs of a network."""

import logging
import math
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import polars as pl
import torch
from torch import Tensor

from leyden.data.tables.column_selection import ColumnSelection
from leyden.data.tables.notation import PLAIN
from leyden.data.tables.remedies import as_list
from leyden.system.errors import UserError

log = logging.getLogger(__name__)
Encoding = Mapping[str, Any]
_TYPES: dict[str, pl.DataType] = {"number": pl.Float64(), "date": pl.Datetime(), "category": pl.String()}


def fit(
    table: pl.DataFrame,
    train: Tensor,
    path: Path,
    max_categories: int,
    formats: Mapping[str, str] = MappingProxyType({}),
    wanted: Collection[str] = (),
) -> Sequence[Encoding]:
    """The encoding of each column.

    A number or a date (in days) is standardised, with the mean in place of a missing value; a category is one input for
    each value in the training rows, one of which is 1. A column with missing values in the training rows has another
    input, which is 1 if the value is missing.

    Columns that are the same in every training row, or have no value there, are left out with a warning. So are columns
    of text in which nearly every training row has a value of its own, unless they are wanted.

    Args:
        table: all rows.
        train: indices of the training rows; nothing is taken from others.
        max_categories: of a column; more are refused.
        formats: of the columns.
        wanted: columns that a user has named.

    Returns:
        For each column that is used name, kind (number, date or category), flag (True if there is an input for missing
        values), mean and std, or values; and its format, unless it is plain.

    Raises:
        UserError: too many categories, or a number that is too large.
    """
    selection = ColumnSelection(path, max_categories, wanted)
    columns = list[Encoding]()
    for values in table:
        seen = values.gather(train.numpy())
        if selection.takes(seen):
            columns.append(_fitted(seen, path, formats.get(values.name, PLAIN)))
    selection.close()
    return columns


def input_names(columns: Sequence[Encoding]) -> list[str]:
    """Names of the inputs: `weight`, `origin=Japan`, `horsepower is missing`."""
    names = []
    for column in columns:
        name = column["name"]
        names += [f"{name}={value}" for value in column["values"]] if column["kind"] == "category" else [name]
        names += [f"{name} is missing"] if column["flag"] else []
    return names


def encode(table: pl.DataFrame, columns: Sequence[Encoding], path: Path, rows: Tensor | None = None) -> Tensor:
    """Inputs, float32 (N, inputs), of a table that has these columns. The columns are removed from the table.

    Values that did not occur in the training rows, or were never missing there, are logged and count as none of the
    known ones.

    Args:
        table: as it was read.
        columns: their encodings.
        rows: (N,) indices of the rows, in their order; None for all.

    Raises:
        UserError: a column of numbers or dates holds something else, or a number that is too large.
    """
    number = len(table) if rows is None else len(rows)
    inputs = np.zeros((number, len(input_names(columns))), dtype=np.float32)
    place = 0
    for column in columns:
        values = table.drop_in_place(
            column["name"]
        )  # one by one: the whole table and all inputs would take twice the memory
        values = values if rows is None else values.gather(rows.numpy())
        if not values.count():
            values = pl.repeat(None, number, dtype=_TYPES[column["kind"]], eager=True)
        if kind_of(values) != column["kind"]:
            raise UserError(
                f"{path}: {values.name}={values.drop_nulls()[0]}: must be a {column['kind']}, as in training"
            )
        if column["kind"] == "category":
            place += _encode_category(values, column, inputs[:, place:])
        else:
            if column.get("narrow"):  # even if the values of another file have another range
                values = values.cast(pl.Float32)
            standardised = ((_numbers(values) - column["mean"]) / column["std"]).cast(pl.Float32)
            if not standardised.is_finite().all():
                raise _too_large(path, column["name"], values.filter(~standardised.is_finite())[0])
            inputs[:, place] = standardised.fill_null(0.0).to_numpy()
            place += 1
        if column["flag"]:
            inputs[:, place] = values.is_null().to_numpy()
            place += 1
        elif values.null_count():
            instead = "they count as none of the known" if column["kind"] == "category" else "the mean stands for them"
            log.warning("%s: %d values are missing, %s", column["name"], values.null_count(), instead)
    return torch.from_numpy(inputs)


def kind_of(values: pl.Series) -> str:
    """The column type of values as they were read: number, date or category."""
    return "date" if values.dtype.is_temporal() else "category" if values.dtype == pl.String else "number"


def _encode_category(values: pl.Series, column: Encoding, inputs: np.ndarray[Any, Any]) -> int:
    known = pl.Series(column["values"], dtype=pl.String)
    text = values.cast(pl.String)
    index = text.replace_strict(known, pl.Series(range(len(known))), default=None, return_dtype=pl.Int64)
    rows = index.is_not_null().arg_true().to_numpy()
    inputs[rows, index.drop_nulls().to_numpy()] = 1
    unseen = text.filter(index.is_null() & text.is_not_null())
    if len(unseen):
        some, none = ", ".join(unseen.unique().sort().head(3)), "they count as none of the known"
        log.warning("%s: %d rows hold values that training has not seen (%s); %s", values.name, len(unseen), some, none)
    return len(known)


def _fitted(seen: pl.Series, path: Path, form: str) -> Encoding:
    """The encoding of a column, from its training rows."""
    encoding: dict[str, Any] = {"name": seen.name, "flag": bool(seen.null_count())}
    if seen.dtype == pl.String:
        return encoding | {"kind": "category", "values": seen.drop_nulls().unique().sort().to_list()}
    numbers = _numbers(seen).cast(pl.Float64)
    mean, std = numbers.mean(), numbers.std(ddof=0)
    if numbers.drop_nulls().n_unique() < 2 or not std:  # rounding may make the deviation of equal numbers more than 0
        std = 1.0
    if isinstance(std, float) and not math.isfinite(std):
        raise _too_large(path, seen.name, numbers.filter(numbers.abs() == numbers.abs().max())[0])
    encoding |= {"kind": kind_of(seen), "mean": mean or 0.0, "std": std, "narrow": seen.dtype == pl.Float32}
    return encoding if form == PLAIN else encoding | {"format": form}


def _too_large(path: Path, name: str, value: object) -> UserError:
    return UserError(
        f"{path}: {name}={value}: is too large to compute with, beside the others; correct it, or leave the column out "
        f"with {as_list('ignore', name)}"
    )


def _numbers(values: pl.Series) -> pl.Series:
    """Numbers unchanged, dates in days since the beginning of 1970."""
    if not values.dtype.is_temporal():
        return values
    return (values.cast(pl.Datetime("us")) - datetime(1970, 1, 1)).dt.total_seconds() / 86400
