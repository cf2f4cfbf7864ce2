"""Transforms of single images by their names: classes of torchvision.transforms.v2, and functions of a project.

build_steps([{"RandomCrop": {"size": 28, "padding": 2}}, {"RandomRotation": 10}, "RandomHorizontalFlip"], setting)
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import Any

import torch
from torchvision.transforms import v2

from leyden.records.project_functions import project_function
from leyden.system.errors import UserError
from leyden.system.override_text import as_text
from leyden.system.suggestions import did_you_mean

Step = Callable[[Any], Any]  # of a PIL image, or of a tensor (C, H, W)

_CLASSES = {
    name: member
    for name, member in vars(v2).items()
    if isinstance(member, type) and issubclass(member, v2.Transform) and member is not v2.Transform
}
_OF_LISTS = ("Compose", "RandomApply", "RandomChoice", "RandomOrder")
_OF_BATCHES = {"MixUp": "data.mixup=0.2", "CutMix": "data.cutmix=1.0"}
_OF_TENSORS = ("ConvertImageDtype", "GaussianNoise", "LinearTransformation", "ToDtype")  # do nothing to a PIL image
_NO_NUMBERS = ("interpolation", "scale", "translate", "vertical_flip")  # arguments that are not numbers
_ENUMS: dict[str, type[Enum]] = {"interpolation": v2.InterpolationMode, "policy": v2.AutoAugmentPolicy}


def build_steps(entries: Sequence[Any], setting: str) -> list[Step]:
    """Transforms of a list of entries, in their order.

    Args:
        entries: each a name; `{name: value}` with the first argument, `{name: {argument: value}}`, or `{name: [value,
            …]}` with arguments by position; or a callable. For Compose, RandomApply, RandomChoice and RandomOrder a
            list is that of their transforms, and for CenterCrop, Resize, RandomResizedCrop, RandomRotation and
            RandomAffine two numbers are their first argument. Lambda takes the name of a function in the
            project's package for data.
        setting: that holds them, for messages.

    Raises:
        UserError: a name does not exist, or a transform refuses its arguments.
    """
    return [_step(entry, setting, is_nested=False) for entry in entries]


def apply(step: Step, image: Any, setting: str) -> Any:
    """The image that a transform makes of another one.

    Raises:
        UserError: a transform of torchvision cannot be applied to it. An error in a function or a class of the project
            keeps its type and traceback.
    """
    try:
        return step(image)
    except UserError:
        raise
    except Exception as error:  # torchvision raises many types
        if not _is_of_torchvision(step):
            raise
        raise UserError(f"{setting}: {type(step).__name__} cannot be applied: {_in_a_line(error)}") from error


def inner_steps(step: Step) -> list[Step]:
    """A transform and those nested in it."""
    nested = getattr(step, "transforms", None)
    inner = nested if isinstance(nested, list | tuple) else []
    return [step, *(each for one in inner for each in inner_steps(one))]


def _is_of_torchvision(step: Step) -> bool:
    kinds = [type(each) for each in inner_steps(step)]
    return all(kind.__module__.startswith("torchvision.") and kind is not v2.Lambda for kind in kinds)


def _step(entry: Any, setting: str, is_nested: bool) -> Step:
    if callable(entry):  # built from a _target_, or in Python
        return entry  # type: ignore[no-any-return]
    name, value = _name_and_value(entry, setting)
    made: Step
    if name == "Lambda":
        made = v2.Lambda(_function(value, setting))
        return made
    if name == "ToTensor":  # deprecated: these are its replacement
        made = v2.Compose([v2.ToImage(), v2.ToDtype(torch.float32, scale=True)])
        return made
    if name == "Normalize" and is_nested:
        raise UserError(f"{setting}: Normalize cannot be part of another transform; put it at the end of the list")
    made = _make(name, _class(name, setting), value, setting)
    if name in _OF_TENSORS:
        made = v2.Compose([v2.ToImage(), made])
    return made


def _name_and_value(entry: Any, setting: str) -> tuple[str, Any]:
    """The name of a transform and its arguments as they are written, None without any."""
    if isinstance(entry, str):
        return entry, None
    if isinstance(entry, Mapping) and len(entry) == 1:
        return next((str(name), value) for name, value in entry.items())
    if isinstance(entry, Mapping) and entry:
        first, *others = entry.items()
        one = as_text([dict([first]), *(dict([other]) for other in others)])
        raise UserError(f"{setting}: {as_text(entry)} must name one transform; write each as an entry, {one}")
    raise UserError(f"{setting}: {as_text(entry)} must be a name, as RandomHorizontalFlip, or {{RandomRotation: 10}}")


def _class(name: str, setting: str) -> type:
    if name in _OF_BATCHES:
        raise UserError(f"{setting}: {name} mixes the images of a batch; write {_OF_BATCHES[name]} in place of it")
    if name in _CLASSES:
        return _CLASSES[name]
    if "." in name:
        raise UserError(f"{setting}: {name} is no transform; for a function of the project write {{Lambda: {name}}}")
    near = did_you_mean(name, _CLASSES)
    if near.startswith("; there are") and f"Random{name}" in _CLASSES:
        near = f"; did you mean Random{name}?"
    raise UserError(f"{setting}: torchvision.transforms.v2 has no {name}{near}")


def _make(name: str, kind: type, value: Any, setting: str) -> Step:
    """Transform of a class of torchvision."""
    signature = inspect.signature(kind)
    args, kwargs = list[Any](), dict[str, Any]()
    if isinstance(value, Mapping):
        kwargs = {str(key): inner for key, inner in value.items()}
    elif isinstance(value, list | tuple) and name not in _OF_LISTS:
        args = _by_position(name, list(value), list(signature.parameters.values()), setting)
    elif value is not None:
        args = [value]
    for key in kwargs:
        if key not in signature.parameters:
            raise UserError(f"{setting}: {name} has no argument {key}{did_you_mean(key, signature.parameters)}")
    try:
        bound = signature.bind(*args, **kwargs)
        for key, argument in bound.arguments.items():
            bound.arguments[key] = _converted(name, key, argument, setting)
        return kind(*bound.args, **bound.kwargs)  # type: ignore[no-any-return]
    except UserError:
        raise
    except Exception as error:  # a class meets values of any type
        raise UserError(f"{setting}: {name}: {_in_a_line(error)}") from error


def _by_position(name: str, args: list[Any], parameters: list[inspect.Parameter], setting: str) -> list[Any]:
    """Arguments of a list. Two numbers are one argument, such as a height and a width, if the second cannot be one.

    Raises:
        UserError: two equal numbers may be meant as one argument or as two.
    """
    first, second = parameters[0], (*parameters[1:2], None)[0]
    are_numbers = len(args) == 2 and all(type(value) in (int, float) for value in args)
    if not are_numbers or "Sequence" not in str(first.annotation) or name == "Normalize":
        return args
    if second is None or second.name in _NO_NUMBERS:
        return [args]
    if args[0] == args[1]:
        pair, both = {name: {first.name: args}}, {name: {first.name: args[0], second.name: args[1]}}
        raise UserError(f"{setting}: {as_text({name: args})} is ambiguous; write {as_text(pair)} or {as_text(both)}")
    return args


def _converted(name: str, key: str, value: Any, setting: str) -> Any:
    """An argument as torchvision takes it, from its form in YAML."""
    if key == "transforms":
        entries = value if isinstance(value, list | tuple) else [value]
        return [_step(entry, setting, is_nested=True) for entry in entries]
    if name == "Normalize" and key in ("mean", "std") and isinstance(value, int | float):
        return [value]
    if not isinstance(value, str):
        return value
    if key in _ENUMS:
        known = [str(member.value) for member in _ENUMS[key]]
        if value.lower() in known:
            return _ENUMS[key](value.lower())
        raise UserError(f"{setting}: {name}: {key}={value} is not known{did_you_mean(value, known)}")
    if key == "dtype":
        found = getattr(torch, value.removeprefix("torch."), None)
        if isinstance(found, torch.dtype):
            return found
        raise UserError(f"{setting}: {name}: dtype={value} is no type of torch; write float32 or uint8")
    return value


def _function(value: Any, setting: str) -> Step:
    """Function of a project by its dotted name; see `project_function`."""
    if isinstance(value, Mapping) and value.keys() == {"lambd"}:
        value = value["lambd"]
    elif isinstance(value, list | tuple) and len(value) == 1:
        value = value[0]
    return project_function(value if isinstance(value, str) else as_text(value), "data", f"{setting}: Lambda")


def _in_a_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
