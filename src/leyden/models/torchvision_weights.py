"""Files of torchvision's pretrained weights, known from its source text without importing torch."""

import ast
import os
from pathlib import Path
from typing import Any

from leyden.config.signature import Module, definition_of
from leyden.models.torchvision_inputs import is_name


def torchvision_weights_download(name: str = "resnet18", weights: str | None = None, **_: Any) -> str | None:
    """The file of torchvision's weights that is not in torch's cache; None if it is there, or if none is needed."""
    if not is_name(weights) or (file := weights_file(name, str(weights))) is None:  # an unknown name is refused later
        return None
    return None if (hub_folder() / file).is_file() else f"the weights {file}"


def weights_file(name: str, weights: str) -> str | None:
    """Name of the file of a network's weights, such as resnet18-f37072fd.pth; None if torchvision has none."""
    module, function = definition_of(f"torchvision.models.{name}") or (None, None)
    if module is None or not isinstance(function, ast.FunctionDef):
        return None
    annotations = [argument.annotation for argument in function.args.kwonlyargs if argument.arg == "weights"]
    names = {node.id for found in annotations if found for node in ast.walk(found) if isinstance(node, ast.Name)}
    members = _members(module, names)
    for _ in range(2):  # DEFAULT is another member
        value = members.get(weights)
        if isinstance(value, ast.Name):
            weights = value.id
        elif isinstance(value, ast.Call):
            url = next((keyword.value for keyword in value.keywords if keyword.arg == "url"), None)
            return (
                url.value.rpartition("/")[2] if isinstance(url, ast.Constant) and isinstance(url.value, str) else None
            )
    return None


def hub_folder() -> Path:
    """Folder in which torch keeps downloaded weights."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache"))
    return Path(os.environ.get("TORCH_HOME", cache / "torch"), "hub", "checkpoints").expanduser()


def _members(module: Module, names: set[str]) -> dict[str, ast.expr]:
    """Members of the enumeration of weights, by name."""
    found: dict[str, ast.expr] = {}
    for node in module.body:
        if isinstance(node, ast.ClassDef) and node.name in names:
            for statement in node.body:
                if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
                    found[statement.targets[0].id] = statement.value
    return found
