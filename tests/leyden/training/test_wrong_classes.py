"""A mistake in a class of a user's own: one sentence with the class and what it must return, the traceback in a log."""

from pathlib import Path

import pytest

from leyden import UserError, compose, run_experiment
from tests.helpers.pages import ROOT

HERE = "tests.leyden.helpers.wrong_classes"
NETWORKS = {
    "size": ["model Network: makes (2, 4) of a batch of two, and must make (2, 3)"],
    "images": [
        "model Network: its forward fails for float32 (2, 8) (RuntimeError",
        "must map float32 (B, 8) to (B, 3)",
    ],
    "tuple": ["model Network: makes tuple", "must make (2, 3)"],
    "nothing": ["model Network: makes NoneType", "must make (2, 3)"],
    "tokens": ["model Network: its forward fails for float32 (2, 8)", "embedding", "must map float32 (B, 8) to (B, 3)"],
    "device": ["model Network: its forward fails for float32 (2, 8)", "device"],
    "attribute": ["model Network: its forward fails for float32 (2, 8) (AttributeError", "absent"],
    "constructor": ["Network.__init__ fails in wrong_classes.py, line", "KeyError: 'layers'"],
}
TASKS = {
    "targets": [
        "task Wrong: targets(batch) fails for a list of float32 (2, 8), int64 (2,)",
        "must return what the outputs",
    ],
    "each": [
        "task Wrong: its loss is float32 (2,); loss(outputs, targets) must return a tensor of one number, the mean"
    ],
    "number": ["task Wrong: its loss is 1.0; loss(outputs, targets) must return a tensor of one number"],
    "detached": ["task Wrong: its loss does not depend on the parameters of the network; leave out detach()"],
    "broadcast": ["task Wrong: its loss gets outputs float32 (2, 3) and targets int64 (2,)", "repeat"],
    "shape": ["task Wrong: its loss gets outputs float32 (2, 3) and targets int64 (2,)", "let targets(batch) return"],
    "list": ["task Wrong: metrics('train') fails", "it must return metrics of torchmetrics by name"],
    "attribute": ["task Wrong: metrics('train') fails (AttributeError", "absent"],
    "metric": [
        "task Wrong: loss or metrics fail for outputs float32 (2, 3) and targets int64 (2,)",
        "what its metrics take",
    ],
    "column": ["task Wrong: the column class of predictions has 1 values for 2 items"],
    "predictions": ["task Wrong: predictions or truth fail for outputs float32 (2, 3)", "must return columns by name"],
}
ITEMS = {
    "missing key": ["data Items: item 0 fails (KeyError: 'absent'; wrong_classes.py, line", "inputs and the target"],
    "lengths": ["default_collate cannot make a batch of items such as", "data.collate_fn must pad them to one"],
    "mapping": ["a batch is a dict of x float32 (2, 8), y int64 (2,)", "data.spec={task: classification"],
    "alone": ["a batch is float32 (2, 8)", "no pair (inputs, targets)"],
    "double": ["model MLP: its forward fails for float64 (2, 8)", "let the data set return float32"],
    "words": ["no pair (inputs, targets)", "str"],
    "multi hot": ["targets are float32 (2, 3), and classes must be whole numbers from 0"],
}
MODULES = {
    "setup": ["Module.setup fails in wrong_classes.py, line", "FileNotFoundError: train.bin"],
    "nothing": ["there is no batch to look at"],
    "validation": [
        "task Classification: loss or metrics fail for outputs float32 (20, 3) and targets int64 (20,)",
        "out of",
    ],
}
OTHERS = {
    "Step": ["Step.training_step fails for a list of float32", "line", "TypeError"],
    "Paired": ["task Paired: its loss gets outputs float32 (2, 1) and targets int64 (2,)", "repeat"],
    "Plain": ["task._target_", "must be a class that extends leyden.Task"],
    "MetricInputs": [
        "task MetricInputs: loss or metrics fail for outputs float32 (2, 3)",
        "metric_inputs(outputs, targets)",
    ],
}


def refusal(folder: Path, **sections: tuple[str, str]) -> str:
    """Message of the error that ends a run, with some sections replaced: each by a class and its way of being wrong."""
    few = ["trainer.max_epochs=1", "trainer.accelerator=cpu", "logger=none", f"paths.log_dir={folder / 'logs'}"]
    experiment = compose(["data=dataset", f"data.train._target_={HERE}.Items", *few], configs=ROOT / "configs")
    config = experiment.config
    config["monitor"], config["mode"] = "val/loss", "min"
    config["data"]["spec"] = {"output_size": 3}
    for name, (target, kind) in sections.items():
        node = {"_target_": f"{HERE}.{target}", **({"kind": kind} if kind else {})}
        if name == "train":
            config["data"]["train"], config["data"]["spec"] = node, None
        elif name == "callbacks":
            config["callbacks"]["mine"] = node
        else:
            config[name] = node
    with pytest.raises(UserError) as refused:
        run_experiment(experiment)
    return str(refused.value)


def check(message: str, parts: list[str], folder: Path) -> None:
    assert [part for part in parts if part not in message] == [], message
    assert "\n" not in message
    log = folder / "logs" / "errors.log"
    if "traceback in" in message:
        assert "Traceback (most recent call last)" in Path(message.rpartition("traceback in ")[2]).read_text()
    else:
        assert not log.exists()


@pytest.mark.parametrize("kind", NETWORKS)
def test_a_wrong_network(kind: str, tmp_path: Path) -> None:
    check(refusal(tmp_path, model=("Network", kind)), NETWORKS[kind], tmp_path)
    assert not (tmp_path / "logs" / "default").exists()


@pytest.mark.parametrize("kind", TASKS)
def test_a_wrong_task(kind: str, tmp_path: Path) -> None:
    check(refusal(tmp_path, task=("Wrong", kind)), TASKS[kind], tmp_path)
    assert not (tmp_path / "logs" / "default").exists()


@pytest.mark.parametrize("kind", ITEMS)
def test_wrong_items(kind: str, tmp_path: Path) -> None:
    check(refusal(tmp_path, train=("Items", kind)), ITEMS[kind], tmp_path)


@pytest.mark.parametrize("kind", MODULES)
def test_a_wrong_datamodule(kind: str, tmp_path: Path) -> None:
    check(refusal(tmp_path, data=("Module", kind)), MODULES[kind], tmp_path)


@pytest.mark.parametrize("target", OTHERS)
def test_another_wrong_task(target: str, tmp_path: Path) -> None:
    check(
        refusal(tmp_path, task=(target, "metric inputs" if target == "MetricInputs" else "")), OTHERS[target], tmp_path
    )


def test_data_whose_spec_is_not_true(tmp_path: Path) -> None:
    message = refusal(tmp_path, data=("Shapes", ""), model=("Network", "right"))
    check(message, ["an input is float32 (2, 7), and its spec says float32 (B, 8)", "DataSpec"], tmp_path)


def test_a_stream_is_no_data_set_of_items(tmp_path: Path) -> None:
    check(refusal(tmp_path, train=("Stream", "")), ["data.train: Stream is no map-style data set"], tmp_path)


def test_a_function_that_returns_no_network(tmp_path: Path) -> None:
    check(refusal(tmp_path, model=("no_network", "")), ["model._target_", "must return a torch.nn.Module"], tmp_path)


def test_a_data_set_in_place_of_a_datamodule(tmp_path: Path) -> None:
    check(refusal(tmp_path, data=("Items", "")), ["data=dataset data.train._target_=", "Items"], tmp_path)


def test_items_that_fail_in_a_worker_process(tmp_path: Path) -> None:
    message = refusal(tmp_path, data=("Module", "worker"))
    check(message, ["__getitem__ fails in wrong_classes.py, line", "KeyError: 'absent'"], tmp_path)


def test_two_loaders_for_one_split(tmp_path: Path) -> None:
    check(refusal(tmp_path, data=("Module", "two")), ["val_dataloader returns 2 loaders", "ConcatDataset"], tmp_path)


def test_a_callback_that_fails_within_a_run(tmp_path: Path) -> None:
    message = refusal(tmp_path, callbacks=("Callback", ""))
    check(message, ["Callback.on_train_batch_end fails in wrong_classes.py, line", "KeyError", "train.log"], tmp_path)
