"""A copy of this project with further files, whose commands are run without starting an interpreter for each.

    python tests/helpers/copies.py <folder>     # reads commands as JSON lines; answers each with status and output

One process imports torch and Lightning, and forks for each command.
"""

import json
import os
import runpy
import shutil
import subprocess
import sys
import traceback
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

ROOT = Path(__file__).resolve().parents[2]


class Done(NamedTuple):
    """Exit status of a command, and what it printed."""

    status: int
    output: str


class Copy:
    """A copy of the project in a folder; a context, at whose end no process is left."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        package = next(path.parents[1] for path in (ROOT / "src").glob("*/tasks/classification.py"))
        self.name = package.name
        shutil.copytree(package, folder / "src" / package.name, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copytree(ROOT / "configs", folder / "configs")
        for script in ("train.py", "eval.py", "predict.py"):
            shutil.copy(ROOT / script, folder)
        for place in ("data", "scripts"):
            (folder / place).symlink_to(ROOT / place, target_is_directory=True)

    def write(self, path: str, code: str) -> None:
        """Add a file."""
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(code, encoding="utf-8")

    def __enter__(self) -> Self:
        path = os.pathsep.join([str(self.folder / "src"), str(ROOT / "src"), os.environ.get("PYTHONPATH", "")])
        environment = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
        command = [sys.executable, __file__, str(self.folder)]
        self._server = subprocess.Popen(
            command, cwd=self.folder, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.kill()
        self._server.wait()

    def run(self, *command: str) -> Done:
        """Run a script with arguments."""
        assert self._server.stdin
        assert self._server.stdout
        print(json.dumps(command), file=self._server.stdin, flush=True)
        return Done(*json.loads(self._server.stdout.readline()))


def serve(folder: Path) -> None:
    """Answer commands until standard input ends."""
    import torchvision  # noqa: F401

    from leyden import classification_plots, predict_command, regression_plots, train  # noqa: F401

    for number, line in enumerate(sys.stdin):
        output = folder / f"output_{number}.txt"
        if (pid := os.fork()) == 0:
            _run(json.loads(line), output)
        _, status = os.waitpid(pid, 0)
        print(json.dumps([os.waitstatus_to_exitcode(status), output.read_text(errors="replace")]), flush=True)


def _run(command: list[str], output: Path) -> Any:
    with output.open("w") as file:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    sys.argv = command
    sys.path.insert(0, str(Path(command[0]).resolve().parent))
    status = 0
    try:
        runpy.run_path(command[0], run_name="__main__")
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
