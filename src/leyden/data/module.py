"""What every datamodule publishes."""

from abc import abstractmethod

import lightning.pytorch as pl

from leyden.data.spec import DataSpec


class DataModule(pl.LightningDataModule):
    """A LightningDataModule that tells a model what it needs to know, once it is set up."""

    @property
    @abstractmethod
    def spec(self) -> DataSpec:
        """The facts that a model is built from."""

    @abstractmethod
    def describe(self) -> str:
        """What there is, with the size of each split, in one line."""
