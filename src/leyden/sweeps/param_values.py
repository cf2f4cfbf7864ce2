"""Values of a searched param, in Hydra's grammar: `tag(log,interval(1e-4,1e-1))`, `range(1,9,2)`, `choice(a,b)`."""

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
    """Numbers of a closed interval.

    Attributes:
        log: uniform on a logarithmic scale.
        whole: integers.
        step: between neighbours; None for a continuous range.
    """

    low: float
    high: float
    log: bool = False
    whole: bool = False
    step: float | None = None

    def text(self, value: Any) -> str:
        """Value as it would be typed, with all digits."""
        return str(int(value)) if self.whole else repr(float(value))

    def examples(self) -> list[str]:
        return list(dict.fromkeys([self.text(self.low), self.text(self.high)]))


@dataclass(frozen=True)
class Choices:
    """Several values, each as it would be typed."""

    texts: tuple[str, ...]

    def text(self, value: Any) -> str:
        return str(value)

    def examples(self) -> list[str]:
        return list(self.texts)


@dataclass(frozen=True)
class Param:
    """Setting that is searched.

    Attributes:
        key: in Hydra's form, `++optimizer.lr`.
        values: its possible values.
        when: for each key that it depends on, the values with which it is active; otherwise it is not set.
    """

    key: str
    values: Numbers | Choices
    when: Mapping[str, list[Any]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The key as it is typed."""
        return self.key.lstrip("+")


def override_key(name: str) -> str:
    """Key in Hydra's form: `++optimizer.lr` for a value, `model` for a group."""
    return f"++{name}" if "." in name and not name.startswith("+") else name


def parse(name: str, text: str, loader: ConfigLoader | None = None) -> Override:
    """Parsed override `name=text`.

    Raises:
        UserError: it cannot be parsed.
    """
    try:
        return OverridesParser.create(config_loader=loader).parse_override(f"{override_key(name)}={text}")
    except HydraException as error:
        why = "cannot be parsed; write interval(0,1), range(1,9), choice(a,b) or a value"
        raise UserError(f"sweep.params.{name}={text}: {why}") from error


def plain(text: str) -> Any:
    """Value that is typed as a text."""
    return parse("value", text).value()


def parse_values(override: Override) -> Numbers | Choices:
    """Possible values of an override: a range, choices, or its single value.

    Raises:
        UserError: the override has no possible values.
    """
    value, told = override.value(), str(override.input_line).lstrip("+")
    if isinstance(value, IntervalSweep | RangeSweep) and (unknown := {str(tag) for tag in value.tags} - _TAGS):
        raise UserError(f"{told}: unknown tag {min(unknown)}; there are log and int")
    if isinstance(value, IntervalSweep):
        assert value.start is not None
        assert value.end is not None
        whole = "int" in value.tags or (isinstance(value.start, int) and isinstance(value.end, int))
        return _numbers(told, value.start, value.end, "log" in value.tags, whole)
    if getattr(value, "shuffle", False):
        raise UserError(f"{told}: a search chooses its own order; leave shuffle out")
    if isinstance(value, RangeSweep):
        return _range(told, value)
    if not override.is_sweep_override():
        return Choices((override.get_value_element_as_str(),))
    try:
        texts = tuple(dict.fromkeys(override.sweep_string_iterator()))
    except HydraException as error:
        raise UserError(f"{told}: {explain(error)}") from error
    if not texts:
        raise UserError(f"{told}: there are no choices")
    return Choices(texts)


def _numbers(told: str, low: float, high: float, log: bool, whole: bool, step: float | None = None) -> Numbers:
    if not (math.isfinite(low) and math.isfinite(high)):
        raise UserError(f"{told}: both bounds must be finite")
    if low > high:
        raise UserError(f"{told}: the first bound must be the smaller one")
    if log and low <= 0:
        raise UserError(f"{told}: on a logarithmic scale both bounds must be greater than 0")
    if whole and (low != int(low) or high != int(high)):
        raise UserError(f"{told}: both bounds must be whole numbers")
    return Numbers(int(low), int(high), log, True, step) if whole else Numbers(low, high, log, False, step)


def _range(told: str, value: RangeSweep) -> Numbers:
    """Numbers of Hydra's range, which excludes its end."""
    if not value.step:
        raise UserError(f"{told}: the step must not be 0")
    numbers = list(value.range())
    if not numbers:
        raise UserError(f"{told}: the range is empty")
    if value.tags:
        raise UserError(f"{told}: a range takes no tag; write int(interval(…)), or tag(log,interval(…))")
    whole = all(isinstance(number, int) for number in numbers)
    return _numbers(told, min(numbers), max(numbers), False, whole, abs(value.step))
