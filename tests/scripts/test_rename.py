"""scripts/rename.py, run as a user runs it, on copies."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "scripts" / "rename.py"
PACKAGE = next(ROOT.glob("src/*/__init__.py")).parent.name  # so that this holds in a renamed repository too
ENVIRONMENT = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}  # a hook sets some

TREE = {
    "pyproject.toml": 'name = "oldname"\ndependencies = ["torch>=2"]\n',
    "README.md": "# Oldname\n\nOldname's package is `oldname`; see configs/oldname.yaml, not golden oldnames.\r\n",
    "LICENSE": "Copyright (c) 2026 The Oldname authors\n",
    "train.py": 'from oldname.train import main\n\nprint("\\noldname")\n',
    "eval.py": "",
    "configs/oldname.yaml": "_target_: oldname.train.main\nlr: 0.1\n",
    "src/oldname/__init__.py": "",
    "src/oldname/train.py": 'SHORT = "OLDNAME_SHORT"\n\n\nclass OldnameError(Exception): ...\n\n\ndef main(): ...\n',
    "src/oldname/oldname_jar.py": "import oldname.train as _oldname\n",
    "notebooks/a.ipynb": '{"cells": [{"source": ["import oldname\\n", "oldname.train\\n"]}]}\n',
    ".gitignore": "/data/\n/ignored/\n*.egg-info/\n",
    "data/notes.txt": "oldname",
    "ignored/notes.txt": "oldname",
    "src/oldname.egg-info/PKG-INFO": "Name: oldname",
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A small repository, committed."""
    for name, text in TREE.items():
        path = tmp_path / "my repo" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
    (tmp_path / "my repo" / "logo.png").write_bytes(b"\x89PNG\0oldname")
    (tmp_path / "my repo" / "latin.txt").write_bytes(b"caf\xe9 oldname")
    return repository(tmp_path / "my repo")


def repository(folder: Path) -> Path:
    """Make a folder that holds the script into a repository with one commit."""
    (folder / "scripts").mkdir(exist_ok=True)
    shutil.copy(SCRIPT, folder / "scripts")
    author = ["-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false", "-c", "core.hooksPath="]
    for command in (["init", "-q"], ["add", "-A"], [*author, "commit", "-qm", "first"]):
        subprocess.run(["git", *command], cwd=folder, env=ENVIRONMENT, check=True)
    return folder


def rename(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "scripts/rename.py", *arguments]
    return subprocess.run(command, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True)


def contents(folder: Path) -> dict[str, bytes]:
    """All files but git's own."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in files
        if path.relative_to(folder).parts[0] != ".git"
    }


def mentions(folder: Path, name: str) -> list[str]:
    """The files that git lists whose path or text has a name, as this_word, THIS_WORD or ThisWord."""
    spellings = f"{name}|{name.upper()}|{name.title().replace('_', '')}"
    word = re.compile(rf"(?<![A-Za-z0-9])({spellings})(?![a-z0-9])")
    found = []
    for path in listing(folder):
        text = (folder / path).read_bytes().decode("latin-1").replace("\\n", " ")
        if path != "LICENSE" and "\0" not in text and (word.search(path) or word.search(text)):
            found.append(path)
    return found


def listing(folder: Path) -> list[str]:
    """The files that git tracks or would track."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    done = subprocess.run(command, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, check=True)
    return sorted({name for name in done.stdout.split("\0") if name and (folder / name).is_file()})


def test_every_spelling_is_replaced_in_texts_and_paths(tree: Path) -> None:
    done = rename(tree, "zeppelin_works")
    assert done.returncode == 0, done.stderr
    assert "uv sync" in done.stdout
    assert "uv run pytest" in done.stdout

    assert mentions(tree, "oldname") == []
    files = contents(tree)
    assert not any("oldname" in path for path in files)
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
    for path in ("LICENSE", "data/notes.txt", "ignored/notes.txt", "logo.png", ".gitignore", "scripts/rename.py"):
        assert after[path] == before[path]


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
    assert contents(tree) == first  # the way back is exact


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
        ("lr", "has this word already"),
        ("short", "has this word already"),
        ("oldname", "the package is called so already"),
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


def test_a_file_that_git_does_not_know_yet_is_renamed_too(tree: Path) -> None:
    (tree / "new.py").write_text("import oldname\n")
    assert rename(tree, "zeppelin_works").returncode == 0
    assert (tree / "new.py").read_text() == "import zeppelin_works\n"


def test_a_file_that_was_deleted_is_passed_over(tree: Path) -> None:
    (tree / "src/oldname/oldname_jar.py").unlink()
    done = rename(tree, "zeppelin_works", "--force")
    assert done.returncode == 0, done.stderr


def test_a_dry_run_lists_and_changes_nothing(tree: Path) -> None:
    before = contents(tree)
    done = rename(tree, "zeppelin_works", "--dry-run")
    assert done.returncode == 0, done.stderr
    assert f"would rename {Path('src/oldname')} to {Path('src/zeppelin_works')}\n" in done.stdout
    assert f"would change {Path('configs/oldname.yaml')}\n" in done.stdout
    assert "LICENSE" not in done.stdout
    assert contents(tree) == before


@pytest.mark.parametrize("packages", [[], ["one", "two"]])
def test_there_must_be_one_package(tree: Path, packages: list[str]) -> None:
    shutil.rmtree(tree / "src")
    for package in packages:
        (tree / "src" / package).mkdir(parents=True)
        (tree / "src" / package / "__init__.py").touch()
    done = rename(tree, "zeppelin_works", "--force")
    assert done.returncode == 2
    assert re.fullmatch(r"error: .*one package.*\n", done.stderr)


def test_without_git_there_is_no_way_back(tree: Path) -> None:
    shutil.rmtree(tree / ".git")
    before = contents(tree)
    done = rename(tree, "zeppelin_works")
    assert done.returncode == 2
    assert re.fullmatch(r"error: .*git init.*\n", done.stderr)
    assert contents(tree) == before


def test_this_repository(tmp_path: Path) -> None:
    """Renamed, it mentions the old name nowhere, and a config holds with every class found under the new one."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    copy = tmp_path / "copy"
    for name in listing(ROOT):
        if not name.startswith("data/"):
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, copy / name)
    repository(copy)

    done = rename(copy, "zeppelin_works")
    assert done.returncode == 0, done.stderr
    assert mentions(copy, PACKAGE) == []
    code = (
        "import sys; from zeppelin_works.config import compose; "
        "config = compose(['experiment=mnist_mlp']).config; assert 'torch' not in sys.modules; "
        "print(config['data']['_target_'])"
    )
    environment = {**ENVIRONMENT, "PYTHONPATH": "src"}
    imported = subprocess.run([sys.executable, "-c", code], cwd=copy, env=environment, capture_output=True, text=True)
    assert imported.returncode == 0, imported.stderr
    assert imported.stdout == "zeppelin_works.data.mnist.MNIST\n"
