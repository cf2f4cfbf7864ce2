"""There is always a whole checkpoint, whatever happens while the next is saved."""

import errno
import functools
import logging
import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf
from torch import nn

from leyden.checkpoints.files import DurableCheckpoints, newest_whole, read_checkpoint, verify
from leyden.system.atomic_files import previous
from tests.leyden.helpers.checkpoint_files import content, flat, one_line


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run" / "checkpoints" / "last.ckpt"


def test_what_was_saved_is_loaded(path: Path) -> None:
    io = DurableCheckpoints()
    io.save_checkpoint(content(), path)
    assert verify(path) is None
    assert flat(io.load_checkpoint(path)) == flat(read_checkpoint(path)) == flat(content())
    assert flat(torch.load(path, weights_only=True)) == flat(content())  # a file like any other


def test_the_generation_before_is_kept_and_removed_with_its_successor(path: Path) -> None:
    io = DurableCheckpoints()
    for epoch in range(3):
        io.save_checkpoint(content(epoch), path)
    assert read_checkpoint(path)["epoch"] == 2
    assert read_checkpoint(previous(path))["epoch"] == 1
    assert {file.name for file in path.parent.iterdir()} == {"last.ckpt", "last.previous.ckpt"}
    io.remove_checkpoint(path)
    assert list(path.parent.iterdir()) == []
    io.remove_checkpoint(path)


def test_nothing_is_removed_that_has_not_the_name_of_a_checkpoint(tmp_path: Path) -> None:
    for name in (files := ("run.json", "best", "best.previous", "best.ckpt.txt")):
        (tmp_path / name).touch()
        DurableCheckpoints().remove_checkpoint(tmp_path / name)
    assert {file.name for file in tmp_path.iterdir()} == set(files)


def test_a_damaged_file_does_not_displace_a_whole_one(path: Path) -> None:
    io = DurableCheckpoints()
    for epoch in range(2):
        io.save_checkpoint(content(epoch), path)
    path.write_bytes(path.read_bytes()[:-30])
    io.save_checkpoint(content(2), path)
    assert read_checkpoint(path)["epoch"] == 2
    assert read_checkpoint(previous(path))["epoch"] == 0


def test_a_file_of_another_process_is_read_once_before_it_is_kept(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    DurableCheckpoints().save_checkpoint(content(0), path)
    read: list[Path] = []
    monkeypatch.setattr("leyden.checkpoints.files.verify", lambda file: read.append(file) or verify(file))
    io = DurableCheckpoints()
    for epoch in range(1, 4):
        io.save_checkpoint(content(epoch), path)
    assert read == [path]


@pytest.mark.parametrize("call", ["fsync", "link", "replace", "second replace", "last fsync"])
def test_a_failure_at_any_step_leaves_a_whole_generation(
    path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    io = DurableCheckpoints()
    for epoch in range(2):
        io.save_checkpoint(content(epoch), path)
    *which, name = call.split()
    left, real = [1 if which else 0], getattr(os, name)

    def fails(*args: Any, **settings: Any) -> Any:
        if not left[0]:
            raise OSError(errno.EIO, "Input/output error")
        left[0] -= 1
        return real(*args, **settings)

    with monkeypatch.context() as patch:
        patch.setattr(os, name, fails)
        if call == "link":  # no failure: the old file is renamed
            io.save_checkpoint(content(2), path)
        else:
            assert "Input/output error" in one_line(lambda: io.save_checkpoint(content(2), path), path)
    newest = newest_whole(path)
    assert newest is not None
    assert read_checkpoint(newest)["epoch"] in (1, 2)
    assert verify(previous(path)) is None
    assert len(list(path.parent.iterdir())) == 2
    io.save_checkpoint(content(3), path)
    assert read_checkpoint(path)["epoch"] == 3


def test_a_full_disk_is_one_line_and_nothing_is_lost(path: Path) -> None:
    resource = pytest.importorskip("resource")
    io = DurableCheckpoints()
    io.save_checkpoint(content(0), path)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    for most in (100, 5_000, 50_000):
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, limits[1]))
        try:
            message = one_line(lambda: io.save_checkpoint(content(1, size=20_000), path), path)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        run_dir = re.escape(str(path.parent.parent))
        assert re.search(rf"cannot be saved \(File too large\); .* kept; free some space, .*resume={run_dir}$", message)
    assert read_checkpoint(path)["epoch"] == 0
    assert [file.name for file in path.parent.iterdir()] == ["last.ckpt"]


def test_no_space_is_told_at_the_first_checkpoint_too(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    message = one_line(lambda: DurableCheckpoints().save_checkpoint(content(), path), path)
    assert "cannot be saved (No space left on device)" in message
    assert message.endswith(f"resume={path.parent.parent}")


def test_ctrl_c_while_saving_is_ctrl_c(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    io = DurableCheckpoints()
    io.save_checkpoint(content(0), path)
    save = torch.save

    class Interrupted:
        def __init__(self, file: Any) -> None:
            self.file = file

        def write(self, data: Any) -> int:
            raise KeyboardInterrupt

        def __getattr__(self, name: str) -> Any:
            return getattr(self.file, name)

    monkeypatch.setattr(torch, "save", lambda value, file: save(value, Interrupted(file)))
    with pytest.raises(KeyboardInterrupt):
        io.save_checkpoint(content(1), path)
    assert read_checkpoint(path)["epoch"] == 0
    assert [file.name for file in path.parent.iterdir()] == ["last.ckpt"]


class Opaque:
    pass


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (np.float64(1), "float64"),
        (Path("a"), "PosixPath" if os.name == "posix" else "WindowsPath"),
        (OmegaConf.create({"a": 1}), "DictConfig"),
        (Opaque, "type"),
        (Opaque(), "Opaque"),
        (functools.partial(print), "partial"),
        (lambda: None, "function"),
        (nn.Linear(1, 1), "Linear"),
    ],
    ids=["numpy", "path", "config", "class", "object", "partial", "lambda", "module"],
)
def test_a_value_that_cannot_be_read_back_is_named_when_it_is_saved(path: Path, value: Any, name: str) -> None:
    io = DurableCheckpoints()
    io.save_checkpoint(content(0), path)
    with pytest.raises(TypeError, match=rf"^checkpoint\['callbacks'\]\['Mine'\]\[1\]: is a \S*{name}; .* plain values"):
        io.save_checkpoint({**content(1), "callbacks": {"Mine": (1, value)}}, path)
    assert read_checkpoint(path)["epoch"] == 0
    assert [file.name for file in path.parent.iterdir()] == ["last.ckpt"]


def test_the_newest_whole_one_is_taken(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert newest_whole(path) is None
    io = DurableCheckpoints()
    for epoch in range(2):
        io.save_checkpoint(content(epoch), path)
    assert newest_whole(path) == path
    assert caplog.messages == []
    path.write_bytes(path.read_bytes()[:-1])
    assert "last.previous.ckpt, the one before it, is whole" in one_line(lambda: read_checkpoint(path), path)
    with caplog.at_level(logging.WARNING):
        assert newest_whole(path) == previous(path)
    assert re.fullmatch(
        rf"{re.escape(str(path))} is damaged \(.+\); taking last.previous.ckpt, the one before it", caplog.messages[0]
    )
    path.unlink()
    assert newest_whole(path) == previous(path)
    previous(path).write_bytes(b"")
    message = one_line(lambda: newest_whole(path, "resume"), path)
    assert message.startswith(f"resume={path}: is missing, and last.previous.ckpt, the one before it, is empty; ")
