from pathlib import Path

import pytest

from tests.leyden.scripts.listed_runs import keep
from tests.leyden.scripts.renaming import write_tree
from tests.leyden.tuning.quick_trials import table


@pytest.fixture
def logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Six runs: two plain, one of a sweep, one of a regression that failed, one killed, one for debugging."""
    monkeypatch.chdir(tmp_path)
    keep("logs/mnist_mlp/one", 2, metrics={"best/val/acc": 0.97, "val/acc": 0.96, "test/acc": 0.975, "test/loss": 0.1})
    keep("logs/mnist_mlp/two", 1, metrics={"best/val/acc": 0.98, "test/acc": 0.981}, seed=2, epochs=12)
    sweep = {"best/val/acc": 0.9, "test/acc": float("nan")}
    keep("logs/mnist_linear/sweeps/then/optimizer.lr=0.1,seed=3", 5, metrics=sweep, seed=3)
    keep("logs/csv_mlp/four", 4, status="failed", monitor="val/loss", metrics={"val/loss": 0.25, "test/r2": 0.8})
    keep("logs/mnist_mlp/five", 3, status="running", git={"commit": "fedcba9876543210", "dirty": True}, metrics={})
    keep("logs/debug/mnist_mlp/six", 0, metrics={"test/acc": 0.1})


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Overrides of a small experiment, one of which needs quotes in a shell."""
    monkeypatch.chdir(tmp_path)
    data = ["data=csv", f"data.path={table(tmp_path)}", "data.target=y", "task=regression", "data.batch_size=8"]
    model = ["model.hidden_sizes=[8]", "model.dropout=0.0", "trainer.accelerator=cpu"]
    return [*data, *model, f"paths.log_dir={tmp_path / 'my logs'}"]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A small repository, committed."""
    return write_tree(tmp_path / "my repo")
