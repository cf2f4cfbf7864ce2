"""Images are prepared as the test split of a run was; what cannot be read is told, or refused in one line."""

import logging
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from leyden.data.image_files.decoding import read_alike
from leyden.data.inputs.open import open_inputs
from leyden.data.spec import DataSpec
from leyden.system.errors import UserError
from tests.helpers.image_files import pixels, ready, write_folders, write_image
from tests.leyden.data.inputs.opened_inputs import GREY, numbers, read, save, table_spec
from tests.leyden.helpers.csv_files import write


@pytest.mark.parametrize("channels", [1, 3])
def test_a_folder_is_prepared_as_the_test_split_to_the_bit(channels: int, tmp_path: Path) -> None:
    root = write_folders(tmp_path / "data", train=4, val=2, test=4)
    write_image(root / "test" / "dog" / "wide.png", 5, height=17, width=40)
    write_image(root / "test" / "dog" / "high.jpg", 6, height=31, width=14)
    data = ready(root, size=12, resize=15, channels=channels)
    names, inputs = read(open_inputs(root / "test", data.spec, 5))
    assert torch.equal(inputs, torch.cat([batch for batch, _ in data.test_dataloader()]))
    assert names == sorted(path.relative_to(root / "test").as_posix() for path in (root / "test").rglob("*.*"))
    assert [name for name in names if "dog" in name][-2:] == ["dog/high.jpg", "dog/wide.png"]


def test_what_is_broken_is_told_and_the_rest_is_read(tmp_path: Path) -> None:
    root, spec = write_folders(tmp_path / "data", whole=3), ready(write_folders(tmp_path / "seen", whole=9)).spec
    (root / "cat" / "001.png").write_bytes(b"")
    content = (root / "dog" / "000.png").read_bytes()
    (root / "dog" / "000.png").write_bytes(content[:100])
    (root / "dog" / "text.png").write_text("no image")
    write_image(root / ".hidden" / "a.png")
    write_image(root / ".b.png")
    (root / "notes.txt").write_text("")
    inputs = open_inputs(root, spec, 2)
    names, values = read(inputs)
    assert len(names) == len(values) == 7
    assert names == sorted(names)
    assert list(inputs.unreadable) == ["cat/001.png", "dog/000.png", "dog/text.png"]
    assert inputs.unreadable["cat/001.png"] == "is empty"
    assert "truncated" in inputs.unreadable["dog/000.png"]
    assert str(tmp_path) not in inputs.unreadable["dog/text.png"]
    assert inputs.skipped == 1  # notes.txt; hidden files and folders are not counted
    one = open_inputs(root / "emu" / "001.png", spec, 2)
    assert torch.equal(read(one)[1][0], values[names.index("emu/001.png")])
    assert next(iter(open_inputs(root / "emu" / "001.png", spec, 2).batches)).names == ["001.png"]


def test_no_more_is_decoded_than_the_next_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root, seen = write_folders(tmp_path / "data", whole=6), []
    spec = ready(root).spec
    monkeypatch.setattr(
        "leyden.data.inputs.images.read_alike",
        lambda path, *how: seen.append(path) or read_alike(path, *how),
    )
    inputs = open_inputs(root, spec, 3)
    assert not seen
    for number, _ in enumerate(inputs.batches, start=1):
        time.sleep(0.02)  # for threads that would go on
        assert 3 * number <= len(seen) <= 3 * (number + 1)


def test_images_of_another_size_than_the_network_knows_are_scaled_and_cut(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    same = pixels(3, 6, 8, 1)[:, :, 0]
    Image.fromarray(same).save(tmp_path / "a.png")
    Image.fromarray(np.full((12, 30), 255, dtype=np.uint8)).save(tmp_path / "b.png")
    with caplog.at_level(logging.WARNING):
        _, values = read(open_inputs(tmp_path / "a.png", GREY, 2))
        assert not [record for record in caplog.records if record.levelno >= logging.WARNING]
        _, both = read(open_inputs(tmp_path, GREY, 2))
    assert torch.allclose(values[0, 0] * 0.25 + 0.5, torch.from_numpy(same) / 255, atol=1e-6)
    assert torch.equal(both[0], values[0])
    assert torch.equal(both[1], torch.full((1, 6, 8), 2.0))
    assert len(caplog.messages) == 1
    assert "6×8" in caplog.text


def test_transforms_of_the_data_take_the_place_of_the_usual_ones(tmp_path: Path) -> None:
    path = write_image(tmp_path / "a.png", height=6, width=8)
    flipped = open_inputs(path, GREY, 1, [lambda image: image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)])
    assert torch.equal(read(flipped)[1].flip(3), read(open_inputs(path, GREY, 1))[1])


def test_what_cannot_be_read_as_a_whole_is_refused_in_one_line(tmp_path: Path) -> None:
    table = table_spec(tmp_path)
    plain = table_spec(tmp_path, numbers())
    (tmp_path / "empty").mkdir()
    write(tmp_path / "other.csv", "z,c\n1,u\n")
    write(tmp_path / "header.csv", "x,c\n")
    write(tmp_path / "text.npy", "text")
    image = write_image(tmp_path / "a.png")
    save(tmp_path / "shape.npy", np.zeros((4, 6, 8)))
    save(tmp_path / "none.npy", np.zeros((0, 1, 6, 8)))
    save(tmp_path / "words.npy", np.array(["a"]))
    save(tmp_path / "objects.npy", np.array([{}, None]), allow_pickle=True)
    save(tmp_path / "three.npy", np.zeros((4, 3)))
    mistakes: list[tuple[str, DataSpec, list[str]]] = [
        ("empty", GREY, ["no images (jpg, png, webp"]),
        ("other.csv", table, ["no column x"]),
        ("other.csv", GREY, ["not trained on a table"]),
        ("header.csv", table, ["no rows"]),
        (image.name, table, ["give a table"]),
        (image.name, replace(GREY, input_shape=(2, 6, 8)), ["give an array"]),
        ("text.npy", GREY, ["cannot be read"]),
        ("shape.npy", GREY, ["4×6×8", "N×1×6×8"]),
        ("none.npy", GREY, ["0×1×6×8"]),
        ("words.npy", GREY, ["integers or floats"]),
        ("objects.npy", GREY, ["cannot be read"]),
        ("three.npy", plain, ["4×3", "N×2", "x, z"]),
        ("three.npy", table, ["c is no number"]),
    ]
    for name, spec, parts in mistakes:
        with pytest.raises(UserError) as caught:
            open_inputs(tmp_path / name, spec, 2)
        assert "\n" not in str(caught.value)
        for part in [name, *parts]:
            assert part in str(caught.value), (name, str(caught.value))
