"""Search space: the params of the config and the command line, and their conditions."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Any, TypeVar

from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.types import Override

from leyden.sweeps.param_values import Choices, Numbers, Param, override_key, parse, parse_values, plain
from leyden.system.errors import UserError
from leyden.system.suggestions import did_you_mean

T = TypeVar("T")
_NOT_SEARCHED = ("sweep", "hydra", "paths", "resume", "monitor", "mode")
_MISSING = object()


class SearchSpace:
    """Params of a search, each after those that it depends on.

    Args:
        params: the setting `sweep.params`.
        typed: params of the command line, which replace those of the same name.
        constants: names that were typed with one value, which are not searched.
        lookup: value of a name that is not searched; raises KeyError if there is none.
        loader: Hydra's, to expand `glob(*)`.

    Raises:
        UserError: for the first mistake.
    """

    def __init__(
        self,
        params: Any,
        typed: Mapping[str, Override],
        constants: Iterable[str],
        lookup: Callable[[str], Any],
        loader: ConfigLoader | None = None,
    ) -> None:
        if not isinstance(params, Mapping):
            raise UserError(f"sweep.params={params}: must be a mapping, as in optimizer.lr: interval(1e-4,1e-1)")
        self._lookup = lookup
        constants = set(constants)
        entries = {str(name): entry for name, entry in params.items() if entry is not None and name not in constants}
        found = {name: _param(name, entry, loader) for name, entry in entries.items()}
        for key, override in typed.items():
            name = key.lstrip("+")
            before = found.get(name)
            found[name] = Param(key, parse_values(override), before.when if before else {})
        for name in found:
            if name.partition(".")[0].partition("/")[0] in _NOT_SEARCHED:
                raise UserError(f"{name}: cannot be searched; it configures the sweep itself")
        for param in found.values():
            _check_conditions(param, found, lookup)
        ordered = [found[name] for name in _order(found)]
        reached: dict[str, Param] = {}
        for param in ordered:  # without those whose condition is never met
            if all(_may_hold(param, key, reached, found, lookup) for key in param.when):
                reached[param.name] = param
        self._params = list(reached.values())
        if not self._params:
            raise UserError(
                "sweep.params: there is nothing to search; give ranges, as in 'optimizer.lr=interval(1e-3,1e-1)'"
            )

    def __iter__(self) -> Iterator[Param]:
        return iter(self._params)

    def is_active(self, param: Param, texts: Mapping[str, str]) -> bool:
        """True if the values of the params before it meet a param's condition."""
        for key, allowed in param.when.items():
            if any(key == other.name for other in self._params):
                value = plain(texts[key]) if key in texts else _MISSING
            else:
                value = self._lookup(key)
            if not any(_same(value, one) for one in allowed):
                return False
        return True

    def examples(self) -> list[dict[str, str]]:
        """Values that together contain both bounds or every choice of each param."""
        found: list[dict[str, str]] = []
        for param in self._params:
            for text in param.values.examples():
                if not any(example.get(param.name) == text for example in found):
                    found.append(self._example({**self._needed(param), param.name: text}))
        return found

    def try_out(self, make: Callable[[dict[str, str]], T]) -> list[T]:
        """Results of a function for all examples.

        Raises:
            UserError: for the first wrong example; for a bound of a range the message names the range.
        """
        made = []
        for texts in self.examples():
            try:
                made.append(make(texts))
            except UserError as error:
                ends = [one.values for one in self if str(error).startswith(f"{one.name}=")]
                ranges = [f"; the range is {end.low} to {end.high}" for end in ends if isinstance(end, Numbers)]
                raise UserError(f"{error}{''.join(ranges)}") from error
        return made

    def describe(self) -> dict[str, Any]:
        """Plain values, to compare the space with that of another invocation."""
        return {
            param.name: {"values": repr(param.values), **({"when": dict(param.when)} if param.when else {})}
            for param in sorted(self._params, key=lambda param: param.name)
        }

    def _needed(self, param: Param) -> dict[str, str]:
        """Values of others that meet a param's condition."""
        needed: dict[str, str] = {}
        for other in self._params:
            if other.name in param.when:
                needed |= self._needed(other) | {other.name: _first(other, param.when[other.name])}
        return needed

    def _example(self, wanted: Mapping[str, str]) -> dict[str, str]:
        texts: dict[str, str] = {}
        for param in self._params:
            if self.is_active(param, texts):
                texts[param.name] = wanted.get(param.name, param.values.examples()[0])
        return texts


def _param(name: str, entry: Any, loader: ConfigLoader | None) -> Param:
    where = f"sweep.params.{name}"
    when: dict[str, list[Any]] = {}
    if isinstance(entry, Mapping):
        if unknown := sorted(str(key) for key in entry.keys() - {"value", "when"}):
            hint = f"; a param of its own is typed as '{name}.{unknown[0]}=interval(…)'"
            raise UserError(f"{where}.{unknown[0]}: unknown key; a param has value and when{hint}")
        conditions = entry.get("when") or {}
        if not isinstance(conditions, Mapping):
            raise UserError(f"{where}.when={conditions}: must be a mapping, as in {{optimizer: sgd}}")
        when = {str(key): value if isinstance(value, list) else [value] for key, value in conditions.items()}
        entry = entry.get("value")
    if entry is None or isinstance(entry, list | Mapping):
        raise UserError(f"{where}: must be a range or choices, as in interval(0,1), range(1,9) or choice(a,b)")
    text = str(entry).lower() if isinstance(entry, bool) else str(entry)
    return Param(override_key(name), parse_values(parse(name, text, loader)), when)


def _check_conditions(param: Param, found: Mapping[str, Param], lookup: Callable[[str], Any]) -> None:
    for key, allowed in param.when.items():
        where = f"sweep.params.{param.name}.when.{key}"
        if key not in found:
            try:
                lookup(key)
            except KeyError as error:
                raise UserError(f"{where}: unknown key" + did_you_mean(key, found)) from error
            continue
        values = found[key].values
        if isinstance(values, Choices):
            for one in allowed:
                if not any(_same(plain(text), one) for text in values.texts):
                    raise UserError(f"{where}={one}: is not among its values" + did_you_mean(str(one), values.texts))
        elif not any(isinstance(one, int | float) and values.low <= one <= values.high for one in allowed):
            raise UserError(f"{where}={allowed[0]}: is never drawn; the range is {values.low} to {values.high}")


def _order(found: Mapping[str, Param]) -> list[str]:
    sorter = TopologicalSorter({name: [key for key in param.when if key in found] for name, param in found.items()})
    try:
        return list(sorter.static_order())
    except CycleError as error:
        raise UserError(f"sweep.params: these depend on each other: {' → '.join(error.args[1])}") from error


def _may_hold(
    param: Param, key: str, reached: Mapping[str, Param], found: Mapping[str, Param], lookup: Callable[[str], Any]
) -> bool:
    return key in reached if key in found else any(_same(lookup(key), one) for one in param.when[key])


def _first(param: Param, allowed: Iterable[Any]) -> str:
    """First text of a param that a condition allows."""
    values = param.values
    if isinstance(values, Choices):
        return next(text for text in values.texts if any(_same(plain(text), one) for one in allowed))
    return next(
        values.text(one) for one in allowed if isinstance(one, int | float) and values.low <= one <= values.high
    )


def _same(value: Any, other: Any) -> bool:
    """True if equal as values or as typed texts; `1` is not `true`."""
    return isinstance(value, bool) == isinstance(other, bool) and (value == other or str(value) == str(other))
