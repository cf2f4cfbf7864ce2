"""scripts/report.py: what is typed, and the file that it makes."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.leyden.helpers.kept_sweeps import finished, keep_sweep
from tests.leyden.helpers.reported_runs import keep_run, read_page
from tests.leyden.scripts.running import runner

SCRIPT = Path(__file__).resolve().parents[3] / "scripts" / "report.py"
SWEEP = "logs/some/sweeps/lr"

run = runner(SCRIPT)


@pytest.fixture(autouse=True)
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two runs, of which the second is the last, and a sweep of two jobs, below logs/."""
    monkeypatch.chdir(tmp_path)
    for name in ("one", "my two"):
        keep_run(Path("logs/some") / name)
    Path("logs/last").symlink_to("some/my two")
    jobs = [{"settings": {"lr": lr}, "record": finished(best__val__loss=lr)} for lr in (0.1, 0.2)]
    keep_sweep(Path(SWEEP), jobs)
    Path(SWEEP, "lr=0.1", "config.yaml").write_text("seed: 1\n")


@pytest.mark.parametrize(
    ("arguments", "path", "says"),
    [
        (["run=last"], "logs/some/my two/report.html", "some, my two"),
        (["run=logs/some/one"], "logs/some/one/report.html", "some, one"),
        (["run='logs/some/my two'"], "logs/some/my two/report.html", "some, my two"),
        (["run=one", "log_dir=logs/some", "output=new/one.html"], None, None),
        (["run=logs/some/one", "output=new/one.html"], "new/one.html", "some, one"),
        (["sweep=last"], f"{SWEEP}/report.html", "Grid of mnist_mlp"),
        ([f"sweep={SWEEP}/sweep.json", "output=s.htm"], "s.htm", "Grid of mnist_mlp"),
        (["run=logs/some/one", "run=last"], "comparison.html", "Comparison of 2 runs"),
    ],
)
def test_a_report_is_written_and_named(
    arguments: list[str],
    path: str | None,
    says: str | None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    status = run(monkeypatch, *arguments)
    if path is None or says is None:
        assert status == 2
        return
    assert status == 0
    said = capsys.readouterr().out
    assert said.startswith(f"{path}: 0.")
    assert said.endswith(" MB\n")
    assert said.count("\n") == 1
    assert says in read_page(Path(path).read_text()).text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "run: no value given; add run=last, run=<directory>, or sweep=<directory>"),
        (["last"], "last: is no setting; write run=last"),
        (["logs/some/one"], "logs/some/one: is no setting; write run=logs/some/one"),
        ([SWEEP], f"{SWEEP}: is no setting; write sweep={SWEEP}"),
        (["--run", "last"], "--run last: is no setting; write run=last"),
        (["--sweep=last"], "--sweep=last: is no setting; write sweep=last"),
        (["-o", "run=last"], "-o: is no setting; write output=report.html"),
        (["--rundir=my runs"], "--rundir=my runs: is no setting; write 'run=my runs'"),
        (["runs=last"], "runs=last: unknown key; did you mean run=last?"),
        (["x=1"], "x=1: unknown key; there are: log_dir, output, run, sweep"),
        (["run="], "run: no value given; write run=last"),
        (["run=last", "sweep=last"], "sweep: not together with run; write two commands, one for each"),
        (["sweep=last", "sweep=other"], "sweep=other: sweep is given twice; give one"),
        (["run=last", "run=logs/some/my two"], "run=logs/some/my two: is the same run as run=last; give another one"),
        (["run=last", "run=last"], "run=last: is the same run as run=last; give another one, or leave it out"),
        (["run=last,logs/some/one"], "run=last,logs/some/one: is no run; write run=last run=logs/some/one"),
        ([f"run={SWEEP}"], f"run={SWEEP}: is a sweep; write sweep={SWEEP}"),
        (["sweep=logs/some/one"], "sweep=logs/some/one: is a run; write run=logs/some/one\n"),
        (
            [f"sweep={SWEEP}/lr=0.1"],
            f"sweep={SWEEP}/lr=0.1: is a run; write run={SWEEP}/lr=0.1; its sweep: sweep={SWEEP}",
        ),
        (["sweep=logs"], f"sweep=logs: is not a sweep, it has no sweep.json; the newest below it: {SWEEP}"),
        (["run=nowhere"], "run=nowhere: there is no such directory; "),
        (["run=last", "log_dir=elsewhere"], "run=last: there is no run in elsewhere yet"),
        (["run=last", "output=logs"], "output=logs: is a folder; write output=logs/report.html"),
        (["run=last", "output=a.pdf"], "output=a.pdf: must end in .html; write output=a.html"),
        (
            ["run=last", "output=logs/some/one/run.json/a.html"],
            "output=logs/some/one/run.json/a.html: cannot be written (",
        ),
    ],
)
def test_a_mistake_is_one_line(
    arguments: list[str], message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, *arguments) == 2
    said = capsys.readouterr()
    assert said.err.startswith(f"error: {message}")
    assert said.err.count("\n") == 1
    assert said.out == ""
    assert not list(Path().rglob("report.html"))


def test_help_is_the_text_at_its_top(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, "--help") == 0
    assert "python scripts/report.py run=last" in capsys.readouterr().out


def test_it_does_without_torch() -> None:
    program = (
        "import runpy, sys; runpy.run_path(sys.argv.pop(1), run_name='__main__'); sys.exit('torch' in sys.modules)"
    )
    for arguments in (["run=last"], ["sweep=last"], ["run=last", "run=logs/some/one"]):
        done = subprocess.run([sys.executable, "-c", program, str(SCRIPT), *arguments], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
