"""What a task tells of inputs, and the file that it is written to."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from leyden.data.inputs.open import Inputs, Named
from leyden.data.spec import DataSpec
from leyden.training.predict import predict, write
from myproject.tasks.regression import Regression
from tests.helpers.trainers import made_trainer
from tests.leyden.helpers.csv_files import write as write_text

SPEC = DataSpec("regression", (2,), 2, target_names=("input", "b"), target_mean=(0.0, 10.0), target_std=(1.0, 2.0))


def inputs_of(values: Tensor, **settings: Any) -> Inputs:
    return Inputs(1, iter([Named([f"n{place}" for place in range(len(values))], values)]), **settings)


@pytest.mark.parametrize(("precision", "tolerance"), [("32-true", 1e-6), ("bf16-mixed", 0.02), ("bf16-true", 0.02)])
def test_the_precision_of_the_trainer_is_used(precision: Any, tolerance: float, tmp_path: Path) -> None:
    task, values = Regression(nn.Linear(2, 2), SPEC), torch.rand(4, 2)
    with torch.no_grad():
        expected = task.values(task.network(values))
    seen = []
    task.network.register_forward_hook(lambda module, given, output: seen.append(output.dtype))
    told = next(predict(task, inputs_of(values), made_trainer(tmp_path, precision=precision)))
    assert seen == [torch.float32 if precision == "32-true" else torch.bfloat16]
    made = torch.stack([torch.as_tensor(told["input"]), torch.as_tensor(told["b"])], dim=1)
    assert torch.allclose(made, expected, rtol=tolerance, atol=tolerance)
    assert (made.dtype, made.requires_grad) == (torch.float32, False)


def test_a_target_may_have_any_name(tmp_path: Path) -> None:
    task, values = Regression(nn.Linear(2, 2), SPEC), torch.rand(3, 2)
    told = next(predict(task, inputs_of(values), made_trainer(tmp_path)))
    assert list(told) == ["input of the input", "input", "b"]
    truth = Inputs(1, iter([Named(["0"], values[:1], torch.tensor([[0.5, 1.5]]))]))
    told = next(predict(task, truth, made_trainer(tmp_path)))
    assert (told["target_input"], told["target_b"]) == (["0.5"], ["13"])


def test_the_file_holds_what_csv_cannot_hold_plainly_and_all_digits(tmp_path: Path) -> None:
    names = ['a,"b".png', "line\nend.png", "\udce4.png"]
    values = torch.tensor([0.1, 1 / 3, 1e-30])
    number = write(tmp_path / "new" / "a.csv", iter([{"input": names, "y": values}, {"input": ["d"], "y": values[:1]}]))
    assert number == 4
    with (tmp_path / "new" / "a.csv").open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    assert header == ["input", "y"]
    assert [row[0] for row in rows] == [*names[:2], r"\udce4.png", "d"]
    assert torch.equal(torch.tensor([float(row[1]) for row in rows]), values[[0, 1, 2, 0]])
    assert rows[0][1] == "0.1"


def test_what_breaks_off_leaves_the_file_that_was_there(tmp_path: Path) -> None:
    path = write_text(tmp_path / "a.csv", "kept")

    def breaking() -> Iterator[dict[str, Tensor | list[str]]]:
        yield {"input": ["a"]}
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write(path, breaking())
    assert path.read_text() == "kept"
    assert list(tmp_path.iterdir()) == [path]
