"""Targets of a batch as columns of a table of predictions."""

import torch
from torch import Tensor

from leyden.data.spec import DataSpec


def target_columns(targets: Tensor, spec: DataSpec) -> dict[str, Tensor | list[str]]:
    """Columns `target`, or `target_<name>` of several, in the words and units of the data.

    Args:
        targets: (B,) class indices, or (B, ...) numbers that are scaled if `spec` says so.
        spec: facts about the data.
    """
    if spec.task == "classification" and targets.dim() == 1:
        names = spec.class_names
        return {"target": [names[label] if names else str(label) for label in targets.tolist()]}
    values = targets.cpu().double().reshape(len(targets), -1)
    names = spec.target_names or tuple(map(str, range(values.shape[1])))
    if len(spec.target_mean) == values.shape[1]:
        mean, std = (torch.tensor(of).double() for of in (spec.target_mean, spec.target_std))
        values = values * std + mean
    called = ["target"] if len(names) == 1 else [f"target_{name}" for name in names]
    # more digits than seven would show that these numbers were scaled and back
    return {name: [f"{v:.7g}" for v in of] for name, of in zip(called, values.T.tolist(), strict=False)}
