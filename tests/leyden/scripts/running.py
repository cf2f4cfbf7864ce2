"""Scripts, run in this process as from the command line."""

import runpy
import sys
from collections.abc import Callable
from pathlib import Path

import pytest


def runner(script: Path) -> Callable[..., object]:
    """A function that runs a script with arguments, and gives its exit status."""

    def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> object:
        monkeypatch.setattr(sys, "argv", [str(script), *arguments])
        try:
            runpy.run_path(str(script), run_name="__main__")
        except SystemExit as end:
            return end.code
        return 0

    return run
