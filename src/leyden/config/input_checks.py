"""Whether a network takes inputs of a shape, asked of the network's class before torch is imported.

A network may declare a static method `check_input(input_shape, **settings) -> str | None` that returns what it needs,
as the end of the sentence "model CNN needs …", or None where the two fit. Where it is assigned from a module that does
not import torch, as in

    check_input = staticmethod(input_checks.cnn)

it is called with the settings of a config before torch is imported; any other is called when the network is built.
"""

import ast
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any

from leyden.config.signature import Module, definition_of, module_of, source_of, statements

InputCheck = Callable[..., str | None]


def misfit(target: str, input_shape: Sequence[Any], settings: Mapping[str, Any]) -> str | None:
    """The sentence that refuses a network for an input shape; None where they fit or only torch can tell."""
    check = declared_check(target)
    return refusal(target, check, {**settings, "input_shape": input_shape}) if check else None


def refusal(target: str, check: InputCheck, settings: Mapping[str, Any]) -> str | None:
    """The sentence with which a network's own check refuses complete settings; None where it does not."""
    needs = check(**{key: value for key, value in settings.items() if not key.startswith("_")})
    return f"model {target.rpartition('.')[2]} needs {needs}" if needs else None


def declared_check(target: str) -> InputCheck | None:
    """The `check_input` that a class, or one that it extends, has from a module without torch; None otherwise."""
    found = definition_of(target)
    if found is None:
        return None
    module, node = found
    if not isinstance(node, ast.ClassDef):
        return None
    for statement in node.body:
        if isinstance(statement, ast.FunctionDef) and statement.name == "check_input":
            return None
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "check_input":
            return _assigned(module, statement.value)
    checks = (declared_check(f"{module.name}.{ast.unparse(base)}") for base in node.bases)
    return next((check for check in checks if check), None)


def _assigned(module: Module, value: ast.expr) -> InputCheck | None:
    """The function of `staticmethod(input_checks.cnn)`, by the imports of the class's module."""
    if not (isinstance(value, ast.Call) and ast.unparse(value.func) == "staticmethod" and len(value.args) == 1):
        return None
    first, _, rest = ast.unparse(value.args[0]).partition(".")
    for node in statements(module.body):
        if not isinstance(node, ast.ImportFrom):
            continue
        for alias in node.names:
            if (alias.asname or alias.name) == first:
                owner, _, name = f"{source_of(module, node)}.{alias.name}.{rest}".strip(".").rpartition(".")
                return getattr(import_module(owner), name, None) if _is_without_torch(owner) else None
    return None


def _is_without_torch(name: str) -> bool:
    """Whether a module can be read, and imports nothing of torch itself."""
    module = module_of(name)
    if module is None:
        return False
    imports = [node for node in ast.walk(ast.Module(module.body, [])) if isinstance(node, ast.Import | ast.ImportFrom)]
    names = [
        node.module or "" if isinstance(node, ast.ImportFrom) else alias.name
        for node in imports
        for alias in node.names
    ]
    return not any(imported.split(".")[0] in ("torch", "torchvision", "lightning") for imported in names)
