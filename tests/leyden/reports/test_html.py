"""leyden.reports.html and page: texts are escaped, pages refer to nothing."""

from pathlib import Path

import pytest

from leyden.reports.html import Html, element, escaped, facts, folded, joined, table
from leyden.reports.page import Section, page, write_page
from leyden.system.errors import UserError
from tests.leyden.helpers.reported_runs import read_page

ODD = "<script>alert(\"1\")</script> & 'x' 🚀 </td>"


def test_texts_and_attributes_are_escaped_once() -> None:
    assert element("b", "<&>") == "<b>&lt;&amp;&gt;</b>"
    assert element("b", element("i", "a<b")) == "<b><i>a&lt;b</i></b>"
    assert element("p", "x", class_="\"'><") == '<p class="&quot;&#x27;&gt;&lt;">x</p>'
    assert element("line", stroke_width=2.5, id=None) == '<line stroke-width="2.5"/>'
    assert joined(["a<", Html("<b></b>")], " & ") == "a&lt; &amp; <b></b>"


def test_what_is_no_text_of_a_page_is_replaced() -> None:
    assert escaped("a\x00b\x1b[0m\r\nc\td") == "a\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}[0m\nc\td"
    assert escaped("\udcff").encode() == b"?"


def test_tables_lists_and_folded_parts() -> None:
    made = table(["", "n"], [["a", "1"]], [False, True])
    assert '<tbody><tr><th>a</th><td class="number">1</td></tr></tbody>' in made
    assert facts([("a", "1"), ("b", "")]) == "<dl><dt>a</dt><dd>1</dd></dl>"
    assert folded("a<", "b") == "<details><summary>a&lt;</summary>b</details>"


def test_a_page_of_odd_texts_is_well_formed() -> None:
    text = page(ODD, ODD, [Section(ODD, [element("p", ODD), table([ODD], [[ODD]])]), Section("None", [""])])
    read = read_page(text)
    assert read.text.count(ODD) == 7  # title, subtitle, link, heading, paragraph, head, cell
    assert "None" not in read.text
    assert ("lang", "en") in read.attributes
    assert ("name", "viewport") in read.attributes


def test_a_page_is_written_at_once_or_refused_in_a_line(tmp_path: Path) -> None:
    write_page(tmp_path / "new" / "report.html", "x")
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["report.html"]
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"^output=.*file/report.html: cannot be written \(.+\)$"):
        write_page(tmp_path / "file" / "report.html", "x")
