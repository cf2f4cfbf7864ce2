"""scripts/export.py: what is exported is loaded as somebody else would, and gives what the network gives."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnxruntime
import pytest
import torch
from torch import Tensor, nn

from leyden.config.compose import compose
from leyden.training.loaded_run import load_run
from leyden.training.train import run_experiment
from myproject.models.mlp import MLP
from tests.leyden.scripts.running import runner

pytestmark = pytest.mark.slow

SCRIPT = Path(__file__).resolve().parents[3] / "scripts" / "export.py"
CONFIGS = SCRIPT.parents[1] / "configs"
EXPERIMENTS = sorted(path.stem for path in (CONFIGS / "experiment").glob("*.yaml") if path.stem != "default")
Runs = Callable[[str], Path]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, data_root: Path) -> Runs:
    """The directory of a short run of an experiment; each is run once."""
    made: dict[str, Path] = {}
    root = tmp_path_factory.mktemp("runs")
    small = ["trainer.max_epochs=1", "trainer.limit_train_batches=1", "trainer.limit_test_batches=1", "logger=none"]
    small += ["trainer.accelerator=cpu", "callbacks.summary=null", "data.train_size=30", "data.val_size=8"]
    small += [f"paths.data_dir={data_root}", f"paths.log_dir={root}"]
    images = [f"data.root={data_root}/pictures", "data.size=32"]
    few = ["data.train_size=8", "data.val_size=4", "data.batch_size=4", "trainer.precision=32-true"]

    def run(name: str) -> Path:
        if name not in made:
            own = [*(images if "folder" in name else []), *(["model.weights=null"] if "resnet" in name else [])]
            own += few if "cifar" in name or "resnet" in name else []
            experiment = compose([f"experiment={name}", *small, *own, f"paths.run_dir={root / name}"], CONFIGS)
            run_experiment(experiment)
            made[name] = root / name
        return made[name]

    return run


export = runner(SCRIPT)


def state_dict(path: Path, network: nn.Module) -> Callable[[Tensor], Tensor]:
    state = torch.load(path, weights_only=True)
    assert list(state) == list(network.state_dict())
    for name, tensor in network.state_dict().items():
        assert torch.equal(state[name], tensor)
    return network


def torch_export(path: Path, _: nn.Module) -> Callable[[Tensor], Tensor]:
    return torch.export.load(path).module()


def onnx(path: Path, _: nn.Module) -> Callable[[Tensor], Tensor]:
    session = onnxruntime.InferenceSession(path)
    return lambda inputs: torch.from_numpy(session.run(None, {"input": inputs.numpy()})[0])


LOADERS: dict[str, Any] = {"state_dict": state_dict, "torch_export": torch_export, "onnx": onnx}
SUFFIXES = {"state_dict": "pt", "torch_export": "pt2", "onnx": "onnx"}


@pytest.mark.parametrize("form", LOADERS)
@pytest.mark.parametrize("name", EXPERIMENTS)
def test_what_is_exported_gives_what_the_network_gives(
    name: str,
    form: str,
    runs: Runs,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run_dir = runs(name)
    capsys.readouterr()
    assert export(monkeypatch, f"run={run_dir}", f"format={form}") == 0
    path = run_dir / "exports" / f"model.{SUFFIXES[form]}"
    said = capsys.readouterr()
    assert said.out.startswith(f"{path}: ")
    assert said.out.count("\n") == 1
    assert said.err == ""
    run = load_run(run_dir)
    inputs = torch.randn(7, *run.spec.input_shape, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        expected, got = run.model(inputs), LOADERS[form](path, run.model)(inputs)
    assert torch.allclose(got, expected, rtol=1e-4, atol=1e-4)
    assert not list(path.parent.glob(".*"))


def test_the_description_is_enough_to_use_a_network_of_tables(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    run_dir = runs("csv_mlp")
    assert export(monkeypatch, f"run={run_dir}", "ckpt=last") == 0
    told = json.loads((run_dir / "exports" / "model.pt.json").read_text(), parse_constant=lambda name: 1 / 0)
    run = load_run(run_dir, "last")
    assert told["input"]["shape"] == ["batch", *run.spec.input_shape] == ["batch", len(told["input_names"])]
    assert told["output"]["shape"] == ["batch", 1]
    assert told["spec"]["target_names"] == ["mpg"]
    assert told["spec"]["target_mean"] == list(run.spec.target_mean)
    assert told["spec"]["columns"]["features"][0]["kind"] in ("number", "date", "category")
    assert told["checkpoint"] == str(run_dir / "checkpoints" / "last.ckpt")
    assert told["epochs"] == run.epochs
    assert told["metrics"] == run.metrics
    settings = {key: value for key, value in told["model"].items() if key != "_target_"}
    MLP(**settings).load_state_dict(torch.load(run_dir / "exports" / "model.pt", weights_only=True))


def test_each_format_has_a_description_of_its_own(runs: Runs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for form, ckpt in (("state_dict", "best"), ("torch_export", "last")):
        output = tmp_path / "deep" / f"digits.{SUFFIXES[form]}"
        assert (
            export(monkeypatch, f"run={runs('mnist_linear')}", f"format={form}", f"ckpt={ckpt}", f"output={output}")
            == 0
        )
    for suffix, ckpt in (("pt", "best"), ("pt2", "last")):
        told = json.loads((tmp_path / "deep" / f"digits.{suffix}.json").read_text())
        assert Path(told["checkpoint"]).stem == ckpt
        assert len(told["spec"]["class_names"]) == 10


class Doubled(nn.Module):
    """Another network in place of the one that was asked for."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        return 2 * self.network(x)


@pytest.mark.parametrize("form", LOADERS)
def test_an_export_that_differs_is_refused_and_what_was_there_is_kept(
    form: str,
    runs: Runs,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run_dir, output = runs("mnist_linear"), tmp_path / f"model.{SUFFIXES[form]}"
    output.write_bytes(b"of last week")
    capsys.readouterr()
    trace, save = torch.export.export, torch.save
    monkeypatch.setattr(torch.export, "export", lambda network, *rest, **more: trace(Doubled(network), *rest, **more))
    if form == "state_dict":
        monkeypatch.setattr(torch, "save", lambda state, file: save({k: v + 1e-6 for k, v in state.items()}, file))
    assert export(monkeypatch, f"run={run_dir}", f"format={form}", f"output={output}") == 2
    message = capsys.readouterr().err
    assert message.startswith("error: the exported network differs by ")
    assert message.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == [output.name]
    assert output.read_bytes() == b"of last week"


def test_a_network_that_an_exporter_cannot_follow_is_refused_in_one_line(
    runs: Runs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run_dir = runs("mnist_linear")
    capsys.readouterr()

    def forward(self: nn.Module, x: Tensor) -> Tensor:
        return self.output(x.flatten(1)) if len(x) != 4 else x.new_zeros(4, 10)  # what a trace must not settle

    monkeypatch.setattr("myproject.models.linear.Linear.forward", forward)
    output = tmp_path / "model.pt2"
    assert export(monkeypatch, f"run={run_dir}", "format=torch_export", f"output={output}") == 2
    message = capsys.readouterr().err
    assert message.startswith("error: format=torch_export: cannot hold this network (")
    assert len(message) < 250  # what torch has to say about it takes pages
    assert message.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_a_missing_onnx_is_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    assert export(monkeypatch, "run=last", "format=onnx") == 2
    remedy = "uv sync --extra export, or pip install onnx onnxscript onnxruntime"
    assert capsys.readouterr().err == f"error: format=onnx: onnxscript is not installed; {remedy}\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "run: no value given; add run=last, or run=<directory>"),
        (["run=last", "fromat=onnx"], "fromat=onnx: unknown key; did you mean format=onnx?"),
        (["run=last", "format=onx"], "format=onx: no such format; did you mean format=onnx?"),
        (["run=last", "--format=onnx"], "--format=onnx: is no setting; write format=onnx"),
        (["run=last", "output=m.onnx"], "output=m.onnx: must end in .pt with format=state_dict; write output=m.pt"),
        (["run=nowhere"], "run=nowhere: there is no such directory; python scripts/runs.py lists them"),
    ],
)
def test_a_mistake_is_one_line(
    arguments: list[str], message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert export(monkeypatch, *arguments) == 2
    assert capsys.readouterr().err == f"error: {message}\n"
