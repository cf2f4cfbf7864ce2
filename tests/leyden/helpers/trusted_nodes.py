"""Settings of a network, and how `leyden.checkpoints.trust` refuses what was made of them."""

from typing import Any

import pytest
from torch import nn

from leyden.checkpoints.trust import build
from leyden.system.errors import UserError

MLP_NODE = {"_target_": "myproject.models.mlp.MLP", "input_shape": (3,), "output_size": 2, "hidden_sizes": [4]}


def refusal(node: Any, kind: type = nn.Module, setting: str = "model") -> str:
    with pytest.raises(UserError) as error:
        build(node, kind, setting)
    message = str(error.value)
    assert message.isprintable(), "not one line of text"
    assert len(message) < 600
    assert message.startswith(setting)
    return message
