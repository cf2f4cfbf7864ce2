"""Tables: numbers or classes, predicted from the columns of a CSV file."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import polars as pl
import torch
from torch import Tensor

from leyden.data.classes import Classes, warn_of_absent_classes
from leyden.data.digests import ItemDigests, row_digests, with_labels, with_targets
from leyden.data.in_memory import InMemory
from leyden.data.spec import DataSpec
from leyden.data.tables.column_types import Encoding, encode, fit, input_names
from leyden.data.tables.column_warnings import warn_of_unread
from leyden.data.tables.columns import Columns
from leyden.data.tables.labels import as_labels
from leyden.data.tables.notation import Notation, spelled
from leyden.data.tables.reader import lines_of, read_names
from leyden.data.tables.remedies import remedies_add_to
from leyden.data.tables.split_files import chosen_columns, read_splits
from leyden.data.tables.targets import Targets
from leyden.system.errors import UserError

_TEXT = ("classification", "multilabel")  # kinds of targets that are read as text


class CSV(InMemory):
    """The rows of a CSV file with a header, which may be compressed by gzip, bzip2 or xz.

    Columns of numbers or dates (yyyy-mm-dd) are standardised, all others are categories. Times (07:30), months,
    quarters, dates of one possible order and numbers of one unit (5 kg, 3 %) are read as such, with a warning.
    Encodings are fitted on the training split only, and kept in the `spec`, so that a checkpoint is enough to read
    further files. Rows without a target are left out. A column without a name is left out if it only numbers or labels
    the rows; otherwise it is called column_1, ... by its position. The task determines the target (`target_kind`):
    numbers for regression; for classification classes, of text or a few different numbers; for multilabel columns of
    yes and no. Classes are in natural order: 1, 2, 10.

    Args:
        path: the file.
        target: the column to predict, or several columns of numbers, or of yes and no.
        features: the columns to predict from; null for all others.
        ignore: columns to leave out.
        categorical: columns whose numbers are names, such as postal codes. A target that is named here is a class.
        val_path: a file of the same columns to validate on, in place of a split.
        test_path: the same to test on.
        split_column: a column with train, val or test in each row.
        test_size: of the test split if neither a file nor a column has it: a count, or a fraction below 1.
        scale_target: standardise numbers to predict, for training.
        separator: between fields, one character; `\\t` for a tab, `\\s+` for columns that are aligned by blanks. null
            is a comma, or a tab in a file that ends in .tsv.
        missing: further words for a missing value, in addition to an empty field, `?` and those of pandas (NA, NULL,
            n/a, None, ...): a word, a number or a list of them.
        decimal: the decimal mark, such as `,` in 0,5.
        thousands: the separator of groups of three digits, such as `,` in 1,234.
        date_format: of other dates, in the notation of strptime (%d/%m/%Y), or one for each column.
        max_categories: a column of text with more different values is refused; so are classes of more different
            numbers, unless `categorical` names the target.
        skip_lines: lines above the header, such as a title.

    The others are those of DataModule.
    """

    ITEM: ClassVar = "row"
    INPUT_SHAPE: ClassVar = ("features",)  # their number is known once the file is read

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
        missing: list[str | float | bool | None] | str | float | bool | None = None,
        decimal: str = ".",
        thousands: str | None = None,
        date_format: str | dict[str, str] | None = None,
        max_categories: int = 100,
        skip_lines: int = 0,
        **settings: Any,
    ) -> None:
        super().__init__(**settings)
        self.paths = {"train": path, "val": val_path, "test": test_path}
        self._typed = {
            "target": target if isinstance(target, list) else [target],
            "features": features,
            "ignore": ignore,
            "categorical": categorical,
            "split": None if split_column is None else [split_column],
        }
        self.columns = Columns.of(self._typed)
        self._rows: dict[str, Tensor] = {}
        self.test_size, self.scale_target = test_size, scale_target
        if separator is None:
            separator = "\t" if Path(path).suffix.lower() in (".tsv", ".tab") else ","
        separator = separator.replace(r"\t", "\t")  # as a shell passes it on
        self.separator, self.skip_lines = separator, skip_lines
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
            f"{kind}{', '.join(self.columns.target)} to predict"
        )

    def setup(self, stage: str | None = None) -> None:
        if self.splits:
            return
        lists = {"target": self.columns.target, "ignore": self.columns.ignore, "categorical": self.columns.categorical}
        with remedies_add_to({**lists, "missing": self.notation.missing}):
            self._read()

    def _read(self) -> None:
        path = Path(str(self.paths["train"]))
        if self._trained:
            self.notation = replace(Notation.of_training(self._trained), date_format=self.notation.date_format)
        self.columns = Columns.of(self._typed, read_names(path, **self._format, used=self.columns.named))
        wanted = self._targets(path)
        wanted.check()
        encodings: Sequence[Encoding] = self._trained["features"] if self._trained else []
        known = [column["name"] for column in encodings]
        self.columns.check_trained(known)
        table, parts = self._read_splits(known)
        targets = pl.DataFrame([table.drop_in_place(name) for name in self.columns.target])
        if wanted.are_labels:
            targets = as_labels(path, targets)
        classes = wanted.read(targets, table)
        self._number = len(table)
        # without classes the label 0 for each row, which takes no memory
        labels = classes.labels if classes else torch.zeros((), dtype=torch.int64).expand(len(table))
        recorded = self.recorded.identified_by if self.recorded else None
        digests = _digests(path, table, recorded, targets, classes) if recorded is not None else None
        rows = self.divide(labels, parts, self.test_size, digests)
        if classes and self.recorded and (is_known := classes.are_known(self._known_classes)) is not None:
            classes = classes.only_known(self._known_classes, path)
            labels, rows = classes.labels, {part: chosen[is_known[chosen]] for part, chosen in rows.items()}
        sizes, order = [len(chosen) for chosen in rows.values()], torch.cat(list(rows.values()))
        rows = dict(zip(rows, torch.split(order, sizes), strict=True))  # views: of millions of rows every copy counts
        del parts
        if encodings:
            table = chosen_columns(path, table, known)
        else:
            kept = {*self.columns.categorical, *(self.columns.features or ())}
            encodings = fit(table, rows["train"], path, self.max_categories, self.notation.formats, kept)
            warn_of_unread(path, self.notation.unread, [column["name"] for column in encodings])
        self._identified_by = [column["name"] for column in encodings] if recorded is None else recorded
        if digests is None:  # of the columns that are used, which are known only now
            digests = _digests(path, table, self._identified_by, targets, classes)
        for part, chosen in rows.items():
            self.note_items(part, digests, chosen)
        del digests
        values = self._set_spec(encodings, classes, targets, order, sizes[0])
        inputs = encode(table, encodings, path, order)
        for part, of, to in zip(rows, torch.split(inputs, sizes), torch.split(values, sizes), strict=True):
            self.splits[part] = of, to
        self._rows = {part: chosen.clone() for part, chosen in rows.items() if part != "train"}
        wanted.log_interpretation(targets, classes)  # once nothing can be refused any more
        if classes:
            labels_of = {part: of for part, (_, of) in self.splits.items()}
            warn_of_absent_classes(labels_of, classes.names, "rows", is_trained=self.reference_spec is not None)

    def _read_splits(self, known: Sequence[str]) -> tuple[pl.DataFrame, dict[str, Tensor]]:
        """The columns that are used, with all rows of all files, and the rows of each split."""
        named, decided = self.columns.named, bool(known) or self.columns.features is not None
        reading = {
            **self._format,
            "notation": self.notation,
            "is_text": self._is_text,
            "used": named,
            "is_input": self.columns.is_input,
            "wanted": lambda name: name in (*named, *known) if decided or name in named else None,
        }
        split = next(iter(self.columns.split), None)
        return read_splits(self.paths, self._inputs, self.columns.target, split, reading)

    def _set_spec(
        self, encodings: Sequence[Encoding], classes: Classes | None, targets: pl.DataFrame, order: Tensor, train: int
    ) -> Tensor:
        """Set the spec, and return the targets (N, ...) in this order of the rows, with training rows first."""
        wide = [column.name for column in targets if column.dtype == pl.Float64]
        columns = {"features": encodings, **self._format, **self.notation.recorded(), "wide_targets": wide}
        columns = dict(self._trained or columns)
        shape = (len(input_names(encodings)),)
        if classes:
            self._spec = DataSpec("classification", shape, len(classes.names), classes.names, columns=columns)
            return classes.labels[order]
        names = tuple(self.columns.target)
        if self._kind == "multilabel":
            self._spec = DataSpec("multilabel", shape, len(names), target_names=names, columns=columns)
            return targets.to_torch()[order]
        values, scale = self._scaled(targets, order, train)
        self._spec = DataSpec("regression", shape, len(names), target_names=names, columns=columns, **scale)
        return values

    @property
    def _format(self) -> dict[str, Any]:
        return {"separator": self.separator, "skip_lines": self.skip_lines}

    @property
    def _trained(self) -> Mapping[str, Any] | None:
        """The columns that a network was trained on."""
        return self.reference_spec.columns if self.reference_spec else None

    @property
    def _kind(self) -> str | None:
        return self.reference_spec.task if self.reference_spec else self.target_kind

    @property
    def _known_classes(self) -> tuple[str, ...]:
        return self.reference_spec.class_names if self.reference_spec else self.class_order

    def _targets(self, path: Path) -> Targets:
        """The columns to predict, as the task or a trained network needs them."""
        return Targets(
            path,
            self.columns.target,
            self._kind,
            self.columns.categorical,
            self.max_categories,
            self._known_classes,
            is_trained=self.reference_spec is not None,
            may_change=self.columns.features is None,
        )

    def item_names(self, split: str) -> list[str] | None:
        """The line of each row in its file; None for the training split."""
        if split not in self._rows:
            return None
        lines, is_text = list[int](), self._spec.task in _TEXT
        for part, path in self.paths.items():
            if path:
                search = part != "train"
                lines += lines_of(
                    Path(path), self.columns.target, self.notation, **self._format, search=search, are_text=is_text
                )
        assert len(lines) == self._number  # or rows would get the lines of others
        return [str(lines[row]) for row in self._rows[split].tolist()]

    @property
    def identified_by(self) -> Sequence[str]:
        return self._identified_by

    def _is_text(self, name: str) -> bool:
        """True if a column is not parsed; in the data of a trained network, by its checkpoint."""
        if self._trained and name not in self.columns.target:
            return name not in self.notation.formats
        return (name in self.columns.target and self._kind in _TEXT) or self.columns.is_text(name)

    def _inputs(self, path: Path, columns: Sequence[str]) -> list[str]:
        form = self.notation.date_format
        return self.columns.inputs(path, columns, form if isinstance(form, Mapping) else ())

    def _scaled(self, targets: pl.DataFrame, order: Tensor, train: int) -> tuple[Tensor, dict[str, Any]]:
        """Targets (N, targets) of mean 0 and deviation 1 over the training rows, which come first; and the scale."""
        values = targets.cast(pl.Float64).to_torch()[order]
        known = self.reference_spec
        if known and len(known.target_mean) == values.shape[1]:
            scale = {f"target_{of}": getattr(known, f"target_{of}") for of in ("mean", "std", "center", "spread")}
        else:
            center, spread = values[:train].mean(dim=0), values[:train].std(dim=0, unbiased=False)
            spread = torch.where(spread > 0, spread, 1)
            of = {"target_center": center, "target_spread": spread}
            of |= {"target_mean": center if self.scale_target else torch.zeros_like(center)}
            of |= {"target_std": spread if self.scale_target else torch.ones_like(spread)}
            scale = {name: tuple(numbers.tolist()) for name, numbers in of.items()}
        mean, std = (torch.tensor(scale[name], dtype=torch.float64) for name in ("target_mean", "target_std"))
        scaled = values.sub_(mean).div_(std).float()
        for name, finite in zip(self.columns.target, scaled.isfinite().all(dim=0).tolist(), strict=True):
            if not finite:
                raise UserError(f"data.target={name}: holds numbers too large to compute with; change their unit")
        return scaled, scale


def _digests(
    path: Path, table: pl.DataFrame, columns: Sequence[str], targets: pl.DataFrame, classes: Classes | None
) -> ItemDigests:
    """Digests of the rows by some columns and the targets."""
    inputs = row_digests(list(chosen_columns(path, table, columns)))
    return with_labels(inputs, classes.labels, classes.names) if classes else with_targets(inputs, list(targets))
