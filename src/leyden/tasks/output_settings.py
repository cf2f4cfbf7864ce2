"""Methods of a task class that depend on its settings, such as the number of outputs that a loss needs."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from leyden.data.spec import DataSpec

Result = TypeVar("Result")


def with_settings(method: Callable[..., Result], spec: DataSpec, settings: Mapping[str, Any]) -> Result:
    """Result of a method for a spec and those settings that are its arguments by name."""
    known = inspect.signature(method).parameters
    takes_all = any(parameter.kind is parameter.VAR_KEYWORD for parameter in known.values())
    return method(spec, **{name: value for name, value in settings.items() if takes_all or name in known})
