"""Further process of a run: it reads the experiment from standard input and exits with the run, or with the pipe."""

import logging
import os
import pickle
import sys
import threading
import time
from signal import SIGINT
from typing import BinaryIO, NoReturn

from leyden.config.experiment import Experiment
from leyden.distributed import GRACE, PATIENCE
from leyden.system.console import set_up_logging
from leyden.system.errors import UserError
from leyden.system.processes import rank


def main() -> None:
    """Run the experiment. Errors of all ranks are left to the first process, which ends this one in the meantime."""
    pipe = os.fdopen(os.dup(0), "rb")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)  # worker processes close theirs without waiting for the thread
    experiment: Experiment = pickle.load(pipe)
    threading.Thread(target=_end_with, args=(pipe,), daemon=True).start()
    set_up_logging()
    logging.getLogger().setLevel(logging.ERROR)
    try:
        from leyden.distributed.launcher import is_connection_error  # imports torch, after the thread has started
        from leyden.training.train import run_experiment

        run_experiment(experiment)
    except KeyboardInterrupt:
        raise SystemExit(128 + SIGINT) from None
    except UserError as error:
        time.sleep(GRACE)
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    except Exception as error:
        if is_connection_error(error):
            time.sleep(PATIENCE)
        print(f"process {rank()} of the run:", file=sys.stderr)
        raise


def _end_with(pipe: BinaryIO) -> NoReturn:
    pipe.read(1)
    os._exit(1)


if __name__ == "__main__":
    main()
