from pathlib import Path

import pytest

from leyden.config import Experiment


@pytest.fixture
def experiment(tmp_path: Path) -> Experiment:
    paths = {"log_dir": str(tmp_path), "run_dir": str(tmp_path / "some" / "now")}
    return Experiment("some", {"seed": 7, "monitor": "val/acc", "paths": paths, "trainer": {}}, ["seed=7"])
