"""scripts/torture.py: each row that is not in the tests of resuming, with few repetitions."""

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from tests.leyden.torture.bench import Bench, Row
from tests.leyden.torture.damage import damage
from tests.leyden.torture.disk import full_disk
from tests.leyden.torture.doors import ROOT, Doors
from tests.leyden.torture.elsewhere import changed_defaults
from tests.leyden.torture.hostile import hostile

pytestmark = pytest.mark.slow

SCRIPT = ROOT / "scripts" / "torture.py"


@pytest.fixture(scope="module")
def doors() -> Iterator[Doors]:
    with Doors() as doors:
        yield doors


@pytest.fixture
def bench(doors: Doors, tmp_path: Path) -> Bench:
    return Bench(doors, tmp_path, flips=40, fills=1)


def assert_all_good(rows: list[Row]) -> None:
    assert rows
    assert [f"{row.name}: {row.result}" for row in rows if row.good is False] == []
    if all(row.good is None for row in rows):
        pytest.skip(rows[0].result)


def test_damage_is_found_told_and_made_up_for(bench: Bench) -> None:
    assert_all_good(damage(bench))


def test_a_full_disk_costs_nothing_that_was_there(bench: Bench) -> None:
    assert_all_good(full_disk(bench))


def test_a_run_does_not_depend_on_the_yaml_of_today(bench: Bench) -> None:
    assert_all_good(changed_defaults(bench))


def test_nothing_of_a_stranger_is_run(bench: Bench) -> None:
    few = ["a pickle in a checkpoint", "model: os.system, in a checkpoint", "data: os.system, in config.yaml"]
    assert_all_good(hostile(bench, few))


def test_a_row_tells_what_was_wrong() -> None:
    assert Row.count("tried", [None, [], ""], 3) == Row("tried", "3 of 3", True)
    assert Row.count("tried", [None, ["a"], "b"], 3, "slow") == Row("tried", "1 of 3; slow; ['a']; b", False)
    assert Row.count("tried", [], 0).good is False


@pytest.fixture
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("torture", SCRIPT)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_table_marks_what_is_broken_and_what_was_not_tried(script: ModuleType) -> None:
    rows = [Row("a", "1 of 1", True), Row("b", "0 of 1;\nx|y", False), Row("c", "no disk", None)]
    assert script.table(rows).splitlines()[2:] == [
        "| a | 1 of 1 |",
        "| b | 0 of 1; x/y **broken** |",
        "| c | no disk (not tried) |",
    ]


def test_options_say_how_much_is_tried(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["torture.py", "--only", "kill,cost", "--quick", "--kills", "7"])
    options = script.parsed()
    assert (options.only, options.kills, options.flips) == (["kill", "cost"], 7, 30)
    monkeypatch.setattr(sys, "argv", ["torture.py", "--only", "kil"])
    with pytest.raises(SystemExit) as ended:
        script.parsed()
    assert ended.value.code == 2
    assert "--only=kil: there are kill, signals" in capsys.readouterr().err
