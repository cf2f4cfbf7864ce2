"""A run keeps its split, whatever happens to its data files, and never measures on training items unsaid."""

import json
import random
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from leyden.config.compose import compose, compose_run
from leyden.data.in_memory import InMemory
from leyden.run.split_record import SPLIT
from leyden.system.errors import UserError
from leyden.training.evaluate import evaluate_run
from leyden.training.loaded_run import load_run
from leyden.training.train import run_experiment
from tests.helpers.image_files import write_folders, write_image

QUICK = ["trainer=cpu", "trainer.max_epochs=2", "callbacks.summary=null", "callbacks.progress=null", "logger=none"]
TABLE = [*QUICK, "data=csv", "data.target=y", "model=mlp", "model.hidden_sizes=[4,4]", "data.batch_size=8"]
IMAGES = [*QUICK, "data=image_folder", "data.size=12", "data.num_workers=0", "data.cache=true", "model=linear"]
Edit = Callable[[list[str]], list[str]]

EDITS: dict[str, tuple[Edit, int, int]] = {  # with how many test items are gone at least, and how many are new
    "appended": (lambda rows: [*rows, "9,9,u,9"], 0, 1),
    "prepended": (lambda rows: ["9,9,v,9", "8,9,w,9", *rows], 0, 2),
    "deleted": (lambda rows: rows[10:], 1, 0),
    "changed": (lambda rows: [re.sub("^-?", "1", row) for row in rows[:20]] + rows[20:], 1, 20),
    "relabelled": (lambda rows: [row + "5" for row in rows[:20]] + rows[20:], 1, 20),
    "duplicated": (lambda rows: [row for row in rows for _ in range(2)], 0, 60),
    "sorted": (sorted, 0, 0),
    "shuffled": (lambda rows: random.Random(3).sample(rows, len(rows)), 0, 0),
    "shuffled and appended": (lambda rows: random.Random(3).sample([*rows, "9,9,u,9"], len(rows) + 1), 0, 1),
    "written otherwise": (lambda rows: [f" {row.replace(',', ' , ')}" for row in rows], 0, 0),
}


def write_table(path: Path, edit: Edit = list) -> None:
    numbers = np.random.default_rng(5).normal(size=(60, 3))
    rows = [f"{a:.5f},{b:.5f},{'uvw'[i % 3]},{y:.5f}" for i, (a, b, y) in enumerate(numbers)]
    path.write_text("\n".join(["a,b,c,y", *edit(rows)]) + "\n")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs on a table and on images."""
    folder = tmp_path_factory.mktemp("made")
    write_table(folder / "table.csv")
    write_folders(folder / "images", train=20)
    for name, typed in {"table": [*TABLE, "data.path="], "images": [*IMAGES, "data.root="]}.items():
        file = folder / {"table": "table.csv"}.get(name, name)
        run_experiment(compose([*typed[:-1], f"{typed[-1]}{file}", f"paths.run_dir={folder / 'runs' / name}"]))
    return folder


@pytest.fixture
def copy(made: Path, tmp_path: Path) -> Path:
    """Both runs and their data, to be changed."""
    folder = Path(shutil.copytree(made, tmp_path / "copy"))
    for run in folder.glob("runs/*"):
        config = (run / "config.yaml").read_text()
        (run / "config.yaml").write_text(config.replace(str(made), str(folder)))
        overrides = (run / "overrides.yaml").read_text()
        (run / "overrides.yaml").write_text(overrides.replace(str(made), str(folder)))
    return folder


def items(run: Path) -> dict[str, set[tuple[float, ...]]]:
    """The inputs of each split, encoded as the network takes them."""
    data = load_run(run).datamodule
    assert isinstance(data, InMemory)
    return {split: {tuple(row.flatten().tolist()) for row in inputs} for split, (inputs, _) in data.splits.items()}


def evaluated(run: Path, *typed: str) -> dict[str, float]:
    return evaluate_run(*compose_run([f"run={run}", *typed], "eval"))


def record(run: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((run / "run.json").read_text())
    return content


@pytest.mark.sample(3)
@pytest.mark.parametrize("name", EDITS)
def test_no_row_that_was_trained_on_is_tested(
    name: str, copy: Path, made: Path, caplog: pytest.LogCaptureFixture
) -> None:
    edit, gone, new = EDITS[name]
    before = items(made / "runs" / "table")
    write_table(copy / "table.csv", edit)
    run = copy / "runs" / "table"
    after = items(run)
    assert after["test"] <= before["test"]
    assert not after["test"] & (before["train"] | before["val"])
    assert len(before["test"]) - len(after["test"]) >= gone
    assert len(load_run(run).datamodule.items.get("new", ())) == new
    said = [message for message in caplog.messages if message.startswith("data: ")]
    assert any(f"{new} item" in message and "split=new" in message for message in said) == bool(new)
    assert any("are missing, or have changed" in message for message in said) == bool(gone)
    metrics = evaluated(run)
    if not gone:
        assert metrics == {key: value for key, value in record(run)["metrics"].items() if key.startswith("test/")}


def change_images(root: Path, change: str) -> None:
    files = sorted(root.glob("train/cat/*.png"))
    for number, file in enumerate(files):
        match change:
            case "added" if number < 5:
                write_image(root / "train" / "cat" / f"a{number}.png", 7000 + number)
            case "changed" if number < 10:
                write_image(file, 8000 + number)
            case "relabelled" if number < 10:
                file.rename(root / "train" / "dog" / f"cat{file.name}")
            case "renamed":
                file.rename(file.with_name(f"{19 - number:03}x.png"))
            case "duplicated":
                shutil.copy(file, file.with_name(f"copy{file.name}"))


@pytest.mark.sample(2)
@pytest.mark.parametrize("change", ["added", "changed", "relabelled", "renamed", "duplicated"])
def test_no_image_that_was_trained_on_is_tested(change: str, copy: Path, made: Path) -> None:
    before = items(made / "runs" / "images")
    change_images(copy / "images", change)
    run = copy / "runs" / "images"
    after = items(run)
    assert after["test"] <= before["test"]
    if change in ("added", "renamed", "duplicated"):
        assert after["test"] == before["test"]
        assert evaluated(run)["test/loss"] == record(made / "runs" / "images")["metrics"]["test/loss"]
    else:
        assert after["test"] < before["test"]


@pytest.mark.sample(3)
@pytest.mark.parametrize("name", EDITS)
def test_a_resumed_run_trains_on_its_own_rows_or_is_refused(name: str, copy: Path, made: Path) -> None:
    edit, gone, _ = EDITS[name]
    write_table(copy / "table.csv", edit)
    run = copy / "runs" / "table"
    experiment = compose([f"resume={run}", "trainer.max_epochs=4"])
    if gone:
        before = (run / "run.json").read_text()
        with pytest.raises(UserError, match=r"^resume=.*: items of the run are missing from its data, or have"):
            run_experiment(experiment)
        assert (run / "run.json").read_text() == before
        return
    run_experiment(experiment)
    whole = made / "runs" / "longer"
    if not whole.exists():
        shutil.copytree(made / "runs" / "table", whole)
        run_experiment(compose([f"resume={whole}", "trainer.max_epochs=4"]))
    ours, theirs = (torch.load(of / "checkpoints" / "last.ckpt", weights_only=True) for of in (run, whole))
    assert all(torch.equal(ours["state_dict"][key], value) for key, value in theirs["state_dict"].items())
    assert ours["spec"] == theirs["spec"]


@pytest.mark.sample(2)
@pytest.mark.parametrize("change", ["added", "changed", "relabelled", "renamed", "duplicated"])
def test_a_resumed_run_trains_on_its_own_images_or_is_refused(change: str, copy: Path) -> None:
    change_images(copy / "images", change)
    experiment = compose([f"resume={copy / 'runs' / 'images'}", "trainer.max_epochs=3"])
    if change in ("changed", "relabelled"):
        with pytest.raises(UserError, match=r"are missing from its data, or have changed: \d+ of \d+ train"):
            run_experiment(experiment)
    else:
        assert run_experiment(experiment) is not None


@pytest.mark.sample(2)
@pytest.mark.parametrize("typed", ["data.split_seed=3", "data.fold=1", "data.test_size=0.9", "data.val_size=0"])
def test_training_items_are_counted_where_the_data_are_divided_anew(
    typed: str, copy: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run = copy / "runs" / "table"
    before = items(run)
    data = load_run(run)
    divided = compose_run([f"run={run}", typed], "eval")[0].config
    again = type(data)(data.dir, divided, data.checkpoint, data.epochs, data.metrics, data.task).datamodule
    assert isinstance(again, InMemory)
    tested = [tuple(row.tolist()) for row in again.splits["test"][0]]
    trained = sum(row in before["train"] for row in tested)
    caplog.clear()
    evaluated(run, typed)
    said = f"test: {trained} of its {len(tested)} items have inputs that the network was trained on"
    assert (said in caplog.messages) == bool(trained)
    assert record(run)["evaluations"][-1]["trained_on"] == trained
    assert trained or typed == "data.val_size=0"


def test_new_items_are_evaluated_when_asked_for(copy: Path, caplog: pytest.LogCaptureFixture) -> None:
    run = copy / "runs" / "table"
    with pytest.raises(UserError, match=r"^split=new: the run had all of these data"):
        evaluated(run, "split=new")
    write_table(copy / "table.csv", lambda rows: [*rows, "0.1,0.2,u,0.3", rows[0]])
    assert "new/rmse" in evaluated(run, "split=new")
    assert len(load_run(run).datamodule.items["new"]) == 2
    write_table(copy / "table.csv", EDITS["relabelled"][0])
    evaluated(run, "split=new")
    assert record(run)["evaluations"][-1]["trained_on"] > 5


@pytest.mark.parametrize("kind", ["table", "images"])
def test_a_new_class_is_left_out(kind: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = write_folders(tmp_path / "images", train=8)
    rows = [f"{i * 7 % 13},{i * 5 % 11},{'uvw'[i % 3]}" for i in range(40)]
    (tmp_path / "table.csv").write_text("\n".join(["a,b,y", *rows]) + "\n")
    path = f"data.path={tmp_path / 'table.csv'}" if kind == "table" else f"data.root={folder}"
    typed = [*(TABLE if kind == "table" else IMAGES), path, f"paths.run_dir={tmp_path / 'run'}"]
    run_experiment(compose([*typed, "task=classification"]))
    before = record(tmp_path / "run")["metrics"]["test/loss"]
    (tmp_path / "table.csv").write_text("\n".join(["a,b,y", "1,2,t", *rows, "3,4,t"]) + "\n")
    write_image(folder / "train" / "ape" / "0.png", 9000)
    assert evaluated(tmp_path / "run")["test/loss"] == before
    assert any("of classes that the run did not have are left out: " in message for message in caplog.messages)
    assert run_experiment(compose([f"resume={tmp_path / 'run'}", "trainer.max_epochs=3"])) is not None


def test_other_data_are_divided_by_themselves(copy: Path, caplog: pytest.LogCaptureFixture) -> None:
    run = copy / "runs" / "table"
    rows = [f"{i},{i * i % 7},{'uvw'[i % 3]},{i % 5}" for i in range(40)]
    (copy / "other.csv").write_text("\n".join(["a,b,c,y", *rows]) + "\n")
    evaluated(run, f"data.path={copy / 'other.csv'}")
    assert "data: none of the items that the run had is among these; they are divided by themselves" in caplog.messages


def test_training_items_in_a_test_file_are_counted(copy: Path, caplog: pytest.LogCaptureFixture) -> None:
    run = copy / "runs" / "table"
    evaluated(run, f"data.test_path={copy / 'table.csv'}")
    assert "test: 43 of its 60 items have inputs that the network was trained on" in caplog.messages


def test_a_run_says_what_it_tests_on_and_was_trained_on(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_table(tmp_path / "table.csv", lambda rows: [row for row in rows for _ in range(2)])
    run_experiment(compose([*TABLE, f"data.path={tmp_path / 'table.csv'}", f"paths.run_dir={tmp_path / 'run'}"]))
    said = [message for message in caplog.messages if "have inputs that the network was trained on" in message]
    assert [message.partition(":")[0] for message in said] == ["val", "test"]


def test_weights_of_another_run_on_these_items_are_noticed(
    copy: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run = copy / "runs" / "table"
    typed = [*TABLE, f"data.path={copy / 'table.csv'}", "data.split_seed=4", f"paths.run_dir={tmp_path / 'run'}"]
    run_experiment(compose([*typed, f"init_from={run}"]))
    assert any(
        re.match(rf"test: \d+ of its 12 items have inputs that init_from={run} was trained on", m)
        for m in caplog.messages
    )


def test_a_run_without_a_recorded_split_warns_of_changes(copy: Path, caplog: pytest.LogCaptureFixture) -> None:
    run = copy / "runs" / "table"
    (run / SPLIT).unlink()
    write_table(copy / "table.csv", EDITS["appended"][0])
    evaluated(run)
    assert any("data: changed since the run" in message for message in caplog.messages)
    assert "test: it is not known whether the network was trained on some of its items" in caplog.messages
    assert record(run)["evaluations"][-1]["trained_on"] is None
    with pytest.raises(UserError, match=r"^split=new: the run has no record of its items"):
        evaluated(run, "split=new")
