"""Functions of a project that a config may name, and so a checkpoint of another person: by section, in one subpackage.

Nothing else of a checkpoint is a call, so that a function in one of them should only make what its section is for.
"""

from collections.abc import Collection
from importlib import import_module
from types import FunctionType
from typing import Any

from leyden.records.projects import present_name, project_packages
from leyden.system.errors import UserError

# The modules or subpackages of a project, by the section of a config.
_PLACES = {
    "data": ("data",),
    "model": ("models",),
    "optimizer": ("optimizers",),
    "scheduler": ("schedulers",),
    "task": ("losses", "tasks"),
}


def modules_of_functions(section: str) -> tuple[str, ...]:
    """The modules, with all below them, whose functions a section may name."""
    return tuple(f"{package}.{place}" for package in project_packages() for place in _PLACES.get(section, ()))


def is_defined_in(found: Any, name: str, modules: Collection[str]) -> bool:
    """True for a class or function that one of the modules, or one below it, defines under this name.

    An imported one is defined elsewhere: `from shutil import rmtree` does not make rmtree a function of the project.
    """
    return getattr(found, "__qualname__", None) == name and is_below(str(getattr(found, "__module__", "")), modules)


def is_below(module: str, packages: Collection[str]) -> bool:
    """True if a module is one of the packages, or in one."""
    return any(f"{module}.".startswith(f"{package}.") for package in packages)


def is_public(parts: Collection[str]) -> bool:
    """True if the parts of a dotted name are identifiers, and none is private."""
    return all(part.isidentifier() and not part.startswith("_") for part in parts)


def project_function(target: str, section: str, setting: str) -> FunctionType:
    """The function of a project at a dotted name. Nothing is imported that the section may not name.

    Raises:
        UserError: it is in another place, is not there, or is no function.
    """
    modules = modules_of_functions(section)
    owner, _, name = present_name(target).rpartition(".")
    if not is_below(owner, modules) or not is_public([*owner.split("."), name]):
        raise UserError(f"{setting}={target}: must be a function in {' or '.join(modules)}")
    try:
        found = vars(import_module(owner))[name]
    except (ImportError, KeyError) as error:
        raise UserError(f"{setting}={target}: there is no such function") from error
    if not isinstance(found, FunctionType) or not is_defined_in(found, name, modules):
        raise UserError(f"{setting}={target}: must be a function that {' or '.join(modules)} defines itself")
    return found
