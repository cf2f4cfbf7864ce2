"""Private names of other libraries: all of them exist, and only one module uses them."""

import ast
import inspect
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
import torch
from lightning.pytorch import Trainer
from torch import nn

import leyden
from leyden.system import lightning_internals
from leyden.system.lightning_internals import INHERITED, LOOP_STATE_KEYS, USED

LIBRARIES = ("lightning", "torch", "torchmetrics", "hydra", "omegaconf")
SOURCE = Path(leyden.__file__).parent
TREES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in SOURCE.rglob("*.py")}
INTERNALS = Path(lightning_internals.__file__)
PRIVATE = re.compile(r"_[a-zA-Z]\w*[a-zA-Z0-9_]")


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.endswith("__")


def has(owner: type, name: str) -> bool:
    """True if a class, or one of its bases, defines a name or sets it on its instances."""
    if hasattr(owner, name):
        return True
    bases = [base for base in owner.__mro__ if base is not object]
    return any(re.search(rf"\b(self|trainer)\.{name}\b.*=", inspect.getsource(base)) for base in bases)


def owner_of(path: str) -> object:
    """The module or class in which a dotted name is looked up."""
    parts = path.split(".")[:-1]
    for end in range(len(parts), 0, -1):
        try:
            found: object = import_module(".".join(parts[:end]))
        except ImportError:
            continue
        for part in parts[end:]:
            found = getattr(found, part)
        return found
    raise ImportError(path)


@pytest.mark.parametrize("path", USED)
def test_every_private_name_that_is_used_exists(path: str) -> None:
    owner, name = owner_of(path), path.rpartition(".")[2]
    assert has(owner, name) if isinstance(owner, type) else hasattr(owner, name), f"{path} has disappeared"


INHERITED_NAMES = [(owner, name) for owner, names in INHERITED.items() for name in names]


@pytest.mark.parametrize(("owner", "name"), INHERITED_NAMES)
def test_every_private_name_of_a_base_class_that_is_overridden_exists(owner: str, name: str) -> None:
    cls = getattr(import_module(owner.rpartition(".")[0]), owner.rpartition(".")[2])
    foreign = [base for base in cls.__mro__[1:] if base.__module__.startswith(LIBRARIES)]
    assert has(foreign[0], name), f"{foreign[0].__qualname__}.{name} has disappeared"


@pytest.mark.parametrize("key", LOOP_STATE_KEYS)
def test_checkpoints_have_the_counts_of_the_loops(key: str) -> None:
    trainer = Trainer(accelerator="cpu", logger=False, enable_checkpointing=False)
    assert key in trainer.fit_loop.state_dict(), f"{key} has disappeared from checkpoints"


def test_the_loops_keep_what_they_are_reset_to() -> None:
    trainer = Trainer(accelerator="cpu", logger=False, enable_checkpointing=False)
    state = trainer.fit_loop.state_dict()
    assert state["epoch_loop.state_dict"]["_batches_that_stepped"] == 0
    assert {"ready", "started", "processed", "completed"} == state["epoch_loop.batch_progress"]["total"].keys()
    assert "is_last_batch" in state["epoch_loop.batch_progress"]
    trainer.fit_loop.restarting = True
    lightning_internals.begin_with_new_epoch(trainer)
    assert not trainer.fit_loop.restarting
    assert not trainer.fit_loop.epoch_loop.restarting


def test_schedules_have_the_state_that_depends_on_their_length() -> None:
    optimizer = torch.optim.SGD(nn.Linear(1, 1).parameters(), 0.1)
    names = {"T_max", "total_steps", "_schedule_phases", "total_iters"}
    schedules = torch.optim.lr_scheduler
    states = [
        schedules.CosineAnnealingLR(optimizer, T_max=9).state_dict(),
        schedules.OneCycleLR(optimizer, 0.1, total_steps=9).state_dict(),
        schedules.LinearLR(optimizer, total_iters=9).state_dict(),
    ]
    assert names <= {name for state in states for name in state}
    for state in states:
        lightning_internals.remove_length(state)
        assert not names & state.keys()


def test_the_table_is_complete() -> None:
    """Every private name in the module of these names is in its table."""
    listed = {path.rpartition(".")[2] for path in USED}
    tree = TREES[INTERNALS]
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    names = {name for function in functions for name in foreign_names(function)}
    assert names - {"_batches_that_stepped"} <= listed
    assert listed <= {match for function in functions for match in PRIVATE.findall(ast.unparse(function))}


@pytest.mark.parametrize("path", sorted(TREES), ids=lambda path: str(path.relative_to(SOURCE)))
def test_no_other_module_uses_a_private_name(path: Path) -> None:
    if path == INTERNALS:
        return
    inherited = {name for owner, name in INHERITED_NAMES if owner.startswith(module_of(path) + ".")}
    assert set(foreign_names(TREES[path])) <= inherited


def test_the_table_of_inherited_names_is_complete() -> None:
    """No class overrides or sets a private name of a base class from one of these libraries that is not listed."""
    found: dict[str, set[str]] = {}
    for cls in derived_classes():
        foreign = [base for base in cls.__mro__ if base.__module__.split(".")[0] in LIBRARIES]
        own = set(PRIVATE.findall(" ".join(re.findall(r"(?:self\.|def )(_\w+)", inspect.getsource(cls)))))
        if both := {name for name in own for base in foreign if is_private(name) and has(base, name)}:
            found[f"{cls.__module__}.{cls.__qualname__}"] = both
    assert found == {owner: set(names) for owner, names in INHERITED.items()}


def derived_classes() -> Iterator[type]:
    """The classes of the engine with a base class in one of these libraries."""
    for path, tree in TREES.items():
        names = [node.name for node in tree.body if isinstance(node, ast.ClassDef) and node.bases]
        imports = {str(node.module).split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        imports |= {
            alias.name.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names
        }
        if names and imports & set(LIBRARIES):
            yield from (getattr(import_module(module_of(path)), name) for name in names)


def module_of(path: Path) -> str:
    return ".".join(["leyden", *path.relative_to(SOURCE).with_suffix("").parts])


OWN = {
    node.name if isinstance(node, ast.FunctionDef | ast.ClassDef) else node.attr
    for tree in TREES.values()
    for node in ast.walk(tree)
    if isinstance(node, ast.FunctionDef | ast.ClassDef)
    or (isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self")
}
STANDARD = {"_replace", "_exit", "_forkserver", "_forkserver_pid"}  # of the standard library
TORCHVISION = {"_samples", "_labels"}  # of data sets, looked for among other names


def foreign_names(tree: ast.AST) -> Iterator[str]:
    """Private names that a module imports from these libraries, or takes from an object that is not its own."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith(LIBRARIES):
            yield from (
                name for alias in node.names for name in f"{node.module}.{alias.name}".split(".") if is_private(name)
            )
        elif isinstance(node, ast.Attribute) and is_private(node.attr):
            receiver = ast.unparse(node.value)
            is_own = receiver in ("self", "cls") or (node.attr in OWN and receiver != "super()")
            if not is_own and node.attr not in STANDARD:
                yield node.attr
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in ("getattr", "setattr", "hasattr", "patch.object"):
            name = node.args[1].value if isinstance(node.args[1], ast.Constant) else ""
            if is_private(str(name)) and name not in OWN | STANDARD | TORCHVISION:
                yield str(name)
