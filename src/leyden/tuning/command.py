"""What the scripts that find settings share: arguments, a progress bar, and the command to type next."""

import argparse
import os
import shlex
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from leyden.config.overrides import masked
from leyden.system.errors import UserError


class Parser(argparse.ArgumentParser):
    """Options and overrides in any order; a mistake is a `UserError`."""

    def __init__(self, doc: str | None) -> None:
        super().__init__(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
        self.add_argument("overrides", nargs="*", metavar="key=value", help="of the experiment, as for train.py")

    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message}; python scripts/{self.prog} --help lists the options")


def command(root: Path, program: str, overrides: Sequence[str], **settings: object) -> str:
    """A command to type next, quoted for a shell.

    Args:
        root: of the repository.
        program: its path there.
        overrides: as they were typed.
        settings: that replace what was typed for them; `__` stands for a dot.
    """
    replaced = {name.replace("__", "."): value for name, value in settings.items()}
    others = [typed for typed in overrides if typed.partition("=")[0].lstrip("+~") not in replaced]
    own = [f"{name}={value}" for name, value in replaced.items()]
    return shlex.join(["python", os.path.relpath(root / program), *map(masked, others), *own])


@contextmanager
def progress_bar(title: str, total: int | None) -> Iterator[Callable[[], None]]:
    """A function that advances a bar by one step; the bar is drawn on a terminal only, and cleared at the end."""
    console = Console(stderr=True)
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(title, total=total)
        yield lambda: bar.advance(task)
