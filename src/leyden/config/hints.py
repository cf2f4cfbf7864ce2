"""Remedies for settings that do not hold, made of what was typed."""

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from typing import Any

from leyden.config.aliases import VALUES
from leyden.config.fitting import fitting
from leyden.config.input_checks import misfit
from leyden.config.sections import INJECTED_ARGS, settable
from leyden.config.signature import Parameter, signature_of
from leyden.config.vocabulary import Vocabulary
from leyden.system.errors import UserError
from leyden.system.override_text import as_text, in_shell, parsed, setting, squeezed
from leyden.system.suggestions import did_you_mean, nearest

PATHS = ("data_dir", "log_dir", "run_dir")


class Hints:
    """Messages for the settings of a config.

    Args:
        words: the names that may be used; None where they are not known.
        typed: the overrides that the config was made of.
        config: in which a setting does not hold.
    """

    def __init__(
        self, words: Vocabulary | None = None, typed: Sequence[str] = (), config: Mapping[str, Any] | None = None
    ) -> None:
        self.words, self.typed, self.config = words, typed, config or {}

    @cached_property
    def _texts(self) -> dict[str, str]:
        """The value of each override, as it was typed."""
        pairs = (override.lstrip("+").partition("=") for override in self.typed)
        return {key: value for key, _, value in pairs}

    def was_typed(self, key: str) -> bool:
        """Whether a setting, or one below it, comes from the command and not from a file."""
        return any(name == key or name.startswith(f"{key}.") for name in self._texts)

    def unknown(self, key: str, value: Any, known: Mapping[str, Any] | None = None) -> str:
        """The message for a name that there is not.

        Args:
            key: its dotted name.
            value: what it was set to.
            known: the settings of its section, where there is no vocabulary.
        """
        while isinstance(value, Mapping) and len(value) == 1 and not key.endswith(tuple(value)):
            inner = next(iter(value))  # datamodule.batch_size=3 is {datamodule: {batch_size: 3}}
            key, value = f"{key}.{inner}", value[inner]
        text = self._texts.get(key, as_text(value))
        told = f"{key}={text}" if self.was_typed(key) else key
        if self.words is None:
            return f"{told}: unknown key{did_you_mean(key, known or ())}"
        if key.rpartition(".")[2] in INJECTED_ARGS.get(key.partition(".")[0], ()) and key.partition(".")[0] in (
            "model",
            "task",
        ):
            return f"{told}: comes from the data and the other settings; leave it out"
        settings = self.words.settings(self.typed) | settable(self.config) | dict(known or {})
        settings = {name: parameter for name, parameter in settings.items() if not _is_below(name, key)}
        others = [override for override in self.typed if override.lstrip("+").partition("=")[0] != key]
        hint = self.words.hint(key, text, others, settings)
        if found := re.fullmatch(r"; did you mean ('?)(model\.\w+)=(\S+)\1\?", hint):
            hint = f"{hint[:-1]}{self._companion(found[2], found[3])}?"
        return f"{told}: unknown key{hint}"

    def not_chosen(self, group: str, name: str, value: Any) -> str:
        """The message for an entry of callbacks or logger that no chosen file states."""
        key = f"{group}.{name}"
        typed = next(
            (override for override in self.typed if _is_below(override.lstrip("+").partition("=")[0], key)), key
        )
        told = typed.lstrip("+")
        if self.words:
            setting_key, _, text = told.partition("=")
            if text.lower() in ("true", "false", "none") and name in self.words.files(group):
                chosen = name if text.lower() == "true" else "default"
                return f"{told}: is not one that was chosen; did you mean {group}={chosen}?"
            settings = {s: p for s, p in self.words.settings(self.typed).items() if not _is_below(s, key)}
            others = [override for override in self.typed if override.lstrip("+") != told]
            if found := self.words.instead(setting_key, text or None, others, settings):
                return f"{told}: is not one that was chosen; did you mean {' or '.join(found)}?"
            files = ", ".join(self.words.files(group))
            return f"{told}: is not one that was chosen; first {group}=… ({files}), or give {key}._target_"
        return f"{told}: is not one that was chosen; first {group}=…, or give {key}._target_"

    def choose(self, group: str) -> str:
        """How a file of a group is chosen."""
        return f"as in {group}=…" + (f", of {', '.join(self.words.files(group))}" if self.words else "")

    def wrong_type(self, key: str, value: Any, parameter: Parameter) -> str:
        """The message for a value that a setting does not take."""
        text = self._texts.get(key)
        told = f"{key}={as_text(value) if text is None else text}: must be {parameter.meaning}"
        meant = VALUES.get((key.rpartition(".")[2], squeezed(value)))
        if meant and parameter.accepts(meant):
            return f"{told}; write {setting(key, meant)}"
        with suppress(LookupError):
            meant = fitting(parameter, value, text)
            return f"{told}; write {setting(key, meant)}{self._companion(key, as_text(meant))}"
        if isinstance(value, str) and (near := nearest(value, map(str, parameter.choices))):
            return f"{told}; did you mean {' or '.join(setting(key, name) for name in near)}?"
        if isinstance(value, list) and value and all(map(parameter.accepts, value)):
            return f"{told}; to run each: -m {in_shell(f'{key}={as_text(value)[1:-1]}')}"
        return told

    def _companion(self, key: str, text: str) -> str:
        """The setting without which a remedy for the model does not fit, such as the dropout of as many layers."""
        data, model = self.config.get("data"), self.config.get("model")
        if not key.startswith("model.") or not isinstance(data, Mapping) or not isinstance(model, Mapping):
            return ""
        signature = signature_of(str(data.get("_target_")))
        shape = signature.constants.get("INPUT_SHAPE") if signature else None
        changed = {**model, key.removeprefix("model."): parsed(text)}
        why = misfit(str(model.get("_target_")), shape, changed) if shape else None
        needed = re.search(r"; write (\S+)$", why or "")
        return f" {needed[1]}" if needed else ""

    def check_paths(self) -> None:
        """Refuse a path that was typed, and that nothing takes.

        Raises:
            UserError: there is one.
        """
        for key, text in self._texts.items():
            section, _, name = key.partition(".")
            if section != "paths" or name in PATHS or self.words is None:
                continue
            if key not in self.words.settings(self.typed):
                known = [f"paths.{path}" for path in PATHS]
                settings = self.words.settings(self.typed) | dict.fromkeys(known)
                raise UserError(f"{key}={text}: unknown key{self.words.hint(key, text, (), settings)}")


def _is_below(name: str, key: str) -> bool:
    return name == key or name.startswith(f"{key}.")
