"""Files of torchvision's classification data sets, known without importing torch."""

from pathlib import Path
from typing import Any

# What a data set has in its root once it has been downloaded, if that is not a folder of its own name.
_PLACES = {
    "Caltech101": "caltech101",
    "Caltech256": "caltech256",
    "CIFAR10": "cifar-10-batches-py",
    "CIFAR100": "cifar-100-python",
    "Country211": "country211",
    "DTD": "dtd",
    "EuroSAT": "eurosat",
    "FER2013": "fer2013",
    "FGVCAircraft": "fgvc-aircraft-2013b",
    "Flowers102": "flowers-102",
    "Food101": "food-101",
    "GTSRB": "gtsrb",
    "ImageNet": "train",
    "Imagenette": "imagenette2",
    "OxfordIIITPet": "oxford-iiit-pet",
    "PCAM": "pcam",
    "Places365": "categories_places365.txt",
    "RenderedSST2": "rendered-sst2",
    "SEMEION": "semeion.data",
    "StanfordCars": "stanford_cars",
    "STL10": "stl10_binary",
    "SVHN": "train_32x32.mat",
    "USPS": "usps.bz2",
}


def torchvision_download(root: str, name: str, **_: Any) -> str | None:
    """The name of a data set of torchvision that is not in `root`; None if it is there."""
    return None if Path(root, _PLACES.get(name, name)).exists() else name
