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
