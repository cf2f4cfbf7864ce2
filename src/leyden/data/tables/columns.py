"""Roles of the columns of a table by its settings: target, feature, ignored or split."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from leyden.data.tables.column_names import Name, as_named
from leyden.data.tables.remedies import as_list, column_hint
from leyden.system.errors import UserError
from leyden.system.override_text import as_text, setting
from leyden.system.suggestions import did_you_mean


@dataclass(frozen=True)
class Columns:
    """Columns by their settings, with the names of the header.

    Attributes:
        target: to predict.
        features: to predict from; None for all others.
        ignore: to leave out.
        categorical: with numbers that are names.
        split: the one that says train, val or test of each row, if there is one.
        header: all names of the file; empty before it is read.
    """

    target: list[str]
    features: list[str] | None
    ignore: list[str]
    categorical: list[str]
    split: list[str]
    header: Sequence[str] = ()

    @classmethod
    def of(cls, settings: Mapping[str, Iterable[Name] | None], header: Sequence[str] = ()) -> "Columns":
        """From settings, in which YAML may have read a name as a number."""

        def named(option: str) -> list[str]:
            return [as_named(name, header) for name in settings[option] or ()]

        features = None if settings["features"] is None else named("features")
        return cls(named("target"), features, named("ignore"), named("categorical"), named("split"), header)

    @property
    def named(self) -> list[str]:
        """All columns that a setting names."""
        return [*self.target, *(self.features or ()), *self.ignore, *self.categorical, *self.split]

    def is_input(self, name: str) -> bool:
        """True if a column may be predicted from."""
        return name not in (*self.target, *self.ignore, *self.split)

    def is_text(self, name: str) -> bool:
        """True if a column is not parsed: it holds categories, or is not used and need not be checked."""
        is_used = self.features is None or name in self.features or name in self.target
        return not is_used or name in (*self.categorical, *self.ignore, *self.split)

    def check_trained(self, names: Sequence[str]) -> None:
        """Check that no setting leaves out a column of the file that a network was trained on."""
        lists = {"target": self.target, "ignore": self.ignore, "split_column": self.split}
        for name in names:
            settings = [(option, columns) for option, columns in lists.items() if name in columns]
            if self.features is not None and name not in self.features:
                settings.append(("features", self.features))
            if name in self.header and settings:
                option, columns = settings[0]
                value = columns if option in ("ignore", "features") or len(columns) > 1 else columns[0]
                raise UserError(
                    f"data.{option}={as_text(value)}: the network was trained on {name}; leave this setting out"
                )

    def inputs(self, path: Path, columns: Sequence[str], date_columns: Iterable[str] = ()) -> list[str]:
        """The columns to predict from.

        Args:
            columns: that were read: those of the header except counters without a name.
            date_columns: those that `data.date_format` names.

        Raises:
            UserError: a setting names a column that does not exist, or twice, or in two roles; or none is left.
        """
        settings = {
            "target": self.target,
            "features": self.features or [],
            "ignore": self.ignore,
            "categorical": self.categorical,
            "split_column": self.split,
        }
        for option, names in settings.items():
            for name in names:
                if name not in columns:
                    near = column_hint(option, name, names, columns)
                    raise UserError(f"data.{option}={name}: {path} has no such column{near}")
                if names.count(name) > 1:
                    once = setting(f"data.{option}", list(dict.fromkeys(names)))
                    raise UserError(f"data.{option}={names}: {name} is named twice; write {once}")
        for name in date_columns:
            if name not in columns:
                raise UserError(f"data.date_format: {path} has no column {name}{did_you_mean(name, columns)}")
        self._check_roles()
        inputs = [name for name in (columns if self.features is None else self.features) if self.is_input(name)]
        if not inputs:
            remedy = self._remedy_for_none([name for name in self.header if name not in columns])
            raise UserError(f"{path}: has no column to predict {', '.join(self.target)} from; {remedy}")
        return inputs

    def _check_roles(self) -> None:
        """Refuse a column with two roles, with the setting that leaves it one."""
        for name in self.target:
            if name in self.ignore:
                rest = setting("data.ignore", [other for other in self.ignore if other != name])
                raise UserError(f"data.target: {name} is ignored; leave it in with {rest}")
            if name in self.split:
                remedy = "leave the split out with data.split_column=null"
                raise UserError(f"data.target: {name} is the split column, too; {remedy}")
        roles = {"to be predicted": self.target, "ignored": self.ignore, "the split column": self.split}
        for name in self.features or ():
            if role := next((role for role, names in roles.items() if name in names), None):
                others = [other for other in self.features or () if self.is_input(other)]
                raise UserError(f"data.features: {name} is {role}; write {setting('data.features', others or None)}")

    def _remedy_for_none(self, dropped: Sequence[str]) -> str:
        if dropped:
            return f"to use the column without a name, add {as_list('features', dropped[0])}"
        if self.features is not None:
            return "add data.features=null for all columns except the target"
        return f"leave some in, as {setting('data.ignore', [])} does" if self.ignore else "add columns to the file"
