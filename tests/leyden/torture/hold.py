"""A place in a run where it waits until it is let go: what is done to it there is neither too early nor too late."""

import time
from itertools import count
from pathlib import Path
from typing import Any, BinaryIO

_WAITS = "waits"  # what a run writes into the file


class Hold:
    """Holds a run that is started with `hold=` this file. It is a moment too, that has come once the run waits.

    Args:
        file: which is there as long as the run is to wait.
        place: `epoch 2`, before the third step of the epoch that is counted so from 0; `write 9`, when last.ckpt is
            written for the ninth time, before the file has that name; or `test`, before its first batch.
    """

    def __init__(self, file: Path, place: str) -> None:
        self.file = file
        file.write_text(place)

    def __call__(self, _: Path | None = None) -> bool:
        return self.file.read_text() == _WAITS

    def release(self) -> None:
        self.file.unlink()


def hold(file: Path) -> None:
    """Let a run wait in this process, the first of them if it has several, where a file says."""
    from leyden.checkpoints import files as checkpoints
    from leyden.run.record_updater import RecordUpdater

    write, writes = checkpoints._write, count(1)

    def wait_at(place: str) -> None:
        if file.exists() and file.read_text() == place:
            file.write_text(_WAITS)
            while file.exists():
                time.sleep(0.005)

    def before_a_step(self: RecordUpdater, trainer: Any, task: Any, batch: Any, number: int) -> None:
        if number == 2:
            wait_at(f"epoch {trainer.current_epoch}")

    def before_a_test(self: RecordUpdater, trainer: Any, task: Any, batch: Any, number: int, loader: int = 0) -> None:
        wait_at("test")

    def write_and_wait(checkpoint: dict[str, Any], file: BinaryIO) -> None:
        write(checkpoint, file)
        if Path(file.name).name.startswith(".last.ckpt."):
            wait_at(f"write {next(writes)}")

    checkpoints._write = write_and_wait
    RecordUpdater.on_train_batch_start = before_a_step  # type: ignore[method-assign, assignment]
    RecordUpdater.on_test_batch_start = before_a_test  # type: ignore[method-assign, assignment]
