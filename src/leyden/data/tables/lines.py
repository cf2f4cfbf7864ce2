"""Lines of a CSV file on which its rows begin."""

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from leyden.data.tables.content import lines_in, opened
from leyden.data.tables.fields import rows_in
from leyden.data.tables.header import read_header
from leyden.data.tables.notation import Notation
from leyden.data.tables.type_inference import as_numbers


def lines_of(
    path: Path,
    targets: Sequence[str],
    notation: Notation,
    separator: str,
    skip_lines: int,
    search: bool,
    are_text: bool = False,
) -> list[int]:
    """The line, from 1, of each row that has all targets.

    Args:
        path: of a file that was read without a fault.
        targets: columns to predict.
        notation: of missing values.
        separator: between fields.
        skip_lines: lines above the header.
        search: whether the header is looked for elsewhere, as that of further files.
        are_text: whether the targets are classes: a number that stands for a missing value is then one as text only.
    """
    with opened(path, separator) as content:
        header = read_header(path, content, separator, skip_lines, targets, search)
        places = [header.names.index(name) for name in targets]
        found = rows_in(lines_in(content, header.begin), header.line, len(header.names), header.separator)
        rows = [(line, [fields[place] for place in places]) for line, fields in found if not isinstance(fields, str)]
    lines = pl.Series([line for line, _ in rows], dtype=pl.Int64)
    missing = as_numbers(pl.Series(notation.missing, dtype=pl.String)).drop_nulls().to_list()
    for place in range(len(targets)):
        text = notation.without_missing(pl.Series([fields[place] for _, fields in rows], dtype=pl.String))
        is_there = text.is_not_null()
        if not are_text:
            is_there &= ~notation.numbers(text).is_in(missing).fill_null(False)
        rows, lines = [row for row, kept in zip(rows, is_there, strict=True) if kept], lines.filter(is_there)
    return lines.to_list()
