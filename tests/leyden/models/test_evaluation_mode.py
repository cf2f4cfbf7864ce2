import torch
from torch import nn

from leyden.models.evaluation_mode import evaluation_mode


def test_modes_and_buffers_are_as_before() -> None:
    network = nn.Sequential(nn.BatchNorm1d(2), nn.BatchNorm1d(2))
    network[1].eval()  # frozen
    with evaluation_mode(network):
        assert not network[0].training
        network[0].running_mean.fill_(7.0)
    assert [layer.training for layer in network] == [True, False]
    assert torch.equal(network[0].running_mean, torch.zeros(2))
