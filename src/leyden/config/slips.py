"""Slips of typing in settings: a space too many, a bracket that is not closed, a list where one file belongs."""

import re
from collections.abc import Callable, Sequence

from leyden.config.vocabulary import Vocabulary

_SETTING = re.compile(r"[+~]*\w[\w./@-]*=.*", re.DOTALL)
_NO_VALUE = re.compile(r"[+~]|-(?![\d.])")  # how a flag or a key begins, but not a negative number

# Of these groups one file is chosen; elsewhere the files of a list add to one another.
_ONE = re.compile(
    r"[+~]*((?:experiment|data|model|task|optimizer|scheduler|sweep|sweep/\w+|hydra/sweeper|hydra/launcher)(?:@[^=]*)?)"
    r"=((?:choice\(|[^{(]*)\[.*)",
    re.DOTALL,
)
_NO_FILE = re.compile(r"[+]*([\w/]+)=(null|true|false|[-+]?[\d.][\d.e_+-]*|\{.*|)", re.IGNORECASE)

_CLOSED_BY = {"(": ")", "[": "]", "{": "}"}
_QUOTED = re.compile(r"\\.|'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\"", re.DOTALL)


def stray_space(arguments: Sequence[str]) -> tuple[str, str, str] | None:
    """The first setting that a space takes apart, as in `lr= 0.1` or `lr=0.1, 0.01`: it, why, and how it is written."""
    for place, argument in enumerate(arguments):
        if not _SETTING.fullmatch(argument):
            continue
        whole = argument
        for value in arguments[place + 1 :]:
            goes_on = whole.endswith(("=", ",")) or value.startswith(",")
            if not goes_on or _NO_VALUE.match(value) or _SETTING.fullmatch(value):
                break
            whole += value
        if (whole == argument and not argument.endswith(",")) or not_closed(whole):
            continue
        why = "values follow one another without spaces"
        if argument.endswith("="):
            why = "ends in =; the value follows without a space"
        elif argument.endswith(","):
            why = f"ends in a comma; {why}" + ("; leave it out" if whole == argument else "")
        return argument, why, whole.rstrip(",")
    return None


def list_for_one(argument: str, files: Callable[[str], Sequence[str]] | None = None) -> str | None:
    """The message for a list of files for a group of which one is chosen, as in `model=[mlp,cnn]`.

    Args:
        argument: as it was typed.
        files: gives the files of a group.
    """
    match = _ONE.fullmatch(argument)
    if match is None:
        return None
    group, names = match[1], re.sub(r"choice\(|[][)\s'\"]", "", match[2])
    known = files(group.partition("@")[0]) if files else []
    there = f"; there are: {', '.join(known)}" if known else ""
    if "," not in names and names in known:
        return f"{argument}: takes one name, without brackets: {group}={names}{there}"
    if known and not all(name in known for name in names.split(",")):
        return f"{argument}: takes one name, without brackets{there}"
    if "," not in names:
        return f"{argument}: takes one name, without brackets: {group}={names or '…'}"
    return f"{argument}: takes one name, or several with -m: -m {group}={names}{there}"


def no_file(arguments: Sequence[str], words: Vocabulary) -> str | None:
    """The message for a group that is set to null, true or a number, as in `scheduler=null`."""
    for argument in arguments:
        match = _NO_FILE.fullmatch(argument)
        if match is None or not words.is_group(match[1]):
            continue
        group, files = match[1], words.files(match[1])
        empty = next((name for name in ("none", "default") if name in files), None)
        if empty and match[2].lower() in ("null", "false", "0"):
            return f"{argument}: takes the name of a file; write {group}={empty}"
        return f"{argument}: takes the name of a file, {group}=…; there are: {', '.join(files)}"
    return None


def not_closed(value: str) -> str | None:
    """The innermost bracket of a value, outside quotes, that is not closed."""
    opened: list[str] = []
    for sign in _QUOTED.sub("", value):
        if sign in _CLOSED_BY:
            opened.append(sign)
        elif opened and sign == _CLOSED_BY[opened[-1]]:
            opened.pop()
    return opened[-1] if opened else None
