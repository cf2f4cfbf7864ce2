"""scripts/find_lr.py, run as a user runs it."""

import shlex
from pathlib import Path

import pytest
from PIL import Image

from leyden.config.compose import compose
from tests.leyden.scripts.running import runner
from tests.leyden.tuning.quick_trials import files

SCRIPT = Path(__file__).resolve().parents[3] / "scripts" / "find_lr.py"
run = runner(SCRIPT)


def test_the_curve_is_drawn_and_the_command_holds(
    settings: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = files(tmp_path)
    # Options may stand between overrides, and a rate that was typed is replaced.
    arguments = [
        *settings[:2],
        "--trials",
        "2",
        "--steps",
        "60",
        *settings[2:],
        "optimizer.lr=0.5",
        "--output",
        "curve.png",
    ]
    assert run(monkeypatch, *arguments) == 0
    assert files(tmp_path) - before == {tmp_path / "curve.png"}
    with Image.open(tmp_path / "curve.png") as image:
        assert image.format == "PNG"
        assert image.size[0] > 800
    told = capsys.readouterr().out.splitlines()
    suggestion = next(line for line in told if line.startswith("suggested learning rate: "))
    python, program, *overrides = shlex.split(told[-1])
    assert (python, Path(program).name) == ("python", "train.py")
    assert (tmp_path / program).resolve() == SCRIPT.parents[1] / "train.py"
    assert overrides[:-1] == settings
    rate = compose(overrides, configs=SCRIPT.parents[1] / "configs").config["optimizer"]["lr"]
    assert suggestion == f"suggested learning rate: {rate:g} (curve: curve.png)"
    assert 1e-4 < rate < 1


@pytest.mark.sample(2)
@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["optimizer=lbfgs"], "error: optimizer=LBFGS: its line search chooses"),
        (["trainer.limit_train_batches=0"], "error: trainer.limit_train_batches=0: nothing would be trained"),
        (["--max-lr", "1e-9"], "error: --min-lr=1e-07 --max-lr=1e-09: "),
        (["--steps", "many"], "error: argument --steps: invalid int value: 'many'; python scripts/find_lr.py --help"),
        (["--rate", "1"], "error: unrecognized arguments: --rate"),
        (["optimzer.lr=1"], "error: optimzer.lr=1: unknown key; did you mean optimizer.lr=1?"),
        (["lr=1"], "error: lr=1: unknown key; did you mean optimizer.lr=1?"),
        (["--output", "none/x.png"], "error: --output=none/x.png: there is no folder none; mkdir -p none"),
        (["--output", "curve.doc"], "error: --output=curve.doc: is not an image format; name it curve.png"),
        (["--output", "."], "error: --output=.: is "),
        (
            ["--min-lr", "1e-12", "--max-lr", "1e-10"],
            "error: the loss does not fall between 1e-12 and 1e-10, so there ",
        ),
    ],
)
def test_a_mistake_is_one_line(
    arguments: list[str],
    told: str,
    settings: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(monkeypatch, *settings, "--trials", "1", *arguments) == 2
    message = capsys.readouterr().err
    assert message.startswith(told)
    assert message.count("\n") == 1
