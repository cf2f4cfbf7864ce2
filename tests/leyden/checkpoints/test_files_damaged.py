"""A checkpoint is as it was saved, or refused in one line; reading one runs nothing."""

import os
import pickle
import random
import re
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch

from leyden.checkpoints.files import DurableCheckpoints, read_checkpoint, verify
from tests.leyden.helpers.checkpoint_files import content, flat, one_line


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "last.ckpt"


@pytest.fixture
def raw(path: Path) -> bytes:
    """A small checkpoint that was saved."""
    DurableCheckpoints().save_checkpoint(content(), path)
    return path.read_bytes()


def test_a_file_that_was_cut_off_is_refused(path: Path, raw: bytes) -> None:
    for length in [1, 3, 4, 100, len(raw) // 2, len(raw) - 500, len(raw) - 22, len(raw) - 1]:
        path.write_bytes(raw[:length])
        message = one_line(lambda: read_checkpoint(path), path)
        assert message.startswith(f"ckpt={path}: is ")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"\x80\x02}q\x00.", "not a checkpoint"),
        (b"no checkpoint\n" * 99, "not a checkpoint"),
        (random.Random(0).randbytes(5000), "not a checkpoint"),
        (b"PK\3\4" + bytes(5000), "damaged"),
        (bytes(5000), "not a checkpoint"),
    ],
    ids=["empty", "pickle", "text", "noise", "zip header", "zeros"],
)
def test_what_is_no_checkpoint_is_refused(tmp_path: Path, data: bytes, reason: str) -> None:
    file = tmp_path / "a.ckpt"
    file.write_bytes(data)
    assert str(verify(file)).startswith(reason)
    assert f"ckpt={file}: is {reason}" in one_line(lambda: read_checkpoint(file), file)
    one_line(lambda: DurableCheckpoints().load_checkpoint(file), file)


def test_a_flipped_byte_is_found_or_harmless(path: Path, raw: bytes) -> None:
    rng, want, found = random.Random(0), flat(content()), 0
    with zipfile.ZipFile(path) as archive:
        listing = archive.start_dir
    # Anywhere; and in the table of contents, with the mark of a folder, that zipfile does not see and torch obeys.
    places = [(rng.randrange(len(raw)), rng.randrange(1, 256)) for _ in range(200)]
    places += [(rng.randrange(listing, len(raw)), 1 << rng.randrange(8)) for _ in range(100)]
    places += [(match.start() + 38, 0x10) for match in re.finditer(b"PK\1\2", raw)]
    for place, change in places:
        data = bytearray(raw)
        data[place] ^= change
        path.write_bytes(data)
        if verify(path) is None:
            assert flat(read_checkpoint(path)) == want, f"byte {place} changed by {change}"
        else:
            one_line(lambda: read_checkpoint(path), path)
            found += 1
    assert found > 150


def test_other_damage_is_found(path: Path, raw: bytes) -> None:
    with zipfile.ZipFile(path) as archive:
        data = next(i for i in archive.infolist() if i.filename.endswith("data/0"))
    for start in range(0, len(raw) - 64, 512):  # a block that was never written
        path.write_bytes(raw[:start] + bytes(512) + raw[start + 512 :])
        assert verify(path) is not None
    path.write_bytes(raw[: data.header_offset] + raw[data.header_offset + 64 :])
    assert verify(path) is not None


def test_a_compressed_file_is_not_unpacked(tmp_path: Path) -> None:
    file = tmp_path / "bomb.ckpt"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/data.pkl", pickle.dumps({}, 2))
        archive.writestr("a/data/0", bytes(10_000_000))
    assert verify(file) == "damaged (its table of contents)"


class Harmful:
    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.file),)


def test_a_hostile_file_runs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
    file, proof = tmp_path / "last.ckpt", tmp_path / "proof"
    torch.save({"state_dict": {}, "callbacks": Harmful(proof)}, file)
    message = one_line(lambda: read_checkpoint(file), file)
    assert "holds Python objects" in message
    one_line(lambda: DurableCheckpoints().load_checkpoint(file, weights_only=False), file)
    assert not proof.exists()
    monkeypatch.setattr("leyden.checkpoints.files.verify", lambda _: None)  # which is not what keeps it from running
    one_line(lambda: read_checkpoint(file), file)
    assert not proof.exists()


def test_a_tensor_of_an_absurd_size_is_one_line(tmp_path: Path) -> None:
    file = tmp_path / "last.ckpt"
    torch.save({"state_dict": {"w": torch.ones(3)}}, file)
    with zipfile.ZipFile(file) as archive:
        members = {info.filename: archive.read(info) for info in archive.infolist()}
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data.replace(b"K\x03", b"\x8a\x06\0\0\0\0\0\1") if name.endswith(".pkl") else data)
    assert "cannot be loaded" in one_line(lambda: read_checkpoint(file), file)


@pytest.mark.parametrize("value", [[1], torch.ones(2), {"epoch": 1}, {"state_dict": [1]}, 7])
def test_other_content_is_refused(tmp_path: Path, value: Any) -> None:
    file = tmp_path / "w.pt"
    torch.save(value, file)
    assert "is not a checkpoint of a run" in one_line(lambda: read_checkpoint(file, "init_from"), file)


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    assert "not a file" in one_line(lambda: read_checkpoint(tmp_path), tmp_path)
    assert "missing" in one_line(lambda: read_checkpoint(tmp_path / "a.ckpt"), tmp_path / "a.ckpt")
    assert verify(Path("a\0b")) is not None
