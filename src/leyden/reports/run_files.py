"""Contents of a run directory for a report, as far as they can be read: a run may be old, damaged, or still running."""

import hashlib
import re
import zipfile
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from leyden.config.overrides import without_password
from leyden.plots.plot import PLOTS, read_captions
from leyden.records.record import CONFIG, LOG, OVERRIDES, RECORD, Record, of_type, read_record, read_yaml, status
from leyden.reports.history import METRICS, History, read_history
from leyden.reports.overfitting import Verdict, judge
from leyden.system.errors import UserError

SPLIT = "split.npz"
_SPLITS = ("train", "val", "test")
_LINE = re.compile(r"\d{4}-\d\d-\d\d (\d\d:\d\d:\d\d),\d+ ([A-Z]+) [\w.]+: (.*)")
_LINES = 6  # of a warning that has several


@dataclass(frozen=True)
class Plot:
    """A figure of the run: the path of its PNG file, a title, and a caption."""

    path: Path
    title: str
    caption: str

    @property
    def name(self) -> str:
        """Name of the figure, the same in every run."""
        return self.path.stem


@dataclass(frozen=True)
class RunFiles:
    """Contents of a run directory.

    Attributes:
        dir: the directory.
        record: run.json; any key may be missing.
        status: the current one.
        config: config.yaml; empty if it cannot be read.
        overrides: as they were typed, secrets masked.
        history: metrics.csv.
        plots: in the order in which they are shown.
        splits: number of items and fingerprint of each split.
        network: the line of the log that describes it; empty if there is none.
        warnings: times and texts of warnings and errors in the log.
        patches: changes of the code, by file name.
        unread: the reason for each file that cannot be read.
    """

    dir: Path
    record: Record
    status: str
    config: dict[str, Any]
    overrides: list[str]
    history: History
    plots: list[Plot]
    splits: dict[str, tuple[int, str]]
    network: str
    warnings: list[tuple[str, str]]
    patches: dict[str, bytes]
    unread: list[str] = field(default_factory=list)

    @property
    def experiment(self) -> str:
        """Name of the experiment."""
        return str(self.record.get("experiment") or self.dir.resolve().parent.name)

    @property
    def monitor(self) -> str:
        """The monitored metric."""
        return str(self.record.get("monitor") or self.config.get("monitor") or "val/loss")

    @property
    def mode(self) -> str:
        """`min` or `max`, for the monitored metric."""
        mode = self.config.get("mode")
        return mode if mode in ("min", "max") else "min" if self.monitor.endswith("loss") else "max"

    @property
    def metrics(self) -> dict[str, float]:
        """Recorded metrics."""
        found = of_type(dict, self.record.get("metrics")) or {}
        return {name: float(value) for name, value in found.items() if of_type((int, float), value) is not None}

    @cached_property
    def best_epoch(self) -> int | None:
        """Epoch of the best value of the monitored metric, of whose weights a test is; None if not logged."""
        return self.history.best_epoch(self.monitor, self.mode)

    @property
    def best(self) -> float | None:
        """Best value of the monitored metric."""
        logged = self.history.of(self.monitor)
        recorded = self.metrics.get(f"best/{self.monitor}")
        return logged[self.best_epoch] if recorded is None and self.best_epoch else recorded

    @cached_property
    def verdict(self) -> Verdict:
        """Whether it overfits."""
        return judge(self.history.of("train/loss"), self.history.of("val/loss"))


def read_run(run_dir: Path) -> RunFiles:
    """The contents of a run directory. What is missing is empty; what is damaged is named in `unread`."""
    unread: list[str] = []

    def noted(error: Exception, path: Path) -> None:
        text = str(error) if isinstance(error, UserError) else f"{path}: cannot be read ({error})"
        unread.append(" ".join(text.split()))

    record: Record = {}
    try:
        record = read_record(run_dir)
    except UserError as error:
        noted(error, run_dir / RECORD)
    config, overrides = (_yaml(run_dir / name, unread) for name in (CONFIG, OVERRIDES))
    history = History()
    try:
        history = read_history(run_dir)
    except OSError as error:
        noted(error, run_dir / METRICS)
    splits: dict[str, tuple[int, str]] = {}
    try:
        splits = _splits(run_dir / SPLIT)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        noted(error, run_dir / SPLIT)
    network, warnings = _log(run_dir / LOG)
    return RunFiles(
        dir=run_dir,
        record=record,
        status=status(run_dir, record) if "status" in record else "unknown",
        config=of_type(dict, config) or {},
        overrides=[without_password(str(override)) for override in of_type(list, overrides) or []],
        history=history,
        plots=_plots(run_dir / PLOTS),
        splits=splits,
        network=network,
        warnings=warnings,
        patches={path.name: path.read_bytes() for path in sorted(run_dir.glob("changes*.patch"))},
        unread=unread,
    )


def _yaml(path: Path, unread: list[str]) -> Any:
    try:
        return read_yaml(path) if path.is_file() else None
    except UserError as error:
        unread.append(str(error))
        return None


def _plots(folder: Path) -> list[Plot]:
    """Figures in the order of captions.json, then those that it does not name."""
    found: dict[str, Plot] = {}
    for entry in read_captions(folder):
        path = folder / f"{Path(entry['name']).name}.png"
        if path.is_file():
            found[path.name] = Plot(path, str(entry.get("title") or _title(path)), str(entry.get("caption") or ""))
    others = [path for path in sorted(folder.glob("*.png")) if path.name not in found]
    return [*found.values(), *(Plot(path, _title(path), "") for path in others)]


def _title(path: Path) -> str:
    return path.stem.replace("_", " ").capitalize()


def _splits(path: Path) -> dict[str, tuple[int, str]]:
    """Number of items of each recorded split, and a fingerprint, which does not depend on their order."""
    if not path.is_file():
        return {}
    with np.load(path, allow_pickle=False) as file:
        digests = {name: np.sort(file[name]) for name in _SPLITS if name in file}
    return {name: (len(items), hashlib.sha256(items.tobytes()).hexdigest()[:8]) for name, items in digests.items()}


def _log(path: Path) -> tuple[str, list[tuple[str, str]]]:
    """The line about the network in a log, and its warnings and errors, each once."""
    network, warnings, is_open = "", list[tuple[str, list[str]]](), False
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return "", []
    for line in lines:
        if match := _LINE.fullmatch(line):
            time, level, text = match.groups()
            is_open = level in ("WARNING", "ERROR", "CRITICAL")
            if is_open:
                warnings.append((time, [text]))
            elif text.startswith("network: "):
                network = text.removeprefix("network: ")
        elif is_open and line.strip():
            warnings[-1][1].append(line)
    texts = {"\n".join(text[:_LINES]) + "\n…" * (len(text) > _LINES): time for time, text in reversed(warnings)}
    return network, [(time, without_password(text)) for text, time in reversed(texts.items())]
