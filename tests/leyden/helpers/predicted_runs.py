"""Runs that were trained for a moment, and what is predicted with them."""

import csv
from dataclasses import dataclass
from pathlib import Path

from leyden.config.compose import compose, compose_run
from leyden.data.inputs.request import check_request
from leyden.training.predict import predict_run
from leyden.training.train import run_experiment
from tests.helpers.image_files import write_folders
from tests.leyden.helpers.csv_files import write_line

QUICK = ["trainer=cpu", "trainer.max_epochs=1", "callbacks.summary=null", "callbacks.progress=null", "logger=none"]
KINDS = {
    "pictures": ["data=image_folder", "data.size=12", "data.resize=14", "data.num_workers=0", "model=linear"],
    "table": ["data=csv", "data.target=y", "model=linear", "optimizer.lr=0.1", "trainer.max_epochs=20"],
    "codes": ["data=image_folder", "data.size=12", "data.num_workers=0", "task=reconstruction", "model=linear"],
}


@dataclass
class Ran:
    """Finished runs below one folder, by kind, and their data."""

    folder: Path
    dirs: dict[str, Path]

    def predict(self, kind: str, *overrides: str) -> tuple[Path, list[dict[str, str]]]:
        recorded, settings = compose_run([f"run={self.dirs[kind]}", *overrides], "predict")
        path = predict_run(recorded, check_request(settings, recorded.dir))
        with path.open(encoding="utf-8", newline="") as file:
            return path, list(csv.DictReader(file))


def finished_runs(folder: Path, *kinds: str) -> Ran:
    """Runs of these kinds, and data for all of them."""
    write_folders(folder / "pictures", train=8, val=3, test=4)
    write_line(folder / "line.csv", 60)
    dirs = {}
    for kind in kinds:
        data = f"data.path={folder}/line.csv" if kind == "table" else f"data.root={folder}/pictures"
        dirs[kind] = folder / "runs" / kind
        run_experiment(compose([*QUICK, *KINDS[kind], data, "test=false", f"paths.run_dir={dirs[kind]}"]))
    return Ran(folder, dirs)
