"""scripts/rename.py, run as a user runs it, on copies."""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.leyden.scripts.renaming import (
    ENGINE,
    ENVIRONMENT,
    ROOT,
    commit,
    contents,
    git,
    is_of_the_engine,
    listing,
    mentions,
    rename,
    repository,
)


def former_names(folder: Path) -> dict[str, str]:
    project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    names: dict[str, str] = project["entry-points"]["leyden.former_names"]
    return names


def test_every_spelling_is_replaced_in_texts_and_paths(tree: Path) -> None:
    done = rename(tree, "zeppelin_works")
    assert done.returncode == 0, done.stderr
    assert "uv run pytest" in done.stdout

    assert mentions(tree, "oldname") == []
    files = contents(tree)
    assert not any("oldname" in path for path in files)
    assert files["tests/test_train.py"] == b"from zeppelin_works import train\n"
    assert files["README.md"] == (
        b"# ZeppelinWorks\n\n"
        b"ZeppelinWorks's package is `zeppelin_works`; see configs/zeppelin_works.yaml, not golden oldnames.\r\n"
    )
    assert files["train.py"] == b'from zeppelin_works.train import main\n\nprint("\\nzeppelin_works")\n'
    assert b"ZEPPELIN_WORKS_SHORT" in files["src/zeppelin_works/train.py"]
    assert b"class ZeppelinWorksError" in files["src/zeppelin_works/train.py"]
    assert files["src/zeppelin_works/zeppelin_works_jar.py"] == b"import zeppelin_works.train as _zeppelin_works\n"
    assert b'["import zeppelin_works\\n", "zeppelin_works.train\\n"]' in files["notebooks/a.ipynb"]
    assert files["latin.txt"] == b"caf\xe9 zeppelin_works"


def test_what_is_not_ours_to_change_stays(tree: Path) -> None:
    before = contents(tree)
    rename(tree, "zeppelin_works")
    after = contents(tree)
    others = ("LICENSE", "data/notes.txt", "ignored/notes.txt", "logo.png", ".gitignore", "scripts/rename.py")
    for path in (*ENGINE, *others):
        assert after[path] == before[path]


def test_former_names_are_recorded(tree: Path) -> None:
    """Each earlier name, of any number, leads to the present one; the way back leaves no name that leads to itself."""
    assert former_names(tree) == {"leyden.models": "oldname.models"}
    for name, former in (
        ("zeppelin_works", {"oldname": "zeppelin_works"}),
        ("other", {"oldname": "other", "zeppelin_works": "other"}),
        ("oldname", {"zeppelin_works": "oldname", "other": "oldname"}),
    ):
        assert rename(tree, name).returncode == 0
        commit(tree)
        assert former_names(tree) == {**former, "leyden.models": f"{name}.models"}
    assert '[project.entry-points."leyden.former_names"]  # a comment\n' in (tree / "pyproject.toml").read_text()


def test_a_project_without_former_names_has_them_recorded(tree: Path) -> None:
    path = tree / "pyproject.toml"
    path.write_text(path.read_text().partition('\n[project.entry-points."leyden.former_names"]')[0])
    assert rename(tree, "zeppelin_works", "--force").returncode == 0
    assert former_names(tree) == {"oldname": "zeppelin_works"}


def test_a_mention_that_a_merge_brings_is_renamed_by_the_same_command(tree: Path) -> None:
    assert rename(tree, "zeppelin_works").returncode == 0
    (tree / "src/zeppelin_works/new.py").write_text("from oldname import train\n")
    (tree / "src/oldname").mkdir()
    (tree / "src/oldname/newer.py").write_text("import oldname.new\n")
    before = former_names(tree)
    (tree / "src/oldname/new.py").touch()
    commit(tree)
    refused = rename(tree, "zeppelin_works").stderr
    assert refused == "error: src/oldname/new.py: there is src/zeppelin_works/new.py already; merge the two by hand\n"
    (tree / "src/oldname/new.py").unlink()
    commit(tree)
    assert rename(tree, "zeppelin_works").returncode == 0
    assert mentions(tree, "oldname") == []
    assert (tree / "src/zeppelin_works/newer.py").read_text() == "import zeppelin_works.new\n"
    assert former_names(tree) == before
    assert not (tree / "src/oldname").exists()


def test_metadata_of_an_old_install_goes(tree: Path) -> None:
    rename(tree, "zeppelin_works")
    assert not list(tree.glob("src/*.egg-info"))


def test_twice(tree: Path) -> None:
    assert rename(tree, "zeppelin_works").returncode == 0
    first = contents(tree)
    done = rename(tree, "other", "--force")
    assert done.returncode == 0, done.stderr
    assert mentions(tree, "zeppelin_works") == []
    assert rename(tree, "zeppelin_works", "--force").returncode == 0
    line = b'other = "zeppelin_works"\n'
    again = {path: content.replace(line, b"") for path, content in contents(tree).items()}
    assert again == first  # the way back is exact, but for the name in between


def test_a_file_that_git_does_not_know_yet_is_renamed_too(tree: Path) -> None:
    (tree / "new.py").write_text("import oldname\n")
    assert rename(tree, "zeppelin_works").returncode == 0
    assert (tree / "new.py").read_text() == "import zeppelin_works\n"


def test_a_file_that_was_deleted_is_passed_over(tree: Path) -> None:
    (tree / "src/oldname/oldname_jar.py").unlink()
    done = rename(tree, "zeppelin_works", "--force")
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This repository as it is now, without data, committed."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    copy = tmp_path_factory.mktemp("renamed") / "copy"
    for name in listing(ROOT):
        if not name.startswith("data/"):
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, copy / name)
    return repository(copy)


# Sorted before and after `leyden`, shorter and longer than the present name.
@pytest.mark.parametrize("name", ["aaa", "zeppelin_works", "zz_of_twenty_letters"])
def test_this_repository(copy: Path, name: str) -> None:
    """Renamed, few files have changed, none of the engine; without a formatter at hand ruff finds nothing to change."""
    git(copy, "reset", "-q", "--hard")
    git(copy, "clean", "-qfd")
    done = rename(copy, name, PATH="/usr/bin:/bin")
    assert done.returncode == 0, done.stderr
    changed = git(copy, "status", "--porcelain", "--untracked-files=all").splitlines()
    assert len(changed) <= 76
    assert [line for line in changed if is_of_the_engine(line[3:].rpartition(" -> ")[2])] == []
    assert mentions(copy, "myproject") == []
    for command in (["check"], ["format", "--check"]):
        ruff = subprocess.run([sys.executable, "-m", "ruff", *command], cwd=copy, capture_output=True, text=True)
        assert ruff.returncode == 0, ruff.stdout

    code = (
        f"import {name}.models, sys; from leyden import compose; assert 'torch' not in sys.modules; "
        f"print({name}.__file__, compose(['experiment=mnist_mlp']).config['data']['_target_'])"
    )
    environment = {**ENVIRONMENT, "PYTHONPATH": "src"}
    imported = subprocess.run([sys.executable, "-c", code], cwd=copy, env=environment, capture_output=True, text=True)
    assert imported.returncode == 0, imported.stderr
    assert imported.stdout == f"{copy}/src/{name}/__init__.py {name}.data.mnist.MNIST\n"


def test_lines_that_become_too_long_are_wrapped_where_ruff_is_installed(copy: Path) -> None:
    git(copy, "reset", "-q", "--hard")
    git(copy, "clean", "-qfd")
    (copy / "src/myproject/wide.py").write_text(f"import myproject\n\nX = [{', '.join(['myproject'] * 10)}]\n")
    folder = str(Path(sys.executable).parent)
    assert rename(copy, "zz_of_twenty_letters", PATH=f"{folder}:/usr/bin:/bin").returncode == 0
    assert max(map(len, (copy / "src/zz_of_twenty_letters/wide.py").read_text().splitlines())) <= 120
