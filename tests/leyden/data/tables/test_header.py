"""Headers: below titles and comments, over several lines, of numbers; and how a further file's is found."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import torch

from leyden.data.csv import CSV
from leyden.data.inputs.open import open_inputs
from leyden.system.errors import UserError
from leyden.system.override_text import parsed
from tests.leyden.data.inputs.opened_inputs import read, read_inputs, table_spec
from tests.leyden.helpers.csv_files import rows, write

SETTING = re.compile(r"add ['\"]?data\.(\w+)=(\d+|.+$)")
EDIT = re.compile(r": ([^:]+?), and use data\.path=(\S+)$")
BLANKS = rows().replace(",", "  ")


def ready(path: Path, **settings: Any) -> CSV:
    data = CSV(str(path), **{"target": "y"} | settings)
    data.setup()
    return data


def refused(path: Path, **settings: Any) -> str:
    with pytest.raises(UserError) as caught:
        ready(path, **settings)
    assert "\n" not in str(caught.value)
    return str(caught.value)


BY_A_SETTING: dict[str, tuple[str, str]] = {
    "a title": ("Sales in May\n" + rows(), "skip_lines=1"),
    "a title and a blank line": ("Sales in May\n\n" + rows(), "skip_lines=2"),
    "a title with a separator": ("Sales, in May\n" + rows(), "skip_lines=1"),
    "a title with another separator": ("Sales; in May\n" + rows(), "skip_lines=1"),
    "two titles": ("Sales\nfrom 1, to 5\n" + rows(), "skip_lines=2"),
    "a title that a spreadsheet fills up": ("Sales in May,,\n,,\n" + rows(), "skip_lines=2"),
    "a comment": ("# made on Monday\n" + rows(), "skip_lines=1"),
    "a comment of many fields": ("# made on Monday, by me, with care, and so on\n# more\n" + rows(), "skip_lines=2"),
    "a title above two columns": ("Sales\n" + re.sub(",.,", ",", rows().replace("x,c,y", "x,y")), "skip_lines=1"),
    "a title above names that are numbers": ("Sales\n" + rows(header="2010,2011,y"), "skip_lines=1"),
    "a header of two levels": (
        ",a,a,b\n,x,c,y\n" + "".join(f"{i},{i % 7},{i % 5},{i % 3}\n" for i in range(40)),
        "skip",
    ),
    "semicolons": (rows().replace(",", ";"), "separator=;"),
    "tabs": (rows().replace(",", "\t"), "separator=\\t"),
    "blanks": (BLANKS, "separator=\\s+"),
    "blanks and quotes": (BLANKS.replace("x  c  y", '"x" "c" "y"'), "separator=\\s+"),
    "blanks at both ends": ("\n".join(f"  {line} " for line in BLANKS.splitlines()), "separator=\\s+"),
    "blanks, and names of rows": (BLANKS.replace("x  c  y", "c  y"), "separator=\\s+"),
}


@pytest.mark.parametrize("name", BY_A_SETTING)
def test_the_setting_that_a_message_names_reads_the_file(name: str, tmp_path: Path) -> None:
    content, expected = BY_A_SETTING[name]
    path = write(tmp_path / "a.csv", content)
    text = refused(path)
    found = SETTING.search(text)
    assert found, text
    value = parsed(found[2].rstrip("'\"") + "'" * found[2].startswith("'"))
    assert f"{found[1]}={value}".startswith(expected)
    assert len(ready(path, **{found[1]: value}, val_size=0, test_size=0).splits["train"][0]) == 40


BY_A_COMMAND: dict[str, str] = {
    "a long row": rows(other={30: "1,u,2,3"}),
    "a short row": rows(other={30: "1,u"}),
    "comments among the rows": rows(other={20: "# a comment", 30: "# another, with a separator"}),
    "units": rows().replace("\n", "\nm,,kg\n", 1),
    "a zero byte": rows(other={30: "1,u\0,2"}),
}


@pytest.mark.parametrize("name", BY_A_COMMAND)
def test_the_command_that_a_message_names_mends_the_file(name: str, tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", BY_A_COMMAND[name])
    command = EDIT.search(refused(path))
    assert command
    subprocess.run(["sh", "-c", command[1]], check=True)
    ready(Path(command[2]))


@pytest.mark.parametrize("width", [3, 20])
def test_names_are_written_above_rows_without_a_header(width: int, tmp_path: Path) -> None:
    lines = "".join(",".join(str(i * (k + 3) % 31) for k in range(width)) + "\n" for i in range(40))
    path = write(tmp_path / "a.csv", lines)
    command = EDIT.search(refused(path))
    assert command
    subprocess.run(["sh", "-c", command[1]], check=True)
    data = ready(Path(command[2]), target=f"column_{width}", val_size=0, test_size=0)
    assert data.splits["train"][0].shape == (40, width - 1)


def test_years_are_names_if_a_setting_names_one(tmp_path: Path) -> None:
    content = rows(header="2010,2011,2012").replace("u", "1").replace("v", "2").replace("w", "3")
    path = write(tmp_path / "a.csv", content)
    assert ready(path, target=2012, ignore=[2010]).spec.input_shape == (1,)
    assert "must name the columns" in refused(path, target="y")
    assert "must name the columns" in refused(write(tmp_path / "a.csv", "0.5,7,2012\n" + content), target=2012)


@pytest.mark.parametrize("lines", [41, 100])
def test_more_lines_cannot_be_skipped_than_there_are(lines: int, tmp_path: Path) -> None:
    text = refused(write(tmp_path / "a.csv", rows()), skip_lines=lines)
    assert "no line below" in text or "no rows" in text


@pytest.mark.parametrize(
    ("header", "names"),
    [
        ('"x, in m","first\nname","y"\n', ["x, in m", "first name"]),
        ('sep=,\r\n"x","c",y\r\n', ["x", "c"]),
        ("\ufeffsep=,\nx,c,y\n", ["x", "c"]),
        ("\n\n \nx,c,y\n", ["x", "c"]),
        ("# x,c,y\n", ["# x", "c"]),
        ('x , "c" , "y" \n', ["x", "c"]),
    ],
)
def test_rows_behind_any_header_have_their_lines(header: str, names: list[str], tmp_path: Path) -> None:
    spec = table_spec(tmp_path, header + rows().partition("\n")[2])
    assert spec.columns is not None
    assert [column["name"] for column in spec.columns["features"]] == names
    for bad in (False, True):
        content = header + "1.5,u,1\n\n2.5,v,1\n" + "bad,u,1\n" * bad
        inputs = open_inputs(write(tmp_path / "b.csv", content), spec, 10)
        first = header.count("\n") + 1
        assert read(inputs)[0] == [str(first), str(first + 2)]
        assert list(inputs.unreadable) == [f"line {first + 3}"] * bad
    assert f"line {first + 1}: " in refused(write(tmp_path / "c.csv", header + "1,u,1\nbad,u,1\n" + "2,u,3\n" * 20))


OTHERWISE = {
    "without the title": rows().replace(",", ";"),
    "with another title": "One\nTwo;three\n\nFour\n" + rows().replace(",", ";"),
    "with commas": rows(),
    "with tabs": "Title\n" + rows().replace(",", "\t"),
    "with a stated separator": "sep=|\n" + rows().replace(",", "|"),
}


@pytest.mark.parametrize("name", OTHERWISE)
def test_the_header_of_a_further_file_is_found(name: str, tmp_path: Path) -> None:
    settings: dict[str, Any] = {"separator": ";", "skip_lines": 2, "val_size": 0}
    train = write(tmp_path / "train.csv", "Title\n\n" + rows().replace(",", ";"))
    other = write(tmp_path / "b.csv", OTHERWISE[name])
    data = ready(train, test_path=str(other), **settings)
    assert torch.equal(data.splits["test"][0], data.splits["train"][0])
    assert torch.equal(read_inputs(other, data.spec), data.splits["train"][0])
    first = OTHERWISE[name].count("\n") - 40 + 1
    assert read(open_inputs(other, data.spec, 100))[0][0] == str(first)


def test_a_checkpoint_from_before_titles_could_be_skipped_is_read(tmp_path: Path) -> None:
    spec = table_spec(tmp_path)
    assert spec.columns is not None
    older = {name: value for name, value in spec.columns.items() if name != "skip_lines"}
    object.__setattr__(spec, "columns", older)
    assert len(read_inputs(tmp_path / "train.csv", spec)) == 40
