"""A network compiled in place: the same checkpoints, evaluated and resumed with and without."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from leyden.callbacks import compilation
from leyden.callbacks.compilation import check_compiler
from leyden.config.compose import compose, compose_run
from leyden.system.errors import UserError
from leyden.training.evaluate import evaluate_run
from leyden.training.loaded_run import load_run
from leyden.training.train import run_experiment
from tests.leyden.helpers.logged import events

Graph = tuple[bool, tuple[int, ...]]


@pytest.fixture
def graphs(monkeypatch: pytest.MonkeyPatch) -> list[Graph]:
    """For each graph that is compiled, by a backend that changes nothing: gradients are computed, size of the batch."""
    found: list[Graph] = []

    def backend(graph: torch.fx.GraphModule, inputs: list[Any]) -> Callable[..., Any]:
        sizes = [tuple(map(int, one.shape)) for one in inputs if isinstance(one, Tensor) and one.ndim == 4]
        found.append((torch.is_grad_enabled(), sizes[0] if sizes else ()))
        return graph.forward

    monkeypatch.setattr(compilation, "BACKEND", backend)
    monkeypatch.setattr("leyden.training.feasibility.check_compiler", lambda device: None)
    return found


def trained(quick: list[str], *settings: str, epochs: int = 2) -> Path:
    model = ["model=mlp", "model.hidden_sizes=[8]", "model.dropout=0.2"]
    experiment = compose([*model, "data.batch_size=60", *quick, *settings, f"trainer.max_epochs={epochs}"])
    run_experiment(experiment)
    return experiment.run_dir


def weights(directory: Path) -> dict[str, Tensor]:
    state: dict[str, Tensor] = torch.load(directory / "checkpoints/last.ckpt", weights_only=True)["state_dict"]
    return state


def assert_equal(one: dict[str, Tensor], other: dict[str, Tensor]) -> None:
    assert list(one) == list(other)
    for name, value in one.items():
        assert torch.equal(value, other[name]), name


def test_a_checkpoint_is_the_same_and_another_size_compiles_once_more(quick: list[str], graphs: list[Graph]) -> None:
    plain = trained(quick)
    assert not graphs
    compiled = trained(quick, "compile=true", epochs=2)
    assert_equal(weights(compiled), weights(plain))
    training = [shape for has_gradients, shape in graphs if has_gradients]
    assert training == [(60, 1, 28, 28), (16, 1, 28, 28)]  # 256 = 4 * 60 + 16
    assert len(graphs) == 3  # and one for the validation


def test_a_run_is_resumed_and_evaluated_with_and_without(quick: list[str], graphs: list[Graph]) -> None:
    whole = trained(quick, epochs=3)
    part = trained(quick, "compile=true", epochs=1)
    seen = len(graphs)
    run_experiment(compose([f"resume={part}", "compile=false", "trainer.max_epochs=2"]))
    assert len(graphs) == seen
    run_experiment(compose([f"resume={part}", "compile=true", "trainer.max_epochs=3"]))
    assert len(graphs) > seen
    assert_equal(weights(part), weights(whole))
    result = evaluate_run(*compose_run([f"run={part}", "trainer.limit_test_batches=2"]))
    assert result["test/acc"] == pytest.approx(load_run(part).metrics["test/acc"])


@pytest.mark.parametrize("callbacks", ["ema", "swa"])
def test_averages_of_the_weights_are_the_same(callbacks: str, quick: list[str], graphs: list[Graph]) -> None:
    settings = [f"callbacks={callbacks}", *(["callbacks.ema.decay=0.5"] if callbacks == "ema" else [])]
    assert_equal(weights(trained(quick, *settings, "compile=true")), weights(trained(quick, *settings)))
    assert graphs


def test_hooks_record_a_compiled_network(quick: list[str], graphs: list[Graph]) -> None:
    settings = ["callbacks=hooks", "callbacks.hooks.every_n_steps=3", "callbacks.hooks.inputs=true"]
    directory = trained(quick, *settings, "compile=true", "logger=tensorboard")
    steps = [event.step for event in events(directory) for value in event.summary.value if value.tag == "inputs/output"]
    assert steps == [0, 3, 6, 9]
    assert graphs
    assert_equal(weights(directory), weights(trained(quick)))


def test_features_of_a_frozen_backbone_are_cached(quick: list[str], graphs: list[Graph]) -> None:
    few = [word for word in quick if not word.startswith(("data.", "trainer.limit"))]
    model = ["model=resnet", "model.name=squeezenet1_1", "model.weights=null", "model.freeze=backbone"]
    data = ["data.train_size=40", "data.val_size=20", "data.augment=null", "test=false"]
    run_experiment(compose([*few, *model, *data, "compile=true"]))
    assert graphs
    assert {shape for _, shape in graphs} == {()}  # of features, not of images


@pytest.mark.parametrize(
    ("platform", "names"), [("linux", r"g\+\+ or clang\+\+"), ("darwin", r"clang\+\+"), ("win32", "cl")]
)
def test_without_a_compiler_it_is_refused_before_the_run(
    platform: str, names: str, quick: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("leyden.callbacks.compilation.sys.platform", platform)
    monkeypatch.setattr("leyden.callbacks.compilation.shutil.which", lambda name: None)
    monkeypatch.delenv("CXX", raising=False)
    with pytest.raises(UserError, match=rf"compile=true: .*there is no {names}; add compile=false"):
        check_compiler(torch.device("cpu"))
    if platform == "linux":
        with pytest.raises(UserError, match="compile=true"):
            run_experiment(compose(["experiment=mnist_linear", "compile=true", *quick]))
        assert not (tmp_path / "logs").exists()


def test_without_triton_it_is_refused_on_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("leyden.callbacks.compilation.find_spec", lambda name: None)
    with pytest.raises(UserError, match="needs triton"):
        check_compiler(torch.device("cuda"))


def test_a_python_that_torch_does_not_compile_for_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def unsupported(*_: Any, **__: Any) -> None:
        raise RuntimeError("torch.compile is not supported on\nPython 3.99+")

    monkeypatch.setattr("leyden.callbacks.compilation.shutil.which", lambda name: name)
    monkeypatch.setattr("torch.compile", unsupported)
    with pytest.raises(UserError, match=r"^compile=true: torch\.compile is not supported on Python 3\.99\+; add"):
        check_compiler(torch.device("cpu"))


def test_other_values_are_refused() -> None:
    with pytest.raises(UserError, match="compile=yes: must be true or false; write compile=true"):
        compose(["experiment=mnist_linear", "compile=yes"])


@pytest.mark.slow
def test_the_default_compiler_trains_as_well(quick: list[str]) -> None:
    exact = [
        "model.dropout=0.0",
        "optimizer=sgd",
    ]  # compiled, dropout is random in another way; Adam magnifies rounding
    compiled, plain = trained(quick, "compile=true", *exact), trained(quick, *exact)
    for name, value in weights(plain).items():
        assert torch.allclose(weights(compiled)[name], value, atol=1e-4), name
    assert load_run(compiled).metrics["val/acc"] == pytest.approx(load_run(plain).metrics["val/acc"], abs=0.02)
