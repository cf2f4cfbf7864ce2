"""Provenance of a run: the code that it was made with, so that it can be repeated."""

import json
import subprocess
from pathlib import Path

import pytest

from leyden.config.experiment import Experiment
from leyden.records.provenance import Code, provenance, read_code
from leyden.run.directory import Run
from tests.leyden.helpers.opened_runs import again, interrupt, record

IDENTITY = ["-c", "user.name=A", "-c", "user.email=a@example.org"]


def git(folder: Path, *arguments: str) -> str:
    command = ["git", *IDENTITY, *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, check=True, text=True).stdout


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with one commit, which is the current directory."""
    folder = tmp_path / "project"
    for name in ("src/a.py", "configs/a.yaml", "README.md"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"{name}\n")
    (folder / ".gitignore").write_text("*.log\nconfigs/local\n")
    git(folder, "init", "--quiet")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "-m", "first")
    monkeypatch.chdir(folder)
    return folder


def content(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file() and ".git" not in path.parts)
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_a_clean_checkout_has_no_changes(project: Path) -> None:
    (project / "notes.txt").write_text("not of the project\n")
    (project / "src" / "ignored.log").write_text("ignored\n")
    code = read_code()
    assert code == Code(git(project, "rev-parse", "HEAD").strip())
    assert provenance()["git"] == {"commit": code.commit, "dirty": False}


@pytest.mark.parametrize("name", ["src/new.py", "configs/experiment/new.yaml", "src/deep/er/new.bin"])
def test_files_that_git_does_not_know_make_the_code_dirty(name: str, project: Path) -> None:
    path = project / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"\0new\xff")
    status, code = git(project, "status", "--porcelain"), read_code()
    assert code
    assert code.dirty
    assert name.rpartition("/")[2].encode() in (code.changes or b"")
    assert git(project, "status", "--porcelain") == status, "the user's own index is left alone"


def test_a_run_is_repeated_from_its_commit_and_its_patch(project: Path, tmp_path: Path, experiment: Experiment) -> None:
    (project / "src" / "a.py").write_text("changed\n")
    (project / "src" / "new.py").write_bytes(b"new, without an end of line")
    (project / "configs" / "picture.png").write_bytes(bytes(range(256)))
    (project / "README.md").unlink()
    git(project, "add", "src/new.py")
    with Run(experiment) as run:
        run.finish({})
    again_here = tmp_path / "again"
    git(tmp_path, "clone", "--quiet", str(project), str(again_here))
    git(again_here, "checkout", "--quiet", record(run)["git"]["commit"])
    git(again_here, "apply", str(run.dir / "changes.patch"))
    assert content(again_here) == content(project)
    assert record(run)["git"]["dirty"] is True


def test_other_changes_than_when_a_run_began_are_reported_and_kept(
    project: Path, experiment: Experiment, caplog: pytest.LogCaptureFixture
) -> None:
    (project / "src" / "new.py").write_text("one\n")
    run = interrupt(experiment)
    with Run(again(experiment)) as same:
        same.begin()
    assert "the code is other" not in caplog.text
    (project / "src" / "new.py").write_text("two\n")
    with Run(again(experiment)) as other:
        other.begin()
    assert "the code has changed since the run began" in caplog.text
    assert b"+one" in (run.dir / "changes.patch").read_bytes()
    assert b"+two" in (run.dir / "changes.2.patch").read_bytes()


def test_changes_of_more_than_a_megabyte_are_not_kept(
    project: Path, experiment: Experiment, caplog: pytest.LogCaptureFixture
) -> None:
    (project / "src" / "large.txt").write_text("0123456789\n" * 100_000)
    with Run(experiment) as run:
        run.finish({})
    assert record(run)["git"] == {"commit": git(project, "rev-parse", "HEAD").strip(), "dirty": True, "changes": None}
    assert not (run.dir / "changes.patch").exists()
    assert "changes of the code are not kept: more than 1 MB" in caplog.text


def test_outside_a_repository_there_is_no_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert read_code() is None
    assert json.dumps(provenance()["git"]) == "null"


def test_a_repository_within_the_project_leaves_the_commit_known(
    project: Path, experiment: Experiment, caplog: pytest.LogCaptureFixture
) -> None:
    (project / "src" / "inner").mkdir()
    git(project / "src" / "inner", "init", "--quiet")
    (project / "src" / "inner" / "new.py").write_text("new\n")
    with Run(experiment) as run:
        run.finish({})
    assert record(run)["git"]["commit"] == git(project, "rev-parse", "HEAD").strip()
    assert record(run)["git"]["dirty"] is True
