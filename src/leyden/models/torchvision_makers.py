"""Functions of torchvision that make its networks, such as `torchvision.models.resnet18`; here without weights."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

from leyden.system.errors import UserError

MAKERS = "torchvision.models"
_WEIGHTS = ("weights", "weights_backbone")  # arguments that download; torchvision also takes the former names
_FORMER = ("pretrained", "pretrained_backbone")


def is_maker(make: Any) -> bool:
    """True for a function that torchvision registers as the maker of a network."""
    return str(getattr(make, "__module__", "")).startswith(f"{MAKERS}.") and make in _makers()


def without_weights(
    make: Callable[..., Any], args: Sequence[Any], settings: Mapping[str, Any], setting: str
) -> tuple[list[Any], dict[str, Any]]:
    """Arguments of a maker with which it downloads nothing.

    Raises:
        UserError: some have no names: the first one was `pretrained` once, and would download.
    """
    if args:
        raise UserError(f"{setting}._args_: {make.__name__} takes named arguments only")
    taken = [name for name in _WEIGHTS if name in inspect.signature(make).parameters]
    kept = {name: value for name, value in settings.items() if name not in (*_WEIGHTS, *_FORMER)}
    return [], kept | dict.fromkeys(taken)


def check_maker(make: Any, model: Mapping[str, Any]) -> None:
    """Refuse the weights of a maker.

    Raises:
        UserError: it has any. Its head would be that of ImageNet, whatever the data are.
    """
    given = [name for name in (*_WEIGHTS, *_FORMER) if model.get(name)]
    if not is_maker(make) or not given:
        return
    name = make.__name__
    raise UserError(
        f"model.{given[0]}={model[given[0]]}: {MAKERS}.{name} would keep the outputs of its weights; "
        f"write model=resnet model.name={name} model.weights=DEFAULT, whose head is that of the data"
    )


@cache
def _makers() -> frozenset[Any]:
    from torchvision.models import get_model_builder, list_models  # takes a second

    return frozenset(get_model_builder(name) for name in list_models())
