"""Which files of a folder are images, and a word about the others."""

import logging
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, features

from leyden.data.image_files.formats import extensions, suffix_of
from leyden.data.image_files.listing import list_images
from leyden.data.inputs.open import open_inputs
from leyden.system.errors import UserError
from tests.helpers.image_files import pixels, ready, sizes, write_folders, write_image

READ = "jpg jpeg jpe jfif JPG png PNG apng bmp dib gif tif tiff TIFF webp ppm pgm pbm pnm pfm tga ico"
NOT_READ = "pdf eps ps mpg mpeg mp4 h5 hdf grib npy svg heic txt json ttf exe zip pkl csv"


def touch(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"")
    return path


@pytest.mark.parametrize("name", READ.split())
def test_what_pillow_reads_is_an_image(name: str, tmp_path: Path) -> None:
    touch(tmp_path / f"a.{name}")
    assert list_images(tmp_path).names == [f"a.{name}"]


@pytest.mark.parametrize("name", NOT_READ.split())
def test_what_pillow_cannot_decode_is_counted_by_suffix(name: str, tmp_path: Path) -> None:
    touch(tmp_path / f"b.{name}")
    touch(tmp_path / f"a.{name.upper()}")
    found = list_images(tmp_path)
    assert found.names == []
    assert str(found.skipped) == f"2 .{name} (a.{name.upper()})"
    assert len(found.skipped) == 2


def test_suffixes_are_those_of_the_installed_pillow() -> None:
    assert {".avif", ".jp2"} & extensions() == {
        suffix for suffix, name in ((".avif", "avif"), (".jp2", "jpg_2000")) if features.check(name)
    }
    assert suffix_of("a.b.JPG") == ".jpg"
    assert suffix_of("a.") == suffix_of("a") == suffix_of(".png") == ""


def test_kinds_are_counted_with_an_example_and_hidden_files_are_not(tmp_path: Path) -> None:
    for name in ("a.png", "x/b.jpg", "x/c.heic", "y/d.heic", "e", "img_1.", "Thumbs.db", "x/desktop.ini", ".DS_Store"):
        touch(tmp_path / name)
    touch(tmp_path / ".cache" / "a.png")
    touch(tmp_path / "._a.png")
    (tmp_path / "gone").symlink_to("nowhere")
    (tmp_path / "gone.png").symlink_to("nowhere.png")  # reported as broken when it is read
    os.mkfifo(tmp_path / "pipe.png")
    found = list_images(tmp_path)
    assert found.names == ["a.png", "gone.png", "x/b.jpg"]
    assert found.skipped.kinds == {
        ".heic": (2, "x/c.heic"),
        "without a suffix": (2, "e"),
        "broken link": (1, "gone"),
        "no regular file": (1, "pipe.png"),
    }
    for number in range(5):
        touch(tmp_path / f"f.{number}")
    assert str(list_images(tmp_path).skipped).endswith(", 4 of other kinds")


def test_links_to_folders_are_followed_once_and_never_in_circles(tmp_path: Path) -> None:
    root = tmp_path / "root"
    touch(root / "here" / "a.png")
    touch(tmp_path / "far" / "b.png")
    touch(tmp_path / "far" / "deep" / "c.png")
    (root / "a link").symlink_to(tmp_path / "far")
    (root / "z link").symlink_to(tmp_path / "far")
    (root / "b link").symlink_to(root / "here")
    (tmp_path / "far" / "up").symlink_to(tmp_path)
    (root / "here" / "self").symlink_to(root)
    (root / "d.png").symlink_to(tmp_path / "far" / "b.png")
    assert list_images(root).names == ["a link/b.png", "a link/deep/c.png", "d.png", "here/a.png"]
    (tmp_path / "link").symlink_to(root)
    assert list_images(tmp_path / "link").names == list_images(root).names


def test_a_folder_that_cannot_be_listed_is_not_skipped_in_silence(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        list_images(tmp_path / "none")
    errors: list[OSError] = []
    assert list_images(tmp_path / "none", errors.append).names == []
    assert len(errors) == 1


def test_training_says_in_one_line_what_it_skips(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    root = write_folders(tmp_path / "root", train=4, val=2, test=2)
    for name in ("train/cat/1.heic", "train/dog/2.heic", "test/emu/deep/3.svg", "train/cat/Thumbs.db"):
        touch(root / name)
    write_image(root / "train" / "loose.png")
    (root / "train" / "notes.txt").write_text("of the folder, not of a class")
    write_image(tmp_path / "far" / "more.pgm.png")
    Image.fromarray(pixels(3)[..., 0]).save(tmp_path / "far" / "grey.pgm")
    Image.fromarray(pixels(4)).save(tmp_path / "far" / "colour.jfif", format="JPEG")
    (root / "train" / "cat" / "linked").symlink_to(tmp_path / "far")
    with caplog.at_level(logging.WARNING):
        data = ready(root)
    assert sizes(data) == {"train": 15, "val": 6, "test": 6}
    assert [record.getMessage() for record in caplog.records] == [
        "data.root: 4 files are skipped as no images of a class: 2 .heic (train/cat/1.heic), 1 beside the folders of "
        "classes (train/loose.png), 1 .svg (test/emu/deep/3.svg)"
    ]


def test_a_class_of_files_that_cannot_be_read_is_named_with_a_remedy(tmp_path: Path) -> None:
    root = write_folders(tmp_path, train=4)
    for path in (root / "train" / "dog").iterdir():
        path.rename(path.with_suffix(".heic"))
    with pytest.raises(UserError) as refusal:
        ready(root)
    assert (
        "train/dog: there are no images of this class, but files that cannot be read as such: 4 .heic (000.heic)"
        in (str(refusal.value))
    )
    assert "convert them to png or jpg" in str(refusal.value)


def test_prediction_reads_and_counts_the_same_files(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    root = write_folders(tmp_path / "root", train=4)
    spec = ready(root).spec
    folder = tmp_path / "new"
    write_image(folder / "a.png")
    write_image(tmp_path / "far" / "b.png")
    (folder / "link").symlink_to(tmp_path / "far")
    Image.fromarray(np.zeros((12, 12), np.uint8)).save(folder / "c.pgm")
    touch(folder / "d.heic")
    touch(folder / "e.heic")
    touch(folder / "Thumbs.db")
    with caplog.at_level(logging.WARNING):
        inputs = open_inputs(folder, spec, 4)
    assert [name for batch in inputs.batches for name in batch.names] == ["a.png", "c.pgm", "link/b.png"]
    assert f"input={folder}: skipped as no images: 2 .heic (d.heic)" in caplog.text
    assert inputs.skipped == 2
    one = open_inputs(folder / "c.pgm", spec, 4)
    assert [name for batch in one.batches for name in batch.names] == ["c.pgm"]
