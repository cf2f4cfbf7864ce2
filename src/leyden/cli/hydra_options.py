"""Hydra's own options, such as `--cfg`, `--info` and `-m`: separated from the overrides, and checked."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException

from leyden.config.overrides import masked
from leyden.system.errors import UserError
from leyden.system.override_text import in_shell

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
_ACTIONS = ("--run", "--multirun", "--cfg", "--info", "--shell-completion")  # Hydra takes one of them
_KNOWN = {*_WITH_VALUE, *_ACTIONS, "--help", "--hydra-help", "--version", "--resolve"}

_COMPLETION = ("install=", "uninstall=", "query=")


def split_arguments(arguments: Sequence[str], run_is_a_setting: bool = False) -> tuple[dict[str, str], list[str]]:
    """Hydra's options, by their long names, with their values (empty for a flag); and everything else, as typed.

    Args:
        arguments: of the command.
        run_is_a_setting: of eval.py and predict.py, so that `--run last` is a mistyped setting.

    Raises:
        UserError: an option lacks its value, or does not take the one that it has.
    """
    options: dict[str, str] = {}
    overrides = []
    left = list(arguments)
    while left:
        argument = left.pop(0)
        typed, equals, value = argument.partition("=")
        name = _SHORT.get(typed, typed)
        has_next = bool(left) and not left[0].startswith(("-", "~")) and "=" not in left[0]
        is_other = (name == "--run" and run_is_a_setting and has_next) or (
            typed == "-c" and has_next and left[0] not in _CHOICES["--cfg"]  # -c configs/experiment/mine.yaml
        )
        if name not in _KNOWN or is_other:
            overrides.append(argument)
            continue
        if name in (*_WITH_VALUE, "--info") and not equals:
            value = left.pop(0) if has_next else "all" if name == "--info" else ""
        if name in _WITH_VALUE and not value:
            example = f", as in {name} {_CHOICES[name][0]}" if name in _CHOICES else ""
            raise UserError(f"{typed}: no value given{example}")
        if value and value not in _CHOICES.get(name, (value,)):
            raise UserError(f"{typed} {value}: must be one of {', '.join(_CHOICES[name])}")
        options[name] = value
    return options, overrides


def check_options(options: dict[str, str], overrides: Sequence[str], program: Path) -> None:
    """Refuse options to which Hydra would react with a traceback, or otherwise than expected.

    Args:
        options: of the command line; `--config-name` loses its `.yaml`.
        overrides: as they were typed.
        program: such as train.py, beside which configs/ is.

    Raises:
        UserError: the first option that does not work, and what does.
    """
    command = f"python {program.name}"
    if "--experimental-rerun" in options:
        raise UserError("--experimental-rerun: a run is resumed by resume=<run directory>, and tested by eval.py")
    if "--shell-completion" in options and not any(override.startswith(_COMPLETION) for override in overrides):
        raise UserError(f'--shell-completion: name the shell, as in eval "$({command} -sc install=bash)"')
    if "--cfg" in options and "--multirun" in options:
        one_job = " ".join([command, "--cfg", options["--cfg"], *map(in_shell, _of_one_job(overrides))])
        raise UserError(f"-m --cfg: the config is that of one run; leave -m out: {one_job}")
    if len(several := [name for name in _ACTIONS if name in options]) > 1:
        raise UserError(f"{' '.join(several)}: cannot be combined; leave {several[-1]} out")
    if "--package" in options and "--cfg" not in options:
        raise UserError(f"--package: selects what --cfg shows; write --cfg job --package {options['--package']}")
    if "--resolve" in options and not options.keys() & {"--cfg", "--help"}:
        raise UserError("--resolve: is for --cfg; write --cfg job --resolve")
    _check_configs(options, program)


def _check_configs(options: dict[str, str], program: Path) -> None:
    """Refuse config folders and primary configs with which the program does not work."""
    configs = program.with_name("configs")
    if path := options.get("--config-path"):
        configs = Path(os.path.normpath(program.parent / Path(path)))  # as Hydra takes it
        if not configs.is_dir():
            raise UserError(f"--config-path {path}: there is no folder {configs}; it is relative to {program.name}'s")
        if not (configs / f"{program.stem}.yaml").is_file():
            raise UserError(
                f"--config-path {path}: replaces configs/, and has no {program.stem}.yaml; "
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
    others = {path.stem for path in program.parent.glob("*.py")} - {program.stem}
    if name in others or not (configs / f"{name}.yaml").is_file():
        known = sorted({path.stem for path in configs.glob("*.yaml")} - others)
        why = f"belongs to {name}.py" if name in others else f"there is no {configs.name}/{name}.yaml"
        raise UserError(f"--config-name {typed}: {why}; there are: {', '.join(known)} (experiments: experiment=…)")


def _of_one_job(overrides: Sequence[str]) -> Iterator[str]:
    """Overrides as they are typed, each with the first of its values."""
    for override in overrides:
        text = masked(override)
        try:
            parsed = OverridesParser.create().parse_override(override)
            if parsed.is_discrete_sweep():
                text = f"{text.partition('=')[0]}={next(iter(parsed.sweep_string_iterator()), '')}"
            elif parsed.is_sweep_override():
                text = f"{text.partition('=')[0]}={getattr(parsed.value(), 'start', '…')}"
        except HydraException:  # as it was typed
            pass
        yield text
