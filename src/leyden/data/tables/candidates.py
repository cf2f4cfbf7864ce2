"""Columns of a table that can be predicted."""

import polars as pl

FEW = 20  # different whole numbers: they may be meant as classes
_SURE = 10  # classes that are never too many
_ROWS = 2  # for each class at least, on average


def are_too_many(classes: int, rows: int) -> bool:
    """Whether nearly every row has a class of its own, so that nothing can be learned."""
    return classes > _SURE and rows < _ROWS * classes


def fitting_targets(others: pl.DataFrame, kind: str | None) -> list[str]:
    """Columns that could be predicted, those of fewest classes first."""
    classes = {}
    for column in others:
        number, is_text = column.drop_nulls().n_unique(), column.dtype == pl.String
        if not is_text and not column.dtype.is_numeric():
            continue
        are_few = 2 <= number <= FEW and not are_too_many(number, column.count())
        as_classes = kind != "regression" and are_few and (is_text or _are_whole(column))
        as_numbers = kind != "classification" and not is_text and number > 1
        if as_classes or as_numbers:
            classes[column.name] = number
    return sorted(classes, key=lambda name: (classes[name], name))


def _are_whole(column: pl.Series) -> bool:
    return bool((column == column.floor()).all())
