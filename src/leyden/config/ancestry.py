"""Which classes a class extends, read from source text: nothing is imported."""

import ast
from collections.abc import Iterator

from leyden.config.signature import Module, definition_of, source_of, statements


def ancestors(target: str) -> Iterator[str]:
    """The dotted paths under which a class and those that it extends are defined, itself first."""
    module, node = definition_of(target) or (None, None)
    if module is None or not isinstance(node, ast.ClassDef):
        return
    yield f"{module.name}.{node.name}"
    for base in node.bases:
        yield from ancestors(_path_of(module, ast.unparse(base)))


def _path_of(module: Module, name: str) -> str:
    """The dotted path that a name such as `pl.Callback` stands for in a module, by its import statements."""
    first, _, rest = name.partition(".")
    for node in statements(module.body) if rest else ():
        for alias in node.names if isinstance(node, ast.Import | ast.ImportFrom) else ():
            if alias.asname == first or (alias.asname is None and alias.name == first):
                source = f"{source_of(module, node)}.{alias.name}" if isinstance(node, ast.ImportFrom) else alias.name
                return f"{source}.{rest}"
            if isinstance(node, ast.Import) and alias.asname is None and alias.name.partition(".")[0] == first:
                return name  # `import lightning.pytorch` binds `lightning`
    return f"{module.name}.{name}"
