"""Pin every package that the project installs, and those they need. It needs uv, and no package to be installed.

    python scripts/lock.py                        # after a change of the dependencies: what is pinned stays as it is
    python scripts/lock.py --upgrade              # everything as of today, as far as pyproject.toml allows it
    python scripts/lock.py --upgrade 2027-03-01   # as of that day (UTC)

Two files are written, for every Python version and platform: the pins in pyproject.toml, which `uv run` and `uv sync`
follow, and requirements.lock, which pip can install with hashes. Where no versions fit together, nothing changes. The
day in pyproject.toml is not enough to pin: a registry may show a release days after its files were uploaded.
"""

import argparse
import datetime
import re
import shutil
import subprocess
import sys
from itertools import groupby
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parents[1]
PROJECT, LOCK = ROOT / "pyproject.toml", ROOT / "requirements.lock"
DAY = re.compile(r'(?m)^exclude-newer = "(.*)T00:00:00Z"$')
PINS = re.compile(r"(?ms)^constraint-dependencies = \[.*?^\]$")
EXPORT = ("export", "--quiet", "--format=requirements-txt", "--no-emit-project", "--no-annotate", "--no-header")
WIDTH = 120


def main() -> None:
    assert __doc__
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    today = datetime.datetime.now(datetime.UTC).date()
    parser.add_argument(
        "--upgrade",
        nargs="?",
        const=today,
        type=datetime.date.fromisoformat,
        metavar="DAY",
        help="take the newest versions of that day; without a day, of today",
    )
    day = parser.parse_args().upgrade
    before = PROJECT.read_text("utf-8")
    if not (DAY.search(before) and PINS.search(before)):
        fail("pyproject.toml: [tool.uv] has to hold exclude-newer and constraint-dependencies; see git log")

    try:
        if day:
            PROJECT.write_text(DAY.sub(f'exclude-newer = "{day}T00:00:00Z"', with_pins(before, [])), "utf-8")
        uv("lock", "--quiet", *(["--upgrade"] if day else []))
        after = with_pins(PROJECT.read_text("utf-8"), pins(uv(*EXPORT, "--all-extras", "--no-hashes")))
        PROJECT.write_text(after, "utf-8")
        lock = uv(*EXPORT)  # read again from what is pinned now, which has to give the same
    except BaseException:
        PROJECT.write_text(before, "utf-8")
        raise
    LOCK.write_text(lock, "utf-8")
    report(pins_of(before), pins_of(after))


def pins(requirements: str) -> list[str]:
    """The lines of an export as constraints: a marker stays only where two versions of a package share its name."""
    lines = [line for line in requirements.splitlines() if line[:1].isalnum()]
    found = []
    for _, same in groupby(lines, key=lambda line: line.partition("==")[0]):
        versions = list(same)
        found += versions if len(versions) > 1 else [versions[0].partition(" ;")[0].strip()]
    return found


def pins_of(project: str) -> list[str]:
    """The constraints of a pyproject.toml."""
    found = PINS.search(project)
    return re.findall(r'"(.*?)"', found[0]) if found else []


def with_pins(project: str, constraints: list[str]) -> str:
    """A pyproject.toml with these constraints in place of its own, several in a line."""
    lines = [""]
    for constraint in constraints:
        entry = f' "{constraint}",'
        if lines[-1] and len(lines[-1]) + len(entry) > WIDTH:
            lines.append("")
        lines[-1] += entry if lines[-1] else f"   {entry}"
    text = "\n".join(["constraint-dependencies = [", *filter(None, lines), "]"])
    return PINS.sub(lambda _: text, project)


def report(before: list[str], after: list[str]) -> None:
    gone, come = sorted({*before} - {*after}), sorted({*after} - {*before})
    for sign, changed in (("-", gone), ("+", come)):
        print(*(f"{sign} {pin}" for pin in changed), sep="\n", end="\n" if changed else "")
    changes = f"{len(come)} pins are new, {len(gone)} are gone" if gone or come else "nothing changed"
    print(f"{len(after)} packages are pinned: {changes}. Next: uv run pytest")


def uv(*arguments: str) -> str:
    command = ["uv"] if shutil.which("uv") else [sys.executable, "-m", "uv"]
    done = subprocess.run([*command, *arguments], cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        fail(f"uv {arguments[0]} failed, and nothing was changed:\n{done.stderr.strip()}")
    return done.stdout


def fail(message: str) -> NoReturn:
    print(f"error: {message}", file=sys.stderr)
    raise SystemExit(2)


if __name__ == "__main__":
    main()
