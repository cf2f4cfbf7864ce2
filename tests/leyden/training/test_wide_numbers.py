"""Numbers that 32 bits do not tell apart: their values do not depend on the other rows of a file."""

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from leyden.config.compose import compose, compose_run
from leyden.data.csv import CSV
from leyden.data.inputs.request import check_request
from leyden.data.tables import reader
from leyden.data.tables.reader import read_table
from leyden.training.evaluate import evaluate_run
from leyden.training.loaded_run import load_run
from leyden.training.predict import predict_run
from leyden.training.train import run_experiment

QUICK = ["trainer=cpu", "trainer.max_epochs=2", "callbacks.summary=null", "callbacks.progress=null", "logger=none"]


def write_wide(path: Path, *more: str, number: int = 200, offset: float = 1e6, step: float = 0.0) -> Path:
    """y depends on the digits of `a` that 32 bits do not hold."""
    small = 0.1 * np.random.default_rng(3).normal(size=number)
    rows = [f"{offset + a + step * i:.6f},{10 * a:.5f}" for i, a in enumerate(small)]
    path.write_text("\n".join(["a,y", *rows, *more]) + "\n")
    return path


@pytest.fixture
def run(tmp_path: Path) -> Path:
    path = write_wide(tmp_path / "a.csv")
    typed = ["data=csv", f"data.path={path}", "data.target=y", "model=linear", f"paths.run_dir={tmp_path / 'run'}"]
    run_experiment(compose([*QUICK, *typed]))
    return tmp_path / "run"


def test_a_row_of_another_size_changes_no_other_row(run: Path, tmp_path: Path) -> None:
    expected = {name: value for name, value in load_run(run).metrics.items() if name.startswith("test/")}
    whole = Path(shutil.copytree(run, tmp_path / "whole"))
    run_experiment(compose([f"resume={whole}", "trainer.max_epochs=4"]))
    write_wide(tmp_path / "a.csv", "0,0", "-5e7,1")
    assert evaluate_run(*compose_run([f"run={run}"])) == expected
    run_experiment(compose([f"resume={run}", "trainer.max_epochs=4"]))
    ours, theirs = (torch.load(of / "checkpoints" / "last.ckpt", weights_only=True) for of in (run, whole))
    assert ours["spec"] == theirs["spec"]
    assert all(torch.equal(ours["state_dict"][name], value) for name, value in theirs["state_dict"].items())


def test_a_prediction_does_not_depend_on_the_other_rows(run: Path, tmp_path: Path) -> None:
    def predicted(*rows: str) -> list[str]:
        (tmp_path / "new.csv").write_text("\n".join(["a", *rows]) + "\n")
        recorded, settings = compose_run([f"run={run}", f"input={tmp_path / 'new.csv'}"], "predict")
        with predict_run(recorded, check_request(settings, recorded.dir)).open(encoding="utf-8") as file:
            return [row["y"] for row in csv.DictReader(file)]

    rows = ["1000000.123456", "999999.912345", "1000000.04"]
    together = predicted(*rows)
    assert together == predicted(*rows, "0", "-7e6")[:3]
    assert together == [predicted(row)[0] for row in rows]


def test_changed_digits_are_noticed(run: Path, tmp_path: Path) -> None:
    content = (tmp_path / "a.csv").read_text().splitlines()
    changed = [f"{float(row.partition(',')[0]) + 2e-3:.6f},{row.partition(',')[2]}" for row in content[1:]]
    (tmp_path / "a.csv").write_text("\n".join([content[0], *changed]) + "\n")
    assert load_run(run).datamodule.is_other


def test_blocks_of_a_file_are_stored_alike(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_wide(tmp_path / "a.csv", "0,0", number=2000)
    monkeypatch.setattr(reader, "_BLOCK", 4096)
    values = read_table(path)["a"].to_list()
    assert values == [float(line.partition(",")[0]) for line in path.read_text().splitlines()[1:]]


@pytest.mark.parametrize(
    ("values", "narrow"),
    [
        (["0", "1", "0", "0", "0", "0"], True),
        ([f"{i}.5" for i in range(40)], True),
        ([f"{i}.1" for i in range(40)] + ["7e9"], True),
        ([str(1.7e9 + 60 * i) for i in range(40)], False),
        ([f"{1e6 + i / 100}" for i in range(40)] + ["0"], False),
        (["16777217"] * 36 + ["1", "2"] * 2, False),
    ],
)
def test_32_bits_are_enough_for_most_numbers(values: list[str], narrow: bool, tmp_path: Path) -> None:
    rows = [f"{value},{i}" for i, value in enumerate(values)]
    (tmp_path / "a.csv").write_text("\n".join(["a,y", *rows]) + "\n")
    data = CSV(str(tmp_path / "a.csv"), "y", features=["a"])
    data.setup()
    assert data.spec.columns is not None
    assert data.spec.columns["features"][0]["narrow"] is narrow
