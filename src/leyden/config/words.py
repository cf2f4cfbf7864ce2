"""Words of a command that are no settings: options with dashes, `key value`, names without a key."""

import re
from collections.abc import Sequence
from pathlib import Path

from leyden.config.conversion import as_value, ending, instead, switched
from leyden.config.vocabulary import Vocabulary
from leyden.system.errors import UserError
from leyden.system.override_text import in_shell, setting, squeezed
from leyden.system.suggestions import nearest

# Hydra's own options; those of the second kind take a value.
_HYDRA = re.compile(r"--(?:help|hydra-help|version|resolve|run|multirun|shell-completion|info)|-(?:h|r|m|sc|i)")
_HYDRA_WITH_VALUE = re.compile(
    r"--(?:cfg|package|config-\w+|info|experimental-rerun|shell-completion)|-(?:c|p|cp|cn|cd)"
)
_HYDRA_JOINED = re.compile(
    r"(?:--(?:cfg|package|config-\w+|info|shell-completion)=|-(?:c(?:job|hydra|all)$|cp|cn|cd|p)).*"
)
_OPTION = re.compile(r"--?([A-Za-z][\w.-]*)(?:=(.*))?", re.DOTALL)
_KEY = re.compile(r"[A-Za-z_][\w.-]*")

_OF_THIS = ("train", "fit", "run", "start", "main")
_OTHER = {"test": "eval", "validate": "eval", "eval": "eval", "evaluate": "eval", "predict": "predict"}


def refuse_words(arguments: Sequence[str], words: Vocabulary) -> None:
    """Refuse what is no setting, with the settings that it probably means.

    Raises:
        UserError: for the first such word.
    """
    options = []
    place = 0
    while place < len(arguments):
        word, rest = arguments[place], arguments[place + 1 :]
        place += 1
        if _HYDRA_WITH_VALUE.fullmatch(word) and not (word == "-c" and rest and rest[0] not in ("job", "hydra", "all")):
            place += not (word == "--info" and (not rest or "=" in rest[0] or rest[0].startswith("-")))
            continue
        is_run = word == "--run" and bool(_values(rest)) and "run" in words.keys  # of eval.py, not Hydra's
        is_hydra = not is_run and (_HYDRA.fullmatch(word) or _HYDRA_JOINED.fullmatch(word))
        if option := None if is_hydra else _OPTION.fullmatch(word):
            values = _values(rest) if option[2] is None else []
            options.append((" ".join([word, *values]), *_of_option(option[1], option[2], values, arguments, words)))
            place += len(values)
        elif "=" not in word and not word.startswith(("~", "-", "+")):
            raise UserError(_of_word(word, rest, arguments, words))
        elif word.startswith("="):
            raise UserError(f"{word}: is no setting; write key=value")
    if options and all(written for _, written, _ in options):
        told, write = (" ".join(option[n] for option in options) for n in (0, 1))
        raise UserError(f"{told}: a setting has no dashes; write {write}")
    for told, _, why in options:
        if why:
            raise UserError(f"{told}: a setting has no dashes{why}")


def _of_option(
    name: str, value: str | None, values: Sequence[str], arguments: Sequence[str], words: Vocabulary
) -> tuple[str, str]:
    """The setting for an option, or why there is none."""
    if squeezed(name).endswith("storage"):  # the URL of a database, which may have a password
        return "sweep.storage=…", ""
    name = name.replace("-", "_")
    if name in ("c", "config", "cfg", "conf", "config_file"):
        name = "experiment"
        if not values and value is None:
            return "", "; leave it out: settings, such as experiment=mnist_mlp, stand by themselves"
    if value is None and not values:
        return switched(name, arguments, words)
    return instead(name, as_value(value, values), arguments, words)


def _of_word(word: str, rest: Sequence[str], arguments: Sequence[str], words: Vocabulary) -> str:
    """The message for a word without `=`."""
    key, colon, value = word.partition(":")
    if rest and rest[0].startswith("=") and _KEY.fullmatch(word):  # seed = 1
        joined = rest[0].lstrip("=") or next(iter(rest[1:]), "…")
        told = " ".join([word, rest[0], *([joined] if rest[0].lstrip("=") == "" else [])])
        return f"{told}: a setting has no spaces{ending(instead(word, joined, arguments, words))}"
    if colon and _KEY.fullmatch(key) and (_is_known(key, words)) and (value or _values(rest)):
        values = [] if value else _values(rest)
        told = " ".join([word, *values])
        return f"{told}: a value follows ={ending(instead(key, as_value(value or None, values), arguments, words))}"
    if found := _chosen(word, words):
        return f"{word}: is no setting; did you mean {' or '.join(found)}?"
    if _is_known(word, words) and (values := _values(rest)) and _chosen(values[0], words) != [values[0]]:
        told = " ".join([word, *values])
        return f"{told}: a value follows ={ending(instead(word, as_value(None, values), arguments, words))}"
    door = words.primary.stem
    if word in _OTHER and _OTHER[word] != door:
        return f"{word}: is no setting; did you mean python {_OTHER[word]}.py run=last?"
    if word not in words.keys and word in (*_OF_THIS, door, f"{door}.py"):
        return f"{word}: is no setting; leave it out"
    if _is_known(word, words):
        return f"{word}: has no value{ending(switched(word, arguments, words))}"
    if found := _near(word, words):
        return f"{word}: is no setting; did you mean {' or '.join(found)}?"
    return f"{word}: is no setting; write key=value, or python {door}.py --help for a list"


def _chosen(word: str, words: Vocabulary) -> list[str]:
    """The settings that a name means by itself: that of a file of a group, or a path."""
    if not word:
        return []
    door, path = words.primary.stem, Path(word).expanduser()
    run = "resume" if "resume" in words.keys and door == "train" else "run"
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
    if door == "train" and path.suffix.lower() in (".csv", ".tsv"):
        return [f"data=csv {in_shell(f'data.path={word}')}"]
    if squeezed(name) in ("default", "none"):
        return []
    groups = [key for key, is_group in words.keys.items() if is_group and key not in ("hydra", "local", "paths")]
    groups.sort(key=lambda key: (key != "experiment", key not in ("data", "model", "optimizer"), key))
    return [f"{group}={file}" for group in groups for file in words.files(group) if squeezed(file) == squeezed(name)][
        :2
    ]


def _near(word: str, words: Vocabulary) -> list[str]:
    files = {file: group for group in ("optimizer", "model", "data", "experiment") for file in words.files(group)}
    return [f"{files[file]}={file}" for file in nearest(word, files)]


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
