"""Optimizers of torch: each trains and resumes to the same bits, and takes the gradients of a network or is refused."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn, optim

from leyden.config.compose import compose
from leyden.system.errors import UserError
from leyden.tasks.optimizers import OptimizerFactory
from leyden.tasks.sparse_gradients import check_gradients
from leyden.training.train import run_experiment
from tests.leyden.helpers.resumed import Run, assert_resumes


class Bags(nn.Module):
    """Network of sparse embeddings: of the brightness of each pixel."""

    def __init__(self, dense: bool = False) -> None:
        super().__init__()
        self.embedding = nn.EmbeddingBag(16, 4, sparse=True)
        self.output = nn.Linear(4, 4) if dense else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.output(self.embedding((x * 4 + 8).long().clamp(0, 15).flatten(1)))
        return out


def matrix() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(36, 4, bias=False))


CLASSES = sorted(name for name in optim.__all__ if isinstance(getattr(optim, name), type) and name != "Optimizer")
NETWORKS = {"SparseAdam": Bags, "Muon": matrix}  # Muon takes matrices only


@pytest.mark.parametrize("name", CLASSES)
def test_every_optimizer_trains_and_resumes_to_the_same_bits(name: str, tmp_path: Path) -> None:
    more = {"network": NETWORKS[name]} if name in NETWORKS else {}
    settings = {"line_search_fn": "strong_wolfe", "max_iter": 2} if name == "LBFGS" else {}
    run = Run(tmp_path, OptimizerFactory(partial(getattr(optim, name), lr=0.05, **settings)), **more)
    losses = [state["progress"]["metrics"]["train/loss"] for state in run.states if state["progress"]["batch"] == 0]
    assert losses[-1] < losses[0]
    assert_resumes(run)


@pytest.mark.parametrize("name", ["Adam", "AdamW", "SGD", "Adagrad"])
def test_so_does_its_fused_kernel(name: str, tmp_path: Path) -> None:
    assert_resumes(Run(tmp_path, OptimizerFactory(partial(getattr(optim, name), lr=0.05, fused=True))))


@pytest.mark.parametrize("clip", [{}, {"gradient_clip_val": 0.1}, {"accumulate_grad_batches": 3}])
@pytest.mark.parametrize(("name", "network"), [("SparseAdam", Bags), ("Adagrad", partial(Bags, dense=True))])
def test_sparse_gradients_are_clipped_by_their_norm_and_accumulated(
    name: str, network: Any, clip: dict[str, Any], tmp_path: Path
) -> None:
    run = Run(tmp_path, OptimizerFactory(partial(getattr(optim, name), lr=0.05)), network=network, **clip)
    assert_resumes(run, run.states[len(run.states) // 2]["global_step"])


def factory(name: str, **settings: Any) -> OptimizerFactory:
    return OptimizerFactory(partial(getattr(optim, name), lr=0.1, **settings))


@pytest.mark.parametrize(
    ("optimizer", "network", "message"),
    [
        (factory("SparseAdam"), matrix(), r"SparseAdam .*those of 1\.weight are dense; try optimizer=adam"),
        (factory("SparseAdam"), Bags(dense=True), "those of output.weight are dense; try optimizer=adagrad"),
        (factory("Adam"), Bags(), r"Adam .*embedding\.weight, whose gradients are sparse; try optimizer=sparse_adam"),
        (factory("AdamW"), Bags(dense=True), r"try optimizer=adagrad optimizer\.fused=false"),
        (factory("RMSprop"), Bags(), "try optimizer=sparse_adam"),
        (factory("SGD", fused=True), Bags(), r"add optimizer\.fused=false"),
        (factory("SGD", weight_decay=0.1), Bags(), r"add optimizer\.weight_decay=0"),
        (factory("Adagrad", fused=True, weight_decay=0.1), Bags(), r"fused=false optimizer\.weight_decay=0"),
    ],
)
def test_gradients_that_an_optimizer_does_not_take_are_refused(
    optimizer: OptimizerFactory, network: nn.Module, message: str
) -> None:
    with pytest.raises(UserError, match=message):
        check_gradients(optimizer, network)


@pytest.mark.parametrize("name", [name for name in CLASSES if name not in NETWORKS])
def test_dense_gradients_are_taken_by_all_others(name: str) -> None:
    check_gradients(factory(name), matrix(), clips_values=True)


@pytest.mark.parametrize("name", ["SGD", "Adagrad", "LBFGS"])
def test_some_take_both(name: str) -> None:
    check_gradients(factory(name), Bags(dense=True))


def test_an_embedding_that_is_frozen_does_not_count() -> None:
    network = Bags(dense=True)
    network.embedding.requires_grad_(False)
    check_gradients(factory("Adam"), network)


def test_sparse_gradients_cannot_be_clipped_by_value() -> None:
    with pytest.raises(UserError, match=r"trainer\.gradient_clip_algorithm=norm"):
        check_gradients(factory("SparseAdam"), Bags(), clips_values=True)
    parameter = nn.Parameter(torch.zeros(2, 2))
    parameter.grad = torch.ones(2, 2).to_sparse(1)
    with pytest.raises(NotImplementedError):  # of torch itself; once it can, the check is superfluous
        nn.utils.clip_grad_value_([parameter], 0.1)


def test_a_refused_run_has_no_directory(quick: list[str], tmp_path: Path) -> None:
    experiment = compose(["experiment=mnist_linear", "optimizer=sparse_adam", *quick])
    with pytest.raises(UserError, match="try optimizer=adam"):
        run_experiment(experiment)
    assert not (tmp_path / "logs").exists()
