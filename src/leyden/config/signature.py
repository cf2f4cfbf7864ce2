"""Signature of a `_target_`, read from its source text: nothing is imported, so torch stays out of a config check.

signature_of("torch.optim.Adam").parameters["lr"].accepts("fast")     # False
"""

import ast
import copy
import importlib
import importlib.util
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from leyden.config.annotations import SCALARS, accepts, choices, meaning, named_check


@dataclass(frozen=True)
class Parameter:
    """One argument: its name, its annotation as source text, and whether it is required."""

    name: str
    annotation: ast.expr | None
    required: bool
    nullable: bool = False  # None is the default, whatever the annotation says

    def accepts(self, value: object) -> bool:
        """True if the argument takes a plain YAML value; an annotation that is not understood takes everything."""
        return self.annotation is None or (value is None and self.nullable) or accepts(self.annotation, value)

    def refusal(self, key: str, value: object) -> str | None:
        """Message that refuses a value of an accepted type; None if there is none.

        An annotation `Annotated[str, "package.module.function"]` names the function that decides: it gets the name of
        the setting and the value, and its module does not import torch.
        """
        check = named_check(self.annotation) if self.annotation else None
        if check is None or value is None or (isinstance(value, dict) and "_target_" in value):
            return None
        owner, _, name = check.rpartition(".")
        message: str | None = getattr(importlib.import_module(owner), name)(key, value)
        return message

    @property
    def choices(self) -> list[object]:
        """The values that the argument takes, if the annotation lists them."""
        return choices(self.annotation) if self.annotation else []

    @property
    def meaning(self) -> str:
        """Description of the values that the argument takes."""
        return meaning(self.annotation) if self.annotation else "anything"


@dataclass(frozen=True)
class Signature:
    """The arguments of a class or function.

    Attributes:
        open: it takes `**kwargs`, so that any name is accepted.
        constants: literal class attributes, inherited ones included.
    """

    parameters: dict[str, Parameter]
    open: bool
    constants: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Module:
    """Source of a module, parsed and not imported."""

    path: Path
    name: str
    body: list[ast.stmt]


@cache
def signature_of(target: str) -> Signature | None:
    """The signature at a dotted path; None where there is no source text for it (C code, created at run time)."""
    found = definition_of(target)
    return _signature(*found) if found else None


def definition_of(target: str, depth: int = 8) -> tuple[Module, ast.stmt] | None:
    """The module and the statement that define a dotted path, following imports by name and by star."""
    owner, _, name = target.rpartition(".")
    module = module_of(owner) if owner and depth else None
    if module is None:
        return None
    stars = []
    for node in _statements(module.body):
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == name:
            return module, node
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == name:
            return module, node
        if isinstance(node, ast.ImportFrom):
            source = _source_of(module, node)
            for alias in node.names:
                if alias.name == "*":
                    stars.append(source)
                elif (alias.asname or alias.name) == name:
                    return definition_of(f"{source}.{alias.name}", depth - 1)
    return next((found for star in stars if (found := definition_of(f"{star}.{name}", depth - 1))), None)


def ancestors(target: str) -> Iterator[tuple[str, Module, ast.ClassDef]]:
    """A class and those that it extends, itself first: where each is defined, and its text."""
    module, node = definition_of(target) or (None, None)
    if module is not None and isinstance(node, ast.ClassDef):
        yield f"{module.name}.{node.name}", module, node
        for base in node.bases:
            yield from ancestors(qualified_name(module, ast.unparse(base)))


def qualified_name(module: Module, name: str) -> str:
    """The dotted path of a name in a module, such as `pl.Callback`, by the import statements of the module."""
    first, _, rest = name.partition(".")
    for node in _statements(module.body):
        for alias in node.names if isinstance(node, ast.Import | ast.ImportFrom) else ():
            if (alias.asname or alias.name) == first:
                source = f"{_source_of(module, node)}.{alias.name}" if isinstance(node, ast.ImportFrom) else alias.name
                return f"{source}.{rest}".rstrip(".")
            if isinstance(node, ast.Import) and alias.asname is None and alias.name.partition(".")[0] == first:
                return name  # `import lightning.pytorch` binds `lightning`
    return f"{module.name}.{name}"


@cache
def module_of(name: str) -> Module | None:
    """The parsed source of a module; None if there is none."""
    root, *rest = name.split(".")
    try:
        spec = importlib.util.find_spec(root)  # of a top-level name: it is located, not imported
    except (ImportError, ValueError):
        return None
    if spec is None or spec.origin is None:
        return None
    path = Path(spec.origin)
    for part in rest:
        folder = path.parent / part
        path = folder / "__init__.py" if folder.is_dir() else path.parent / f"{part}.py"
    try:
        return Module(path, name, ast.parse(path.read_text(encoding="utf-8")).body)
    except (OSError, SyntaxError, UnicodeDecodeError):
        return None


def public_names(name: str) -> tuple[str, ...]:
    """The `__all__` of a module; without one, those of the modules that it imports by star."""
    module = module_of(name)
    found: list[str] = []
    for node in _statements(module.body) if module else ():
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            with suppress(ValueError):  # computed
                return tuple(ast.literal_eval(node.value))
        if module and isinstance(node, ast.ImportFrom) and node.names[0].name == "*":
            found += public_names(_source_of(module, node))
    return tuple(found)


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a module, with those under a top-level `if` or `try`."""
    for node in body:
        yield node
        if isinstance(node, ast.If | ast.Try):
            yield from _statements(node.body)
            yield from _statements(node.orelse)


def _source_of(module: Module, node: ast.ImportFrom) -> str:
    """The absolute name of the module that an import statement reads from."""
    if not node.level:
        return node.module or ""
    up = node.level - (module.path.name == "__init__.py")
    base = module.name.rsplit(".", up)[0] if up else module.name
    return f"{base}.{node.module}" if node.module else base


def _signature(module: Module, node: ast.stmt) -> Signature | None:
    if isinstance(node, ast.FunctionDef):
        return _of_function(module, node, method=False)
    if not isinstance(node, ast.ClassDef):
        return None  # a name for a class that is created elsewhere
    found = [definition_of(qualified_name(module, ast.unparse(base))) for base in node.bases]
    bases = [signature for definition in found if definition and (signature := _signature(*definition))]
    constants = {name: value for base in reversed(bases) for name, value in base.constants.items()}
    constants |= class_constants(node)
    init = next((f for f in node.body if isinstance(f, ast.FunctionDef) and f.name == "__init__"), None)
    if init is not None:
        own = _of_function(module, init, method=True)
        if own.open and bases and _passes_kwargs(init):
            return Signature({**bases[0].parameters, **own.parameters}, bases[0].open, constants)
        return Signature(own.parameters, own.open, constants)
    if any("dataclass" in ast.unparse(decorator) for decorator in node.decorator_list):
        fields = [f for f in node.body if isinstance(f, ast.AnnAssign) and isinstance(f.target, ast.Name)]
        parameters = {f.target.id: Parameter(f.target.id, f.annotation, f.value is None) for f in fields}  # type: ignore[union-attr]
        inherited = {name: parameter for base in reversed(bases) for name, parameter in base.parameters.items()}
        return Signature({**inherited, **parameters}, False, constants)
    inherited = bases[0].parameters if bases else {}
    return Signature(inherited, bases[0].open if bases else bool(node.bases), constants)


def _passes_kwargs(init: ast.FunctionDef) -> bool:
    """True if `**kwargs` are passed to the base class, in `super().__init__(…, **kwargs)`."""
    calls = [call for call in ast.walk(init) if isinstance(call, ast.Call)]
    to_super = [call for call in calls if ast.unparse(call.func) == "super().__init__"]
    return any(keyword.arg is None for call in to_super for keyword in call.keywords)


def class_constants(node: ast.ClassDef) -> dict[str, Any]:
    """The literal attributes that a class statement assigns."""
    constants = {}
    for statement in node.body:
        if not isinstance(statement, ast.Assign | ast.AnnAssign):
            continue
        target = statement.targets[0] if isinstance(statement, ast.Assign) else statement.target
        if isinstance(target, ast.Name) and statement.value:
            with suppress(ValueError):  # computed, not a literal
                constants[target.id] = ast.literal_eval(statement.value)
    return constants


def _of_function(module: Module, node: ast.FunctionDef, method: bool) -> Signature:
    arguments = node.args
    positional = (arguments.posonlyargs + arguments.args)[1 if method else 0 :]
    required = len(positional) - len(arguments.defaults)
    defaults: list[ast.expr | None] = [None] * required + list(arguments.defaults) + list(arguments.kw_defaults)
    parameters = {}
    for argument, default in zip([*positional, *arguments.kwonlyargs], defaults, strict=True):
        annotation = _expanded(argument.annotation, module)
        nullable = default is not None and ast.unparse(default) == "None"
        parameters[argument.arg] = Parameter(argument.arg, annotation, default is None, nullable)
    return Signature(parameters, arguments.kwarg is not None)


def _expanded(annotation: ast.expr | None, module: Module) -> ast.expr | None:
    """An annotation with aliases of choices, such as `Scheme = Literal["a", "b"]`, replaced by their definition."""

    class Aliases(ast.NodeTransformer):
        def visit_Name(self, node: ast.Name) -> ast.expr:
            definition = None if node.id in SCALARS else definition_of(f"{module.name}.{node.id}")
            if definition is None or not isinstance(definition[1], ast.Assign):
                return node
            return _expanded(definition[1].value, definition[0]) or node

    return Aliases().visit(copy.deepcopy(annotation)) if annotation else None
