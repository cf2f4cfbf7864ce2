"""Mixtures of the images of a training batch, and of their classes: MixUp and CutMix."""

import math

import numpy as np
import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from leyden.data.loader import Batch
from leyden.system.seeds import seed_for


class Mixing:
    """Mixes each image of a batch with the one before it, and their classes in the same proportion.

    The share of the image itself is drawn from Beta(alpha, alpha), once for a batch, as in torchvision. If both kinds
    are on, each batch is mixed by one of them, with equal probability.

    Args:
        classes: number of classes.
        mixup: alpha of MixUp, the weighted mean of two images; 0 for none.
            Zhang et al. (2018), mixup: Beyond Empirical Risk Minimization.
        cutmix: alpha of CutMix, which pastes a rectangle of one image into another; 0 for none.
            Yun et al. (2019), CutMix: Regularization Strategy to Train Strong Classifiers with Localizable Features.
    """

    def __init__(self, classes: int, mixup: float = 0.0, cutmix: float = 0.0) -> None:
        self.classes, self.mixup, self.cutmix = classes, mixup, cutmix

    def __call__(self, images: Tensor, labels: Tensor, generator: Generator) -> Batch:
        """Images (B, C, H, W) and probabilities of the classes (B, classes), from images and class indices (B,).

        What is drawn is a function of the seed of `generator`. It is drawn on the CPU, so that nothing waits for a GPU.
        """
        random = np.random.default_rng(seed_for(generator.initial_seed(), "mixing"))
        cuts = random.random() < 0.5 if self.mixup and self.cutmix else bool(self.cutmix)
        alpha = self.cutmix if cuts else self.mixup
        share = float(random.beta(alpha, alpha))
        others = images.roll(1, 0)
        if cuts:
            height, width = images.shape[-2:]
            top, bottom, left, right = _rectangle(height, width, 1 - share, random)
            mixed = images.clone()
            mixed[..., top:bottom, left:right] = others[..., top:bottom, left:right]
            share = 1 - (bottom - top) * (right - left) / (height * width)
        else:
            mixed = torch.lerp(others, images, share)
        targets = F.one_hot(labels, self.classes).float()
        return mixed, torch.lerp(targets.roll(1, 0), targets, share)


def _rectangle(height: int, width: int, area: float, random: np.random.Generator) -> tuple[int, int, int, int]:
    """Top, bottom, left and right of a rectangle with a uniform centre, cut off at the edges of the image."""
    half = math.sqrt(area) / 2
    row, column = int(random.integers(height)), int(random.integers(width))
    tall, wide = int(half * height), int(half * width)
    return max(row - tall, 0), min(row + tall, height), max(column - wide, 0), min(column + wide, width)
