"""Restart in the project's environment, for a plain `python train.py` without the installed packages.

Standard library only: the entry points import this when nothing else can be imported.
"""

import os
import subprocess
import sys
from pathlib import Path
from typing import NoReturn


def restart(missing: ModuleNotFoundError) -> NoReturn:
    """Run the same command with the project's .venv, or print in one line how to install one."""
    environment = Path(__file__).resolve().parents[3] / ".venv"
    python = environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if Path(sys.prefix).resolve() == environment.resolve() or not python.exists():
        sys.stderr.write(f"error: {missing.name} is not installed; pip install uv && uv sync, or pip install -e .\n")
        sys.exit(2)
    command = [str(python), *sys.orig_argv[1:]]
    if os.name == "nt":  # exec does not wait there
        sys.exit(subprocess.call(command))
    os.execv(python, command)
