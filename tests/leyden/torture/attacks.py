"""What somebody who means harm does to a run directory."""

import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import yaml

from leyden.system.atomic_files import previous

Content = dict[str, Any]
Attack = Callable[[Path], object]

# The sections of a config that name what is built.
PLACES: tuple[tuple[str, ...], ...] = (
    ("data",),
    ("data", "augment"),
    ("optimizer",),
    ("scheduler",),
    ("model",),
    ("task",),
    ("trainer",),
    ("trainer", "profiler"),
    ("trainer", "plugins"),
    ("trainer", "strategy"),
    ("callbacks", "progress"),
    ("callbacks", "new"),
    ("logger", "new"),
)


class Payload:
    """Runs a command when it is unpickled."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, (self.command,)


def nodes(command: str, folder: Path) -> dict[str, Content]:
    """Settings that run the command if somebody builds what they name."""
    (folder / "hubconf.py").write_text(f"import os\nos.system({command!r})\ndef harm(): pass\n")
    (folder / "harm.pkl").write_bytes(pickle.dumps(Payload(command)))
    code = f"__import__('os').system({command!r})"
    systems = ("os.system", "torch.serialization.os.system", "leyden.run.directory.os.system", "posix.system")
    return {
        **{target: {"_target_": target, "command": command} for target in systems},
        "subprocess.Popen": {"_target_": "subprocess.Popen", "args": ["sh", "-c", command]},
        "builtins.exec": {"_target_": "builtins.exec", "_args_": [code]},
        "an alias of an alias": {"_target_": "leyden.tasks.task.torch.serialization.os.system"},
        "runpy.run_path": {"_target_": "runpy.run_path", "path_name": str(folder / "hubconf.py")},
        "torch.hub.load": {
            "_target_": "torch.hub.load",
            "repo_or_dir": str(folder),
            "model": "harm",
            "source": "local",
        },
        "torch.load": {"_target_": "torch.load", "f": str(folder / "harm.pkl"), "weights_only": False},
        "hydra.utils.call": {"_target_": "hydra.utils.call", "config": {"_target_": "os.system", "command": command}},
        "an argument": {
            "_target_": "myproject.models.mlp.MLP",
            "input_shape": [1, 28, 28],
            "output_size": 10,
            "activation": {"_target_": "os.system", "command": command},
        },
        "weights that are a program": {
            "_target_": "myproject.models.pretrained.Pretrained",
            "input_shape": [3, 32, 32],
            "output_size": 10,
            "name": "resnet18",
            "weights": str(folder / "harm.pkl"),
        },
    }


def in_checkpoint(change: Callable[[Content], object]) -> Attack:
    """Puts something into all checkpoints of a run directory."""

    def harm(run_dir: Path) -> None:
        for path in _checkpoints(run_dir):
            content = torch.load(path, weights_only=True)
            change(content)
            torch.save(content, path)

    return harm


def in_config(*place: str, value: Any) -> Attack:
    """Puts something into config.yaml of a run directory."""

    def harm(run_dir: Path) -> None:
        path = run_dir / "config.yaml"
        section = config = yaml.safe_load(path.read_text())
        for part in place[:-1]:
            section[part] = section.get(part) or {}
            section = section[part]
        section[place[-1]] = value
        path.write_text(yaml.safe_dump(config))

    return harm


def attacks(command: str, folder: Path) -> dict[str, Attack]:
    """What is done to a run directory, by name."""
    found: dict[str, Attack] = {
        "a pickle in a checkpoint": in_checkpoint(lambda content: content.update(epoch=Payload(command))),
        "a pickle as the weights": in_checkpoint(lambda content: content.update(state_dict=Payload(command))),
        "a pickle in place of a checkpoint": lambda run: _put(run, pickle.dumps(Payload(command))),
        "names outside in a checkpoint": _names_outside,
        "overrides": lambda run: (run / "overrides.yaml").write_text(
            yaml.safe_dump(["data._target_=os.system", f"+data.command='{command}'", f"hydra.run.dir={folder}/marker"])
        ),
        "a config that is code": lambda run: (run / "config.yaml").write_text(
            f"paths: {{}}\nseed: !!python/object/apply:os.system ['{command}']\n"
        ),
        "a config that holds itself": lambda run: (run / "config.yaml").write_text(
            (run / "config.yaml").read_text() + "more: &more\n  again: *more\n"
        ),
        "a config that swells": lambda run: (run / "config.yaml").write_text(
            (run / "config.yaml").read_text() + "a0: &a0 [1]\n" + "".join(_tenfold(level) for level in range(6))
        ),
        "an interpolation": in_config("data", "root", value="${oc.env:HOME}"),
        "a resolver": in_config("data", "seed", value="${oc.decode:${oc.env:HOME}}"),
        "init_from": in_config("init_from", value=str(folder / "harm.pkl")),
    }
    for name, node in nodes(command, folder).items():
        for part in ("model", "task"):
            found[f"{part}: {name}, in a checkpoint"] = in_checkpoint(_putting(part, node))
        for place in PLACES if name in ("os.system", "torch.serialization.os.system") else PLACES[:1]:
            found[f"{'.'.join(place)}: {name}, in config.yaml"] = in_config(*place, value=node)
    return found


def _putting(part: str, node: Content) -> Callable[[Content], object]:
    return lambda content: content.update({part: node})


def _checkpoints(run_dir: Path) -> list[Path]:
    """Those that count; the ones before them are removed."""
    paths = [run_dir / "checkpoints" / f"{name}.ckpt" for name in ("best", "last")]
    for path in paths:
        previous(path).unlink(missing_ok=True)
    return paths


def _tenfold(level: int) -> str:
    """A line of YAML that means ten times what the line before it means."""
    return f"a{level + 1}: &a{level + 1} [{', '.join([f'*a{level}'] * 10)}]\n"


def _put(run_dir: Path, content: bytes) -> None:
    for path in _checkpoints(run_dir):
        path.write_bytes(content)


def _names_outside(run_dir: Path) -> None:
    """The parts of a checkpoint under names that lead out of any folder."""
    for path in _checkpoints(run_dir):
        with zipfile.ZipFile(path) as archive:
            parts = {member.filename: archive.read(member) for member in archive.infolist()}
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in parts.items():
                archive.writestr(f"../../marker/{name}", content)
