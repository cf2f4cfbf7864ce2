"""Reproduction of a run: its code, its environment, its command."""

import base64
import shlex
from collections.abc import Mapping
from typing import Any

from leyden.records.record import CHANGES, of_type, parse_time
from leyden.reports.html import Html, code, element, facts, folded, joined, shell
from leyden.reports.run_files import RunFiles
from leyden.system.formatting import count

_LONGEST = 60_000  # bytes of a patch that are shown
_LARGEST = 200_000  # bytes of a patch that is embedded


def reproduce(run: RunFiles, with_patches: bool = True) -> list[Html]:
    """Commands that make a run again, and what they need.

    Args:
        with_patches: embed the changes of the code; else they are in the run's directory only.
    """
    git = of_type(dict, run.record.get("git")) or {}
    commit = of_type(str, git.get("commit"))
    command = of_type(str, run.record.get("command")) or shlex.join(["python", "train.py", *run.overrides])
    lines = [f"git checkout {shlex.quote(commit)}"] if commit else []
    notes = [] if commit else ["The commit of the code was not recorded."]
    if git.get("dirty"):
        if CHANGES in run.patches:
            lines.append(f"git apply {CHANGES}")
            where = (
                "below and in the run's directory" if with_patches else "in the run's directory and in its own report"
            )
            notes.append(f"The code had changes that were not committed: {CHANGES}, {where}.")
        else:
            notes.append("The code had changes that were not committed, and were not kept.")
    for entry in _resumes(run):
        at, its = str(entry.get("at", "")), of_type(dict, entry.get("git"))
        other = f" with other code: {code_state(its)}" if its is not None and its != git else ""
        notes.append(f"It was resumed at {moment(at)}{other}.")
    parts = [
        shell("\n".join([*lines, command])),
        *(element("p", note) for note in notes),
    ]
    return [*parts, *(_patch(name, content) for name, content in run.patches.items() if with_patches)]


def environment(record: Mapping[str, Any]) -> Html:
    """Versions, machine and code of a run, or of a sweep."""
    versions = of_type(dict, record.get("versions")) or {}
    git = of_type(dict, record.get("git"))
    listed = joined([element("span", f"{name} {version}") for name, version in versions.items()], ", ")
    pairs = [("Code", code_state(git) if git is not None else "commit not recorded")]
    pairs += [("Packages", listed), ("Host", str(record.get("host") or "")), ("Started", moment(record.get("started")))]
    return facts(pairs)


def code_state(git: Mapping[str, Any] | None) -> str:
    """Commit of a record, and whether the code had changes."""
    if not git or not git.get("commit"):
        return "no commit"
    return f"commit {git['commit']}" + (" with changes that were not committed" if git.get("dirty") else "")


def moment(text: Any) -> str:
    """Time of a record, in its own time zone; the text itself if it is none."""
    time = parse_time(text)
    if time is None:
        return str(text or "")
    return time.strftime("%Y-%m-%d %H:%M:%S %Z").strip()


def _resumes(run: RunFiles) -> list[dict[str, Any]]:
    return [entry for entry in of_type(list, run.record.get("resumed")) or [] if isinstance(entry, dict)]


def _patch(name: str, content: bytes) -> Html:
    """A patch: to read, and to save as it is."""
    text = content[:_LONGEST].decode("utf-8", "replace")
    cut = len(content) > _LONGEST
    parts: list[str] = []
    if len(content) <= _LARGEST:
        uri = f"data:application/octet-stream;base64,{base64.b64encode(content).decode()}"
        parts.append(element("p", element("a", f"Save {name}", href=uri, download=name)))
    else:
        parts.append(
            element("p", f"Too large to be part of this page ({len(content):,} bytes); see the run's directory.")
        )
    parts.append(code(text + ("\n…" if cut else "")))
    return folded(f"{name}: {count(content.count(b'diff --git'), 'file')} changed", *parts)
