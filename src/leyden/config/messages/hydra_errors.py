"""Messages for errors of Hydra, OmegaConf and the YAML parser: one line, with the remedy for what was typed."""

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress

from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from omegaconf.errors import OmegaConfBaseException
from yaml import MarkedYAMLError

from leyden.config.messages.malformed_values import open_bracket
from leyden.config.messages.remedies import file_meant
from leyden.config.names import TAKE_LISTS
from leyden.config.overrides import masked, without_password
from leyden.config.vocabulary import Vocabulary
from leyden.system.override_text import as_text, in_shell, parsed, takes_path
from leyden.system.suggestions import did_you_mean

NO_NAME_FOR_A_GROUP = "Config group override must be a string"  # Hydra's plain ValueError for model@x=null


def explain(error: BaseException, words: Vocabulary | None = None, arguments: Sequence[str] = ()) -> str:
    """An error in one line, without passwords and the hints that Hydra and OmegaConf add on further lines.

    Args:
        error: ours, Hydra's, OmegaConf's or the YAML parser's.
        words: the names that may be used, from which remedies are made.
        arguments: of the command.
    """
    return without_password(_explained(error, words, arguments))


def _explained(error: BaseException, words: Vocabulary | None, arguments: Sequence[str]) -> str:
    text = str(error).strip() or str(error.__cause__ or type(error).__name__)
    if isinstance(error, MissingConfigException) and error.missing_cfg_file:
        return _no_such_file(error.missing_cfg_file, error.options or [], words, arguments)
    if isinstance(error, MarkedYAMLError) and error.problem_mark:
        return f"{error.problem_mark.name}, line {error.problem_mark.line + 1}: {error.problem}"
    if text.startswith(NO_NAME_FOR_A_GROUP):
        return "a group was set to null or a number; it takes the name of a file, such as none in callbacks=none"
    if isinstance(error, OverrideParseException):
        return _unreadable(masked(error.override.lstrip("+")))
    if isinstance(error, OmegaConfBaseException):
        place = re.search(r"full_key: (\S+)", text)
        return f"{place[1]}: {text.splitlines()[0]}" if place else text.splitlines()[0]
    if several := re.match(r"(Ambiguous value for argument|Sweep parameters) '(.*)'", text):
        return _several(masked(several[2].lstrip("+")), several[1].startswith("Amb"), words, arguments)
    if unknown := re.search(r"Could not override '([\w.@/-]+)'", text):
        added = re.search(r"To append to your (?:config|default list) use \+[\w.@/-]+=(.*)", text)
        near = words.hint(unknown[1], added[1] if added else None, _others(arguments, unknown[1])) if words else ""
        return f"{masked(f'{unknown[1]}={added[1]}') if added else unknown[1]}: unknown key{near}"
    if there := re.search(r"An item is already at '([\w.]+)'", text):
        typed = next((argument for argument in arguments if argument.startswith(f"+{there[1]}=")), f"+{there[1]}=…")
        return _without_plus(typed, "set")
    if twice := re.match(r"Multiple values for ([\w/@]+)", text):
        typed_ones = [argument for argument in arguments if argument.lstrip("+").startswith(f"{twice[1]}=")]
        if len(typed_ones) == 1 and typed_ones[0].startswith("+"):
            return _without_plus(typed_ones[0], "chosen")
        return f"{' '.join(typed_ones) or twice[1]}: chosen more than once; leave all but one out"
    if added := re.search(r"force-add of config groups is not supported: '(.*)'", text):
        return _without_plus(added[1], "chosen")
    if gone := re.match(r"Could not delete from config\. '([\w.@/]+)' does not exist", text):
        depth = gone[1].count(".") + 1
        names = {".".join(name.split(".")[:depth]) for name in (words.settings(arguments) if words else ())}
        inside = [name for name in names if name.rpartition(".")[0] == gone[1].rpartition(".")[0]]
        return f"~{gone[1]}: does not exist" + did_you_mean(gone[1], inside, lambda name: f"~{name}")
    return re.sub(r"\s*\n\s*", "; ", text)


def _without_plus(typed: str, done: str) -> str:
    return f"{typed}: is {done} already; without the plus: {in_shell(typed.lstrip('+'))}"


def _no_such_file(missing: str, options: Sequence[str], words: Vocabulary | None, arguments: Sequence[str]) -> str:
    """The message for `data=MNIST` and the like."""
    group, _, name = missing.rpartition("/")
    for argument in arguments:  # a path was typed: its folders look like those of a group
        key, _, value = argument.lstrip("+").partition("=")
        if f"{key}/{value}".removesuffix(".yaml") == missing.removesuffix(".yaml"):
            group, name = key, value
    found = file_meant(words, group, name) if words else []
    if not found:
        own = words.files(group) if words else []
        return f"{group}={name}: no such {group}" + did_you_mean(name, own or options, lambda file: f"{group}={file}")
    if words and group in words.keys and any("[" in a for a in arguments if a.lstrip("+").startswith(f"{group}=")):
        found = [one.partition("=")[2] for one in found]
    return f"{group}={name}: no such {group}; did you mean {' or '.join(found)}?"


def _unreadable(override: str) -> str:
    """The message for a setting that Hydra's parser refuses."""
    key, equals, value = override.partition("=")
    if not equals:
        return f"{key}: is not a setting; write key=value"
    message = f"{override}: cannot be read"
    if bracket := open_bracket(value):
        why = f"the bracket {bracket} is not closed; if it continues after a space, put quotes around it all"
        return f"{message}; {why}, as in 'a.b={{c: 1}}'"
    for candidate in _corrected(value):
        with suppress(HydraException):
            parsed(candidate)
            return f"{message}; write {in_shell(f'{key}={candidate}')}"
    return f"{message}; if it is text, write {in_shell(f'{key}={as_text(value)}')}"


def _corrected(value: str) -> Iterator[str]:
    """Lists and mappings in Hydra's grammar for one in Python's, or a mixture; perhaps none of them can be read."""
    inside = value.strip()
    if inside.startswith("{"):
        yield re.sub(r"\s*(?<!=)=\s*", ": ", inside)
    if re.fullmatch(r"\(.*\)|\{.*\}", inside, re.DOTALL):
        yield f"[{inside[1:-1]}]"
    if re.fullmatch(r"\[.*\]", inside, re.DOTALL):
        yield as_text([entry.strip().strip("'\"") for entry in inside[1:-1].split(",")])


def _several(typed: str, without_m: bool, words: Vocabulary | None, arguments: Sequence[str]) -> str:
    """Values with commas and no `-m`: a sweep, a list, a text with a comma, or a number with a decimal comma."""
    key, _, value = typed.partition("=")
    message = f"{typed}: several values; add -m to run each"
    plain = key.partition("@")[0].lstrip("+~")
    if not without_m or "(" in value:
        return message
    as_list = f", or write {in_shell(f'{key}=[{value}]')} for a list"
    as_one = in_shell(f"{key}={as_text(value)}")
    parameter = words.settings(_others(arguments, key)).get(key) if words else None
    if words and (words.is_group(plain) or (plain in words.keys and parameter is None)):
        return message + (as_list if plain in TAKE_LISTS else "")
    if takes_path(key):
        return f"{message}, or write {as_one} for one path"
    if parameter and parameter.accepts(parsed(f"[{value}]")):
        return message + as_list + (f" or {as_one} for one text" if parameter.accepts(value) else "")
    if parameter and parameter.accepts(value):
        return f"{message}, or write {as_one} for one text"
    if parameter and re.fullmatch(r"-?\d+,\d+", value) and parameter.accepts(0.5):
        return f"{message}; a fraction has a point: {key}={value.replace(',', '.')}"
    return message


def _others(arguments: Sequence[str], key: str) -> list[str]:
    """The settings of a command except a wrong one."""
    return [argument for argument in arguments if argument.lstrip("+").partition("=")[0] != key and "=" in argument]
