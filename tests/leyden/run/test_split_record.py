from pathlib import Path

import numpy as np
import pytest

from leyden.data.csv import CSV
from leyden.run.split_record import SPLIT, read_split, write_split
from leyden.system.errors import UserError
from tests.leyden.helpers.csv_files import rows, write


@pytest.fixture
def data(tmp_path: Path) -> CSV:
    data = CSV(str(write(tmp_path / "a.csv", rows(60))), "y")
    data.setup()
    return data


def test_a_recorded_split_is_read_as_it_was(data: CSV, tmp_path: Path) -> None:
    assert read_split(tmp_path) is None
    write_split(tmp_path, data)
    recorded = read_split(tmp_path)
    assert recorded is not None
    assert recorded.identified_by == ["x", "c"]
    assert {split: len(items) for split, items in recorded.items.items()} == {"train": 43, "val": 5, "test": 12}
    assert all((recorded.items[split] == items).all() for split, items in data.items.items())
    assert (recorded.inputs == data.inputs["train"]).all()


def test_an_item_takes_sixteen_bytes_at_the_most(data: CSV, tmp_path: Path) -> None:
    write_split(tmp_path, data)
    with np.load(tmp_path / SPLIT) as arrays:
        size = sum(arrays[name].nbytes for name in ("train", "val", "test", "inputs"))
    assert size <= 16 * 60


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"no archive"])
def test_a_broken_record_is_one_line(content: bytes, tmp_path: Path) -> None:
    (tmp_path / SPLIT).write_bytes(content)
    with pytest.raises(UserError, match=rf"^{tmp_path / SPLIT}: cannot be read") as refused:
        read_split(tmp_path)
    assert "\n" not in str(refused.value)


def test_a_record_of_another_version_is_no_record(data: CSV, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_split(tmp_path, data)
    with np.load(tmp_path / SPLIT) as file:
        arrays = dict(file)
    np.savez(tmp_path / SPLIT, **{**arrays, "version": np.array(0)})
    assert read_split(tmp_path) is None
    assert "is of another version" in caplog.text
