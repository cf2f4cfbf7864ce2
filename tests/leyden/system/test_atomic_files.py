"""At every moment a whole file has the name, whoever is killed and whatever the disk says."""

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from leyden.system.atomic_files import full_disk, previous, remove_leftovers, replacing, write_text
from leyden.system.errors import UserError

CALLS = ("fsync", "link", "replace", "unlink")  # what changes the disk


def held(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def refuse(number: int) -> Callable[..., Any]:
    def call(*_: Any, **__: Any) -> Any:
        raise OSError(number, os.strerror(number))

    return call


def write_half(path: Path, error: BaseException) -> None:
    with replacing(path) as file:
        file.write(b"half")
        file.flush()
        raise error


def test_a_file_is_replaced_when_it_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    write_text(path, "old")
    with replacing(path) as file:
        file.write(b"new\n")
        assert path.read_text() == "old"
    assert path.read_bytes() == b"new\n"
    assert held(tmp_path) == {"run.json"}


def test_what_is_written_is_on_the_disk_before_it_has_the_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    order = []
    for name in ("fsync", "replace"):
        call = getattr(os, name)
        monkeypatch.setattr(os, name, lambda *args, call=call, name=name: (order.append(name), call(*args)))
    write_text(tmp_path / "a", "text")
    assert order == ["fsync", "replace", "fsync"]  # the file, its name, the folder


@pytest.mark.parametrize("error", [OSError(errno.EIO, "broken"), KeyboardInterrupt(), SystemExit(1)])
def test_an_error_while_writing_leaves_the_old_file_alone(tmp_path: Path, error: BaseException) -> None:
    path = tmp_path / "a"
    write_text(path, "old")
    with pytest.raises(type(error)):
        write_half(path, error)
    assert path.read_text() == "old"
    assert held(tmp_path) == {"a"}


def test_a_full_disk_leaves_the_old_file_alone(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    path = tmp_path / "a"
    write_text(path, "old")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))
    try:
        with pytest.raises(OSError, match="large"):
            write_text(path, "x" * 20_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.read_text() == "old"
    assert held(tmp_path) == {"a"}


def test_the_file_before_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "last.ckpt"
    for text in ("first", "second", "third"):
        with replacing(path, previous(path)) as file:
            file.write(text.encode())
    assert path.read_text() == "third"
    assert (tmp_path / "last.previous.ckpt").read_text() == "second"
    assert held(tmp_path) == {"last.ckpt", "last.previous.ckpt"}


def test_the_file_before_is_kept_without_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "link", refuse(errno.EPERM))
    test_the_file_before_is_kept(tmp_path)


@pytest.mark.sample(2)
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("links", [True, False], ids=["links", "no links"])
@pytest.mark.parametrize("same", [True, False], ids=["one file of two names", "two files"])
def test_a_kill_between_any_two_calls_leaves_a_whole_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool, same: bool
) -> None:
    if not links:
        monkeypatch.setattr(os, "link", refuse(errno.EPERM))
    path, deaths = tmp_path / "last.ckpt", 0
    for survives in range(20):
        for file in tmp_path.iterdir():
            file.unlink()
        path.write_text("old")
        if same:  # a process was killed after it had linked, before it had replaced
            os.link(path, previous(path)) if links else previous(path).write_text("old")
        else:
            previous(path).write_text("older")
        child = os.fork()
        if child == 0:
            die_after(survives)
            with replacing(path, previous(path)) as file:
                file.write(b"new")
            os._exit(0)
        died = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
        deaths += died
        texts = [file.read_text() for file in (path, previous(path)) if file.exists()]
        assert texts, "neither name is there"
        assert set(texts) <= {"new", "old", "older"}
        assert {"new", "old"} & set(texts), "what was newest is gone"
        assert path.exists() or not links
        remove_leftovers(tmp_path)
        with replacing(path, previous(path)) as file:
            file.write(b"next")
        assert path.read_text() == "next"
        assert previous(path).read_text() in {"new", "old"}
        assert held(tmp_path) == {"last.ckpt", "last.previous.ckpt"}
        if not died:
            break
    assert deaths >= 4


def die_after(survives: int) -> None:
    """Let this process be gone, as by SIGKILL, when it is to change the disk once more."""
    left = [survives]

    def counted(call: Callable[..., Any]) -> Callable[..., Any]:
        def run(*args: Any, **settings: Any) -> Any:
            if not left[0]:
                os._exit(9)
            left[0] -= 1
            return call(*args, **settings)

        return run

    for name in CALLS:
        setattr(os, name, counted(getattr(os, name)))


def test_a_leftover_of_a_process_with_our_number_is_not_written_into(tmp_path: Path) -> None:
    path = tmp_path / "a"
    write_text(path, "old")
    os.link(path, tmp_path / f".a.{os.getpid()}.tmp")
    with pytest.raises(OSError, match="broken"):
        write_half(path, OSError("broken"))
    assert path.read_text() == "old"


def test_only_our_own_leftovers_are_removed(tmp_path: Path) -> None:
    ours = {".last.ckpt.123.tmp", ".run.json.7.tmp"}
    others = {"last.ckpt", ".tmp", "a.1.tmp", ".hidden.tmp", ".a.b.tmp", ".a.1.tmp.txt"}
    for name in ours | others:
        (tmp_path / name).touch()
    remove_leftovers(tmp_path)
    assert held(tmp_path) == others
    remove_leftovers(tmp_path / "nowhere")


@pytest.mark.parametrize("call", ["open", "fsync"])
def test_a_folder_that_cannot_be_synced_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    real = getattr(os, call)

    def on_files(target: Any, *args: Any, **settings: Any) -> Any:
        folder = target == tmp_path if call == "open" else os.path.isdir(f"/proc/self/fd/{target}")  # noqa: PTH112
        return refuse(errno.EACCES if call == "open" else errno.EINVAL)() if folder else real(target, *args, **settings)

    monkeypatch.setattr(os, call, on_files)
    write_text(tmp_path / "a", "text")
    assert (tmp_path / "a").read_text() == "text"


def test_a_full_disk_is_known_under_the_error_of_a_library() -> None:
    full, other, ours = OSError(errno.ENOSPC, "No space left"), ValueError("cannot log 0.5"), UserError("said already")
    assert full_disk(other, "a", "b") is None
    other.__cause__ = ours.__cause__ = full
    told = "a: cannot be written (No space left); free some space, then: b"
    assert str(full_disk(full, "a", "b")) == str(full_disk(other, "a", "b")) == told
    assert full_disk(ours, "a", "b") is None
