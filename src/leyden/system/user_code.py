"""Errors in the code of a project: one sentence for the user, and the traceback in a log."""

import re
import shlex
import sys
import sysconfig
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from leyden.system.errors import UserError
from leyden.system.memory import is_out_of_memory

ERRORS = "errors.log"  # in the folder of all runs: the traceback of a command that failed before it had a run directory
_ENGINE = Path(__file__).resolve().parents[1]
_LIBRARIES = {Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "purelib", "platlib")}


class UserCodeError(UserError):
    """Error in a class of the project, explained in one sentence; its cause has the traceback."""


def short(error: BaseException, most: int = 300) -> str:
    """Type and message of an error in one line."""
    text = " ".join(str(error).split())
    name = type(error).__name__
    return f"{name}: {text[:most]}{'…' if len(text) > most else ''}" if text else name


@contextmanager
def user_code_explained(
    log_dir: Path, describe: Any = None, own_log: Callable[[], Path | None] = lambda: None
) -> Iterator[None]:
    """Within this block an error in the project's code is raised as one sentence that names class, method and line.

    Errors of the engine and of libraries that no code of the project has called keep their type and traceback.

    Args:
        log_dir: folder of all runs, in which `errors.log` gets the traceback.
        describe: makes a text of the argument `batch` of the method that failed.
        own_log: log of the run, if it will have the traceback.
    """
    try:
        yield
    except UserCodeError as error:
        explained, cause = error, error.__cause__ or error
    except UserError:
        raise
    except Exception as error:
        if is_out_of_memory(error) or (place := _place_of(error, describe)) is None:
            raise
        in_worker = str(error).startswith("Caught ") and str(error).rstrip().rpartition("\n")[2]
        explained, cause = UserCodeError(f"{place} ({in_worker or short(error)})"), error
    else:
        return
    path = own_log() or _keep_traceback(cause, log_dir)
    raise UserCodeError(f"{explained}; traceback in {path}" if path else str(explained)) from cause


def _place_of(error: BaseException, describe: Any) -> str | None:
    """Class, method and line of the project's code in which an error came up; None if it is in none."""
    frames = [(frame, line) for frame, line in traceback.walk_tb(error.__traceback__) if _is_of_project(frame)]
    if not frames:
        return _place_in_worker(error)
    frame, line = frames[-1]
    owner = next((frame.f_locals[name] for name in ("self", "cls") if name in frame.f_locals), None)
    kind = owner if isinstance(owner, type) else type(owner)
    function = frame.f_code.co_name
    called = function if owner is None else f"{kind.__name__}.{function}"
    called = called.replace("<module>", Path(frame.f_code.co_filename).name)
    batch = frame.f_locals.get("batch") if describe else None
    received = f" for {describe(batch)}" if batch is not None else ""
    return f"{called} fails{received} in {Path(frame.f_code.co_filename).name}, line {line}"


def _place_in_worker(error: BaseException) -> str | None:
    """Method and line of the project's code that failed in a worker process, whose traceback is the message."""
    text = str(error)
    if not text.startswith("Caught ") or "worker process" not in text:
        return None
    places = re.findall(r'File "([^"]+)", line (\d+), in (\w+)', text)
    own = [(name, line, function) for name, line, function in places if _is_project_file(name)]
    return f"{own[-1][2]} fails in {Path(own[-1][0]).name}, line {own[-1][1]}" if own else None


def _is_of_project(frame: FrameType) -> bool:
    return _is_project_file(frame.f_code.co_filename)


def _is_project_file(name: str) -> bool:
    if name.startswith("<"):
        return False
    path = Path(name).resolve()
    if path.is_relative_to(_ENGINE) or Path(name).name in ("train.py", "eval.py", "predict.py"):
        return False
    parents = set(path.parents)
    return not parents & _LIBRARIES and "site-packages" not in path.parts


def _keep_traceback(error: BaseException, folder: Path) -> Path | None:
    """Append a traceback to the log in a folder; None if it cannot be written."""
    path = folder / ERRORS
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            print(f"\n$ {shlex.join(sys.argv)}", file=file)
            traceback.print_exception(error, file=file)
    except OSError:
        return None
    return path
