"""Hydra's own options, such as `--cfg`, `--info` and `-m`: which of them work here, and what others are replaced by."""

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException

from leyden.config.overrides import masked
from leyden.system.errors import UserError
from leyden.system.override_text import in_shell
from leyden.system.suggestions import did_you_mean

# The short form of each option, and whether a value follows: always, perhaps or never.
_SHORT = {
    "-h": "--help",
    "-c": "--cfg",
    "-p": "--package",
    "-r": "--run",
    "-m": "--multirun",
    "-sc": "--shell-completion",
    "-cp": "--config-path",
    "-cn": "--config-name",
    "-cd": "--config-dir",
    "-i": "--info",
}
_CHOICES = {
    "--cfg": ("job", "hydra", "all"),
    "--info": ("all", "config", "defaults", "defaults-tree", "plugins", "searchpath"),
}
_WITH_VALUE = ("--cfg", "--package", "--config-path", "--config-name", "--config-dir", "--experimental-rerun")
_BARE = ("--help", "--hydra-help", "--version", "--resolve", "--run", "--multirun", "--shell-completion")
_KNOWN = (*_WITH_VALUE, *_BARE, "--info")
_COMMANDS = ("--run", "--multirun", "--cfg", "--info", "--shell-completion")  # Hydra takes one of them

_COMPLETION = ("install=", "uninstall=", "query=")


@dataclass(frozen=True)
class Arguments:
    """A command line, taken apart.

    Attributes:
        options: Hydra's options, by their long names, with their values; empty where there is none.
        overrides: everything else, as it was typed.
    """

    options: dict[str, str] = field(default_factory=dict)
    overrides: list[str] = field(default_factory=list)

    def line(self) -> list[str]:
        """The command line with the options first: argparse takes what comes behind one for something else."""
        texts = [text for name, value in self.options.items() for text in ([name, value] if value else [name])]
        return [*texts, *self.overrides]


def taken_apart(arguments: Sequence[str]) -> Arguments:
    """A command line, options and overrides in any order.

    Raises:
        UserError: an option is unknown, lacks its value, or has one that it does not take.
    """
    options: dict[str, str] = {}
    overrides = []
    left = list(arguments)
    while left:
        argument = left.pop(0)
        if not argument.startswith("-"):
            overrides.append(argument)
            continue
        typed, equals, value = argument.partition("=")
        name = _SHORT.get(typed, typed)
        if name not in _KNOWN:
            raise UserError(f"{typed}: unknown option" + did_you_mean(typed, [*_KNOWN, "-m"]))
        if name == "--info" and not equals:
            value = left.pop(0) if left and "=" not in left[0] and left[0][0] not in "-~" else "all"
        elif name in _WITH_VALUE and not equals:
            value = left.pop(0) if left and not left[0].startswith("-") and "=" not in left[0] else ""
        if name in _WITH_VALUE and not value:
            example = f", as in {name} {_CHOICES[name][0]}" if name in _CHOICES else ""
            raise UserError(f"{typed}: no value given{example}")
        if value and value not in _CHOICES.get(name, (value,)):
            raise UserError(f"{typed} {value}: must be one of {', '.join(_CHOICES[name])}")
        options[name] = value
    return Arguments(options, overrides)


def check_options(arguments: Arguments, door: Path) -> None:
    """Refuse what Hydra would answer with a traceback, or with something else than what was meant.

    Args:
        arguments: of the command line.
        door: the program, beside which configs/ lies.

    Raises:
        UserError: the first thing that does not work, and what does.
    """
    options, overrides = arguments.options, arguments.overrides
    program = f"python {door.name}"
    if "--experimental-rerun" in options:
        raise UserError("--experimental-rerun: a run is gone on with by resume=<run directory>, and tested by eval.py")
    if "--shell-completion" in options and not any(override.startswith(_COMPLETION) for override in overrides):
        raise UserError(f'--shell-completion: say for which shell, as in eval "$({program} -sc install=bash)"')
    if "--cfg" in options and "--multirun" in options:
        command = " ".join([program, "--cfg", options["--cfg"], *map(in_shell, _of_one_job(overrides))])
        raise UserError(f"-m --cfg: the config is that of one run; leave -m out: {command}")
    if len(several := [name for name in _COMMANDS if name in options]) > 1:
        raise UserError(f"{' '.join(several)}: do not go together; leave {several[-1]} out")
    if "--package" in options and "--cfg" not in options:
        raise UserError(f"--package: is a part of what --cfg shows; write --cfg job --package {options['--package']}")
    if "--resolve" in options and not options.keys() & {"--cfg", "--help"}:
        raise UserError("--resolve: is for --cfg; write --cfg job --resolve")
    _check_place(options, door)


def _check_place(options: dict[str, str], door: Path) -> None:
    """Refuse config folders and primary configs with which the program does not work."""
    configs = door.with_name("configs")
    if path := options.get("--config-path"):
        configs = Path(os.path.normpath(door.parent / Path(path)))  # as Hydra takes it
        if not configs.is_dir():
            raise UserError(f"--config-path {path}: there is no folder {configs}; it is relative to {door.name}'s")
        if not (configs / f"{door.stem}.yaml").is_file():
            raise UserError(
                f"--config-path {path}: takes the place of configs/, and has no {door.stem}.yaml; "
                f"to add files to those of configs/, --config-dir {path}"
            )
    more = options.get("--config-dir")
    if more and not Path(more).is_dir():
        raise UserError(f"--config-dir {more}: there is no such folder")
    if not (typed := options.get("--config-name")):
        return
    name = options["--config-name"] = typed.removesuffix(".yaml")
    for folder in (Path(more) if more else configs, configs):
        if (folder / "run.json").is_file():
            raise UserError(
                f"--config-name {typed}: {more or configs} is a run; resume={more or configs} resumes it, "
                "python eval.py run=… tests it"
            )
    others = {path.stem for path in door.parent.glob("*.py")} - {door.stem}
    if name in others or not (configs / f"{name}.yaml").is_file():
        known = sorted({path.stem for path in configs.glob("*.yaml")} - others)
        why = f"is of {name}.py" if name in others else f"there is no {configs.name}/{name}.yaml"
        raise UserError(f"--config-name {typed}: {why}; there are: {', '.join(known)} (experiments: experiment=…)")


def _of_one_job(overrides: Sequence[str]) -> Iterator[str]:
    """Overrides as they are typed, each with the first of its values."""
    for override in overrides:
        typed = masked(override.removeprefix("++") if re.match(r"\+\+\w", override) else override)
        try:
            parsed = OverridesParser.create().parse_override(override)
        except HydraException:
            yield typed
            continue
        if not parsed.is_sweep_override():
            yield typed
        elif parsed.is_discrete_sweep():
            yield f"{typed.partition('=')[0]}={next(iter(parsed.sweep_string_iterator()), '')}"
        else:
            yield f"{typed.partition('=')[0]}={getattr(parsed.value(), 'start', '…')}"
