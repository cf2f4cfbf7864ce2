from pathlib import Path

import pytest
import torch

torch.set_num_threads(1)


@pytest.fixture(scope="session")
def mnist_root() -> Path:
    """A data root with the real MNIST."""
    return Path(__file__).parents[1] / "data"
