"""leyden.data.torchvision_files: where torchvision's data sets are, without importing it."""

import inspect
from pathlib import Path

import pytest
from torchvision import datasets

from leyden.data.torchvision_files import _PLACES, torchvision_download
from leyden.data.vision import CLASSIFICATION, TorchvisionImages


def test_a_data_set_is_needed_until_its_files_are_there(tmp_path: Path) -> None:
    assert TorchvisionImages.needs_download(root=str(tmp_path), name="USPS", size=32) == "USPS"
    (tmp_path / "usps.bz2").touch()
    assert torchvision_download(str(tmp_path), "USPS") is None


@pytest.mark.parametrize("name", sorted(_PLACES.keys() - {"ImageNet", "Imagenette", "DTD"}))  # made of other names
def test_places_are_those_in_the_source_of_torchvision(name: str) -> None:
    assert name in CLASSIFICATION
    source = inspect.getsource(inspect.getmodule(getattr(datasets, name)))  # type: ignore[arg-type]
    assert f'"{_PLACES[name]}"' in source
