"""Paths in a config, when what they point into has another place."""

from typing import Any


def rebase_paths(value: Any, old: str, new: str) -> Any:
    """A config with every path that begins with one directory in another."""
    if isinstance(value, dict):
        return {key: rebase_paths(inner, old, new) for key, inner in value.items()}
    if isinstance(value, list):
        return [rebase_paths(inner, old, new) for inner in value]
    inside = isinstance(value, str) and (value == old or value.startswith((old + "/", old + "\\")))
    return new + value[len(old) :] if inside else value
