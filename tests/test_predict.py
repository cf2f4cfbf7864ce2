import csv
import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from leyden.config import compose
from leyden.config.experiment import compose_run
from leyden.data.given import Request, check_request
from leyden.data.inputs import Inputs, Named
from leyden.data.spec import DataSpec
from leyden.errors import UserError
from leyden.predict import predict, predict_run, write
from leyden.run.loaded import load_run
from leyden.tasks.classification import Classification
from leyden.tasks.regression import Regression
from leyden.train import run_experiment
from tests.csv_files import write as write_text
from tests.csv_files import write_line
from tests.picture_files import write_folders
from tests.trainers import made_trainer

ROOT = Path(__file__).parents[1]
QUICK = ["trainer=cpu", "trainer.max_epochs=1", "callbacks.summary=null", "callbacks.progress=null", "logger=none"]
KINDS = {
    "pictures": ["data=image_folder", "data.size=12", "data.resize=14", "data.num_workers=0", "model=linear"],
    "table": ["data=csv", "data.target=y", "model=linear", "optimizer.lr=0.1", "trainer.max_epochs=20"],
    "codes": ["data=image_folder", "data.size=12", "data.num_workers=0", "task=reconstruction", "model=linear"],
}


@dataclass
class Ran:
    """Finished runs below one folder, by kind, and their data."""

    folder: Path
    dirs: dict[str, Path]

    def predict(self, kind: str, *overrides: str) -> tuple[Path, list[dict[str, str]]]:
        recorded, settings = compose_run([f"run={self.dirs[kind]}", *overrides], "predict")
        path = predict_run(recorded, check_request(settings, recorded.dir))
        with path.open(encoding="utf-8", newline="") as file:
            return path, list(csv.DictReader(file))


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    folder = tmp_path_factory.mktemp("runs")
    write_folders(folder / "pictures", train=8, val=3, test=4)
    write_line(folder / "line.csv", 60)
    dirs = {}
    for kind, overrides in KINDS.items():
        data = f"data.path={folder}/line.csv" if kind == "table" else f"data.root={folder}/pictures"
        dirs[kind] = folder / "runs" / kind
        run_experiment(compose([*QUICK, *overrides, data, "test=false", f"paths.run_dir={dirs[kind]}"]))
    return Ran(folder, dirs)


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
    assert [row.pop("input") for row in split] == [str(number) for number in range(12)]
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
    assert list(split[0]) == ["input", "y", "target"]
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


def test_a_request_is_checked(tmp_path: Path) -> None:
    settings = {"input": None, "output": None, "ckpt": "best", "top_k": 3, "batch_size": None}
    assert check_request(settings, tmp_path) == Request(None, tmp_path / "predictions" / "test.csv")
    table = write_text(tmp_path / "a.b.csv", "x")
    made = check_request({**settings, "input": str(table), "batch_size": 7}, tmp_path)
    assert made == Request(table, tmp_path / "predictions" / "a.b.csv", batch_size=7)
    assert check_request({**settings, "input": f"{tmp_path}/."}, tmp_path).output.name == f"{tmp_path.name}.csv"
    mistakes: list[tuple[dict[str, Any], str]] = [
        ({"input": "nowhere.png"}, r"^input=nowhere\.png: is not there; give a picture"),
        ({"input": str(write_text(tmp_path / "a.doc", "x"))}, r"a\.doc: is no picture \(bmp, .*\(csv, tsv, txt\)"),
        ({"output": str(tmp_path)}, r"^output=.*: is a folder"),
        ({"input": str(table), "output": str(tmp_path / "." / "a.b.csv")}, r"^output=.*: is the input itself"),
        ({"output": f"{table}/new/b.csv"}, r"a\.b\.csv is a file, not a folder"),
        ({"top_k": 0}, "^top_k=0: must be"),
        ({"top_k": None}, "^top_k=None: must be"),
        ({"batch_size": True}, "^batch_size=True: must be"),
    ]
    for wrong, message in mistakes:
        with pytest.raises(UserError, match=message):
            check_request({**settings, **wrong}, tmp_path)


TRY_EACH = """
import contextlib, io, json, runpy, sys
said = {}
for typed in json.load(sys.stdin):
    out, error, status = io.StringIO(), io.StringIO(), None
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(error):
        sys.argv = ["predict.py", *typed.split()]
        try:
            runpy.run_path("predict.py", run_name="__main__")
        except SystemExit as exit:
            status = exit.code
    said[typed] = status, out.getvalue() + error.getvalue(), "torch" in sys.modules
print(json.dumps(said))
"""


def test_the_command_answers_a_mistake_in_one_line_before_torch_is_imported(ran: Ran) -> None:
    run = f"run={ran.dirs['pictures']}"
    mistakes = {
        "input=a.png": ["run: no value given"],
        f"{run} input=nowhere.png": ["input=nowhere.png", "is not there"],
        f"{run} inptu=a.png": ["inptu", "did you mean input"],
        f"{run} top_k=0": ["top_k=0"],
        f"{run} model.hidden=1": ["model.hidden"],
    }
    picture = f"{run} trainer=cpu input={ran.folder}/pictures/test/cat/000.png output={ran.folder}/door.csv"
    done = subprocess.run(
        [sys.executable, "-c", TRY_EACH],
        cwd=ROOT,
        input=json.dumps([*mistakes, picture]),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout.splitlines()[-1])
    for typed, parts in mistakes.items():
        status, text, torch_imported = said[typed]
        assert (status, torch_imported) == (2, False), (typed, text)
        lines = text.splitlines()
        assert len(lines) == 1, (typed, text)
        assert lines[0].startswith("error: ")
        assert all(part in text for part in parts), (typed, text)
    assert said[picture][0] is None, said[picture][1]
    assert (ran.folder / "door.csv").read_text().startswith("input,class,probability,class_2,")
