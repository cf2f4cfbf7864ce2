"""Checks of a network's input shape, declared by the network's class and called before torch is imported.

A network may declare a static method `check_input(input_shape, **settings) -> str | None` that returns what it needs,
as the end of the sentence "model CNN needs …", or None if it takes the input. If it is assigned from a module that does
not import torch, as in

    check_input = staticmethod(input_checks.cnn)

it is called with the settings of a config before torch is imported; any other is called when the network is built.
"""

import ast
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any

from leyden.config.signature import Module, ancestors, module_of, qualified_name, signature_of

InputCheck = Callable[..., str | None]
_SLOW = ("torch", "torchvision", "lightning")  # packages that take seconds to import


def stated_shape(data: Mapping[str, Any]) -> Sequence[Any] | None:
    """The input shape that the class of a data section states; None if it is known only when the data are read."""
    if data.get("eval_transform"):
        return None
    signature = signature_of(str(data.get("_target_")))
    return signature.constants.get("INPUT_SHAPE") if signature else None


def misfit(target: str, input_shape: Sequence[Any], settings: Mapping[str, Any]) -> str | None:
    """Message that refuses a network for an input shape; None if they fit, or if only torch can tell."""
    check = declared_check(target)
    return refusal(target, check, {**settings, "input_shape": input_shape}) if check else None


def refusal(target: str, check: InputCheck, settings: Mapping[str, Any]) -> str | None:
    """Message with which a network's own check refuses complete settings; None if it accepts them."""
    needs = check(**{key: value for key, value in settings.items() if not key.startswith("_")})
    return f"model {target.rpartition('.')[2]} needs {needs}" if needs else None


def declared_check(target: str) -> InputCheck | None:
    """The `check_input` that a class or a base class of it takes from a module without torch; None otherwise."""
    for _, module, node in ancestors(target):
        for statement in node.body:
            if isinstance(statement, ast.FunctionDef) and statement.name == "check_input":
                return None
            if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "check_input":
                return _assigned(module, statement.value)
    return None


def _assigned(module: Module, value: ast.expr) -> InputCheck | None:
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
