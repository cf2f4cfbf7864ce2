"""Recorded split of a run, and messages about items that it was trained on or that are missing."""

import logging
import shlex
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from leyden.config.recorded import recorded
from leyden.data.module import DataModule
from leyden.data.recorded_split import NEW, RecordedSplit
from leyden.records.record import read_record
from leyden.system.atomic_files import replacing
from leyden.system.errors import UserError

log = logging.getLogger(__name__)

SPLIT = "split.npz"  # in a run directory: digests (N,) of train, val and test, 8 bytes each, and
# digests (N,) of the inputs of train
_VERSION = 1  # of the way in which digests are computed


def write_split(run_dir: Path, datamodule: DataModule) -> None:
    """Record the items of a run's splits, where they can be recognised."""
    if datamodule.items:
        by = np.array(datamodule.identified_by, dtype=np.str_)
        with replacing(run_dir / SPLIT) as file:
            arrays = {**datamodule.items, "inputs": datamodule.inputs["train"]}
            np.savez(file, version=_VERSION, identified_by=by, **arrays)  # type: ignore[arg-type]


def read_split(run_dir: Path) -> RecordedSplit | None:
    """Recorded split of a run; None without one.

    Raises:
        UserError: the file cannot be read.
    """
    path = run_dir / SPLIT
    if not path.is_file():
        return None
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = dict(file)
        version, by = int(arrays.pop("version")), arrays.pop("identified_by").tolist()
        inputs = arrays.pop("inputs")
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise UserError(f"{path}: cannot be read ({' '.join(str(error).split())}); restore it, or delete it") from error
    if version != _VERSION:
        log.warning("%s: is of another version, so that the items of the run are not recognised", path)
        return None
    arrays.pop(NEW, None)
    return RecordedSplit(arrays, inputs, by)


def check_unchanged(datamodule: DataModule, run_dir: Path) -> None:
    """Refuse to resume a run on data in which items of its splits are missing.

    Raises:
        UserError: some are.
    """
    missing = {split: number for split, number in datamodule.missing_items.items() if number}
    if missing:
        recorded = datamodule.recorded.items if datamodule.recorded else {}
        some = ", ".join(f"{number:,} of {len(recorded[split]):,} {split}" for split, number in missing.items())
        raise UserError(
            f"resume={run_dir}: items of the run are missing from its data, or have changed: {some}; restore them, or "
            f"start a new run with init_from={run_dir}"
        )


def check_description(datamodule: DataModule, run_dir: Path, settings: Mapping[str, Any]) -> None:
    """Refuse to resume a run on data of another size, whose items cannot be recognised: they would be divided anew.

    Raises:
        UserError: the data differ from their description in the record, with the same settings.
    """
    then, now = read_record(run_dir).get("data"), datamodule.describe()
    if then and then != now and settings == recorded(run_dir).config["data"]:
        raise UserError(
            f"resume={run_dir}: the data have changed, and are divided anew: now {now}, then {then}; restore them, or "
            f"start a new run with init_from={run_dir}"
        )


def report_changes(datamodule: DataModule, run_dir: Path) -> None:
    """Log how the data differ from those of a run."""
    recorded = datamodule.recorded.items if datamodule.recorded else {}
    if datamodule.is_other:
        log.warning("data: none of the items that the run had is among these; they are divided by themselves")
        return
    for split, number in datamodule.missing_items.items():
        if number:
            log.warning(
                "data: %s of the run's %s %s items are missing, or have changed",
                f"{number:,}",
                f"{len(recorded[split]):,}",
                split,
            )
    if new := len(datamodule.items.get(NEW, ())):
        what = "1 item is" if new == 1 else f"{new:,} items are"
        command = f"python eval.py run={shlex.quote(str(run_dir))} split={NEW}"
        log.info("data: %s in none of the run's splits, and not used; to evaluate: %s", what, command)


def warn_of_trained(
    datamodule: DataModule, splits: Sequence[str], recorded: RecordedSplit | None, network: str = "the network"
) -> int | None:
    """Log how many items of some splits a network was trained on, and return the number; None if it is not known.

    Args:
        datamodule: set up.
        splits: their names; those of `train` are counted and not logged.
        recorded: split of the run that the network was trained in; None without a record.
        network: its name in the messages.
    """
    held = {split: datamodule.inputs[split] for split in splits if len(datamodule.inputs.get(split, ()))}
    if not held:
        return None
    if recorded is None or not _is_comparable(recorded, datamodule):
        if set(splits) != {"train"}:
            log.warning("%s: it is not known whether %s was trained on some of its items", ", ".join(held), network)
        return None
    is_trained, begin = recorded.is_trained(np.concatenate(list(held.values()))), 0
    for split, inputs in held.items():
        number = int(is_trained[begin : begin + len(inputs)].sum())
        begin += len(inputs)
        if number and split != "train":
            what = "1 of its {} items has an input" if number == 1 else f"{number:,} of its {{}} items have inputs"
            log.warning("%s: %s that %s was trained on", split, what.format(f"{len(inputs):,}"), network)
    return int(is_trained.sum())


def warn_of_repeated(datamodule: DataModule) -> None:
    """Log how many items to validate and test on are equal to items to train on."""
    if "train" in datamodule.items:
        own = RecordedSplit({}, datamodule.inputs["train"], datamodule.identified_by)
        warn_of_trained(datamodule, ("val", "test"), own)


def warn_of_source(datamodule: DataModule, checkpoint: Path) -> None:
    """Log how many items to validate and test on the run was trained on that initial weights are from."""
    source = checkpoint.parent.parent
    split = read_split(source)
    if split is None:  # weights from elsewhere
        return
    if not _is_comparable(split, datamodule):  # most often of other data
        log.info("init_from=%s: its items are identified in another way, and not compared with these", source)
    else:
        warn_of_trained(datamodule, ("val", "test"), split, f"init_from={source}")


def _is_comparable(recorded: RecordedSplit, datamodule: DataModule) -> bool:
    """True if equal items have equal digests in both."""
    return list(recorded.identified_by) == list(datamodule.identified_by)
