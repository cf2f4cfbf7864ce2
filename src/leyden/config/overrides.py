"""What is typed on the command line, and what was wrong with it."""

import re
from collections.abc import Iterable, Sequence

from leyden.config.mappings import quoted_mapping
from leyden.config.slips import list_for_one, no_file, stray_space
from leyden.config.vocabulary import Vocabulary
from leyden.config.words import refuse_words
from leyden.system.errors import UserError
from leyden.system.override_text import in_shell, quoted_path

_VALUE = re.compile(r"(?!hydra\.)[A-Za-z_]\w*(\.[\w-]+)+=")

_PASSWORD = re.compile(r"(://[^\s:/]*:)\S*@")
_IN_QUERY = re.compile(r"([?&;]\w*(?:password|passwd|passphrase|pwd|secret|token)=)[^&\s]*?(?=['\"]*(?:[&\s]|$))", re.I)
_STORAGE = re.compile(r"([-+~]*sweep\.storage(?:@[^=]*)?)=(.*)", re.DOTALL)
_NO_SECRET = re.compile(r"null|\$\{oc\.env:\w+\}|sqlite:///[^?@]*")  # what a storage may be, to be told as it is


def allow_new_values(arguments: Sequence[str], words: Vocabulary | None = None) -> list[str]:
    """Write `optimizer.weight_decay=0.1` as Hydra's `++optimizer.weight_decay=0.1`: set it, stated in the YAML or not.

    The YAML files restate no library default, so most settings of an optimizer or of the Trainer do not stand in them.
    That the name is a real one is checked against the signature of what is built (`leyden.config`). `-m` may stand
    anywhere; argparse would take what comes behind it for something else. Paths are put in quotes for Hydra, and begin
    at the root where they begin with `~/`.

    Args:
        arguments: as they were typed, or recorded.
        words: the names that may be used; None for arguments that were accepted before.

    Raises:
        UserError: a setting is typed as an option, `--key=value`, or without a key, or is taken apart by a space, or is
            a list of files where one is chosen.
    """
    for argument in arguments:
        if refused := list_for_one(argument, words.files if words else None):
            raise UserError(refused)
    arguments = [quoted_mapping(quoted_path(argument)) for argument in arguments]  # a path may end in a comma
    if slip := stray_space(arguments):
        setting, why, whole = slip
        raise UserError(f"{masked(setting)}: {why}: {in_shell(masked(whole))}")
    if words:
        refuse_words([masked(argument) for argument in arguments], words)
        if refused := no_file(arguments, words):
            raise UserError(refused)
    arguments = sorted(arguments, key=lambda argument: argument not in ("-m", "--multirun"))  # stable
    return [f"++{argument}" if _VALUE.match(argument) else argument for argument in arguments]


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
