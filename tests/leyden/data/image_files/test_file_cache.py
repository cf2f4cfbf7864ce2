"""Facts about files, computed once for each."""

from pathlib import Path
from typing import Any

from leyden.data.image_files.file_cache import cached_facts


def test_facts_are_kept_until_a_file_changes_also_of_other_files(tmp_path: Path) -> None:
    computed = list[str]()

    def compute(path: Path) -> tuple[Any, ...]:
        computed.append(path.name)
        return len(path.read_text()), path.name

    def facts(*names: str) -> dict[str, tuple[Any, ...]]:
        return cached_facts(tmp_path, names, ".facts.json", compute, (int, str), "Computing")

    for name, content in (("a", "1"), ("b", "22"), ("c", "333")):
        (tmp_path / name).write_text(content)
    assert facts("a", "b") == {"a": (1, "a"), "b": (2, "b")}
    assert facts("c") == {"c": (3, "c")}
    assert facts("a", "b", "c") == {"a": (1, "a"), "b": (2, "b"), "c": (3, "c")}
    (tmp_path / "b").write_text("4444")
    assert facts("a", "b")["b"] == (4, "b")
    assert sorted(computed) == ["a", "b", "b", "c"]
    (tmp_path / ".facts.json").write_text((tmp_path / ".facts.json").read_text().replace('"a"]', "0]"))
    assert facts("a") == {"a": (1, "a")}
    assert computed[-1] == "a"
