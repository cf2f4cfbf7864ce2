"""The setting `init_from`: a run or a file whose weights a new run starts from, as a path or as a mapping.

init_from=last
init_from={path: gan.pt, key: generator, rename: {'^old\\.': 'new.'}, into: backbone}
"""

import re
from collections.abc import Mapping
from typing import Any

import yaml

from leyden.system.errors import UserError
from leyden.system.override_text import as_text
from leyden.system.suggestions import did_you_mean

_KEYS = ("path", "key", "rename", "into")


def initial_weights(value: Any) -> dict[str, Any] | None:
    """Settings of initial weights: `path`, and any of `key`, `rename` and `into`; None if there are none.

    Args:
        value: a path, a mapping, or a mapping as text, which is how it is typed: Hydra reads no key like `^old`.

    Raises:
        UserError: it is no mapping, a key is unknown, or a value of another type.
    """
    if value is None:
        return None
    if isinstance(value, str) and value.startswith("{"):
        try:
            value = yaml.safe_load(value)
        except yaml.YAMLError as error:
            why = " ".join(str(error).split())
            raise UserError(f"init_from: cannot be read ({why}); write a pattern like '^a[0-9]' in quotes") from error
    if not isinstance(value, Mapping):
        return {"path": str(value)}
    settings = {str(key): inner for key, inner in value.items() if inner is not None}
    for key in settings:
        if key not in _KEYS:
            raise UserError(f"init_from.{key}: unknown key{did_you_mean(key, _KEYS)}")
    if "path" not in settings:
        raise UserError("init_from.path: no value given; write init_from={path: …}")
    for key in ("path", "key", "into"):
        if not isinstance(settings.get(key, ""), str | int) or isinstance(settings.get(key), bool):
            raise UserError(f"init_from.{key}={as_text(settings[key])}: must be text")
    if "rename" in settings:
        settings["rename"] = _patterns(settings["rename"])
    return {key: str(inner) if key != "rename" else inner for key, inner in settings.items()}


def initial_path(value: Any) -> str | None:
    """The path of initial weights."""
    settings = initial_weights(value)
    return settings["path"] if settings else None


def _patterns(rename: Any) -> dict[str, str]:
    if not isinstance(rename, Mapping):
        text = as_text(rename)
        raise UserError(f"init_from.rename={text}: must be a mapping of patterns to texts, as {{'^old\\.': 'new.'}}")
    for pattern in rename:
        try:
            re.compile(str(pattern))
        except re.error as error:
            raise UserError(f"init_from.rename: {pattern} is no regular expression ({error})") from error
    return {str(pattern): "" if text is None else str(text) for pattern, text in rename.items()}
