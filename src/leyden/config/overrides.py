"""What is typed on the command line, and what was wrong with it."""

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from hydra.errors import MissingConfigException, OverrideParseException
from omegaconf.errors import OmegaConfBaseException
from yaml import MarkedYAMLError

from leyden.config.slips import TAKE_LISTS, in_shell, list_for_one, not_closed, stray_space
from leyden.errors import UserError

NO_NAME_FOR_A_GROUP = "Config group override must be a string"  # Hydra's plain ValueError for callbacks=null

_VALUE = re.compile(r"(?!hydra\.)[A-Za-z_]\w*(\.[\w-]+)+=")

# Settings that take a path, and what Hydra takes as it is; a sweep's runs have names such as `lr=0.1,seed=2`.
_PATH = re.compile(r"(run|resume|init_from|input|output|ckpt)=(.*)")
_PLAIN = re.compile(r"[\w/.+:\\-]*", re.ASCII)

_ALIASES = {
    "checkpoint": "ckpt",
    "weights": "init_from",
    "run": "resume",
    "hparams_search": "sweep",
    "joblib": "parallel",
    "submitit_slurm": "slurm",
    "epochs": "trainer.max_epochs",
    "max_epochs": "trainer.max_epochs",
    "devices": "trainer.devices",
    "precision": "trainer.precision",
    "lr": "optimizer.lr",
    "learning_rate": "optimizer.lr",
    "weight_decay": "optimizer.weight_decay",
    "batch_size": "data.batch_size",
    "num_workers": "data.num_workers",
    "dropout": "model.dropout",
    "n_trials": "sweep.n_trials",
}  # what a setting might be called
_FLAGS = re.compile(
    r"--(help|hydra-help|version|cfg|resolve|package|run|multirun|shell-completion|config-\w+|info|experimental-rerun)"
)
_PASSWORD = re.compile(r"(://[^\s:/]*:)\S*@")
_IN_QUERY = re.compile(r"([?&;]\w*(?:password|passwd|passphrase|pwd|secret|token)=)[^&\s]*?(?=['\"]*(?:[&\s]|$))", re.I)
_STORAGE = re.compile(r"([-+~]*sweep\.storage(?:@[^=]*)?)=(.*)", re.DOTALL)
_NO_SECRET = re.compile(r"null|\$\{oc\.env:\w+\}|sqlite:///[^?@]*")  # what a storage may be, to be told as it is
_OPTION = re.compile(r"--(?!(cfg|package|config-\w+|info|shell-completion)=)[\w.]+=")


def allow_new_values(arguments: Sequence[str]) -> list[str]:
    """Write `optimizer.weight_decay=0.1` as Hydra's `++optimizer.weight_decay=0.1`: set it, stated in the YAML or not.

    The YAML files restate no library default, so most settings of an optimizer or of the Trainer do not stand in them.
    That the name is a real one is checked against the signature of what is built (`leyden.config`). `-m` may stand
    anywhere; argparse would take what comes behind it for something else.

    Raises:
        UserError: a setting is typed as an option, `--key=value`, or is taken apart by a space, or is a list of files
            where one is chosen.
    """
    for argument in arguments:
        if _OPTION.match(argument):
            told = masked(argument)
            raise UserError(f"{told}: a setting has no dashes; write {told.lstrip('-')}")
        if argument.startswith("--") and "=" not in argument and not _FLAGS.fullmatch(argument):
            raise UserError(f"{argument}: a setting has no dashes; write {argument.lstrip('-')}=…")
        if refused := list_for_one(argument):
            raise UserError(refused)
    if slip := stray_space([_quoted(argument) for argument in arguments]):  # a path may end in a comma
        setting, why, whole = slip
        raise UserError(f"{masked(setting)}: {why}: {in_shell(masked(whole))}")
    arguments = sorted(arguments, key=lambda argument: argument not in ("-m", "--multirun"))  # stable
    return [f"++{argument}" if _VALUE.match(argument) else _quoted(argument) for argument in arguments]


def _quoted(argument: str) -> str:
    """A path in quotes where Hydra would take it apart; several, with commas between, are those of a sweep."""
    match = _PATH.fullmatch(argument)
    if match is None or _PLAIN.fullmatch(match[2]) or match[2][0] in "'\"":
        return argument
    if "," in match[2] and not Path(match[2]).expanduser().exists():
        return argument
    escaped = re.sub(r"(\\+)(?='|$)", r"\1\1", match[2]).replace("'", "\\'")
    return f"{match[1]}='{escaped}'"


def as_typed(overrides: Iterable[str]) -> list[str]:
    """Take the `++` off again, and what nobody is to read."""
    return [masked(override.lstrip("+")) for override in overrides]


def masked(override: str) -> str:
    """An override without a password; the URL of a database, where one may be in many places, is left out whole."""
    if is_secret(override):
        return f"{override.partition('=')[0]}=***"
    return without_password(override)


def is_secret(override: str) -> bool:
    """Whether an override sets the URL of a database that may have a password."""
    match = _STORAGE.fullmatch(override)
    return match is not None and not _NO_SECRET.fullmatch(match[2].strip("'\" "))


def without_password(text: str) -> str:
    """A text in which no URL has a password."""
    return _IN_QUERY.sub(r"\1***", _PASSWORD.sub(r"\1***@", text))


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`; did you mean x?` for the nearest known words, or the list of all where none is near."""
    known = sorted(known)
    if _ALIASES.get(word, "").partition(".")[0] in known:
        return f"; did you mean {_ALIASES[word]}?"
    short = "".join(part[0] for part in word.rpartition(".")[2].split("_") if part)  # learning_rate is lr
    initials = [name for name in known if name.rpartition(".")[2] == short]
    near = initials or difflib.get_close_matches(word, known, n=2, cutoff=0.6)
    if near:
        return f"; did you mean {' or '.join(near)}?"
    return f"; there are: {', '.join(known)}" if known else ""


def explain(error: BaseException, known: Iterable[str] = ()) -> str:
    """An error in one line, without passwords and the hints that Hydra and OmegaConf add on further lines.

    Args:
        error: ours, Hydra's, OmegaConf's or the YAML parser's.
        known: the names that a misspelt top-level key may have meant; in a mapping, whether each is a group.
    """
    return without_password(_explained(error, known))


def _explained(error: BaseException, known: Iterable[str]) -> str:
    text = str(error).strip() or str(error.__cause__ or type(error).__name__)
    if isinstance(error, MissingConfigException) and error.missing_cfg_file:
        group, _, name = error.missing_cfg_file.rpartition("/")
        return f"{group}={name}: no such {group}" + did_you_mean(name, error.options or [])
    if isinstance(error, MarkedYAMLError) and error.problem_mark:
        return f"{error.problem_mark.name}, line {error.problem_mark.line + 1}: {error.problem}"
    if text.startswith(NO_NAME_FOR_A_GROUP):
        return "a group was set to null or a number; it takes the name of a file, such as none in callbacks=none"
    if isinstance(error, OverrideParseException):
        key, equals, value = masked(error.override.lstrip("+")).partition("=")
        if not equals:
            return f"{key}: is no setting; write key=value"
        if bracket := not_closed(value):
            why = f"the bracket {bracket} is not closed; if it goes on behind a space, put quotes around it all"
            return f"{key}={value}: cannot be read; {why}, as in 'a.b={{c: 1}}'"
        if "{" in value or "[" in value:
            return f"{key}={value}: cannot be read; in a shell, put quotes around it all, as in 'a.b={{c: 1}}'"
        return f"{key}={value}: cannot be read; if it is text, put it in quotes within quotes: '{key}=\"{value}\"'"
    if isinstance(error, OmegaConfBaseException):
        place = re.search(r"full_key: (\S+)", text)
        return f"{place[1]}: {text.splitlines()[0]}" if place else text.splitlines()[0]
    if several := re.match(r"(Ambiguous value for argument|Sweep parameters) '(.*)'", text):
        typed = masked(several[2].lstrip("+"))
        a_list = f", or write '{typed.replace('=', '=[', 1)}]' for a list"
        no_list = not several[1].startswith("Amb") or _is_of_one(typed.partition("=")[0], known)
        return f"{typed}: several values; add -m to run each{'' if no_list else a_list}"
    unknown = re.search(r"Could not override '([\w.@/]+)'", text)
    if unknown:
        return f"{unknown[1]}: unknown key" + did_you_mean(unknown[1], () if "." in unknown[1] else known)
    return re.sub(r"\s*\n\s*", "; ", text)


def _is_of_one(key: str, known: Iterable[str]) -> bool:
    """Whether a key is a group that takes no list."""
    group = key.partition("@")[0].lstrip("+~")
    is_group = "/" in group or (isinstance(known, Mapping) and bool(known.get(group)))
    return is_group and group not in TAKE_LISTS
