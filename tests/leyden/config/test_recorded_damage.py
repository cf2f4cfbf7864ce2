"""Records of runs that are broken, or that somebody has made up."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from leyden.config.recorded import recorded
from tests.leyden.helpers.kept_runs import changes, refusal, told


@pytest.mark.sample(2)
@pytest.mark.parametrize(
    "content", [b"", b"- a\n", b"text", b"7", b"\xff\xfe\x00\x00", b"a: [", b"\x7fELF\x00", b"paths: 3", b"paths:\n- a"]
)
def test_a_config_that_is_none_is_told_in_one_line(content: bytes, run: Path) -> None:
    (run / "config.yaml").write_bytes(content)
    assert refusal(run).startswith(f"{run}/config.yaml: ")


@pytest.mark.sample(4)
@pytest.mark.parametrize("section", ["data", "model", "task", "optimizer", "trainer", "monitor", "mode"])
@pytest.mark.parametrize("instead", [None, "text", 7])
def test_a_config_without_a_part_is_told_in_one_line(section: str, instead: Any, run: Path) -> None:
    config = told(run)
    if instead is None:
        del config[section]
    else:
        config[section] = instead
    (run / "config.yaml").write_text(yaml.safe_dump(config))
    assert section in refusal(run)


def test_code_in_a_config_is_not_run(run: Path, tmp_path: Path) -> None:
    harm = f"!!python/object/apply:pathlib.Path.touch [!!python/object/apply:pathlib.Path [{tmp_path}/harm]]"
    (run / "config.yaml").write_text(f"paths: {{}}\nseed: {harm}\n")
    assert "cannot be read" in refusal(run)
    assert not (tmp_path / "harm").exists()


@pytest.mark.sample(2)
@pytest.mark.parametrize("content", [b"\xff\xfe\x00\x00", b"a: [", b"7", b"text", b"{a: 1}", b"- {a: 1}"])
def test_overrides_that_are_none_are_told_in_one_line(content: bytes, run: Path) -> None:
    (run / "overrides.yaml").write_bytes(content)
    assert refusal(run, "data.batch_size=8").startswith(f"{run}")


@pytest.mark.parametrize("content", ["", "[]", "null"])
def test_a_run_for_which_nothing_was_typed_takes_overrides(content: str, run: Path) -> None:
    (run / "overrides.yaml").write_text(content)
    assert changes(run, "data.batch_size=8") == {"data.batch_size": 8}


def test_settings_of_hydra_are_no_part_of_a_run(run: Path, tmp_path: Path) -> None:
    hydra = [f"hydra.run.dir={tmp_path}/harm", "hydra/job_logging=nowhere", "hydra.mode=MULTIRUN"]
    (run / "overrides.yaml").write_text(yaml.safe_dump(["model=cnn", *hydra, "+hydra.job.chdir=true"]))
    assert changes(run, "data.batch_size=8") == {"data.batch_size": 8}
    assert not (tmp_path / "harm").exists()


def test_a_run_without_a_record_is_read_all_the_same(run: Path) -> None:
    assert recorded(run, (), ()).name == "default"
    (run / "run.json").unlink()
    assert recorded(run, (), ()).name == "run"
    assert changes(run) == {}
