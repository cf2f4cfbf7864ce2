"""Layers, activations and initialisers by name in a config, such as `ReLU` or `{Linear: 128}`; nothing imports torch.

An entry is a name, or a mapping of one name to its arguments: one value, a list of values, or a mapping.

    ReLU    {Dropout: 0.2}    {Conv2d: [16, 3]}    {Conv2d: {out_channels: 16, kernel_size: 3, padding: same}}

Names and arguments are those of torch.nn, read from its source text.
"""

import ast
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any

from leyden.config.signature import Parameter, definition_of, module_of, public_names, signature_of
from leyden.records.project_functions import modules_of_functions
from leyden.system.override_text import as_text, squeezed
from leyden.system.suggestions import did_you_mean

# Annotations of arguments; a config with a wrong value is refused before torch is imported.
Activation = Annotated[str | dict[str, Any], "leyden.models.notation.check_activation"]
Init = Annotated[str | dict[str, Any], "leyden.models.notation.check_init"]
LayerList = Annotated[list[str | dict[str, Any]], "leyden.models.notation.check_layers"]

LAYERS, FILLS = "torch.nn.modules", "torch.nn.init"
# Arguments that follow from the input of a layer, with its dimension: (B, channels, ...) or (B, ..., features).
INFERRED = {
    "in_features": -1,
    "in_channels": 1,
    "num_features": 1,
    "num_channels": 1,
    "normalized_shape": -1,
    "embed_dim": -1,
    "d_model": -1,
}
OUTPUT_SIZE = "output_size"  # value of an argument: the number of outputs that the task needs
_OF_FILLS = ("tensor", "generator")  # arguments of an initialiser that a config cannot give
_OF_OTHER_SHAPE = ("GLU", "MultiheadAttention", "Softmax2d")  # of torch's activations, these do not take any input
_DEFAULT = "default"  # keeps torch's own initialisation

# Short names of initialisers, with the function of torch.nn.init and its arguments.
SCHEMES: dict[str, tuple[str, dict[str, Any]]] = {
    "xavier": ("xavier_uniform_", {}),  # Glorot, Bengio (2010)
    "xavier_normal": ("xavier_normal_", {}),
    "kaiming": ("kaiming_normal_", {"nonlinearity": "relu"}),  # He et al. (2015)
    "kaiming_uniform": ("kaiming_uniform_", {"nonlinearity": "relu"}),
    "lecun": ("kaiming_normal_", {"nonlinearity": "linear"}),  # LeCun et al. (1998)
    "orthogonal": ("orthogonal_", {}),  # Saxe, McClelland, Ganguli (2013)
    "normal": ("normal_", {"std": 0.02}),
    "truncated_normal": ("trunc_normal_", {"std": 0.02, "a": -0.04, "b": 0.04}),  # at two deviations
}


@dataclass(frozen=True)
class Call:
    """Name with its arguments, of which those without a name have the places of the signature."""

    name: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]


def read_call(entry: Any) -> Call:
    """The name and the arguments of an entry.

    Raises:
        ValueError: it is no name, and no mapping of one name.
    """
    if isinstance(entry, str):
        return Call(entry, (), {})
    if not isinstance(entry, Mapping) or len(entry) != 1:
        raise ValueError("must be a name, or one name with its arguments, as {LeakyReLU: {negative_slope: 0.2}}")
    [(name, value)] = entry.items()
    if isinstance(value, Mapping):
        return Call(str(name), (), {str(key): inner for key, inner in value.items()})
    return Call(str(name), tuple(value) if isinstance(value, list | tuple) else () if value is None else (value,), {})


@cache
def layer_names() -> tuple[str, ...]:
    """Classes of torch.nn."""
    return public_names(LAYERS)


@cache
def activation_names() -> tuple[str, ...]:
    """Activations of torch.nn that take an input of any shape, and Identity."""
    return (*(name for name in public_names(f"{LAYERS}.activation") if name not in _OF_OTHER_SHAPE), "Identity")


@cache
def fill_names() -> tuple[str, ...]:
    """Initialisers of torch.nn.init; their names end in an underscore."""
    module = module_of(FILLS)
    functions = [node.name for node in module.body if isinstance(node, ast.FunctionDef)] if module else []
    return tuple(name for name in functions if name.endswith("_") and not name.startswith("_"))


def exact(name: str, known: Collection[str]) -> str | None:
    """The name of a class, whatever its case and underscores: `leaky_relu` is LeakyReLU; None if there is none."""
    return name if name in known else next((one for one in known if squeezed(one) == squeezed(name)), None)


def arguments(call: Call, target: str, otherwise: Collection[str] = ()) -> dict[str, Any]:
    """The arguments of a call by name.

    Args:
        call: an entry.
        target: dotted name of the class or function.
        otherwise: arguments that are passed otherwise, unless the call names them.

    Raises:
        ValueError: an argument is unknown, missing, or of another type.
    """
    name, signature = target.rpartition(".")[2], signature_of(target)
    if signature is None:
        raise ValueError(f"the arguments of {name} cannot be read")
    passed = [one for one in otherwise if one in signature.parameters and one not in call.kwargs]
    own = {key: one for key, one in signature.parameters.items() if key not in passed}
    # A size that is not needed would be taken for the next argument: only those without a default may be unnamed.
    places = [key for key, one in own.items() if one.required or not passed]
    if len(call.args) > len(places):
        inferred = f"; its {' and '.join(passed)} is known" if passed else ""
        takes = f"takes {', '.join(places)} without names" if places else "takes no values without names"
        raise ValueError(f"{name} {takes}{inferred}")
    values = dict(zip(places, call.args, strict=False)) | call.kwargs
    for key, value in values.items():
        if key not in own and not signature.open:
            raise ValueError(f"{name} has no argument {key}{did_you_mean(key, own)}")
        if key in own and value != OUTPUT_SIZE and not _accepts(own[key], value):
            raise ValueError(f"{key} of {name} must be {own[key].meaning}, and is {as_text(value)}")
    if missing := [key for key, one in own.items() if one.required and key not in values]:
        raise ValueError(f"{name} needs {{{name}: {{{', '.join(f'{key}: …' for key in missing)}}}}}")
    return values


def check_activation(key: str, value: Any) -> str | None:
    """Message that refuses an activation; None if it can be built. `key` is the name of the setting."""
    return _refusal(key, value, activation_names(), "activation")


def check_layers(key: str, value: Sequence[Any]) -> str | None:
    """Message that refuses a list of layers for its first wrong entry; None if all can be built."""
    if not value:
        return f"{key}=[]: must have at least one layer, as {key}=[Flatten,{{Linear: {OUTPUT_SIZE}}}]"
    messages = (
        _refusal(f"{key}.{place}", entry, layer_names(), "layer", INFERRED) for place, entry in enumerate(value)
    )
    return next(filter(None, messages), None)


def check_init(key: str, value: Any) -> str | None:
    """Message that refuses an initialiser; None for a scheme, a function of torch.nn.init or one of the project."""
    try:
        call = read_call(value)
    except ValueError as error:
        return f"{key}={as_text(value)}: {error}"
    if call.name in (_DEFAULT, *SCHEMES):
        has_arguments = call.args or call.kwargs
        function = SCHEMES.get(call.name, ("kaiming_normal_", {}))[0]
        remedy = f"{call.name} takes no arguments; give those of {{{function}: …}}"
        return f"{key}={as_text(value)}: {remedy}" if has_arguments else None
    if "." not in call.name:
        return _refusal(key, value, fill_names(), "initialiser", _OF_FILLS, SCHEMES, FILLS)
    found, modules = definition_of(call.name), modules_of_functions("model")
    if not any(call.name.startswith(f"{module}.") for module in modules):
        return f"{key}={as_text(value)}: must be a function in {' or '.join(modules) or 'the models of a project'}"
    if found is None or not isinstance(found[1], ast.FunctionDef):
        return f"{key}={as_text(value)}: there is no such function"
    return None


def _refusal(
    key: str,
    value: Any,
    known: Collection[str],
    kind: str,
    otherwise: Collection[str] = (),
    others: Collection[str] = (),
    module: str = LAYERS,
) -> str | None:
    shown = f"{key}={as_text(value)}"
    try:
        call = read_call(value)
        name = exact(call.name, known)
        if name is None:
            is_setting = call.name == value and kind != "layer"  # what can be typed
            near = did_you_mean(call.name, [*known, *others], lambda one: f"{key}={one}" if is_setting else one)
            return f"{shown}: torch.nn has no such {kind}{near}"
        arguments(call, f"{module}.{name}", otherwise)
    except ValueError as error:
        return f"{shown}: {error}"
    return None


def _accepts(parameter: Parameter, value: Any) -> bool:
    return parameter.accepts(list(value) if isinstance(value, tuple) else value)
