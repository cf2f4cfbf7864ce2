"""Tables: numbers or classes, predicted from the columns of a CSV file."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import polars as pl
import torch
from torch import Tensor

from leyden.data.memory import InMemory
from leyden.data.spec import DataSpec
from leyden.data.tables.encoding import encode, fit, input_names
from leyden.data.tables.names import as_named
from leyden.data.tables.parts import chosen_columns, read_parts
from leyden.data.tables.remedies import as_list, column_hint, remedies_add_to
from leyden.data.tables.table import names_in
from leyden.errors import UserError


class CSV(InMemory):
    """The rows of a CSV file with a header, which may be compressed by gzip, bzip2 or xz.

    Columns of numbers or dates (yyyy-mm-dd) are standardised, all others are categories. What is fitted is fitted on
    the training split only, and stands in the `spec`, so that a checkpoint is enough to read further files. Rows
    without a target are left out. A column without a name is left out if it only numbers or labels the rows; otherwise
    it is called column_1, ... by its position. A target of numbers is for regression, one of text for classification.

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
        separator: between fields, one character; `\\t` for a tab, `\\s+` for columns that are aligned by blanks. null
            is a comma, or a tab in a file that ends in .tsv.
        missing: what stands for a missing value, beside an empty field, NA, N/A, NaN, null, None and ?.
        max_categories: a column of more different values is refused.
        skip_lines: lines above the header, such as a title.

    The others are those of DataModule.
    """

    INPUT_SHAPE: ClassVar = ("features",)  # how many is known once the file is read

    def __init__(
        self,
        path: str,
        target: str | int | float | bool | list[str | int | float | bool | None],
        features: list[str | int | float | bool | None] | None = None,
        ignore: list[str | int | float | bool | None] | None = None,
        categorical: list[str | int | float | bool | None] | None = None,
        val_path: str | None = None,
        test_path: str | None = None,
        split_column: str | int | float | bool | None = None,
        test_size: float = 0.2,
        scale_target: bool = True,
        separator: str | None = None,
        missing: list[str | float] | None = None,
        max_categories: int = 100,
        skip_lines: int = 0,
        **settings: Any,
    ) -> None:
        super().__init__(**settings)
        self.paths = {"train": path, "val": val_path, "test": test_path}
        self._typed = {
            "target": target if isinstance(target, list) else [target],
            "features": features,
            "ignore": ignore or [],
            "categorical": categorical or [],
            "split_column": [] if split_column is None else [split_column],
        }
        self._name_columns(())
        self.test_size, self.scale_target = test_size, scale_target
        if separator is None:
            separator = "\t" if Path(path).suffix.lower() in (".tsv", ".tab") else ","
        separator = separator.replace(r"\t", "\t")  # as a shell hands it on
        self.reading: dict[str, Any] = {
            "separator": separator,
            "missing": list(map(str, missing or [])),
            "skip_lines": skip_lines,
        }
        self.missing: list[str] = self.reading["missing"]
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
        with remedies_add_to({"ignore": self.ignore, "categorical": self.categorical, "missing": self.missing}):
            self._read()

    def _read(self) -> None:
        path = Path(str(self.paths["train"]))
        self.header = names_in(path, self.reading, self._name_columns(()))
        asked = self._name_columns(self.header)
        trained = self.trained.columns["features"] if self.trained and self.trained.columns else []
        known = [column["name"] for column in trained]
        decided = bool(known) or self.features is not None
        reading = {
            **self.reading,
            "is_text": self._is_text,
            "asked": asked,
            "is_input": lambda name: name not in (*self.targets, *self.ignore, self.split_column),
            "wanted": lambda name: name in (*asked, *known) if decided or name in asked else None,
        }
        table, parts = read_parts(self.paths, self._names, self.targets, self.split_column, reading)
        targets = pl.DataFrame([table.drop_in_place(name) for name in self.targets])
        classes = self._classes(path, targets)
        labels = torch.zeros((), dtype=torch.int64).expand(len(table))
        if classes:
            labels = targets.to_series().replace_strict(classes, range(len(classes))).to_torch().long()
        rows = self.divide(labels, parts, self.test_size)
        sizes = {part: len(chosen) for part, chosen in rows.items()}
        order = torch.cat(list(rows.values()))  # one split behind the other, so that each is a part and not a copy
        del parts, rows  # of millions of rows every list of them counts
        train = order[: sizes["train"]]
        if trained:
            columns, table = trained, chosen_columns(path, table, known)
        else:
            columns = fit(table, train, table.columns, path, self.max_categories)
        kept = {"features": columns, **self.reading}
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
            begin += size

    def _name_columns(self, names: Sequence[str]) -> list[str]:
        """Write the columns of all settings as the header does, and return them."""
        found = {
            option: [as_named(name, names) for name in asked]
            for option, asked in self._typed.items()
            if asked is not None
        }
        self.targets, self.features = found["target"], found.get("features")
        self.ignore, self.categorical = found["ignore"], found["categorical"]
        self.split_column = found["split_column"][0] if found["split_column"] else None
        return [name for asked in found.values() for name in asked]

    def _is_text(self, name: str) -> bool:
        """Categories; and what is not used need not hold what it promises."""
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
            dropped = [name for name in self.header if name not in columns]
            remedy = f"; to use the column without a name, add {as_list('features', dropped[0])}" if dropped else ""
            raise UserError(f"{path}: has no column to predict {', '.join(self.targets)} from{remedy}")
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
