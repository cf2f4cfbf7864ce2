"""Messages for words of a command that are not settings: options with dashes, `key value`, names without a key."""

import re
from collections.abc import Sequence
from pathlib import Path

from leyden.config.messages.aliases import LEFT_OUT, SWITCHES
from leyden.config.messages.remedies import file_meant, override_for
from leyden.config.vocabulary import Vocabulary
from leyden.system.errors import UserError
from leyden.system.override_text import in_shell, setting, squeezed
from leyden.system.suggestions import nearest

_OPTION = re.compile(r"--?([A-Za-z][\w.-]*)(?:=(.*))?", re.DOTALL)
_KEY = re.compile(r"[A-Za-z_][\w.-]*")

_TRAIN = ("train", "fit", "run", "start", "main")
_OTHER_COMMANDS = {"test": "eval", "validate": "eval", "eval": "eval", "evaluate": "eval", "predict": "predict"}


def refuse_words(arguments: Sequence[str], words: Vocabulary) -> None:
    """Refuse everything that is not a setting, with the settings that it probably means.

    Args:
        arguments: of the command, without Hydra's own options.
        words: the names that may be used.

    Raises:
        UserError: for the first such word, or for all options at once.
    """
    options = []
    place = 0
    while place < len(arguments):
        word, rest = arguments[place], arguments[place + 1 :]
        place += 1
        if option := _OPTION.fullmatch(word):
            values = _values(rest) if option[2] is None else []
            options.append((" ".join([word, *values]), _for_option(option[1], option[2], values, arguments, words)))
            place += len(values)
        elif "=" not in word and not word.startswith(("~", "-", "+")):
            raise UserError(_for_word(word, rest, arguments, words))
        elif word.startswith("="):
            raise UserError(f"{word}: is not a setting; write key=value")
    for typed, end in options:
        if not end.startswith("; write "):
            raise UserError(f"{typed}: a setting has no dashes{end}")
    if options:
        typed = " ".join(typed for typed, _ in options)
        remedy = " ".join(end.removeprefix("; write ") for _, end in options)
        raise UserError(f"{typed}: a setting has no dashes; write {remedy}")


def _for_option(
    name: str, value: str | None, values: Sequence[str], arguments: Sequence[str], words: Vocabulary
) -> str:
    """The end of the message for an option: what to write, or why there is no such setting."""
    if squeezed(name).endswith("storage"):  # the URL of a database, which may have a password
        return "; write sweep.storage=…"
    name = name.replace("-", "_")
    if name in ("c", "config", "cfg", "conf", "config_file"):
        name = "experiment"
        if not values and value is None:
            return "; leave it out: settings, such as experiment=mnist_mlp, stand by themselves"
    if value is None and not values:
        return _without_value(name, arguments, words)
    return _with_value(name, _joined(value, values), arguments, words)


def _for_word(word: str, rest: Sequence[str], arguments: Sequence[str], words: Vocabulary) -> str:
    """The message for a word without `=`."""
    key, colon, value = word.partition(":")
    if rest and rest[0].startswith("=") and _KEY.fullmatch(word):  # seed = 1
        joined = rest[0].lstrip("=") or next(iter(rest[1:]), "…")
        typed = " ".join([word, rest[0], *([joined] if rest[0] in ("=", "==") else [])])
        return f"{typed}: a setting has no spaces{_with_value(word, joined, arguments, words)}"
    following = _values(rest)
    if colon and _KEY.fullmatch(key) and _is_known(key, words) and (value or following):  # seed: 1
        values = [] if value else following
        end = _with_value(key, _joined(value or None, values), arguments, words)
        return f"{' '.join([word, *values])}: a value follows ={end}"
    if found := _choices(word, words):
        return f"{word}: is not a setting; did you mean {' or '.join(found)}?"
    if _is_known(word, words) and following and _choices(following[0], words) != [following[0]]:  # seed 1
        end = _with_value(word, _joined(None, following), arguments, words)
        return f"{' '.join([word, *following])}: a value follows ={end}"
    command = words.primary.stem
    if word in _OTHER_COMMANDS and _OTHER_COMMANDS[word] != command:
        return f"{word}: is not a setting; did you mean python {_OTHER_COMMANDS[word]}.py run=last?"
    if word not in words.keys and word in (*_TRAIN, command, f"{command}.py"):
        return f"{word}: is not a setting; leave it out"
    if _is_known(word, words):
        return f"{word}: has no value{_without_value(word, arguments, words)}"
    files = {file: group for group in ("optimizer", "model", "data", "experiment") for file in words.files(group)}
    if found := [f"{files[file]}={file}" for file in nearest(word, files)]:
        return f"{word}: is not a setting; did you mean {' or '.join(found)}?"
    return f"{word}: is not a setting; write key=value, or python {command}.py --help for a list"


def _with_value(name: str, text: str, arguments: Sequence[str], words: Vocabulary) -> str:
    """`; write …` with the setting for a name and a value; or why there is no such setting."""
    others = [argument for argument in arguments if "=" in argument and not argument.startswith("-")]
    settings = words.settings(others)
    if name not in settings and squeezed(name) in LEFT_OUT:
        return words.hint(name, text, others)
    if words.is_group(name):
        found = [setting(name, text)] if text in words.files(name) else file_meant(words, name, text)
        return f"; write {found[0]}" if found else _takes_one_of(name, words)
    found = [override_for(words, name, text, settings)] if name in settings else words.instead(name, text, others)
    if not found:
        hint = words.hint(name, text, others)
        return hint if " is for " in hint else _no_such(name, words)
    group = found[0].removesuffix("=…")
    return _takes_one_of(group, words) if group != found[0] and words.is_group(group) else f"; write {found[0]}"


def _without_value(name: str, arguments: Sequence[str], words: Vocabulary) -> str:
    """`; write …` with the setting for a name without a value; or why there is no such setting."""
    off = name.startswith("no_") and name not in ("no_cuda", "no_gpu")
    name, value = name.removeprefix("no_") if off else name, "false" if off else "true"
    if name in ("resume", "run", "ckpt", "checkpoint", "init_from"):
        meant = name if name in words.keys else "resume" if "resume" in words.keys else "run"
        return f"; write {meant}=last"
    if words.is_group(name):
        return f"; write {name}=none" if off and "none" in words.files(name) else _takes_one_of(name, words)
    settings = words.settings(arguments)
    found = words.instead(name, value, arguments)
    parameter = settings.get(found[0].partition("=")[0]) if found else None
    is_switch = SWITCHES.get(squeezed(name)) or name in ("test", "cache_features", "quiet")
    if not found or not (is_switch or (parameter and parameter.accepts(not off))):
        found = words.instead(name, None, arguments)
    return f"; write {found[0]}" if found else _no_such(name, words)


def _takes_one_of(group: str, words: Vocabulary) -> str:
    return f"; {group}=… takes one of {', '.join(words.files(group))}"


def _no_such(name: str, words: Vocabulary) -> str:
    return f", and there is no setting {name}; python {words.primary.stem}.py --help lists them"


def _joined(value: str | None, values: Sequence[str]) -> str:
    """One value as it is, several as a list."""
    if value is not None:
        return value
    return values[0] if len(values) == 1 else f"[{','.join(value.strip(',') for value in values)}]"


def _choices(word: str, words: Vocabulary) -> list[str]:
    """The settings that a name means by itself: a file of a group, a run, a path."""
    if not word:
        return []
    command, path = words.primary.stem, Path(word).expanduser()
    run = "resume" if command == "train" else "run"
    if word == "last":
        return [f"{run}=last"]
    if path.is_dir() and (path / "config.yaml").is_file():
        return [setting(run, word)]
    name = word.removesuffix(".yaml").removeprefix("configs/")
    group, _, file = name.rpartition("/")
    if group and words.is_group(group) and file in words.files(group):
        return [f"{group}={file}"]
    if "input" in words.keys and path.exists():
        return [setting("input", word)]
    if path.suffix == ".ckpt" and path.is_file():
        return [setting("ckpt" if "ckpt" in words.keys else "init_from", word)]
    if command == "train" and path.suffix.lower() in (".csv", ".tsv"):
        return [f"data=csv {in_shell(f'data.path={word}')}"]
    if squeezed(name) in ("default", "none"):
        return []
    groups = [key for key, is_group in words.keys.items() if is_group and key not in ("hydra", "local", "paths")]
    groups.sort(key=lambda key: (key != "experiment", key not in ("data", "model", "optimizer"), key))
    found = [f"{group}={file}" for group in groups for file in words.files(group) if squeezed(file) == squeezed(name)]
    return found[:2]


def _is_known(name: str, words: Vocabulary) -> bool:
    return bool(_KEY.fullmatch(name)) and (name in words.keys or bool(words.instead(name, None)))


def _values(rest: Sequence[str]) -> list[str]:
    """The words up to the next option or setting."""
    values = []
    for word in rest:
        if (word.startswith("-") and not re.match(r"-[\d.]", word)) or re.match(r"[+~]?[\w./@-]+=", word):
            break
        values.append(word)
    return values
