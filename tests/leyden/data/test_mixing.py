from collections.abc import Iterator
from itertools import pairwise

import pytest
import torch
from torch import Generator, Tensor

from leyden.data.loader import TensorLoader
from leyden.data.mixing import Mixing

LABELS = torch.tensor([2, 0, 1, 2])
IMAGES = torch.arange(4.0).view(-1, 1, 1, 1).expand(4, 3, 12, 20).contiguous()  # each image has one value


def draws(mixing: Mixing, number: int = 40) -> Iterator[tuple[Tensor, Tensor]]:
    for seed in range(number):
        yield mixing(IMAGES.clone(), LABELS, Generator().manual_seed(seed))


@pytest.mark.parametrize("settings", [{"mixup": 0.2}, {"cutmix": 1.0}, {"mixup": 0.4, "cutmix": 0.5}])
def test_targets_are_probabilities_in_proportion_to_the_images(settings: dict[str, float]) -> None:
    for images, targets in draws(Mixing(3, **settings)):
        assert targets.shape == (4, 3)
        assert torch.allclose(targets.sum(dim=1), torch.ones(4))
        assert targets.min() >= 0
        # the mean of image i is between i and that of the image before it, by the share of its own class
        for place, before, mean in zip(range(4), (3, 0, 1, 2), images.mean(dim=(1, 2, 3)), strict=True):
            share = targets[place, LABELS[place]].item()
            if LABELS[place] == LABELS[before]:
                assert share == pytest.approx(1)
            else:
                assert mean.item() == pytest.approx(share * place + (1 - share) * before, abs=1e-5)


def test_mixup_blends_whole_images_and_cutmix_pastes_one_rectangle() -> None:
    for images, _ in draws(Mixing(3, mixup=1.0)):
        assert all(len(image.unique()) == 1 for image in images)
    for images, _ in draws(Mixing(3, cutmix=1.0)):
        pasted = images[1, 0] == 0  # of the image before
        rows, columns = pasted.any(dim=1), pasted.any(dim=0)
        assert torch.equal(pasted, rows[:, None] & columns)
        assert all(torch.equal(channel == 0, pasted) for channel in images[1])
        for line in (rows, columns):
            assert sum(one != other for one, other in pairwise(line.tolist())) <= 2


def test_both_together_are_drawn_about_equally_often() -> None:
    kinds = [len(images[1].unique()) == 1 for images, _ in draws(Mixing(3, mixup=1.0, cutmix=1.0), 200)]
    assert 0.35 < sum(kinds) / len(kinds) < 0.7  # a rectangle may be empty, too


def test_the_share_is_of_a_beta_distribution() -> None:
    for alpha, variance in ((1.0, 1 / 12), (0.2, 1 / 5.6)):
        shares = torch.stack([targets[1, 0] for _, targets in draws(Mixing(3, mixup=alpha), 800)])
        assert shares.mean().item() == pytest.approx(0.5, abs=0.05)
        assert shares.var().item() == pytest.approx(variance, rel=0.12)


def test_what_is_drawn_is_a_function_of_the_seed_alone() -> None:
    mixing = Mixing(3, mixup=1.0, cutmix=1.0)
    first, second = Generator().manual_seed(7), Generator().manual_seed(7)
    torch.rand(5, generator=second)
    state = torch.get_rng_state()
    assert all(map(torch.equal, mixing(IMAGES, LABELS, first), mixing(IMAGES, LABELS, second)))
    assert torch.equal(torch.get_rng_state(), state)
    assert not torch.equal(mixing(IMAGES, LABELS, Generator().manual_seed(8))[1], mixing(IMAGES, LABELS, first)[1])
    assert torch.equal(IMAGES[:, 0, 0, 0], torch.arange(4.0))  # the inputs are not changed


def test_a_loader_mixes_what_it_has_transformed_and_resumes_with_the_same_bits() -> None:
    def loader(start: int = 0) -> TensorLoader:
        made = TensorLoader(
            IMAGES.repeat(5, 1, 1, 1), LABELS.repeat(5), 6, lambda x, g: x * 2, shuffle=True, start=lambda: start
        )
        made.mix = Mixing(3, mixup=1.0)
        return made

    whole, rest = list(loader()), list(loader(2))
    assert len(rest) == len(whole) - 2
    for (images, targets), (same, as_well) in zip(whole[2:], rest, strict=True):
        assert torch.equal(images, same)
        assert torch.equal(targets, as_well)
    assert max(images.max().item() for images, _ in whole) > 3
    inputs, plain = loader().take(torch.tensor([1, 2]))
    assert (inputs[:, 0, 0, 0].tolist(), plain.tolist()) == ([2.0, 4.0], [0, 1])
