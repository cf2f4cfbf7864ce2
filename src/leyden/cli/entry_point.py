"""What the doors (train.py, eval.py, predict.py) have in common: how they are entered, and how they fail.

Nothing here imports torch, so that a mistake on the command line is answered at once.
"""

import io
import logging
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext, redirect_stderr
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import yaml
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf.errors import OmegaConfBaseException

from leyden.cli.flags import check_options, taken_apart
from leyden.config.explanation import NO_NAME_FOR_A_GROUP, explain
from leyden.config.hydra_settings import check_hydra
from leyden.config.overrides import allow_new_values
from leyden.config.vocabulary import Vocabulary
from leyden.system.atomic_files import full_disk
from leyden.system.console import set_up_logging
from leyden.system.errors import UserError
from leyden.system.graceful_shutdown import ExitOnSignal
from leyden.system.processes import rank

_FULL = "HYDRA_FULL_ERROR"
_SHORT = "LEYDEN_SHORT_ERRORS"  # set where HYDRA_FULL_ERROR=1 is ours, not the user's
_PATIENCE = 5.0  # seconds


def run_cli(main: Callable[[], Any]) -> None:
    """Run a function that `@hydra.main` made, with the program's arguments."""
    door = Path(main.__wrapped__.__code__.co_filename).resolve()  # type: ignore[attr-defined]
    with ExitOnSignal(), report_user_errors() as errors:
        errors.words = Vocabulary(door.with_name("configs") / f"{door.stem}.yaml")
        set_up_logging()
        if "TORCHELASTIC_RUN_ID" in os.environ and {"-m", "--multirun"} & set(sys.argv):
            raise UserError("-m: a sweep starts its own processes; leave torchrun out")
        arguments = taken_apart(allow_new_values(sys.argv[1:], errors.words))
        check_options(arguments, door)
        check_hydra(arguments.overrides)
        sys.argv[1:] = arguments.line()
        with _shown(arguments.options):
            main()


@contextmanager
def _shown(options: Mapping[str, str]) -> Iterator[None]:
    """Within this block Hydra may show what was asked for.

    Raises:
        UserError: the part of a config that is to be shown is not there.
    """
    if "--info" in options:
        logging.getLogger().handlers.clear()  # it brings one of its own, for the same lines
    told = io.StringIO()
    package = options.get("--package")
    try:
        with redirect_stderr(told) if package else nullcontext():
            yield
    except SystemExit as left:
        if package and left.code and "not found in config" in told.getvalue():
            raise UserError(f"--package {package}: the config has no such part") from None
        raise


class report_user_errors:  # noqa: N801  (reads as a statement: `with report_user_errors():`)
    """Within this block a mistake of the user's ends the program with `error: …` and exit status 2.

    Errors of our own keep their traceback, and `HYDRA_FULL_ERROR=1` shows the traceback of every kind. In a job of a
    sweep the error goes on to Hydra, so that the other jobs still run; the block around the sweep reports it.

    Attributes:
        words: the names that a wrong one may have meant.
    """

    words: Vocabulary | None = None

    def __enter__(self) -> Self:
        self._before = {name: os.environ.get(name) for name in (_FULL, _SHORT)}
        self._full = self._before[_FULL] == "1" and not self._before[_SHORT]
        if not self._full:
            # Hydra would print its errors itself, in several lines and with status 1: have it raise them.
            os.environ.update({_FULL: "1", _SHORT: "1"})
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for name, value in self._before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        mendable = (UserError, HydraException, OmegaConfBaseException, yaml.MarkedYAMLError)
        if isinstance(error, KeyboardInterrupt):  # before there was a run that could keep it
            print("interrupted", file=sys.stderr)
            raise SystemExit(130) from None
        error = full_disk(error, getattr(error, "filename", None) or "the disk", "start again") or error
        mendable_here = isinstance(error, mendable) or str(error).startswith(NO_NAME_FOR_A_GROUP)
        if self._full or _in_sweep() or error is None or not mendable_here:
            return
        if rank():
            time.sleep(_PATIENCE)  # the first process says it too, and whoever started them ends this one
        print(f"error: {explain(error, self.words, sys.argv[1:])}", file=sys.stderr)
        raise SystemExit(2) from None


def _in_sweep() -> bool:
    return HydraConfig.initialized() and HydraConfig.get().mode == RunMode.MULTIRUN
