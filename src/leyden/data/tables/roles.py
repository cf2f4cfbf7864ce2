"""The roles of the columns of a table: target, feature, ignored or split; no column has two of them."""

from collections.abc import Sequence

from leyden.system.errors import UserError
from leyden.system.override_text import setting


def check_roles(
    targets: Sequence[str], features: Sequence[str] | None, ignore: Sequence[str], split: Sequence[str]
) -> None:
    """Refuse a column with two roles.

    Args:
        targets: columns to predict.
        features: columns to predict from; None for all others.
        ignore: columns to leave out.
        split: the column that divides the rows, if there is one.

    Raises:
        UserError: for the first such column, with the setting that leaves it one role.
    """
    for name in targets:
        if name in ignore:
            rest = setting("data.ignore", [other for other in ignore if other != name])
            raise UserError(f"data.target: {name} is ignored; leave it in with {rest}")
        if name in split:
            raise UserError(
                f"data.target: {name} is the split column, too; leave the split out with data.split_column=null"
            )
    for name in features or ():
        roles = {"to be predicted": targets, "ignored": ignore, "the split column": split}
        role = next((role for role, names in roles.items() if name in names), None)
        if role:
            others = [other for other in features or () if other not in (*targets, *ignore, *split)]
            raise UserError(f"data.features: {name} is {role}; write {setting('data.features', others or None)}")


def more_features(features: Sequence[str] | None, ignore: Sequence[str]) -> str:
    """The remedy where there is nothing to predict from."""
    if features is not None:
        return "add data.features=null for all columns but the target"
    return f"leave some in, as {setting('data.ignore', [])} does" if ignore else "add columns to the file"
