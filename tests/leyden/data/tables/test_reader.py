from datetime import date, datetime
from pathlib import Path
from random import Random

import polars as pl
import pytest

from leyden.data.tables.notation import MISSING, Notation
from leyden.data.tables.reader import _end_of_rows, read_table
from tests.leyden.helpers.csv_files import write


def read(folder: Path, content: str | bytes, **settings: object) -> pl.DataFrame:
    return read_table(write(folder / "a.csv", content), **settings)  # type: ignore[arg-type]


def test_numbers_dates_and_text_are_told_apart(tmp_path: Path) -> None:
    table = read(
        tmp_path, "i,f,d,t,s\n1,0.5,2020-01-31,2020-01-31 10:30:00,a\n-2,1e3,2021-02-01,2021-02-01 00:00:00,b\n"
    )
    assert table.rows() == [
        (1, 0.5, date(2020, 1, 31), datetime(2020, 1, 31, 10, 30), "a"),
        (-2, 1000, date(2021, 2, 1), datetime(2021, 2, 1), "b"),
    ]
    assert [kind.is_float() for kind in table.dtypes] == [True, True, False, False, False]


SAME = {
    "plain": "x,s,y\n1.5,a,2\n3,b,4\n",
    "quoted": '"x","s","y"\n"1.5","a","2"\n3,"b",4\n',
    "a byte order mark": "\ufeffx,s,y\n1.5,a,2\n3,b,4\n",
    "line ends of Windows": "x,s,y\r\n1.5,a,2\r\n3,b,4\r\n",
    "no last line end": "x,s,y\n1.5,a,2\n3,b,4",
    "blank lines": "x,s,y\n\n1.5,a,2\n\n\n3,b,4\n\n",
    "blank lines of Windows": "x,s,y\r\n\r\n1.5,a,2\r\n\r\n3,b,4\r\n\r\n",
    "lines of blanks": "x,s,y\n  \n1.5,a,2\n\t \n3,b,4\n \n ",
    "line ends of old Macs": "x,s,y\r1.5,a,2\r3,b,4\r",
    "blank lines above": "\n  \r\n\nx,s,y\n1.5,a,2\n3,b,4\n",
    "blanks around quotes": 'x, "s" ,"y"\n "1.5", "a",2\n3 , "b" ,\t"4" \n',
    "a separator that the file states": "sep=,\nx,s,y\n1.5,a,2\n3,b,4\n",
    "blanks around fields": "x, s ,y\n 1.5,a , 2\n3 , b,4 \n",
}


@pytest.mark.parametrize("content", SAME.values(), ids=SAME.keys())
def test_what_is_the_same_is_read_the_same(content: str, tmp_path: Path) -> None:
    table = read(tmp_path, content)
    assert table.columns == ["x", "s", "y"]
    assert table.rows() == [(1.5, "a", 2), (3, "b", 4)]


@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_fields_are_separated_as_asked(separator: str, tmp_path: Path) -> None:
    content = SAME["plain"].replace("a", '"a,1"').replace(",", separator)
    assert read(tmp_path, content, separator=separator).rows() == [(1.5, f"a{separator}1", 2), (3, "b", 4)]


def test_quotes_hold_separators_line_ends_and_quotes(tmp_path: Path) -> None:
    table = read(tmp_path, 's,y\n"a,b",1\n"c\nd\r\ne",2\n"5"" pipe",3\n"",4\n')
    assert table["s"].to_list() == ["a,b", "c\nd\r\ne", '5" pipe', None]
    assert table["y"].to_list() == [1, 2, 3, 4]


@pytest.mark.parametrize("separator", [",", ";", "\t", " "])
@pytest.mark.parametrize("block", [4, 1 << 24])
def test_a_row_of_separators_is_a_row(
    separator: str, block: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("leyden.data.tables.reader._BLOCK", block)
    content = "x,s,y\n,,\n1.5,a,2\n\n\r\n,,\n,,\n3,b,4\n,,\n\n".replace(",", separator)
    none = (None, None, None)
    expected = [none, (1.5, "a", 2), none, none, (3, "b", 4), none]
    assert read(tmp_path, content, separator=separator).rows() == expected


def test_a_missing_value_in_a_file_of_one_column_is_a_row(tmp_path: Path) -> None:
    assert read(tmp_path, 'x\n1\nNA\n\n""\n  \n2\n')["x"].to_list() == [1, None, None, 2]


def test_a_number_stands_for_a_missing_value_however_it_is_written(tmp_path: Path) -> None:
    lines = "-999,-999\n-999.0,-999.0\n-9.99e2, -999.00\n"
    table = read(tmp_path, f"x,z\n1,?\n{lines}2,3\n-99,4", notation=Notation(missing=["-999", "-"]))
    assert table["x"].to_list() == [1, None, None, None, 2, -99]
    assert table["z"].to_list() == [None, None, None, None, 3, 4]


def test_a_number_beyond_32_bits_is_kept(tmp_path: Path) -> None:
    table = read(tmp_path, "x,z,y\n1e39,-1e308,3e38\n1,1e308,-3e38\n")
    assert table.rows() == [(1e39, -1e308, 3e38), (1, 1e308, -3e38)]


def test_times_of_a_zone_are_read_in_utc(tmp_path: Path) -> None:
    table = read(
        tmp_path,
        "t,i\n2020-01-31T10:30:00Z,1\n2020-01-31 10:30:00.5+02:00,2\n2020-01-31 10:30,3\n2020-1-31,4\n"
        "2020-01-31 23:30:00-05,5\n2020-01-31T10:30:00.123456,6\n,7\n2020-01-31 09:30 UTC,8\n",
    )
    assert table["t"].to_list() == [
        datetime(2020, 1, 31, 10, 30),
        datetime(2020, 1, 31, 8, 30, 0, 500_000),
        datetime(2020, 1, 31, 10, 30),
        datetime(2020, 1, 31),
        datetime(2020, 2, 1, 4, 30),
        datetime(2020, 1, 31, 10, 30, 0, 123_456),
        None,
        datetime(2020, 1, 31, 9, 30),
    ]


def test_dates_are_not_looked_for_among_all_values_of_a_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tried = []

    def as_dates(text: pl.Series) -> pl.Series:
        tried.append(len(text))
        return text.clear(len(text))

    monkeypatch.setattr("leyden.data.tables.type_inference.as_dates", as_dates)
    assert read(tmp_path, "s,y\n" + "".join(f"n{i},{i}\n" for i in range(5000)))["s"].dtype == pl.String
    assert tried == [1000]


def test_missing_values_have_many_names(tmp_path: Path) -> None:
    words = [*MISSING, '""', "-", "-999", " NA "]
    lines = "".join(f"{word},{word},{i}\n" for i, word in enumerate(words))
    table = read(tmp_path, f"x,s,i\n1.5,a,-1\n{lines}2.5,b,99\n", notation=Notation(missing=["-", "-999"]))
    assert table["x"].to_list() == [1.5, *[None] * len(words), 2.5]
    assert table["s"].to_list() == ["a", *[None] * len(words), "b"]


def test_text_is_what_is_said_to_be_text(tmp_path: Path) -> None:
    table = read(tmp_path, "zip,x\n01234,1\n99999,2\n", is_text=lambda name: name == "zip")
    assert table["zip"].to_list() == ["01234", "99999"]
    assert table["x"].dtype.is_float()


def test_a_column_of_which_half_is_text_is_text(tmp_path: Path) -> None:
    assert read(tmp_path, "s,y\n1,1\na,2\n2,3\nb,4\n")["s"].to_list() == ["1", "a", "2", "b"]


@pytest.mark.parametrize("first", [1_700_000_000, 2**24 + 1, -(2**40)])
def test_large_numbers_keep_their_differences(first: int, tmp_path: Path) -> None:
    table = read(tmp_path, "t,y\n" + "".join(f"{first + i},{i}\n" for i in range(50)))
    assert table["t"].to_list() == [first + i for i in range(50)]


def test_numbers_take_half_the_memory_where_it_is_harmless(tmp_path: Path) -> None:
    table = read(tmp_path, "t,y\n" + "".join(f"{1e9 + i},{i / 7}\n" for i in range(50)))
    assert table.dtypes == [pl.Float64, pl.Float32]
    assert table["y"].to_list() == pytest.approx([i / 7 for i in range(50)], rel=1e-7)


def test_a_column_that_begins_with_ten_thousand_missing_values_is_still_numbers(tmp_path: Path) -> None:
    lines = [f"{'' if i < 10_500 else i / 2},{'' if i < 10_500 else '2020-01-02'},{i}" for i in range(11_000)]
    table = read(tmp_path, "\n".join(["x,d,i", *lines]))
    assert table["x"].to_list() == [None if i < 10_500 else i / 2 for i in range(11_000)]
    assert table["d"].drop_nulls().unique().to_list() == [date(2020, 1, 2)]


def made_field(random: Random, kind: int) -> str:
    if random.random() < 0.1:
        return random.choice(["", "NA", "?"])
    if kind == 0:
        return str(random.randrange(-1000, 1000))
    if kind == 1:
        return f'"{random.uniform(-9, 9):.3f}"' if random.random() < 0.2 else f"{random.uniform(-9, 9):.3f}"
    if kind == 2:
        return str(date(2000, 1, 1 + random.randrange(31)))
    text = "".join(random.choices(["a", "é", " b", ",", "\n", "\r\n", '""'], k=random.choice([1, 3, 5, 80])))
    return f'"x{text}z"'


def made_table(random: Random) -> tuple[list[int], str]:
    kinds = [0, *random.choices(range(4), k=random.randrange(1, 5))]
    end = random.choice(["\n", "\r\n"])
    lines = [",".join(f"k{i}" for i in range(len(kinds)))]
    lines += [",".join([str(i), *(made_field(random, kind) for kind in kinds[1:])]) for i in range(30)]
    blank = random.randrange(1, 30)
    return kinds, end.join([*lines[:blank], *[""] * random.randrange(3), *lines[blank:]]) + random.choice(["", end])


@pytest.mark.sample(3)
@pytest.mark.parametrize("block", [24, 61, 300])
def test_blocks_of_any_size_give_what_polars_reads_at_once(
    block: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("leyden.data.tables.reader._BLOCK", block)
    random = Random(block)
    for _ in range(40):
        kinds, content = made_table(random)
        types = {f"k{i}": [pl.Float64, pl.Float64, pl.Date, pl.String][kind] for i, kind in enumerate(kinds)}
        expected = pl.read_csv(content.encode(), schema=types, null_values=list(MISSING))
        expected = expected.filter(pl.col("k0").is_not_null())  # polars takes a blank line of Windows for a row
        some = {
            column.name: pl.Float32 if column.dtype == pl.Float64 else column.dtype
            for column in expected
            if column.count()
        }
        assert read(tmp_path, content).select(*some).cast(some).equals(expected.select(*some).cast(some)), content


def test_an_open_quote_in_a_long_block_is_looked_for_once() -> None:
    counted = 0

    class Counted(bytes):
        def count(self, sub: bytes, start: int, end: int) -> int:  # type: ignore[override]
            nonlocal counted
            counted += end - start
            return super().count(sub, start, end)

    block = Counted(b'1,"u\n' + b"1,u\n" * 1000)
    assert _end_of_rows(block) == 0
    assert counted <= 2 * len(block)


@pytest.mark.parametrize(
    ("block", "rows"), [(b"a,1\nb", 4), (b'a\n"b\nc', 2), (b'"a\nb",1\n"c', 8), (b'"a\nb', 0), (b"a", 0)]
)
def test_a_block_ends_behind_its_last_whole_row(block: bytes, rows: int) -> None:
    assert _end_of_rows(block) == rows
