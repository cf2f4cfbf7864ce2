"""Optimizer of a network: parameter groups with their learning rates and weight decay."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import nn
from torch.optim import Optimizer

from leyden.system.errors import UserError

# Layers that normalise over a batch, or over the positions of an image.
BATCH_NORMS = (
    *(nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm),
    *(nn.InstanceNorm1d, nn.InstanceNorm2d, nn.InstanceNorm3d),
)


@dataclass(frozen=True)
class OptimizerFactory:
    """Makes an optimizer for a network.

    Attributes:
        make: from parameters, or groups of them, to an optimizer; with its settings bound, such as
            `partial(torch.optim.AdamW, lr=1e-3)`.
        decay_norm_and_bias: true to decay biases and the scales of normalisations too, which rarely helps.
        lr_scale: factor on the learning rate of the parameters whose name matches a pattern (`re.search`). The first
            pattern that matches counts.
    """

    make: Callable[..., Optimizer]
    decay_norm_and_bias: bool = False
    lr_scale: Mapping[str, float] = field(default_factory=dict)

    def __call__(self, network: nn.Module) -> Optimizer:
        """Optimizer of the parameters that are to be trained.

        Raises:
            UserError: a pattern matches no parameter, or there is nothing to train.
        """
        parameters = {name: p for name, p in network.named_parameters() if p.requires_grad}
        if not parameters:
            raise UserError("the network has no parameter to train")
        names_of_all = [name for name, _ in network.named_parameters()]  # frozen parameters may be trained later
        for pattern in self.lr_scale:
            if not any(re.search(pattern, name) for name in names_of_all):
                names = ", ".join(names_of_all[:4])
                raise UserError(f"optimizer.lr_scale: no parameter has a name like {pattern}; there are {names}, …")
        defaults = self.make(list(parameters.values())).defaults
        spared = _norms_and_biases(network)
        groups: dict[tuple[float, bool], list[nn.Parameter]] = {}
        for name, parameter in parameters.items():
            scale = next((s for pattern, s in self.lr_scale.items() if re.search(pattern, name)), 1.0)
            decays = self.decay_norm_and_bias or name not in spared or not defaults.get("weight_decay")
            groups.setdefault((scale, decays), []).append(parameter)
        if list(groups) == [(1.0, True)]:
            return self.make(list(parameters.values()))  # some optimizers, such as LBFGS, take no groups
        return self.make([_group(defaults, scale, decays, p) for (scale, decays), p in groups.items()])


def _norms_and_biases(network: nn.Module) -> set[str]:
    """Names of these parameters, by name and layer, not by shape: FSDP's shards all have one dimension."""
    norms = (*BATCH_NORMS, nn.LayerNorm, nn.GroupNorm, nn.RMSNorm)
    return {
        f"{prefix}.{name}" if prefix else name
        for prefix, layer in network.named_modules()
        for name, _ in layer.named_parameters(recurse=False)
        if isinstance(layer, norms) or name.startswith("bias") or name.endswith("bias")
    }


def _group(defaults: Mapping[str, Any], scale: float, decays: bool, parameters: list[nn.Parameter]) -> dict[str, Any]:
    group: dict[str, Any] = {"params": parameters}
    if scale != 1.0:
        group["lr"] = defaults["lr"] * scale
    if not decays:
        group["weight_decay"] = 0.0
    return group
