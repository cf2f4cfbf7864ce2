"""Declared projects and former names of classes: from the metadata of the installation, never from a record."""

import sys
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from torch import nn

from leyden.checkpoints.trust import build, check
from leyden.records import projects
from leyden.records.projects import present_name, present_names, project_packages
from leyden.system.errors import UserError

NETWORK = "from torch import nn\nclass Net(nn.Module): ...\n"


@pytest.fixture(autouse=True)
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package `other_project` with a network, which is installed but not declared."""
    (tmp_path / "other_project").mkdir()
    (tmp_path / "other_project" / "__init__.py").touch()
    (tmp_path / "other_project" / "networks.py").write_text(NETWORK)
    monkeypatch.syspath_prepend(tmp_path)
    for name in [name for name in sys.modules if name.partition(".")[0] == "other_project"]:
        monkeypatch.delitem(sys.modules, name)


@pytest.fixture
def declare(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Install metadata with entry points, in place of those of this installation."""

    def install(group: str, **values: str) -> None:
        entries = [EntryPoint(name.replace("__", "."), value, group) for name, value in values.items()]
        monkeypatch.setattr(projects, "_declared", lambda asked: _read(entries, asked))

    def _read(entries: list[EntryPoint], group: str) -> dict[str, str]:
        return {entry.name: entry.value for entry in entries if entry.group == group}

    return install


def test_the_project_of_this_source_tree_is_declared() -> None:
    assert "myproject" in project_packages()
    assert "other_project" not in project_packages()


def test_the_longest_former_prefix_is_replaced(declare: Callable[..., None]) -> None:
    names = {"old": "new", "old__models": "new.networks", "old__models__mlp__MLP": "new.dense.Dense"}
    declare("leyden.former_names", **names)
    assert present_name("old.data.mnist.MNIST") == "new.data.mnist.MNIST"
    assert present_name("old.models.cnn.CNN") == "new.networks.cnn.CNN"
    assert present_name("old.models.mlp.MLP") == "new.dense.Dense"
    assert present_name("older.models.cnn.CNN") == "older.models.cnn.CNN"
    assert present_name("torch.optim.Adam") == "torch.optim.Adam"
    assert present_name("leyden.profiler.NoProfiler") == "lightning.pytorch.profilers.PassThroughProfiler"


def test_a_recorded_config_is_read_with_present_names(declare: Callable[..., None]) -> None:
    declare("leyden.former_names", old="new")
    config = {"model": {"_target_": "old.Net", "parts": [{"_target_": "old.Part"}], "name": "old.Net"}, "n": [1, None]}
    found = {"model": {"_target_": "new.Net", "parts": [{"_target_": "new.Part"}], "name": "old.Net"}, "n": [1, None]}
    assert present_names(config) == found


def test_a_class_of_an_undeclared_package_is_refused_and_not_imported() -> None:
    node = {"_target_": "other_project.networks.Net"}
    with pytest.raises(UserError, match=r"may name only classes of .*declare it in pyproject\.toml"):
        build(node, nn.Module, "model")
    with pytest.raises(UserError, match="may name only classes of"):
        check(node, "model")
    assert "other_project" not in sys.modules


def test_a_class_of_a_declared_package_is_accepted(declare: Callable[..., None]) -> None:
    declare("leyden.projects", other_project="other_project")
    node = {"_target_": "other_project.networks.Net"}
    check(node, "model")
    assert type(build(node, nn.Module, "model")).__name__ == "Net"


@pytest.mark.parametrize("key", ["leyden.projects", "entry-points", "projects"])
def test_a_recorded_config_declares_nothing(key: str) -> None:
    node = {"_target_": "other_project.networks.Net", key: {"other_project": "other_project"}}
    with pytest.raises(UserError, match="may name only classes of"):
        build(node, nn.Module, "model")
    assert "other_project" not in sys.modules
