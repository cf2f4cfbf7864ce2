"""Black and white of images with more than 8 bits: one rule for all images of a run, kept with its network."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from leyden.data.spec import DataSpec

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Levels:
    """The values that become 0 and 1.

    Attributes:
        black: of a file with more than 8 bits in each channel.
        white: likewise.
        mixed: whether images of 8 bits, where 0 and 255 are black and white, stand beside them; otherwise they are
            refused, because nobody knows how their values compare.
    """

    black: float
    white: float
    mixed: bool = False

    def __str__(self) -> str:
        return f"black {self.black:,.7g}, white {self.white:,.7g}"


MARGIN = 0.1  # of the range; values that far beyond it are worth a warning, a little more than in training is not
ALL_16_BITS = Levels(0.0, 65535.0)


def levels_of(spec: DataSpec) -> Levels | None:
    """Those that a network was trained with; None where all its images had 8 bits."""
    return Levels(*spec.value_range, spec.mixed_depths) if spec.value_range else None


def warn_of_beyond(names: Sequence[str], levels: Levels | None) -> None:
    """Log, in one line, which inputs of a prediction hold values far beyond black and white; nothing for none."""
    if names:
        log.warning(
            "input: %d images, such as %s, hold values far beyond those of training (%s); they are not clipped",
            len(names),
            min(names),
            levels,
        )
