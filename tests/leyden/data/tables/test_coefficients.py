"""Coefficients of a linear model in the units of a table: they give the outputs of the network from the raw values."""

from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import torch
from torch import nn

from leyden.data.csv import CSV
from leyden.data.spec import DataSpec
from leyden.data.tables.coefficients import Coefficients, coefficients_of
from leyden.data.tables.column_types import encode
from leyden.plots.coefficients import coefficient_plots

TABLE = """x,side,day,gap,y,z,kind
1.5,north,2024-01-01,7,10,1,a
-2.0,south,2024-01-05,,20,2,b
4.0,north,2024-02-01,9,25,4,c
8.0,,2024-03-01,12,40,8,a
-3.0,south,2024-03-02,,50,16,b
0.5,west,2024-03-20,3,55,32,c
"""


class Affine(nn.Module):
    """Affine map with random weights."""

    def __init__(self, inputs: int, outputs: int, biased: bool = True) -> None:
        super().__init__()
        self.layer = nn.Linear(inputs, outputs, bias=biased)
        nn.init.normal_(self.layer.weight)

    @property
    def coefficients(self) -> torch.Tensor:
        return self.layer.weight

    @property
    def intercept(self) -> torch.Tensor | None:
        return self.layer.bias


def made(tmp_path: Path, **settings: Any) -> CSV:
    path = tmp_path / "table.csv"
    path.write_text(TABLE)
    data = CSV(path=str(path), val_size=1, test_size=1, batch_size=4, **settings)
    data.prepare_data()
    data.setup("fit")
    return data


def by_hand(found: Coefficients, row: dict[str, Any], means: dict[str, float]) -> list[float]:
    """The outputs of a row of the file, from the coefficients and its own values."""
    inputs = []
    for name in found.inputs:
        column, _, category = name.partition("=")
        if name.endswith(" is missing"):
            inputs.append(float(row[name.removesuffix(" is missing")] is None))
        elif category:
            inputs.append(float(row[column] == category))
        elif name == "day":
            inputs.append(float((row["day"] - date(1970, 1, 1)).days))
        else:
            inputs.append(means[name] if row[name] is None else float(row[name]))
    return [
        float(b + v @ torch.tensor(inputs).double().numpy())
        for b, v in zip(found.intercepts, found.values, strict=True)
    ]


@pytest.mark.parametrize("biased", [True, False])
@pytest.mark.parametrize("target", [["y"], ["y", "z"], ["kind"]])
def test_they_give_the_outputs_of_the_network_from_the_raw_values(
    target: list[str], biased: bool, tmp_path: Path
) -> None:
    ignored = [name for name in ("y", "z", "kind") if name not in target]
    data = made(tmp_path, target=target[0] if len(target) == 1 else target, ignore=ignored)
    spec = data.spec
    torch.manual_seed(0)
    network = Affine(spec.input_shape[0], spec.output_size, biased)
    found = coefficients_of(network, spec)
    assert found is not None
    assert spec.columns is not None
    means = {column["name"]: column.get("mean", 0.0) for column in spec.columns["features"]}
    table = pl.read_csv(tmp_path / "table.csv", try_parse_dates=True)
    rows = table.to_dicts()
    for row, inputs in zip(rows, encode(table, spec.columns["features"], tmp_path), strict=True):
        outputs = network.layer(inputs).double()
        if spec.target_std:
            outputs = outputs * torch.tensor(spec.target_std) + torch.tensor(spec.target_mean)
        assert by_hand(found, row, means) == pytest.approx(outputs.tolist(), rel=1e-3, abs=1e-2)


def spec_of(**facts: Any) -> DataSpec:
    columns = [
        {"name": "x", "kind": "number", "flag": True, "mean": 5.0, "std": 2.0},
        {"name": "side", "kind": "category", "flag": False, "values": ["north", "south"]},
    ]
    given = {"target_names": ("y",), "target_mean": (17.0,), "target_std": (6.0,), **facts}
    return DataSpec("regression", (4,), 1, columns={"features": columns}, **given)


def test_the_table_of_y_equals_3_x_plus_2() -> None:
    network = Affine(4, 1)
    network.layer.weight.data, network.layer.bias.data = torch.tensor([[1.0, 0.5, 0.25, 0.0]]), torch.zeros(1)
    found = coefficients_of(network, spec_of())
    assert found is not None
    assert found.table().rows() == [
        ("y", "intercept", 2.0),
        ("y", "x", 3.0),
        ("y", "x is missing", 3.0),
        ("y", "side=north", 1.5),
        ("y", "side=south", 0.0),
    ]
    assert found.describe() == "y = 2 + 3 x + 3 x is missing + 1.5 side=north + 0 side=south"
    [plot] = coefficient_plots(network, spec_of())
    assert plot.caption.endswith("first: x +3, x is missing +3, side=north +1.5, side=south +0.")


@pytest.mark.parametrize(
    ("network", "spec"),
    [
        (nn.Linear(4, 1), spec_of()),  # no property
        (Affine(3, 1), spec_of()),  # of other inputs
        (Affine(4, 1), DataSpec("regression", (4,), 1, target_names=("y",))),  # no table
    ],
)
def test_others_have_none(network: nn.Module, spec: DataSpec) -> None:
    assert coefficients_of(network, spec) is None
