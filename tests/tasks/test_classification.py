from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import SGD

from leyden import DataSpec, OptimizerFactory, UserError
from myproject.tasks.classification import Classification

SPEC = DataSpec("classification", (5,), 4, ("a", "b", "c", "d"), (0.5,), (0.25,))


def made_task(**settings: Any) -> Classification:
    return Classification(nn.Linear(5, 4), SPEC, OptimizerFactory(partial(SGD, lr=0.1)), **settings)


def logits(number: int = 20) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(3)
    return torch.randn(number, 4, generator=generator), torch.randint(0, 4, (number,), generator=generator)


@pytest.mark.parametrize("weights", [None, [1.0, 2.0, 0.5, 0.0]])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_the_loss_is_cross_entropy_with_smoothing_and_weights(smoothing: float, weights: list[float] | None) -> None:
    outputs, targets = logits()
    w = torch.tensor(weights or [1.0] * 4)
    logs = outputs.log_softmax(dim=1)
    own = -(w[targets] * logs[torch.arange(20), targets]).mean()
    spread = -(logs @ w).mean() / 4
    expected = (1 - smoothing) * own + smoothing * spread
    loss = made_task(label_smoothing=smoothing, class_weights=weights).loss(outputs, targets)
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_a_weighted_loss_does_not_depend_on_which_classes_meet_in_a_batch(smoothing: float) -> None:
    outputs, targets = logits()
    task = made_task(label_smoothing=smoothing, class_weights=[1.0, 9.0, 0.5, 0.0])
    each = torch.stack([task.loss(outputs[n : n + 1], targets[n : n + 1]) for n in range(20)])
    assert task.loss(outputs, targets).item() == pytest.approx(each.mean().item(), rel=1e-6)
    assert len(set(each.tolist())) > 4


@pytest.mark.parametrize("weights", [None, [1.0, 2.0, 0.5, 0.0]])
def test_the_loss_of_mixed_images_is_the_mean_over_their_classes_by_share(weights: list[float] | None) -> None:
    outputs, targets = logits()
    task, others = made_task(label_smoothing=0.1, class_weights=weights), targets.roll(1)
    shares = 0.7 * F.one_hot(targets, 4) + 0.3 * F.one_hot(others, 4)
    expected = 0.7 * task.loss(outputs, targets) + 0.3 * task.loss(outputs, others)
    assert task.loss(outputs, shares).item() == pytest.approx(expected.item(), rel=1e-5)
    assert torch.equal(task.metric_inputs(outputs, shares)[1], targets)
    task.train_epoch.add(task.loss(outputs, shares), outputs, shares)
    accuracy = (outputs.argmax(dim=1) == targets).float().mean().item()
    assert task.train_epoch.compute()["acc"].item() == pytest.approx(accuracy)


def test_the_classes_of_tokens_are_metric_inputs_as_they_are() -> None:
    tokens = torch.tensor([[0, 3, 1], [2, 2, 0]])
    assert torch.equal(made_task().metric_inputs(torch.zeros(2, 4, 3), tokens)[1], tokens)


@pytest.mark.parametrize("weights", [[1.0, 2.0, 3.0], [1.0] * 5, []])
def test_class_weights_of_another_number_are_refused(weights: list[float]) -> None:
    with pytest.raises(UserError, match=r"^task\.class_weights=.* 4 classes"):
        made_task(class_weights=weights)


def test_class_weights_are_a_setting_not_something_learned() -> None:
    weighted = made_task(class_weights=[1.0, 2.0, 3.0, 4.0])
    assert weighted.state_dict().keys() == made_task().state_dict().keys()


@pytest.mark.parametrize(("top_k", "names"), [(1, set()), (2, {"top2"}), (4, {"top4"}), (5, set())])  # of 4 classes
def test_the_k_likeliest_are_counted_as_asked(top_k: int, names: set[str]) -> None:
    outputs, targets = logits()
    task = made_task(top_k=top_k)
    task.val_epoch.add(task.loss(outputs, targets), outputs, targets)
    metrics = task.val_epoch.compute()
    assert metrics.keys() == {"loss", "acc", "f1"} | names
    for name in names:
        right = (outputs.topk(top_k).indices == targets[:, None]).any(dim=1)
        assert metrics[name].item() == pytest.approx(right.float().mean().item())


def test_metrics_that_agree_at_first_are_still_counted_apart() -> None:
    sure, targets = torch.eye(4), torch.arange(4)
    second = torch.eye(4) + 2 * torch.eye(4).roll(1, dims=1)  # the right class comes second
    task = made_task(top_k=2)
    task.val_epoch.add(torch.tensor(0.0), sure, targets)
    assert task.val_epoch.compute()["top2"] == 1
    task.val_epoch.reset()
    task.val_epoch.add(torch.tensor(0.0), second, targets)
    metrics = {name: value.item() for name, value in task.val_epoch.compute().items()}
    assert metrics == {"loss": 0.0, "acc": 0.0, "f1": 0.0, "top2": 1.0}


def test_the_likeliest_classes_are_told_with_their_probabilities() -> None:
    outputs = torch.tensor([[0.0, 2.0, 1.0, -1.0], [3.0, 0.0, 0.0, 3.5]])
    told = made_task().predictions(outputs, torch.zeros(2, 5), top_k=2)
    assert list(told) == ["class", "probability", "class_2", "probability_2"]
    assert (told["class"], told["class_2"]) == (["b", "d"], ["c", "a"])
    first = outputs.exp().amax(dim=1) / outputs.exp().sum(dim=1)
    assert torch.allclose(torch.as_tensor(told["probability"]), first)
    assert list(made_task().predictions(outputs, torch.zeros(2, 5)))[1:] == ["probability"]
    assert len(made_task().predictions(outputs, torch.zeros(2, 5), top_k=9)) == 8
