"""Overrides as they are typed on the command line: refused if malformed, prepared for Hydra, masked for the record."""

import re
from collections.abc import Iterable, Sequence

from leyden.config.mappings import quoted_mapping
from leyden.config.messages.malformed_values import not_a_file, stray_space
from leyden.config.messages.missing_equals import refuse_words
from leyden.config.vocabulary import Vocabulary
from leyden.system.errors import UserError
from leyden.system.override_text import in_shell, quoted_path

_VALUE = re.compile(r"(?!hydra\.)[A-Za-z_]\w*(\.[\w-]+)+=")

_PASSWORD = re.compile(r"(://[^\s:/]*:)\S*@")
_IN_QUERY = re.compile(r"([?&;]\w*(?:password|passwd|passphrase|pwd|secret|token)=)[^&\s]*?(?=['\"]*(?:[&\s]|$))", re.I)
_STORAGE = re.compile(r"([-+~]*sweep\.storage(?:@[^=]*)?)=(.*)", re.DOTALL)
_NO_SECRET = re.compile(r"null|\$\{oc\.env:\w+\}|sqlite:///[^?@]*")  # values of a storage that are shown as they are


def allow_new_values(arguments: Sequence[str], words: Vocabulary | None = None) -> list[str]:
    """Write `optimizer.weight_decay=0.1` as Hydra's `++optimizer.weight_decay=0.1`: set it, whether the YAML has it.

    The YAML files restate no library default, so that most settings of an optimizer or of the Trainer are not in them.
    Unknown names are refused later, by the signature of what is built (`leyden.config.validation`). Paths are quoted
    for Hydra, and `~/` is expanded.

    Args:
        arguments: as they were typed, or recorded.
        words: the names that may be used; None for arguments that were accepted before.

    Raises:
        UserError: a setting is typed as an option, `--key=value`, or without a key, or is split by a space, or is not
            the name of a file where one is chosen.
    """
    arguments = [quoted_mapping(quoted_path(argument)) for argument in arguments]  # a path may end in a comma
    if words:
        if split := stray_space(arguments):
            setting, why, whole = split
            raise UserError(f"{masked(setting)}: {why}: {in_shell(masked(whole))}")
        for argument in arguments:
            if refused := not_a_file(argument, words):
                raise UserError(refused)
        refuse_words([masked(argument) for argument in arguments], words)
    return [f"++{argument}" if _VALUE.match(argument) else argument for argument in arguments]


def as_typed(overrides: Iterable[str]) -> list[str]:
    """Overrides without `++` and without secrets."""
    return [masked(override.lstrip("+")) for override in overrides]


def masked(override: str) -> str:
    """An override without a password; the URL of a database, which may hold one anywhere, is masked as a whole."""
    if is_secret(override):
        return f"{override.partition('=')[0]}=***"
    return without_password(override)


def is_secret(override: str) -> bool:
    """True if an override sets the URL of a database that may have a password."""
    match = _STORAGE.fullmatch(override)
    return match is not None and not _NO_SECRET.fullmatch(match[2].strip("'\" "))


def without_password(text: str) -> str:
    """A text in which no URL has a password."""
    return _IN_QUERY.sub(r"\1***", _PASSWORD.sub(r"\1***@", text))
