"""Links, paths and names in README.md and docs/ exist."""

import re
from pathlib import Path

import pytest

import leyden
from tests.helpers.pages import MADE, OWN, PAGES, ROOT, TEXTS, commands_of

GROUPS = [ROOT / "configs", ROOT / "src/leyden/hydra_configs"]
each_page = pytest.mark.parametrize("page", TEXTS)


def anchors(path: Path) -> list[str]:
    """Of the headings of a page, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", re.sub(r"^```.*?^```", "", path.read_text("utf-8"), flags=re.M | re.S), re.M)
    return [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings]


def test_relative_links_and_anchors_hold() -> None:
    broken = []
    for path in [*PAGES, *(ROOT / "src").rglob("*.md")]:
        for link in re.findall(r"\]\(([^)\s]+)\)", path.read_text(encoding="utf-8")):
            if "://" in link:
                continue
            name, _, anchor = link.partition("#")
            target = (path.parent / name).resolve() if name else path
            if not target.exists() or (anchor and anchor not in anchors(target)):
                broken.append(f"{path.name}: {link}")
    assert broken == []


@each_page
def test_paths_in_the_text_exist(page: str) -> None:
    code = re.findall(r"`[^`\n]+`|^```.*?^```", TEXTS[page], re.M | re.S)
    names = {
        name
        for part in code
        for name in re.findall(r"(?<![\w./<-])(?:src|configs|tests|docs|scripts|notebooks)/[\w./*-]*", part)
    }
    assert [
        name
        for name in sorted(names)
        if not OWN.search(name) and name not in MADE and not any(ROOT.glob(name.rstrip("/.")))
    ] == []


@each_page
def test_files_of_groups_in_the_text_exist(page: str) -> None:
    """Both of `model=cnn` anywhere and of the table of groups."""
    groups = {str(folder.relative_to(root)) for root in GROUPS for folder in root.rglob("*") if folder.is_dir()}
    names = "|".join(sorted(groups, key=len, reverse=True))
    choices = re.findall(rf"(?<![\w./-])({names})=(\w+)(?![\w.:/*(])", TEXTS[page])
    for group, row in re.findall(rf"^\| `({names})` \| ([^|]+) \|$", TEXTS[page], re.MULTILINE):
        choices += [(group, name) for name in re.findall(r"\w+", re.sub(r"\([^)]*\)|`[^`]*`", "", row))]
    absent = {f"{g}={name}" for g, name in choices if not any((root / g / f"{name}.yaml").is_file() for root in GROUPS)}
    assert sorted(choice for choice in absent - {"hydra/launcher=basic"} if not OWN.search(choice)) == []


def test_the_public_api_is_listed_name_by_name() -> None:
    table = TEXTS["docs/design.md"].partition("## Public API")[2]
    listed = {name for row in re.findall(r"^\| (`[^|]+) \|", table, re.M) for name in re.findall(r"`(\w+)`", row)}
    assert listed == set(leyden.__all__)


@pytest.mark.skipif(not TEXTS["README.md"].startswith("# Leyden\n"), reason="the README of a fork is its own")
def test_the_readme_is_short_and_begins_with_a_run() -> None:
    assert len(TEXTS["README.md"].splitlines()) <= 160
    assert commands_of(TEXTS["README.md"])[:3] == [
        "pip install uv",
        "uv sync",
        "uv run python train.py experiment=mnist_mlp",
    ]
