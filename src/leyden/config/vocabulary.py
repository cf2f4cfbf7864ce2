"""Suggestions for a wrong name on the command line."""

from collections.abc import Sequence

from leyden.config.messages.aliases import ALIASES, LEFT_OUT, OF_A_RUN, SECTIONS, SWITCHES
from leyden.config.messages.remedies import file_meant, override_for
from leyden.config.names import PLACES, TAKE_LISTS, Names, Settings
from leyden.system.override_text import squeezed
from leyden.system.suggestions import nearest, there_are

_SWITCHED = ("true", "false", "yes", "no", "1", "0")


class Vocabulary(Names):
    """The names of a project's configs, for one command, and suggestions for a wrong one."""

    def instead(
        self, key: str, text: str | None, arguments: Sequence[str] = (), known: Settings | None = None
    ) -> list[str]:
        """The overrides that a wrong one probably means, as they are typed in a shell: at most two alternatives.

        Args:
            key: unknown, such as `lr`, `trainer.gpus` or `model.lr`.
            text: its value, in Hydra's grammar; None if none was typed.
            arguments: of the command, which may choose other files than the default ones.
            known: all settings, if they are known already.
        """
        settings = self.settings(arguments) if known is None else known
        found = [override_for(self, meant, text, settings) for meant in self._meant(key, settings, text, arguments)]
        return list(dict.fromkeys(found))[:2]

    def hint(self, key: str, text: str | None, arguments: Sequence[str] = (), known: Settings | None = None) -> str:
        """`; did you mean optimizer.lr=0.1?`, or a list of all names."""
        settings = self.settings(arguments) if known is None else known
        section, _, last = key.rpartition(".")
        if (why := LEFT_OUT.get(squeezed(last))) and section in ("", "data", "model", "task"):
            return f"; {why}: leave it out"
        if found := self.instead(key, text, arguments, known):
            group = found[0].removesuffix("=…")
            of = f", with one of {', '.join(self.files(group))}" if self.is_group(group) else ""
            return f"; did you mean {' or '.join(found)}{of}?"
        inside = [name for name in settings if section and name.rpartition(".")[0] == section]
        if elsewhere := self._elsewhere(ALIASES.get(squeezed(last), key), (), required=False):
            files = " and ".join(choice for choice, _ in elsewhere[:4])
            return f"; {elsewhere[0][1]} is for {files}{there_are(inside)}"
        return there_are(inside or self.keys)

    def _meant(self, key: str, settings: Settings, text: str | None, arguments: Sequence[str]) -> list[str]:
        """Settings, groups or complete overrides that a name may stand for, the likeliest first."""
        if same := [name for name in settings if squeezed(name) == squeezed(key)]:
            return same[:1]
        section, _, last = key.rpartition(".")
        if section and (moved := _moved(key)):
            return [moved] if moved in settings else self._meant(moved, settings, text, arguments)
        inside = [name for name in settings if section and name.rpartition(".")[0] == section]
        if same := [name for name in inside if squeezed(name.rpartition(".")[2]) == squeezed(last)]:
            return same[:1]
        if (
            last in ("name", "type", "_target_", "target")
            and self.keys.get(section)
            and file_meant(self, section, text or "")
        ):
            return [section]  # optimizer.name=adam
        elsewhere = [f"{choice} {name}" for choice, name in self._elsewhere(key, arguments)]
        if section and elsewhere:
            return elsewhere
        is_entry = section.partition(".")[0] in TAKE_LISTS and section not in self.keys
        if not is_entry and (found := self._called(last, bool(section), settings, text, arguments)):
            return found
        if elsewhere:
            return elsewhere
        if section:
            return nearest(key, inside)
        if key == "name":
            return []  # of many things
        if tops := nearest(key, self.keys):
            return tops
        names = {name.rpartition(".")[2]: name for name in settings if name.partition(".")[0] in PLACES}
        return [names[name] for name in nearest(key, names)][:1]

    def _called(
        self, name: str, in_section: bool, settings: Settings, text: str | None, arguments: Sequence[str]
    ) -> list[str]:
        """The meanings of a name without its section, here or in other frameworks."""
        word, is_switch = squeezed(name), text is None or text.lower() in _SWITCHED
        of_a_run = OF_A_RUN.get(word)
        if of_a_run in self.keys and not in_section:
            return [of_a_run]
        complete = SWITCHES.get(word)
        if complete and is_switch:
            return [complete]
        if in_section and (tops := [key for key in self.keys if squeezed(key) == word]):
            return tops  # trainer.seed=1
        if found := _by_last_part(name, settings):
            return found
        meant = ALIASES.get(word)
        if meant and (meant in settings or meant in self.keys):
            return [meant]
        if meant and (found := [f"{choice} {setting}" for choice, setting in self._elsewhere(meant, arguments)]):
            return found
        return [complete] if complete else []

    def _elsewhere(self, key: str, arguments: Sequence[str], required: bool = True) -> list[tuple[str, str]]:
        """Files that are not chosen, and the name of the setting with them; without groups that the command chooses.

        Args:
            key: of the setting, or the last part of it.
            arguments: of the command.
            required: of data, only those that need the setting: data are not changed for an optional one.
        """
        chosen = {argument.partition("=")[0].lstrip("+") for argument in arguments}
        section, _, last = key.rpartition(".")
        group = section.partition(".")[0]
        found: dict[str, list[tuple[str, str]]] = {"stated": [], "not": []}
        if key == "name":
            return []
        for name, file, settings, stated in self.all_files:
            if name in chosen or (group and name != group):
                continue
            if name in TAKE_LISTS and section:
                names = [setting for setting in settings if setting == key]
            else:
                depth = 2 if name in TAKE_LISTS else 1
                names = [one for one in settings if one.rpartition(".")[2] == last and one.count(".") == depth]
            if name == "data" and required:
                names = [one for one in names if stated.get(one) == "???"]
            if name in TAKE_LISTS and not section:
                names = [one for one in names if one in stated]  # Lightning's callbacks have many arguments
            for one in names[:1]:
                found["stated" if one in stated else "not"].append((f"{name}={file}", one))
        if not required:
            return found["stated"] + found["not"]
        return found["stated"] or (found["not"] if section else [])


def _moved(key: str) -> str | None:
    """A name under the section's name here."""
    parts = key.split(".")
    for many in (2, 1):
        if new := SECTIONS.get(squeezed(".".join(parts[:many]))):
            return ".".join([new, *parts[many:]])
    return None


def _by_last_part(last: str, settings: Settings) -> list[str]:
    """The setting of any section with this last part."""
    found = [name for name in settings if name.count(".") == 1 and squeezed(name.rpartition(".")[2]) == squeezed(last)]
    places = {place: number for number, place in enumerate(PLACES) if place != "sweep" or last != "name"}
    found = [name for name in found if name.partition(".")[0] in places]
    return sorted(found, key=lambda name: places[name.partition(".")[0]])[:1]
