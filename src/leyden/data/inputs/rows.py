"""The rows of a CSV file that can be read, where others cannot."""

import csv
import io
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import polars as pl
import torch
from torch import Tensor

from leyden.data.spec import DataSpec
from leyden.data.tables.encoding import encode
from leyden.data.tables.mistakes import check_header, is_blank
from leyden.data.tables.notation import PLAIN, Notation, notation_of
from leyden.data.tables.parts import chosen_columns
from leyden.data.tables.reader import TableReader
from leyden.data.tables.table import read_table
from leyden.data.tables.text import as_dates, plainly
from leyden.errors import UserError

_BLOCK = 20_000  # rows
_STEP = 1 << 20  # bytes
Fields = list[str]


def read_rows(path: Path, spec: DataSpec) -> tuple[Tensor, Sequence[int], dict[int, str]]:
    """The inputs (N, inputs) of the rows that can be read, encoded as `read_inputs` does.

    Returns:
        The inputs, the line of each, and why the rows on other lines cannot be read.

    Raises:
        UserError: the file as a whole cannot be read, or lacks a column.
    """
    assert spec.columns is not None
    try:
        inputs = read_inputs(path, spec)
    except UserError:
        return _sound_rows(path, spec.columns)
    separator: str = spec.columns["separator"]
    with path.open("rb") as file:
        header = check_header(path, file, separator)
        begin = file.tell()
        if _count_lines(file) == len(inputs):  # none is blank, and none goes on over several
            return inputs, range(2, len(inputs) + 2), {}
        file.seek(begin)
        lines = [line for line, fields in _rows(file, len(header), separator) if not isinstance(fields, str)]
    return (inputs, lines, {}) if len(lines) == len(inputs) else _sound_rows(path, spec.columns)


def _sound_rows(path: Path, columns: Mapping[str, Any]) -> tuple[Tensor, list[int], dict[int, str]]:
    """Look at each row by itself, and read those that hold what they must."""
    features, separator = columns["features"], columns["separator"]
    names = [column["name"] for column in features]
    numbers = [column["name"] for column in features if column["kind"] != "category"]
    lines, faults, frames = list[int](), dict[int, str](), list[pl.DataFrame]()
    try:
        with path.open("rb") as file:
            header = check_header(path, file, separator)
            chosen_columns(path, pl.DataFrame(schema=header), names)
            notation = notation_of(columns)
            reader = TableReader(path, header, separator, notation, lambda name: name not in numbers)
            for block in _blocks(_rows(file, len(header), separator)):
                faults |= {line: fields for line, fields in block if isinstance(fields, str)}
                rows = {line: fields for line, fields in block if not isinstance(fields, str)}
                wrong = _faults(rows, header, features, notation)
                faults |= wrong
                sound = [line for line in rows if line not in wrong]
                if sound:
                    text = io.StringIO(newline="")
                    csv.writer(text, delimiter=separator).writerows(rows[line] for line in sound)
                    frames.append(reader.read(text.getvalue().encode(), 0))
                    lines += sound
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from error
    faults = dict(sorted(faults.items()))
    if not lines and not faults:
        raise UserError(f"{path}: has a header, but no rows")
    if not lines:
        return torch.empty(0, 0), [], faults
    table = reader.settled(pl.concat(frames, how="vertical_relaxed"))
    return encode(chosen_columns(path, table, names), features, path), lines, faults


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
            faults.setdefault(lines[row], f"{name}={text[row]}: {_why(column, text[row], values[row] is not None)}")
    return faults


def _values(column: Mapping[str, Any], text: pl.Series, notation: Notation) -> pl.Series:
    form = column.get("format", PLAIN)
    if form != PLAIN:
        return notation.read_as(form, text)
    return as_dates(text) if column["kind"] == "date" else notation.numbers(text)


def _why(column: Mapping[str, Any], value: str, is_read: bool) -> str:
    if is_read:
        return "is not a finite number that can be computed with"
    if "format" in column:
        return f"is not written as in training ({column['format']})"
    if column["kind"] == "date":
        return "is no date; write it as 2015-01-31"
    plain = plainly(value)
    return f"is not plainly a number; write {plain}" if plain else "is no number"


def _rows(file: BinaryIO, width: int, separator: str) -> Iterator[tuple[int, Fields | str]]:
    """The rows behind the header, or what is wrong with one, each with the line on which it begins.

    Where a row is wrong, the next one is looked for on the next line: a quote that is left open takes none along.
    """
    csv.field_size_limit(1 << 17)  # so far an open quote may reach
    ahead, line = deque[bytes](), 2
    while True:
        taken = list[bytes]()
        try:
            fields = next(csv.reader(_text(file, ahead, taken), delimiter=separator, strict=True), None)
            if fields is None:
                return
            if is_blank(fields) or len(fields) == width:
                if not is_blank(fields):
                    yield line, fields
                line += len(taken)
                continue
            fault = f"has {len(fields)} fields, too {'few' if len(fields) < width else 'many'} for {width} columns"
        except UnicodeDecodeError:
            fault = "is not UTF-8"
        except csv.Error:
            fault = "a quote is left open, or stands within a field"
        yield line, fault
        ahead.extendleft(reversed(taken[1:]))
        line += 1


def _text(file: BinaryIO, ahead: deque[bytes], taken: list[bytes]) -> Iterator[str]:
    """Lines, first those that are to be read again; each is noted."""
    while line := ahead.popleft() if ahead else file.readline():
        taken.append(line)
        yield line.decode()


def _blocks(rows: Iterator[tuple[int, Fields | str]]) -> Iterator[list[tuple[int, Fields | str]]]:
    while block := list(islice(rows, _BLOCK)):
        yield block


def _count_lines(file: BinaryIO) -> int:
    """Those from where the file stands, the last one also if it has no end."""
    lines, last = 0, b"\n"
    while part := file.read(_STEP):
        lines, last = lines + part.count(b"\n"), part[-1:]
    return lines + (last != b"\n")


def read_inputs(path: Path, spec: DataSpec) -> Tensor:
    """The inputs (N, inputs) of a CSV file, for a network that was trained on another: all that it takes is the spec.

    There is a row for each that the file has, even where all its fields are empty; lines with nothing on them are none.

    Raises:
        UserError: the file cannot be read, or lacks a column.
    """
    assert spec.columns is not None
    features = spec.columns["features"]
    names = [column["name"] for column in features]
    numbers = [column["name"] for column in features if column["kind"] != "category"]
    table = read_table(
        path,
        separator=spec.columns["separator"],
        notation=notation_of(spec.columns),
        is_text=lambda name: name not in numbers,  # neither are columns checked that are not used
    )
    return encode(chosen_columns(path, table, names), features, path)
