"""Does a config hold? Complete, every name a real one, every value of its type and in range, model and data fitting.

A section is checked against the signature of what its `_target_` builds, so there is no schema to keep in step:
whatever a class takes may be set, and nothing else.
"""

from collections.abc import Callable, Iterable, Mapping
from importlib.util import find_spec
from typing import Any

from leyden.config.overrides import did_you_mean
from leyden.config.signature import Signature, find
from leyden.config.steps import check_steps
from leyden.errors import UserError
from leyden.models.requirements import misfit

# Arguments that the program itself gives when it builds a section.
GIVEN = {
    "model": {"input_shape", "output_size", "mean", "std"},
    "task": {"network", "optimizer", "scheduler", "spec"},
    "optimizer": {"params", "make"},
    "scheduler": {"optimizer", "make"},
    "trainer": {"callbacks", "logger", "default_root_dir"},
}
# Settings of ours that stand in a section beside the arguments of torch's class.
BESIDE = {
    "optimizer": "leyden.tasks.optimizers.OptimizerFactory",
    "scheduler": "leyden.tasks.schedulers.SchedulerFactory",
}

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
    "delta": (lambda v: v > 0, "greater than 0"),
    "size": (lambda v: v >= 1, "at least 1"),
    "code_size": (lambda v: v >= 1, "at least 1"),
    "max_categories": (lambda v: v >= 1, "at least 1"),
    "top_k": (lambda v: v >= 1, "at least 1"),
    "hidden_sizes": (lambda v: v >= 1, "at least 1"),
    "channels": (lambda v: v >= 1, "at least 1"),
    "max_epochs": (lambda v: v >= 1 or v == -1, "at least 1, or -1 for no end"),
    "max_steps": (lambda v: v >= 1 or v == -1, "at least 1, or -1 for no end"),
    "accumulate_grad_batches": (lambda v: v >= 1, "at least 1"),
    "gradient_clip_val": (lambda v: v >= 0, "0 or more"),
    "log_every_n_steps": (lambda v: v >= 0, "0 or more"),
    "frequency": (lambda v: v >= 1, "at least 1"),
    "patience": (lambda v: v >= 0, "0 or more"),
}

# Packages that only some targets need: how to install them.
OPTIONAL = {"WandbLogger": "wandb", "MLFlowLogger": "mlflow"}


def validate(config: Mapping[str, Any], known: Iterable[str]) -> None:
    """Check a resolved config.

    Args:
        config: plain dicts, lists and values.
        known: the names that may stand at the top.

    Raises:
        UserError: for the first thing that does not hold, by its full name.
    """
    known = set(known)
    _check_sections(config)
    for name, value in config.items():
        if name not in known:
            raise UserError(f"{name}: unknown key" + did_you_mean(name, known))
        _check(name, value)
    _check_monitor(config)
    _check_fit(config)
    check_steps(config)


def check_section(path: str, section: Mapping[str, Any]) -> None:
    """Check a section that is no part of what a run keeps: likewise."""
    _check(path, section)


def _check_sections(config: Mapping[str, Any]) -> None:
    """Every part of a run is there, and what stands at the top is of its kind."""
    for group in ("experiment", "debug", "local"):
        if config.get(group):
            raise UserError(
                f"{group}.{next(iter(config[group]))}: unknown key; a file in configs/{group} that sets other sections "
                "begins with the line '# @package _global_'"
            )
    for group in ("data", "model", "task", "optimizer", "trainer"):
        if not isinstance(config.get(group), Mapping) or not config[group]:
            raise UserError(f"{group}: there is none; choose one, as in {group}=…")
    for group in ("callbacks", "logger"):
        for name, node in (config.get(group) or {}).items():
            if node is not None and not (isinstance(node, Mapping) and "_target_" in node):
                raise UserError(
                    f"{group}.{name}: is not one that was chosen; first {group}=…, or give {group}.{name}._target_"
                )
    for name, node in (config.get("callbacks") or {}).items():
        if node and node.get("save_last"):
            raise UserError(f"callbacks.{name}.save_last: last.ckpt is written by callbacks.last; leave this out")
    if not isinstance(config.get("seed"), int):
        raise UserError(f"seed={config.get('seed')}: must be a whole number")
    for switch in ("test", "cache_features"):
        if not isinstance(config.get(switch, True), bool):
            raise UserError(f"{switch}={config[switch]}: must be true or false")
    if config.get("matmul_precision") not in ("highest", "high", "medium"):
        raise UserError(f"matmul_precision={config.get('matmul_precision')}: must be one of highest, high, medium")


def _check(path: str, value: Any) -> None:
    name = path.rpartition(".")[2]
    if isinstance(value, Mapping):
        if "_target_" in value:
            _check_target(path, value)
        elif path in GIVEN and value:
            raise UserError(f"{path}.{next(iter(value))}: unknown key; first choose what it belongs to, as in {path}=…")
        for key, inner in value.items():
            _check(f"{path}.{key}", inner)
        return
    if value == "???":
        raise UserError(f"{path}: no value given; add {path}=… to the command")
    if name not in LIMITS:
        return
    holds, meaning = LIMITS[name]
    for number in value if isinstance(value, list) else [value]:
        if isinstance(number, int | float) and not holds(number):  # of other types, the annotation decides
            raise UserError(f"{path}={value}: must be {meaning}")


def _check_target(path: str, node: Mapping[str, Any]) -> None:
    target = node["_target_"]
    package = OPTIONAL.get(str(target).rpartition(".")[2])
    if package and find_spec(package) is None:
        raise UserError(f"{path}: {package} is not installed; uv sync --extra {package}, or pip install {package}")
    signature = find(str(target))
    if signature is None:
        if find_spec(str(target).partition(".")[0]) is None:
            raise UserError(f"{path}._target_={target}: no such package")
        return  # written in a way that its text does not tell; building it will
    parameters = dict(signature.parameters)
    beside = find(BESIDE[path]) if path in BESIDE else None
    if beside:
        parameters |= beside.parameters
    given = GIVEN.get(path, set())
    for key, value in node.items():
        if key.startswith("_") and key.endswith("_"):
            continue  # Hydra's own: _target_, _partial_, ...
        if key in given or (key not in parameters and not signature.open):
            near = did_you_mean(f"{path}.{key}", (f"{path}.{name}" for name in parameters if name not in given))
            raise UserError(f"{path}.{key}: unknown key{near}")
        parameter = parameters.get(key)
        if parameter and value != "???" and not parameter.accepts(value):
            raise UserError(f"{path}.{key}={value}: must be {parameter.meaning}")
    if not node.get("_partial_") and "_args_" not in node:
        _check_complete(path, node, signature, given)


def _check_complete(path: str, node: Mapping[str, Any], signature: Signature, given: set[str]) -> None:
    for parameter in signature.parameters.values():
        if parameter.required and parameter.name not in node and parameter.name not in given:
            raise UserError(f"{path}.{parameter.name}: no value given; add {path}.{parameter.name}=… to the command")


def _check_monitor(config: Mapping[str, Any]) -> None:
    monitor, mode = config.get("monitor"), config.get("mode")
    if not str(monitor).startswith(("train/", "val/")):
        raise UserError(f"monitor={monitor}: must be a metric of training or validation, such as val/acc")
    if mode not in ("min", "max"):
        raise UserError(f"mode={mode}: must be min or max")
    metric = str(monitor).partition("/")[2]
    if metric.endswith("loss") and not metric.startswith("r2_") and mode == "max":  # r2_ of a target called so
        raise UserError(f"monitor={monitor}: is best where it is smallest; add mode=min")


def _check_fit(config: Mapping[str, Any]) -> None:
    """Refuse a model that cannot take this data, as far as the data's shape is known before they are read."""
    data, model = config["data"], config["model"]
    signature = find(str(data.get("_target_")))
    shape = signature.constants.get("INPUT_SHAPE") if signature else None
    why = misfit(str(model.get("_target_")), shape, model) if shape else None
    if why:
        raise UserError(why)
