"""Type annotations as source text: the values they accept, and a description of these. Nothing is evaluated."""

import ast
from collections.abc import Iterator

SCALARS: dict[str, tuple[type, ...]] = {
    "int": (int,),
    "float": (int, float),
    "str": (str,),
    "bool": (bool,),
    "Tensor": (),  # cannot be written in YAML
}
_SEQUENCES = {"list", "tuple", "Sequence", "Iterable", "Collection"}
_MAPPINGS = {"dict", "Mapping", "MutableMapping"}
_WORDS = {
    "int": "a whole number",
    "float": "a number",
    "str": "text",
    "bool": "true or false",
    "None": "null",
    "list[Any]": "a list",
    "dict[str, Any]": "a mapping of names to values ({a: 1, b: 2})",
    "list[int]": "a list of whole numbers",
    "list[float]": "a list of numbers",
    "list[str]": "a list of words",
    "list[str | float]": "a list of words or numbers",
    "list[str | int]": "a list of names",
    "list[str | dict[str, Any]]": "a list of names, or of names with their arguments",
    "dict[str, float]": "a mapping of names to numbers ({a: 1, b: 2})",
    "list[str | int | float | bool | None]": "a list of names",
}


def accepts(annotation: ast.expr, value: object) -> bool:
    """True if an annotation accepts a plain YAML value; one that is not understood accepts everything."""
    if isinstance(value, dict) and "_target_" in value:
        return True  # its type is known only when it is built
    try:
        return any(_accepts(part, value) for part in _alternatives(annotation))
    except (SyntaxError, ValueError):  # an annotation that is a sentence, or computed
        return True


def meaning(annotation: ast.expr) -> str:
    """Description of the accepted values."""
    listed = dict.fromkeys(map(str, choices(annotation)))
    words = [f"one of {', '.join(listed)}"] if listed else []
    others = [part for part in _alternatives(annotation) if _subscript(part)[0] != "Literal"]
    return " or ".join(dict.fromkeys([*words, *(word for part in others if (word := _in_words(part)))]))


def choices(annotation: ast.expr) -> list[object]:
    """The values of all `Literal["a", "b"]` in an annotation."""
    literals = [_subscript(part) for part in _alternatives(annotation)]
    return [ast.literal_eval(choice) for name, inner in literals if name == "Literal" for choice in inner]


def named_check(annotation: ast.expr) -> str | None:
    """Dotted name of the function that checks a value: the text in `Annotated[X, "package.module.function"]`."""
    for part in ast.walk(annotation):
        name, inner = _subscript(part) if isinstance(part, ast.Subscript) else ("", [])
        texts = [text.value for text in inner[1:] if isinstance(text, ast.Constant)] if name == "Annotated" else []
        if texts:
            return str(texts[0])
    return None


def _alternatives(annotation: ast.expr) -> Iterator[ast.expr]:
    """`X | Y`, `Union[X, Y]`, `Optional[X]` and quoted annotations, one by one."""
    name, inner = _subscript(annotation)
    if isinstance(annotation, ast.BinOp):
        yield from _alternatives(annotation.left)
        yield from _alternatives(annotation.right)
    elif isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        yield from _alternatives(ast.parse(annotation.value, mode="eval").body)
    elif name == "Annotated":
        yield from _alternatives(inner[0])
    elif name in ("Union", "Optional"):
        for part in inner:
            yield from _alternatives(part)
        if name == "Optional":
            yield ast.Constant(None)
    else:
        yield annotation


def _subscript(annotation: ast.expr) -> tuple[str, list[ast.expr]]:
    """`typing.Literal["a", "b"]` as ("Literal", ["a", "b"])."""
    inner: list[ast.expr] = []
    if isinstance(annotation, ast.Subscript):
        inner = annotation.slice.elts if isinstance(annotation.slice, ast.Tuple) else [annotation.slice]
        annotation = annotation.value
    return ast.unparse(annotation).rpartition(".")[2], inner


def _accepts(annotation: ast.expr, value: object) -> bool:
    name, inner = _subscript(annotation)
    if name == "None":
        return value is None
    if name == "Literal":
        return value in [ast.literal_eval(choice) for choice in inner]
    if name in SCALARS:
        return isinstance(value, SCALARS[name]) and (name == "bool" or not isinstance(value, bool))
    if name in _SEQUENCES:
        if name == "tuple":
            return isinstance(value, list) and (not _is_fixed(inner) or len(value) == len(inner))
        return isinstance(value, list) and (not inner or all(accepts(inner[0], item) for item in value))
    if name in _MAPPINGS:
        return isinstance(value, dict) and (len(inner) < 2 or all(accepts(inner[1], item) for item in value.values()))
    return True


def _in_words(annotation: ast.expr) -> str:
    name, inner = _subscript(annotation)
    if name == "tuple" and _is_fixed(inner):
        kinds = {meaning(part) for part in inner}
        return (
            f"a list of {len(inner)} numbers" if kinds <= {"a number", "a whole number"} else f"a list of {len(inner)}"
        )
    return "" if name == "Tensor" else _WORDS.get(ast.unparse(annotation), ast.unparse(annotation))


def _is_fixed(inner: list[ast.expr]) -> bool:
    """True if `tuple[…]` has a type for each of its entries."""
    return bool(inner) and not any(isinstance(part, ast.Constant) and part.value is ... for part in inner)
