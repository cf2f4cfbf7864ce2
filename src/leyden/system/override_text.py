"""Text of settings as typed in a shell, for remedies that work when they are copied."""

import json
import os
import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException

# Settings that take a path.
_PATH = re.compile(
    r"([+]*(?:run|resume|init_from|input|output|ckpt|data\.(?:path|val_path|test_path|root)|paths\.\w+|model\.weights"
    r"|(?:callbacks|logger)\.\w+\.(?:dirpath|save_dir|filename)))=(.*)",
    re.DOTALL,
)
_PLAIN = re.compile(r"[\w/.+:\\-]*", re.ASCII)  # needs no quotes for Hydra


def with_home(path: str) -> str:
    """A path with `~/` or `~user/` expanded; anything else unchanged."""
    return os.path.expanduser(path)  # noqa: PTH111  (Path.expanduser raises for an unknown user)


def homes_expanded(value: Any) -> Any:
    """A config with `~/` expanded in every text."""
    if isinstance(value, dict):
        return {key: homes_expanded(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [homes_expanded(inner) for inner in value]
    return with_home(value) if isinstance(value, str) and value.startswith("~") and "/" in value else value


def quoted_path(argument: str) -> str:
    """A setting that takes a path, with the path in quotes if Hydra would split it.

    Commas separate the paths of a sweep, unless there is a file of the whole name.
    """
    match = _PATH.fullmatch(argument)
    if match is None or match[2][:1] in ("'", '"') or "${" in match[2]:
        return argument
    if "," in match[2] and not Path(with_home(match[2])).exists():
        parts = match[2].split(",")
        homes = [with_home(part) for part in parts]
        return argument if parts == homes else f"{match[1]}={','.join(map(_path_text, homes))}"
    return f"{match[1]}={_path_text(with_home(match[2]))}"


def takes_path(key: str) -> bool:
    """True if a setting takes a path."""
    return _PATH.fullmatch(f"{key}=") is not None


def as_text(value: Any) -> str:
    """A value in Hydra's grammar, so that Hydra reads the same value again."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return f"[{','.join(map(as_text, value))}]"
    if isinstance(value, Mapping):
        return f"{{{','.join(f'{_key_text(key)}: {as_text(inner)}' for key, inner in value.items())}}}"
    if not isinstance(value, str):
        return str(value)
    return value if "${" in value or read_as(value) == value else quoted(value)


def parsed(text: str) -> Any:
    """The value that Hydra reads from a text.

    Raises:
        HydraException: it cannot be read.
    """
    return OverridesParser.create().parse_override(f"k={text}").value()


def setting(key: str, value: Any) -> str:
    """`key=value` for a shell, with the quotes that Hydra and the shell need."""
    return in_shell(f"{key}={as_text(value)}")


def in_shell(word: str) -> str:
    """A word of a command, in quotes if a shell would change it."""
    if re.fullmatch(r"[\w./@%+=:,-][\w./@%+=:,~-]*", word, re.ASCII):
        return word
    if "'" in word and not re.search(r'[!"$`\\]', word):
        return f'"{word}"'
    return shlex.quote(word)


def continued(command: str, width: int) -> str:
    """A command on several lines that a shell joins, none of them wider than `width` unless a word is."""
    words = re.findall(r"""(?:[^\s'"\\]|\\.|'[^']*'|"(?:[^"\\]|\\.)*")+""", command)
    lines = [""]
    for word in words:
        longer = f"{lines[-1]} {word}" if lines[-1].strip() else f"{lines[-1]}{word}"
        if len(longer) + 2 <= width or not lines[-1].strip():
            lines[-1] = longer
        else:
            lines.append(f"    {word}")
    return " \\\n".join(lines)


def squeezed(word: object) -> str:
    """A name without case, dashes, dots, slashes, blanks and underscores: `fashion-MNIST` is fashion_mnist."""
    return re.sub(r"[\s_./-]", "", str(word)).lower()


def read_as(text: str) -> Any:
    """The value that Hydra reads from a text in a list; None if it cannot be read."""
    try:
        value = parsed(f"[{text}]") if text else None
    except HydraException:
        return None
    return value[0] if isinstance(value, list) and value else None


def quoted(text: str) -> str:
    """A text in quotes, so that Hydra takes it as it is."""
    sign = "'" if '"' in text and "'" not in text else '"'
    return sign + re.sub(rf"(\\+)(?={sign}|$)", r"\1\1", text).replace(sign, "\\" + sign) + sign


def _key_text(key: Any) -> str:
    """The key of a mapping: unchanged if Hydra reads it so, else in quotes, which `leyden.config.mappings` reads."""
    if not isinstance(key, str):
        return as_text(key)
    try:
        (read,) = parsed(f"{{{key}: 1}}")
    except (HydraException, ValueError, TypeError):
        read = None
    is_plain = type(read) in (str, int) and str(read) == key and "${" not in key
    return key if is_plain else json.dumps(key, ensure_ascii=False)


def _path_text(path: str) -> str:
    if _PLAIN.fullmatch(path) and (read_as(path) in (path, None)):  # a file may have a number as its name
        return path
    escaped = re.sub(r"(\\+)(?='|$)", r"\1\1", path).replace("'", "\\'")
    return f"'{escaped}'"
