"""Small checkpoints, and how their refusal looks."""

from collections import Counter, OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from leyden.system.errors import UserError


def content(epoch: int = 3, size: int = 4) -> dict[str, Any]:
    torch.manual_seed(epoch)
    network = nn.Sequential(nn.Linear(size, 3), nn.BatchNorm1d(3), nn.ReLU(), nn.Linear(3, 2))
    optimizer = torch.optim.Adam(network.parameters())
    network(torch.ones(2, size)).sum().backward()
    optimizer.step()
    plain = {"shape": (1, 28, 28), "none": None, "names": ["a", "ü"], "rate": 1e-3, "set": {1}, "bytes": b"\xff"}
    types = [torch.float32, torch.device("cpu"), torch.Size([2]), Counter("aab"), OrderedDict(a=1), 10**30, 1j]
    state = network.state_dict()
    return {"epoch": epoch, "state_dict": state, "optimizer_states": [optimizer.state_dict()], "m": plain, "t": types}


def flat(value: Any) -> Any:
    """Something that compares by every value and type."""
    if isinstance(value, torch.Tensor):
        return str(value.dtype), tuple(value.shape), value.tolist()
    if isinstance(value, dict):
        return type(value).__name__, [(flat(key), flat(inner)) for key, inner in value.items()]
    if isinstance(value, list | tuple):
        return type(value).__name__, [flat(inner) for inner in value]
    return type(value).__name__, repr(value)


def one_line(call: Callable[[], Any], path: Path) -> str:
    with pytest.raises(UserError) as refusal:
        call()
    message = str(refusal.value)
    assert str(path) in message
    assert "\n" not in message
    return message
