"""What a search may try, in Hydra's own grammar: `interval(1e-4,1e-1)`, `tag(log,…)`, `range(1,9,2)`, `choice(a,b)`."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import IntervalSweep, Override, RangeSweep
from hydra.errors import HydraException

from leyden.config.messages.hydra_errors import explain
from leyden.system.errors import UserError

_TAGS = {"log", "int"}


@dataclass(frozen=True)
class Numbers:
    """Numbers between two ends, which belong to them.

    Attributes:
        log: drawn evenly on a logarithmic scale.
        whole: integers.
        step: from one to the next; None where there is no such.
    """

    low: float
    high: float
    log: bool = False
    whole: bool = False
    step: float | None = None

    def text(self, value: Any) -> str:
        """A value as it would be typed, to the last digit."""
        return str(int(value)) if self.whole else repr(float(value))

    def examples(self) -> list[str]:
        return list(dict.fromkeys([self.text(self.low), self.text(self.high)]))


@dataclass(frozen=True)
class Choices:
    """One of several values, each as it would be typed."""

    texts: tuple[str, ...]

    def text(self, value: Any) -> str:
        return str(value)

    def examples(self) -> list[str]:
        return list(self.texts)


@dataclass(frozen=True)
class Param:
    """One thing that is searched.

    Attributes:
        key: as Hydra takes it, `++optimizer.lr`.
        values: what it may be.
        when: for each key that it depends on, the plain values with which it is searched; else it is not set.
    """

    key: str
    values: Numbers | Choices
    when: Mapping[str, list[Any]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """As it is typed."""
        return self.key.lstrip("+")


def as_key(name: str) -> str:
    """A name as Hydra takes it: `++optimizer.lr` for a value, `model` for a group."""
    return f"++{name}" if "." in name and not name.startswith("+") else name


def parse(name: str, text: str, loader: ConfigLoader | None = None) -> Override:
    """What is typed as `name=text`.

    Raises:
        UserError: it cannot be read.
    """
    try:
        return OverridesParser.create(config_loader=loader).parse_override(f"{as_key(name)}={text}")
    except HydraException as error:
        why = "cannot be read; write interval(0,1), range(1,9), choice(a,b) or a value"
        raise UserError(f"sweep.params.{name}={text}: {why}") from error


def plain(text: str) -> Any:
    """The value that a text stands for."""
    return parse("value", text).value()


def values_of(override: Override) -> Numbers | Choices:
    """What an override may be: a space, a choice, or the one value that it is.

    Raises:
        UserError: it is no space.
    """
    value, told = override.value(), str(override.input_line).lstrip("+")
    if isinstance(value, IntervalSweep | RangeSweep) and (unknown := {str(tag) for tag in value.tags} - _TAGS):
        raise UserError(f"{told}: there is no tag {min(unknown)}; there are log and int")
    if isinstance(value, IntervalSweep):
        assert value.start is not None
        assert value.end is not None
        whole = "int" in value.tags or (isinstance(value.start, int) and isinstance(value.end, int))
        return _numbers(told, value.start, value.end, "log" in value.tags, whole)
    if getattr(value, "shuffle", False):
        raise UserError(f"{told}: a search has an order of its own; leave shuffle out")
    if isinstance(value, RangeSweep):
        return _range(told, value)
    if not override.is_sweep_override():
        return Choices((override.get_value_element_as_str(),))
    try:
        texts = tuple(dict.fromkeys(override.sweep_string_iterator()))
    except HydraException as error:
        raise UserError(f"{told}: {explain(error)}") from error
    if not texts:
        raise UserError(f"{told}: there is nothing to choose from")
    return Choices(texts)


def _numbers(told: str, low: float, high: float, log: bool, whole: bool, step: float | None = None) -> Numbers:
    if not (math.isfinite(low) and math.isfinite(high)):
        raise UserError(f"{told}: both ends must be finite")
    if low > high:
        raise UserError(f"{told}: the first end must be the smaller one")
    if log and low <= 0:
        raise UserError(f"{told}: on a logarithmic scale both ends must be greater than 0")
    if whole and (low != int(low) or high != int(high)):
        raise UserError(f"{told}: both ends must be whole numbers")
    return Numbers(int(low), int(high), log, True, step) if whole else Numbers(low, high, log, False, step)


def _range(told: str, value: RangeSweep) -> Numbers:
    """A range as Hydra has it: without its end."""
    if not value.step:
        raise UserError(f"{told}: the step must not be 0")
    numbers = list(value.range())
    if not numbers:
        raise UserError(f"{told}: there is nothing in this range")
    if value.tags:
        raise UserError(f"{told}: a range takes no tag; write int(interval(…)), or tag(log,interval(…))")
    whole = all(isinstance(number, int) for number in numbers)
    return _numbers(told, min(numbers), max(numbers), False, whole, abs(value.step))
