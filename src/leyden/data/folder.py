"""Images in folders, one for each class."""

import logging
import math
import os
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from leyden.data.classes import warn_of_alike
from leyden.data.decoded import DecodedImages
from leyden.data.digests import Digests, digest
from leyden.data.image_files.bit_depths import RESTORE, SKIP, choose_levels, other_depth
from leyden.data.image_files.broken import check_files
from leyden.data.image_files.decoding import Channels, DecodedImage, Read, read_alike
from leyden.data.image_files.file_cache import state_of
from leyden.data.image_files.layout import Files, class_names, files_of, part_folders, refuse_empty_classes
from leyden.data.image_files.levels import Levels, levels_of
from leyden.data.image_files.opening import cause
from leyden.data.in_memory import Split
from leyden.data.recorded_split import RecordedSplit
from leyden.system.errors import UserError

log = logging.getLogger(__name__)


class ImageFolder(DecodedImages):
    """Images as `root/train/<class>/…/<name>.jpg`, and in `root/val` and `root/test` if these exist.

    Without `root/train`, the folders of the classes are those of `root`. Files are read if their suffix is that of a
    format that Pillow decodes (jpg, png, tif, pgm, jp2, …); of an animation, the first frame. A warning counts the
    others, except hidden ones. Links to folders are followed.

    Images with more than 8 bits in each channel keep them: they are scaled by one black and one white for all images,
    and a trained network keeps its own. A folder that mixes depths is refused unless `value_range` is set.

    Args:
        root: the folder.
        verify: decode every file once before it is used. The results are kept in `root`, so that only new or changed
            files are decoded the next time. Without it, a run recognises its files by name and size.
        skip_broken: leave out files that cannot be decoded, which are an error otherwise. If a run is resumed or
            evaluated they are left out anyway: the run did not have them, or its items are reported as changed.
        value_range: the values of black and white in images with more than 8 bits; there may then be images of 8 bits,
            too, with 0 and 255. Null for 0, or the least value if that is negative, and the largest value of the
            training split.

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
            raise UserError("data.skip_broken=true: data.verify=false does not find broken files; set one of them")
        if value_range is not None and not (
            len(value_range) == 2 and -math.inf < value_range[0] < value_range[1] < math.inf
        ):
            raise UserError(f"data.value_range={value_range}: must be black and a larger white, such as [0,65535]")
        self.verify, self.skip_broken, self.value_range = verify, skip_broken, value_range
        self._paths: list[Path] = []
        self._checked: dict[str, tuple[str, int]] = {}  # fault and digest of each file

    @cached_property
    def class_names(self) -> tuple[str, ...]:
        return class_names(part_folders(Path(self.root))["train"])

    def find(self) -> tuple[Read, dict[str, Split]]:
        try:
            folders = part_folders(Path(self.root))
            files = files_of(folders, self.classes)
            if self.verify:
                files = self._valid(files)
        except OSError as error:
            raise UserError(f"data.root={self.root}: cannot be read ({error})") from error
        known = self.ordered_classes if self.recorded else self.class_names  # without those added since the run
        of_run = {p: {name: paths for name, paths in of.items() if name in known} for p, of in files.items()}
        refuse_empty_classes(of_run, folders)
        warn_of_alike(list(files["train"]), f"data.root={self.root}")

        names, paths, parts = self.class_names, list[Path](), dict[str, Split]()
        for part, classes in files.items():
            labels = [names.index(name) for name, images in classes.items() for _ in images]
            parts[part] = torch.arange(len(paths), len(paths) + len(labels)), torch.tensor(labels)
            paths += [path for images in classes.values() for path in images]
        self._paths = paths
        return FileReader(paths, self.channels, remedy=RESTORE if self._is_resumed else SKIP), parts

    def choose_levels(self) -> None:
        reader = self.found[0]
        assert isinstance(reader, FileReader)
        root, trained = Path(self.root), levels_of(self.reference_spec) if self.reference_spec else None
        if self.recorded and self.recorded.is_kept and not self.is_other and self.value_range is None:
            self._leave_out_other_depths(self.recorded, trained)
        names = {split: self.item_names(split) for split in self.splits}
        is_trained = self.reference_spec is not None
        self.levels = choose_levels(root, names, self.value_range, trained, is_trained, self._is_resumed)
        reader.levels = self.levels

    def _leave_out_other_depths(self, recorded: RecordedSplit, trained: Levels | None) -> None:
        """Leave out of all splits the images that the run did not have and that have another bit depth than its own."""
        known, left_out = np.concatenate(list(recorded.items.values())), list[str]()
        one = None if self.reference_spec else next(iter(self.item_names("train")), None)
        for split, (numbers, labels) in self.splits.items():
            names, added = self.item_names(split), ~np.isin(self.items[split], known)
            other = other_depth(Path(self.root), [names[row] for row in np.flatnonzero(added)], trained, one)
            if other:
                kept = ~np.isin(names, other)
                rows = torch.from_numpy(kept)
                self.splits[split] = numbers[rows], labels[rows]
                self.numbers[split], self.items[split] = numbers[rows], self.items[split][kept]
                left_out += other
        if left_out:
            log.warning(
                "data.root=%s: %d images that the run did not have are left out, as they have another depth (bits a "
                "channel) than its own, such as %s",
                self.root,
                len(left_out),
                left_out[0],
            )

    @property
    def _is_resumed(self) -> bool:
        return self.recorded is not None and self.reference_spec is None

    @property
    def identified_by(self) -> Sequence[str]:
        return self.recorded.identified_by if self.recorded else ("content",) if self.verify else ("name", "size")

    def digests(self, numbers: Tensor) -> Digests:
        root, names = Path(self.root), [self._name(self._paths[number]) for number in numbers.tolist()]
        if tuple(self.identified_by) == ("content",):
            checked = self._checked or check_files(root, names)
            return np.array([checked[name][1] for name in names], dtype=np.uint64)
        sized = (f"{name}\0{state_of(root / name)[0]}" for name in names)
        return np.array([digest(os.fsencode(name)) for name in sized], dtype=np.uint64)

    def item_names(self, split: str) -> list[str]:
        return [self._name(self._paths[number]) for number in self.numbers[split].tolist()]

    def _name(self, path: Path) -> str:
        return path.relative_to(Path(self.root)).as_posix()

    def _valid(self, files: Files) -> Files:
        """Files that can be decoded."""
        root = Path(self.root)
        names = [self._name(path) for classes in files.values() for images in classes.values() for path in images]
        self._checked = check_files(root, names)
        faults = {name: fault for name, (fault, _) in self._checked.items() if fault}
        if not faults:
            return files
        some = ", ".join(f"{name} ({fault})" for name, fault in list(faults.items())[:3])
        more = ", …" if len(faults) > 3 else ""
        found = f"data.root={root}: {len(faults):,} of {len(names):,} images cannot be read: {some}{more}"
        if not self.skip_broken and self.recorded is None:  # broken items of a recorded split are reported as missing
            raise UserError(f"{found}; delete them, or leave them out with data.skip_broken=true")
        log.warning("%s; left out", found)
        broken = {root / name for name in faults}
        return {
            part: {name: [path for path in images if path not in broken] for name, images in classes.items()}
            for part, classes in files.items()
        }


class FileReader:
    """Reader of image files by their number, all like those that a network is trained on."""

    def __init__(
        self, paths: Sequence[Path], channels: Channels, levels: Levels | None = None, remedy: str = SKIP
    ) -> None:
        self.paths, self.channels, self.levels, self.remedy = paths, channels, levels, remedy

    def __call__(self, number: int) -> DecodedImage:
        path = self.paths[number]
        try:
            return read_alike(path, self.channels, self.levels)
        except Exception as error:  # each format's decoder has its own types
            raise UserError(f"{path}: cannot be read ({cause(error)}); {self.remedy}") from error
