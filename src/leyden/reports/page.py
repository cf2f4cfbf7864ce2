"""HTML page: head, style, navigation, sections; and its file."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from leyden import __version__
from leyden.reports.html import Html, element, joined
from leyden.system.atomic_files import write_text
from leyden.system.errors import UserError

_STYLE = Path(__file__).with_name("style.css")
# A page that loads nothing and runs nothing, whatever it contains.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


@dataclass(frozen=True)
class Section:
    """A part of a page.

    Attributes:
        title: in the navigation, too.
        content: elements below the title; a section without any is left out.
    """

    title: str
    content: Sequence[str]

    @property
    def anchor(self) -> str:
        """Name for links to it."""
        return re.sub(r"\W+", "-", self.title.lower())


def page(title: str, subtitle: str, sections: Sequence[Section], above: Sequence[str] = ()) -> str:
    """A complete page.

    Args:
        title: of the page and of its window.
        subtitle: a line below it.
        sections: in their order.
        above: elements between the subtitle and the navigation.
    """
    shown = [section for section in sections if any(section.content)]
    links = element("nav", *(element("a", section.title, href=f"#{section.anchor}") for section in shown))
    body = [element("section", element("h2", section.title), *section.content, id=section.anchor) for section in shown]
    now = datetime.now().astimezone().isoformat(" ", "seconds")
    head = [
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        element("title", title),
        Html(f"<style>\n{_STYLE.read_text(encoding='utf-8')}</style>"),
    ]
    top = [element("h1", title), element("p", subtitle, class_="subtitle"), *above, links]
    written = f"Written by Leyden {__version__}, {now}. This file is complete: it refers to no other."
    parts = [
        "<!DOCTYPE html>\n",
        '<html lang="en">\n',
        element("head", *head),
        "\n",
        element("body", element("header", *top), "\n", element("main", *body), element("footer", written)),
        "\n</html>\n",
    ]
    return joined(Html(part) for part in parts)


def cards(values: Sequence[tuple[str, str]]) -> Html:
    """The few values that are looked at first, each with its name; those without a value are left out."""
    shown = [
        element("div", element("b", value), element("span", name), class_="card") for name, value in values if value
    ]
    return element("div", *shown, class_="cards")


def write_page(path: Path, text: str) -> None:
    """Write a page.

    Raises:
        UserError: it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, text)
    except OSError as error:
        raise UserError(f"output={path}: cannot be written ({error.strerror or error})") from error


def anchor_link(section: str, text: str) -> Html:
    """A link to a section of the same page."""
    return element("a", text, href=f"#{Section(section, ()).anchor}")
