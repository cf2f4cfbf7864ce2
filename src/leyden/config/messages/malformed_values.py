"""Messages for values that Hydra would misread: a stray space, an open bracket, a list or null for a config file."""

import re
from collections.abc import Sequence

from leyden.config.names import TAKE_LISTS
from leyden.config.vocabulary import Vocabulary

_SETTING = re.compile(r"[+~]*\w[\w./@-]*=.*", re.DOTALL)
_NO_VALUE = re.compile(r"[+~]|-(?![\d.])")  # the start of a flag or a key, but not of a negative number
_CHOICE = re.compile(r"\+*([\w/]+)(?:@[^=]*)?=(.*)", re.DOTALL)
_LIST = re.compile(r"(?:choice\(|[^{(]*)\[.*", re.DOTALL)
_NOT_A_NAME = re.compile(r"null|true|false|[-+]?[\d.][\d.e_+-]*|\{.*|", re.IGNORECASE)

_CLOSED_BY = {"(": ")", "[": "]", "{": "}"}
_QUOTED = re.compile(r"\\.|'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\"", re.DOTALL)


def stray_space(arguments: Sequence[str]) -> tuple[str, str, str] | None:
    """The first setting that a space splits, as in `lr= 0.1` or `lr=0.1, 0.01`: it, why, and how it is written."""
    for place, argument in enumerate(arguments):
        if not _SETTING.fullmatch(argument):
            continue
        whole = argument
        for value in arguments[place + 1 :]:
            continues = whole.endswith(("=", ",")) or value.startswith(",")
            if not continues or _NO_VALUE.match(value) or _SETTING.fullmatch(value):
                break
            whole += value
        if (whole == argument and not argument.endswith(",")) or open_bracket(whole):
            continue
        why = "values follow one another without spaces"
        if argument.endswith("="):
            why = "ends in =; the value follows without a space"
        elif argument.endswith(","):
            why = f"ends in a comma; {why}" + ("; leave it out" if whole == argument else "")
        return argument, why, whole.rstrip(",")
    return None


def not_a_file(argument: str, words: Vocabulary) -> str | None:
    """The message for a group that is set to a list, as in `model=[mlp,cnn]`, null, true or a number."""
    match = _CHOICE.fullmatch(argument)
    if match is None or not words.is_group(match[1]):
        return None
    (group, value), files = match.groups(), words.files(match[1])
    there_are = f"; there are: {', '.join(files)}"
    if _LIST.fullmatch(value) and group not in (*TAKE_LISTS, "trainer", "paths", "local"):
        names = re.sub(r"choice\(|[][)\s'\"]", "", value)
        if not all(name in files for name in names.split(",")):
            return f"{argument}: takes one name, without brackets{there_are}"
        if "," in names:
            return f"{argument}: takes one name, or several with -m: -m {group}={names}{there_are}"
        return f"{argument}: takes one name, without brackets: {group}={names}{there_are}"
    if _NOT_A_NAME.fullmatch(value):
        empty = next((name for name in ("none", "default") if name in files), None)
        if empty and value.lower() in ("null", "false", "0"):
            return f"{argument}: takes the name of a file; write {group}={empty}"
        return f"{argument}: takes the name of a file, {group}=…{there_are}"
    return None


def open_bracket(value: str) -> str | None:
    """The innermost bracket of a value, outside quotes, that is not closed."""
    opened: list[str] = []
    for sign in _QUOTED.sub("", value):
        if sign in _CLOSED_BY:
            opened.append(sign)
        elif opened and sign == _CLOSED_BY[opened[-1]]:
            opened.pop()
    return opened[-1] if opened else None
