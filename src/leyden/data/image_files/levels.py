"""Black and white levels of images with more than 8 bits: the same for all images of a run, kept with its network."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from leyden.data.spec import DataSpec

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Levels:
    """Values that become 0 and 1.

    Attributes:
        black: of a file with more than 8 bits in each channel.
        white: of the same.
        mixed: True if there are images of 8 bits, too, with 0 and 255 as black and white; otherwise they are refused,
            because it is unknown how their values compare.
    """

    black: float
    white: float
    mixed: bool = False

    def __str__(self) -> str:
        return f"black {self.black:,.7g}, white {self.white:,.7g}"


MARGIN = 0.1  # of the range; values farther beyond it cause a warning
ALL_16_BITS = Levels(0.0, 65535.0)


def levels_of(spec: DataSpec) -> Levels | None:
    """Levels that a network was trained with; None if all its images had 8 bits."""
    return Levels(*spec.value_range, spec.mixed_depths) if spec.value_range else None


def warn_of_out_of_range(names: Sequence[str], levels: Levels | None) -> None:
    """Log, in one line, the inputs of a prediction with values far beyond black and white, if there are any."""
    if names:
        log.warning(
            "input: %d images, such as %s, hold values far beyond those of training (%s); they are not clipped",
            len(names),
            min(names),
            levels,
        )
