import io
import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.transforms import v2

from leyden.data.image_files.decoding import Decoder, read_image
from leyden.data.image_files.formats import is_image_file
from leyden.system.errors import UserError
from tests.helpers.image_files import pixels

COLOURS = pixels(1, 9, 13)


def saved(path: Path, image: Image.Image, **options: object) -> Path:
    image.save(path, **options)
    return path


def grey(colours: np.ndarray) -> np.ndarray:
    """ITU-R BT.601 luma, as Pillow rounds it."""
    red, green, blue = (colours[..., channel].astype(np.int64) for channel in range(3))
    return ((red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16).astype(np.uint8)


@pytest.mark.parametrize("kind", ["png", "bmp", "tif", "webp"])
def test_a_image_comes_in_colour_or_in_grey(kind: str, tmp_path: Path) -> None:
    path = saved(tmp_path / f"a.{kind}", Image.fromarray(COLOURS), **({"lossless": True} if kind == "webp" else {}))
    assert np.array_equal(np.asarray(read_image(path, 3)), COLOURS)
    assert np.array_equal(np.asarray(read_image(path, 1)), grey(COLOURS))


@pytest.mark.parametrize(
    ("orientation", "turned"),
    [
        (1, COLOURS),
        (2, COLOURS[:, ::-1]),
        (3, COLOURS[::-1, ::-1]),
        (6, np.rot90(COLOURS, -1)),
        (8, np.rot90(COLOURS)),
    ],
)
def test_a_image_is_turned_as_its_camera_was_held(orientation: int, turned: np.ndarray, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = saved(tmp_path / "a.png", Image.fromarray(COLOURS), exif=exif)
    assert np.array_equal(np.asarray(read_image(path, 3)), turned)


def test_broken_notes_of_a_camera_do_not_spoil_the_image(tmp_path: Path) -> None:
    for notes in (b"Exif\0\0nonsense", b"Exif\0\0MM\0*\0\0\xff\xff", b"Exif\0\0II*\0" + struct.pack("<IH", 8, 900)):
        path = saved(tmp_path / "a.jpg", Image.fromarray(COLOURS), exif=notes)
        assert read_image(path, 3).size == (13, 9)


def test_what_is_transparent_is_seen_before_white(tmp_path: Path) -> None:
    seen = np.dstack([COLOURS, np.full(COLOURS.shape[:2], 255, np.uint8)])
    seen[:4, :, 3] = 0
    path = saved(tmp_path / "a.png", Image.fromarray(seen))
    expected = COLOURS.copy()
    expected[:4] = 255
    assert np.array_equal(np.asarray(read_image(path, 3)), expected)
    assert np.array_equal(np.asarray(read_image(path, 1)), grey(expected))


def test_palettes_cmyk_one_bit_and_animations_are_read(tmp_path: Path) -> None:
    few = Image.fromarray(COLOURS).quantize(5)
    assert np.array_equal(np.asarray(read_image(saved(tmp_path / "p.png", few), 3)), np.asarray(few.convert("RGB")))
    cmyk = Image.fromarray(COLOURS).convert("CMYK")
    path = saved(tmp_path / "c.tif", cmyk)
    assert np.array_equal(np.asarray(read_image(path, 3)), np.asarray(cmyk.convert("RGB")))
    bits = Image.fromarray(COLOURS[..., 0] > 60)
    assert set(np.asarray(read_image(saved(tmp_path / "b.png", bits), 1)).flat) == {0, 255}
    first, second = few, Image.new("P", few.size)
    path = saved(tmp_path / "a.gif", first, save_all=True, append_images=[second])
    assert np.array_equal(np.asarray(read_image(path, 3)), np.asarray(few.convert("RGB")))


@pytest.mark.parametrize("name", ["a.jpg", "a.JPEG", "a.Png", "b.bmp", "c.webp", "d.GIF", "e.tif", "f.TIFF", "a.b.jpg"])
def test_picture_files_are_known_by_their_names(name: str) -> None:
    assert is_image_file(Path(name))
    assert not is_image_file(Path("." + name))
    assert not is_image_file(Path(name + ".txt"))


def test_a_decoder_refuses_another_size_or_type_in_one_line() -> None:
    def read(number: int) -> Image.Image:
        return Image.fromarray(pixels(0, 5 + number, 5))

    assert Decoder(read, [], (3, 5, 5), "eval_transform")(0).shape == (3, 5, 5)
    with pytest.raises(UserError, match=r"^data\.size=null: there are images of 3×5×5 and of 3×6×5; give data\.size"):
        Decoder(read, [], (3, 5, 5), "eval_transform")(1)
    for made, described in (
        (torch.full((3, 5, 5), 255.0), "float32 3×5×5 from 255 to 255"),
        (torch.zeros(3, 5, 5).long(), "int64 3×5×5"),
        (torch.zeros(3, 4, 5).byte(), "uint8 3×4×5"),
    ):
        expected = rf"^data\.train_transform: makes {described} of an image, and must make uint8 3×5×5, floats from 0"
        with pytest.raises(UserError, match=expected):
            Decoder(read, [lambda _, made=made: made], (3, 5, 5), "train_transform")(0)
    with pytest.raises(UserError, match=r"^data\.train_transform: makes a tuple of an image, and must make one image$"):
        Decoder(read, [v2.FiveCrop(5)], (3, 5, 5), "train_transform")(0)


def test_floats_from_0_to_1_become_the_same_integers_again() -> None:
    image = Image.fromarray(np.arange(256, dtype=np.uint8).reshape(16, 16))
    decode = Decoder(
        lambda _: image, [v2.ToImage(), v2.ToDtype(torch.float32, scale=True)], (1, 16, 16), "eval_transform"
    )
    assert decode(0).flatten().tolist() == list(range(256))
    overshot = Decoder(lambda _: image, [lambda _: torch.tensor([[[-0.1, 1.2]]])], (1, 1, 2), "eval_transform")
    assert overshot(0).flatten().tolist() == [0, 255]


def test_a_cut_off_file_is_not_read_in_part(tmp_path: Path) -> None:
    whole = io.BytesIO()
    Image.fromarray(pixels(0, 40, 40)).save(whole, "JPEG")
    (tmp_path / "a.jpg").write_bytes(whole.getvalue()[:-100])
    with pytest.raises(OSError, match="truncated"):
        read_image(tmp_path / "a.jpg", 3)
