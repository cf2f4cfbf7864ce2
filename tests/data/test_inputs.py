import logging
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from leyden.data.csv import CSV
from leyden.data.input_rows import _count_lines, read_inputs
from leyden.data.inputs import Inputs, open_inputs
from leyden.data.pictures import read_picture
from leyden.data.spec import DataSpec
from leyden.errors import UserError
from tests.csv_files import rows, write
from tests.picture_files import pixels, ready, write_folders, write_picture

GREY = DataSpec("classification", (1, 6, 8), 2, ("a", "b"), (0.5,), (0.25,))


def read(inputs: Inputs) -> tuple[list[str], Tensor]:
    """All names, and all inputs as the network takes them."""
    batches = list(inputs.batches)
    assert len(batches) <= inputs.steps
    names = [name for batch in batches for name in batch.names]
    return names, torch.cat([inputs.transform(batch.inputs) for batch in batches])


@pytest.mark.parametrize("channels", [1, 3])
def test_a_folder_is_prepared_as_the_test_split_to_the_bit(channels: int, tmp_path: Path) -> None:
    root = write_folders(tmp_path / "data", train=4, val=2, test=4)
    write_picture(root / "test" / "dog" / "wide.png", 5, height=17, width=40)
    write_picture(root / "test" / "dog" / "high.jpg", 6, height=31, width=14)
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
    (root / "dog" / "text.png").write_text("no picture")
    write_picture(root / ".hidden" / "a.png")
    write_picture(root / ".b.png")
    (root / "notes.txt").write_text("")
    inputs = open_inputs(root, spec, 2)
    names, values = read(inputs)
    assert len(names) == len(values) == 7
    assert names == sorted(names)
    assert list(inputs.unreadable) == ["cat/001.png", "dog/000.png", "dog/text.png"]
    assert inputs.unreadable["cat/001.png"] == "is empty"
    assert "truncated" in inputs.unreadable["dog/000.png"]
    assert str(tmp_path) not in inputs.unreadable["dog/text.png"]
    assert inputs.passed_over == 2  # .b.png and notes.txt; hidden folders are not looked into
    one = open_inputs(root / "emu" / "001.png", spec, 2)
    assert torch.equal(read(one)[1][0], values[names.index("emu/001.png")])
    assert next(iter(open_inputs(root / "emu" / "001.png", spec, 2).batches)).names == ["001.png"]


def test_no_more_is_decoded_than_the_next_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root, seen = write_folders(tmp_path / "data", whole=6), []
    spec = ready(root).spec
    monkeypatch.setattr(
        "leyden.data.input_pictures.read_picture",
        lambda path, channels: seen.append(path) or read_picture(path, channels),
    )
    inputs = open_inputs(root, spec, 3)
    assert not seen
    for number, _ in enumerate(inputs.batches, start=1):
        time.sleep(0.02)  # for threads that would go on
        assert 3 * number <= len(seen) <= 3 * (number + 1)


def test_pictures_of_another_size_than_the_network_knows_are_scaled_and_cut(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    same = pixels(3, 6, 8, 1)[:, :, 0]
    Image.fromarray(same).save(tmp_path / "a.png")
    Image.fromarray(np.full((12, 30), 255, dtype=np.uint8)).save(tmp_path / "b.png")
    with caplog.at_level(logging.WARNING):
        _, values = read(open_inputs(tmp_path / "a.png", GREY, 2))
        assert not caplog.messages
        _, both = read(open_inputs(tmp_path, GREY, 2))
    assert torch.allclose(values[0, 0] * 0.25 + 0.5, torch.from_numpy(same) / 255, atol=1e-6)
    assert torch.equal(both[0], values[0])
    assert torch.equal(both[1], torch.full((1, 6, 8), 2.0))
    assert len(caplog.messages) == 1
    assert "6×8" in caplog.text


def test_transforms_of_the_data_take_the_place_of_the_usual_ones(tmp_path: Path) -> None:
    path = write_picture(tmp_path / "a.png", height=6, width=8)
    flipped = open_inputs(path, GREY, 1, [lambda picture: picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)])
    assert torch.equal(read(flipped)[1].flip(3), read(open_inputs(path, GREY, 1))[1])


def save(path: Path, array: NDArray[Any], **settings: Any) -> Path:
    np.save(path, array, **settings)
    return path


def test_an_array_of_pictures_is_prepared_as_picture_files_are(tmp_path: Path) -> None:
    values = np.stack([pixels(seed, 6, 8, 1)[:, :, 0] for seed in range(5)])[:, None]
    (tmp_path / "files").mkdir()
    for place, picture in enumerate(values):
        Image.fromarray(picture[0]).save(tmp_path / "files" / f"{place}.png")
    names, expected = read(open_inputs(tmp_path / "files", GREY, 2))
    for dtype in (np.uint8, np.int64, ">u2"):
        names, inputs = read(open_inputs(save(tmp_path / "a.npy", values.astype(dtype)), GREY, 2))
        assert names == ["0", "1", "2", "3", "4"]
        assert torch.equal(inputs, expected)
    for kind in (np.float32, np.float64, ">f8"):
        _, inputs = read(open_inputs(save(tmp_path / "a.npy", (values / 255).astype(kind)), GREY, 2))
        assert torch.allclose(inputs, expected, atol=1e-5)
    _, inputs = read(open_inputs(save(tmp_path / "a.npy", values[3]), GREY, 2))
    assert torch.equal(inputs, expected[3:4])


def test_what_is_no_number_or_no_brightness_is_left_out(tmp_path: Path) -> None:
    values = np.full((6, 1, 6, 8), 0.5)
    values[1, 0, 2, 2] = np.nan
    values[3, 0, 0, 0] = 1.5
    values[4, 0, 0, 0] = -np.inf
    inputs = open_inputs(save(tmp_path / "a.npy", values), GREY, 4)
    names, kept = read(inputs)
    assert names == ["0", "2", "5"]
    assert torch.equal(kept, torch.zeros(3, 1, 6, 8))
    not_finite = "holds a value that is not finite"
    assert inputs.unreadable == {"1": not_finite, "3": "holds values beyond 0 to 1", "4": not_finite}


def numbers() -> str:
    return "x,z,y\n" + "".join(f"{i * 7 % 13}.5,{i * i},{i % 5}\n" for i in range(20))


def table_spec(folder: Path, content: str = "", **settings: Any) -> DataSpec:
    settings = {"target": "y", "val_size": 0, "test_size": 0} | settings
    data = CSV(str(write(folder / "train.csv", content or rows())), **settings)
    data.setup()
    return data.spec


def test_an_array_of_numbers_is_encoded_as_a_table_is(tmp_path: Path) -> None:
    spec = table_spec(tmp_path, numbers())
    array = np.array([[0.5, 4], [7.25, -1e3], [np.inf, 1], [1, 1e300]])
    expected = read_inputs(write(tmp_path / "b.csv", "z,x\n4,0.5\n-1000,7.25\n"), spec)
    inputs = open_inputs(save(tmp_path / "a.npy", array), spec, 10)
    names, values = read(inputs)
    assert torch.allclose(values, expected)
    assert names == ["0", "1"]
    assert inputs.unreadable == {"2": "holds a value that is not finite", "3": "holds a number that is too large"}
    assert len(read(open_inputs(save(tmp_path / "a.npy", array[0]), spec, 10))[0]) == 1


def test_rows_that_cannot_be_read_are_told_and_the_others_read(tmp_path: Path) -> None:
    lines = [f"{i % 7}.5,2020-01-{i + 10},{'uvw'[i % 3]},{i % 5}" for i in range(20)]
    spec = table_spec(tmp_path, "\n".join(["x,d,c,y", *lines]))
    good = [*lines[:3], ",,,", *lines[3:6], '7,2020-02-01,"u",text', *lines[6:]]
    expected = read_inputs(write(tmp_path / "good.csv", "\n".join(["x,d,c,y", *good])), spec)

    bad = {
        2: "abc,2020-01-01,u,1",
        4: "1,2020-01-01,u",
        6: "inf,2020-01-01,u,1",
        7: '1,2020-01-01,"u,1',  # left open: takes no other row along
        8: "1,31.01.2020,u,1",
        10: '"1,5",2020-01-01,u,1',
        11: "1e300,2020-01-01,u,1",
        12: "1,2020-01-01,\xfc,1",
    }
    content, row = ["x,d,c,y"], iter([*good[:4], "", *good[4:]])
    while len(content) < len(good) + len(bad) + 2:
        content.append(bad.get(len(content) + 1) or next(row))
    text = "\n".join(content).encode().replace("\xfc".encode(), b"\xfc")
    inputs = open_inputs(write(tmp_path / "bad.csv", text), spec, 6)
    names, values = read(inputs)
    assert torch.equal(values, expected)
    assert [content[int(name) - 1] for name in names] == good
    assert inputs.kind == "row"
    told = ["x=abc", "3 fields", "x=inf", "quote is left open", "d=31.01.2020", "write 1.5", "x=1e300", "UTF-8"]
    assert list(inputs.unreadable) == [f"line {line}" for line in bad]
    for part, why in zip(told, inputs.unreadable.values(), strict=True):
        assert part in why


@pytest.mark.parametrize("block", [1, 3, 20_000])
def test_where_rows_are_bad_the_others_are_read_as_they_would_be_alone(
    block: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("leyden.data.input_rows._BLOCK", block)
    spec = table_spec(tmp_path, rows(other={3: ",u,1", 7: "1.5,-,2"}).replace(",", ";"), separator=";", missing=["-"])
    content = 'y;x;c\n1;2,5;u\n1;2.5;"u;\nv"\n;-;w\n\n3;;new\n4;bad;u\n5; 7 ;"v"\n'
    sound = content.replace("1;2,5;u\n", "").replace("4;bad;u\n", "")
    names, values = read(open_inputs(write(tmp_path / "b.csv", content), spec, 2))
    assert torch.equal(values, read_inputs(write(tmp_path / "c.csv", sound), spec))
    assert names == ["3", "5", "7", "9"]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_rows_are_told_by_their_lines(end: str, tmp_path: Path) -> None:
    spec = table_spec(tmp_path)
    lines = ["x,c", "1,u", "", '2,"v', 'w"', "3,u", " ", "4,u"]
    names, _ = read(open_inputs(write(tmp_path / "b.csv", end.join(lines)), spec, 10))
    assert names == ["2", "4", "6", "8"]
    names, _ = read(open_inputs(write(tmp_path / "b.csv", end.join(["x,c", "1,u", "2,u"]) + end), spec, 10))
    assert names == ["2", "3"]


@pytest.mark.parametrize(("content", "lines"), [(b"", 0), (b"a", 1), (b"a\n", 1), (b"a\nb", 2), (b"\n\n", 2)])
def test_lines_are_counted_with_and_without_a_last_end(content: bytes, lines: int, tmp_path: Path) -> None:
    with write(tmp_path / "a", content).open("rb") as file:
        assert _count_lines(file) == lines


def test_what_cannot_be_read_as_a_whole_is_refused_in_one_line(tmp_path: Path) -> None:
    table = table_spec(tmp_path)
    plain = table_spec(tmp_path, numbers())
    (tmp_path / "empty").mkdir()
    write(tmp_path / "other.csv", "z,c\n1,u\n")
    write(tmp_path / "header.csv", "x,c\n")
    write(tmp_path / "text.npy", "text")
    picture = write_picture(tmp_path / "a.png")
    save(tmp_path / "shape.npy", np.zeros((4, 6, 8)))
    save(tmp_path / "none.npy", np.zeros((0, 1, 6, 8)))
    save(tmp_path / "words.npy", np.array(["a"]))
    save(tmp_path / "objects.npy", np.array([{}, None]), allow_pickle=True)
    save(tmp_path / "three.npy", np.zeros((4, 3)))
    mistakes: list[tuple[str, DataSpec, list[str]]] = [
        ("empty", GREY, ["no pictures (bmp, gif, jpeg"]),
        ("other.csv", table, ["no column x"]),
        ("other.csv", GREY, ["not trained on a table"]),
        ("header.csv", table, ["no rows"]),
        (picture.name, table, ["give a table"]),
        (picture.name, replace(GREY, input_shape=(2, 6, 8)), ["give an array"]),
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
