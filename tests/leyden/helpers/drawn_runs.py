"""Runs with figures, and the names of those that they drew."""

import json
from pathlib import Path

from PIL import Image

from leyden.config.compose import compose
from leyden.training.train import run_experiment


def run(settings: list[str], quick: list[str]) -> Path:
    experiment = compose([*settings, *quick])
    run_experiment(experiment)
    return experiment.run_dir


def drawn(folder: Path) -> set[str]:
    """Names of the figures in a folder, each of which is an image that is not empty."""
    names = {path.stem for path in folder.glob("*.png")}
    for name in names:
        image = Image.open(folder / f"{name}.png").convert("L")
        assert min(image.size) > 100
        assert len(set(image.tobytes())) > 10, name
    captions = json.loads((folder / "captions.json").read_text(encoding="utf-8"))
    assert {entry["name"] for entry in captions} == names
    assert all(entry["caption"] and entry["title"] for entry in captions)
    return names
