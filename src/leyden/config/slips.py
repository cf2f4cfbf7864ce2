"""Slips of typing: a space too many, a bracket that is not closed, a list where there is one. Told in plain words."""

import re
import shlex
from collections.abc import Sequence

_SETTING = re.compile(r"[+~]*\w[\w./@-]*=.*", re.DOTALL)
_NO_VALUE = re.compile(r"[+~]|-(?![\d.])")  # how a flag or a key begins, but not a negative number

# Of these groups one file is chosen; elsewhere the files of a list add to one another.
_ONE = re.compile(
    r"[+~]*((?:experiment|data|model|task|optimizer|scheduler|sweep|sweep/\w+|hydra/sweeper|hydra/launcher)(?:@[^=]*)?)"
    r"=((?:choice\(|[^{(]*)\[.*)",
    re.DOTALL,
)
TAKE_LISTS = ("callbacks", "logger", "debug")

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


def list_for_one(argument: str) -> str | None:
    """What is wrong with a list of files for a group of which there is one, as in `model=[mlp,cnn]`."""
    match = _ONE.fullmatch(argument)
    if match is None:
        return None
    names = re.sub(r"choice\(|[][)\s]", "", match[2])
    if "," not in names:
        return f"{argument}: takes one name, without brackets: {match[1]}={names or '…'}"
    return f"{argument}: takes one name, or several with -m: -m {match[1]}={names}"


def not_closed(value: str) -> str | None:
    """The innermost bracket of a value, outside quotes, that is not closed."""
    opened: list[str] = []
    for sign in _QUOTED.sub("", value):
        if sign in _CLOSED_BY:
            opened.append(sign)
        elif opened and sign == _CLOSED_BY[opened[-1]]:
            opened.pop()
    return opened[-1] if opened else None


def in_shell(setting: str) -> str:
    """A setting as it is typed: in quotes where a shell would take it for something else."""
    return setting if re.fullmatch(r"[\w./@%+=:,~*-]*", setting) else shlex.quote(setting)
