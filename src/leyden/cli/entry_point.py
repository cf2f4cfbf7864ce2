"""Start and failure of the entry points train.py, eval.py and predict.py.

Nothing here imports torch, so that a mistake on the command line is reported at once.
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

from leyden.cli.hydra_options import check_options, split_arguments
from leyden.config.hydra_settings import check_hydra
from leyden.config.messages.hydra_errors import NO_NAME_FOR_A_GROUP, explain
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
    program = Path(main.__wrapped__.__code__.co_filename).resolve()  # type: ignore[attr-defined]
    with ExitOnSignal(), report_user_errors() as errors:
        words = errors.words = Vocabulary(program.with_name("configs") / f"{program.stem}.yaml")
        set_up_logging()
        if "TORCHELASTIC_RUN_ID" in os.environ and {"-m", "--multirun"} & set(sys.argv):
            raise UserError("-m: a sweep starts its own processes; leave torchrun out")
        options, typed = split_arguments(sys.argv[1:], run_is_a_setting="run" in words.keys)
        overrides = allow_new_values(typed, words)
        check_options(options, typed, program)
        check_hydra(overrides)
        # The options come first: argparse would misread what follows one.
        sys.argv[1:] = [*(text for option in options.items() for text in option if text), *overrides]
        with _showing(options):
            main()


@contextmanager
def _showing(options: Mapping[str, str]) -> Iterator[None]:
    """Within this block Hydra may print what an option asks for.

    Raises:
        UserError: the config has no such part.
    """
    if "--info" in options:
        logging.getLogger().handlers.clear()  # Hydra adds a handler for the same lines
    output = io.StringIO()
    package = options.get("--package")
    try:
        with redirect_stderr(output) if package else nullcontext():
            yield
    except SystemExit as left:
        if package and left.code and "not found in config" in output.getvalue():
            raise UserError(f"--package {package}: the config has no such part") from None
        raise


class report_user_errors:  # noqa: N801  (reads as a statement: `with report_user_errors():`)
    """Within this block a user's mistake ends the program with `error: …` and exit status 2.

    Bugs keep their traceback, and `HYDRA_FULL_ERROR=1` shows the traceback of every error. In a job of a sweep the
    error is passed on to Hydra, so that the other jobs still run; the block around the sweep reports it.

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
        if isinstance(error, KeyboardInterrupt):  # before there was a run to record it
            print("interrupted", file=sys.stderr)
            raise SystemExit(130) from None
        error = full_disk(error, getattr(error, "filename", None) or "the disk", "start again") or error
        mistakes = (UserError, HydraException, OmegaConfBaseException, yaml.MarkedYAMLError)
        is_mistake = isinstance(error, mistakes) or str(error).startswith(NO_NAME_FOR_A_GROUP)
        if self._full or _in_sweep() or error is None or not is_mistake:
            return
        if rank():
            time.sleep(_PATIENCE)  # the first process reports it too, and whoever started them ends this one
        print(f"error: {explain(error, self.words, sys.argv[1:])}", file=sys.stderr)
        raise SystemExit(2) from None


def _in_sweep() -> bool:
    return HydraConfig.initialized() and HydraConfig.get().mode == RunMode.MULTIRUN
