"""Run directories on disk, written by hand."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from leyden.records.provenance import provenance
from leyden.records.record import (
    check_free,
    checkpoint_of,
    find_run,
    find_runs,
    lock,
    read_record,
    read_yaml,
    status,
    write_record,
)
from leyden.system.errors import UserError
from leyden.system.locks import is_live

HOLD = "import sys; from pathlib import Path; from leyden.records.record import lock; held = lock(Path(sys.argv[1]))"
HOLD += "; print('held', flush=True); sys.stdin.read()"


def made(path: Path, said: dict[str, Any] | None = None) -> Path:
    path.mkdir(parents=True)
    (path / "config.yaml").write_text("seed: 1\n")
    write_record(path, said or {"status": "finished"})
    return path


def one_line(call: Any, *arguments: Any) -> str:
    with pytest.raises(UserError) as refusal:
        call(*arguments)
    message = str(refusal.value)
    assert "\n" not in message
    return message


@pytest.fixture
def held(tmp_path: Path) -> Iterator[Path]:
    """A run into which another process writes."""
    run = made(tmp_path / "held", {"status": "running", "host": socket.gethostname(), "pid": os.getpid()})
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(run)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "held\n"
        yield run
        process.communicate("")


def test_a_run_is_found_by_its_directory_and_the_newest_as_last(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    run = made(tmp_path / "logs" / "some" / "now")
    assert find_run(str(run), "logs") == run
    (tmp_path / "logs" / "last").write_text("some/now\n")
    assert find_run("last", "logs") == find_run("logs/last", "elsewhere") == Path("logs/some/now")
    monkeypatch.chdir(tmp_path / "logs" / "some")
    assert find_run("last", tmp_path / "logs") == Path("now")
    monkeypatch.chdir("now")
    assert find_run("last", tmp_path / "logs").resolve() == run


@pytest.mark.parametrize("is_link", [False, True], ids=["", "link of an older version"])
def test_the_newest_run_is_still_found_after_the_folder_of_runs_was_moved(is_link: bool, tmp_path: Path) -> None:
    made(tmp_path / "logs" / "some" / "now")
    if is_link:
        (tmp_path / "logs" / "last").symlink_to("some/now", target_is_directory=True)
    else:
        (tmp_path / "logs" / "last").write_text("some/now\n")
    (tmp_path / "logs").rename(tmp_path / "kept")
    assert find_run("last", tmp_path / "kept") == (tmp_path / "kept" / "some" / "now").resolve()


@pytest.mark.parametrize(
    ("name", "named"),
    [
        ("last", "resume=last: there is no run in LOGS yet"),
        ("nowhere", "resume=nowhere: there is no such directory"),
        ("LOGS/empty", "resume=LOGS/empty: is not a run, it has no config.yaml"),
    ],
)
def test_what_is_no_run_is_told_in_one_line(name: str, named: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    told = one_line(find_run, name.replace("LOGS", str(tmp_path)), tmp_path, "resume")
    assert told == named.replace("LOGS", str(tmp_path)) + f"; python scripts/runs.py {tmp_path} lists them"


def test_a_newest_run_that_was_deleted_is_no_run(tmp_path: Path) -> None:
    (tmp_path / "last").write_text("gone\n")
    assert "no run" in one_line(find_run, "last", tmp_path)
    (tmp_path / "last").unlink()
    (tmp_path / "last").symlink_to("gone", target_is_directory=True)
    assert "no run" in one_line(find_run, "last", tmp_path)


def test_all_runs_below_a_folder_are_found_once(tmp_path: Path) -> None:
    runs = {made(tmp_path / name) for name in ("some/one", "some/sweeps/then/lr=1", "debug/some/two")}
    made(tmp_path / "some/one/inside")
    (tmp_path / "last").symlink_to("some/one", target_is_directory=True)
    found = list(find_runs(tmp_path))
    assert set(found) == runs
    assert len(found) == 3


def test_a_checkpoint_is_found_by_name_or_path(tmp_path: Path) -> None:
    run, other = made(tmp_path / "run"), tmp_path / "other.ckpt"
    folder = run / "checkpoints"
    folder.mkdir()
    assert one_line(checkpoint_of, run, "best") == f"ckpt=best: {run} has no such checkpoint; there are: none"
    (folder / "last.ckpt").touch()
    assert checkpoint_of(run, "best") == checkpoint_of(run, "last") == folder / "last.ckpt"
    (folder / "best.ckpt").touch()
    other.touch()
    assert checkpoint_of(run, "best") == checkpoint_of(run, "best.ckpt") == folder / "best.ckpt"
    assert checkpoint_of(run, str(other)) == other
    assert one_line(checkpoint_of, run, "first", "init_from").endswith("there are: best, last")


def test_a_checkpoint_is_there_if_the_one_before_it_is(tmp_path: Path) -> None:
    folder = made(tmp_path / "run") / "checkpoints"
    folder.mkdir()
    (folder / "last.previous.ckpt").touch()
    assert checkpoint_of(tmp_path / "run", "last") == folder / "last.ckpt"


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"\xff\xfe", b'"text"'])
def test_a_record_that_is_none_is_told_in_one_line(content: bytes, tmp_path: Path) -> None:
    (made(tmp_path / "run") / "run.json").write_bytes(content)
    assert str(tmp_path / "run" / "run.json") in one_line(read_record, tmp_path / "run")


@pytest.mark.parametrize("content", [b"a: [", b"\xff\xfe\x00", b"!!python/object/apply:os.getcwd []", b"\x00"])
def test_yaml_that_cannot_be_read_is_told_in_one_line_and_runs_nothing(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_bytes(content)
    assert f"{path}: cannot be read" in one_line(read_yaml, path)


def test_a_record_is_replaced_as_a_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = made(tmp_path / "run", {"status": "running", "metrics": {"val/acc": 0.5}})

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_record(run, {"status": "finished", "metrics": {}})
    assert read_record(run) == {"status": "running", "metrics": {"val/acc": 0.5}}


def test_a_run_that_says_running_was_killed_if_nobody_is_there(held: Path, tmp_path: Path) -> None:
    assert status(held, read_record(held)) == "running"
    assert is_live(held)
    dead = made(tmp_path / "dead", {"status": "running"})
    assert status(dead, read_record(dead)) == "killed"
    with lock(dead):
        pass
    assert status(dead, read_record(dead)) == "killed"
    assert status(made(tmp_path / "done"), {"status": "finished"}) == "finished"


def test_who_holds_a_run_is_told(held: Path) -> None:
    told = one_line(lock, held, "resume")
    who = f"process {os.getpid()} on {socket.gethostname()}"
    assert told == f"resume={held}: is in use by {who}; wait for it, or end it"


def test_a_run_that_is_held_is_refused_before_anything_is_built(held: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=rf"^resume={held}: is in use by process \d+ on"):
        check_free(held, "resume")
    check_free(tmp_path, "resume")


def test_the_workers_of_a_run_that_was_killed_are_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    killed = made(tmp_path / "killed", {"status": "running", "host": socket.gethostname(), "pid": None})
    waits: list[float] = []
    monkeypatch.setattr(FileLock, "acquire", lambda self, timeout: waits.append(timeout))
    lock(killed)
    assert waits == [15.0]


def test_a_run_of_which_nothing_can_be_written_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert f"run={tmp_path}/file: cannot be written" in one_line(lock, tmp_path / "file")


def test_the_origin_outside_a_repository_has_no_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    found = provenance()
    assert found["git"] is None
    assert found["pid"] == os.getpid()
    assert {"python", "torch", "lightning", "hydra-core"} <= found["versions"].keys()
