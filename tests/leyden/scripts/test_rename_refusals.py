"""scripts/rename.py: what it refuses, or is only asked about, leaves everything as it was."""

import re
import shutil
from pathlib import Path

import pytest

from tests.leyden.scripts.renaming import contents, rename


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "a Python name"),
        ("Zeppelin", "a Python name"),
        ("zeppelin-works", "a Python name"),
        ("zeppelin.works", "a Python name"),
        ("9lives", "a Python name"),
        ("_private", "a Python name"),
        ("naïve", "a Python name"),
        ("a/b", "a Python name"),
        ("trailing_", "a Python name"),
        ("nonlocal", "a Python name"),
        ("json", "another Python package"),
        ("test", "another Python package"),
        ("pytest", "another Python package"),
        ("src", "file or folder"),
        ("eval", "file or folder"),
        ("train", "file or folder"),
        ("lr", "has this word already"),
        ("short", "has this word already"),
        ("oldname", "the package has this name already"),
        ("--frobnicate", "required: name"),
    ],
)
def test_bad_names(tree: Path, name: str, reason: str) -> None:
    before = contents(tree)
    done = rename(tree, name)
    assert done.returncode == 2
    assert re.fullmatch(rf"error: .*{reason}.*\n", done.stderr)
    assert done.stdout == ""
    assert contents(tree) == before


def test_changes_that_are_not_committed_are_not_mixed_in(tree: Path) -> None:
    (tree / "train.py").write_text("import oldname  # edited\n")
    before = contents(tree)
    done = rename(tree, "zeppelin_works")
    assert done.returncode == 2
    assert re.fullmatch(r"error: .*--force\n", done.stderr)
    assert contents(tree) == before

    assert rename(tree, "zeppelin_works", "--force").returncode == 0
    assert (tree / "train.py").read_text() == "import zeppelin_works  # edited\n"


def test_a_dry_run_lists_and_changes_nothing(tree: Path) -> None:
    before = contents(tree)
    done = rename(tree, "zeppelin_works", "--dry-run")
    assert done.returncode == 0, done.stderr
    assert f"would rename {Path('src/oldname')} to {Path('src/zeppelin_works')}\n" in done.stdout
    assert f"would change {Path('configs/oldname.yaml')}\n" in done.stdout
    assert "LICENSE" not in done.stdout
    assert contents(tree) == before


@pytest.mark.parametrize(
    ("declared", "told"),
    [
        ("", "declares none"),
        ('one = "one"\ntwo = "two"', "declares one, two"),
        ('one = "one"', "declares one"),  # which is not under src/
        ("one = ", "cannot be read"),
    ],
)
def test_one_package_must_be_declared(tree: Path, declared: str, told: str) -> None:
    project = tree / "pyproject.toml"
    project.write_text(project.read_text().replace('oldname = "oldname"', declared))
    done = rename(tree, "zeppelin_works", "--force")
    assert done.returncode == 2
    assert re.fullmatch(rf"error: pyproject.toml: .*leyden.projects.*{told}.*\n", done.stderr)


def test_without_git_there_is_no_way_back(tree: Path) -> None:
    shutil.rmtree(tree / ".git")
    before = contents(tree)
    done = rename(tree, "zeppelin_works")
    assert done.returncode == 2
    assert re.fullmatch(r"error: .*git init.*\n", done.stderr)
    assert contents(tree) == before
