"""Pictures in folders: one folder for each class."""

import logging
import math
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from leyden.data.decoded import DecodedImages
from leyden.data.memory import Split
from leyden.data.pictures.broken import find_broken
from leyden.data.pictures.depths import choose_levels
from leyden.data.pictures.layout import Files, class_names, files_of, part_folders, refuse_empty_classes
from leyden.data.pictures.levels import Levels, levels_of
from leyden.data.pictures.picture import Channels, Picture, Read, read_alike
from leyden.errors import UserError

log = logging.getLogger(__name__)


class ImageFolder(DecodedImages):
    """Pictures as `root/train/<class>/…/<name>.jpg`, and likewise in `root/val` and `root/test` where there are such.

    Without `root/train`, the folders of the classes are those of `root`. Files are read whose suffix is that of a
    format that Pillow decodes (jpg, png, tif, pgm, jp2, …); of an animation, the first frame. A warning counts the
    others, but for hidden ones. Links to folders are followed.

    Images with more than 8 bits in each channel keep them: they are scaled by one black and one white for all images,
    and a network's own are used wherever it is. A folder that mixes depths is refused unless `value_range` is set.

    Args:
        root: the folder.
        verify: decode every file once before it is used. What was found is kept in `root`, so that the next time only
            files that are new or changed are decoded.
        skip_broken: leave out what cannot be decoded, which is an error otherwise.
        value_range: the values of black and white in images with more than 8 bits; images of 8 bits, with 0 and 255,
            may then stand beside them. Null for 0, or the least value where that is negative, and the largest value of
            the training split.

    The others are those of DecodedImages.
    """

    def __init__(
        self,
        root: str,
        verify: bool = True,
        skip_broken: bool = False,
        value_range: list[float] | None = None,
        **settings: Any,
    ) -> None:
        super().__init__(root, **settings)
        if skip_broken and not verify:
            raise UserError("data.skip_broken=true: data.verify=false does not find what is broken; set one of them")
        if value_range is not None and not (
            len(value_range) == 2 and -math.inf < value_range[0] < value_range[1] < math.inf
        ):
            raise UserError(f"data.value_range={value_range}: give black and a larger white, such as [0,65535]")
        self.verify, self.skip_broken, self.value_range = verify, skip_broken, value_range

    @cached_property
    def class_names(self) -> tuple[str, ...]:
        return class_names(part_folders(Path(self.root))["train"])

    def find(self) -> tuple[Read, dict[str, Split]]:
        try:
            folders = part_folders(Path(self.root))
            files = files_of(folders, self.classes)
            if self.verify:
                files = self._whole(files)
        except OSError as error:
            raise UserError(f"data.root={self.root}: cannot be read ({error})") from error
        refuse_empty_classes(files, folders)

        names, paths, parts = self.class_names, list[Path](), dict[str, Split]()
        for part, classes in files.items():
            labels = [names.index(name) for name, pictures in classes.items() for _ in pictures]
            parts[part] = torch.arange(len(paths), len(paths) + len(labels)), torch.tensor(labels)
            paths += [path for pictures in classes.values() for path in pictures]
        return FileReader(paths, self.channels), parts

    def choose_levels(self) -> None:
        reader, root = self.found[0], Path(self.root)
        assert isinstance(reader, FileReader)
        names = {
            split: [reader.paths[number].relative_to(root).as_posix() for number in numbers.tolist()]
            for split, (numbers, _) in self.splits.items()
        }
        trained = levels_of(self.trained) if self.trained else None
        self.levels = choose_levels(root, names, self.value_range, trained, self.trained is not None)
        reader.levels = self.levels

    def _whole(self, files: Files) -> Files:
        """Those that can be decoded."""
        root = Path(self.root)
        names = [
            path.relative_to(root).as_posix()
            for classes in files.values()
            for pictures in classes.values()
            for path in pictures
        ]
        faults = find_broken(root, names)
        if not faults:
            return files
        some = ", ".join(f"{name} ({fault})" for name, fault in list(faults.items())[:3])
        more = ", …" if len(faults) > 3 else ""
        found = f"data.root={root}: {len(faults):,} of {len(names):,} pictures cannot be read: {some}{more}"
        if not self.skip_broken:
            raise UserError(f"{found}; delete them, or leave them out with data.skip_broken=true")
        log.warning("%s; left out", found)
        broken = {root / name for name in faults}
        return {
            part: {name: [path for path in pictures if path not in broken] for name, pictures in classes.items()}
            for part, classes in files.items()
        }


class FileReader:
    """Reads image files by their number, all as those that a network is trained on."""

    def __init__(self, paths: Sequence[Path], channels: Channels, levels: Levels | None = None) -> None:
        self.paths, self.channels, self.levels = paths, channels, levels

    def __call__(self, number: int) -> Picture:
        path = self.paths[number]
        try:
            return read_alike(path, self.channels, self.levels)
        except Exception as error:  # each format's decoder has its own types
            why = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise UserError(
                f"{path}: cannot be read ({why}); data.verify=true data.skip_broken=true leaves out such files"
            ) from error
