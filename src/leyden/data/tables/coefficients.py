"""Coefficients of a linear model of a table, in the units of its columns and targets."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from leyden.data.spec import DataSpec
from leyden.data.tables.column_types import input_names
from leyden.system.formatting import shortened

COEFFICIENTS = "coefficients.csv"
INTERCEPT = "intercept"  # name of its row


@dataclass(frozen=True)
class Coefficients:
    """output = intercept + Σ value × input, with all columns and targets in their own units.

    An input is a number, or a date in days since 1970; 1 for the category of a row and 0 for the others; 1 if a value
    is missing, with the mean of the training rows in place of it. Outputs are targets, or the logits of classes.

    Attributes:
        outputs: names of the targets or classes.
        inputs: names such as `weight`, `origin=Japan`, `horsepower is missing`.
        values: (outputs, inputs).
        intercepts: (outputs,).
        spreads: (inputs,) standard deviation of each number, 1 of a category and of a flag.
        of_classes: the outputs are logits.
        are_relative: only differences between outputs matter, as of the logits of several classes.
    """

    outputs: tuple[str, ...]
    inputs: tuple[str, ...]
    values: np.ndarray[Any, Any]
    intercepts: np.ndarray[Any, Any]
    spreads: np.ndarray[Any, Any]
    of_classes: bool
    are_relative: bool

    def table(self) -> pl.DataFrame:
        """Columns target, input and coefficient; for each target a row `intercept`, then one for each input."""
        inputs = [INTERCEPT, *self.inputs]
        coefficients = np.column_stack([self.intercepts, self.values]).reshape(-1)
        targets = [output for output in self.outputs for _ in inputs]
        columns = {"target": targets, "input": inputs * len(self.outputs), "coefficient": coefficients}
        return pl.DataFrame(columns, schema={"target": pl.String, "input": pl.String, "coefficient": pl.Float64})

    def order(self) -> np.ndarray[Any, Any]:
        """Indices of the inputs, the one with the largest effect for one standard deviation first."""
        return np.argsort(-np.abs(self.values * self.spreads).max(0), kind="stable")

    def describe(self, most: int = 4) -> str:
        """The first output with its most important terms: `mpg = 45.2 - 0.0065 weight + …`."""
        chosen = self.order()[:most]
        name = f"logit of {self.outputs[0]}" if self.of_classes else self.outputs[0]
        text = f"{shortened(name, 40)} = {self.intercepts[0]:.4g}"
        for column in chosen:
            value = self.values[0, column]
            text += f" {'-' if value < 0 else '+'} {abs(value):.4g} {shortened(self.inputs[column], 26)}"
        return text + (" + …" if len(chosen) < len(self.inputs) else "")


def coefficients_of(network: Any, spec: DataSpec) -> Coefficients | None:
    """Coefficients of a network of a table.

    Args:
        network: with a property `coefficients`, weights (outputs, inputs), and optionally `intercept`, (outputs,); of
            the inputs and targets that it is trained on, which are standardised.
        spec: of the data.

    Returns:
        None of a network without such weights, or of data that are no table.
    """
    weights, intercept = getattr(network, "coefficients", None), getattr(network, "intercept", None)
    outputs = tuple(spec.target_names or spec.class_names)
    if weights is not None and len(weights) == 1 and len(spec.class_names) == 2:
        outputs = outputs[1:]  # one logit, of the second class
    inputs = tuple(input_names(spec.columns["features"])) if spec.columns else ()
    if weights is None or not inputs or tuple(weights.shape) != (len(outputs), len(inputs)):
        return None
    values = weights.detach().double().cpu().numpy()
    constant = np.zeros(len(outputs)) if intercept is None else intercept.detach().double().cpu().numpy()
    means, spreads = _means_and_spreads(spec)
    values = values / spreads
    constant = constant - values @ means
    if spec.target_std:
        stds = np.array(spec.target_std)
        values, constant = values * stds[:, None], constant * stds + np.array(spec.target_mean)
    are_labels = spec.task == "multilabel"
    are_relative = bool(spec.class_names) and len(outputs) > 1
    of_classes = bool(spec.class_names) or are_labels
    return Coefficients(outputs, inputs, values, constant, spreads, of_classes, are_relative)


def _means_and_spreads(spec: DataSpec) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Mean and standard deviation of each input, which were undone in it: 0 and 1 of a category and of a flag."""
    assert spec.columns
    pairs: list[tuple[float, float]] = []
    for column in spec.columns["features"]:
        is_category = column["kind"] == "category"
        of_column = (float(column["mean"]), float(column["std"])) if not is_category else (0.0, 1.0)
        pairs += [of_column] * (len(column["values"]) if is_category else 1)
        pairs += [(0.0, 1.0)] if column["flag"] else []
    means, spreads = np.array(pairs).T
    return means, spreads
