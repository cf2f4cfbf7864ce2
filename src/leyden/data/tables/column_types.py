"""From the columns of a table to the inputs of a network: fitted on the training rows, kept as plain values."""

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

from leyden.data.tables.column_selection import Choice
from leyden.data.tables.notation import PLAIN
from leyden.data.tables.remedies import as_list
from leyden.system.errors import UserError

log = logging.getLogger(__name__)
Encoding = Mapping[str, Any]
_KINDS: dict[str, pl.DataType] = {"number": pl.Float64(), "date": pl.Datetime(), "category": pl.String()}


def fit(
    table: pl.DataFrame,
    train: Tensor,
    path: Path,
    max_categories: int,
    formats: Mapping[str, str] = MappingProxyType({}),
    wanted: Collection[str] = (),
) -> Sequence[Encoding]:
    """How each column becomes inputs.

    A number or a date (in days) is standardised, with the mean in place of a missing value; a category is one input for
    each value that the training rows hold, of which one is 1. A column with missing values in the training rows has one
    input more, which is 1 where the value is missing.

    Columns that are the same in every training row, or have no value there, are left out with a warning. So are columns
    of text in which nearly every training row has a value of its own, unless they are wanted.

    Args:
        table: all rows.
        train: which of them are to train on; nothing is taken from the others.
        path: of the file, to name it.
        max_categories: more are refused.
        formats: in which columns are written.
        wanted: columns that a user has named.

    Returns:
        For each column that is used name, kind (number, date or category), flag, and mean and std, or values; and its
        format, unless it is plain.

    Raises:
        UserError: too many categories, or a number that is too large.
    """
    choice = Choice(path, max_categories, wanted)
    columns = list[Encoding]()
    for values in table:
        seen = values.gather(train.numpy())
        if choice.takes(seen):
            columns.append(_fitted(seen, path, formats.get(values.name, PLAIN)))
    choice.close()
    return columns


def input_names(columns: Sequence[Encoding]) -> list[str]:
    """What each input is: `weight`, `origin=Japan`, `horsepower is missing`."""
    names = []
    for column in columns:
        name = column["name"]
        names += [f"{name}={value}" for value in column["values"]] if column["kind"] == "category" else [name]
        names += [f"{name} is missing"] if column["flag"] else []
    return names


def encode(table: pl.DataFrame, columns: Sequence[Encoding], path: Path, rows: Tensor | None = None) -> Tensor:
    """The inputs, float32 (N, inputs), of a table that has these columns. The table is emptied on the way.

    Values that the training rows did not hold, or lacked, are said in the log, and count as none of the known ones.

    Args:
        table: as it was read.
        columns: how each becomes inputs.
        path: of the file, to name it.
        rows: (N,) which of them, in which order; None for all as they come.

    Raises:
        UserError: a column of numbers or dates holds something else, or a number that is too large.
    """
    number = len(table) if rows is None else len(rows)
    inputs = np.zeros((number, len(input_names(columns))), dtype=np.float32)
    place = 0
    for column in columns:
        values = table.drop_in_place(column["name"])  # one by one: all of both would take twice the memory
        values = values if rows is None else values.gather(rows.numpy())
        if not values.count():
            values = pl.repeat(None, number, dtype=_KINDS[column["kind"]], eager=True)
        if kind_of(values) != column["kind"]:
            raise UserError(
                f"{path}: {values.name}={values.drop_nulls()[0]}: must be a {column['kind']}, as in training"
            )
        if column["kind"] == "category":
            place += _encode_category(values, column, inputs[:, place:])
        else:
            if column.get("narrow"):  # whatever the range of these values, which may be of another file
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
    """Number, date or category, from what a column was read as."""
    return "date" if values.dtype.is_temporal() else "category" if values.dtype == pl.String else "number"


def _encode_category(values: pl.Series, column: Encoding, inputs: np.ndarray[Any, Any]) -> int:
    known = pl.Series(column["values"], dtype=pl.String)
    text = values.cast(pl.String)
    index = text.replace_strict(known, pl.Series(range(len(known))), default=None, return_dtype=pl.Int64)
    rows = index.is_not_null().arg_true().to_numpy()
    inputs[rows, index.drop_nulls().to_numpy()] = 1
    unseen = text.filter(index.is_null() & text.is_not_null())
    if len(unseen):
        some = ", ".join(unseen.unique().sort().head(3))
        log.warning(
            "%s: %d rows hold values that training has not seen (%s); they count as none of the known",
            column["name"],
            len(unseen),
            some,
        )
    return len(known)


def _fitted(seen: pl.Series, path: Path, form: str) -> Encoding:
    """The encoding of a column, from its training rows."""
    encoding: dict[str, Any] = {"name": seen.name, "flag": bool(seen.null_count())}
    if seen.dtype == pl.String:
        return encoding | {"kind": "category", "values": seen.drop_nulls().unique().sort().to_list()}
    numbers = _numbers(seen).cast(pl.Float64)
    mean, std = numbers.mean(), numbers.std(ddof=0)
    if numbers.drop_nulls().n_unique() < 2 or not std:  # computed, their deviation need not be quite 0
        std = 1.0
    if isinstance(std, float) and not math.isfinite(std):
        raise _too_large(path, seen.name, numbers.filter(numbers.abs() == numbers.abs().max())[0])
    encoding |= {"kind": kind_of(seen), "mean": mean or 0.0, "std": std, "narrow": seen.dtype == pl.Float32}
    return encoding if form == PLAIN else encoding | {"format": form}


def _too_large(path: Path, name: str, value: object) -> UserError:
    return UserError(
        f"{path}: {name}={value}: is too large to compute with, beside the others; mend it, or leave the column out "
        f"with {as_list('ignore', name)}"
    )


def _numbers(values: pl.Series) -> pl.Series:
    """Numbers as they are, dates in days since the beginning of 1970."""
    if not values.dtype.is_temporal():
        return values
    return (values.cast(pl.Datetime("us")) - datetime(1970, 1, 1)).dt.total_seconds() / 86400
