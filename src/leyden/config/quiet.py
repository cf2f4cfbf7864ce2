"""The setting `quiet` of a command: only errors are printed. It is no setting of its run, and is not recorded."""

from collections.abc import Iterable, Mapping
from typing import Any

from leyden.config.validation import check_switch

QUIET = "quiet"


def is_quiet(config: Mapping[Any, Any]) -> bool:
    """The value of the setting.

    Raises:
        UserError: it is neither true nor false.
    """
    check_switch(QUIET, value := config.get(QUIET, False))
    return bool(value)


def without_quiet(overrides: Iterable[str]) -> list[str]:
    """Overrides of the run alone."""
    return [override for override in overrides if override.lstrip("+~").partition("=")[0] != QUIET]
