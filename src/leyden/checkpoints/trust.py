"""Allow-list of classes that a checkpoint or a recorded config may name: both may come from another person.

Hydra's `instantiate` calls anything that a `_target_` names, so that a config is a program. Here a name must be that of
a class, in a trusted package and in the module that defines it: `leyden.run.os.system` begins well and is
`os.system`.
"""

import inspect
from collections.abc import Iterator, Mapping
from functools import partial
from importlib import import_module
from types import FunctionType
from typing import Any

import torch.fx
from torch import nn

from leyden.records.projects import present_name, project_packages
from leyden.system.errors import UserError

# The modules, with all below them, whose classes may be named, beside those of declared projects. None of these runs
# what an argument says; but callbacks and loggers write to any path, so that eval.py and predict.py build none of a
# run's, and a run should be resumed, as a program is run, only if its author is trusted.
TRUSTED = (
    "leyden",
    "torch.nn.modules",
    "torch.optim",
    "torchvision.models",
    "torchvision.ops",
    "torchvision.transforms",
    "torchmetrics.classification",
    "torchmetrics.regression",
    "lightning.pytorch.callbacks",
    "lightning.pytorch.loggers",
    "lightning.pytorch.plugins",
    "lightning.pytorch.profilers",
    "lightning.pytorch.strategies",
    "lightning.pytorch.trainer",
)
# The modules of a project whose functions may be named too: its learning-rate schedules, in a config only, and losses.
_FUNCTIONS = ("schedulers", "losses")

_RUN_CODE = (torch.fx.GraphModule, torch.jit.ScriptModule)
_MOST, _DEEPEST = 100_000, 50  # of the settings in one section: YAML's aliases make endless ones of a few lines


def build(node: Mapping[str, Any], kind: type, setting: str, **injected: Any) -> Any:
    """Object that the settings in a checkpoint describe, with the networks nested in them, built without Hydra.

    An argument `load`, of a network with pretrained weights, is False: the checkpoint brings its weights.

    Args:
        node: with `_target_`, the only special key beside `_partial_` of a loss function; strings are taken literally.
        kind: class of the object; nested objects must be networks.
        setting: name of the node, for messages.
        injected: further arguments, which replace those in the node.

    Raises:
        UserError: it names what is not trusted, or its class refuses the settings.
    """
    for place, value in _parts(node, setting, ("_target_", "_partial_")):
        if isinstance(value, Mapping) and "_partial_" in value and not _is_loss(value, place):
            raise UserError(f"{place}._partial_: may not be set here; only _target_ may")
    return _instantiate(node, kind, setting, injected)


def check(node: Any, setting: str, kind: type | None = None) -> None:
    """Refuse a section of a config that names what is not trusted, before Hydra builds it.

    Args:
        node: the section, resolved.
        setting: its name, for messages.
        kind: class that its own `_target_` must name, or a base of it; any by default.

    Raises:
        UserError: it does, or contains interpolations, which read the environment, or special keys of Hydra.
    """
    for place, value in _parts(node, setting, ("_target_", "_partial_")):
        if isinstance(value, str) and "${" in value:
            raise UserError(f"{place}={_short(value)}: must be a plain value, as a recorded config is resolved")
        if not isinstance(value, Mapping):
            continue
        if not isinstance(value.get("_partial_", False), bool):
            raise UserError(f"{place}._partial_={_short(value['_partial_'])}: must be true or false")
        if "_target_" in value:
            _resolve(value["_target_"], place, kind if place == setting else None, _functions())


def _instantiate(node: Any, kind: type, place: str, injected: Mapping[str, Any]) -> Any:
    if not isinstance(node, Mapping):
        raise UserError(f"{place}={_short(node)}: must be settings with a _target_")
    make = _resolve(node.get("_target_"), place, kind)
    try:
        own = {key: value for key, value in node.items() if key != "_target_" and key not in injected}
        settings = {key: _value(value, f"{place}.{key}") for key, value in own.items()}
        if _takes_load(make):
            settings["load"] = False
        return make(**settings, **injected)
    except UserError as error:
        raise UserError(_one_line(str(error))) from error
    except Exception as error:  # a class meets settings of any type and size
        why = f"{type(error).__name__}: {_short(error)}"
        raise UserError(f"{place}: {make.__name__} cannot be made of these settings ({why})") from error


def _value(value: Any, place: str) -> Any:
    if isinstance(value, Mapping):
        if "_partial_" in value:
            given = {key: _value(inner, f"{place}.{key}") for key, inner in value.items() if key[:1] != "_"}
            return partial(_resolve(value["_target_"], place, None, _functions()), **given)
        if "_target_" in value:
            return _instantiate(value, nn.Module, place, {})
        return {key: _value(inner, f"{place}.{key}") for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return type(value)([_value(inner, f"{place}.{number}") for number, inner in enumerate(value)])
    return value


def _resolve(target: Any, place: str, kind: type | None, functions: tuple[str, ...] = ()) -> Any:
    """Class of a dotted name, or a function of some modules. Nothing is imported that is not trusted.

    Raises:
        UserError: it is not trusted, not there, or not of the kind.
    """
    where = f"{place}._target_={_short(target)}"
    packages = dict.fromkeys(".".join(name.split(".")[:2]) for name in _trusted())
    foreign = UserError(
        f"{where}: a checkpoint or a recorded config may name only classes of {', '.join(packages)}; if you trust "
        'the package, declare it in pyproject.toml under [project.entry-points."leyden.projects"]'
    )
    trusted = _trusted()
    parts = present_name(target).split(".") if isinstance(target, str) else []
    if len(parts) < 2 or not all(part.isidentifier() and not part.startswith("_") for part in parts):
        raise foreign
    owner, name = ".".join(parts[:-1]), parts[-1]
    # A package above a trusted one may re-export its classes, as torch.nn does with those of torch.nn.modules.
    if not _below(owner, trusted) and not any(_below(module, (owner,)) for module in trusted):
        raise foreign
    try:
        found = vars(import_module(owner))[name]  # not getattr: a module may define __getattr__
    except Exception as error:  # not there, or its import fails in any way
        raise UserError(f"{where}: there is no such class now; check out the commit that wrote it") from error
    allowed = trusted if isinstance(found, type) else functions if isinstance(found, FunctionType) else ()
    if not allowed or found.__qualname__ != name or not _below(found.__module__, allowed):
        raise foreign
    if isinstance(found, type) and issubclass(found, _RUN_CODE):
        raise foreign
    if kind is not None and not (isinstance(found, type) and issubclass(found, kind)):
        raise UserError(f"{where}: must be a {kind.__name__}; was the file made for something else?")
    return found


def _trusted() -> tuple[str, ...]:
    return TRUSTED + project_packages()


def _functions() -> tuple[str, ...]:
    return tuple(f"{package}.{module}" for package in project_packages() for module in _FUNCTIONS)


def _is_loss(node: Mapping[str, Any], place: str) -> bool:
    """True if a node names a function among the losses of a project, and nothing else with `_partial_`."""
    losses = tuple(module for module in _functions() if module.endswith(".losses"))
    target = node.get("_target_")
    if node["_partial_"] is not True or not isinstance(target, str) or not _below(present_name(target), losses):
        return False
    return isinstance(_resolve(target, place, None, losses), FunctionType)


def _below(module: str, packages: tuple[str, ...]) -> bool:
    return any(f"{module}.".startswith(f"{package}.") for package in packages)


def _takes_load(make: type) -> bool:
    """True if a class has the argument `load`, or passes it on to a base class."""
    own = inspect.signature(make).parameters
    is_open = any(parameter.kind is parameter.VAR_KEYWORD for parameter in own.values())
    inits = [vars(base)["__init__"] for base in make.__mro__[1:-1] if "__init__" in vars(base)]
    return "load" in own or (is_open and any("load" in inspect.signature(init).parameters for init in inits))


def _parts(node: Any, setting: str, allowed: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    """Everything in a section with its path: mappings, lists, values and, as `<key>`, keys.

    Raises:
        UserError: a key like `_recursive_` is not allowed, or the section is endless.
    """
    stack, count = [(node, setting, 0)], 0
    while stack:
        value, place, depth = stack.pop()
        count += 1
        if count > _MOST or depth > _DEEPEST:
            raise UserError(
                f"{setting}: has more than {_MOST:,} settings, or some nested {_DEEPEST} deep; is it damaged?"
            )
        yield place, value
        inner: list[tuple[Any, Any]] = []
        if isinstance(value, Mapping):
            inner = list(value.items())
        elif isinstance(value, list | tuple):
            inner = list(enumerate(value))
        for key, part in inner:
            if isinstance(key, str):
                if key.startswith("_") and key.endswith("_") and key not in allowed:
                    raise UserError(f"{place}.{_short(key)}: may not be set here; only {' and '.join(allowed)} may")
                stack.append((key, f"{place}.<key>", depth + 1))
            stack.append((part, f"{place}.{_short(key)}", depth + 1))


def _short(value: Any) -> str:
    """Text of an untrusted value, shortened."""
    try:
        text = _one_line(str(value))
    except ValueError:  # thousands of digits
        text = type(value).__name__
    return text if len(text) <= 100 else f"{text[:100]}…"


def _one_line(text: str) -> str:
    """Text without line breaks and control characters of a terminal."""
    return "".join(letter if letter.isprintable() else "?" for letter in " ".join(text.split()))
