"""scripts/find_batch_size.py, run as a user runs it."""

import re
import shlex
from pathlib import Path

import pytest

from leyden.config.compose import compose
from tests.leyden.scripts.running import runner
from tests.leyden.tuning.quick_trials import files

SCRIPT = Path(__file__).resolve().parents[3] / "scripts" / "find_batch_size.py"
run = runner(SCRIPT)


@pytest.mark.slow
def test_sizes_are_told_and_the_commands_hold(
    settings: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = files(tmp_path)
    assert run(monkeypatch, "--seconds", "0.01", *settings, "data.batch_size=3", "--start", "4") == 0
    assert files(tmp_path) == before
    told = capsys.readouterr().out.splitlines()
    assert [int(line.split()[0]) for line in told if re.match(r" +\d+ ", line)] == [4, 8, 16, 32]
    assert "largest that fits: 32 (there are 43 items to train on)" in told
    commands = [shlex.split(line) for line in told if line.startswith("python ")]
    assert [Path(command[1]).name for command in commands] == ["train.py", "find_lr.py"]
    for _, program, *overrides in commands:
        assert (tmp_path / program).is_file()
        assert overrides[:-1] == [setting for setting in settings if not setting.startswith("data.batch_size")]
        assert compose(overrides, configs=SCRIPT.parents[1] / "configs").config["data"]["batch_size"] in (4, 8, 16, 32)


@pytest.mark.sample(2)
@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--start", "0"], "error: --start=0 --limit=8192: "),
        (["--seconds", "0"], "error: --seconds=0: must be greater than 0"),
        (["--limit", "many"], "error: argument --limit: invalid int value: 'many'; python scripts/find_batch_size.py"),
        (["--start", "1024"], "error: --start=1024: there are only 43 items"),
        (["trainer.limit_train_batches=0"], "error: trainer.limit_train_batches=0: nothing would be trained"),
        (["dta.batch_size=4"], "error: dta.batch_size=4: unknown key; did you mean data.batch_size=4?"),
    ],
)
def test_a_mistake_is_one_line(
    arguments: list[str],
    told: str,
    settings: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(monkeypatch, *settings, "--seconds", "0.01", *arguments) == 2
    message = capsys.readouterr().err
    assert message.startswith(told)
    assert message.count("\n") == 1
