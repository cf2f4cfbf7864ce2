"""Run directories for reports, without a run; and what a page must be."""

import json
import re
import zlib
from collections.abc import Mapping, Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from PIL import Image

VOID = {"meta", "img", "br"}
Curves = Mapping[str, Sequence[float | None]]

CONFIG: dict[str, Any] = {
    "seed": 1,
    "monitor": "val/acc",
    "mode": "max",
    "data": {"_target_": "leyden.data.csv.CSV", "path": "data/cars.csv", "batch_size": 32, "ignore": ["name", "id"]},
    "model": {"_target_": "torch.nn.Identity", "channels": [6, 16], "dropout": 0.5},
    "optimizer": {"_target_": "torch.optim.Adam", "lr": 0.002},
    "trainer": {"max_epochs": 4},
    "paths": {"run_dir": "logs/some/now", "log_dir": "logs"},
}
OVERRIDES = ["experiment=some", "optimizer.lr=2e-3", "model=cnn"]
CURVES: Curves = {
    "train/loss": [0.9, 0.5, 0.4, 0.3],
    "val/loss": [0.8, 0.6, 0.55, 0.5],
    "train/acc": [0.5, 0.7, 0.8, 0.85],
    "val/acc": [0.6, 0.7, 0.75, 0.74],
}
LOG = """\
2026-01-31 12:00:00,000 INFO leyden.training.train: network: MLP, 1,234 parameters on cpu
2026-01-31 12:00:01,000 WARNING leyden.training.train: classes are <unbalanced> & few
of "cats"
2026-01-31 12:00:02,000 INFO leyden.training.train: kept in logs
"""


def keep_run(
    run_dir: Path,
    curves: Curves = CURVES,
    config: Mapping[str, Any] | None = None,
    overrides: Sequence[str] = OVERRIDES,
    plots: Sequence[str] = ("confusion_matrix", "worst_predictions"),
    caption: str = "Most often confused: 4 as 9 (23).",
    **record: Any,
) -> Path:
    """The directory of a run of a few epochs that was written by hand."""
    run_dir.mkdir(parents=True)
    whole = CONFIG if config is None else config
    (run_dir / "config.yaml").write_text(yaml.safe_dump(dict(whole), sort_keys=False))
    (run_dir / "overrides.yaml").write_text(yaml.safe_dump(list(overrides)))
    write_metrics(run_dir, curves)
    (run_dir / "train.log").write_text(LOG)
    items = {"train": np.arange(6, dtype=np.uint64), "val": np.arange(6, 9, dtype=np.uint64)}
    np.savez(run_dir / "split.npz", version=1, identified_by=np.array(["pixels"]), **items)
    metrics = {name: values[-1] for name, values in curves.items() if values}
    kept = {
        "status": "finished",
        "experiment": "some",
        "command": "python train.py " + " ".join(overrides),
        "started": "2026-01-31T12:00:00+00:00",
        "seconds": 62.0,
        "monitor": "val/acc",
        "epochs": 4,
        "metrics": {**metrics, "best/val/acc": 0.75, "test/acc": 0.73, "test/loss": 0.52},
        "git": {"commit": "0123456789abcdef", "dirty": False},
        "versions": {"python": "3.12.1", "torch": "2.15.0"},
        "host": "laboratory",
        "data": "data/cars.csv: 6 train, 3 val, 2 test",
        **record,
    }
    (run_dir / "run.json").write_text(json.dumps(kept))
    keep_plots(run_dir, plots, caption)
    return run_dir


def write_metrics(run_dir: Path, curves: Curves) -> None:
    """metrics.csv of values by epoch; None where a metric was not measured, NaN where it is."""
    lines = [",".join(["epoch", "step", *curves])]
    for epoch in range(max(map(len, curves.values()), default=0)):
        cells = [values[epoch] if epoch < len(values) else None for values in curves.values()]
        lines.append(
            ",".join([str(epoch), str(10 * epoch + 9), *("" if cell is None else str(cell) for cell in cells)])
        )
    (run_dir / "metrics.csv").write_text("\n".join(lines) + "\n")


def keep_plots(run_dir: Path, names: Sequence[str], caption: str, size: tuple[int, int] = (60, 40)) -> None:
    """Figures of noise, which cannot be compressed, with their captions."""
    if not names:
        return
    folder = run_dir / "plots"
    folder.mkdir(exist_ok=True)
    for name in names:
        noise = np.random.default_rng(zlib.crc32(name.encode())).integers(0, 256, (size[1], size[0], 3), np.uint8)
        Image.fromarray(noise).save(folder / f"{name}.png")
    entries = [{"name": name, "title": name.replace("_", " ").capitalize(), "caption": caption} for name in names]
    (folder / "captions.json").write_text(json.dumps(entries))


class Page(HTMLParser):
    """A page, read: its texts and attributes. An element that is not closed, or in another, is an error."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.names: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] not in (["style"], ["title"]):
            self.texts.append(data)

    @property
    def text(self) -> str:
        """All that a reader sees, with single blanks."""
        return " ".join(" ".join(self.texts).split())


def read_page(text: str) -> Page:
    """A page that is well formed, refers to nothing outside itself, and runs nothing."""
    assert text.startswith("<!DOCTYPE html>")
    page = Page(text)
    assert not {"script", "link", "iframe", "object", "embed", "base", "form"} & set(page.names)
    anchors = {value for name, value in page.attributes if name == "id"}
    for name, value in page.attributes:
        assert not name.startswith("on")
        if name in ("src", "href", "srcset", "poster", "data", "action", "background", "xlink:href"):
            assert value.startswith("data:") or (value[:1] == "#" and value[1:] in anchors), (name, value[:80])
        assert name != "style"
    assert not re.search(r"url\(|@import|https?://", text.partition("</style>")[0])
    assert len(text.encode()) <= 2_000_000
    return page
