"""Allow-list of what a checkpoint or a recorded config may name: both may come from another person.

Hydra's `instantiate` calls anything that a `_target_` names, so that a config is a program. Here a name must be that of
a class, in a trusted package and in the module that defines it: `leyden.run.os.system` begins well and is
`os.system`. Two kinds of functions may be named too, each in one section only, and by its own name:

- functions that a declared project defines in the subpackage for the section, such as `models` for `model`, and not
  those that it imports there; of a checkpoint, those that make a network;
- the functions of torchvision.models that torchvision registers as makers of its networks. No weights are downloaded
  for a checkpoint.

A network may itself look up names of its settings: an initialiser (`init`) by the first of these rules, with the
network as its first argument, or in torch.nn.init; layers and activations among the classes of torch.nn.

So what a foreign file can call is what the project, torch, torchvision and Lightning offer to build objects. Positional
arguments (`_args_`) reach the same parameters as named ones.

Transforms of images that a config names without a `_target_` are classes of torchvision.transforms.v2, and functions of
declared projects: `leyden.data.transforms` finds no others.
"""

import inspect
from collections.abc import Iterator, Mapping
from functools import partial
from importlib import import_module
from types import FunctionType
from typing import Any, get_type_hints

import torch.fx
from torch import nn

from leyden.models.torchvision_makers import MAKERS, is_maker, without_weights
from leyden.records.project_functions import is_below, is_defined_in, is_public, modules_of_functions
from leyden.records.projects import present_name, project_packages
from leyden.system.errors import UserError

# The modules, with all below them, whose classes may be named, beside those of declared projects. None of these runs
# what an argument says; but callbacks and loggers write to any path, so that eval.py and predict.py build none of a
# run's, and a run should be resumed, as a program is run, only if its author is trusted.
TRUSTED = (
    "leyden",
    "torch.nn.modules",
    "torch.optim",
    "torch.utils.data.dataset",
    "torch.utils.data.sampler",
    "torchvision.datasets",
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
_EXCLUDED = ("torchvision.datasets.lsun",)  # reads a pickle beside its files
_RUN_CODE = (torch.fx.GraphModule, torch.jit.ScriptModule)
_MOST, _DEEPEST = 100_000, 50  # of the settings in one section: YAML's aliases make endless ones of a few lines


def build(node: Mapping[str, Any], kind: type, setting: str, **injected: Any) -> Any:
    """Object that the settings in a checkpoint describe, with the networks nested in them, built without Hydra.

    An argument `load`, of a network with pretrained weights, is False: the checkpoint brings its weights.

    Args:
        node: with `_target_` and `_args_`, the only special keys beside `_partial_` of a loss function; strings are
            taken literally.
        kind: class of the object; nested objects must be networks.
        setting: name of the node, for messages.
        injected: further arguments, which replace those in the node.

    Raises:
        UserError: it names what is not trusted, or its class refuses the settings.
    """
    for place, value in _parts(node, setting, ("_target_", "_args_", "_partial_")):
        if isinstance(value, Mapping) and "_partial_" in value and not _is_loss(value, place):
            raise UserError(f"{place}._partial_: may not be set here; only _target_ and _args_ may")
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
    for place, value in _parts(node, setting, ("_target_", "_args_", "_partial_")):
        if isinstance(value, str) and "${" in value:
            raise UserError(f"{place}={_short(value)}: must be a plain value, as a recorded config is resolved")
        if not isinstance(value, Mapping):
            continue
        if not isinstance(value.get("_partial_", False), bool):
            raise UserError(f"{place}._partial_={_short(value['_partial_'])}: must be true or false")
        if "_target_" in value:
            _resolve(value["_target_"], place, kind if place == setting else None, _functions(setting))


def _instantiate(node: Any, kind: type, place: str, injected: Mapping[str, Any]) -> Any:
    if not isinstance(node, Mapping):
        raise UserError(f"{place}={_short(node)}: must be settings with a _target_")
    make = _resolve(node.get("_target_"), place, kind, _functions("model") if kind is nn.Module else ())
    try:
        own = {key: value for key, value in node.items() if key not in ("_target_", "_args_", *injected)}
        settings = {key: _value(value, f"{place}.{key}") for key, value in own.items()}
        args = [_value(value, f"{place}._args_.{number}") for number, value in enumerate(node.get("_args_", ()))]
        if _takes_load(make):
            settings["load"] = False
        if is_maker(make):
            args, settings = without_weights(make, args, settings, place)
        made = make(*args, **settings, **injected)
    except UserError as error:
        raise UserError(_one_line(str(error))) from error
    except Exception as error:  # a class meets settings of any type and size
        why = f"{type(error).__name__}: {_short(error)}"
        raise UserError(f"{place}: {make.__name__} cannot be made of these settings ({why})") from error
    if not isinstance(made, kind):
        raise UserError(f"{place}: {make.__name__} must make a {kind.__name__}, and makes a {type(made).__name__}")
    return made


def _value(value: Any, place: str) -> Any:
    if isinstance(value, Mapping):
        if "_partial_" in value:
            given = {key: _value(inner, f"{place}.{key}") for key, inner in value.items() if key[:1] != "_"}
            return partial(_resolve(value["_target_"], place, None, _functions("task")), **given)
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
    trusted = TRUSTED + project_packages()
    packages = dict.fromkeys(".".join(name.split(".")[:2]) for name in trusted)
    or_functions = "".join(f", and functions of {module}" for module in functions if module != MAKERS)
    foreign = UserError(
        f"{where}: a checkpoint or a recorded config may name only classes of {', '.join(packages)}{or_functions}; if "
        'you trust it, declare it in pyproject.toml under [project.entry-points."leyden.projects"]'
    )
    parts = present_name(target).split(".") if isinstance(target, str) else []
    if len(parts) < 2 or not is_public(parts):
        raise foreign
    owner, name = ".".join(parts[:-1]), parts[-1]
    # A package above a trusted one may re-export its classes, as torch.nn does with those of torch.nn.modules.
    if not is_below(owner, trusted) and not any(is_below(module, (owner,)) for module in trusted):
        raise foreign
    try:
        found = vars(import_module(owner))[name]  # not getattr: a module may define __getattr__
    except Exception as error:  # not there, or its import fails in any way
        raise UserError(f"{where}: there is no such class now; check out the commit that wrote it") from error
    if isinstance(found, FunctionType):
        modules = [module for module in functions if module != MAKERS]
        if not is_defined_in(found, name, modules) and not (MAKERS in functions and is_maker(found)):
            raise foreign
        is_of_kind = kind is None or _makes(found, kind)
    else:
        if not isinstance(found, type) or not is_defined_in(found, name, trusted) or issubclass(found, _RUN_CODE):
            raise foreign
        if is_below(found.__module__, _EXCLUDED):
            raise foreign
        is_of_kind = kind is None or issubclass(found, kind)
    if kind is not None and not is_of_kind:
        raise UserError(f"{where}: must be a {kind.__name__}; was the file made for something else?")
    return found


def _functions(setting: str) -> tuple[str, ...]:
    """The modules whose functions a section may name, by a setting such as `run: data.sampler`."""
    section = setting.rpartition(": ")[2].partition(".")[0]
    return (*modules_of_functions(section), *([MAKERS] if section == "model" else []))


def _is_loss(node: Mapping[str, Any], place: str) -> bool:
    """True if a node names a function that a project defines among its losses and tasks."""
    target = node.get("_target_")
    if node["_partial_"] is not True or not isinstance(target, str):
        return False
    if not is_below(present_name(target), _functions("task")):
        return False
    return isinstance(_resolve(target, place, None, _functions("task")), FunctionType)


def _makes(function: FunctionType, kind: type) -> bool:
    """False if the annotation of a function says that it returns something else."""
    try:
        made = get_type_hints(function).get("return")
    except Exception:  # an annotation that is not evaluated now
        return True
    return not isinstance(made, type) or issubclass(made, kind)


def _takes_load(make: Any) -> bool:
    """True if a class or function has the argument `load`, or a class passes it on to a base class."""
    own = inspect.signature(make).parameters
    is_open = any(parameter.kind is parameter.VAR_KEYWORD for parameter in own.values())
    bases = make.__mro__[1:-1] if isinstance(make, type) else ()
    inits = [vars(base)["__init__"] for base in bases if "__init__" in vars(base)]
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
                if key == "_args_" and not isinstance(part, list | tuple):
                    raise UserError(f"{place}._args_={_short(part)}: must be a list")
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
