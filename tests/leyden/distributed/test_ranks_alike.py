"""Two processes do together what one does alone."""

import os
from itertools import product
from pathlib import Path
from types import SimpleNamespace
from typing import Unpack

import pytest
import torch
from lightning.pytorch.trainer.connectors import accelerator_connector
from torch import Tensor, distributed

from leyden.config.compose import compose
from leyden.data.loader import Order, TensorLoader
from leyden.records.record import read_record
from leyden.system.errors import UserError
from leyden.training.train import run_experiment
from myproject.data.mnist import MNIST
from tests.helpers.image_files import write_folders

pytestmark = pytest.mark.slow

MADE = ("LOCAL_RANK", "NODE_RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")


@pytest.fixture
def cars(tmp_path: Path, mnist_root: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A linear regression on 256 cars, with 51 to validate on and 91 to test on."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    sizes = ["data.test_size=91", "data.val_size=51", "trainer.max_epochs=3"]
    places = [f"paths.data_dir={mnist_root}", f"paths.log_dir={tmp_path}", f"paths.run_dir={tmp_path}/run"]
    return ["experiment=csv_linear", *sizes, *places, "callbacks.summary=null"]


def outcome(*overrides: str) -> tuple[dict[str, float], dict[str, Tensor]]:
    """The metrics and the weights of a run from its beginning to its end."""
    experiment = compose(overrides)
    run_experiment(experiment)
    last = torch.load(experiment.run_dir / "checkpoints" / "last.ckpt", weights_only=True)
    return read_record(experiment.run_dir)["metrics"], last["state_dict"]


def test_two_processes_find_what_one_does_again_and_again_and_in_a_notebook(
    cars: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    halves = ["trainer=ddp_cpu", "data.batch_size=16", "data.eval_batch_size=23"]  # a batch that is left has one item
    for place, start in enumerate([[], [f"init_from={tmp_path}/run", "seed=1"]]):
        monkeypatch.setattr(accelerator_connector, "_IS_INTERACTIVE", False)
        metrics, weights = outcome(*cars, *start, "trainer=cpu", "data.batch_size=32")
        monkeypatch.setattr(accelerator_connector, "_IS_INTERACTIVE", True)
        before = dict(os.environ)
        found, others = outcome(*cars, *start, *halves)
        assert found == pytest.approx(metrics, abs=1e-5, rel=1e-5)
        torch.testing.assert_close(others, weights, atol=1e-5, rtol=1e-5)
        assert not distributed.is_initialized()
        assert {name: os.environ.get(name) for name in MADE} == {name: before.get(name) for name in MADE}
        assert len([path for path in tmp_path.iterdir() if path.name != "last"]) == 2 * (place + 1)


def test_each_process_computes_all_features(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    root = write_folders(tmp_path / "pictures", train=4, val=3, test=3)
    data = ["experiment=folder_resnet", f"data.root={root}", "data.size=32", "data.cache=true", "data.augment=null"]
    model = ["model.weights=null", "model.freeze=backbone", "trainer.max_epochs=2", "callbacks=default"]
    places = [f"paths.log_dir={tmp_path}/logs", f"paths.run_dir={tmp_path}/logs/run", "callbacks.summary=null"]
    metrics, weights = outcome(*data, *model, *places, "trainer=cpu", "data.batch_size=12")
    found, others = outcome(*data, *model, *places, "trainer=ddp_cpu", "data.batch_size=6")
    assert found == pytest.approx(metrics, abs=1e-4, rel=1e-4)
    torch.testing.assert_close(others, weights, atol=1e-4, rtol=1e-4)
    assert (tmp_path / "logs" / "run_2" / "train.log").read_text().count("features of the frozen backbone: train") == 1


@pytest.mark.parametrize("pad_to_world_size", [True, False])
def test_processes_have_as_many_batches_whatever_the_number_of_items(pad_to_world_size: bool) -> None:
    """Without a shuffle: where the same few batches are learned by heart (even), and where each item counts once."""
    for total, size, world in product(range(2, 30), range(2, 9), (2, 3)):
        if total >= world:
            ranks = [
                loader(total, size, rank=rank, world_size=world, pad_to_world_size=pad_to_world_size)
                for rank in range(world)
            ]
            seen = [[batch.tolist() for _, batch in of] for of in ranks]
            assert {len(batches) for batches in seen} == {len(ranks[0])}
            items = [item for batches in seen for batch in batches for item in batch]
            assert sorted(set(items)) == list(range(total))
            assert len(items) == (-(-total // world) * world if pad_to_world_size else total)


def loader(total: int, size: int, **order: Unpack[Order]) -> TensorLoader:
    items = torch.arange(total)
    return TensorLoader(items[:, None], items, size, lambda inputs, _: inputs, **order)


def test_the_same_few_batches_are_as_many_in_each_process() -> None:
    data = MNIST("")
    trainer = SimpleNamespace(overfit_batches=1.0, current_epoch=0, global_rank=1, world_size=2)
    trainer.strategy = SimpleNamespace(root_device="cpu")
    data.trainer = trainer  # type: ignore[assignment]
    assert data.order("train") | {"epoch": None, "start": None} == {
        "shuffle": False,
        "pad_to_world_size": True,
        "seed": 0,
        "epoch": None,
        "start": None,
        "device": "cpu",
        "rank": 1,
        "world_size": 2,
    }
    assert not data.order("val")["pad_to_world_size"]


def test_processes_that_a_run_directory_could_not_follow_are_refused(cars: list[str]) -> None:
    with pytest.raises(UserError, match=r"use trainer\.strategy=ddp"):
        run_experiment(compose([*cars, "trainer=ddp_cpu", "trainer.strategy=ddp_spawn"]))
