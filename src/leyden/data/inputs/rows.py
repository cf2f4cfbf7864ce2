"""The rows of a CSV file that can be read, where others cannot."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import polars as pl
import torch
from torch import Tensor

from leyden.data.spec import DataSpec
from leyden.data.tables.block_reader import TableReader
from leyden.data.tables.column_types import encode
from leyden.data.tables.content import Content, count_lines, lines_in, opened
from leyden.data.tables.fields import rows_in
from leyden.data.tables.header import Header, read_header
from leyden.data.tables.new_files import used_by
from leyden.data.tables.notation import PLAIN, Notation, notation_of
from leyden.data.tables.reader import read_content
from leyden.data.tables.remedies import no_rows
from leyden.data.tables.split_files import chosen_columns
from leyden.data.tables.type_inference import as_dates, plainly
from leyden.system.errors import UserError

_BLOCK = 20_000  # rows
Fields = list[str]


def read_rows(path: Path, spec: DataSpec) -> tuple[Tensor, Sequence[int], dict[int, str]]:
    """The inputs (N, inputs) of the rows that can be read, encoded as `read_inputs` does.

    Returns:
        The inputs, the line of each, and why the rows on other lines cannot be read.

    Raises:
        UserError: the file as a whole cannot be read, or lacks a column.
    """
    assert spec.columns is not None
    with _opened(path, spec.columns) as (content, header):
        try:
            inputs = _read_inputs(path, content, header, spec.columns)
        except UserError:
            return _sound_rows(path, content, header, spec.columns)
        lines = count_lines(content, header.begin, len(content)) + (content[-1:] != b"\n")
        if lines == len(inputs):  # no line is blank, and no row has a line break in a field
            return inputs, range(header.line, header.line + lines), {}
        begins = [line for line, fields in _rows(content, header) if not isinstance(fields, str)]
        if len(begins) == len(inputs):
            return inputs, begins, {}
        return _sound_rows(path, content, header, spec.columns)


def read_inputs(path: Path, spec: DataSpec) -> Tensor:
    """The inputs (N, inputs) of a CSV file, for a network that was trained on another: all that it takes is the spec.

    There is a row for each that the file has, even where all its fields are empty; lines with nothing on them are none.

    Raises:
        UserError: the file cannot be read, or lacks a column.
    """
    assert spec.columns is not None
    with _opened(path, spec.columns) as (content, header):
        return _read_inputs(path, content, header, spec.columns)


@contextmanager
def _opened(path: Path, columns: Mapping[str, Any]) -> Iterator[tuple[Content, Header]]:
    """A file and its header, which may be elsewhere, or with another separator, than in the training file."""
    names = [column["name"] for column in columns["features"]]
    with used_by("input"), opened(path, columns["separator"]) as content:
        skip_lines = columns.get("skip_lines", 0)  # older checkpoints lack it
        yield content, read_header(path, content, columns["separator"], skip_lines, names, search=True)


def _read_inputs(path: Path, content: Content, header: Header, columns: Mapping[str, Any]) -> Tensor:
    features = columns["features"]
    names = [column["name"] for column in features]
    numbers = [column["name"] for column in features if column["kind"] != "category"]
    table = read_content(
        path,
        content,
        header,
        notation=notation_of(columns),
        is_text=lambda name: name not in numbers,  # neither are columns checked that are not used
        wanted=lambda name: name in names,
    )
    return encode(chosen_columns(path, table, names), features, path)


def _sound_rows(
    path: Path, content: Content, header: Header, columns: Mapping[str, Any]
) -> tuple[Tensor, list[int], dict[int, str]]:
    """Look at each row by itself, and read those that hold what they must."""
    features = columns["features"]
    names = [column["name"] for column in features]
    numbers = [column["name"] for column in features if column["kind"] != "category"]
    lines, faults, frames = list[int](), dict[int, str](), list[pl.DataFrame]()
    chosen_columns(path, pl.DataFrame(schema=header.names), names)
    notation = notation_of(columns)
    reader = TableReader(path, content, header, notation, lambda name: name not in numbers)
    for block in _blocks(_rows(content, header)):
        faults |= {line: fields for line, fields in block if isinstance(fields, str)}
        rows = {line: fields for line, fields in block if not isinstance(fields, str)}
        wrong = _faults(rows, header.names, features, notation)
        faults |= wrong
        sound = [line for line in rows if line not in wrong]
        if sound:
            text = io.StringIO(newline="")
            csv.writer(text, delimiter=header.separator).writerows(rows[line] for line in sound)
            frames.append(reader.read(text.getvalue().encode(), 0))
            lines += sound
    faults = dict(sorted(faults.items()))
    if not lines and not faults:
        raise no_rows(path, header.line)
    if not lines:
        return torch.empty(0, 0), [], faults
    table = chosen_columns(path, pl.concat(frames, how="vertical_relaxed"), names)
    return encode(reader.settled(table), features, path), lines, faults


def _faults(
    rows: Mapping[int, Fields], header: Sequence[str], features: Sequence[Mapping[str, Any]], notation: Notation
) -> dict[int, str]:
    """Which rows hold something else than numbers and dates where the network takes them, by their lines."""
    faults, lines = dict[int, str](), list(rows)
    for column in features:
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


def _rows(content: Content, header: Header) -> Iterator[tuple[int, Fields | str]]:
    return rows_in(lines_in(content, header.begin), header.line, len(header.names), header.separator)


def _blocks(rows: Iterator[tuple[int, Fields | str]]) -> Iterator[list[tuple[int, Fields | str]]]:
    while block := list(islice(rows, _BLOCK)):
        yield block
