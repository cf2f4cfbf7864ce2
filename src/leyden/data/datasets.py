"""Any Dataset of torch, with the arguments of torch's DataLoader."""

from collections.abc import Callable, Mapping
from typing import Any, Literal, Unpack

import torch
from torch import Tensor
from torch.utils.data import ConcatDataset, Dataset, IterableDataset, default_collate

from leyden.data.inference import check_settings, infer_spec
from leyden.data.item_loader import ItemLoader
from leyden.data.listed_labels import checked_labels
from leyden.data.loader import Loader, Order
from leyden.data.module import DataModule
from leyden.data.spec import DataSpec
from leyden.records.project_functions import project_function
from leyden.system.errors import UserError


class Datasets(DataModule):
    """Map-style data sets of torch, for training and, if there are such, for validation and test.

    A split without a data set of its own is taken from the training set, stratified by class if the data set has a list
    of its `targets`. Training order and random numbers of an item depend on seed and epoch only, so that a run resumes
    in the middle of an epoch. An item is usually a pair (inputs, target); batches of any structure are possible with a
    task that reads them.

    Args:
        train: data set to train on.
        val: data set for validation; null for a part of `train`.
        test: data set for the test; null for a part of `train`.
        test_size: of the test split, if there is no such data set: a count, or a fraction below 1; 0 for none.
        spec: facts about the data (see DataSpec) that replace those inferred from the first items.
        sampler: order of the training items: a Sampler, or a function of the training items that makes one.
        batch_sampler: their batches, likewise.
        collate_fn: makes a batch of a list of items, such as one that pads sequences. This and the other functions may
            be the dotted name of one in the project's package for data, such as `my_project.data.tokens.pad`.
        drop_last: leave out an incomplete last training batch.
        num_workers: processes that make items; 0 for none.
        pin_memory: null for true with a GPU.
        timeout: seconds to wait for a batch of a worker; 0 for any time.
        prefetch_factor: batches that each worker makes ahead.
        worker_init_fn: called in each worker with its number.
        multiprocessing_context: way in which workers are started.

    The others are those of DataModule.
    """

    def __init__(
        self,
        train: Dataset[Any],
        val: Dataset[Any] | None = None,
        test: Dataset[Any] | None = None,
        test_size: float = 0.2,
        spec: dict[str, Any] | None = None,
        sampler: Any = None,
        batch_sampler: Any = None,
        collate_fn: Callable[[list[Any]], Any] | str | None = None,
        drop_last: bool = False,
        num_workers: int = 0,
        pin_memory: bool | None = None,
        timeout: float = 0,
        prefetch_factor: int | None = None,
        worker_init_fn: Callable[[int], Any] | str | None = None,
        multiprocessing_context: Literal["fork", "spawn", "forkserver"] | None = None,
        **settings: Any,
    ) -> None:
        super().__init__(**settings)
        check_settings(spec or {})
        self.sets = {split: of for split, of in (("train", train), ("val", val), ("test", test)) if of is not None}
        for split, dataset in self.sets.items():
            _check_map_style(split, dataset)
        self.test_size, self.settings = test_size, dict(spec or {})
        self.sampler, self.batch_sampler = _function(sampler, "sampler"), _function(batch_sampler, "batch_sampler")
        self.drop_last = drop_last
        self.collate_fn = _function(collate_fn, "collate_fn") or default_collate
        self.worker_settings = {
            "num_workers": num_workers,
            "pin_memory": pin_memory,
            "timeout": timeout,
            "prefetch_factor": prefetch_factor,
            "init": _function(worker_init_fn, "worker_init_fn"),
            "multiprocessing_context": multiprocessing_context,
        }
        _check_workers(self.worker_settings)
        self.rows: dict[str, Tensor] = {}
        self._lists_labels = True
        self._spec: DataSpec | None = None
        self._loaders: dict[str, ItemLoader] = {}

    def setup(self, stage: str | None = None) -> None:
        if self.rows:
            return
        parts, labels, first = dict[str, Tensor](), list[Tensor](), 0
        for split, dataset in self.sets.items():
            size = len(dataset)  # type: ignore[arg-type]
            parts[split] = torch.arange(first, first + size)
            listed = checked_labels(dataset, size)
            self._lists_labels &= listed is not None
            labels.append(torch.zeros(size, dtype=torch.int64) if listed is None else listed)
            first += size
        self._labels = torch.cat(labels)
        self.rows = self.divide(self._labels, parts, self.test_size)
        self._all: ConcatDataset[Any] = ConcatDataset(list(self.sets.values()))

    @property
    def spec(self) -> DataSpec:
        if self._spec is None:
            self._spec = self.reference_spec or infer_spec(
                self.sample(2),
                self.loader("train"),
                self.settings,
                self.target_kind,
                self._class_names(),
                self._labels[self.rows["train"]] if self._lists_labels else None,
            )
        return self._spec

    @property
    def augmented(self) -> bool:
        return True  # as far as is known

    def describe(self) -> str:
        kind = type(self.sets["train"]).__name__
        sizes = ", ".join(f"{len(rows):,} {split}" for split, rows in self.rows.items())
        return f"{kind}: {sizes}; {self.spec.describe()}"

    def item_names(self, split: str) -> list[str]:
        """Position of each item in its own data set."""
        sizes = torch.tensor([0, *(len(dataset) for dataset in self.sets.values())]).cumsum(0)  # type: ignore[arg-type]
        rows = self.rows[split]
        return list(map(str, (rows - sizes[torch.searchsorted(sizes, rows, right=True) - 1]).tolist()))

    def loader(self, split: str, **order: Unpack[Order]) -> Loader:
        rows, is_ordered = self.rows[split], not order.get("shuffle")
        loader = ItemLoader(
            self._all,
            rows,
            self.size_of_batches(split),
            collate_fn=self.collate_fn,
            sampler=None if is_ordered else _made_for(self.sampler, self._all, rows),
            batch_sampler=None if is_ordered else _made_for(self.batch_sampler, self._all, rows),
            drop_last=self.drop_last and not is_ordered,
            workers=self.worker_settings,
            **order,
        )
        return loader

    def train_dataloader(self) -> Loader:
        return self._kept("train")

    def val_dataloader(self) -> Loader | list[Loader]:
        return self._kept("val") if len(self.rows["val"]) else []

    def test_dataloader(self) -> Loader | list[Loader]:
        return self._kept("test") if len(self.rows["test"]) else []

    def teardown(self, stage: str) -> None:
        for loader in self._loaders.values():
            loader.close()
        self._loaders.clear()

    def _kept(self, split: str) -> ItemLoader:
        if split in self._loaders:
            self._loaders[split].close()
        loader = self.loader(split, **self.order(split))
        assert isinstance(loader, ItemLoader)
        self._loaders[split] = loader
        return loader

    def _class_names(self) -> tuple[str, ...]:
        names = getattr(self.sets["train"], "classes", None)
        return tuple(map(str, names)) if isinstance(names, list | tuple) else ()


def _check_map_style(split: str, dataset: Any) -> None:
    kind = type(dataset).__name__
    if isinstance(dataset, IterableDataset) or not hasattr(dataset, "__len__") or not hasattr(dataset, "__getitem__"):
        raise UserError(
            f"data.{split}: {kind} is no map-style data set with __len__ and __getitem__; put a stream into a "
            "LightningDataModule of your own, which data._target_ can name"
        )


def _check_workers(settings: Mapping[str, Any]) -> None:
    if settings["num_workers"]:
        return
    for name in ("timeout", "prefetch_factor", "multiprocessing_context"):
        if settings[name]:
            raise UserError(f"data.{name}={settings[name]}: needs worker processes; add data.num_workers=2")


def _function(value: Any, name: str) -> Any:
    """A function of the project by its dotted name; anything else as it is."""
    return project_function(value, "data", f"data.{name}") if isinstance(value, str) else value


def _made_for(sampler: Any, dataset: Dataset[Any], rows: Tensor) -> Any:
    """A sampler, made for the training items if the setting is a function of them."""
    if sampler is None or hasattr(sampler, "__iter__"):
        return sampler
    return sampler(torch.utils.data.Subset(dataset, rows.tolist()))
