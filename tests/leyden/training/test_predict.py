"""A run predicts of new inputs what it predicts of its test split, in words that a person knows."""

import logging
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.datasets import MNIST

from leyden.config.compose import compose
from leyden.system.errors import UserError
from leyden.training.loaded_run import load_run
from leyden.training.train import run_experiment
from myproject.tasks.classification import Classification
from tests.helpers.image_files import write_folders
from tests.leyden.helpers.csv_files import write as write_text
from tests.leyden.helpers.predicted_runs import KINDS, QUICK, Ran, finished_runs

DATA = Path(__file__).parents[3] / "data"


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    return finished_runs(tmp_path_factory.mktemp("runs"), *KINDS)


def test_a_folder_is_predicted_as_the_test_split_is_to_the_digit(ran: Ran) -> None:
    path, split = ran.predict("pictures")
    assert path == ran.dirs["pictures"] / "predictions" / "test.csv"
    path, folder = ran.predict(
        "pictures", f"input={ran.folder}/pictures/test", f"output={ran.folder}/new/of/folder.csv"
    )
    assert path == ran.folder / "new/of/folder.csv"
    files = sorted((ran.folder / "pictures/test").rglob("*.png"))
    assert [row.pop("input") for row in folder] == [f"{file.parent.name}/{file.name}" for file in files]
    for row in split:
        assert row.pop("correct") == str(row["class"] == row["target"]).lower()
    assert [row.pop("target") for row in split] == [file.parent.name for file in files]
    assert [row.pop("input") for row in split] == [f"test/{file.parent.name}/{file.name}" for file in files]
    assert folder == split
    assert set(folder[0]) == {f"{what}{end}" for what in ("class", "probability") for end in ("", "_2", "_3")}
    told = [float(row[name]) for row in folder for name in ("probability", "probability_2", "probability_3")]
    assert sum(told) == pytest.approx(12, abs=1e-4)
    assert all(a >= b >= c for a, b, c in zip(told[::3], told[1::3], told[2::3], strict=True))


def test_what_is_told_is_what_the_model_says(ran: Ran) -> None:
    run = load_run(ran.dirs["pictures"])
    run.datamodule.setup("test")
    inputs, labels = next(iter(run.datamodule.loader("test")))
    with torch.inference_mode():
        probabilities = run.model(inputs).softmax(dim=1)
    _, rows = ran.predict("pictures", "top_k=1")
    assert list(rows[0]) == ["input", "class", "probability", "target", "correct"]
    assert [row["class"] for row in rows] == [run.spec.class_names[i] for i in probabilities.argmax(dim=1).tolist()]
    assert [float(row["probability"]) for row in rows] == pytest.approx(probabilities.amax(dim=1).tolist())
    right = (probabilities.argmax(dim=1) == labels).tolist()
    assert [row["correct"] for row in rows] == [str(is_right).lower() for is_right in right]


def test_numbers_are_in_the_units_of_the_target(ran: Ran) -> None:
    table = write_text(ran.folder / "new.csv", "other,x\na,4.5\nb,5\nc,five\nd,5.5\n")
    path, rows = ran.predict("table", f"input={table}")
    assert path == ran.dirs["table"] / "predictions" / "new.csv"
    assert list(rows[0]) == ["row", "y"]
    assert [row["row"] for row in rows] == ["2", "3", "5"]
    assert [float(row["y"]) for row in rows] == pytest.approx([15.5, 17, 18.5], abs=0.3)
    np.save(ran.folder / "new.npy", np.array([[4.5], [5.0], [5.5]]))
    _, same = ran.predict("table", f"input={ran.folder}/new.npy")
    assert [row["input"] for row in same] == ["0", "1", "2"]
    assert [float(row["y"]) for row in same] == pytest.approx([float(row["y"]) for row in rows], rel=1e-5)
    _, split = ran.predict("table")
    assert list(split[0]) == ["row", "y", "target"]
    targets = {f"{float(line.split(',')[1]):.7g}" for line in (ran.folder / "line.csv").read_text().splitlines()[1:]}
    assert len(split) == 12
    assert len(targets & {row["target"] for row in split}) > 9  # some were rounded once more, in 32 bits


def test_reconstructions_are_told_by_how_far_they_are_off(ran: Ran) -> None:
    _, rows = ran.predict("codes", f"input={ran.folder}/pictures/test")
    assert list(rows[0]) == ["input", "mse", "psnr"]
    for row in rows:
        assert float(row["psnr"]) == pytest.approx(-10 * np.log10(float(row["mse"])), rel=1e-4)
    _, split = ran.predict("codes")
    assert [row["mse"] for row in split] == [row["mse"] for row in rows]
    assert [row["target"] for row in split] == ["cat"] * 4 + ["dog"] * 4 + ["emu"] * 4


@pytest.mark.parametrize("source", ["split", "folder"])
def test_how_many_are_read_at_once_is_up_to_the_command(source: str, ran: Ran, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes, told = [], Classification.predictions
    monkeypatch.setattr(
        Classification,
        "predictions",
        lambda task, outputs, *more: sizes.append(len(outputs)) or told(task, outputs, *more),
    )
    given = [f"input={ran.folder}/pictures/test"] if source == "folder" else []
    few, all_ = (ran.predict("pictures", *given, *more)[1] for more in (["batch_size=5"], []))
    assert sizes == [5, 5, 2, 12]
    assert [row["input"] for row in few] == [row["input"] for row in all_]
    probabilities = [[float(row["probability"]) for row in rows] for rows in (few, all_)]
    assert probabilities[0] == pytest.approx(probabilities[1], rel=1e-5)


def test_what_cannot_be_read_is_listed_up_to_twenty(ran: Ran, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    root = write_folders(tmp_path / "some", whole=1)
    for number in range(23):
        (root / f"{number:02}.png").write_text("no picture")
    with caplog.at_level(logging.INFO):
        _, rows = ran.predict("pictures", f"input={root}", f"output={tmp_path / 'out.csv'}")
    assert [row["input"] for row in rows] == ["cat/000.png", "dog/000.png", "emu/000.png"]
    listed = [message for message in caplog.messages if message.startswith("cannot be read")]
    assert len(listed) == 21
    assert listed[0].startswith("cannot be read: 00.png: ")
    assert listed[-1] == "cannot be read: 3 more"
    assert caplog.messages[-1] == f"3 predictions in {tmp_path / 'out.csv'}; 23 could not be read"


def test_few_predictions_are_shown(ran: Ran, capsys: pytest.CaptureFixture[str]) -> None:
    picture = ran.folder / "pictures/test/cat/000.png"
    path, rows = ran.predict("pictures", f"input={picture}", "top_k=1")
    assert path.name == "000.csv"
    shown = capsys.readouterr().out
    assert all(value in shown for value in ["000.png", "probability", f" {float(rows[0]['probability']):.4g} "])
    ran.predict("pictures")
    assert "probability" not in capsys.readouterr().out


def test_where_nothing_can_be_read_nothing_is_written(ran: Ran, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_text("no picture")
    output = write_text(tmp_path / "out.csv", "kept")
    with pytest.raises(UserError, match=r"nothing of it can be read; a\.png: cannot identify"):
        ran.predict("pictures", f"input={tmp_path / 'a.png'}", f"output={output}")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", "out.csv"]
    assert output.read_text() == "kept"


def test_transforms_that_the_run_evaluated_with_are_used(ran: Ran, tmp_path: Path) -> None:
    flip = "{_target_: torchvision.transforms.v2.RandomVerticalFlip, p: 1.0}"
    resize = "{_target_: torchvision.transforms.v2.Resize, size: [12, 12]}"
    mine = [f"data.eval_transform=[{flip},{resize}]", f"data.root={ran.folder}/pictures", "test=false"]
    run_experiment(compose([*QUICK, *KINDS["pictures"], *mine, f"paths.run_dir={tmp_path / 'run'}"]))
    here = Ran(tmp_path, {"run": tmp_path / "run"})
    split, folder = here.predict("run")[1], here.predict("run", f"input={ran.folder}/pictures/test")[1]
    assert [row["probability"] for row in split] == [row["probability"] for row in folder]
    _, usual = here.predict("run", f"input={ran.folder}/pictures/test", "data.eval_transform=null")
    assert usual != folder


def test_files_and_arrays_are_transformed_as_images_in_memory_were(ran: Ran, tmp_path: Path) -> None:
    lists = ["data.eval_transform=[{Resize: [20]},{Normalize: [0.2,0.4]}]", "data.train_transform=[{RandomCrop: 20}]"]
    mixed = ["data.randaugment={num_ops: 1}", "data.mixup=0.2", "data.cutmix=1.0", "trainer.precision=bf16-mixed"]
    settings = ["data=mnist", "model=linear", "data.train_size=200", "data.val_size=50", "test=false", *lists, *mixed]
    run_experiment(compose([*QUICK, *settings, f"paths.run_dir={tmp_path / 'run'}"]))
    here = Ran(tmp_path, {"run": tmp_path / "run"})
    stored = MNIST(DATA, train=False).data[:9].numpy()
    for number, image in enumerate(stored):
        (tmp_path / "files").mkdir(exist_ok=True)
        Image.fromarray(image).save(tmp_path / "files" / f"{number}.png")
    np.save(tmp_path / "integers.npy", stored[:, None])
    np.save(tmp_path / "floats.npy", (stored[:, None] / 255).astype(np.float32))
    expected = [row["probability"] for row in here.predict("run")[1][:9]]
    for name in ("files", "integers.npy", "floats.npy"):
        assert [row["probability"] for row in here.predict("run", f"input={tmp_path / name}")[1]] == expected
    spec = load_run(tmp_path / "run").spec
    assert (spec.input_shape, spec.stored_shape, spec.mean) == ((1, 20, 20), (1, 28, 28), (0.2,))
    np.save(tmp_path / "wrong.npy", stored[:, None, :20, :20])
    with pytest.raises(UserError, match=r"has the shape 9×1×20×20; it must be N×1×28×28"):
        here.predict("run", f"input={tmp_path / 'wrong.npy'}")


def test_an_array_is_transformed_as_the_files_of_a_folder_were(ran: Ran, tmp_path: Path) -> None:
    lists = "data.eval_transform=[{RandomVerticalFlip: 1.0},{Resize: [10,10]},{Pad: 1}]"
    mine = [lists, f"data.root={ran.folder}/pictures", "test=false"]
    run_experiment(compose([*QUICK, *KINDS["pictures"], *mine, f"paths.run_dir={tmp_path / 'run'}"]))
    here = Ran(tmp_path, {"run": tmp_path / "run"})
    files = sorted((ran.folder / "pictures/test").rglob("*.png"))
    np.save(tmp_path / "x.npy", np.stack([np.asarray(Image.open(file)).transpose(2, 0, 1) for file in files]))
    folder = [row["probability"] for row in here.predict("run", f"input={ran.folder}/pictures/test")[1]]
    assert [row["probability"] for row in here.predict("run", f"input={tmp_path / 'x.npy'}")[1]] == folder
    assert [row["probability"] for row in here.predict("run")[1]] == folder
    np.save(tmp_path / "grey.npy", np.zeros((2, 1, 12, 12), np.uint8))
    with pytest.raises(UserError, match=r"has the shape 2×1×12×12; it must be N×3×H×W, or 3×H×W for one"):
        here.predict("run", f"input={tmp_path / 'grey.npy'}")
