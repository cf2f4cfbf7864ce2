"""Losses by name: the tasks that they fit, their arguments, and refusals of `task.loss`, without importing torch."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from leyden.config.limits import check_number
from leyden.system.errors import UserError
from leyden.system.override_text import as_text
from leyden.system.suggestions import did_you_mean, nearest, there_are

QUANTILES = (0.1, 0.5, 0.9)  # of the loss `quantile`, by default
SMOOTHED = ("cross_entropy", "kl_div")  # losses with smoothed labels
_CLASSES, _LABELS, _NUMBERS = ("multiclass",), ("binary", "multilabel"), ("regression",)
_KINDS = {
    "multiclass": "one class out of several",
    "binary": "one of two classes",
    "multilabel": "yes-or-no labels",
    "regression": "numbers",
}
_TASKS = {"multiclass": "classification"}  # names of tasks, where they differ from the kind


@dataclass(frozen=True)
class Loss:
    """Kinds of tasks that a loss fits, further names of it, and its arguments with the limits of their values."""

    kinds: tuple[str, ...]
    others: tuple[str, ...] = ()
    arguments: Mapping[str, str] = field(default_factory=dict)


LOSSES = {
    "cross_entropy": Loss(_CLASSES, ("CrossEntropyLoss", "ce"), {"label_smoothing": ">= 0, < 1"}),
    "nll": Loss(_CLASSES, ("NLLLoss", "nll_loss")),
    "multi_margin": Loss(_CLASSES, ("MultiMarginLoss", "hinge"), {"margin": "> 0", "p": ">= 1, <= 2"}),
    "kl_div": Loss(_CLASSES, ("KLDivLoss", "kl"), {"label_smoothing": ">= 0, < 1"}),
    "focal": Loss((*_CLASSES, *_LABELS), ("FocalLoss", "focal_loss"), {"gamma": ">= 0", "alpha": ">= 0, <= 1"}),
    "bce": Loss(
        _LABELS, ("BCEWithLogitsLoss", "BCELoss", "bce_with_logits", "binary_cross_entropy"), {"pos_weight": "> 0"}
    ),
    "mse": Loss((*_CLASSES, *_LABELS, *_NUMBERS), ("MSELoss", "brier", "l2")),
    "l1": Loss(_NUMBERS, ("L1Loss", "mae")),
    "smooth_l1": Loss(_NUMBERS, ("SmoothL1Loss",), {"beta": "> 0"}),
    "huber": Loss(_NUMBERS, ("HuberLoss",), {"delta": "> 0"}),
    "log_cosh": Loss(_NUMBERS, ("LogCoshLoss", "logcosh")),
    "poisson_nll": Loss(_NUMBERS, ("PoissonNLLLoss", "poisson"), {"full": ""}),
    "gaussian_nll": Loss(_NUMBERS, ("GaussianNLLLoss", "gaussian"), {"full": "", "eps": "> 0"}),
    "quantile": Loss(_NUMBERS, ("QuantileLoss", "pinball"), {"quantiles": "> 0, < 1"}),
}


def canonical(name: str) -> str | None:
    """Name in the table of a loss by any of its names, such as `huber` of `torch.nn.HuberLoss`; None if unknown."""
    name = re.sub(r"^torch\.nn\.(modules\.loss\.)?", "", name)
    return next((own for own, loss in LOSSES.items() if name in (own, *loss.others)), None)


def parsed_loss(loss: Any, kind: str, path: str = "task.loss") -> tuple[str, dict[str, Any]] | None:
    """Name and arguments of a loss in a config; None if a class or function of the project is named.

    Args:
        loss: a name, `{name: {argument: value}}`, or a mapping with `_target_`.
        kind: of the task: multiclass, binary, multilabel or regression.
        path: of the setting, for messages.

    Raises:
        UserError: there is no such loss, it does not fit the task, or an argument is wrong.
    """
    if isinstance(loss, str):
        name, arguments = loss, {}
    elif isinstance(loss, Mapping) and "_target_" in loss:
        name, arguments = str(loss["_target_"]), {key: value for key, value in loss.items() if key != "_target_"}
        if canonical(name) is None:
            return None
    elif isinstance(loss, Mapping) and len(loss) == 1:
        [(name, settings)] = loss.items()
        if not isinstance(settings, Mapping | None):
            raise UserError(f"{path}={as_text(loss)}: write arguments by name, as {path}={_example(name, kind)}")
        arguments = dict(settings or {})
    elif isinstance(loss, Mapping) and loss:
        first, *rest = map(str, loss)
        raise UserError(
            f"{path}: names {len(loss)} losses, {first} and {rest[0]}; add '~{path}.{first}' to leave it out"
        )
    else:
        raise UserError(f"{path}={as_text(loss)}: must be a loss, as {path}={names_for(kind)[0]}")
    own = canonical(str(name))
    if own is None:
        every = [*LOSSES, *(other for known in LOSSES.values() for other in known.others)]
        near = nearest(str(name).rpartition(".")[2], every)
        hint = did_you_mean(near[0], near, lambda one: f"{path}={one}") if near else there_are(names_for(kind))
        raise UserError(f"{path}={name}: there is no such loss{hint}")
    _check_kind(own, str(name), kind, path)
    _check_arguments(own, arguments, kind, path)
    return own, arguments


def names_for(kind: str) -> list[str]:
    """Names of the losses for a kind of task."""
    return [name for name, loss in LOSSES.items() if kind in loss.kinds]


def outputs_per_target(loss: Any) -> int:
    """Number of outputs of the network for each number to predict, by the loss of a regression in a config."""
    try:
        found = parsed_loss(loss, "regression")
    except UserError:  # refused where the loss is made
        return 1
    name, arguments = found or ("", {})
    return len(arguments.get("quantiles", QUANTILES)) if name == "quantile" else 2 if name == "gaussian_nll" else 1


def _check_kind(own: str, name: str, kind: str, path: str) -> None:
    kinds = LOSSES[own].kinds
    if kind in kinds:
        return
    tasks = " or ".join(f"task={_TASKS.get(other, other)}" for other in kinds)
    losses = names_for(kind)
    raise UserError(
        f"{path}={name}: is a loss of {' or '.join(_KINDS[other] for other in kinds)}, and this task predicts "
        f"{_KINDS[kind]}; choose {tasks}, or {path}={losses[0]} ({', '.join(losses[1:])})"
    )


def _check_arguments(own: str, arguments: Mapping[str, Any], kind: str, path: str) -> None:
    known = LOSSES[own].arguments
    if "alpha" in arguments and kind == "multiclass":
        raise UserError(f"{path}.{own}.alpha: is of yes or no; for several classes add task.class_weights")
    for key, value in arguments.items():
        if key not in known:
            hint = did_you_mean(key, known) if known else "; it has none"
            raise UserError(f"{path}.{own}.{key}: {own} has no such argument{hint}")
        if must := check_number(key, value, dict(known)) if known[key] else None:
            raise UserError(f"{path}.{own}.{key}={as_text(value)}: must be {must}")
        is_list = isinstance(value, list) and value and all(map(_is_number, value))
        is_names = isinstance(value, Mapping) and value and all(map(_is_number, value.values()))
        fits = {
            "quantiles": bool(is_list and len(set(value)) == len(value)),
            "pos_weight": bool(_is_number(value) or is_list or is_names),
            "full": isinstance(value, bool),
        }
        if not fits.get(key, _is_number(value)):
            must = {"quantiles": "a list of different numbers", "full": "true or false"}.get(key, "a number")
            raise UserError(f"{path}.{own}.{key}={as_text(value)}: must be {must}")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _example(name: Any, kind: str) -> str:
    own = canonical(str(name)) or names_for(kind)[0]
    argument = next(iter(LOSSES[own].arguments), None)
    return f"'{{{own}: {{{argument}: …}}}}'" if argument else own


def no_smoothing(name: str, smoothing: Any) -> UserError:
    """Error for label smoothing with a loss that has none."""
    return UserError(
        f"task.label_smoothing={smoothing}: is of cross_entropy and kl_div; with task.loss={name} add "
        "task.label_smoothing=0"
    )
