from pathlib import Path

import pytest


@pytest.fixture
def long(quick: list[str]) -> list[str]:
    """Settings of a run that takes some seconds, of 128 steps in each epoch."""
    return [*quick, "data.train_size=2048", "data.batch_size=16", "trainer.max_epochs=10"]


@pytest.fixture
def sweep_dir(tmp_path: Path) -> Path:
    return tmp_path / "sweep"


@pytest.fixture(autouse=True)
def _one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """As this process has: results are compared to the bit."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
