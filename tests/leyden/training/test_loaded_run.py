"""A run in one line."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from leyden.config.compose import compose
from leyden.data.csv import CSV
from leyden.run.split_record import SPLIT
from leyden.system.errors import UserError
from leyden.training.loaded_run import load_run
from leyden.training.train import run_experiment
from myproject.tasks.regression import Regression


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, mnist_root: Path) -> Path:
    """A run on a table of its own, not to be written into."""
    folder = tmp_path_factory.mktemp("loaded")
    shutil.copytree(mnist_root / "csv", folder / "data" / "csv")
    typed = ["data=cars", "model=mlp", f"paths.data_dir={folder}/data", f"paths.log_dir={folder}/logs", "logger=none"]
    experiment = compose([*typed, "callbacks.summary=null", "trainer.accelerator=cpu", "trainer.max_epochs=2"])
    run_experiment(experiment)
    return experiment.run_dir


@pytest.fixture
def run(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "run"))


def weights(path: Path) -> dict[str, torch.Tensor]:
    state: dict[str, torch.Tensor] = torch.load(path, weights_only=True)["state_dict"]
    return {name.removeprefix("network."): value for name, value in state.items()}


def test_a_run_comes_back_with_its_model_config_metrics_and_data(made: Path) -> None:
    run = load_run(made)
    assert not run.model.training
    assert not any(module.training for module in run.task.modules())
    best = weights(made / "checkpoints" / "best.ckpt")
    assert all(torch.equal(value, best[name]) for name, value in run.model.state_dict().items())
    assert run.model(torch.zeros(3, *run.spec.input_shape)).shape == (3, 1)
    assert isinstance(run.task, Regression)
    assert run.config == yaml.safe_load((made / "config.yaml").read_text())
    assert run.metrics == json.loads((made / "run.json").read_text())["metrics"]
    assert (run.dir, run.checkpoint) == (made, made / "checkpoints" / "best.ckpt")


def test_the_newest_run_comes_without_a_name_and_its_last_weights_by_theirs(made: Path, tmp_path: Path) -> None:
    logs = made.parents[1]
    assert load_run(log_dir=logs).dir.resolve() == made
    last = load_run(made, ckpt="last")
    assert last.checkpoint.name == "last.ckpt"
    assert last.epochs == 2
    expected = weights(made / "checkpoints" / "last.ckpt")
    assert all(torch.equal(value, expected[name]) for name, value in last.model.state_dict().items())
    other = shutil.copy(made / "checkpoints" / "last.ckpt", tmp_path / "mine.ckpt")
    assert load_run(made, ckpt=other).checkpoint == Path(other)


def test_the_data_are_read_when_they_are_asked_for(run: Path, tmp_path: Path) -> None:
    loaded, config = load_run(run), yaml.safe_load((run / "config.yaml").read_text())
    data = Path(shutil.copytree(config["paths"]["data_dir"], tmp_path / "data"))
    config["data"]["path"] = str(data / "csv" / "cars.csv")
    shutil.move(data, tmp_path / "gone")
    (run / "config.yaml").write_text(yaml.safe_dump(config))
    moved = load_run(run)
    assert moved.metrics == loaded.metrics
    with pytest.raises(UserError, match=r"cars\.csv"):
        moved.datamodule  # noqa: B018
    module = loaded.datamodule
    assert loaded.datamodule is module
    assert isinstance(module, CSV)
    assert [len(module.splits[split][1]) for split in ("train", "val", "test")] == [286, 32, 80]
    assert module.spec == loaded.spec


def test_a_run_from_before_its_first_checkpoint_has_no_model(run: Path) -> None:
    shutil.rmtree(run / "checkpoints")
    with pytest.raises(UserError, match=f"^ckpt=best: {run} has no such checkpoint; there are: none$"):
        load_run(run)


def test_damaged_weights_are_replaced_by_those_before_or_told(run: Path) -> None:
    best, older = (run / "checkpoints" / f"{name}.ckpt" for name in ("best", "best.previous"))
    whole = best.read_bytes()
    best.write_bytes(whole[:-100])
    older.unlink(missing_ok=True)
    with pytest.raises(UserError, match="is damaged"):
        load_run(run)
    older.write_bytes(whole)
    assert load_run(run).checkpoint == older
    best.unlink()
    assert load_run(run).checkpoint == older


@pytest.mark.parametrize("target", ["subprocess.Popen", "os.system", "myproject.models.mlp.MLP"])
def test_what_a_config_names_as_data_is_built_only_if_it_is_data(target: str, run: Path, tmp_path: Path) -> None:
    config: dict[str, Any] = yaml.safe_load((run / "config.yaml").read_text())
    config["data"] = {"_target_": target, "args": f"touch {tmp_path}/harm", "command": f"touch {tmp_path}/harm"}
    (run / "config.yaml").write_text(yaml.safe_dump(config))
    loaded = load_run(run)
    with pytest.raises(UserError, match=f"{run}: data"):
        loaded.datamodule  # noqa: B018
    assert not (tmp_path / "harm").exists()


def test_a_run_without_a_record_has_no_metrics(run: Path) -> None:
    (run / "run.json").unlink()
    assert load_run(run).metrics == {}


@pytest.mark.parametrize(
    "loops", [None, [], {}, {"fit_loop": {"epoch_progress": {"current": {"ready": "x"}}}}], ids=str
)
def test_weights_that_do_not_tell_how_long_they_were_trained_are_one_line(loops: Any, run: Path) -> None:
    best = run / "checkpoints" / "best.ckpt"
    content = torch.load(best, weights_only=True)
    del content["loops"]
    torch.save(content if loops is None else content | {"loops": loops}, best)
    with pytest.raises(
        UserError, match=f"^{best}: does not say how long it was trained; it was not written by"
    ) as told:
        load_run(run)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("changed", [False, True])
def test_data_that_have_changed_since_the_run_are_reported(
    changed: bool, run: Path, caplog: pytest.LogCaptureFixture
) -> None:
    record = json.loads((run / "run.json").read_text())
    assert "286 train, 32 val, 80 test" in record["data"]
    (run / SPLIT).unlink()  # as of a run of an older version
    if changed:
        (run / "run.json").write_text(json.dumps(record | {"data": record["data"].replace("286", "279")}))
    assert load_run(run).datamodule.splits
    assert any("data: changed since the run" in message for message in caplog.messages) == changed
