"""Does a config hold? Complete, every name a real one, every value of its type and in range, model and data fitting.

A section is checked against the signature of what its `_target_` builds, so there is no schema to keep in step:
whatever a class takes may be set, and nothing else.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from typing import Any

from leyden.config.hints import Hints
from leyden.config.input_checks import misfit
from leyden.config.monitored import check_monitor
from leyden.config.sections import INJECTED_ARGS, arguments_of, settable
from leyden.config.signature import signature_of
from leyden.config.steps import check_steps
from leyden.config.vocabulary import Vocabulary
from leyden.system.errors import UserError
from leyden.system.override_text import as_text
from leyden.system.suggestions import did_you_mean

# What a number must satisfy, wherever a setting of this name stands. Add those of your own classes.
LIMITS: dict[str, tuple[Callable[[float], bool], str]] = {
    "batch_size": (lambda v: v >= 1, "at least 1"),
    "eval_batch_size": (lambda v: v >= 1, "at least 1"),
    "train_size": (lambda v: v > 0, "greater than 0"),
    "val_size": (lambda v: v >= 0, "0 or more"),
    "test_size": (lambda v: v >= 0, "0 or more"),
    "fold": (lambda v: v >= 0, "0 or more"),
    "folds": (lambda v: v >= 2, "at least 2"),
    "num_workers": (lambda v: v >= 0, "0 or more"),
    "seed": (lambda v: 0 <= v < 2**32, "between 0 and 4294967295"),
    "split_seed": (lambda v: 0 <= v < 2**32, "between 0 and 4294967295"),
    "lr": (lambda v: v > 0, "greater than 0"),
    "weight_decay": (lambda v: v >= 0, "0 or more"),
    "momentum": (lambda v: 0 <= v < 1, "at least 0 and less than 1"),
    "dropout": (lambda v: 0 <= v < 1, "at least 0 and less than 1"),
    "label_smoothing": (lambda v: 0 <= v < 1, "at least 0 and less than 1"),
    "class_weights": (lambda v: v >= 0, "0 or more"),
    "delta": (lambda v: v > 0, "greater than 0"),
    "size": (lambda v: v >= 1, "at least 1"),
    "code_size": (lambda v: v >= 1, "at least 1"),
    "max_categories": (lambda v: v >= 1, "at least 1"),
    "skip_lines": (lambda v: v >= 0, "0 or more"),
    "top_k": (lambda v: v >= 1, "at least 1"),
    "hidden_sizes": (lambda v: v >= 1, "at least 1"),
    "channels": (lambda v: v >= 1, "at least 1"),
    "max_epochs": (lambda v: v >= 1 or v == -1, "at least 1, or -1 for no end"),
    "max_steps": (lambda v: v >= 1 or v == -1, "at least 1, or -1 for no end"),
    "val_check_interval": (lambda v: v > 0, "greater than 0"),
    "check_val_every_n_epoch": (lambda v: v >= 1, "at least 1"),
    "step_size": (lambda v: v >= 1, "at least 1"),
    "accumulate_grad_batches": (lambda v: v >= 1, "at least 1"),
    "gradient_clip_val": (lambda v: v >= 0, "0 or more"),
    "log_every_n_steps": (lambda v: v >= 0, "0 or more"),
    "frequency": (lambda v: v >= 1, "at least 1"),
    "patience": (lambda v: v >= 0, "0 or more"),
}

# Packages that only some targets need: how to install them.
OPTIONAL = {"WandbLogger": "wandb", "MLFlowLogger": "mlflow"}


def validate(config: Mapping[str, Any], words: Vocabulary, typed: Sequence[str] = ()) -> None:
    """Check a resolved config.

    Args:
        config: plain dicts, lists and values.
        words: the names that may be used.
        typed: the overrides that it was made of, for remedies.

    Raises:
        UserError: for the first thing that does not hold, by its full name.
    """
    hints = Hints(words, typed, config)
    _check_sections(config, hints)
    for name, value in config.items():
        if name not in words.keys:
            raise UserError(hints.unknown(name, value))
        _check(name, value, hints)
    hints.check_paths()
    check_monitor(config)
    _check_fit(config)
    check_steps(config)


def check_section(path: str, section: Mapping[str, Any]) -> None:
    """Check a section that is no part of what a run keeps: likewise."""
    _check(path, section, Hints())


def _check_sections(config: Mapping[str, Any], hints: Hints) -> None:
    """Every part of a run is there, and what stands at the top is of its kind."""
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
            raise UserError(f"{group}: there is none; choose one, {hints.choose(group)}")
    for group in ("callbacks", "logger"):
        for name, node in (config.get(group) or {}).items():
            if node is not None and not (isinstance(node, Mapping) and "_target_" in node):
                raise UserError(hints.not_chosen(group, name, node))
    for name, node in (config.get("callbacks") or {}).items():
        if node and node.get("save_last"):
            raise UserError(f"callbacks.{name}.save_last: last.ckpt is written by callbacks.last; leave this out")
    devices = config["trainer"].get("devices")
    if isinstance(devices, str) and not re.fullmatch(r"auto|-?\d+(,\d+)*", devices):
        raise UserError(f"trainer.devices={devices}: must be a number, a list of numbers or auto, as trainer.devices=1")
    if not isinstance(config.get("seed"), int):
        raise UserError(f"seed={as_text(config.get('seed'))}: must be a whole number{_whole('seed', config['seed'])}")
    for switch in ("test", "cache_features"):
        if not isinstance(value := config.get(switch, True), bool):
            raise UserError(f"{switch}={as_text(value)}: must be true or false{_switch(switch, value)}")
    if (precision := config.get("matmul_precision")) not in (known := ("highest", "high", "medium")):
        near = did_you_mean(str(precision), known, lambda name: f"matmul_precision={name}")
        raise UserError(f"matmul_precision={as_text(precision)}: must be one of {', '.join(known)}{_if_near(near)}")


def _whole(key: str, value: Any) -> str:
    """The remedy for 1.0, where a whole number is needed."""
    one = value[0] if isinstance(value, list) and len(value) == 1 else value
    return f"; write {key}={int(one)}" if isinstance(one, int | float) and one == int(one) else ""


def _switch(key: str, value: Any) -> str:
    for meant, written in ((True, ("1", "yes", "on", "y")), (False, ("0", "no", "off", "n", "none"))):
        if str(value).lower() in written:
            return f"; write {key}={as_text(meant)}"
    return ""


def _if_near(hint: str) -> str:
    """A hint that names something near, and no second list of what there is."""
    return hint if "did you mean" in hint else ""


def _check(path: str, value: Any, hints: Hints) -> None:
    if isinstance(value, Mapping):
        if "_target_" in value:
            _check_target(path, value, hints)
        elif path in INJECTED_ARGS and value:
            key = next(iter(value))
            raise UserError(hints.unknown(f"{path}.{key}", value[key]))
        for key, inner in value.items():
            if "_target_" in value and isinstance(inner, Mapping) and "_target_" not in inner:
                _check_limit(f"{path}.{key}", inner)  # its keys are names of the user's, not settings
            else:
                _check(f"{path}.{key}", inner, hints)
        return
    if value == "???":
        raise UserError(f"{path}: no value given; add {path}=… to the command")
    _check_limit(path, value)


def _check_limit(path: str, value: Any) -> None:
    limit = LIMITS.get(path.rpartition(".")[2])
    numbers = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else [value]
    for number in numbers:
        if limit and isinstance(number, int | float) and not limit[0](number):  # of other types, the annotation decides
            raise UserError(f"{path}={as_text(value)}: must be {limit[1]}")


def _check_target(path: str, node: Mapping[str, Any], hints: Hints) -> None:
    target = node["_target_"]
    package = OPTIONAL.get(str(target).rpartition(".")[2])
    if package and find_spec(package) is None:
        raise UserError(f"{path}: {package} is not installed; uv sync --extra {package}, or pip install {package}")
    signature = signature_of(str(target))
    if signature is None:
        if find_spec(str(target).partition(".")[0]) is None:
            raise UserError(f"{path}._target_={target}: no such package")
        return  # written in a way that its text does not tell; building it will
    parameters = arguments_of(path, signature)
    given = INJECTED_ARGS.get(path, set())
    for key, value in node.items():
        if key.startswith("_") and key.endswith("_"):
            continue  # Hydra's own: _target_, _partial_, ...
        if key in given or (key not in parameters and not signature.open):
            raise UserError(hints.unknown(f"{path}.{key}", value, settable(node, path)))
        parameter = parameters.get(key)
        if parameter and value != "???" and not parameter.accepts(value):
            raise UserError(hints.wrong_type(f"{path}.{key}", value, parameter))
    if not node.get("_partial_") and "_args_" not in node:
        for parameter in parameters.values():
            if parameter.required and parameter.name not in node:
                name = f"{path}.{parameter.name}"
                raise UserError(f"{name}: no value given; add {name}=… to the command")


def _check_fit(config: Mapping[str, Any]) -> None:
    """Refuse a model that cannot take this data, as far as the data's shape is known before they are read."""
    data, model = config["data"], config["model"]
    signature = signature_of(str(data.get("_target_")))
    shape = signature.constants.get("INPUT_SHAPE") if signature else None
    why = misfit(str(model.get("_target_")), shape, model) if shape else None
    if why:
        raise UserError(why)
