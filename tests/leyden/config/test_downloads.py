"""leyden.config.downloads: what an experiment would download, as its classes declare it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

CHECKS = """
from pathlib import Path

def data(root, **_):
    return None if Path(root, "data.bin").exists() else "the data"
def weights(weights=None, **_):
    return f"the weights {weights}" if weights else None
"""
CLASSES = """
import torch
from my_parts import checks

class Data:
    needs_download = staticmethod(checks.data)
class Further(Data): ...
class Own(Data):
    @staticmethod
    def needs_download(**_): return "never asked, as that would import torch"
class Net:
    needs_download = staticmethod(checks.weights)
class Free: ...
"""


@pytest.fixture
def parts(tmp_path: Path) -> Path:
    """A package of the user's."""
    folder = tmp_path / "my_parts"
    folder.mkdir()
    for name, text in {"__init__": "", "checks": CHECKS, "classes": CLASSES}.items():
        (folder / f"{name}.py").write_text(text)
    return tmp_path


def needed(folder: Path, *configs: dict[str, object]) -> list[list[str]]:
    """What each config would download, asked in a process that must not import torch."""
    code = f"""
import json, sys
sys.path.insert(0, {str(folder)!r})
from leyden.config.downloads import needed_downloads
print(json.dumps([needed_downloads(config) for config in {configs!r}]))
assert not {{"torch", "my_parts.classes"}} & set(sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found: list[list[str]] = json.loads(done.stdout)
    return found


def test_data_and_weights_that_are_missing_are_named_without_importing_torch(parts: Path) -> None:
    (parts / "there").mkdir()
    (parts / "there" / "data.bin").touch()

    def config(data: str, where: str, **model: object) -> dict[str, object]:
        section = {"_target_": f"my_parts.classes.{data}", "root": str(parts / where)}
        return {"data": section, "model": {"_target_": "my_parts.classes.Net", **model}}

    found = needed(
        parts,
        config("Data", "absent", weights="A"),
        config("Further", "absent"),
        config("Data", "there", weights="B"),
        config("Own", "absent"),
        config("Free", "absent"),
        {"data": None, "model": {"_target_": "nowhere.Net"}},
    )
    assert found == [["the data", "the weights A"], ["the data"], ["the weights B"], [], [], []]
