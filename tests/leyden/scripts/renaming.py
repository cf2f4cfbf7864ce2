"""Repositories that scripts/rename.py renames, and what stands in them."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
SCRIPT = ROOT / "scripts" / "rename.py"
ENVIRONMENT = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}  # a hook sets some
AUTHOR = ("-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false", "-c", "core.hooksPath=")
PYPROJECT = """\
[project]
name = "oldname"
dependencies = ["torch>=2"]

[project.entry-points."leyden.projects"]
oldname = "oldname"

[project.entry-points."leyden.former_names"]  # a comment
"leyden.models" = "oldname.models"
"""
ENGINE = {
    "src/leyden/names.py": 'EXAMPLE = "oldname.models"\n',
    "src/leyden/__init__.py": "",
    "src/hydra_plugins/leyden_sweeps.py": "# oldname\n",
    "tests/leyden/test_names.py": "from leyden import names\nfrom oldname import train\n",
    "CHANGELOG.md": "src/oldname\n",
    "docs/upgrading.md": "src/oldname\n",
}
TREE = {
    **ENGINE,
    "pyproject.toml": PYPROJECT,
    "README.md": "# Oldname\n\nOldname's package is `oldname`; see configs/oldname.yaml, not golden oldnames.\r\n",
    "LICENSE": "Copyright (c) 2026 The Oldname authors\n",
    "train.py": 'from oldname.train import main\n\nprint("\\noldname")\n',
    "eval.py": "",
    "configs/oldname.yaml": "_target_: oldname.train.main\nlr: 0.1\n",
    "src/oldname/__init__.py": "",
    "src/oldname/train.py": 'SHORT = "OLDNAME_SHORT"\n\n\nclass OldnameError(Exception): ...\n\n\ndef main(): ...\n',
    "src/oldname/oldname_jar.py": "import oldname.train as _oldname\n",
    "tests/test_train.py": "from oldname import train\n",
    "notebooks/a.ipynb": '{"cells": [{"source": ["import oldname\\n", "oldname.train\\n"]}]}\n',
    ".gitignore": "/data/\n/ignored/\n*.egg-info/\n",
    "data/notes.txt": "oldname",
    "ignored/notes.txt": "oldname",
    "src/oldname.egg-info/PKG-INFO": "Name: oldname",
}


def write_tree(folder: Path) -> Path:
    """A small repository, committed."""
    for name, text in TREE.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
    (folder / "logo.png").write_bytes(b"\x89PNG\0oldname")
    (folder / "latin.txt").write_bytes(b"caf\xe9 oldname")
    return repository(folder)


def repository(folder: Path) -> Path:
    """Make a folder that holds the script into a repository with one commit."""
    (folder / "scripts").mkdir(exist_ok=True)
    for script in (SCRIPT, SCRIPT.with_name("standalone.py")):
        shutil.copy(script, folder / "scripts")
    git(folder, "init", "-q")
    commit(folder)
    return folder


def commit(folder: Path) -> None:
    """Commit everything, whatever this machine's git is set to."""
    git(folder, "add", "-A")
    git(folder, *AUTHOR, "commit", "-qm", "some", "--allow-empty")


def git(folder: Path, *arguments: str, check: bool = True) -> str:
    done = subprocess.run(["git", *arguments], cwd=folder, env=ENVIRONMENT, capture_output=True, text=True)
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def rename(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "scripts/rename.py", *arguments]
    return subprocess.run(command, cwd=folder, env={**ENVIRONMENT, **environment}, capture_output=True, text=True)


def contents(folder: Path) -> dict[str, bytes]:
    """All files but git's own."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in files
        if path.relative_to(folder).parts[0] != ".git"
    }


def mentions(folder: Path, name: str) -> list[str]:
    """The project's files whose path or text has a name, as this_word, THIS_WORD or ThisWord."""
    spellings = f"{name}|{name.upper()}|{name.title().replace('_', '')}"
    word = re.compile(rf"(?<![A-Za-z0-9])({spellings})(?![a-z0-9])")
    found = []
    for path in listing(folder):
        if is_of_the_engine(path):
            continue
        text = (folder / path).read_bytes().decode("latin-1").replace("\\n", " ").replace(f'\n{name} = "', "")
        if path != "LICENSE" and "\0" not in text and (word.search(path) or word.search(text)):
            found.append(path)
    return found


def is_of_the_engine(path: str) -> bool:
    return path.startswith(("src/leyden/", "src/hydra_plugins/", "tests/leyden/")) or path in (
        *ENGINE,
        "scripts/rename.py",
    )


def listing(folder: Path) -> list[str]:
    """The files that git tracks or would track."""
    names = git(folder, "ls-files", "--cached", "--others", "--exclude-standard", "-z").split("\0")
    return sorted({name for name in names if name and (folder / name).is_file()})
