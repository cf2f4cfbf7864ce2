"""What a `_target_` accepts, read from its source text: nothing is imported, so torch stays out of a config check.

find("torch.optim.Adam").parameters["lr"].accepts("fast")     # False
"""

import ast
import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

_SCALARS: dict[str, tuple[type, ...]] = {
    "int": (int,),
    "float": (int, float),
    "str": (str,),
    "bool": (bool,),
    "Tensor": (),  # cannot be written in YAML
}
_SEQUENCES = {"list", "tuple", "Sequence", "Iterable", "Collection"}
_MAPPINGS = {"dict", "Mapping", "MutableMapping"}


@dataclass(frozen=True)
class Parameter:
    """One argument: its name, its annotation as written, and whether it must be given."""

    name: str
    annotation: ast.expr | None
    required: bool

    def accepts(self, value: object) -> bool:
        """Whether a plain YAML value may stand here; an annotation that is not understood accepts everything."""
        return self.annotation is None or _accepts(self.annotation, value)

    @property
    def type(self) -> str:
        """The annotation as a person would write it."""
        return ast.unparse(self.annotation).replace("Optional", "optional") if self.annotation else "anything"


@dataclass(frozen=True)
class Signature:
    """The arguments of a class or function.

    Attributes:
        open: it takes `**kwargs`, so an unknown name is no mistake.
        constants: the class's own literal attributes.
    """

    parameters: dict[str, Parameter]
    open: bool
    constants: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class _Module:
    path: Path
    name: str
    body: list[ast.stmt]

    @property
    def package(self) -> str:
        return self.name if self.path.name == "__init__.py" else self.name.rpartition(".")[0]


@cache
def find(target: str) -> Signature | None:
    """The signature of the class or function at a dotted path.

    Returns None where the text does not tell (C code, names made at run time, a package that is not installed).
    """
    found = _definition(target)
    return _signature(*found) if found else None


def _definition(target: str, depth: int = 8) -> tuple[_Module, ast.stmt] | None:
    """The module and the statement that define a dotted path, following imports by name and by star."""
    owner, _, name = target.rpartition(".")
    module = _module(owner) if owner and depth else None
    if module is None:
        return None
    stars = []
    for node in _statements(module.body):
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == name:
            return module, node
        if isinstance(node, ast.ImportFrom):
            source = _source(module, node)
            for alias in node.names:
                if alias.name == "*":
                    stars.append(source)
                elif (alias.asname or alias.name) == name:
                    return _definition(f"{source}.{alias.name}", depth - 1)
    return next((found for star in stars if (found := _definition(f"{star}.{name}", depth - 1))), None)


@cache
def _module(name: str) -> _Module | None:
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
        return _Module(path, name, ast.parse(path.read_text(encoding="utf-8")).body)
    except (OSError, SyntaxError, UnicodeDecodeError):
        return None


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a module, with those under a top-level `if` or `try`."""
    for node in body:
        yield node
        if isinstance(node, ast.If | ast.Try):
            yield from _statements(node.body)
            yield from _statements(node.orelse)


def _source(module: _Module, node: ast.ImportFrom) -> str:
    """The absolute name of the module that an import statement reads from."""
    if not node.level:
        return node.module or ""
    package = module.package.split(".")
    base = ".".join(package[: len(package) - node.level + 1])
    return f"{base}.{node.module}" if node.module else base


def _signature(module: _Module, node: ast.stmt) -> Signature:
    if isinstance(node, ast.FunctionDef):
        return _of_function(node, method=False)
    assert isinstance(node, ast.ClassDef)
    bases = [_signature(*found) for base in node.bases if (found := _definition(f"{module.name}.{ast.unparse(base)}"))]
    constants = {name: value for base in reversed(bases) for name, value in base.constants.items()}
    constants |= _constants(node)
    init = next((f for f in node.body if isinstance(f, ast.FunctionDef) and f.name == "__init__"), None)
    if init is not None:
        own = _of_function(init, method=True)
        if own.open and bases:  # `**kwargs` go on to the class it extends
            return Signature({**bases[0].parameters, **own.parameters}, bases[0].open, constants)
        return Signature(own.parameters, own.open, constants)
    if any("dataclass" in ast.unparse(decorator) for decorator in node.decorator_list):
        fields = [f for f in node.body if isinstance(f, ast.AnnAssign) and isinstance(f.target, ast.Name)]
        parameters = {f.target.id: Parameter(f.target.id, f.annotation, f.value is None) for f in fields}  # type: ignore[union-attr]
        return Signature(parameters, False, constants)
    inherited = bases[0].parameters if bases else {}
    return Signature(inherited, bases[0].open if bases else bool(node.bases), constants)


def _constants(node: ast.ClassDef) -> dict[str, Any]:
    constants = {}
    for statement in node.body:
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name) and statement.value:
            name, value = statement.target.id, statement.value
        elif isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            name, value = statement.targets[0].id, statement.value
        else:
            continue
        try:
            constants[name] = ast.literal_eval(value)
        except ValueError:
            continue
    return constants


def _of_function(node: ast.FunctionDef, method: bool) -> Signature:
    arguments = node.args
    positional = (arguments.posonlyargs + arguments.args)[1 if method else 0 :]
    required = len(positional) - len(arguments.defaults)
    parameters = {a.arg: Parameter(a.arg, a.annotation, i < required) for i, a in enumerate(positional)}
    for a, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        parameters[a.arg] = Parameter(a.arg, a.annotation, default is None)
    return Signature(parameters, arguments.kwarg is not None)


def _accepts(annotation: ast.expr, value: object) -> bool:
    if isinstance(annotation, ast.BinOp):  # X | Y
        return _accepts(annotation.left, value) or _accepts(annotation.right, value)
    if isinstance(annotation, ast.Constant):
        if isinstance(annotation.value, str):  # a quoted annotation
            return _accepts(ast.parse(annotation.value, mode="eval").body, value)
        return value is None if annotation.value is None else True
    inner: list[ast.expr] = []
    if isinstance(annotation, ast.Subscript):
        inner = annotation.slice.elts if isinstance(annotation.slice, ast.Tuple) else [annotation.slice]
        annotation = annotation.value
    name = ast.unparse(annotation).rpartition(".")[2]
    if name in ("Optional", "Union"):
        return (name == "Optional" and value is None) or any(_accepts(part, value) for part in inner)
    if name == "Literal":
        return value in [ast.literal_eval(part) for part in inner]
    if name in _SCALARS:
        return isinstance(value, _SCALARS[name]) and (name == "bool" or not isinstance(value, bool))
    if name in _SEQUENCES:
        return isinstance(value, list | tuple) and (
            name == "tuple" or not inner or all(_accepts(inner[0], v) for v in value)
        )
    if name in _MAPPINGS:
        return isinstance(value, dict) and "_target_" not in value
    return True
