import shutil
from pathlib import Path

import pytest

from tests.leyden.helpers.kept_runs import keep


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run, not to be written into."""
    typed = ["model=cnn", "data.batch_size=32", "trainer.max_epochs=3", "callbacks=none", "optimizer=sgd"]
    return keep(tmp_path_factory.mktemp("logs"), *typed)


@pytest.fixture
def run(made: Path, tmp_path: Path) -> Path:
    """The same, to be written into."""
    return Path(shutil.copytree(made, tmp_path / "run"))
