"""Measure of a job: its metric, and the task and the data by which it is computed. Equal measures can be ranked."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

Measure = dict[str, Any]  # monitor, mode, task, data; plain values

_DATA = ("_target_", "name", "path", "root", "split", "target")  # settings that make other data, not a part of them
_MODES = {"min": "lowest first", "max": "highest first"}


def measure_of(config: Mapping[str, Any]) -> Measure:
    """Measure of a job, by its config.

    A loss is that of a task. Other metrics mean the same in all tasks, so that two of them may be compared by one.
    """
    data, task = config.get("data"), config.get("task")
    settings = {key: data[key] for key in _DATA if data.get(key) is not None} if isinstance(data, Mapping) else {}
    monitor = config.get("monitor")
    of_task = task.get("_target_") if isinstance(task, Mapping) and str(monitor).endswith("loss") else None
    return {"monitor": monitor, "mode": config.get("mode"), "task": of_task, "data": settings}


def key_of(measure: Measure | None) -> str:
    """Text that is the same for equal measures."""
    return json.dumps(measure, sort_keys=True, default=str)


def titles(measures: Sequence[Measure]) -> list[str]:
    """Title of each measure: `val/acc (highest first): MNIST`, with what else distinguishes it from the others."""
    heads = [f"{one.get('monitor')} ({_MODES.get(str(one.get('mode')), '')}): {_name(_data(one))}" for one in measures]
    found = []
    for head, measure in zip(heads, measures, strict=True):
        alike = [other for text, other in zip(heads, measures, strict=True) if text == head]
        parts = [
            f"{key}={_data(measure).get(key)}"
            for key in _DATA[1:]
            if len({str(_data(other).get(key)) for other in alike}) > 1
        ]
        tasks = {str(other.get("task")) for other in alike}
        parts += [str(measure.get("task")).rpartition(".")[2]] if len(tasks) > 1 else []
        found.append(", ".join([head, *parts]))
    return found


def _data(measure: Measure) -> Mapping[str, Any]:
    data = measure.get("data")
    return data if isinstance(data, Mapping) else {}


def _name(data: Mapping[str, Any]) -> str:
    """Class of the data, with the file or the name of which set they are: `CSV cars.csv`."""
    texts = [str(data.get("_target_", "other data")).rpartition(".")[2], data.get("name"), data.get("path")]
    return " ".join(Path(str(text)).name for text in texts if text is not None)
