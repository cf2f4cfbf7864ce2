"""scripts/lock.py, with an uv that answers from files: what it writes, and what it leaves alone when it fails."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = """\
[project]
name = "some"

[tool.uv]
exclude-newer = "2026-01-02T00:00:00Z"
constraint-dependencies = [
    "numpy==1.0", "torch==2.0",
]

[tool.ruff]
line-length = 120
"""
RESOLVED = """\
appnope==1.0.0 ; sys_platform == 'darwin'
numpy==1.0 ; python_full_version < '3.12'
numpy==1.1 ; python_full_version >= '3.12'
torch==2.1
"""
# Writes down what pyproject.toml held when it was called, and fails where a file says so.
UV = """\
#!/bin/sh
echo "$@" >> calls
cp pyproject.toml "seen.$(wc -l < calls | tr -d ' ')"
if [ -e "fails-$1" ]; then echo "no solution found" >&2; exit 1; fi
case "$*" in
    *--no-hashes) cat resolved ;;
    export*) echo "torch==2.1 --hash=sha256:ab" ;;
esac
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for folder in ("scripts", "bin"):
        (tmp_path / folder).mkdir()
    shutil.copy(ROOT / "scripts/lock.py", tmp_path / "scripts")
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    (tmp_path / "requirements.lock").write_text("as it was\n")
    (tmp_path / "resolved").write_text(RESOLVED)
    (tmp_path / "bin/uv").write_text(UV)
    (tmp_path / "bin/uv").chmod(0o755)
    return tmp_path


def lock(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PATH": f"{project / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    command = [sys.executable, "scripts/lock.py", *arguments]
    return subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True)


def test_what_is_resolved_is_pinned_for_uv_and_for_pip(project: Path) -> None:
    done = lock(project)
    assert done.returncode == 0, done.stderr
    pins = """\
    "appnope==1.0.0", "numpy==1.0 ; python_full_version < '3.12'", "numpy==1.1 ; python_full_version >= '3.12'",
    "torch==2.1",
"""
    assert (project / "pyproject.toml").read_text() == PROJECT.replace('    "numpy==1.0", "torch==2.0",\n', pins)
    assert (project / "requirements.lock").read_text() == "torch==2.1 --hash=sha256:ab\n"
    assert "- torch==2.0\n" in done.stdout
    assert "+ torch==2.1\n" in done.stdout
    assert "4 packages are pinned: 4 pins are new, 2 are gone" in done.stdout
    assert lock(project).stdout == "4 packages are pinned: nothing changed. Next: uv run pytest\n"


def test_without_upgrade_what_is_pinned_stays(project: Path) -> None:
    lock(project)
    assert (project / "calls").read_text().splitlines()[0] == "lock --quiet"
    assert (project / "seen.1").read_text() == PROJECT


def test_an_upgrade_resolves_as_of_its_day_and_without_pins(project: Path) -> None:
    assert lock(project, "--upgrade", "2027-03-01").returncode == 0
    assert (project / "calls").read_text().splitlines()[0] == "lock --quiet --upgrade"
    seen = (project / "seen.1").read_text()
    assert 'exclude-newer = "2027-03-01T00:00:00Z"\nconstraint-dependencies = [\n]\n' in seen
    assert 'exclude-newer = "2027-03-01T00:00:00Z"' in (project / "pyproject.toml").read_text()
    assert '"torch==2.1"' in (project / f"seen.{len((project / 'calls').read_text().splitlines())}").read_text()


@pytest.mark.parametrize("step", ["lock", "export"])
def test_where_no_versions_fit_nothing_changes(project: Path, step: str) -> None:
    (project / f"fails-{step}").touch()
    done = lock(project, "--upgrade")
    assert done.returncode == 2
    assert done.stderr == f"error: uv {step} failed, and nothing was changed:\nno solution found\n"
    assert (project / "pyproject.toml").read_text() == PROJECT
    assert (project / "requirements.lock").read_text() == "as it was\n"


def test_a_project_file_without_a_place_for_pins_is_told(project: Path) -> None:
    (project / "pyproject.toml").write_text("[tool.uv]\n")
    done = lock(project)
    assert (done.returncode, done.stderr.splitlines()) == (
        2,
        ["error: pyproject.toml: [tool.uv] has to hold exclude-newer and constraint-dependencies; see git log"],
    )
