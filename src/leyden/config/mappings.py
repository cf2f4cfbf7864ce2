"""Settings that are mappings with arbitrary names as keys, such as `task.class_weights={cat: 1, <=50K: 2}`.

Hydra reads a mapping whose keys are plain words. It refuses other keys, or reads them as numbers, booleans or null:
such a mapping is passed to it as text, and read afterwards. A key may be in quotes.
"""

import ast
import json
import re
from collections.abc import Mapping
from typing import Any

import yaml
from hydra.errors import HydraException

from leyden.config.own_parts import with_own_parts
from leyden.config.signature import Parameter, signature_of
from leyden.system.override_text import parsed, quoted

_SETTING = re.compile(r"([+]*[A-Za-z_]\w*(?:\.[\w-]+)+)=(\{.*\})", re.DOTALL)
_INITIAL = re.compile(r"([+]*init_from)=(\{.*\})", re.DOTALL)  # its keys are regular expressions
_MAPPING = re.compile(r"\{[^{}]*\}")
_ENTRY = re.compile(
    r"""\s*(?:(?P<text>"(?:\\.|[^"\\])*")|'(?P<plain>(?:[^']|'')*)'|(?P<bare>[^,]+?))\s*:\s*(?P<value>[^,:]*)(?:,|$)"""
)
_OF_NAMES = re.compile(r"\b(?:dict|Mapping|MutableMapping)\[str,")


def quoted_mapping(argument: str) -> str:
    """An override with a mapping, or each of several, in quotes if Hydra would not read its keys unchanged."""
    if (initial := _INITIAL.fullmatch(argument)) and "${" not in initial[2]:
        return f"{initial[1]}={quoted(initial[2])}"
    match = _SETTING.fullmatch(argument)
    if match is None or "${" in match[2]:
        return argument
    values = _MAPPING.findall(match[2])
    if ",".join(values) != match[2] or any(_read(value) is None for value in values):
        return argument
    return f"{match[1]}={','.join(value if _is_plain(value) else quoted(value) for value in values)}"


def with_names_as_text(config: dict[str, Any]) -> dict[str, Any]:
    """A config in which the keys of mappings from names are text, and the parts of its task in one form."""
    named = {section: _with_names(node) if isinstance(node, dict) else node for section, node in config.items()}
    return with_own_parts(named)


def _with_names(node: dict[str, Any]) -> dict[str, Any]:
    signature = signature_of(str(node["_target_"])) if "_target_" in node else None
    if signature is None:
        return node
    return {
        key: _as_mapping(value, signature.parameters[key]) if key in signature.parameters else value
        for key, value in node.items()
    }


def _as_mapping(value: Any, parameter: Parameter) -> Any:
    if parameter.annotation is None or not _OF_NAMES.search(ast.unparse(parameter.annotation)):
        return value
    if isinstance(value, str) and not parameter.accepts(value):
        value = _read(value) or value
    if isinstance(value, dict) and "_target_" not in value:
        return {_as_name(key): inner for key, inner in value.items()}
    return value


def _as_name(key: Any) -> str:
    return str(key).lower() if isinstance(key, bool) else "null" if key is None else str(key)


def _is_plain(text: str) -> bool:
    """True if Hydra reads a mapping with unchanged keys."""
    try:
        value = parsed(text)
    except HydraException:
        return False
    return not isinstance(value, Mapping) or all(
        isinstance(key, str | int) and not isinstance(key, bool) for key in value
    )


def _read(text: str) -> dict[str, Any] | None:
    """A mapping with its keys as they are written, without quotes; None for anything else."""
    if not _MAPPING.fullmatch(text):
        return None
    found, place, inner = dict[str, Any](), 0, text[1:-1].strip()
    while place < len(inner):
        entry = _ENTRY.match(inner, place)
        if entry is None:
            return None
        try:
            key = json.loads(entry["text"]) if entry["text"] else entry["bare"] or entry["plain"].replace("''", "'")
            found[key] = yaml.safe_load(entry["value"])
        except (yaml.YAMLError, ValueError):
            return None
        place = entry.end()
    return found
