"""Give your package a name of your own, in place. It needs git, and no installed package.

    python scripts/rename.py my_project --dry-run     # list what would change
    python scripts/rename.py my_project
    python scripts/rename.py my_project               # again, after a merge: docs/upgrading.md

The package that pyproject.toml declares as the project, `myproject` at first, is renamed where it is mentioned as a
word: under src/, in its tests, configs, notebooks and documents. `name_of_it` becomes my_project, `NAME_OF_IT`
MY_PROJECT and `NameOfIt` MyProject. The engine keeps its name and every line, so that a later version can be merged;
data/, logs/, LICENSE, binary files and what git ignores stay too. The old name is recorded in pyproject.toml, so that
runs made under it still load. No further step is needed: neither an install nor a formatter.
"""

import argparse
import importlib.util
import keyword
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Collection
from pathlib import Path

from standalone import Parser, fail

ROOT = Path(__file__).resolve().parents[1]
PROJECT = Path("pyproject.toml")
ENGINE = ("src/leyden", "src/hydra_plugins", "tests/leyden", "scripts/rename.py", "docs/upgrading.md", "CHANGELOG.md")
UNTOUCHED = (*ENGINE, "data", "logs", "LICENSE")
CODE = ("src", "tests", "configs", "pyproject.toml")  # the new name may not be a word in these already
# The header of the table of former names, and below it the names that this script wrote.
FORMER = re.compile(r'(?m)^(\[project\.entry-points\."leyden\.former_names"\].*\n)(?:\w+ = ".*"\n)*')


def main() -> None:
    assert __doc__
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", help="the new name: lower-case letters, digits and underscores")
    parser.add_argument("--dry-run", action="store_true", help="list what would change, and change nothing")
    parser.add_argument(
        "--force", action="store_true", help="even if tracked files have changes that are not committed"
    )
    parser.add_argument("--merge", nargs=5, help=argparse.SUPPRESS)  # as git's merge driver: see set_up_merges
    arguments = parser.parse_args()

    new, (current, former) = arguments.name, names()
    if arguments.merge:
        sys.exit(merge(substitution(former, current), *arguments.merge))
    files = text_files()
    if new != current:
        check_name(new, files)
        olds, former = [current], [name for name in (*former, current) if name != new]
    elif former:
        olds = former  # a merge brings the name that the template has
    else:
        fail(f"{new}: the package has this name already")
    if not (arguments.dry_run or arguments.force) and git("status", "--porcelain", "--untracked-files=no", "--", "."):
        fail("there are changes that are not committed, so renaming could not be undone; commit them, or add --force")

    substitute = substitution(olds, new)
    texts = {path: substitute(text) for path, text in files.items()}
    texts[PROJECT] = with_former_names(files[PROJECT], substitute, dict.fromkeys(former, new))
    changed = {path: text for path, text in texts.items() if text != files[path]}
    below = {path for file in files for path in (file, *file.parents)}
    renamed = {path: Path(*map(substitute, path.parts)) for path in below}
    if clash := next((file for file in files if renamed[file] != file and (ROOT / renamed[file]).is_file()), None):
        fail(f"{clash}: there is {renamed[clash]} already; merge the two by hand")
    moves = sorted((path for path in below if substitute(path.name) != path.name), key=lambda path: -len(path.parts))
    if arguments.dry_run:
        print(*(f"would change {path}" for path in changed), sep="\n")
        print(*(f"would rename {path} to {path.with_name(substitute(path.name))}" for path in moves), sep="\n")
        return

    for path, text in changed.items():
        (ROOT / path).write_bytes(text.encode("utf-8", "surrogateescape"))
    for path in moves:  # the deepest first, so that the paths of the others still hold
        move(ROOT / path, ROOT / path.with_name(substitute(path.name)))
    if moves:  # staged, so that git status lists them as renamed
        git("rm", "-r", "--cached", "--quiet", "--ignore-unmatch", "--", *map(str, moves))
        git("add", "--", *(str(renamed[path]) for path in moves))
    for folder in (ROOT, ROOT / "src"):
        shutil.rmtree(folder / f"{olds[-1]}.egg-info", ignore_errors=True)  # of an install under the old name
    tidy([renamed[path] for path in changed])
    set_up_merges(new)
    print(f"{' and '.join(olds)} is now {new}: {len(changed)} files changed, {len(moves)} paths renamed. Next:\n")
    print(f"    uv run pytest\n    git add -A && git commit -m 'Rename the project to {new}'\n")
    print("Runs made before still load. A git merge in this clone follows the renaming: docs/upgrading.md.")


def names() -> tuple[str, list[str]]:
    """The project's package, and the names that it had before."""
    try:
        points = tomllib.loads((ROOT / PROJECT).read_text("utf-8"))["project"]["entry-points"]
        packages, former = list(points["leyden.projects"].values()), points.get("leyden.former_names", {})
    except (OSError, KeyError, tomllib.TOMLDecodeError) as error:
        fail(f"pyproject.toml: leyden.projects, which names the package, cannot be read: {error}")
    if len(packages) != 1 or not (ROOT / "src" / packages[0]).is_dir():
        declared = ", ".join(packages) or "none"
        fail(f"pyproject.toml: leyden.projects has to declare one package of src/, and declares {declared}")
    return packages[0], [name for name in former if "." not in name]


def text_files() -> dict[Path, str]:
    """Every file outside the engine that git tracks or would track, with its text; paths from the root."""
    files = {}
    for name in git("ls-files", "--cached", "--others", "--exclude-standard", "-z").split("\0"):
        path = ROOT / name
        if not name or is_untouched(name) or path.is_symlink() or not path.is_file():
            continue
        content = path.read_bytes()
        if b"\0" not in content:
            files[Path(name)] = content.decode("utf-8", "surrogateescape")  # any bytes there and back
    return files


def is_untouched(path: str) -> bool:
    return f"{path}/".startswith(tuple(f"{part}/" for part in UNTOUCHED))


def check_name(name: str, files: dict[Path, str]) -> None:
    """End the program if a package should not have this name."""
    if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name) or keyword.iskeyword(name):
        fail(f"{name}: must be a Python name in lower case, such as my_project")
    if (ROOT / "src" / name).exists() or name in {path.stem for path in ROOT.iterdir()}:
        fail(f"{name}: there is a file or folder of this name already")
    if name == "test" or name in sys.stdlib_module_names or importlib.util.find_spec(name):
        fail(f"{name}: another Python package has this name; choose a name of your own")
    substitute = substitution([name], "")
    for path, text in files.items():
        text = FORMER.sub("", text)
        if path.parts[0] in CODE and substitute(text) != text:
            fail(f"{name}: {path} has this word already, so a later renaming would change it too; choose another")


def substitution(olds: Collection[str], new: str) -> Callable[[str], str]:
    """Replaces names in a text, in three spellings each, where they are words or parts of a_longer_one."""
    spellings = {}
    for old in olds:
        spellings |= zip(_spellings(old), _spellings(new), strict=True)
    if not spellings:
        return lambda text: text
    before = r"(?:(?<![A-Za-z0-9])|(?<=\\[nrt]))"  # the n of a written "\n" is no part of the word
    word = re.compile(f"{before}(?:{'|'.join(spellings)})(?![a-z0-9])")
    return lambda text: word.sub(lambda match: spellings[match[0]], text)


def _spellings(name: str) -> tuple[str, str, str]:
    """As a module, as a constant and as a title or a class."""
    title = "".join(part.capitalize() for part in name.split("_"))
    return name, name.upper(), "MyProject" if name == "myproject" else title


def with_former_names(project: str, substitute: Callable[[str], str], former: dict[str, str]) -> str:
    """pyproject.toml with names replaced, and with former ones in the table that finds the classes of older runs."""
    if not FORMER.search(project):
        project = f'{project.rstrip()}\n\n[project.entry-points."leyden.former_names"]\n'
    before, header, after = FORMER.split(project, maxsplit=1)
    lines = "".join(f'{old} = "{new}"\n' for old, new in former.items())
    return substitute(before) + header + lines + substitute(after)


def move(path: Path, target: Path) -> None:
    """Move a file or folder; into a folder that exists where a merge brought the old one back."""
    if path.is_dir() and target.is_dir():
        for child in path.iterdir():
            move(child, target / child.name)
        path.rmdir()
    else:
        path.rename(target)


def tidy(paths: list[Path]) -> None:
    """Sort imports and wrap lines where ruff is installed: lines of a fork's own may have become too long."""
    ruff = next((str(path) for path in ROOT.glob(".venv/*/ruff*")), None) or shutil.which("ruff")
    code = [str(path) for path in paths if path.suffix in (".py", ".ipynb")]
    for command in (["check", "--select=I", "--fix"], ["format"]) if ruff and code else ():
        subprocess.run([ruff, *command, "--quiet", "--no-cache", *code], cwd=ROOT, capture_output=True, check=False)


def set_up_merges(name: str) -> None:
    """Let `git merge` in this clone read the template's name as the project's.

    Otherwise a line that was renamed conflicts with a change beside it, and a file that is new in the template stays
    in conflict about its folder. .gitattributes names the files that the driver merges.
    """
    driver = f"{shlex.quote(sys.executable)} scripts/rename.py {name} --merge %O %A %B %L %P"
    git("config", "merge.renamed.driver", driver)
    git("config", "merge.directoryRenames", "true")


def merge(substitute: Callable[[str], str], base: str, ours: str, theirs: str, marker: str, path: str) -> int:
    """Three-way merge of a file into `ours`, with the names in the other two replaced; the number of conflicts."""
    for side in () if is_untouched(path) else (Path(base), Path(theirs)):
        text = side.read_bytes().decode("utf-8", "surrogateescape")
        side.write_bytes(substitute(text).encode("utf-8", "surrogateescape"))
    labels = [f"-L{label}" for label in ("ours", "base", "theirs")]
    return subprocess.run(["git", "merge-file", *labels, f"--marker-size={marker}", ours, base, theirs]).returncode


def git(*arguments: str) -> str:
    try:
        return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, encoding="utf-8", check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        fail(f"git cannot read {ROOT}; if it is no repository yet, git init and commit, so that this can be undone")


if __name__ == "__main__":
    main()
