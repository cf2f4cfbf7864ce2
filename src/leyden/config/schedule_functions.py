"""Functions of a project that a learning-rate schedule names, such as `scheduler.function=exponential_decay`.

They are found in the source text, so that torch is imported only when one is loaded.
"""

import ast
from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module
from typing import Any

from leyden.config.signature import definition_of, module_of, signature_of
from leyden.records.projects import project_packages
from leyden.system.errors import UserError
from leyden.system.override_text import as_text
from leyden.system.suggestions import did_you_mean

_MODULE = "schedulers"  # of a project, where a name without dots is looked for
_OF_FUNCTIONS = ("LambdaLR", "MultiplicativeLR")
_OF_SCHEDULERS = ("SequentialLR", "ChainedScheduler")


def check_schedule(config: Mapping[str, Any]) -> None:
    """Check the function of a schedule, and refuse schedulers that are made of others.

    Raises:
        UserError: the function or one of its arguments is unknown, or the scheduler takes none.
    """
    node = config.get("scheduler")
    if not isinstance(node, Mapping):
        return
    kind, name, function = str(node.get("_target_")).rpartition(".")[2], node.get("function"), node.get("lr_lambda")
    if kind in _OF_SCHEDULERS:
        raise UserError(
            f"scheduler._target_={node['_target_']}: takes schedulers, which a config cannot make; for a warm-up "
            "before another one set scheduler.warmup=0.05, or return it from a function of the project's schedulers.py"
        )
    if isinstance(function, str):
        raise UserError(f"scheduler.lr_lambda={function}: is set by its name; write scheduler.function={function}")
    if kind in _OF_FUNCTIONS and name is None and function is None:
        raise UserError(f"scheduler: {kind} needs a function; add scheduler.function={_example()}")
    if name is not None and kind not in _OF_FUNCTIONS:
        raise UserError(f"scheduler.function={name}: {kind} takes no function; add scheduler=lambda")
    if name is not None:
        _check_arguments(name, _path(name), node.get("arguments") or {})


def load_schedule_function(name: str, arguments: Mapping[str, Any]) -> Callable[[int], float]:
    """Function of the number of updates, by its name, with its further arguments bound.

    Raises:
        UserError: there is no such function in the project, or it does not take the arguments.
    """
    path = _path(name)
    _check_arguments(name, path, arguments)
    owner, _, last = path.rpartition(".")
    function: Callable[[int], float] = getattr(import_module(owner), last)
    return partial(function, **arguments) if arguments else function


def _path(name: str) -> str:
    """Dotted name of a function. A recorded config may come from others: it may name functions of projects only."""
    packages = project_packages()
    for path in [name] if "." in name else [f"{package}.{_MODULE}.{name}" for package in packages]:
        module, node = definition_of(path) or (None, None)
        is_own = module is not None and any(f"{module.name}.".startswith(f"{package}.") for package in packages)
        if is_own and isinstance(node, ast.FunctionDef) and _is_factor(node):
            return path
    owner = name.rpartition(".")[0]
    if owner and module_of(owner) is None:
        raise UserError(f"scheduler.function={name}: there is no module {owner}{did_you_mean(owner, _modules())}")
    known = [f"{owner}.{known}" for known in _functions(owner)] if owner else _known()
    where = owner or f"the project's {_MODULE}.py"
    raise UserError(f"scheduler.function={name}: is no function of {where}{did_you_mean(name, known)}")


def _check_arguments(name: str, path: str, arguments: Mapping[str, Any]) -> None:
    signature = signature_of(path)
    assert signature is not None
    known = dict(list(signature.parameters.items())[1:])  # the first is the number of updates
    for key, value in arguments.items():
        if key not in known and not signature.open:
            raise UserError(f"scheduler.arguments.{key}: {name} takes no such argument{did_you_mean(key, known)}")
        if key in known and not known[key].accepts(value):
            raise UserError(f"scheduler.arguments.{key}={as_text(value)}: must be {known[key].meaning}")
    if missing := [key for key, parameter in known.items() if parameter.required and key not in arguments]:
        raise UserError(f"scheduler.function={name}: needs scheduler.arguments.{missing[0]}=…")


def _modules() -> list[str]:
    return [f"{package}.{_MODULE}" for package in project_packages()]


def _known() -> list[str]:
    return [name for module in _modules() for name in _functions(module)]


def _functions(module: str) -> list[str]:
    """Public functions of a module that make no scheduler themselves."""
    found = module_of(module)
    statements = [node for node in found.body if isinstance(node, ast.FunctionDef)] if found else []
    return [node.name for node in statements if _is_factor(node) and not node.name.startswith("_")]


def _is_factor(node: ast.FunctionDef) -> bool:
    """True if a function takes the number of updates, and not an optimizer to make a scheduler of."""
    arguments = [*node.args.posonlyargs, *node.args.args]
    return bool(arguments) and arguments[0].arg != "optimizer"


def _example() -> str:
    return next(iter(_known()), "…")
