import math
import weakref
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F
from torchmetrics import MeanMetric, MetricCollection
from torchmetrics.classification import MulticlassAccuracy, MulticlassAUROC, MulticlassF1Score

from leyden.tasks.epoch_metrics import EpochMetrics

SIZES = [8, 8, 3, 8, 1, 8, 5]
Steps = list[tuple[Tensor, Tensor, Tensor]]


def metrics() -> MetricCollection:
    return MetricCollection(
        {
            "acc": MulticlassAccuracy(4, average="micro"),
            "f1": MulticlassF1Score(4, average="macro"),
            "top2": MulticlassAccuracy(4, average="micro", top_k=2),
        }
    )


def steps(sizes: list[int] = SIZES, seed: int = 0) -> Steps:
    """The loss, outputs and targets of batches of these sizes."""
    generator = torch.Generator().manual_seed(seed)
    made = []
    for size in sizes:
        outputs = torch.randn(size, 4, generator=generator)
        targets = torch.randint(0, 4, (size,), generator=generator)
        made.append((F.cross_entropy(outputs, targets), outputs, targets))
    return made


def at_once(seen: Steps) -> dict[str, float]:
    """What all items together give, reckoned without torchmetrics."""
    outputs, targets = torch.cat([o for _, o, _ in seen]), torch.cat([t for _, _, t in seen])
    guesses = outputs.argmax(dim=1)
    f1 = []
    for label in range(4):
        right = ((guesses == label) & (targets == label)).sum().item()
        f1.append(2 * right / max(1, ((guesses == label).sum() + (targets == label).sum()).item()))
    return {
        "loss": F.cross_entropy(outputs, targets).item(),
        "acc": (guesses == targets).float().mean().item(),
        "f1": sum(f1) / 4,
        "top2": (outputs.topk(2).indices == targets[:, None]).any(dim=1).float().mean().item(),
    }


def fill(meter: EpochMetrics, seen: Steps) -> EpochMetrics:
    for step in seen:
        meter.add(*step)
    return meter


def values(meter: EpochMetrics) -> dict[str, float]:
    return {name: value.item() for name, value in meter.compute().items()}


@pytest.mark.parametrize("block", [1, 2, 3, 7, 50])
def test_a_meter_tells_what_all_items_together_give(block: int) -> None:
    assert values(fill(EpochMetrics(metrics(), block), steps())) == pytest.approx(at_once(steps()))


def test_the_loss_is_that_of_an_item_not_of_a_batch() -> None:
    meter, nothing = EpochMetrics(metrics()), torch.zeros(9, 4)
    meter.add(torch.tensor(1.0), nothing[:9], torch.zeros(9, dtype=torch.int64))
    meter.add(torch.tensor(11.0), nothing[:1], torch.zeros(1, dtype=torch.int64))
    assert meter.compute()["loss"] == pytest.approx(2.0)


@pytest.mark.parametrize("block", [2, 50])
def test_it_can_be_read_in_between(block: int) -> None:
    meter, seen = EpochMetrics(metrics(), block), steps()
    assert values(fill(meter, seen[:3])) == pytest.approx(at_once(seen[:3]))
    assert values(fill(meter, seen[3:])) == pytest.approx(at_once(seen))


@pytest.mark.parametrize("block", [2, 50])
def test_reset_forgets_everything(block: int) -> None:
    meter = fill(EpochMetrics(metrics(), block), steps(seed=1))
    meter.reset()
    assert values(fill(meter, steps())) == pytest.approx(at_once(steps()))
    meter.compute()
    meter.reset()
    assert values(fill(meter, steps(seed=2))) == pytest.approx(at_once(steps(seed=2)))


def test_steps_are_held_without_what_backward_needed() -> None:
    inputs, weight = torch.ones(4, 4), torch.ones(4, requires_grad=True)
    held = weakref.ref(inputs)
    outputs = inputs * weight  # keeps the inputs for the gradient of the weight
    meter = EpochMetrics(metrics())
    meter.add(F.cross_entropy(outputs, torch.arange(4)), outputs, torch.arange(4))
    del inputs, outputs
    assert held() is None


def test_a_loss_that_became_nan_is_told() -> None:
    seen = steps()
    seen[2] = torch.tensor(math.nan), *seen[2][1:]
    assert math.isnan(values(fill(EpochMetrics(metrics()), seen))["loss"])


@pytest.mark.parametrize("block", [1, 2, 3, 7, 50])
@pytest.mark.parametrize("done", range(len(SIZES) + 1))
def test_a_meter_goes_on_from_what_another_has_seen_to_the_same_bits(block: int, done: int) -> None:
    seen, first, second = steps(), EpochMetrics(metrics(), block), EpochMetrics(metrics(), block)
    state = fill(first, seen[:done]).state()
    second.load_state(state)
    assert values(fill(second, seen[done:])) == values(fill(EpochMetrics(metrics(), block), seen))


def test_what_a_meter_has_seen_is_plain_and_whatever_saw_more_meanwhile(tmp_path: Path) -> None:
    meter, seen = EpochMetrics(metrics(), block=2), steps()
    torch.save(fill(meter, seen[:3]).state(), tmp_path / "state")
    values(fill(meter, seen[3:]))
    other = fill(EpochMetrics(metrics(), block=2), steps(seed=1))
    for _ in range(2):  # also when it has seen something else
        other.load_state(torch.load(tmp_path / "state", weights_only=True))
        assert values(fill(other, seen[3:])) == values(meter) == pytest.approx(at_once(seen))


def test_to_tell_its_state_changes_nothing() -> None:
    meter, seen = EpochMetrics(metrics(), block=3), steps()
    for step in seen:
        meter.add(*step)
        meter.state()
    assert values(meter) == values(fill(EpochMetrics(metrics(), block=3), seen))


def test_metrics_that_collect_whole_outputs_go_on_too() -> None:
    def meter() -> EpochMetrics:
        return EpochMetrics(MetricCollection({"auroc": MulticlassAUROC(4, thresholds=None)}), block=2)

    seen, second = steps(), meter()
    second.load_state(fill(meter(), seen[:3]).state())
    assert values(fill(second, seen[3:])) == values(fill(meter(), seen))


def test_without_a_block_metrics_see_what_is_known_at_the_end() -> None:
    shift = [0.0]
    meter = EpochMetrics(MetricCollection({"mean": MeanMetric()}), None, lambda outputs, targets: (outputs + shift[0],))
    for _ in range(200):
        meter.add(torch.tensor(0.0), torch.ones(3), torch.zeros(3))
    shift[0] = 1.0
    assert meter.compute()["mean"] == 2
