import json
import logging
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from leyden.data.image_files import broken
from leyden.system.errors import UserError
from tests.helpers.image_files import ready, seen, sizes, write_folders, write_image


def test_broken_images_are_named_or_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    root = write_folders(tmp_path, train=6, test=2)
    (root / "train/cat/000.png").write_bytes(b"")
    (root / "train/dog/001.png").write_bytes((root / "train/dog/001.png").read_bytes()[:-30])
    (root / "test/emu/001.png").write_text("no image")
    (root / "train/emu/004.jpg").symlink_to("nowhere.jpg")
    with pytest.raises(UserError) as refusal:
        ready(root)
    message = str(refusal.value)
    assert "\n" not in message
    assert "4 of 25 images cannot be read: train/cat/000.png (empty), train/dog/001.png (" in message
    assert message.endswith(", …; delete them, or leave them out with data.skip_broken=true")
    with caplog.at_level(logging.WARNING):
        data = ready(root, skip_broken=True)
    assert "4 of 25 images" in caplog.text
    assert sum(sizes(data).values()) == 21
    with pytest.raises(
        UserError, match=r"000\.png: cannot be read .*; data\.verify=true data\.skip_broken=true leaves"
    ):
        seen(ready(root, verify=False, val_size=0, cache=True), "train")


def test_a_image_is_checked_once_until_it_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = write_folders(tmp_path, train=3, test=2)
    checked: list[str] = []
    read = broken.read_image
    monkeypatch.setattr(broken, "read_image", lambda path, channels: (checked.append(path.name), read(path, channels)))
    (root / "test/cat/001.png").write_bytes(b"broken")
    for _ in range(2):
        with pytest.raises(UserError, match="1 of 15"):
            ready(root)
    assert len(checked) == 15
    write_image(root / "test/cat/001.png", 7)
    write_image(root / "train/dog/new.png", 7)
    ready(root)
    assert checked[15:] == ["new.png", "001.png"]
    record = json.loads((root / broken.RECORD).read_text())
    assert len(record) == 16
    (root / broken.RECORD).write_text("[1, 2")
    ready(root)
    assert len(checked) == 17 + 16
    ready(root, verify=False)
    assert len(checked) == 17 + 16


def test_a_folder_that_is_only_to_be_read_is_checked_each_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = write_folders(tmp_path, train=3)

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError("read-only")

    monkeypatch.setattr(os, "access", lambda *_: False)
    monkeypatch.setattr(Path, "write_text", refuse)
    ready(root)
    assert {path.name for path in root.iterdir()} == {"train"}


@pytest.mark.parametrize(
    "record",
    [
        "[1, 2",
        "[]",
        '{"train/cat/000.png": [1, 2, ""]}',
        '{"train/cat/000.png": 3}',
        '{"train/cat/000.png": [1, 2]}',
        "null",
    ],
)
def test_a_record_that_is_none_is_made_anew(record: str, tmp_path: Path) -> None:
    root = write_folders(tmp_path, train=3)
    (root / broken.RECORD).write_text(record)
    ready(root)
    checked = json.loads((root / broken.RECORD).read_text())
    assert len(checked) == 9
    assert [fault for _, _, fault, _ in checked.values()] == [""] * 9


def test_floating_point_images_that_are_not_finite_are_found(tmp_path: Path) -> None:
    root = write_folders(tmp_path, train=3)
    Image.fromarray(np.full((12, 12), np.nan, np.float32)).save(root / "train/cat/1.tif")
    with pytest.raises(UserError, match=r"1 of 10 images .*: train/cat/1\.tif \(holds values that are not finite"):
        ready(root)
