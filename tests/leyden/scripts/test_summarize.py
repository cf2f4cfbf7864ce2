"""scripts/summarize.py: a sweep that was written by hand."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.leyden.helpers.kept_sweeps import failed, finished, keep_sweep
from tests.leyden.scripts.running import runner

SCRIPT = Path(__file__).resolve().parents[3] / "scripts" / "summarize.py"
FILES = ["history.png", "importance.png", "parallel.png", "summary.csv", "summary.md"]


@pytest.fixture(autouse=True)
def sweep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A grid of two settings and two seeds, of which one job failed, below logs/."""
    monkeypatch.chdir(tmp_path)
    jobs = [
        {"settings": {"optimizer.lr": lr, "seed": seed}, "record": finished(best__val__loss=lr * seed, test__acc=0.5)}
        for lr in (0.1, 0.01)
        for seed in (1, 2)
    ]
    jobs[1] = {"settings": {"optimizer.lr": 0.1, "seed": 2}, **failed("RuntimeError: no")}
    return keep_sweep(Path("logs/mnist_mlp/sweeps/optimizer.lr,seed"), jobs)


run = runner(SCRIPT)


def kept(sweep: Path) -> list[str]:
    return sorted(path.name for path in sweep.iterdir() if path.suffix in (".png", ".md", ".csv"))


def test_the_newest_sweep_is_shown_and_kept(
    sweep: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch) == 0
    said = capsys.readouterr()
    lines = said.out.splitlines()
    assert " ".join(lines[2].split()) == "1 0.01 0.0150 ± 0.0071 0.5000 ± 0.0000 2 4.2 s"
    assert " ".join(lines[3].split()) == "2 0.1 0.1000 0.5000 1 of 2 4.2 s"
    assert "failed  optimizer.lr=0.1 seed=2  RuntimeError: no" in lines
    assert "run the best again:  python train.py -m experiment=mnist_mlp optimizer.lr=0.01 seed=1,2" in lines
    assert lines[-1] == f"{sweep}: summary.md, summary.csv, history.png, parallel.png"
    assert said.err == "no importance.png: fewer than 4 jobs have a result\n"
    assert kept(sweep) == [name for name in FILES if name != "importance.png"]
    assert "![history](history.png)" in (sweep / "summary.md").read_text()


def test_what_is_typed(sweep: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, str(sweep), "--no-plots", "--repeats") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split() == ["rank", "optimizer.lr", "seed", "val/loss", "test/acc", "time"]
    assert lines[-1] == f"{sweep}: summary.md, summary.csv"
    assert kept(sweep) == ["summary.csv", "summary.md"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["logs"],
            "logs: is not a sweep, it has no sweep.json; the newest below it: "
            "logs/mnist_mlp/sweeps/optimizer.lr,seed\n",
        ),
        (["damaged/.."], "damaged/..: is not a sweep, it has no sweep.json; the newest below it: damaged/../"),
        (["nowhere"], "nowhere: no such directory; give that of a sweep, or last"),
        (["last", "--repeats", "sed"], "--repeats sed: is not swept; did you mean --repeats seed?"),
        (["--plots"], "unrecognized arguments: --plots; python scripts/summarize.py --help lists the options"),
        (
            ["damaged"],
            "damaged/sweep.json: cannot be read (Expecting value: line 1 column 1 (char 0)); python scripts/",
        ),
    ],
)
def test_a_mistake_is_one_line(
    arguments: list[str], message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("damaged").mkdir()
    Path("damaged/sweep.json").write_text("")
    assert run(monkeypatch, *arguments) == 2
    said = capsys.readouterr()
    assert said.err.startswith(f"error: {message}")
    assert said.err.count("\n") == 1
    assert said.out == ""


def test_it_does_without_torch(sweep: Path) -> None:
    program = (
        "import runpy, sys; runpy.run_path(sys.argv.pop(1), run_name='__main__'); sys.exit('torch' in sys.modules)"
    )
    command = [sys.executable, "-c", program, str(SCRIPT), "last"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") > 5
