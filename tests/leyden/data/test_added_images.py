"""Images that were added to the folder of a run stop neither its evaluation nor its resumption."""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from leyden.data.folder import ImageFolder
from leyden.data.recorded_split import NEW, RecordedSplit
from leyden.system.errors import UserError
from tests.helpers.image_files import write_folders, write_image
from tests.leyden.helpers.deep_files import write_png

PARTS = {"train": 8, "val": 4, "test": 4}


def deep_folders(root: Path, official: bool = False) -> Path:
    for part, size in PARTS.items() if official else {"": 20}.items():
        for label, name in enumerate(("cat", "dog")):
            for number in range(size):
                values = np.random.default_rng([label, number, len(part)]).integers(0, 4000, (12, 12, 1))
                (root / part / name).mkdir(parents=True, exist_ok=True)
                write_png(root / part / name / f"{number:02}.png", values.astype(np.uint16))
    return root


def new(root: Path, **settings: Any) -> ImageFolder:
    return ImageFolder(str(root), **{"size": 12, "num_workers": 0, "channels": 1} | settings)


def ready(data: ImageFolder) -> ImageFolder:
    data.prepare_data()
    data.setup()
    return data


def again(first: ImageFolder, resumed: bool, **settings: Any) -> ImageFolder:
    """The data of a run that is resumed or evaluated."""
    data = new(Path(first.root), **settings)
    data.recorded = RecordedSplit(dict(first.items), first.inputs["train"], first.identified_by)
    data.reference_spec, data.class_order = (None, first.spec.class_names) if resumed else (first.spec, ())
    return ready(data)


def assert_same(first: ImageFolder, data: ImageFolder) -> None:
    assert data.spec == first.spec
    assert not any(data.missing_items.values())
    assert data.item_names("train") == first.item_names("train")
    for split in ("val", "test"):
        one, other = (torch.cat([x for x, _ in d.loader(split)]) for d in (first, data))
        assert torch.equal(one, other)


@pytest.mark.parametrize("settings", [{}, {"cache": True}, {"verify": False}])
@pytest.mark.parametrize("resumed", [True, False])
@pytest.mark.parametrize("official", [True, False])
@pytest.mark.parametrize("deep", [True, False])
def test_an_added_image_of_another_depth_is_left_out(
    deep: bool,
    official: bool,
    resumed: bool,
    settings: dict[str, Any],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    shallow = PARTS if official else {"whole": 20}
    root = deep_folders(tmp_path, official) if deep else write_folders(tmp_path, **shallow)
    first = ready(new(root, **settings))
    for part in PARTS if official else ("",):
        path = root / part / "cat" / "added.png"
        write_image(path, 7) if deep else write_png(path, np.full((12, 12, 1), 4000, np.uint16))
    with caplog.at_level(logging.WARNING):
        data = again(first, resumed, **settings)
    assert_same(first, data)
    assert f"{3 if official else 1} images that the run did not have are left out, as they have another" in caplog.text
    if NEW in data.splits:
        assert [len(of) for of in (*data.splits[NEW], data.items[NEW])] == [0, 0, 0]
        assert not list(data.loader(NEW))


def test_added_images_of_the_same_depth_are_new(tmp_path: Path) -> None:
    first = ready(new(deep_folders(tmp_path)))
    write_png(tmp_path / "cat" / "added.png", np.full((12, 12, 1), 200, np.uint16))
    write_image(tmp_path / "cat" / "other.png", 7)
    data = again(first, resumed=False)
    assert data.item_names(NEW) == ["cat/added.png"]
    assert len(data.items[NEW]) == 1


def test_images_of_another_depth_are_refused_where_none_is_the_run_s(tmp_path: Path) -> None:
    first = ready(new(deep_folders(tmp_path / "a")))
    first.root = str(write_folders(tmp_path / "b", whole=20))
    with pytest.raises(UserError, match="has 8 bits a channel, and the network was trained on images with more"):
        again(first, resumed=False)


@pytest.mark.parametrize("resumed", [True, False])
@pytest.mark.parametrize("content", [b"", b"broken"])
@pytest.mark.parametrize("name", ["cat/added.png", "yak/1.png"])
def test_an_added_file_that_is_broken_is_left_out(
    name: str, content: bytes, resumed: bool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    root = write_folders(tmp_path, whole=20)
    first = ready(new(root))
    (root / name).parent.mkdir(exist_ok=True)
    (root / name).write_bytes(content)
    with caplog.at_level(logging.WARNING):
        data = again(first, resumed)
    assert_same(first, data)
    assert f"1 of 61 images cannot be read: {name}" in caplog.text
    with pytest.raises(UserError, match=r"data\.skip_broken=true"):
        ready(new(root))


@pytest.mark.parametrize("resumed", [True, False])
def test_an_item_of_the_run_that_is_broken_is_missing(resumed: bool, tmp_path: Path) -> None:
    root = write_folders(tmp_path, whole=20)
    first = ready(new(root))
    (root / first.item_names("val")[0]).write_bytes(b"broken")
    assert again(first, resumed).missing_items == {"train": 0, "val": 1, "test": 0}


def test_a_remedy_on_resumption_changes_no_setting(tmp_path: Path) -> None:
    root = write_folders(tmp_path / "a", whole=20)
    first = ready(new(root, verify=False))
    path = root / first.item_names("train")[0]
    path.write_bytes(bytes(path.stat().st_size))
    for resumed, remedy in ((True, "restore it, or delete it if it was added$"), (False, "data.skip_broken=true")):
        with pytest.raises(UserError, match=remedy):
            list(again(first, resumed, verify=False).loader("train"))
    root = deep_folders(tmp_path / "b", official=True)
    first = ready(new(root, verify=False))
    path = root / first.item_names("test")[0]  # of the same size, so that it is taken for the run's own
    size = path.stat().st_size
    Image.fromarray(np.zeros((12, 12), np.uint8)).save(path)
    path.write_bytes(path.read_bytes() + bytes(size - path.stat().st_size))
    with pytest.raises(UserError, match=r"save all alike$"):
        again(first, resumed=True, verify=False)
