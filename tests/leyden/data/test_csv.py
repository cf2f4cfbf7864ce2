import random
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from leyden.config.compose import compose
from leyden.data.csv import CSV
from leyden.data.spec import DataSpec
from leyden.system.errors import UserError
from leyden.training.build import build_data, build_network
from leyden.training.train import run_experiment
from tests.leyden.helpers.csv_files import rows, write, write_line


def ready(path: Path, target: str | list[str] = "y", **settings: Any) -> CSV:
    data = CSV(str(path), target, **settings)
    data.prepare_data()
    data.setup()
    return data


@pytest.fixture
def numbered(tmp_path: Path) -> Path:
    """100 rows of which the target tells which one it is, with a class."""
    lines = [f"{i * 37 % 101},{i},{'aab'[i % 3]}" for i in range(100)]
    return write(tmp_path / "numbered.csv", "\n".join(["x,y,k", *lines]))


def which(data: CSV) -> dict[str, list[int]]:
    spec = data.spec
    return {
        split: (targets.double() * spec.target_std[0] + spec.target_mean[0]).flatten().round().int().tolist()
        for split, (_, targets) in data.splits.items()
    }


@pytest.mark.parametrize(
    ("settings", "sizes"),
    [
        ({}, (72, 8, 20)),
        ({"test_size": 10, "val_size": 0.5}, (45, 45, 10)),
        ({"test_size": 0, "val_size": 0}, (100, 0, 0)),
        ({"train_size": 30}, (30, 8, 20)),
        ({"train_size": 0.25}, (18, 8, 20)),
        ({"fold": 1}, (72, 8, 20)),
        ({"fold": 3, "folds": 4, "val_size": 5}, (70, 5, 25)),
    ],
)
def test_splits_have_the_sizes_asked_for_and_share_nothing(
    settings: dict[str, Any], sizes: tuple[int, ...], numbered: Path
) -> None:
    data = ready(numbered, **settings)
    rows = which(data)
    assert tuple(map(len, rows.values())) == sizes
    everything = [row for part in rows.values() for row in part]
    assert len(set(everything)) == sum(sizes)
    assert "train_size" in settings or sorted(everything) == [*range(100)]
    assert f"{sizes[0]} train, {sizes[1]} val, {sizes[2]} test" in data.describe()
    assert (data.val_dataloader() == []) == (not sizes[1])


def test_fewer_to_train_on_are_some_of_the_same(numbered: Path) -> None:
    few, all_of_them = which(ready(numbered, train_size=30)), which(ready(numbered))
    assert set(few["train"]) < set(all_of_them["train"])
    assert few["val"] == all_of_them["val"]
    assert few["test"] == all_of_them["test"]


def test_the_split_depends_on_its_own_seed_only(numbered: Path) -> None:
    first = which(ready(numbered))
    torch.manual_seed(5)
    random.seed(5)
    np.random.seed(5)
    before = torch.get_rng_state()
    assert which(ready(numbered, seed=5, batch_size=3)) == first
    assert torch.equal(torch.get_rng_state(), before)
    other = which(ready(numbered, split_seed=1))
    assert other["test"] != first["test"]
    assert other["val"] != first["val"]


def test_classes_have_the_same_share_in_every_split(numbered: Path) -> None:
    data = ready(numbered, "k", ignore=["y"])
    assert (data.spec.task, data.spec.class_names, data.spec.output_size) == ("classification", ("a", "b"), 2)
    for _, labels in data.splits.values():
        assert abs(len(labels) * 33 / 100 - int(labels.sum())) <= 1
    assert data.splits["train"][1].dtype == torch.int64
    assert "2 classes of k" in data.describe()


def test_numbers_that_are_named_as_categories_are_classes(tmp_path: Path) -> None:
    data = ready(write(tmp_path / "a.csv", rows()), categorical=["y"])
    assert data.spec.class_names == tuple(map(str, range(11)))


def test_targets_are_scaled_by_the_training_rows(numbered: Path) -> None:
    data = ready(numbered)
    train = np.array(which(data)["train"])
    assert data.spec.target_mean == pytest.approx([train.mean()])
    assert data.spec.target_std == pytest.approx([train.std()])
    targets = data.splits["train"][1]
    assert targets.shape == (72, 1)
    assert targets.dtype == torch.float32
    assert targets.mean().item() == pytest.approx(0, abs=1e-6)
    assert targets.std(unbiased=False).item() == pytest.approx(1)


def test_targets_can_be_left_as_they_are(numbered: Path) -> None:
    data = ready(numbered, scale_target=False, val_size=0, test_size=0)
    assert (data.spec.target_mean, data.spec.target_std) == ((0.0,), (1.0,))
    assert data.splits["train"][1].flatten().tolist() == [*range(100)]


def test_several_targets_are_predicted_at_once(numbered: Path) -> None:
    data = ready(numbered, ["y", "x"], val_size=0, test_size=0)
    assert (data.spec.task, data.spec.output_size, data.spec.target_names) == ("regression", 2, ("y", "x"))
    values = data.splits["train"][1] * torch.tensor(data.spec.target_std) + torch.tensor(data.spec.target_mean)
    assert torch.allclose(values, torch.tensor([[i, i * 37 % 101] for i in range(100)]).float(), atol=1e-4)


def test_what_is_not_used_need_not_hold_what_it_promises(tmp_path: Path) -> None:
    content = rows(other={3: "abc,u,1"}, header="x,c,y")
    assert ready(write(tmp_path / "a.csv", content), ignore=["x"]).spec.input_shape == (3,)
    assert ready(tmp_path / "a.csv", features=["c"]).spec.input_shape == (3,)


def test_a_number_may_stand_for_a_missing_value(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", rows(other={i: f"-999,u,{i}" for i in range(10)}))
    data = ready(path, missing=[-999], test_size=0, val_size=0)
    assert data.splits["train"][0][:, 1].tolist() == [1] * 10 + [0] * 30


@pytest.mark.parametrize("separator", ["\t", r"\t"])
def test_a_tab_can_be_typed(separator: str, tmp_path: Path) -> None:
    assert ready(write(tmp_path / "a.csv", rows().replace(",", "\t")), separator=separator).spec.input_shape == (4,)


@pytest.mark.parametrize(
    ("name", "inputs", "total"),
    [("cars", 10, 398), ("diabetes", 11, 442)],  # 6 numbers, a flag and 3 origins; 9 numbers and 2 sexes
)
def test_shipped_tables_load_as_configured(name: str, inputs: int, total: int, quick: list[str]) -> None:
    data = build_data(compose([*quick[2:], f"data={name}", "model=linear"]).config)
    assert isinstance(data, CSV)
    assert data.spec.input_shape == (inputs,)
    assert sum(len(targets) for _, targets in data.splits.values()) == total
    assert all(split[0].isfinite().all() for split in data.splits.values())


def test_an_ignored_target_is_refused(numbered: Path) -> None:
    with pytest.raises(UserError, match=r"^data\.target: y is ignored"):
        ready(numbered, ignore=["y"])


def line_of(network: torch.nn.Module, spec: DataSpec) -> tuple[float, float]:
    """Slope and intercept of y over x in the units of the file, from what a checkpoint holds."""
    assert spec.columns is not None
    (column,) = spec.columns["features"]

    def predicted(x: float) -> Tensor:
        with torch.no_grad():
            output = network(torch.tensor([[(x - column["mean"]) / column["std"]]]))
        return output.double() * spec.target_std[0] + spec.target_mean[0]

    return (predicted(1) - predicted(0)).item(), predicted(0).item()


def test_a_line_is_found_in_a_table_of_ones_own(tmp_path: Path, quick: list[str]) -> None:
    path = write_line(tmp_path / "line.csv", number=400, noise=0.1)
    typed = ["experiment=csv_linear", f"data.path={path}", "data.target=y", "data.ignore=[]", "logger=none"]
    experiment = compose([*quick[2:], *typed, "trainer.max_epochs=40", "callbacks.progress=null"])
    run_experiment(experiment)
    checkpoint = torch.load(experiment.run_dir / "checkpoints" / "best.ckpt", weights_only=True)
    network = build_network(checkpoint["model"])
    network.load_state_dict({key.removeprefix("network."): value for key, value in checkpoint["state_dict"].items()})
    slope, intercept = line_of(network, DataSpec(**checkpoint["spec"]))
    error = 0.1 / (2 / 12**0.5) / 288**0.5  # of the slope: noise / deviation of x / root of the training rows
    assert slope == pytest.approx(3, abs=3 * error)
    assert intercept == pytest.approx(2, abs=3 * error * 5.04)  # x lies about 5


def test_a_remedy_keeps_the_lists_that_are_set(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "id,it's,x,y\n" + "".join(f"{n},k{n % 3},{n % 3},{n}\n" for n in range(20)))
    with pytest.raises(UserError, match=r"column it's \(3 different values") as refused:
        CSV(path=str(path), target="y", ignore=["id"], max_categories=2).setup()
    remedy = str(refused.value).partition("leave out with ")[2].partition(", or add ")[0]
    assert shlex.split(remedy) == ["""data.ignore=[id,"it's"]"""]
    CSV(path=str(path), target="y", ignore=["id", "it's"], max_categories=2).setup()


def test_a_wrong_column_is_written_right_in_its_place(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "2010,My Col,y\n" + "".join(f"{n},{n % 3},{n}\n" for n in range(20)))
    for settings, remedy in (
        ({"target": "MY COL"}, "'data.target=My Col'?"),
        ({"target": "y", "ignore": ["2010", "my_col"]}, "'data.ignore=[\"2010\",My Col]'?"),
    ):
        with pytest.raises(UserError) as refused:
            CSV(path=str(path), **settings).setup()
        assert str(refused.value).endswith(f"did you mean {remedy}")
