"""Bit depths of the images of a folder, and the black and white levels for images with more than 8 bits."""

import logging
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from leyden.data.image_files.file_cache import cached_facts
from leyden.data.image_files.formats import suffix_of
from leyden.data.image_files.levels import MARGIN, Levels
from leyden.data.image_files.opening import cause, open_image
from leyden.data.image_files.wide_samples import is_wide, read_samples
from leyden.data.recorded_split import NEW
from leyden.data.threads import in_threads
from leyden.system.errors import UserError
from leyden.system.override_text import setting

log = logging.getLogger(__name__)

RECORD = ".ranges.json"
_EIGHT_BITS = frozenset({".jpg", ".jpeg", ".jpe", ".jfif", ".bmp", ".gif", ".webp"})  # formats without another depth
_PNG = b"\x89PNG\r\n\x1a\n"

SKIP = "data.verify=true data.skip_broken=true leaves out such files"  # remedies for a file that cannot be read
RESTORE = "restore it, or delete it if it was added"  # of a run that is resumed, whose settings cannot be changed
Range = tuple[float, float]


def wide_images(root: Path, names: Sequence[str]) -> set[str]:
    """Files under `root` with more than 8 bits in each channel, by their headers; without broken ones."""
    candidates = [name for name in names if suffix_of(name) not in _EIGHT_BITS]
    answers = in_threads(lambda name: _is_wide_file(root / name), candidates, "Reading headers")
    return {name for name, answer in zip(candidates, answers, strict=True) if answer}


def value_ranges(root: Path, names: Sequence[str], remedy: str = SKIP) -> dict[str, Range]:
    """Least and largest sample of files with more than 8 bits. Each is decoded once, until it changes.

    Raises:
        UserError: a file is broken; with the remedy.
    """
    compute = partial(_range, remedy=remedy)
    facts = cached_facts(root, names, RECORD, compute, (float, float), "Measuring images")
    return {name: (least, largest) for name, (least, largest) in facts.items()}


def choose_levels(
    root: Path,
    splits: Mapping[str, Collection[str]],
    chosen: Sequence[float] | None,
    trained: Levels | None,
    is_trained: bool,
    is_resumed: bool = False,
) -> Levels | None:
    """Levels for all images of a folder; None where all have 8 bits.

    By default, black is 0, or the least value of the training split if that is negative; white is its largest value. A
    folder that mixes bit depths needs the setting data.value_range.

    Args:
        splits: names of the files of train, val, test and, if there are items that the run did not have, `new`.
        chosen: the setting data.value_range.
        trained: levels of a trained network.
        is_trained: True if there is a trained network.
        is_resumed: True if a run is resumed, whose settings cannot be changed.

    Raises:
        UserError: bit depths are mixed, or differ from those that the network was trained on.
    """
    names = [name for split in splits.values() for name in split]
    wide = wide_images(root, names)
    narrow = next((name for name in names if name not in wide), None)
    if is_trained:
        _refuse_other_depth(root, min(wide, default=None), narrow, trained)
        levels = trained
    elif chosen is not None:
        levels = Levels(chosen[0], chosen[1], mixed=True)
    elif not wide:
        return None
    else:
        remedy = RESTORE if is_resumed else SKIP
        measured = value_ranges(root, sorted(wide.intersection(splits["train"]) or wide), remedy)
        levels = _levels_of(measured)
        if narrow is not None:
            value_range = setting("data.value_range", [_plain(levels.black), _plain(levels.white)])
            choice = "" if is_resumed else f", or set black and white of the deeper ones: {value_range}"
            raise UserError(
                f"data.root={root}: {len(wide):,} of {len(names):,} images have more than 8 bits a channel, such as "
                f"{min(wide)}, and the others 8, such as {narrow}, whose values do not compare; save all alike{choice}"
            )
        log.info("data.value_range=null: images with more than 8 bits have %s, as in the training split", levels)
    if wide and levels:
        _warn_beyond(root, splits, wide, levels, RESTORE if is_resumed else SKIP)
    return levels


def other_depth(root: Path, names: Sequence[str], trained: Levels | None, known: str | None) -> list[str]:
    """Images with another bit depth than the images of a run.

    Args:
        trained: levels of the run's network; None if its images have 8 bits, or if it is not trained yet.
        known: an image of the run, which decides if the network is not trained yet; None if it is.
    """
    if trained is not None and trained.mixed:
        return []
    is_deep = trained is not None if known is None else bool(wide_images(root, [known]))
    wide = wide_images(root, names)
    return [name for name in names if (name in wide) != is_deep]


def _refuse_other_depth(root: Path, wide: str | None, narrow: str | None, trained: Levels | None) -> None:
    if wide is not None and trained is None:
        raise UserError(
            f"data.root={root}: {wide} has more than 8 bits a channel, and the network was trained on 8, or by a "
            "version that kept the upper 8; save the images with 8 bits, or train again"
        )
    if narrow is not None and trained is not None and not trained.mixed:
        raise UserError(
            f"data.root={root}: {narrow} has 8 bits a channel, and the network was trained on images with more "
            f"({trained}); save it like them, or train again with data.value_range"
        )


def _warn_beyond(
    root: Path, splits: Mapping[str, Collection[str]], wide: set[str], levels: Levels, remedy: str
) -> None:
    margin = MARGIN * (levels.white - levels.black)
    for split, names in splits.items():
        try:
            ranges = value_ranges(root, sorted(wide.intersection(names)), remedy)
        except UserError:
            if split != NEW:
                raise
            continue  # a broken image that the run did not have is an error only when it is evaluated
        beyond = [n for n, (low, high) in ranges.items() if low < levels.black - margin or high > levels.white + margin]
        if beyond:
            log.warning(
                "data: %d images of %s, such as %s, hold values far beyond those of training (%s), and are not clipped",
                len(beyond),
                split,
                beyond[0],
                levels,
            )


def _levels_of(ranges: Mapping[str, Range]) -> Levels:
    black = min(0.0, *(low for low, _ in ranges.values()))
    white = max(high for _, high in ranges.values())
    return Levels(black, white if white > black else black + 1)


def _plain(value: float) -> float | int:
    return int(value) if value.is_integer() else value


def _is_wide_file(path: Path) -> bool:
    try:
        with path.open("rb", buffering=0) as file:
            start = file.read(25)
        if start.startswith(_PNG):
            return start[24:] == b"\x10"  # bits of each channel
        with open_image(path) as (image, _):
            return is_wide(image)
    except Exception:  # the error is raised where the file is decoded
        return False


def _range(path: Path, remedy: str) -> Range:
    """Least and largest sample of the pixels that are not transparent."""
    try:
        with open_image(path) as (image, _):
            values, alpha = read_samples(image, path)
    except Exception as error:  # each format's decoder has its own types
        raise UserError(f"{path}: cannot be read ({cause(error)}); {remedy}") from error
    seen = values if alpha is None else values[:, alpha > 0]
    return (float(np.min(seen)), float(np.max(seen))) if seen.size else (0.0, 0.0)
