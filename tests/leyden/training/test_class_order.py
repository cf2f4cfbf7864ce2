"""A run that was trained with its classes in another order keeps that order: in eval.py, predict.py and a resume."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from leyden.checkpoints.files import recorded_spec
from leyden.config.compose import compose, compose_run
from leyden.data.folder import ImageFolder
from leyden.data.inputs.request import check_request
from leyden.training.evaluate import evaluate_run
from leyden.training.loaded_run import load_run
from leyden.training.predict import predict_run
from leyden.training.train import run_experiment
from tests.helpers.image_files import write_image
from tests.leyden.helpers.csv_files import write

OLD = ("1", "10", "2")  # as text is sorted
QUICK = ["trainer=cpu", "callbacks.summary=null", "callbacks.progress=null", "logger=none"]


def write_classes(path: Path, form: str = "{}") -> Path:
    """Classes that x tells: 1 below 2, 2 above it, 10 above 10."""
    lines = [f"{OLD[i % 3]}.{i % 7},{form.format(OLD[i % 3])}" for i in range(90)]
    return write(path, "\n".join(["x,y", *lines]) + "\n")


def write_numbered(root: Path) -> Path:
    for place, name in enumerate(OLD):
        for number in range(12):
            write_image(root / name / f"{number}.png", 8 * number + 3 * place, 8, 8)
    return root


def by_text(names: Sequence[str]) -> list[str]:
    return sorted(names)


@pytest.fixture(scope="module", params=["a target that is named in data.categorical", "a target of numbers", "folders"])
def old(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run directory of a time when classes were sorted as text."""
    folder = tmp_path_factory.mktemp("old")
    if request.param == "folders":
        data = ["data=image_folder", f"data.root={write_numbered(folder / 'images')}", "data.size=8", "data.cache=true"]
        data += ["data.num_workers=0", "data.augment=null", "optimizer.lr=0.05"]
    else:
        data = ["data=csv", f"data.path={write_classes(folder / 'a.csv')}", "data.target=y", "task=classification"]
        data += ["optimizer.lr=0.3"] + (["data.categorical=[y]"] if "named" in request.param else [])
    with pytest.MonkeyPatch.context() as monkeypatch:
        for module in ("tables.targets", "image_files.layout"):
            monkeypatch.setattr(f"leyden.data.{module}.natural_order", by_text)
        typed = [*QUICK, *data, "model=linear", "trainer.max_epochs=30", f"paths.run_dir={folder / 'run'}"]
        run_experiment(compose(typed))
    assert load_run(folder / "run").spec.class_names == OLD
    return folder / "run"


def test_it_is_measured_as_in_training(old: Path) -> None:
    run = load_run(old)
    assert run.datamodule.spec.class_names == OLD
    metrics = evaluate_run(*compose_run([f"run={old}"]))
    assert metrics == {name: run.metrics[name] for name in metrics}


def test_it_predicts_the_classes_by_their_names(old: Path) -> None:
    recorded, settings = compose_run([f"run={old}"], "predict")
    lines = predict_run(recorded, check_request(settings, recorded.dir)).read_text().splitlines()
    assert {line.split(",")[1] for line in lines[1:]} <= set(OLD)
    correct = sum(line.endswith("true") for line in lines[1:]) / len(lines[1:])
    assert correct == pytest.approx(load_run(old).metrics["test/acc"])


def test_it_is_resumed_in_its_own_order(old: Path) -> None:
    run_experiment(compose([f"resume={old}", "trainer.max_epochs=31"]))
    assert tuple((recorded_spec(old) or {})["class_names"]) == OLD
    assert load_run(old, "last").spec.class_names == OLD
    assert load_run(old, "last").epochs == 31


def test_a_new_run_has_the_order_of_the_numbers(tmp_path: Path) -> None:
    path = write_classes(tmp_path / "a.csv")
    typed = [*QUICK, "data=csv", f"data.path={path}", "data.target=y", "task=classification", "model=linear"]
    run_experiment(compose([*typed, "trainer.max_epochs=1", f"paths.run_dir={tmp_path / 'run'}"]))
    run = load_run(tmp_path / "run", "last")
    assert run.spec.class_names == ("1", "2", "10")
    assert tuple((recorded_spec(tmp_path / "run") or {})["class_names"]) == ("1", "2", "10")
    for form in ("{}.0", "0{}"):  # as the same numbers may be written in a later file
        other = write_classes(tmp_path / "b.csv", form)
        assert evaluate_run(*compose_run([f"run={tmp_path / 'run'}", "ckpt=last", f"data.path={other}"])) == (
            pytest.approx(evaluate_run(*compose_run([f"run={tmp_path / 'run'}", "ckpt=last"])))
        )


def test_no_order_is_known_without_a_whole_checkpoint(tmp_path: Path) -> None:
    assert recorded_spec(tmp_path) is None
    (tmp_path / "checkpoints").mkdir()
    write(tmp_path / "checkpoints" / "last.ckpt", "cut off")
    assert recorded_spec(tmp_path) is None


def test_folders_that_are_numbers_are_in_the_order_of_the_numbers(tmp_path: Path) -> None:
    data = ImageFolder(str(write_numbered(tmp_path)), size=8, num_workers=0, cache=True)
    data.prepare_data()
    data.setup()
    assert data.spec.class_names == ("1", "2", "10")
    for images, labels in data.splits.values():
        brightness = images.float().mean(dim=(1, 2, 3))
        assert labels[brightness.argsort()].diff().abs().sum() == 2 + 1  # 1, 10, 2 from dark to bright
