import numpy as np
import pytest
import torch

from leyden.system.errors import UserError
from leyden.tasks.decision_threshold import DecisionThreshold, best_f1_threshold, class_index


def f1(scores: np.ndarray, positive: np.ndarray, threshold: float) -> float:
    chosen = scores > threshold
    return 2 * (chosen & positive).sum() / (chosen.sum() + positive.sum())  # type: ignore[no-any-return]


@pytest.mark.parametrize("digits", [None, 1])  # of few different values many are equal
def test_no_threshold_has_a_better_f1(digits: int | None) -> None:
    draw = torch.Generator().manual_seed(1)
    logits = torch.randn(200, generator=draw)
    positive = logits + torch.randn(200, generator=draw) > 1
    logits = logits if digits is None else logits.round(decimals=digits)
    found = best_f1_threshold(logits, positive)
    assert found is not None
    scores = logits.double().sigmoid().numpy()
    best = max(f1(scores, positive.numpy(), threshold) for threshold in [0.0, *(scores - 1e-9), *(scores + 1e-9)])
    assert f1(scores, positive.numpy(), found) == pytest.approx(best)
    assert abs(scores - found).min() > 1e-5  # between items


@pytest.mark.parametrize("logits", [[1.0, 2.0], [], [torch.nan, torch.inf]])
def test_without_positive_items_there_is_none(logits: list[float]) -> None:
    assert best_f1_threshold(torch.tensor(logits), torch.zeros(len(logits), dtype=torch.bool)) is None


def test_items_that_are_not_finite_do_not_count() -> None:
    logits, positive = torch.tensor([torch.nan, -1.0, 1.0, torch.inf]), torch.tensor([True, False, True, False])
    assert best_f1_threshold(logits, positive) == pytest.approx(0.5)


def test_all_items_positive() -> None:
    found = best_f1_threshold(torch.tensor([3.0, 4.0]), torch.tensor([True, True]))
    assert found is not None
    assert found < torch.tensor(3.0).sigmoid()


def test_a_fixed_threshold_is_kept_and_a_tuned_one_is_in_the_state() -> None:
    logits, positive = torch.tensor([0.0, 2.0, 4.0]), torch.tensor([False, False, True])
    fixed, tuned = DecisionThreshold(0.3), DecisionThreshold()
    assert fixed.fit(logits, positive).item() == pytest.approx(0.3)
    assert tuned.fit(logits, positive).item() == pytest.approx(torch.tensor(3.0).sigmoid().item())
    assert tuned.state_dict()["value"] == tuned.value
    assert tuned.fit(logits, torch.zeros(3, dtype=torch.bool)) == tuned.value  # kept without positive items
    assert torch.allclose(tuned.moved(logits), logits - 3, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "names", "index"),
    [
        ("b", ("a", "b"), 1),
        (True, ("no", "yes"), 1),
        (False, ("no", "yes"), 0),
        (1, ("0", "1"), 1),
        (1.0, ("1", "2"), 0),
    ],
)
def test_a_class_is_found_by_its_name(name: object, names: tuple[str, ...], index: int) -> None:
    assert class_index(name, names, "task.positive") == index


def test_an_unknown_class_is_refused() -> None:
    with pytest.raises(UserError, match=r"^task\.positive=surived: there is no .*; did you mean .*=survived\?$"):
        class_index("surived", ("died", "survived"), "task.positive")
