"""Projects whose classes a checkpoint may name, and present names of classes that were renamed.

A project declares itself in its pyproject.toml, never in a checkpoint or a recorded config, which may come from anyone:

    [project.entry-points."leyden.projects"]
    my_project = "my_project"
    [project.entry-points."leyden.former_names"]
    "old_name.models" = "my_project.models"
"""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

# Classes of the engine that recorded configs name, and what replaced them.
_FORMER_OF_ENGINE = {
    f"{module}.NoProfiler": "lightning.pytorch.profilers.PassThroughProfiler"
    for module in ("leyden.profiler", "leyden.training.profiler")
}


def project_packages() -> tuple[str, ...]:
    """The packages that declare themselves as projects of this engine."""
    return tuple(sorted(set(_declared("leyden.projects").values())))


def present_names(node: Any) -> Any:
    """A recorded config with each `_target_` of a class that was renamed since under its present name."""
    if isinstance(node, Mapping):
        return {
            key: present_name(value) if key == "_target_" and isinstance(value, str) else present_names(value)
            for key, value in node.items()
        }
    if isinstance(node, list | tuple):
        return type(node)(present_names(value) for value in node)
    return node


def present_name(target: str) -> str:
    """The dotted name that a class has now: `old_name.models.mlp.MLP` is `my_project.models.mlp.MLP`."""
    former = {**_FORMER_OF_ENGINE, **_declared("leyden.former_names")}
    parts = target.split(".")
    for end in range(len(parts), 0, -1):  # the longest prefix that was renamed
        if new := former.get(".".join(parts[:end])):
            return ".".join([new, *parts[end:]])
    return target


@cache
def _declared(group: str) -> Mapping[str, str]:
    """The entry points of a group, with those in the pyproject.toml of the source tree that this engine runs from.

    The metadata of an editable install are as old as the install, and the project may have been renamed since.
    """
    declared = {entry.name: entry.value for entry in entry_points(group=group)}
    source = Path(__file__).resolve().parents[2]
    pyproject = source.parent / "pyproject.toml"
    if source.name == "src" and pyproject.is_file():
        project = tomllib.loads(pyproject.read_text(encoding="utf-8"))["project"]
        declared |= project.get("entry-points", {}).get(group, {})
    return declared
