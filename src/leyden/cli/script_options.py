"""Options of scripts: a mistake is reported in one line, and any other argument is an override."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from leyden.system.errors import UserError


class Parser(argparse.ArgumentParser):
    """A parser of a script's options, described by its docstring.

    Args:
        description: the docstring.
        usage: of a script that also takes overrides; then no option may be abbreviated.
    """

    def __init__(self, description: str, usage: str | None = None) -> None:
        super().__init__(
            description=description,
            usage=usage,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=usage is None,
        )

    def error(self, message: str) -> NoReturn:
        """Raise the parser's own message as a `UserError`."""
        raise UserError(f"{message}; python scripts/{Path(sys.argv[0]).name} --help shows all")

    def parse_with_overrides(self, arguments: Sequence[str] | None = None) -> tuple[argparse.Namespace, list[str]]:
        """The options, and all other words in their order: overrides, as train.py takes them."""
        return self.parse_known_args(arguments)
