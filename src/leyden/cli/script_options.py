"""Command lines of scripts: options and overrides, the file of a plot, a progress bar, the next command to type."""

import argparse
import os
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from leyden.cli.entry_point import report_user_errors
from leyden.config.overrides import masked
from leyden.config.vocabulary import Vocabulary
from leyden.system.console import set_up_logging
from leyden.system.errors import UserError


class ScriptParser(argparse.ArgumentParser):
    """Parser of a script's options, in any order; a mistake is a `UserError`.

    Args:
        description: the script's docstring.
        overrides: the script also takes overrides, as train.py does.
    """

    def __init__(self, description: str | None, overrides: bool = False) -> None:
        super().__init__(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
        if overrides:
            self.add_argument("overrides", nargs="*", metavar="key=value", help="of the experiment, as for train.py")

    def error(self, message: str) -> NoReturn:
        """Raise the parser's own message as a `UserError`."""
        raise UserError(f"{message}; python scripts/{Path(sys.argv[0]).name} --help lists the options")


def run_script(main: Callable[[], None], configs: Path) -> None:
    """Run a script that composes an experiment: logging as for train.py, a mistake is one line."""
    with report_user_errors() as errors:
        errors.words = Vocabulary(configs / "train.yaml")
        set_up_logging()
        main()


def join_option_values(arguments: Sequence[str]) -> list[str]:
    """Arguments of a script that takes settings, with `--run last` joined into one, for a message about it."""
    joined: list[str] = []
    for argument in arguments:
        is_option = bool(joined) and joined[-1].startswith("-") and not {"=", " "} & set(joined[-1])
        if is_option and "=" not in argument and not argument.startswith("-"):
            joined[-1] += f" {argument}"
        else:
            joined.append(argument)
    return joined


def check_plot_file(output: Path) -> None:
    """Check that a plot can be written, before time is spent on its content.

    Raises:
        UserError: matplotlib cannot write such a file there.
    """
    from matplotlib.backend_bases import FigureCanvasBase

    if not output.parent.is_dir():
        raise UserError(
            f"--output={output}: there is no folder {output.parent}; mkdir -p {shlex.quote(str(output.parent))}"
        )
    if not os.access(output if output.exists() else output.parent, os.W_OK):
        raise UserError(f"--output={output}: may not be written; name another file")
    if output.is_dir():
        raise UserError(f"--output={output}: is a folder; name a file in it, such as {output / 'plot.png'}")
    if output.suffix.lower().lstrip(".") not in FigureCanvasBase.get_supported_filetypes():
        raise UserError(f"--output={output}: is not an image format; name it {output.with_suffix('.png')}")


def next_command(root: Path, program: str, overrides: Sequence[str], **settings: object) -> str:
    """Command to type next, quoted for a shell.

    Args:
        root: of the repository.
        program: its path there.
        overrides: as they were typed.
        settings: replace what was typed for them; `__` stands for a dot.
    """
    replaced = {name.replace("__", "."): value for name, value in settings.items()}
    others = [typed for typed in overrides if typed.partition("=")[0].lstrip("+~") not in replaced]
    own = [f"{name}={value}" for name, value in replaced.items()]
    return shlex.join(["python", os.path.relpath(root / program), *map(masked, others), *own])


@contextmanager
def progress_bar(title: str, total: int | None) -> Iterator[Callable[[], None]]:
    """Function that advances a bar by one step; the bar is drawn on a terminal only, and cleared at the end."""
    console = Console(stderr=True)
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(title, total=total)
        yield lambda: bar.advance(task)
