"""Settings that may be changed when a run is resumed."""

import shutil
from pathlib import Path

import pytest

from leyden.config.compose import compose
from leyden.system.errors import UserError
from tests.leyden.helpers.kept_runs import between, keep, told

REMEDY = "a run is resumed as it was; to train its weights in another way, start a new run with init_from="


@pytest.mark.sample(4)
@pytest.mark.parametrize(
    ("typed", "named"),
    [
        ("model=mlp", "model."),
        ("model.kernel_size=7", "model.kernel_size=7: "),
        ("model.dropout=0.5", "model.dropout=0.5: "),
        ("task.label_smoothing=0.1", "task.label_smoothing=0.1: "),
        ("optimizer=adam", "optimizer."),
        ("optimizer.lr=0.5", "optimizer.lr=0.5: "),
        ("optimizer.nesterov=false", "optimizer.nesterov=False: "),
        ("scheduler=cosine", "scheduler."),
        ("data=kmnist", "data."),
        ("data.batch_size=512", "data.batch_size=512: "),
        ("data.val_size=0.2", "data.val_size=0.2: "),
        ("data.train_size=100", "data.train_size=100: "),
        ("data.fold=1", "data.fold=1: "),
        ("data.augment.rotation=3", "data.augment.rotation=3: "),
        ("~data.augment", "data.augment"),
        ("seed=1", "seed=1: "),
        ("monitor=val/loss mode=min", "monitor=val/loss: "),
        ("matmul_precision=highest", "matmul_precision=highest: "),
        ("init_from=last", "init_from=last: "),
    ],
)
def test_a_run_does_not_go_on_as_another(typed: str, named: str, made: Path) -> None:
    with pytest.raises(UserError) as refusal:
        compose([f"resume={made}", *typed.split()])
    message = str(refusal.value)
    assert "\n" not in message
    assert named in message
    assert message.endswith(f"{REMEDY}{made}")


@pytest.mark.sample(4)
@pytest.mark.parametrize(
    "typed",
    [
        "trainer.max_epochs=9",
        "trainer=cpu",
        "trainer.devices=2",
        "trainer.limit_train_batches=7",
        "data.root=elsewhere",
        "data.eval_batch_size=16",
        "paths.data_dir=elsewhere",
        "callbacks=early_stopping",
        "callbacks=default callbacks.last.every_n_steps=10",
        "logger=csv",
        "logger=none",
        "test=false",
        "cache_features=false",
    ],
)
def test_what_does_not_make_it_another_may_be_changed(typed: str, made: Path) -> None:
    experiment = compose([f"resume={made}", *typed.split()])
    assert experiment.resumes
    assert experiment.run_dir == made
    assert experiment.overrides[-1] == typed.split()[-1]
    assert experiment.config != told(made)


@pytest.mark.sample(2)
@pytest.mark.parametrize("typed", ["seed=42", "data.batch_size=32", "model=cnn", "optimizer=sgd"])
def test_what_the_run_has_already_may_be_typed(typed: str, made: Path) -> None:
    assert compose([f"resume={made}", typed]).config == told(made)


def test_workers_and_the_cache_of_pictures_may_be_changed(tmp_path: Path) -> None:
    run = keep(tmp_path, "data=image_folder", "data.root=pictures", "model=cnn")
    experiment = compose([f"resume={run}", "data.num_workers=3", "data.cache=true", "data.root=moved"])
    changed = {"data.num_workers": 3, "data.cache": True, "data.root": "moved"}
    assert between(told(run), experiment.config) == changed


def test_a_moved_run_goes_on_where_it_is_now(run: Path) -> None:
    experiment = compose([f"resume={run}", "trainer.max_epochs=9"])
    assert experiment.run_dir == run
    assert experiment.config["logger"]["csv"]["save_dir"] == str(run)
    with pytest.raises(UserError, match=f"init_from={run}$"):
        compose([f"resume={run}", "seed=1"])


def test_data_that_lie_in_a_run_that_was_moved_are_the_same_data(tmp_path: Path) -> None:
    run = keep(tmp_path / "logs", "data=csv", "data.path=${paths.run_dir}/a.csv", "data.target=y", "model=mlp")
    moved = Path(shutil.move(run, tmp_path / "moved"))
    assert compose([f"resume={moved}"]).config["data"]["path"] == f"{moved}/a.csv"


def test_the_newest_run_is_resumed_by_its_name(tmp_path: Path) -> None:
    logs = f"paths.log_dir={tmp_path}"
    with pytest.raises(UserError, match=f"^resume=last: there is no run in {tmp_path} yet; python scripts/runs.py"):
        compose(["resume=last", logs])
    run = keep(tmp_path, "experiment=mnist_linear", "seed=7")
    experiment = compose(["resume=last", logs])
    assert (experiment.name, experiment.run_dir) == ("mnist_linear", run.resolve())
    assert experiment.config["seed"] == 7
    assert experiment.overrides == [logs, "experiment=mnist_linear", "seed=7", logs]


def test_what_is_no_run_is_not_resumed(run: Path) -> None:
    with pytest.raises(UserError, match="is not a run, it has no config"):
        compose([f"resume={run.parent}"])
    with pytest.raises(UserError, match="there is no such directory"):
        compose([f"resume={run}/gone"])


@pytest.mark.parametrize("typed", ["experiment=mnist_cnn", "debug=limit"])
def test_a_run_goes_on_as_its_own_experiment(typed: str, made: Path) -> None:
    with pytest.raises(UserError, match="a run has its own"):
        compose([f"resume={made}", typed])
