"""Plain `python train.py` where the project's packages are not installed: go on in the environment that uv made.

Standard library only: the doors import this when nothing else could be imported.
"""

import os
import subprocess
import sys
from pathlib import Path
from typing import NoReturn


def restart(missing: ModuleNotFoundError) -> NoReturn:
    """Run the same command with the project's .venv, or say in one line how to get one."""
    environment = Path(__file__).resolve().parents[3] / ".venv"
    python = environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if Path(sys.prefix).resolve() == environment.resolve() or not python.exists():
        sys.stderr.write(f"error: {missing.name} is not installed; pip install uv && uv sync, or pip install -e .\n")
        sys.exit(2)
    command = [str(python), *sys.orig_argv[1:]]
    if os.name == "nt":  # exec there does not wait
        sys.exit(subprocess.call(command))
    os.execv(python, command)
