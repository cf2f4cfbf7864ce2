"""train.py, eval.py and predict.py as processes of their own that begin at once.

A server imports torch, Lightning and the project a single time and forks for each run. A run then takes tenths of a
second to start, where a new interpreter takes many; in everything else it is the process that a person starts.
"""

import atexit
import json
import os
import runpy
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

ROOT = Path(__file__).resolve().parents[3]
_PATIENCE = 300.0  # seconds for one run, which takes some


class Doors:
    """Starts runs. It is a context, at whose end none is left."""

    def __enter__(self) -> Self:
        path = os.pathsep.join([str(ROOT / "src"), *filter(None, [os.environ.get("PYTHONPATH")])])
        environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": path}
        environment.pop("HYDRA_FULL_ERROR", None)
        command = [sys.executable, __file__]
        self._server = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._running = set[int]()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for pid in self._running:
            with suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)
        self._server.kill()
        self._server.wait()

    def start(
        self,
        arguments: Sequence[str],
        output: Path,
        door: str = "train.py",
        folder: Path = ROOT,
        keep: Path | None = None,
        hold: Path | None = None,
    ) -> int:
        """Begin a run, in a process group of its own, whose id is that of its process.

        Args:
            arguments: as typed after the door's name.
            output: what it prints is put at the end of this file.
            door: its name.
            folder: where it is, and where it is started.
            keep: where each last.ckpt is copied, named for its step.
            hold: the file of a `Hold`.
        """
        pid = int(
            self._ask(
                {
                    "arguments": list(arguments),
                    "output": str(output),
                    "door": door,
                    "folder": str(folder),
                    "keep": str(keep or ""),
                    "hold": str(hold or ""),
                }
            )
        )
        self._running.add(pid)
        return pid

    def wait(self, pid: int) -> int:
        """The exit status; minus the signal, if one killed it.

        Raises:
            TimeoutError: the run did not end, and was killed.
        """
        status = self._ask({"wait": pid})
        self._running.discard(pid)
        if status is None:
            raise TimeoutError(f"the run was still there after {_PATIENCE:.0f} s")
        return int(status)

    def run(self, arguments: Sequence[str], output: Path, **how: Any) -> int:
        """Start and wait."""
        return self.wait(self.start(arguments, output, **how))

    def _ask(self, question: dict[str, Any]) -> Any:
        assert self._server.stdin
        assert self._server.stdout
        self._server.stdin.write(json.dumps(question) + "\n")
        self._server.stdin.flush()
        return json.loads(self._server.stdout.readline())


def _serve() -> dict[str, Any]:
    """Answer until the input ends. In a process that is forked it returns what that is to do."""
    for line in sys.stdin:
        asked: dict[str, Any] = json.loads(line)
        if "wait" in asked:
            print(json.dumps(_waited(asked["wait"])), flush=True)
        elif pid := os.fork():
            print(pid, flush=True)
        else:
            return asked
    sys.exit()


def _waited(pid: int) -> int | None:
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.003)
    os.killpg(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return None


def _become(asked: dict[str, Any]) -> None:
    """Turn a forked server into a door."""
    os.setsid()
    os.chdir(asked["folder"])
    output = os.open(asked["output"], os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    for number, file in enumerate((os.open(os.devnull, os.O_RDONLY), output, output)):
        os.dup2(file, number)
    sys.argv, sys.path[0] = [asked["door"], *asked["arguments"]], asked["folder"]
    if asked["keep"]:
        _keep_checkpoints(Path(asked["keep"]))
    if asked["hold"]:
        from tests.leyden.torture.hold import hold

        hold(Path(asked["hold"]))


def _keep_checkpoints(folder: Path) -> None:
    from leyden.checkpoints.files import DurableCheckpoints

    save = DurableCheckpoints.save_checkpoint

    def save_and_copy(self: DurableCheckpoints, checkpoint: dict[str, Any], path: str | Path, **_: Any) -> None:
        save(self, checkpoint, path)
        if Path(path).name == "last.ckpt":
            shutil.copy(path, folder / f"{checkpoint['global_step']:06d}.ckpt")

    DurableCheckpoints.save_checkpoint = save_and_copy  # type: ignore[method-assign]


def _run(door: str) -> int:
    """Run a door, and the interpreter's end without its slow part, the taking apart of modules; gives the status."""
    status = 0
    try:
        runpy.run_path(door, run_name="__main__")
    except SystemExit as left:
        status = left.code if isinstance(left.code, int) else int(left.code is not None)
    except BaseException:
        sys.excepthook(*sys.exc_info())
        status = 1
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    return status


if __name__ == "__main__":
    import leyden.training.evaluate
    import leyden.training.predict
    import leyden.training.train  # noqa: F401
    from leyden.config.compose import compose

    compose([], ROOT / "configs")  # what signatures say is found out once
    asked = _serve()
    _become(asked)
    os._exit(_run(asked["door"]))
