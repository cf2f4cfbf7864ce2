"""Errors of Hydra, OmegaConf and the YAML parser in one line, with the remedy for what was typed."""

import re
from collections.abc import Sequence

from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from omegaconf.errors import OmegaConfBaseException
from yaml import MarkedYAMLError

from leyden.config.names import TAKE_LISTS
from leyden.config.overrides import masked, without_password
from leyden.config.remedies import file_meant
from leyden.config.slips import not_closed
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
        return _not_read(masked(error.override.lstrip("+")))
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
        return f"{typed}: is set already; without the plus: {in_shell(typed.lstrip('+'))}"
    if twice := re.match(r"Multiple values for ([\w/@]+)", text):
        given = [argument for argument in arguments if argument.lstrip("+").startswith(f"{twice[1]}=")]
        if len(given) == 1 and given[0].startswith("+"):
            return f"{given[0]}: is chosen already; without the plus: {in_shell(given[0].lstrip('+'))}"
        return f"{' '.join(given) or twice[1]}: chosen more than once; leave all but one out"
    if added := re.search(r"force-add of config groups is not supported: '(\+\+)(.*)'", text):
        return f"{added[1]}{added[2]}: is chosen already; without the plus: {in_shell(added[2])}"
    if gone := re.match(r"Could not delete from config\. '([\w.@/]+)' does not exist", text):
        depth = gone[1].count(".") + 1
        names = {".".join(name.split(".")[:depth]) for name in (words.settings(arguments) if words else ())}
        inside = [name for name in names if name.rpartition(".")[0] == gone[1].rpartition(".")[0]]
        return f"~{gone[1]}: there is none" + did_you_mean(gone[1], inside, lambda name: f"~{name}")
    return re.sub(r"\s*\n\s*", "; ", text)


def _no_such_file(missing: str, options: Sequence[str], words: Vocabulary | None, arguments: Sequence[str]) -> str:
    """`data=MNIST` and the like."""
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


def _not_read(override: str) -> str:
    """A setting that Hydra's parser refuses."""
    key, equals, value = override.partition("=")
    if not equals:
        return f"{key}: is no setting; write key=value"
    if bracket := not_closed(value):
        why = f"the bracket {bracket} is not closed; if it continues after a space, put quotes around it all"
        return f"{key}={value}: cannot be read; {why}, as in 'a.b={{c: 1}}'"
    if mended := _mended(value):
        return f"{key}={value}: cannot be read; write {in_shell(f'{key}={mended}')}"
    return f"{key}={value}: cannot be read; if it is text, write {in_shell(f'{key}={as_text(value)}')}"


def _mended(value: str) -> str | None:
    """A list or a mapping in Hydra's grammar, from Python's or a mixture."""
    inside = value.strip()
    pairs = [("(", ")", "[{}]"), ("{", "}", "[{}]")]
    candidates = [form.format(inside[1:-1]) for a, b, form in pairs if inside.startswith(a) and inside.endswith(b)]
    if inside.startswith("{"):
        candidates.insert(0, re.sub(r"\s*(?<!=)=\s*", ": ", inside))
    if inside.startswith("["):
        entries = [entry.strip() for entry in inside[1:-1].split(",")] if inside.endswith("]") else []
        candidates.append(as_text([entry.strip("'\"") for entry in entries]))
    for candidate in candidates:
        try:
            parsed(candidate)
        except HydraException:
            continue
        return candidate
    return None


def _several(typed: str, without_m: bool, words: Vocabulary | None, arguments: Sequence[str]) -> str:
    """Values with commas and no `-m`: a sweep, a list, a text with a comma, or a number with a decimal comma."""
    key, _, value = typed.partition("=")
    told = f"{typed}: several values; add -m to run each"
    plain = key.partition("@")[0].lstrip("+~")
    if not without_m or "(" in value:
        return told
    parameter = words.settings(_others(arguments, key)).get(key) if words else None
    if words and (words.is_group(plain) or (plain in words.keys and parameter is None)):
        listed = plain in TAKE_LISTS
        return told + (f", or write {in_shell(f'{key}=[{value}]')} for a list" if listed else "")
    if takes_path(key):
        return f"{told}, or write {in_shell(f'{key}={as_text(value)}')} for one path"
    accepted = [parsed(f"[{value}]"), value] if parameter else []
    if parameter and parameter.accepts(accepted[0]):
        text = f" or {in_shell(f'{key}={as_text(value)}')} for one text" if parameter.accepts(value) else ""
        return f"{told}, or write {in_shell(f'{key}=[{value}]')} for a list{text}"
    if parameter and parameter.accepts(value):
        return f"{told}, or write {in_shell(f'{key}={as_text(value)}')} for one text"
    if parameter and re.fullmatch(r"-?\d+,\d+", value) and parameter.accepts(0.5):
        return f"{told}; a fraction has a point: {key}={value.replace(',', '.')}"
    return told


def _others(arguments: Sequence[str], key: str) -> list[str]:
    """The settings of a command but one, which is wrong."""
    return [argument for argument in arguments if argument.lstrip("+").partition("=")[0] != key and "=" in argument]
