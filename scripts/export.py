"""Export the network of a run for use elsewhere.

    python scripts/export.py run=last                                    # its weights: format=state_dict
    python scripts/export.py run=logs/mnist_cnn/2026-01-31_12-00-00 format=onnx
    python scripts/export.py run=last format=torch_export ckpt=last output=digits.pt2 log_dir=logs/debug

state_dict holds the weights; torch_export the computation too, so that no code of the project is needed; onnx the same
for other runtimes, with `uv sync --extra export`. A file is loaded back, and compared with the network on batches of
several sizes, before it gets its name: <run>/exports/model.pt, .pt2 or .onnx. Next to it, model.onnx.json describes its
use: shapes, classes, normalisation, columns, the scaling of targets; and its origin.
"""

import importlib.util
import io
import json
import sys
import warnings
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

try:
    import torch
except ModuleNotFoundError as missing:  # plain `python`, outside the project's environment
    sys.path.append(str(Path(__file__).parents[1]))
    from src.leyden.system.environment import restart

    restart(missing)
from torch import Tensor

from leyden.checkpoints.restore import restore_network
from leyden.cli.entry_point import report_user_errors
from leyden.cli.script_options import join_option_values
from leyden.data.tables.column_types import input_names
from leyden.records.record import finite
from leyden.system.atomic_files import replacing, write_text
from leyden.system.errors import UserError
from leyden.system.override_text import setting, squeezed, with_home
from leyden.system.suggestions import did_you_mean, nearest, there_are
from leyden.tasks.output_settings import with_settings
from leyden.training.loaded_run import LoadedRun, load_run

Network = Callable[[Tensor], Tensor]
SETTINGS = {"run": "", "format": "state_dict", "ckpt": "best", "output": "", "log_dir": "logs"}
CALLED = {"out": "output", "file": "output", "path": "output", "o": "output", "f": "format", "type": "format"}
CALLED |= {"checkpoint": "ckpt", "ckptpath": "ckpt", "weights": "ckpt", "logdir": "log_dir", "logs": "log_dir"}
CALLED |= {"resume": "run", "rundir": "run", "dir": "run"}
FORMATS_CALLED = {"pt": "state_dict", "pth": "state_dict", "weights": "state_dict", "pt2": "torch_export"}
FORMATS_CALLED |= {"torchscript": "torch_export", "jit": "torch_export", "export": "torch_export"}
ONNX = "onnx onnxscript onnxruntime"


class Format(NamedTuple):
    suffix: str
    write: Callable[[LoadedRun, BinaryIO], None]
    read: Callable[[LoadedRun, BinaryIO], Network]
    tolerance: float  # largest difference, relative to the largest output (or to 1, if that is larger)
    use: str  # expression that loads the file


def main(arguments: Sequence[str]) -> None:
    settings = parsed(arguments)
    form = FORMATS[settings["format"]]
    run = load_run(settings["run"], settings["ckpt"], with_home(settings["log_dir"]))
    path = Path(settings["output"] or run.dir / "exports" / f"model{form.suffix}").expanduser()
    difference = export(run, settings["format"], path)
    size, use = f"{path.stat().st_size / 1e6:.2f} MB", form.use.format(repr(str(path)))
    print(f"{path}: {size}, largest difference {difference:.1e}; load it with {use}")


def parsed(arguments: Sequence[str]) -> dict[str, str]:
    """Settings, with defaults for those that were not typed.

    Raises:
        UserError: one is unknown, wrong or missing, or a package that its format needs is not installed.
    """
    settings = dict(SETTINGS)
    for argument in join_option_values(arguments):
        key, equals, value = argument.partition("=")
        if not equals or key.startswith("-"):
            raise UserError(f"{argument}: is no setting; write {_setting(key, value)}")
        if key not in settings:
            meant = CALLED.get(squeezed(key)) or next(iter(nearest(key, settings)), None)
            near = f"; did you mean {setting(meant, value)}?" if meant else there_are(settings)
            raise UserError(f"{argument}: unknown key{near}")
        settings[key] = value
    name, output = settings["format"], settings["output"]
    if not settings["run"]:
        raise UserError("run: no value given; add run=last, or run=<directory>")
    if name not in FORMATS:
        meant = FORMATS_CALLED.get(squeezed(name), name)
        raise UserError(f"format={name}: no such format" + did_you_mean(meant, FORMATS, lambda one: f"format={one}"))
    if output and Path(output).suffix != FORMATS[name].suffix:
        remedy = setting("output", str(Path(output).with_suffix(FORMATS[name].suffix)))
        raise UserError(f"output={output}: must end in {FORMATS[name].suffix} with format={name}; write {remedy}")
    absent = [package for package in ONNX.split() if name == "onnx" and not importlib.util.find_spec(package)]
    if absent:
        raise UserError(f"format=onnx: {absent[0]} is not installed; uv sync --extra export, or pip install {ONNX}")
    return settings


def _setting(key: str, value: str) -> str:
    """Setting that a word or an unknown key probably means."""
    key, _, after = key.lstrip("-").partition(" ")
    if not (after or value):  # a single word
        formats = [name for name in FORMATS if squeezed(name) == squeezed(key)]
        return f"format={formats[0]}" if formats else setting("run", "last" if key in SETTINGS else key)
    name = key if key in SETTINGS else CALLED.get(squeezed(key), "run")
    return setting(name, after or value)


def export(run: LoadedRun, name: str, path: Path) -> float:
    """Write a network and its description, if its outputs are the same when loaded; returns the largest difference.

    Raises:
        UserError: the network cannot be written in this format, gives other outputs, or the file cannot be written.
    """
    form = FORMATS[name]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as file:
            with (
                torch.no_grad(),
                warnings.catch_warnings(action="ignore"),
                redirect_stdout(io.StringIO()),
            ):  # progress messages
                form.write(run, file)
                file.seek(0)
                difference = compare(run.model, form.read(run, file), run.spec.input_shape, form.tolerance)
            write_text(path.with_name(f"{path.name}.json"), json.dumps(finite(description(run, name)), indent=2) + "\n")
    except UserError:
        raise
    except OSError as error:
        raise UserError(f"output={path}: cannot be written ({error.strerror or error})") from error
    except Exception as error:  # exporters raise errors of many types for unsupported code
        why = str(error).strip().partition("\n")[0] or type(error).__name__
        raise UserError(f"format={name}: cannot hold this network ({why}); HYDRA_FULL_ERROR=1 tells more") from error
    return difference


def compare(network: Network, copy: Network, shape: Sequence[int], tolerance: float) -> float:
    """Largest difference between the outputs of two networks, on random inputs and on zeros.

    Raises:
        UserError: it is too large.
    """
    random, largest = torch.Generator().manual_seed(0), 0.0
    for inputs in [*(torch.randn(size, *shape, generator=random) for size in (1, 2, 5)), torch.zeros(3, *shape)]:
        expected, got = network(inputs), copy(inputs)
        difference = (expected - got).abs().max().item() if got.shape == expected.shape else float("inf")
        if not difference <= tolerance * max(1.0, expected.abs().max().item()):  # False for NaN
            own = "the network" if expected.isfinite().all() else "the network, whose outputs are not finite"
            raise UserError(f"the exported network differs by {difference:.1e} from {own}; no file is kept")
        largest = max(largest, difference)
    return largest


def description(run: LoadedRun, name: str) -> dict[str, Any]:
    """Plain values that describe the use and the origin of the file."""
    spec = asdict(run.spec)
    shapes = {"input": run.spec.input_shape, "output": _output_shape(run)}
    return {
        "format": name,
        **{end: {"shape": ["batch", *shape], "dtype": "float32"} for end, shape in shapes.items()},
        "input_names": input_names(spec["columns"]["features"]) if spec["columns"] else None,
        "spec": spec,
        "eval_transform": run.config["data"].get("eval_transform"),  # of images, before normalisation
        "model": run.task.model,
        "task": {key: value for key, value in run.task.settings.items() if key not in ("optimizer", "scheduler")},
        "fitted": {name: value.tolist() for name, value in run.task.state_dict().items() if not _of_network(name)},
        "checkpoint": str(run.checkpoint),
        "epochs": run.epochs,
        "metrics": run.metrics,
        "torch": torch.__version__,
    }


def _of_network(name: str) -> bool:
    return name.startswith("network.")


def _output_shape(run: LoadedRun) -> tuple[int, ...]:
    return (with_settings(run.task.output_size, run.spec, run.task.settings),)


def write_state(run: LoadedRun, file: BinaryIO) -> None:
    torch.save(run.model.state_dict(), file)


def read_state(run: LoadedRun, file: BinaryIO) -> Network:
    network = restore_network(run.task.model, run.spec)
    network.load_state_dict(torch.load(file, weights_only=True))
    return network.eval()


def traced(run: LoadedRun) -> torch.export.ExportedProgram:
    """Exported program for any batch size, without the paths of this machine's files."""
    batch = torch.export.Dim("batch")
    program = torch.export.export(run.model, (torch.zeros(2, *run.spec.input_shape),), dynamic_shapes=({0: batch},))
    for node in program.graph.nodes:
        node.meta.pop("stack_trace", None)
    return program


def write_program(run: LoadedRun, file: BinaryIO) -> None:
    torch.export.save(traced(run), file)


def read_program(_: LoadedRun, file: BinaryIO) -> Network:
    return torch.export.load(file).module()


def write_onnx(run: LoadedRun, file: BinaryIO) -> None:
    program = torch.onnx.export(traced(run), dynamo=True, input_names=["input"], output_names=["output"])
    file.write(program.model_proto.SerializeToString())


def read_onnx(_: LoadedRun, file: BinaryIO) -> Network:
    import onnxruntime

    session = onnxruntime.InferenceSession(file.read(), providers=["CPUExecutionProvider"])
    return lambda inputs: torch.from_numpy(session.run(["output"], {"input": inputs.numpy()})[0])


FORMATS = {
    "state_dict": Format(".pt", write_state, read_state, 0.0, "torch.load({}, weights_only=True)"),
    "torch_export": Format(".pt2", write_program, read_program, 1e-5, "torch.export.load({}).module()"),
    "onnx": Format(".onnx", write_onnx, read_onnx, 1e-4, "onnxruntime.InferenceSession({})"),
}


if __name__ == "__main__":
    with report_user_errors():
        print(__doc__) if {"-h", "--help"} & set(sys.argv) else main(sys.argv[1:])
