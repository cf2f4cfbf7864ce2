"""Tables: numbers or classes, predicted from the columns of a CSV file."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import polars as pl
import torch
from torch import Tensor

from leyden.data.classes import warn_of_absent_classes
from leyden.data.digests import ItemDigests, row_digests, with_labels, with_targets
from leyden.data.in_memory import InMemory
from leyden.data.spec import DataSpec
from leyden.data.tables.column_types import encode, fit, input_names
from leyden.data.tables.columns import Columns
from leyden.data.tables.labels import no_labels
from leyden.data.tables.lines import lines_of
from leyden.data.tables.missing import spelled
from leyden.data.tables.notation import Notation, notation_of
from leyden.data.tables.reader import names_in
from leyden.data.tables.remedies import remedies_add_to
from leyden.data.tables.split_files import chosen_columns, read_parts
from leyden.data.tables.targets import Targets
from leyden.data.tables.unread import warn_of_unread
from leyden.system.errors import UserError


class CSV(InMemory):
    """The rows of a CSV file with a header, which may be compressed by gzip, bzip2 or xz.

    Columns of numbers or dates (yyyy-mm-dd) are standardised, all others are categories. Times (07:30), months,
    quarters, dates of one possible order and numbers of one unit (5 kg, 3 %) are read as such, with a warning. What is
    fitted is fitted on the training split only, and stands in the `spec`, so that a checkpoint is enough to read
    further files. Rows without a target are left out. A column without a name is left out if it only numbers or labels
    the rows; otherwise it is called column_1, ... by its position. The task decides what a target is (`target_kind`):
    numbers for regression; for classification classes, be they text or a few different numbers. Classes are in natural
    order: 1, 2, 10.

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
        missing: what stands for a missing value, beside an empty field, `?` and the words that pandas knows (NA, NULL,
            n/a, None, ...): a word, a number or a list of them.
        decimal: the decimal mark, such as `,` in 0,5.
        thousands: what separates groups of three digits, such as `,` in 1,234.
        date_format: of dates that are written in another way, as strptime has it (%d/%m/%Y), or one for each column.
        max_categories: a column of text with more different values is refused; so are classes of more different
            numbers, unless `categorical` names the target.
        skip_lines: lines above the header, such as a title.

    The others are those of DataModule.
    """

    ITEM: ClassVar = "row"
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
        separator = separator.replace(r"\t", "\t")  # as a shell hands it on
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
        if self.reference_spec and self.reference_spec.columns:
            self.notation = replace(notation_of(self.reference_spec.columns), date_format=self.notation.date_format)
        where = {"separator": self.separator, "skip_lines": self.skip_lines}
        self.columns = named = Columns.of(self._typed, names_in(path, where, self.columns.named))
        self._wanted(path).check()
        trained = self.reference_spec.columns["features"] if self.reference_spec and self.reference_spec.columns else []
        known = [column["name"] for column in trained]
        named.check_trained(known)
        decided = bool(known) or named.features is not None
        reading = {
            **where,
            "notation": self.notation,
            "is_text": self._is_text,
            "asked": named.named,
            "is_input": named.is_input,
            "wanted": lambda name: name in (*named.named, *known) if decided or name in named.named else None,
        }
        split = next(iter(named.split), None)
        table, parts = read_parts(self.paths, self._inputs, named.target, split, reading)
        targets = pl.DataFrame([table.drop_in_place(name) for name in named.target])
        wanted = self._wanted(path)
        classes = wanted.read(targets, table)
        self._number = len(table)
        labels = classes.labels if classes else no_labels(len(table))

        def digests_by(columns: Sequence[str]) -> ItemDigests:
            inputs = row_digests(list(chosen_columns(path, table, columns)))
            if classes:
                return with_labels(inputs, classes.labels, classes.names)
            return with_targets(inputs, list(targets))

        digests = digests_by(self.recorded.identified_by) if self.recorded else None
        rows = self.divide(labels, parts, self.test_size, digests)
        if classes and self.recorded and (is_known := classes.are_of(self._known_classes)) is not None:
            classes = classes.of_known(self._known_classes, path)
            labels, rows = classes.labels, {part: chosen[is_known[chosen]] for part, chosen in rows.items()}
        sizes = {part: len(chosen) for part, chosen in rows.items()}
        order = torch.cat(list(rows.values()))  # one split behind the other, so that each is a part and not a copy
        del parts, rows  # of millions of rows every list of them counts
        train = order[: sizes["train"]]
        if trained:
            columns, table = trained, chosen_columns(path, table, known)
        else:
            kept_anyway = {*named.categorical, *(named.features or ())}
            columns = fit(table, train, path, self.max_categories, self.notation.formats, kept_anyway)
            warn_of_unread(path, self.notation.unread, [column["name"] for column in columns])
        self._identified_by = self.recorded.identified_by if self.recorded else [column["name"] for column in columns]
        if digests is None:  # of the columns that are used, which are known only now
            digests = digests_by(self._identified_by)
        begin = 0
        for part, size in sizes.items():
            self.note_items(part, digests, order[begin : begin + size])
            begin += size
        del digests
        wide = [column.name for column in targets if column.dtype == pl.Float64]
        kept = {"features": columns, **where, **self.notation.kept(), "wide_targets": wide}
        if self.reference_spec and self.reference_spec.columns:
            kept = dict(self.reference_spec.columns)
        shape = (len(input_names(columns)),)
        if classes:
            values = labels[order]
            self._spec = DataSpec("classification", shape, len(classes.names), classes.names, columns=kept)
        else:
            values, scale = self._scaled(targets, order, len(train))
            names = tuple(named.target)
            self._spec = DataSpec("regression", shape, len(names), target_names=names, columns=kept, **scale)
        inputs, begin = encode(table, columns, path, order), 0
        for part, size in sizes.items():
            if part not in ("train", "val"):  # whose rows nobody asks for
                self._rows[part] = order[begin : begin + size].clone()
            self.splits[part] = inputs[begin : begin + size], values[begin : begin + size]
            begin += size
        wanted.tell(targets, classes)  # once nothing is refused any more
        if classes:
            labels_of = {part: of for part, (_, of) in self.splits.items()}
            warn_of_absent_classes(labels_of, classes.names, "rows", is_trained=self.reference_spec is not None)

    @property
    def _known_classes(self) -> tuple[str, ...]:
        return self.reference_spec.class_names if self.reference_spec else self.class_order

    def _wanted(self, path: Path) -> Targets:
        """The columns to predict, as the task or a trained network needs them."""
        return Targets(
            path,
            self.columns.target,
            self.reference_spec.task if self.reference_spec else self.target_kind,
            self.columns.categorical,
            self.max_categories,
            self._known_classes,
            is_trained=self.reference_spec is not None,
            may_change=self.columns.features is None,
        )

    def item_names(self, split: str) -> list[str]:
        """The line of each row in its file."""
        lines, is_text = list[int](), bool(self._spec.class_names)
        for part, path in self.paths.items():
            if path:
                where = self.separator, self.skip_lines
                lines += lines_of(Path(path), self.columns.target, self.notation, *where, part != "train", is_text)
        assert len(lines) == self._number  # or rows would be given lines of others
        return [str(lines[row]) for row in self._rows[split].tolist()]

    @property
    def identified_by(self) -> Sequence[str]:
        return self._identified_by

    def _is_text(self, name: str) -> bool:
        """Whether a column is text whatever it holds; in the data of a trained network, by its checkpoint."""
        if self.reference_spec and self.reference_spec.columns and name not in self.columns.target:
            return name not in self.notation.formats
        is_class = name in self.columns.target and self._wanted(Path()).are_classes
        return is_class or self.columns.is_text(name)

    def _inputs(self, path: Path, columns: Sequence[str]) -> list[str]:
        form = self.notation.date_format
        return self.columns.inputs(path, columns, form if isinstance(form, Mapping) else ())

    def _scaled(self, targets: pl.DataFrame, order: Tensor, train: int) -> tuple[Tensor, dict[str, Any]]:
        """Targets (N, targets) of mean 0 and deviation 1 over the training rows, which come first; and the two."""
        values = targets.cast(pl.Float64).to_torch()[order]
        center, spread = values[:train].mean(dim=0), values[:train].std(dim=0, unbiased=False)
        spread = torch.where(spread > 0, spread, 1)
        mean, std = torch.zeros_like(center), torch.ones_like(spread)
        known = (
            self.reference_spec
            if self.reference_spec and len(self.reference_spec.target_mean) == values.shape[1]
            else None
        )
        if known:
            mean, std = (torch.tensor(of, dtype=torch.float64) for of in (known.target_mean, known.target_std))
        elif self.scale_target:
            mean, std = center, spread
        scale = {"target_mean": tuple(mean.tolist()), "target_std": tuple(std.tolist())}
        scale["target_center"] = known.target_center if known else tuple(center.tolist())
        scale["target_spread"] = known.target_spread if known else tuple(spread.tolist())
        scaled = values.sub_(mean).div_(std).float()
        for name, finite in zip(self.columns.target, scaled.isfinite().all(dim=0).tolist(), strict=True):
            if not finite:
                raise UserError(f"data.target={name}: holds numbers too large to compute with; change their unit")
        return scaled, scale
