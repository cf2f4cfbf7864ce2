"""Columns of yes or no, the labels of a multilabel task."""

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from leyden.data.abbreviated import one_line
from leyden.system.errors import UserError
from leyden.system.override_text import as_text, setting

_YES, _NO = ("1", "1.0", "true", "yes", "y", "t"), ("0", "0.0", "false", "no", "n", "f")


def as_labels(path: Path, columns: pl.DataFrame) -> pl.DataFrame:
    """Columns of 1 and 0, from text: 1 and 0, true and false, yes and no, or their first letters, in any case.

    Raises:
        UserError: a column holds anything else.
    """
    found = []
    for column in columns:
        text = column.cast(pl.String).str.strip_chars().str.to_lowercase()
        wrong = column.filter(~text.is_in([*_YES, *_NO]))
        if len(wrong):
            others = [name for name in columns.columns if name != column.name]
            leave_out = f"leave it out, as {setting('data.target', others)}, or " if len(others) > 1 else ""
            raise UserError(
                f"data.target={as_text(columns.columns)}: {column.name} holds {one_line(str(wrong[0]))}, and "
                f"task=multilabel predicts yes and no (1 and 0, true and false); {leave_out}predict it by itself, as "
                f"{setting('data.target', column.name)} task=classification"
            )
        found.append(text.is_in(_YES).cast(pl.Float32).alias(column.name))
    return pl.DataFrame(found)


def check_several(names: Sequence[str]) -> None:
    """Refuse a single label.

    Raises:
        UserError: there is one.
    """
    if len(names) == 1:
        raise UserError(
            f"{setting('data.target', names[0])}: task=multilabel predicts several columns of yes and no, as "
            "data.target=[a,b]; for one add task=binary"
        )
