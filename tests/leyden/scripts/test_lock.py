"""scripts/lock.py, with an uv that answers from files: what it writes, and what it leaves alone when it fails."""

import datetime
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PROJECT = """\
[project]
name = "some"

[tool.uv]
exclude-newer = "2026-01-02T00:00:00Z"
constraint-dependencies = [
    "numpy==1.0", "torch==2.0",
]

[tool.ruff]
lint = [
    "E",
]
"""
EXPORT = "export --quiet --format=requirements-txt --no-emit-project --no-annotate --no-header"
RESOLVED = """\
appnope==1.0.0 ; sys_platform == 'darwin'
numpy==1.0 ; python_full_version < '3.12'
numpy==1.1 ; python_full_version >= '3.12'
torch==2.1
-e ./member
other @ git+ssh://somewhere/other
"""
# Writes down what pyproject.toml held when it was called, and fails where a file says so.
UV = """\
#!/bin/sh
echo "$@" >> calls
cp pyproject.toml "seen.$(wc -l < calls | tr -d ' ')"
if [ -e "fails-$(wc -l < calls | tr -d ' ')" ]; then echo "error: no solution found" >&2; exit 1; fi
if [ -e "waits-$(wc -l < calls | tr -d ' ')" ]; then touch waiting; exec sleep 60; fi
case "$*" in
    *--no-hashes) cat resolved ;;
    export*) echo "torch==2.1 --hash=sha256:ab" ;;
esac
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for folder in ("scripts", "bin"):
        (tmp_path / folder).mkdir()
    for script in ("lock.py", "standalone.py"):
        shutil.copy(ROOT / "scripts" / script, tmp_path / "scripts")
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    (tmp_path / "requirements.lock").write_text("as it was\n")
    (tmp_path / "resolved").write_text(RESOLVED)
    (tmp_path / "bin/uv").write_text(UV)
    (tmp_path / "bin/uv").chmod(0o755)
    return tmp_path


def days_ago(number: int) -> str:
    return str(datetime.datetime.now(datetime.UTC).date() - datetime.timedelta(days=number))


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
    assert "4 pins: 4 new, 2 gone" in done.stdout
    assert lock(project).stdout == "4 pins: nothing changed. Next: uv run pytest\n"


def test_without_upgrade_what_is_pinned_stays_and_everything_is_pinned(project: Path) -> None:
    assert lock(project).returncode == 0
    everything = f"{EXPORT} --all-extras --all-groups --no-hashes"
    assert (project / "calls").read_text().splitlines() == ["lock --quiet", everything, EXPORT, everything]
    assert (project / "seen.1").read_text() == PROJECT


def test_pins_may_stand_in_one_line(project: Path) -> None:
    old = '[\n    "numpy==1.0", "torch==2.0",\n]'
    (project / "pyproject.toml").write_text(PROJECT.replace(old, "[]"))
    assert lock(project).returncode == 0
    assert '    "torch==2.1",\n]\n\n[tool.ruff]\nlint = [\n    "E",\n]\n' in (project / "pyproject.toml").read_text()


def test_an_upgrade_resolves_as_of_its_day_and_without_pins(project: Path) -> None:
    assert lock(project, "--upgrade", "2026-03-01").returncode == 0
    assert (project / "calls").read_text().splitlines()[0] == "lock --quiet --upgrade"
    seen = (project / "seen.1").read_text()
    assert 'exclude-newer = "2026-03-01T00:00:00Z"\nconstraint-dependencies = [\n]\n' in seen
    assert 'exclude-newer = "2026-03-01T00:00:00Z"' in (project / "pyproject.toml").read_text()
    assert '"torch==2.1"' in (project / f"seen.{len((project / 'calls').read_text().splitlines())}").read_text()


def test_an_upgrade_takes_no_release_of_the_last_seven_days(project: Path) -> None:
    before = days_ago(7)
    assert lock(project, "--upgrade").returncode == 0
    day = re.search(r'exclude-newer = "(.*)T00:00:00Z"', (project / "seen.1").read_text())
    assert day
    assert day[1] in (before, days_ago(7))  # midnight may pass meanwhile
    assert lock(project, "--upgrade", days_ago(8)).returncode == 0


@pytest.mark.parametrize("call", [1, 2, 3, 4])
def test_where_no_versions_fit_nothing_changes(project: Path, call: int) -> None:
    (project / f"fails-{call}").touch()
    done = lock(project, "--upgrade")
    assert done.returncode == 2
    step = "lock" if call == 1 else "export"
    told = f"error: uv {step} failed; pyproject.toml and requirements.lock are as they were:\nno solution found\n"
    assert done.stderr == told
    assert (project / "pyproject.toml").read_text() == PROJECT
    assert (project / "requirements.lock").read_text() == "as it was\n"


def test_what_is_ended_in_the_middle_changes_nothing(project: Path) -> None:
    (project / "waits-1").touch()
    environment = {**os.environ, "PATH": f"{project / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    command = [sys.executable, "scripts/lock.py", "--upgrade"]
    with subprocess.Popen(command, cwd=project, env=environment, start_new_session=True) as running:
        while not (project / "waiting").exists():
            assert running.poll() is None
            time.sleep(0.01)
        assert (project / "pyproject.toml").read_text() != PROJECT
        os.killpg(running.pid, signal.SIGTERM)
        assert running.wait() == 128 + signal.SIGTERM
    assert (project / "pyproject.toml").read_text() == PROJECT


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["now"], "unrecognized arguments: now"),
        (["--upgrade", "soon"], "--upgrade soon: must be a day, such as "),
        (["--upgrade", "2999-01-01"], "--upgrade 2999-01-01: releases must be 7 days old; "),
        (["--upgrade", days_ago(5)], f"--upgrade {days_ago(5)}: releases must be 7 days old; "),
    ],
)
def test_what_is_typed_wrongly_is_told_in_one_line(project: Path, arguments: list[str], told: str) -> None:
    done = lock(project, *arguments)
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: {told}")
    assert len(done.stderr.splitlines()) == 1
    assert not (project / "calls").exists()


def test_a_project_file_without_a_place_for_pins_is_told(project: Path) -> None:
    (project / "pyproject.toml").write_text("[tool.uv]\n")
    done = lock(project)
    assert (done.returncode, done.stderr.splitlines()) == (
        2,
        ["error: pyproject.toml: [tool.uv] has to hold exclude-newer and constraint-dependencies; see git log"],
    )
