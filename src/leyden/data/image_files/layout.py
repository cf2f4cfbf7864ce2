"""Layout of an image folder: splits (train, val, test), and a folder for each class."""

import logging
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from leyden.data.classes import natural_order
from leyden.data.image_files.formats import KINDS, is_image_file
from leyden.data.image_files.listing import Listing, Skipped, list_images
from leyden.data.images import class_indices
from leyden.system.errors import UserError

log = logging.getLogger(__name__)

PARTS = ("train", "val", "test")
Files = Mapping[str, Mapping[str, Sequence[Path]]]  # by part and class

_WORDS = {
    "train": r"train(ing)?",
    "val": r"val(id|idate|idation)?|dev(el|elopment)?",
    "test": r"test(ing)?",
    "val or test": r"eval(uate|uation)?",
}
_MEANT = {part: re.compile(rf"(?:{words})(set|data|images)?") for part, words in _WORDS.items()}


def part_folders(root: Path) -> dict[str, Path]:
    """Folder of each part: `root/train` and, if they exist, `root/val` and `root/test`; else `root` itself.

    Raises:
        UserError: `root` does not exist, or has parts by other names or folders beside the parts.
    """
    if not root.is_dir():
        raise UserError(f"data.root={root}: " + ("is a file, not a folder" if root.exists() else "no such folder"))
    folders = _folders(root)
    meant = {name: part for name in folders if (part := _part(name))}
    if "train" in folders:
        strangers = [name for name in folders if name not in PARTS and _holds_images(root / name)]
        _refuse_names(root, folders, {name: meant[name] for name in strangers if name in meant})
        if strangers:
            raise UserError(
                f"data.root={root}: its folder {strangers[0]} is beside train, and is neither val nor test; move it "
                "away, or rename train if that is a class"
            )
        return {part: root / part for part in PARTS if part in folders}
    training = [name for name, part in meant.items() if part == "train"]
    if training and (len(meant) == len(folders) or not any(_is_class(root / name) for name in training)):
        _refuse_names(root, folders, {name: part for name, part in meant.items() if name not in PARTS})
    for name in meant:
        if name in PARTS or len(meant) == len(folders):
            raise UserError(f"data.root={root}: has a folder {name}, but none called train")
    return {"train": root}


def class_names(folder: Path) -> tuple[str, ...]:
    """Classes in the folder of a part, in natural order: 1, 2, 10 and class2, class10.

    Torchvision's ImageFolder has 1, 10, 2; a run keeps the order of its checkpoint.

    Raises:
        UserError: fewer than two, or folders that hold the classes themselves.
    """
    names = tuple(_folders(folder))
    if not names:
        loose = "there are images in it; put each into a folder for its class"
        why = loose if _is_class(folder) else "it has no folders of classes"
        raise UserError(f"data.root: {folder}: {why}")
    if len(names) == 1:
        raise UserError(f"data.root: {folder}: there is only one class, {names[0]}; two or more are needed")
    inner = _folders(folder / names[0])
    if len(inner) > 1 and all(_folders(folder / name) == inner and not _is_class(folder / name) for name in names):
        raise UserError(
            f"data.root: {folder}: {' and '.join(names[:2])} hold the same folders, {inner[0]}, {inner[1]}, …, and no "
            "images beside them; if these are the classes, rename the folders around them to train, val and test"
        )
    return names


def files_of(folders: Mapping[str, Path], chosen: Sequence[str] | None) -> Files:
    """Image files of each class of each part, in the order of their names.

    Args:
        chosen: names of the classes to keep; None for all.

    Raises:
        UserError: there are no images, or the parts have different classes.
    """
    names = class_names(folders["train"])
    if chosen is not None:
        class_indices(chosen, names)
    for folder in folders.values():
        for name in _folders(folder):
            if name not in names:
                raise UserError(
                    f"data.root: {folder / name}: there is no class {name} in {folders['train']}; add it, or delete it"
                )
    wanted = sorted(names if chosen is None else chosen)  # as text: the split of older runs depends on the order
    skipped, files = Skipped(), dict[str, dict[str, Sequence[Path]]]()
    for part, folder in folders.items():
        files[part] = {}
        for name in wanted:
            place = folder / name
            found = _images(place)
            files[part][name] = [place / path for path in found.names]
            skipped.extend(found.skipped, f"{folder.name}/{name}")
        for path in sorted(folder.iterdir()):
            if is_image_file(path) and path.is_file():
                skipped.add("beside the folders of classes", f"{folder.name}/{path.name}")
    if not any(files["train"].values()):
        where = f"data.root: {folders['train']}"
        raise UserError(f"{where}: there are no images ({KINDS}) in the folders of its classes{_others(skipped)}")
    if len(skipped):
        log.warning("data.root: %d files are skipped as no images of a class: %s", len(skipped), skipped)
    return files


def refuse_empty_classes(files: Files, folders: Mapping[str, Path]) -> None:
    """Check that each class has images to train on and, if there is a folder of them, to validate on."""
    for part, classes in files.items():
        for name, images in classes.items():
            if images or part == "test":
                continue
            others = _others(_images(folders[part] / name).skipped)
            raise UserError(
                f"data.root: {folders[part] / name}: there are no images of this class{others}; add some, or choose "
                "others with data.classes"
            )
        if not any(classes.values()):
            raise UserError(f"data.root: {folders[part]}: there are no images; add some, or delete the folder")


def _others(skipped: Skipped) -> str:
    if not len(skipped):
        return ""
    return f", but files that cannot be read as such: {skipped}; convert them to png or jpg"


def _part(name: str) -> str | None:
    """The part that a folder such as `Validation`, `test_set` or `seg_train` is for; None for other folders."""
    words = re.split(r"[^a-z]+", name.lower())
    return next((part for word in words for part, meant in _MEANT.items() if meant.fullmatch(word)), None)


def _refuse_names(root: Path, folders: Sequence[str], wrong: Mapping[str, str]) -> None:
    names = {part: part for part in PARTS if part in folders}
    for name, part in wrong.items():
        if part in names:
            both = f"{names[part]} and {name}"
            raise UserError(f"data.root={root}: its folders {both} are both for {part}; move one away")
        names[part] = name
    if wrong:
        renamed = ", ".join(f"{name} to {part}" for name, part in wrong.items())
        raise UserError(f"data.root={root}: rename its folder {renamed}")


def _is_class(folder: Path) -> bool:
    return any(map(is_image_file, folder.iterdir()))


def _holds_images(folder: Path) -> bool:
    return bool(list_images(folder, onerror=lambda _: None).names)


def _images(folder: Path) -> Listing:
    return list_images(folder) if folder.is_dir() else Listing([], Skipped())


def _folders(folder: Path) -> list[str]:
    return natural_order(path.name for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
