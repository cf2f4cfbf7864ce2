"""The config of a run as YAML, with the overridden settings marked, and the table of its overrides."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import yaml

from leyden.config.overrides import without_password
from leyden.reports.before import NOT_SET, Before
from leyden.reports.html import Html, element, joined, table
from leyden.sweeps.summary.value_text import shown


def overrides_table(overrides: Sequence[str], before: Before) -> Html:
    """Table of overrides with the values that they replaced, where these are known."""
    if not overrides:
        return element("p", "None: the experiment as its YAML files have it.")
    rows = []
    for override in overrides:
        key, _, value = override.lstrip("+").partition("=")
        rows.append([element("code", key), element("mark", element("code", value)), element("code", was(key, before))])
    heads = ["setting", "value", "before"]
    if not before.is_known:
        return table(heads[:2], [row[:2] for row in rows])
    return table(heads, rows)


def was(key: str, before: Before) -> str:
    """The value before an override; empty if it is not known."""
    if key in before.choices:
        return before.choices[key]
    value = before.values.get(key, ...)
    return "" if value is ... else "not set" if value is NOT_SET else without_password(shown(value))


def marked_config(config: Mapping[str, Any], overrides: Sequence[str], before: Before | None = None) -> Html:
    """A config as YAML, in which overridden settings and the sections of chosen files are marked.

    Args:
        config: plain values.
        overrides: as they were typed.
        before: what they replaced.
    """
    notes: dict[str, str] = {}
    for override in overrides:
        key, _, value = override.lstrip("+~").partition("=")
        old = was(key, before) if before else ""
        is_section = isinstance(config.get(key), Mapping)
        parts = [f"{key}={value}"] * is_section + [f"was {old}"] * bool(old and old != "not set")
        notes[key] = ", ".join(parts)
    mappings = [key for key in notes if "." in key and isinstance(_at(config, key), Mapping)]
    lines: list[str] = []
    for place, text in _lines(config):
        note = f"  # {notes[place]}" if notes.get(place) else ""
        is_within = any(place.startswith(f"{key}.") for key in mappings)
        is_marked = place in notes or is_within
        bare = text.lstrip(" ")
        marked = joined([text[: len(text) - len(bare)], element("mark", bare)]) if is_marked else text
        lines.append(joined([marked, element("span", note, class_="note")]))
    return element("pre", element("code", joined(lines, "\n")))


def count_lines(config: Mapping[str, Any]) -> int:
    """Number of lines of a config as YAML."""
    return sum(text.count("\n") + 1 for _, text in _lines(config))


def _lines(config: Mapping[str, Any], place: str = "", depth: int = 0) -> Iterator[tuple[str, str]]:
    """Dotted name and text of each setting; of a section its first line only, before those of its settings."""
    for key, value in config.items():
        name = f"{place}.{key}" if place else str(key)
        is_section = isinstance(value, Mapping) and bool(value)
        text = _text(key, None if is_section else value)
        if is_section:
            text = text.removesuffix(" null")
        yield name, without_password("\n".join("  " * depth + line for line in text.split("\n")))
        if is_section:
            yield from _lines(value, name, depth + 1)


def _text(key: Any, value: Any) -> str:
    """YAML of a setting; a list of plain values in one line."""
    if isinstance(value, list) and not any(isinstance(inner, Mapping | list) for inner in value):
        flow = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=10_000)
        return _text(key, None).removesuffix("null") + flow.strip("\n")
    return yaml.safe_dump({key: value}, sort_keys=False, allow_unicode=True, width=100).strip("\n")


def _at(config: Any, key: str) -> Any:
    for part in key.split("."):
        config = config.get(part) if isinstance(config, Mapping) else None
    return config
