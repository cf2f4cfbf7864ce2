"""Names of new files: after the old one, and never one that is there."""

from pathlib import Path

import pytest

from leyden.data.tables.remedies import converted, edited, extracted, quoted, use, used_by


def test_a_new_file_is_named_after_the_old_one(tmp_path: Path) -> None:
    for name in ("a.csv", "a.csv.gz", "a.txt.xz", "a.CSV", "a", "a.csv.zst"):
        assert edited(tmp_path / name, "utf8") == tmp_path / "a-utf8.csv"
    assert edited(tmp_path / "a.tsv.gz", "utf8") == tmp_path / "a-utf8.tsv"
    assert edited(tmp_path / ".csv", "utf8") == tmp_path / ".csv-utf8.csv"
    for name in ("a.parquet", "a.csv", "a", "a.json.gz"):
        assert converted(tmp_path / name) == tmp_path / "a-converted.csv"
    for name in ("a.zip", "a.tar.gz", "a.csv", "a.tar"):
        assert extracted(tmp_path / name) == tmp_path / "a-extracted"


def test_a_new_name_is_never_taken(tmp_path: Path) -> None:
    (tmp_path / "a-utf8.csv").write_text("")
    (tmp_path / "a-utf8-2.csv").symlink_to("nowhere.csv")
    assert edited(tmp_path / "a.csv", "utf8") == tmp_path / "a-utf8-3.csv"


@pytest.mark.parametrize("key", ["data.test_path", "input"])
def test_the_setting_is_that_of_the_block(key: str) -> None:
    with used_by(key):
        assert use(Path("a b.csv")) == f", and use '{key}=a b.csv'"
    assert use(Path("a,b.csv")) == ", and use 'data.path=\"a,b.csv\"'"


def test_a_leading_dash_is_no_option() -> None:
    assert quoted(Path("-a.csv")) == "./-a.csv"
