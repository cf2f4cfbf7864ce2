"""Give the package a name of your own, in place. It needs git, and no package to be installed.

    python scripts/rename.py my_project --dry-run     # list what would change
    python scripts/rename.py my_project

The one package under src/ is renamed, with each mention of it as a word: in code, configs, docs and notebooks, and in
paths. `name_of_it` becomes my_project, `NAME_OF_IT` MY_PROJECT and `NameOfIt` MyProject. Not touched: LICENSE, which
has to keep its holder; data/ and logs/; binary files, and what git ignores.
"""

import argparse
import importlib.util
import keyword
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from standalone import Parser, fail

ROOT = Path(__file__).resolve().parents[1]
CODE = ("src", "configs", "pyproject.toml")  # no new name may stand here already
UNTOUCHED = ("data", "logs", "LICENSE")


def main() -> None:
    assert __doc__
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", help="the new name: lower-case letters, digits and underscores")
    parser.add_argument("--dry-run", action="store_true", help="list what would change, and change nothing")
    parser.add_argument(
        "--force", action="store_true", help="even if tracked files have changes that are not committed"
    )
    arguments = parser.parse_args()

    old, new, files = current_name(), arguments.name, text_files()
    check_name(new, old, files)
    if not (arguments.dry_run or arguments.force) and git("status", "--porcelain", "--untracked-files=no", "--", "."):
        fail("there are changes that are not committed, so renaming could not be undone; commit them, or add --force")

    substitute = substitution(old, new)
    texts = {path: substitute(text) for path, text in files.items()}
    changed = {path: text for path, text in texts.items() if text != files[path]}
    below = {path for file in files for path in (file, *file.parents)}
    moves = sorted((path for path in below if substitute(path.name) != path.name), key=lambda path: -len(path.parts))
    if arguments.dry_run:
        print(*(f"would change {path}" for path in changed), sep="\n")
        print(*(f"would rename {path} to {path.with_name(substitute(path.name))}" for path in moves), sep="\n")
        return

    for path, text in changed.items():
        (ROOT / path).write_bytes(text.encode("utf-8", "surrogateescape"))
    for path in moves:  # what lies deepest comes first, so that the paths of the others still hold
        (ROOT / path).rename(ROOT / path.with_name(substitute(path.name)))
    for folder in (ROOT, ROOT / "src"):
        shutil.rmtree(folder / f"{old}.egg-info", ignore_errors=True)  # of an install under the old name
    print(f"{old} is now {new}: {len(changed)} files changed, {len(moves)} paths renamed. Next:\n")
    print("    uv sync\n    uv run ruff format    # lines are longer or shorter now\n    uv run pytest\n    git add -A")
    print(f"\nRuns that {old} made, in logs/, are not read by {new}: their checkpoints name classes of {old}.")


def current_name() -> str:
    """The name of the only package under src/."""
    packages = sorted(init.parent.name for init in ROOT.glob("src/*/__init__.py"))
    if len(packages) != 1:
        fail(f"src/ has to hold one package to rename, and holds {', '.join(packages) or 'none'}")
    return packages[0]


def text_files() -> dict[Path, str]:
    """Every file that git tracks or would track, with its text; paths from the root."""
    files = {}
    for name in git("ls-files", "--cached", "--others", "--exclude-standard", "-z").split("\0"):
        path = ROOT / name
        if not name or Path(name).parts[0] in UNTOUCHED or path.is_symlink() or not path.is_file():
            continue
        content = path.read_bytes()
        if b"\0" not in content:
            files[Path(name)] = content.decode("utf-8", "surrogateescape")  # any bytes there and back
    return files


def check_name(name: str, old: str, files: dict[Path, str]) -> None:
    """End the program if a package cannot well be called so."""
    if name == old:
        fail(f"{name}: the package is called so already")
    if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name) or keyword.iskeyword(name):
        fail(f"{name}: must be a Python name in lower case, such as my_project")
    if (ROOT / "src" / name).exists() or name in {path.stem for path in ROOT.iterdir()}:
        fail(f"{name}: there is a file or folder of this name already")
    if name == "test" or name in sys.stdlib_module_names or importlib.util.find_spec(name):
        fail(f"{name}: another Python package is called so; choose a name of your own")
    substitute = substitution(name, "")
    for path, text in files.items():
        if path.parts[0] in CODE and substitute(text) != text:
            fail(f"{name}: {path} has this word already, so the package could not be told from it; choose another")


def substitution(old: str, new: str) -> Callable[[str], str]:
    """Replaces a name in a text, in its three spellings, where it is a word or a part of a_longer_one."""
    spellings = dict(zip(_spellings(old), _spellings(new), strict=True))
    before = r"(?:(?<![A-Za-z0-9])|(?<=\\[nrt]))"  # the n of a written "\n" is no part of the word
    word = re.compile(f"{before}(?:{'|'.join(spellings)})(?![a-z0-9])")
    return lambda text: word.sub(lambda match: spellings[match[0]], text)


def _spellings(name: str) -> tuple[str, str, str]:
    """As a module, as a constant and as a title or a class."""
    return name, name.upper(), "".join(part.capitalize() for part in name.split("_"))


def git(*arguments: str) -> str:
    try:
        return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, encoding="utf-8", check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        fail(f"git cannot read {ROOT}; if it is no repository yet, git init and commit, so that this can be undone")


if __name__ == "__main__":
    main()
