"""HTML elements, whose texts and attributes are escaped."""

import html
import re
from collections.abc import Iterable, Sequence

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_VOID = ("img", "meta", "line", "path", "circle", "rect", "polyline")  # elements without content


class Html(str):
    """Text that is HTML already."""

    __slots__ = ()


def escaped(text: str) -> Html:
    """A text as HTML; unchanged if it is HTML already. Control characters and lone surrogates are replaced."""
    if isinstance(text, Html):
        return text
    printable = _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text.replace("\r\n", "\n"))
    return Html(html.escape(printable.encode("utf-8", "replace").decode("utf-8")))


def element(name: str, /, *content: str, **attributes: str | float | None) -> Html:
    """An HTML or SVG element.

    Args:
        name: of the element.
        content: texts and elements.
        attributes: `class_` stands for `class`, and `stroke_width` for `stroke-width`; None leaves one out.
    """
    given = {key.rstrip("_").replace("_", "-"): value for key, value in attributes.items() if value is not None}
    start = name + "".join(f' {key}="{escaped(str(value))}"' for key, value in given.items())
    if name in _VOID and not content:
        return Html(f"<{start}>" if name in ("img", "meta") else f"<{start}/>")
    return Html(f"<{start}>{joined(content)}</{name}>")


def joined(parts: Iterable[str], between: str = "") -> Html:
    """Texts and elements, one after the other."""
    return Html(escaped(between).join(map(escaped, parts)))


def table(
    heads: Sequence[str], rows: Iterable[Sequence[str]], numbers: Sequence[bool] = (), class_: str | None = None
) -> Html:
    """A table that scrolls sideways where it is wider than the page.

    Args:
        heads: of the columns; empty for a table without a head.
        rows: cells; the first one of a row is its head.
        numbers: true for columns that are aligned right; by default none is.
        class_: of the table.
    """
    right = [*numbers, *[False] * 100]

    def row(cells: Sequence[str], first: str, other: str) -> Html:
        made = [
            element(first if column == 0 else other, cell, class_="number" if right[column] else None)
            for column, cell in enumerate(cells)
        ]
        return element("tr", *made)

    head = [element("thead", row(heads, "th", "th"))] if heads else []
    body = element("tbody", *(row(cells, "th", "td") for cells in rows))
    return element("div", element("table", *head, body, class_=class_), class_="wide")


def facts(pairs: Iterable[tuple[str, str]]) -> Html:
    """Names with their values; a pair without a value is left out."""
    return element("dl", *(joined([element("dt", name), element("dd", value)]) for name, value in pairs if value))


def folded(title: str, *content: str, is_open: bool = False) -> Html:
    """Content that is shown by a click on its title, and always when it is printed."""
    start = "<details open>" if is_open else "<details>"
    return Html(f"{start}{element('summary', title)}{joined(content)}</details>")


def code(text: str) -> Html:
    """Text of a fixed width, in lines as they are."""
    return element("pre", element("code", text))


def shell(commands: str) -> Html:
    """Commands, wrapped where they are long."""
    return element("pre", element("code", commands), class_="command")
