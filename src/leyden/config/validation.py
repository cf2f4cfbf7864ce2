"""Validation of a resolved config: complete, names known, values of their type and in range, model and data fitting.

A section is checked against the signature of what its `_target_` builds, so that no schema has to be maintained:
every argument of a class may be set, and nothing else.
"""

import re
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import Any

from leyden.config.cross_checks import check_mixing, check_steps
from leyden.config.input_checks import misfit, stated_shape
from leyden.config.limits import check_number, limits_of
from leyden.config.messages.unknown_key import Hints
from leyden.config.monitored_metrics import check_monitor
from leyden.config.own_parts import check_parts
from leyden.config.schedule_functions import check_schedule
from leyden.config.sections import HAVE_PARTS, INJECTED_ARGS, arguments_of, injected_into, settable
from leyden.config.signature import definition_of, public_names, signature_of
from leyden.config.vocabulary import Vocabulary
from leyden.system.errors import UserError
from leyden.system.override_text import as_text
from leyden.system.suggestions import did_you_mean, nearest

# Packages that only some targets need, by the class.
OPTIONAL = {"WandbLogger": "wandb", "MLFlowLogger": "mlflow"}
_PRECISIONS = ("highest", "high", "medium")  # of float32 matrix multiplications
_SWITCHES = {"true": ("1", "yes", "on", "y"), "false": ("0", "no", "off", "n", "none")}


def validate(config: Mapping[str, Any], words: Vocabulary, typed: Sequence[str] = ()) -> None:
    """Check a resolved config.

    Args:
        config: plain dicts, lists and values.
        words: the names that may be used.
        typed: the overrides that it was composed from, for remedies.

    Raises:
        UserError: for the first setting that is wrong, by its full name.
    """
    hints = Hints(words, typed, config)
    _check_sections(config, words, hints)
    _check_top_level(config)
    for name, value in config.items():
        if name not in words.keys:
            raise UserError(hints.unknown(name, value))
        _check(name, value, hints, {})
    check_parts(config["task"])
    hints.check_paths()
    check_schedule(config)
    check_monitor(config)
    _check_fit(config)
    check_steps(config)
    check_mixing(config)


def check_section(path: str, section: Mapping[str, Any]) -> None:
    """Check a section that is not part of a recorded config, such as that of a sweep.

    Raises:
        UserError: for the first setting that is wrong.
    """
    _check(path, section, Hints(), {})


def check_switch(name: str, value: Any) -> None:
    """Raise a UserError for a value that is neither true nor false."""
    if not isinstance(value, bool):
        meant = [text for text, words in _SWITCHES.items() if str(value).lower() in words]
        remedy = f"; write {name}={meant[0]}" if meant else ""
        raise UserError(f"{name}={as_text(value)}: must be true or false{remedy}")


def _check_sections(config: Mapping[str, Any], words: Vocabulary, hints: Hints) -> None:
    """Check that no required section is missing and that each section is of its kind."""
    for group in ("experiment", "debug", "local"):
        if config.get(group):
            key = next(iter(config[group]))
            if hints.was_typed(f"{group}.{key}"):
                raise UserError(hints.unknown(f"{group}.{key}", config[group][key]))
            raise UserError(
                f"{group}.{key}: unknown key; a file in configs/{group} that sets other sections "
                "begins with the line '# @package _global_'"
            )
    for group in ("data", "model", "task", "optimizer", "trainer"):
        if not isinstance(config.get(group), Mapping) or not config[group]:
            raise UserError(f"{group}: is missing; choose one, as in {group}=…, of {', '.join(words.files(group))}")
    for group in ("callbacks", "logger"):
        for name, node in (config.get(group) or {}).items():
            if node is not None and not (isinstance(node, Mapping) and "_target_" in node):
                raise UserError(hints.not_chosen(group, name, node))
            if group == "callbacks" and node and node.get("save_last"):
                raise UserError(f"callbacks.{name}.save_last: last.ckpt is written by callbacks.last; leave this out")


def _check_top_level(config: Mapping[str, Any]) -> None:
    """Check the values that no class takes, and so no signature describes."""
    devices = config["trainer"].get("devices")
    if isinstance(devices, str) and not re.fullmatch(r"auto|-?\d+(,\d+)*", devices):
        raise UserError(f"trainer.devices={devices}: must be a number, a list of numbers or auto, as trainer.devices=1")
    if not isinstance(seed := config.get("seed"), int):
        one = seed[0] if isinstance(seed, list) and len(seed) == 1 else seed
        remedy = f"; write seed={int(one)}" if isinstance(one, int | float) and one == int(one) else ""
        raise UserError(f"seed={as_text(seed)}: must be a whole number{remedy}")
    for switch in ("test", "cache_features", "compile"):
        check_switch(switch, config.get(switch, False))
    if (precision := config.get("matmul_precision")) not in _PRECISIONS:
        near = [f"; did you mean matmul_precision={name}?" for name in nearest(str(precision), _PRECISIONS)] or [""]
        raise UserError(f"matmul_precision={as_text(precision)}: must be one of {', '.join(_PRECISIONS)}{near[0]}")


def _check(path: str, value: Any, hints: Hints, limits: dict[str, str]) -> None:
    """Check the value at a path of the config, with all below it; `limits` are those of the class that takes it."""
    is_entries = isinstance(value, Mapping) and "_target_" not in value
    if isinstance(value, Mapping) and not is_entries:
        _check_target(path, value, hints)
        limits = limits_of(str(value["_target_"]))
        for key, inner in value.items():
            if isinstance(inner, Mapping) and "_target_" not in inner:
                _check_limit(f"{path}.{key}", inner, limits)  # its keys are names of the user's, not settings
            else:
                _check(f"{path}.{key}", inner, hints, limits)
    elif isinstance(value, Mapping):
        if path in HAVE_PARTS and value and all(_is_part(part) for part in value.values()):
            for name, part in value.items():
                _check(f"{path}.{name}", part, hints, {})
            return
        if path in HAVE_PARTS and (parts := [name for name, part in value.items() if part and _is_part(part)]):
            key = next(key for key, part in value.items() if not _is_part(part))
            typed = as_text(value[key])
            raise UserError(f"{path}.{key}: {path} has several parts; write {path}.{parts[0]}.{key}={typed}")
        if path in INJECTED_ARGS and value:
            key = next(iter(value))
            raise UserError(hints.unknown(f"{path}.{key}", value[key]))
        for key, inner in value.items():
            _check(f"{path}.{key}", inner, hints, {})
    elif value == "???":
        raise UserError(f"{path}: no value given; add {path}=… to the command")
    else:
        for place, inner in enumerate(value if isinstance(value, list) else ()):
            if isinstance(inner, Mapping) and "_target_" in inner:  # a layer of torch.nn.Sequential
                _check(f"{path}.{place}", inner, hints, {})
        _check_limit(path, value, limits)


def _is_part(value: Any) -> bool:
    return value is None or (isinstance(value, Mapping) and "_target_" in value)


def _check_limit(path: str, value: Any, limits: dict[str, str]) -> None:
    if must := check_number(path.rpartition(".")[2], value, limits):
        raise UserError(f"{path}={as_text(value)}: must be {must}")


def _check_target(path: str, node: Mapping[str, Any], hints: Hints) -> None:
    """Check the names and types of the settings of one class."""
    target = str(node["_target_"])
    package = OPTIONAL.get(target.rpartition(".")[2])
    if package and find_spec(package) is None:
        raise UserError(f"{path}: {package} is not installed; uv sync --extra {package}, or pip install {package}")
    signature = signature_of(target)
    if signature is None:
        if find_spec(target.partition(".")[0]) is None:
            raise UserError(f"{path}._target_={target}: no such package")
        owner, _, name = target.rpartition(".")
        if (known := public_names(owner)) and name not in known and definition_of(target) is None:
            near = did_you_mean(name, known, lambda one: f"{path}._target_={owner}.{one}")
            raise UserError(f"{path}._target_={target}: there is no such class{near}")
        return  # its signature cannot be read from source text; building it checks the settings
    parameters = arguments_of(path, signature)
    for key, value in node.items():
        if key.startswith("_") and key.endswith("_"):
            continue  # Hydra's own: _target_, _partial_, ...
        if key in injected_into(path) or (key not in parameters and not signature.open):
            raise UserError(hints.unknown(f"{path}.{key}", value, settable(node, path)))
        parameter = parameters.get(key)
        if parameter and value != "???" and not parameter.accepts(value):
            raise UserError(hints.wrong_type(f"{path}.{key}", value, parameter))
        if parameter and value != "???" and (why := parameter.refusal(f"{path}.{key}", value)):
            raise UserError(why)
    # Those of a network may be facts about the data, which are not known yet: see complete_model.
    if not node.get("_partial_") and "_args_" not in node and path != "model":
        for name in (f"{path}.{p.name}" for p in parameters.values() if p.required and p.name not in node):
            raise UserError(f"{name}: no value given; add {name}=… to the command")


def _check_fit(config: Mapping[str, Any]) -> None:
    """Refuse a model that cannot take this data, as far as the data's shape is known before they are read."""
    shape, model = stated_shape(config["data"]), config["model"]
    if shape and (why := misfit(str(model.get("_target_")), shape, model)):
        raise UserError(why)
