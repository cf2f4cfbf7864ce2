"""Slips of typing: a space too many, a bracket that is not closed, a list where there is one. Told in plain words."""

import re
import shlex
from collections.abc import Sequence

_NAME = r"[+~]*\w[\w./@-]*"
_SETTING = re.compile(rf"{_NAME}=.*", re.DOTALL)
_PARTED = re.compile(rf"{_NAME}=(.*,)?", re.DOTALL)  # what a value, or the next one, is to follow
_NO_VALUE = re.compile(r"[+~]|-(?![\d.])")  # a flag or a key, not a negative number

# Of these groups one file is chosen; of callbacks, logger or debug, a list adds one to another.
_ONE = re.compile(
    r"[+~]*((?:experiment|data|model|task|optimizer|scheduler|sweep|sweep/\w+|hydra/sweeper|hydra/launcher)(?:@[^=]*)?)"
    r"=(?!.*glob\()(.*\[.*)"
)
SEVERAL = ("callbacks", "logger", "debug")

_CLOSED_BY = {"(": ")", "[": "]", "{": "}"}
_QUOTED = re.compile(r"\\.|'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\"", re.DOTALL)


def stray_space(arguments: Sequence[str]) -> tuple[str, str, str] | None:
    """The first setting that a space takes apart, as in `lr= 0.1` or `lr=0.1, 0.01`: it, why, and how it is written."""
    for place, argument in enumerate(arguments):
        if not _PARTED.fullmatch(argument):
            continue
        whole = argument
        for value in arguments[place + 1 :]:
            if not whole.endswith(("=", ",")) or _NO_VALUE.match(value) or _SETTING.fullmatch(value):
                break
            whole += value
        if whole == argument and argument.endswith("="):
            continue  # an empty value
        why = "ends in a comma; values follow one another without spaces"
        if argument.endswith("="):
            why = "ends in =; the value follows without a space"
        elif whole == argument:
            why += "; leave the comma out"
        return argument, why, whole.rstrip(",")
    return None


def list_for_one(argument: str) -> str | None:
    """What is wrong with a list of files for a group of which there is one, as in `model=[mlp,cnn]`."""
    match = _ONE.fullmatch(argument)
    if match is None:
        return None
    names = re.sub(r"[][\s]|choice\(|\)", "", match[2])
    return f"{argument}: takes one name; with -m, several: -m {match[1]}={names}"


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
    """A setting as it is typed: in quotes where a shell would take it apart."""
    return setting if re.fullmatch(r"[\w./@%+=:,~*-]*", setting) else shlex.quote(setting)
