"""Any LightningDataModule without a DataSpec, as Leyden uses it: set up once, reproducibly, with a spec."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import lightning as L
import torch
from lightning.pytorch.utilities.model_helpers import is_overridden
from torch.utils.data import DataLoader, IterableDataset

from leyden.data.batches import description
from leyden.data.inference import check_settings, infer_spec
from leyden.data.module import DataModule
from leyden.data.spec import DataSpec
from leyden.data.workers import seeded
from leyden.system.errors import UserError
from leyden.system.seeds import seed_for


@dataclass(frozen=True)
class SpecSettings:
    """Setting of a LightningDataModule beside its own arguments.

    Attributes:
        spec: facts about the data (see DataSpec) that replace those inferred from a batch.
    """

    spec: dict[str, Any] | None = None


class PlainData(DataModule):
    """LightningDataModule of any origin, which is used unchanged.

    Its methods are called once for each stage, with random numbers that depend on the seed only: a random split in
    `setup` is the same for training, test, a resumed run and eval.py. An interrupted run repeats its epoch, as loaders
    of torch have no position to resume from.

    Args:
        inner: the LightningDataModule.
        settings: of the spec; what is not set is inferred from a batch.
        seed: of its random numbers.
    """

    def __init__(self, inner: L.LightningDataModule, settings: Mapping[str, Any] | None = None, seed: int = 0) -> None:
        super().__init__(seed=seed)
        check_settings(settings or {})
        self.inner, self.settings = inner, dict(settings or {})
        self._done: set[str] = set()
        self._spec: DataSpec | None = None

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "trainer" and "inner" in vars(self):
            self.inner.trainer = value
        if name == "batch_size" and hasattr(vars(self).get("inner"), "batch_size"):
            self.inner.batch_size = value  # type: ignore[attr-defined]  # as scripts/find_batch_size.py does
        super().__setattr__(name, value)

    @property
    def spec(self) -> DataSpec:
        if self._spec is None:
            with seeded(seed_for(self.seed, "sample")):  # a loader of torch draws a seed
                batches = self._in_order("train")
                if not _is_of_items(batches) and "output_size" not in self.settings:
                    batches = ()  # a stream may have no end
                self._spec = self.reference_spec or infer_spec(
                    self.sample(2), batches, self.settings, self.target_kind, self._class_names()
                )
        return self._spec

    @property
    def augmented(self) -> bool:
        return True  # as far as is known

    def describe(self) -> str:
        sizes = ", ".join(f"{size} {split}" for split in ("train", "val", "test") if (size := self._size(split)))
        return f"{type(self.inner).__name__}: {sizes}; {self.spec.describe()}"

    def prepare_data(self) -> None:
        self._once("prepare_data", self.inner.prepare_data)

    def setup(self, stage: str | None = None) -> None:
        self._once(f"setup {stage}", lambda: self.inner.setup(str(stage)))

    def teardown(self, stage: str) -> None:
        self.inner.teardown(stage)
        self._done.discard(f"setup {stage}")

    def train_dataloader(self) -> Any:
        return self.inner.train_dataloader()

    def val_dataloader(self) -> Any:
        return self.inner.val_dataloader() if is_overridden("val_dataloader", self.inner) else []

    def test_dataloader(self) -> Any:
        return self.inner.test_dataloader() if is_overridden("test_dataloader", self.inner) else []

    def on_before_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:
        return self._hook("on_before_batch_transfer")(batch, dataloader_idx)

    def transfer_batch_to_device(self, batch: Any, device: torch.device, dataloader_idx: int) -> Any:
        return self._hook("transfer_batch_to_device")(batch, device, dataloader_idx)

    def on_after_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:
        return self._hook("on_after_batch_transfer")(batch, dataloader_idx)

    def _hook(self, name: str) -> Any:
        """A hook of the datamodule if it overrides it, otherwise that of the task, as Lightning chooses."""
        task = getattr(self.trainer, "lightning_module", None)
        return getattr(self.inner if task is None or is_overridden(name, self.inner) else task, name)

    def state_dict(self) -> dict[str, Any]:
        return self.inner.state_dict()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.inner.load_state_dict(state_dict)

    def loader(self, split: str, **order: Any) -> Any:
        """Batches of a split in their stored order, if the data set has one, on a device."""
        return _Transferred(self._in_order(split), self, order.get("device", "cpu"))

    def sample(self, number: int) -> Any:
        loader = self.train_dataloader()
        if not _is_of_items(loader):
            return None
        if loader.batch_size is None and loader.batch_sampler is None:  # items are batches
            return loader.dataset[0]
        size = min(number, len(loader.dataset))
        with seeded(seed_for(self.seed, "sample")):
            batch = loader.collate_fn([loader.dataset[place] for place in range(size)])
            return self.on_after_batch_transfer(self.on_before_batch_transfer(batch, 0), 0)

    def _in_order(self, split: str) -> Any:
        loader = getattr(self, f"{split}_dataloader")()
        if split != "train" or not _is_of_items(loader) or loader.batch_sampler is None:
            return loader
        return DataLoader(
            loader.dataset,
            batch_size=loader.batch_size or self.batch_size,
            collate_fn=loader.collate_fn,
            num_workers=loader.num_workers,
        )

    def _once(self, step: str, call: Any) -> None:
        if step not in self._done:
            with seeded(seed_for(self.seed, "setup")):  # the same for each stage, which often repeat a random split
                call()
            self._done.add(step)

    def _size(self, split: str) -> str:
        loader = getattr(self, f"{split}_dataloader")()
        try:
            return f"{len(loader.dataset):,}"
        except (TypeError, AttributeError, NotImplementedError):
            return ""

    def _class_names(self) -> tuple[str, ...]:
        dataset: Any = getattr(self.train_dataloader(), "dataset", None)
        while hasattr(dataset, "dataset"):  # a Subset
            dataset = dataset.dataset
        names = getattr(dataset, "classes", None)
        return tuple(map(str, names)) if isinstance(names, list | tuple) else ()


class _Transferred:
    """Batches of a loader of torch after the hooks of a datamodule for their transfer to a device."""

    def __init__(self, loader: Any, data: PlainData, device: torch.device | str) -> None:
        self._loader, self._data, self._device = loader, data, torch.device(device)

    def __len__(self) -> int:
        return len(self._loader)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self._loader, name)

    def __iter__(self) -> Iterator[Any]:
        for batch in self._loader:
            ready = self._data.on_before_batch_transfer(batch, 0)
            there = self._data.transfer_batch_to_device(ready, self._device, 0)
            yield self._data.on_after_batch_transfer(there, 0)


def _is_of_items(loader: Any) -> bool:
    """True for a loader of torch over a data set whose items have numbers."""
    return isinstance(loader, DataLoader) and not isinstance(loader.dataset, IterableDataset)


def as_datamodule(built: Any, settings: Mapping[str, Any] | None, seed: int) -> DataModule:
    """A datamodule as it is, or any other LightningDataModule as a `PlainData`.

    Raises:
        UserError: it is neither, or publishes a spec of its own and is given another.
    """
    if isinstance(built, DataModule):
        if settings:
            raise UserError(f"data.spec: {type(built).__name__} publishes a spec of its own; leave this out")
        return built
    if isinstance(built, L.LightningDataModule):
        return PlainData(built, settings, seed)
    kind = f"{type(built).__module__}.{type(built).__qualname__}"
    raise UserError(
        f"data._target_: makes {description(built)}, and must make a LightningDataModule; for a Dataset of torch write "
        f"data=dataset data.train._target_={kind}"
    )
