"""Inputs from the rows of a CSV file, without those that cannot be read."""

import csv
import io
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import polars as pl
import torch
from torch import Tensor

from leyden.data.spec import DataSpec
from leyden.data.tables.block_reader import BlockReader
from leyden.data.tables.column_types import encode
from leyden.data.tables.content import Content, count_lines, open_content
from leyden.data.tables.header import Header, read_header
from leyden.data.tables.notation import PLAIN, Notation
from leyden.data.tables.reader import read_content
from leyden.data.tables.remedies import no_rows, used_by
from leyden.data.tables.split_files import chosen_columns
from leyden.data.tables.type_inference import as_dates, plainly
from leyden.system.errors import UserError

_BLOCK = 20_000  # rows
Fields = list[str]


def read_rows(path: Path, spec: DataSpec) -> tuple[Tensor, Sequence[int], dict[int, str]]:
    """Inputs (N, inputs) of the rows that can be read, with each value encoded as in training.

    There is an input for each row, even if all its fields are empty; blank lines are no rows.

    Returns:
        The inputs, the line of each, and for the rows on other lines the reason why they cannot be read.

    Raises:
        UserError: the file as a whole cannot be read, or lacks a column.
    """
    assert spec.columns is not None
    file = _File(path, spec.columns)
    skip_lines = spec.columns.get("skip_lines", 0)  # older checkpoints lack it
    separator = spec.columns["separator"]
    with used_by("input"), open_content(path, separator) as content:
        header = read_header(path, content, separator, skip_lines, file.names, search=True)
        try:
            inputs = file.read_all(content, header)
        except UserError:
            return file.read_sound(content, header)
        lines = count_lines(content, header.begin, len(content)) + (content[-1:] != b"\n")
        if lines == len(inputs):  # no line is blank, and no row has a line break in a field
            return inputs, range(header.line, header.line + lines), {}
        begins = [line for line, fields in header.rows(content) if not isinstance(fields, str)]
        return (inputs, begins, {}) if len(begins) == len(inputs) else file.read_sound(content, header)


class _File:
    """A file for a network that was trained on another one.

    Args:
        columns: those of the DataSpec.
    """

    def __init__(self, path: Path, columns: Mapping[str, Any]) -> None:
        self.path, self.columns, self.features = path, columns, columns["features"]
        self.names = [column["name"] for column in self.features]

    def is_text(self, name: str) -> bool:
        """True for a category, and for a column that is not used and need not be checked."""
        return not any(column["name"] == name and column["kind"] != "category" for column in self.features)

    def read_all(self, content: Content, header: Header) -> Tensor:
        """Inputs (N, inputs) of all rows.

        Raises:
            UserError: a row cannot be read, or a column is lacking.
        """
        notation = Notation.of_training(self.columns)
        table = read_content(self.path, content, header, notation, self.is_text, wanted=self.names.__contains__)
        return self._encoded(table)

    def read_sound(self, content: Content, header: Header) -> tuple[Tensor, list[int], dict[int, str]]:
        """Inputs (N, inputs) of the rows without a mistake, checked one by one; with their lines, and the mistakes."""
        lines, faults, frames = list[int](), dict[int, str](), list[pl.DataFrame]()
        chosen_columns(self.path, pl.DataFrame(schema=header.names), self.names)
        notation = Notation.of_training(self.columns)
        reader, rows = BlockReader(self.path, content, header, notation, self.is_text), header.rows(content)
        while block := list(islice(rows, _BLOCK)):
            faults |= {line: fields for line, fields in block if isinstance(fields, str)}
            whole = {line: fields for line, fields in block if not isinstance(fields, str)}
            wrong = self._faults(whole, header.names, notation)
            faults |= wrong
            sound = [line for line in whole if line not in wrong]
            if sound:
                text = io.StringIO(newline="")
                csv.writer(text, delimiter=header.separator).writerows(whole[line] for line in sound)
                frames.append(reader.read(text.getvalue().encode(), 0))
                lines += sound
        if not lines and not faults:
            raise no_rows(self.path, header.line)
        faults = dict(sorted(faults.items()))
        if not lines:
            return torch.empty(0, 0), [], faults
        table = chosen_columns(self.path, pl.concat(frames, how="vertical_relaxed"), self.names)
        return self._encoded(reader.settled(table)), lines, faults

    def _encoded(self, table: pl.DataFrame) -> Tensor:
        return encode(chosen_columns(self.path, table, self.names), self.features, self.path)

    def _faults(self, rows: Mapping[int, Fields], header: Sequence[str], notation: Notation) -> dict[int, str]:
        """The rows, by their lines, with something else than the numbers and dates that the network takes."""
        faults, lines = dict[int, str](), list(rows)
        for column in self.features:
            if column["kind"] == "category":
                continue
            name, place = column["name"], header.index(column["name"])
            text = notation.without_missing(pl.Series([fields[place] for fields in rows.values()], dtype=pl.String))
            values = _values(column, text, notation)
            if column["kind"] == "date":
                wrong = values.is_null()
            else:
                wrong = ~((values - column["mean"]) / column["std"]).cast(pl.Float32).is_finite().fill_null(False)
            for row in (wrong & text.is_not_null()).arg_true():
                faults.setdefault(lines[row], f"{name}={text[row]}: {_why(column, text[row], values[row], notation)}")
        return faults


def _values(column: Mapping[str, Any], text: pl.Series, notation: Notation) -> pl.Series:
    form = column.get("format", PLAIN)
    if form != PLAIN:
        return notation.read_as(form, text)
    return as_dates(text) if column["kind"] == "date" else notation.numbers(text)


def _why(column: Mapping[str, Any], value: str, read: object, notation: Notation) -> str:
    if read is not None:
        return "is not a finite number that can be computed with"
    if "format" in column:
        return f"is not written as in training ({column['format']})"
    if column["kind"] == "date":
        return "is no date; write it as 2015-01-31"
    plain = plainly(value, notation)
    return f"is not plainly a number; write {plain}" if plain else "is no number"
