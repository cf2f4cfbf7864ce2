"""Where the pictures of a folder lie: in parts, and in a folder for each class."""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from leyden.data.images import class_indices
from leyden.data.pictures import EXTENSIONS, is_picture
from leyden.errors import UserError

PARTS = ("train", "val", "test")
Files = Mapping[str, Mapping[str, Sequence[Path]]]  # of each class, of each part

_MISNAMED = {"training": "train", "valid": "val", "validation": "val", "dev": "val", "testing": "test"}


def part_folders(root: Path) -> dict[str, Path]:
    """The folder of each part: `root/train` and, where there are such, `root/val` and `root/test`; else `root` itself.

    Raises:
        UserError: there is no such folder, or it holds parts by other names.
    """
    if not root.is_dir():
        raise UserError(f"data.root={root}: " + ("is a file, not a folder" if root.exists() else "no such folder"))
    folders = _folders(root)
    for name, meant in _MISNAMED.items():
        if name in folders and ("train" in folders or meant == "train"):
            raise UserError(f"data.root={root}: rename its folder {name} to {meant}")
    if "train" in folders:
        return {part: root / part for part in PARTS if part in folders}
    for part in PARTS[1:]:
        if part in folders:
            raise UserError(f"data.root={root}: has a folder {part}, but none called train")
    return {"train": root}


def class_names(folder: Path) -> tuple[str, ...]:
    """The classes that the folder of a part holds, in the order of their names.

    Raises:
        UserError: fewer than two.
    """
    names = tuple(_folders(folder))
    if not names:
        loose = any(map(is_picture, folder.iterdir()))
        why = "pictures lie in it; put each into a folder for its class" if loose else "it has no folders of classes"
        raise UserError(f"data.root: {folder}: {why}")
    if len(names) == 1:
        raise UserError(f"data.root: {folder}: there is only one class, {names[0]}; it takes two or more")
    return names


def files_of(folders: Mapping[str, Path], chosen: Sequence[str] | None) -> Files:
    """The pictures of each class of each part, in the order of their names.

    Args:
        folders: of the parts.
        chosen: names of the classes to keep; None for all.

    Raises:
        UserError: there are no pictures, or classes differ from part to part.
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
    wanted = names if chosen is None else [name for name in names if name in chosen]
    files = {part: {name: _pictures(folder / name) for name in wanted} for part, folder in folders.items()}
    if not any(files["train"].values()):
        kinds = ", ".join(sorted(EXTENSIONS)).replace(".", "")
        raise UserError(f"data.root: {folders['train']}: there are no pictures ({kinds}) in the folders of its classes")
    return files


def refuse_empty_classes(files: Files, folders: Mapping[str, Path]) -> None:
    """Each class has pictures to train on, and to validate with where these come on their own.

    Raises:
        UserError: one has none.
    """
    for part, classes in files.items():
        for name, pictures in classes.items():
            if pictures or part == "test":
                continue
            raise UserError(
                f"data.root: {folders[part] / name}: there are no pictures of this class; add some, or choose others "
                "with data.classes"
            )
        if not any(classes.values()):
            raise UserError(f"data.root: {folders[part]}: there are no pictures; add some, or delete the folder")


def _folders(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))


def _pictures(folder: Path) -> list[Path]:
    return sorted(_walk(folder), key=Path.as_posix)


def _walk(folder: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (path for name in names if is_picture(path := Path(place, name)))
