"""Measure of a job: its metric, and the task and the data by which it is computed. Equal measures can be ranked."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from leyden.system.override_text import as_text

Measure = dict[str, Any]  # monitor, mode, task, data, and the keys below; plain values

_DATA = ("_target_", "name", "path", "root", "split", "target")  # settings that make other data, not a part of them
_DATASET = "dataset"  # of data=dataset: settings of the data set of the metric
_LOSS = ("loss", "label_smoothing", "class_weights", "delta")  # settings of a task that make another loss
_MODES = {"min": "lowest first", "max": "highest first"}


def measure_of(config: Mapping[str, Any]) -> Measure:
    """Measure of a job, by its config.

    A loss is that of a task and its settings. Other metrics mean the same in all tasks, so that two of them may be
    compared by one.
    """
    data, task, monitor = _mapping(config.get("data")), _mapping(config.get("task")), config.get("monitor")
    dataset = data.get(str(monitor).partition("/")[0]) or data.get("train")  # a split without its own is of train
    if isinstance(dataset, Mapping):
        dataset = {key: value for key, value in dataset.items() if key != "seed"}
    measure: Measure = {
        "monitor": monitor,
        "mode": config.get("mode"),
        "task": None,
        "data": {key: data[key] for key in _DATA if data.get(key) is not None},
        _DATASET: dataset or None,
    }
    if str(monitor).endswith("loss"):
        settings = {key: task.get(key) or None for key in _LOSS if key in task or key != "loss"}
        measure |= {"task": task.get("_target_"), **settings}
    plain: Measure = json.loads(json.dumps(measure, default=str))  # equal to what sweep.json has
    return plain


def is_complete(measure: Measure) -> bool:
    """False for a measure that was recorded when measures had fewer keys."""
    return _DATASET in measure


def agree(one: Measure, other: Measure) -> bool:
    """True if two measures have equal values. A key that one of them lacks, as if recorded earlier, is equal."""
    return all(one[key] == other[key] for key in one.keys() & other.keys())


def titles(measures: Sequence[Measure]) -> list[str]:
    """Title of each measure: `val/acc (highest first): MNIST`, with what else distinguishes it from the others."""
    heads = [f"{one.get('monitor')} ({_MODES.get(str(one.get('mode')), '')}): {_name(one)}" for one in measures]
    found = []
    for head, measure in zip(heads, measures, strict=True):
        alike = [other for text, other in zip(heads, measures, strict=True) if text == head]
        parts = [*_differing(measure, alike, "data"), *_differing(measure, alike, _DATASET)]
        tasks = {str(other.get("task")) for other in alike}
        parts += [str(measure.get("task")).rpartition(".")[2]] if len(tasks) > 1 else []
        parts += _differing({"loss": measure}, [{"loss": other} for other in alike], "loss", _LOSS)
        found.append(", ".join([head, *parts]))
    return found


def _differing(measure: Measure, alike: Sequence[Measure], part: str, keys: Sequence[str] = ()) -> list[str]:
    """Settings of a part of a measure that differ among some, as `key=value`."""
    parts = [_mapping(other.get(part)) for other in alike]
    keys = keys or list(dict.fromkeys(key for one in parts for key in one if key != "_target_"))
    own = _mapping(measure.get(part))
    return [f"{key}={_text(own.get(key))}" for key in keys if len({_text(one.get(key)) for one in parts}) > 1]


def _name(measure: Measure) -> str:
    """Class of the data, with the file or the name of which set they are: `CSV cars.csv`, `Datasets FakeData`."""
    data, dataset = _mapping(measure.get("data")), _mapping(measure.get(_DATASET))
    texts = [_class(data.get("_target_", "other data")), data.get("name"), data.get("path")]
    texts += [_class(dataset["_target_"])] if "_target_" in dataset else []
    return " ".join(Path(str(text)).name for text in texts if text is not None)


def _class(target: Any) -> str:
    return str(target).rpartition(".")[2]


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else as_text(value)
