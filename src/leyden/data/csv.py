"""Tables: numbers or classes, predicted from the columns of a CSV file."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import polars as pl
import torch
from torch import Tensor

from leyden.config.near import did_you_mean
from leyden.data.digests import Digests, row_digests
from leyden.data.memory import InMemory
from leyden.data.spec import DataSpec
from leyden.data.tables.encoding import encode, fit, input_names
from leyden.data.tables.missing import spelled
from leyden.data.tables.notation import Notation, notation_of
from leyden.data.tables.parts import chosen_columns, read_parts
from leyden.data.tables.remedies import column_hint, remedies_add_to
from leyden.errors import UserError


class CSV(InMemory):
    """The rows of a CSV file with a header.

    Columns of numbers or dates (yyyy-mm-dd) are standardised, all others are categories. Times (07:30), months,
    quarters, dates of one possible order and numbers of one unit (5 kg, 3 %) are read as such, with a warning. What is
    fitted is fitted on the training split only, and stands in the `spec`, so that a checkpoint is enough to read
    further files. Rows without a target are left out. A target of numbers is for regression, one of text for
    classification.

    Args:
        path: the file.
        target: the column to predict, or several columns of numbers.
        features: the columns to predict from; null for all others.
        ignore: columns to leave out.
        categorical: columns whose numbers are names, such as postal codes. A target that is named here is a class.
        val_path: a file of the same columns to validate on, in place of a split.
        test_path: likewise, to test on.
        split_column: a column that says train, val or test of each row.
        test_size: how much to test on where neither a file nor a column says so: a count, or a fraction below 1.
        scale_target: standardise numbers to predict, for training.
        separator: between fields, one character; `\\t` for a tab.
        missing: what stands for a missing value, beside an empty field, `?` and the words that pandas knows (NA, NULL,
            n/a, None, ...): a word, a number or a list of them.
        decimal: the decimal mark, such as `,` in 0,5.
        thousands: what separates groups of three digits, such as `,` in 1,234.
        date_format: of dates that are written in another way, as strptime has it (%d/%m/%Y), or one for each column.
        max_categories: a column of text with more different values is refused.

    The others are those of DataModule.
    """

    INPUT_SHAPE: ClassVar = ("features",)  # how many is known once the file is read

    def __init__(
        self,
        path: str,
        target: str | list[str],
        features: list[str] | None = None,
        ignore: list[str] | None = None,
        categorical: list[str] | None = None,
        val_path: str | None = None,
        test_path: str | None = None,
        split_column: str | None = None,
        test_size: float = 0.2,
        scale_target: bool = True,
        separator: str = ",",
        missing: list[str | float | bool | None] | str | float | bool | None = None,
        decimal: str = ".",
        thousands: str | None = None,
        date_format: str | dict[str, str] | None = None,
        max_categories: int = 100,
        **settings: Any,
    ) -> None:
        super().__init__(**settings)
        self.paths = {"train": path, "val": val_path, "test": test_path}
        self.targets = [target] if isinstance(target, str) else list(target)
        self.features, self.ignore, self.categorical = features, ignore or [], categorical or []
        self.split_column, self.test_size, self.scale_target = split_column, test_size, scale_target
        separator = separator.replace(r"\t", "\t")  # as a shell hands it on
        self.separator = separator
        self.notation = Notation(decimal, thousands, date_format, spelled(missing))
        self.max_categories = max_categories

    @property
    def spec(self) -> DataSpec:
        return self._spec

    @property
    def augmented(self) -> bool:
        return False

    def describe(self) -> str:
        kind = f"{self._spec.output_size} classes of " if self._spec.class_names else ""
        return (
            f"{self.paths['train']}: {self.sizes()}; {self._spec.input_shape[0]} inputs, "
            f"{kind}{', '.join(self.targets)} to predict"
        )

    def setup(self, stage: str | None = None) -> None:
        if self.splits:
            return
        lists = {"target": self.targets, "ignore": self.ignore, "categorical": self.categorical}
        with remedies_add_to({**lists, "missing": self.notation.missing}):
            self._read()

    def _read(self) -> None:
        path = Path(str(self.paths["train"]))
        if self.trained and self.trained.columns:
            self.notation = replace(notation_of(self.trained.columns), date_format=self.notation.date_format)
        reading = {"separator": self.separator, "notation": self.notation, "is_text": self._is_text}
        table, parts = read_parts(self.paths, self._names, self.targets, self.split_column, reading)
        targets = pl.DataFrame([table.drop_in_place(name) for name in self.targets])
        classes = self._classes(path, targets)
        labels = torch.zeros((), dtype=torch.int64).expand(len(table))
        if classes:
            labels = targets.to_series().replace_strict(classes, range(len(classes))).to_torch().long()
        digests = self._digests(table, targets, self.recorded.identified_by) if self.recorded else None
        rows = self.divide(labels, parts, self.test_size, digests)
        sizes = {part: len(chosen) for part, chosen in rows.items()}
        order = torch.cat(list(rows.values()))  # one split behind the other, so that each is a part and not a copy
        del parts, rows  # of millions of rows every list of them counts
        train = order[: sizes["train"]]
        if self.trained and self.trained.columns:
            columns = self.trained.columns["features"]
            table = chosen_columns(path, table, [column["name"] for column in columns])
        else:
            wanted = {*self.categorical, *(self.features or ())}
            columns = fit(table, train, path, self.max_categories, self.notation.formats, wanted)
        self._identified_by = self.recorded.identified_by if self.recorded else [column["name"] for column in columns]
        if digests is None:  # of the columns that are used, which are known only now
            digests = self._digests(table, targets, self._identified_by)
        items = digests[order.numpy()]
        del digests
        kept = {"features": columns, "separator": self.separator, **self.notation.kept()}
        shape = (len(input_names(columns)),)
        if classes:
            values = labels[order]
            self._spec = DataSpec("classification", shape, len(classes), tuple(classes), columns=kept)
        else:
            values, scale = self._scaled(targets, order, len(train))
            names = tuple(self.targets)
            self._spec = DataSpec("regression", shape, len(names), target_names=names, columns=kept, **scale)
        inputs, begin = encode(table, columns, path, order), 0
        for part, size in sizes.items():
            self.splits[part] = inputs[begin : begin + size], values[begin : begin + size]
            self.items[part] = items[begin : begin + size]
            begin += size

    @property
    def identified_by(self) -> Sequence[str]:
        return self._identified_by

    def _digests(self, table: pl.DataFrame, targets: pl.DataFrame, columns: Sequence[str]) -> Digests:
        path = Path(str(self.paths["train"]))
        return row_digests([*chosen_columns(path, table, columns), *targets])

    def _is_text(self, name: str) -> bool:
        """Categories; and what is not used need not hold what it promises."""
        if self.trained and self.trained.columns and name not in self.targets:
            return name not in self.notation.formats
        used = self.features is None or name in self.features or name in self.targets
        return not used or name in (*self.categorical, *self.ignore, self.split_column)

    def _names(self, path: Path, columns: Sequence[str]) -> list[str]:
        """The columns to predict from."""
        asked = {
            "target": self.targets,
            "features": self.features or [],
            "ignore": self.ignore,
            "categorical": self.categorical,
            "split_column": [self.split_column] if self.split_column else [],
        }
        for option, names in asked.items():
            for name in names:
                if name not in columns:
                    near = column_hint(option, name, names, columns)
                    raise UserError(f"data.{option}={name}: {path} has no such column{near}")
                if names.count(name) > 1:
                    raise UserError(f"data.{option}={names}: {name} stands there twice")
        for name in self.notation.date_format if isinstance(self.notation.date_format, Mapping) else ():
            if name not in columns:
                raise UserError(f"data.date_format: {path} has no column {name}{did_you_mean(name, columns)}")
        if not self.targets:
            raise UserError("data.target=[]: name the column to predict")
        both = {*self.ignore, *asked["split_column"]}.intersection(self.targets)
        if both:
            raise UserError(f"data.target: {min(both)} is ignored or the split")
        left_out = {*self.targets, *self.ignore, *asked["split_column"]}
        both = left_out.intersection(asked["features"])
        if both:
            raise UserError(f"data.features: {min(both)} is to be predicted, ignored or the split")
        names = [name for name in (columns if self.features is None else self.features) if name not in left_out]
        if not names:
            raise UserError(f"{path}: has no column to predict {', '.join(self.targets)} from")
        return names

    def _classes(self, path: Path, targets: pl.DataFrame) -> list[str]:
        """The classes to predict, in alphabetical order; none for numbers."""
        for column in targets:
            if column.n_unique() == 1:
                raise UserError(f"{path}: {column.name} is {column[0]} in every row; there is nothing to predict")
            if column.dtype.is_temporal():
                raise UserError(f"data.target={column.name}: holds dates, and only numbers or classes are predicted")
            if column.dtype == pl.String and len(targets.columns) > 1:
                raise UserError(f"data.target={self.targets}: {column.name} is text; several targets must be numbers")
        column = targets.to_series()
        if column.dtype != pl.String:
            return []
        found, known = column.unique().sort().to_list(), self.trained.class_names if self.trained else ()
        return list(known) if set(found) <= set(known) else found

    def _scaled(self, targets: pl.DataFrame, order: Tensor, train: int) -> tuple[Tensor, dict[str, Any]]:
        """Targets (N, targets) of mean 0 and deviation 1 over the training rows, which come first; and the two."""
        values = targets.cast(pl.Float64).to_torch()[order]
        center, spread = values[:train].mean(dim=0), values[:train].std(dim=0, unbiased=False)
        spread = torch.where(spread > 0, spread, 1)
        mean, std = torch.zeros_like(center), torch.ones_like(spread)
        known = self.trained if self.trained and len(self.trained.target_mean) == values.shape[1] else None
        if known:
            mean, std = (torch.tensor(of, dtype=torch.float64) for of in (known.target_mean, known.target_std))
        elif self.scale_target:
            mean, std = center, spread
        scale = {"target_mean": tuple(mean.tolist()), "target_std": tuple(std.tolist())}
        scale["target_center"] = known.target_center if known else tuple(center.tolist())
        scale["target_spread"] = known.target_spread if known else tuple(spread.tolist())
        scaled = values.sub_(mean).div_(std).float()
        for name, finite in zip(self.targets, scaled.isfinite().all(dim=0).tolist(), strict=True):
            if not finite:
                raise UserError(f"data.target={name}: holds numbers too large to compute with; change their unit")
        return scaled, scale
