"""Functions that a class declares about itself, found in its source text and callable before torch is imported.

A class declares one by assigning it from a module that does not import torch, as in

    check_input = staticmethod(input_checks.cnn)
"""

import ast
from collections.abc import Callable
from importlib import import_module

from leyden.config.signature import Module, ancestors, module_of, qualified_name

Declared = Callable[..., str | None]
_SLOW = ("torch", "torchvision", "lightning")  # packages that take seconds to import


def declared_function(target: str, name: str) -> Declared | None:
    """The function of this name that a class or a base class of it takes from a module without torch; None otherwise.

    None, too, if the class itself defines the function: it could only be called by importing the class.
    """
    for _, module, node in ancestors(target):
        for statement in node.body:
            if isinstance(statement, ast.FunctionDef) and statement.name == name:
                return None
            if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == name:
                return _assigned(module, statement.value)
    return None


def _assigned(module: Module, value: ast.expr) -> Declared | None:
    """The function of `staticmethod(input_checks.cnn)`, by the imports of the class's module."""
    if not (isinstance(value, ast.Call) and ast.unparse(value.func) == "staticmethod" and len(value.args) == 1):
        return None
    owner, _, name = qualified_name(module, ast.unparse(value.args[0])).rpartition(".")
    return getattr(import_module(owner), name, None) if owner != module.name and _is_without_torch(owner) else None


def _is_without_torch(name: str) -> bool:
    """True if a module can be read and has no import of torch itself."""
    module = module_of(name)
    if module is None:
        return False
    names: list[str] = []
    for node in ast.walk(ast.Module(module.body, [])):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names.append(node.module or "")
    return not any(imported.partition(".")[0] in _SLOW for imported in names)
