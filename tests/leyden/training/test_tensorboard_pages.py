"""TensorBoard's pages in a browser: none of those that the documentation names is empty."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from leyden.config.compose import compose
from leyden.training.train import run_experiment
from tests.leyden.training.test_tensorboard_summaries import asked, tensorboard

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
PAGES = ["timeseries", "scalars", "custom_scalars", "images", "text", "hparams", "histograms", "distributions"]
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars"]
FLAGS += ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--window-size=1400,900"]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: Debian's package chromium"),
]


def pixels(address: str, folder: Path) -> np.ndarray:
    """Screenshot (H, W) of the content of a page, without its header and its list of runs."""
    path, user = folder / "page.png", folder / "user"
    more = [f"--user-data-dir={user}", f"--screenshot={path}", "--virtual-time-budget=25000", address]
    subprocess.run([str(CHROMIUM), *FLAGS, *more], check=True, capture_output=True, timeout=120)
    return np.asarray(Image.open(path).convert("L"))[120:, 340:]


def test_no_page_is_empty(quick: list[str], tmp_path: Path) -> None:
    few = ["callbacks=hooks", "callbacks.hooks.every_n_steps=1", "trainer.log_every_n_steps=1"]
    run_experiment(compose([*quick, "model=linear", *few]))
    (tmp_path / "empty").mkdir()
    with tensorboard(tmp_path / "logs") as address:
        assert len(asked(address, "runs")) == 1
        shown = {page: pixels(f"{address}/#{page}", tmp_path) for page in PAGES}
    with tensorboard(tmp_path / "empty") as address:
        blank = {page: pixels(f"{address}/#{page}", tmp_path) for page in PAGES}
    for page in PAGES:
        ink, none = (float((of < 160).mean()) for of in (shown[page], blank[page]))
        assert ink > 0.002, f"{page}: {ink:.4f} of the page is dark, {none:.4f} without a run"
        assert not np.array_equal(shown[page], blank[page]), page


def test_the_projector_has_its_points(quick: list[str], tmp_path: Path) -> None:
    run_experiment(compose([*quick, "model=linear", "callbacks=projector", "callbacks.projector.items=50"]))
    with tensorboard(tmp_path / "logs") as address:
        [run] = asked(address, "plugin/projector/runs")
        info = asked(address, f"plugin/projector/info?run={run}")
    [embedding] = info["embeddings"]
    assert embedding["tensorShape"] == [50, 784]
