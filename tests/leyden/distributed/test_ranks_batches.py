"""Two processes, and batches whose gradients are accumulated, train and measure as one batch of the same items."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from leyden.config.compose import compose
from leyden.records.record import read_record
from leyden.training.train import run_experiment

pytestmark = pytest.mark.slow

SETTINGS = {
    "weighted classes": ["data.target=origin", "task=classification", "task.class_weights=[1,9,0.5]", "model=linear"],
    "several numbers": ["data.target=[mpg,weight]"],
}
DIVISIONS = [(14, 1), (7, 2)]  # items in a batch of each of two processes, and accumulation: 28 in a step


def outcome(folder: Path, batch_size: int, accumulate: int, processes: int, *more: str) -> dict[str, Tensor]:
    """The weights of a run at its end, and its metrics."""
    settings = [
        "experiment=csv_linear",
        *more,
        f"data.batch_size={batch_size}",
        "data.test_size=91",
        "data.val_size=21",
        "data.eval_batch_size=7",
        "optimizer=sgd",
        "optimizer.lr=0.02",
        "scheduler=onecycle",
        "trainer.max_epochs=2",
        f"trainer.accumulate_grad_batches={accumulate}",
        "trainer=ddp_cpu" if processes > 1 else "trainer=cpu",
        "callbacks.summary=null",
        f"paths.log_dir={folder}",
        f"paths.run_dir={folder}/run",
    ]
    experiment = compose(settings)
    run_experiment(experiment)
    metrics = {name: torch.tensor(value) for name, value in read_record(experiment.run_dir)["metrics"].items()}
    last = torch.load(experiment.run_dir / "checkpoints" / "last.ckpt", weights_only=True)
    return metrics | last["state_dict"]


@pytest.mark.parametrize(("kind", "items"), [("several numbers", 286), ("weighted classes", 285)])
def test_batches_of_the_same_items_lead_to_the_same_end(
    kind: str, items: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where one process has an item more than the other."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    more = [*SETTINGS[kind], f"data.train_size={items}"]
    whole = outcome(tmp_path / "alone", 28, 1, 1, *more)
    for batch_size, accumulate in DIVISIONS:
        found = outcome(tmp_path / f"{batch_size}x{accumulate}", batch_size, accumulate, 2, *more)
        torch.testing.assert_close(found, whole, rtol=1e-5, atol=1e-5)
