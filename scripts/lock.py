"""Pin every package that the project installs, and those they need. It needs uv, and no package to be installed.

    python scripts/lock.py                        # after a change of the dependencies: what is pinned stays as it is
    python scripts/lock.py --upgrade              # everything as of a week ago, as far as pyproject.toml allows it
    python scripts/lock.py --upgrade 2027-03-01   # as of an earlier day (UTC)

An upgrade only takes releases that are at least seven days old, because most malicious ones are found within days.
Two files are written, for every Python version and platform: the pins in pyproject.toml, which `uv run` and `uv sync`
follow, and requirements.lock, what `uv sync` installs, with hashes for pip. Where no versions fit together, both stay
as they were. The day in pyproject.toml is not enough to pin: a registry may show a release days after its files were
uploaded. Only what builds a package from its source (hatchling, setuptools) is left to the day.
"""

import argparse
import datetime
import re
import shutil
import signal
import subprocess
import sys
from itertools import groupby
from pathlib import Path

from standalone import Parser, fail

ROOT = Path(__file__).resolve().parents[1]
PROJECT, LOCK = ROOT / "pyproject.toml", ROOT / "requirements.lock"
DAY = re.compile(r'(?m)^exclude-newer = "(.*)T00:00:00Z"$')
PINS = re.compile(r'(?m)^constraint-dependencies = \[(?:[^\]"#]|"[^"]*"|#.*)*\]')
EXPORT = ("export", "--quiet", "--format=requirements-txt", "--no-emit-project", "--no-annotate", "--no-header")
EVERYTHING = ("--all-extras", "--all-groups", "--no-hashes")
WIDTH = 120
MINIMUM_AGE = datetime.timedelta(days=7)  # lightning 2.6.2 and 2.6.3 were malware for less than that


def main() -> None:
    assert __doc__
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--upgrade",
        nargs="?",
        const=newest_day(),
        type=old_day,
        metavar="DAY",
        help=f"take the newest versions of that day; without a day, of {newest_day()}",
    )
    day = parser.parse_args().upgrade
    before = {path: path.read_bytes() for path in (PROJECT, LOCK) if path.exists()}
    project = before[PROJECT].decode()
    if not (DAY.search(project) and PINS.search(project)):
        fail("pyproject.toml: [tool.uv] has to hold exclude-newer and constraint-dependencies; see git log")

    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))  # puts the files back, as Ctrl-C does
    try:
        if day:
            write(PROJECT, DAY.sub(f'exclude-newer = "{day}T00:00:00Z"', with_pins(project, [])))
        uv("lock", "--quiet", *(["--upgrade"] if day else []))
        constraints = pins(uv(*EXPORT, *EVERYTHING))
        write(PROJECT, with_pins(PROJECT.read_text("utf-8"), constraints))
        lock = uv(*EXPORT)
        if pins(uv(*EXPORT, *EVERYTHING)) != constraints:
            fail("uv resolves other versions with the pins than without; this is a mistake of scripts/lock.py")
        write(LOCK, lock)
    except BaseException:
        for path, content in before.items():
            path.write_bytes(content)
        raise
    report(pins_of(project), constraints)


def newest_day() -> datetime.date:
    """The last day of which releases are old enough."""
    return datetime.datetime.now(datetime.UTC).date() - MINIMUM_AGE


def old_day(text: str) -> datetime.date:
    try:
        day = datetime.date.fromisoformat(text)
    except ValueError:
        fail(f"--upgrade {text}: must be a day, such as {newest_day()}")
    if day > newest_day():
        fail(f"--upgrade {text}: releases must be {MINIMUM_AGE.days} days old; {newest_day()} or before")
    return day


def pins(requirements: str) -> list[str]:
    """The lines of an export as constraints: a marker stays only where two versions of a package share its name."""
    lines = [line for line in requirements.splitlines() if re.match(r"[\w.-]+==", line)]
    found = []
    for _, same in groupby(lines, key=lambda line: line.partition("==")[0]):
        versions = list(same)
        found += versions if len(versions) > 1 else [versions[0].partition(" ;")[0].strip()]
    return found


def pins_of(project: str) -> list[str]:
    """The constraints of a pyproject.toml."""
    return re.findall(r'"(.*?)"', "".join(PINS.findall(project)))


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
    for line in (*(f"- {pin}" for pin in gone), *(f"+ {pin}" for pin in come)):
        print(line)
    changes = f"{len(come)} new, {len(gone)} gone" if gone or come else "nothing changed"
    print(f"{len(after)} pins: {changes}. Next: uv run pytest")


def uv(*arguments: str) -> str:
    command = ["uv"] if shutil.which("uv") else [sys.executable, "-m", "uv"]
    done = subprocess.run([*command, *arguments], cwd=ROOT, capture_output=True, encoding="utf-8")
    if done.returncode:
        why = done.stderr.strip().removeprefix("error: ")
        fail(f"uv {arguments[0]} failed; pyproject.toml and requirements.lock are as they were:\n{why}")
    return done.stdout


def write(path: Path, text: str) -> None:
    path.write_text(text, "utf-8", newline="\n")


if __name__ == "__main__":
    main()
