"""Messages for settings of a config with an unknown name or a wrong type, with a remedy from what was typed.

Hydra refuses some unknown names itself, before there is a config: `leyden.config.messages.hydra_errors`.
"""

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from typing import Any

from leyden.config.input_checks import misfit, stated_shape
from leyden.config.messages.aliases import VALUES
from leyden.config.messages.remedies import fitting
from leyden.config.sections import INJECTED_ARGS, settable
from leyden.config.signature import Parameter
from leyden.config.vocabulary import Vocabulary
from leyden.system.errors import UserError
from leyden.system.override_text import as_text, in_shell, parsed, setting, squeezed
from leyden.system.suggestions import did_you_mean, nearest

PATHS = ("data_dir", "log_dir", "run_dir")


class Hints:
    """Messages for the settings of a config.

    Args:
        words: the names that may be used; None if they are not known.
        typed: the overrides that the config was composed from.
        config: with a wrong setting.
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
        """True if a setting, or one below it, comes from the command and not from a file."""
        return any(_is_below(name, key) for name in self._texts)

    def unknown(self, key: str, value: Any, known: Mapping[str, Any] | None = None) -> str:
        """The message for an unknown name.

        Args:
            key: its dotted name.
            value: what it was set to.
            known: the settings of its section, if there is no vocabulary.
        """
        while isinstance(value, Mapping) and len(value) == 1 and not key.endswith(tuple(value)):
            inner = next(iter(value))  # datamodule.batch_size=3 is {datamodule: {batch_size: 3}}
            key, value = f"{key}.{inner}", value[inner]
        text = self._texts.get(key, as_text(value))
        subject = f"{key}={text}" if self.was_typed(key) else key
        if self.words is None:
            return f"{subject}: unknown key{did_you_mean(key, known or ())}"
        section, _, name = key.rpartition(".")
        if section in ("model", "task") and name in INJECTED_ARGS[section]:
            return f"{subject}: comes from the data and the other settings; leave it out"
        hint = self.words.hint(key, text, self._other_overrides(key), self._settings(key, known))
        if found := re.fullmatch(r"; did you mean ('?)(model\.\w+)=(\S+)\1\?", hint):
            hint = f"{hint[:-1]}{self._companion(found[2], found[3])}?"
        return f"{subject}: unknown key{hint}"

    def not_chosen(self, group: str, name: str, value: Any) -> str:
        """The message for an entry of callbacks or logger that no chosen file defines."""
        key = f"{group}.{name}"
        typed = next((f"{one}={text}" for one, text in self._texts.items() if _is_below(one, key)), key)
        setting_key, _, text = typed.partition("=")
        found, files = [], self.words.files(group) if self.words else []
        if text.lower() in ("true", "false", "none") and name in files:
            found = [f"{group}={name if text.lower() == 'true' else 'default'}"]
        elif self.words:
            others = self._other_overrides(setting_key)
            found = self.words.instead(setting_key, text or None, others, self._settings(key))
        if found:
            return f"{typed}: is in no chosen file; did you mean {' or '.join(found)}?"
        return f"{typed}: is in no chosen file; choose {group}=… ({', '.join(files)}) first, or set {key}._target_"

    def wrong_type(self, key: str, value: Any, parameter: Parameter) -> str:
        """The message for a value that a setting does not take."""
        text = self._texts.get(key)
        message = f"{key}={as_text(value) if text is None else text}: must be {parameter.meaning}"
        meant = VALUES.get((key.rpartition(".")[2], squeezed(value)))
        if meant and parameter.accepts(meant):
            return f"{message}; write {setting(key, meant)}"
        with suppress(LookupError):
            meant = fitting(parameter, value, text)
            return f"{message}; write {setting(key, meant)}{self._companion(key, as_text(meant))}"
        if isinstance(value, str) and (near := nearest(value, map(str, parameter.choices))):
            return f"{message}; did you mean {' or '.join(setting(key, name) for name in near)}?"
        if isinstance(value, list) and value and all(map(parameter.accepts, value)):
            return f"{message}; to run each: -m {in_shell(f'{key}={as_text(value)[1:-1]}')}"
        return message

    def check_paths(self) -> None:
        """Refuse, with a UserError, a path that was typed and that nothing uses."""
        for key, text in self._texts.items():
            section, _, name = key.partition(".")
            if section != "paths" or name in PATHS:
                continue  # before the settings are composed, which takes as long as the whole config
            if key not in (self.words.settings(self.typed) if self.words else {}):
                raise UserError(self.unknown(key, text))

    def _other_overrides(self, key: str) -> list[str]:
        return [override for override in self.typed if override.lstrip("+").partition("=")[0] != key]

    def _settings(self, key: str, known: Mapping[str, Any] | None = None) -> dict[str, Parameter | None]:
        """All settings but a wrong one."""
        settings = self.words.settings(self.typed) if self.words else {}
        settings = settings | settable(self.config) | dict(known or {})
        return {name: parameter for name, parameter in settings.items() if not _is_below(name, key)}

    def _companion(self, key: str, text: str) -> str:
        """A second setting without which a remedy for the model is refused, such as the dropout of as many layers."""
        data, model = self.config.get("data"), self.config.get("model")
        if not key.startswith("model.") or not isinstance(data, Mapping) or not isinstance(model, Mapping):
            return ""
        shape = stated_shape(data)
        changed = {**model, key.removeprefix("model."): parsed(text)}
        why = misfit(str(model.get("_target_")), shape, changed) if shape else None
        needed = re.search(r"; write (\S+)$", why or "")
        return f" {needed[1]}" if needed else ""


def _is_below(name: str, key: str) -> bool:
    return name == key or name.startswith(f"{key}.")
