"""A network's own check of its input: before torch is imported if its module allows that, else when it is built."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from leyden.config.compose import compose
from leyden.config.input_checks import declared_check, misfit
from leyden.system.errors import UserError
from leyden.training.build import build_network

CONFIGS = Path(__file__).parents[3] / "configs"
CHECKS = """
def even(input_shape, width=1, **_):
    return None if input_shape[-1] % 2 == 0 else f"an even width, not {input_shape[-1]}; add model.width=2"
def never(input_shape, **_):
    return "another input" if input_shape[0] == 1 else None
"""
NETWORKS = """
from torch import nn
from my_parts import with_torch
from my_parts import checks as mine
from my_parts.checks import never

class Net(nn.Module):
    check_input = staticmethod(mine.even)
    def __init__(self, input_shape, output_size, width=1, **_): super().__init__()
class Further(Net): ...
class Other(Further):
    check_input = staticmethod(never)
class Own(Net):
    @staticmethod
    def check_input(input_shape, **settings):
        return "a square" if input_shape[1] != input_shape[2] else None
class Heavy(nn.Module):
    check_input = staticmethod(with_torch.check)
    def __init__(self, input_shape, output_size): super().__init__()
class Free(nn.Module):
    def __init__(self, input_shape, output_size): super().__init__()
"""
WITH_TORCH = "import torch\ndef check(input_shape, **_): return 'colour' if input_shape[0] == 1 else None\n"


@pytest.fixture
def parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package of the user's with networks and their checks."""
    folder = tmp_path / "my_parts"
    folder.mkdir()
    files = {"__init__": "", "checks": CHECKS, "networks": NETWORKS, "with_torch": WITH_TORCH}
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def reasons(folder: Path, *names: str) -> tuple[list[str | None], list[str]]:
    """The refusal of each network for an input of (1, 28, 27), in a process of its own; and what that imported."""
    code = f"""
import json, sys
sys.path.insert(0, {str(folder)!r})
from leyden.config.input_checks import misfit
found = [misfit("my_parts.networks." + name, (1, 28, 27), {{"width": 1, "_target_": "x"}}) for name in {names!r}]
slow = ("torch", "my_parts.networks", "my_parts.with_torch")
print(json.dumps([found, [name for name in sys.modules if name in slow]]))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found, imported = json.loads(done.stdout)
    return found, imported


def test_a_check_of_a_module_without_torch_is_called_before_torch_is_imported(parts: Path) -> None:
    found, imported = reasons(parts, "Net", "Further", "Other")
    assert found == [
        "model Net needs an even width, not 27; add model.width=2",
        "model Further needs an even width, not 27; add model.width=2",  # inherited
        "model Other needs another input",
    ]
    assert imported == []


def test_no_other_check_is_imported_early(parts: Path) -> None:
    found, imported = reasons(parts, "Own", "Heavy", "Free")
    assert found == [None, None, None]
    assert imported == []


@pytest.mark.parametrize(
    ("name", "shape", "why"),
    [
        ("Own", (3, 28, 27), "model Own needs a square"),
        ("Heavy", (1, 28, 28), "model Heavy needs colour"),
        ("Further", (3, 28, 27), "model Further needs an even width"),
        ("Own", (3, 28, 28), None),
        ("Free", (1, 1, 1), None),
    ],
)
def test_every_check_is_called_when_the_network_is_built(
    name: str, shape: tuple[int, ...], why: str | None, parts: Path
) -> None:
    settings = {"_target_": f"my_parts.networks.{name}", "input_shape": shape, "output_size": 2}
    if why is None:
        assert type(build_network(settings)).__name__ == name
        return
    with pytest.raises(UserError, match=why):
        build_network(settings)


def test_a_config_is_refused_by_the_networks_own_check(parts: Path) -> None:
    with pytest.raises(UserError, match="model Other needs another input"):
        compose(["data=mnist", "model._target_=my_parts.networks.Other"], CONFIGS)


@pytest.mark.parametrize("target", ["my_parts.networks.nothing", "nowhere.Net", "my_parts.checks.even", "Net"])
def test_a_target_without_a_class_has_no_check(target: str, parts: Path) -> None:
    assert declared_check(target) is None
    assert misfit(target, (1, 28, 27), {}) is None


def test_an_input_shape_that_transforms_change_is_checked_when_the_data_are_read() -> None:
    with pytest.raises(UserError, match=r"^model VGG needs "):
        compose(["data=mnist", "model=vgg"], configs=CONFIGS)
    resized = compose(["data=mnist", "model=vgg", "data.eval_transform=[{Resize: 32}]"], configs=CONFIGS)
    assert resized.config["data"]["eval_transform"] == [{"Resize": 32}]
