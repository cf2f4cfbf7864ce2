"""Two packages, one direction: what may import what, and what the engine offers."""

import ast
import importlib
import inspect
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import leyden

ROOT = Path(__file__).parents[2]
ENGINE = ROOT / "src" / "leyden"
PROJECT = [
    *(ROOT / "src/myproject").rglob("*.py"),
    *(path for path in (ROOT / "tests").rglob("*.py") if ROOT / "tests/leyden" not in path.parents),
]
SUBPACKAGES = sorted(path.name for path in ENGINE.iterdir() if path.is_dir() and any(path.glob("*.py")))
PUBLIC = {f"leyden.{name}" for name in leyden.__all__}
# Documentation of how a project declares itself has an example.
EXAMPLES = {"records/projects.py"}


def imports(source: str) -> Iterator[tuple[str, int]]:
    """Each module that source text imports, as `package.module` or `package.module.name`, with its line."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: imports are absolute"
            yield from ((f"{node.module}.{alias.name}", node.lineno) for alias in node.names)


def place(path: Path, line: int) -> str:
    return f"{path.relative_to(ROOT).as_posix()}:{line}"


def test_the_engine_never_names_the_project() -> None:
    mentions = [
        place(path, number)
        for path in ENGINE.rglob("*")
        if path.suffix in (".py", ".yaml", ".md") and path.relative_to(ENGINE).as_posix() not in EXAMPLES
        for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1)
        if re.search("myproject", line, re.IGNORECASE)
    ]
    assert mentions == []


def test_the_engine_never_imports_the_project_its_tests_or_scripts() -> None:
    found = [
        place(path, line)
        for path in [*ENGINE.rglob("*.py"), *(ROOT / "src/hydra_plugins").rglob("*.py")]
        for name, line in imports(path.read_text("utf-8"))
        if name.split(".")[0] in ("myproject", "tests", "scripts")
    ]
    assert found == []


def test_imports_between_subpackages_have_one_direction() -> None:
    graph: dict[str, set[str]] = {name: set() for name in SUBPACKAGES}
    for name in SUBPACKAGES:
        others = {*SUBPACKAGES} - {name}
        for path in (ENGINE / name).rglob("*.py"):
            modules = [(module.split("."), line) for module, line in imports(path.read_text("utf-8"))]
            public = [place(path, line) for parts, line in modules if ".".join(parts) in PUBLIC]
            assert public == []  # the API imports everything: the engine imports a name from its own module
            graph[name] |= {parts[1] for parts, _ in modules if parts[0] == "leyden" and parts[1:]} & others
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"cycle: {' -> '.join(reversed(error.args[1]))}")


def test_the_project_uses_the_public_api_only() -> None:
    sources = {path: path.read_text("utf-8") for path in PROJECT}
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        cells = json.loads(path.read_text("utf-8"))["cells"]
        code = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
        sources[path] = re.sub(r"(?m)^\s*[%!].*", "", code)
    private = [
        f"{place(path, line)} {name}"
        for path, source in sources.items()
        for name, line in imports(source)
        if name.split(".")[0] == "leyden" and name not in PUBLIC | {"leyden"}
    ]
    assert private == []


def test_the_tests_of_the_project_import_none_of_the_engines() -> None:
    """Those name the template's package, and cannot be imported in a renamed fork."""
    used = [
        f"{path} {name}" for path in PROJECT for name, _ in imports(path.read_text("utf-8")) if "tests.leyden" in name
    ]
    assert used == []


@pytest.mark.parametrize("name", leyden.__all__)
def test_a_public_name_is_defined_and_documented(name: str) -> None:
    member = getattr(leyden, name)
    if inspect.isclass(member) or inspect.isfunction(member) or inspect.ismodule(member):
        doc = inspect.getdoc(member) if not inspect.isclass(member) else member.__dict__.get("__doc__")
        assert doc, name
        assert not doc.startswith(f"{name}("), name  # what a dataclass makes of its fields


def test_the_list_of_public_names_agrees_with_what_type_checkers_see() -> None:
    tree = ast.parse((ENGINE / "__init__.py").read_text("utf-8"))
    [block] = [node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"]
    typed = {name.rpartition(".")[2]: name for name, _ in imports("\n".join(map(ast.unparse, block.body)))}
    assert typed.keys() == set(leyden.__all__)
    for name, full in typed.items():
        module, _, attribute = full.rpartition(".")
        assert getattr(importlib.import_module(module), attribute) is getattr(leyden, name)


def test_importing_the_engine_or_the_project_imports_nothing_large() -> None:
    code = "import leyden, myproject, sys; print({'torch', 'hydra', 'lightning', 'omegaconf'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_few_modules_stand_outside_subpackages() -> None:
    loose = {path.name for path in ENGINE.glob("*.py")} - {"__init__.py"}
    assert len(loose) <= 6, loose


def test_the_map_of_the_engine_is_complete() -> None:
    text = (ENGINE / "README.md").read_text("utf-8")
    folders = {path.parent.relative_to(ENGINE).as_posix() for path in ENGINE.rglob("__init__.py")} - {"."}
    assert [name for name in sorted(folders) if f"`{name}/`" not in text] == []
    named = {name for name in re.findall(r"`([\w/]+)/`", text) if not (ENGINE / name).is_dir()}
    assert named == set()


def test_the_map_of_the_engine_has_each_module_with_its_first_line() -> None:
    text = (ENGINE / "README.md").read_text("utf-8")
    modules = [path for path in ENGINE.rglob("*.py") if path.name != "__init__.py"]
    lines = [
        f"- `{path.name}`: {(ast.get_docstring(ast.parse(path.read_text('utf-8'))) or '').splitlines()[0]}"
        for path in modules
    ]
    assert sorted(line for line in text.splitlines() if line.startswith("- `")) == sorted(lines)
