"""Names and values that were typed without `=`, as settings."""

from collections.abc import Sequence

from leyden.config.aliases import LEFT_OUT, SWITCHES
from leyden.config.remedies import file_meant, written
from leyden.config.vocabulary import Vocabulary
from leyden.system.override_text import setting, squeezed


def ending(remedy: tuple[str, str]) -> str:
    """The end of a message: what to write, or why there is nothing."""
    written, why = remedy
    return f"; write {written}" if written else why


def instead(name: str, text: str, arguments: Sequence[str], words: Vocabulary) -> tuple[str, str]:
    """The setting for a name and a value that were typed without `=`; or why there is none."""
    others = [argument for argument in arguments if "=" in argument and not argument.startswith("-")]
    settings = words.settings(others)
    if name not in settings and squeezed(name) in LEFT_OUT:
        return "", words.hint(name, text, others)
    if words.is_group(name):
        if text in words.files(name):
            return setting(name, text), ""
        found = file_meant(words, name, text)
        return ("", f"; {name}=… takes one of {', '.join(words.files(name))}") if not found else (found[0], "")
    found = [written(words, name, text, settings)] if name in settings else words.instead(name, text, others)
    if not found:
        hint = words.hint(name, text, others)
        if " is for " in hint:
            return "", hint
        return "", f", and there is no setting {name}; python {words.primary.stem}.py --help lists them"
    group = found[0].removesuffix("=…")
    if group != found[0] and words.is_group(group):
        return "", f"; {group}=… takes one of {', '.join(words.files(group))}"
    return found[0], ""


def switched(name: str, arguments: Sequence[str], words: Vocabulary) -> tuple[str, str]:
    """The setting for a name without a value; or why there is none."""
    off = name.startswith("no_") and name not in ("no_cuda", "no_gpu")
    name, value = name.removeprefix("no_") if off else name, "false" if off else "true"
    if name in ("resume", "run", "ckpt", "checkpoint", "init_from"):
        meant = name if name in words.keys else "resume" if "resume" in words.keys else "run"
        return f"{meant}=last", ""
    if words.is_group(name):
        if off and "none" in words.files(name):
            return f"{name}=none", ""
        return "", f"; {name}=… takes one of {', '.join(words.files(name))}"
    settings = words.settings(arguments)
    found = words.instead(name, value, arguments)
    if found and (SWITCHES.get(squeezed(name)) or name in ("test", "cache_features")):
        return found[0], ""
    parameter = settings.get(found[0].partition("=")[0]) if found else None
    if parameter and parameter.accepts(not off):
        return found[0], ""
    if blank := words.instead(name, None, arguments):
        return "", f"; write {blank[0]}"
    return "", f", and there is no setting {name}; python {words.primary.stem}.py --help lists them"


def as_value(value: str | None, values: Sequence[str]) -> str:
    if value is not None:
        return value
    return values[0] if len(values) == 1 else f"[{','.join(value.strip(',') for value in values)}]"
