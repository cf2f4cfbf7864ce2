"""What a command prints on a terminal, to a pipe and quietly, in processes of its own."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
ENVIRONMENT = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES", "NO_COLOR")}
ENVIRONMENT |= {"OMP_NUM_THREADS": "1", "TERM": "xterm-256color"}
HEADER = ["experiment", "run", "data", "network"]


def command(folder: Path, *typed: str) -> list[str]:
    settings = ["experiment=csv_linear", "trainer.max_epochs=40", "trainer.accelerator=cpu", f"paths.log_dir={folder}"]
    return [sys.executable, "train.py", *settings, *typed]


def printed(folder: Path, *typed: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    where = ENVIRONMENT | environment
    return subprocess.run(command(folder, *typed), cwd=ROOT, env=where, capture_output=True, text=True, timeout=240)


def on_a_terminal(words: list[str], columns: int) -> str:
    """All that a command writes to a terminal of this width."""
    fcntl, termios = pytest.importorskip("fcntl"), pytest.importorskip("termios")
    ours, its = os.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, (40).to_bytes(2, "little") + columns.to_bytes(2, "little") + bytes(4))
    process = subprocess.Popen(words, cwd=ROOT, env=ENVIRONMENT, stdin=its, stdout=its, stderr=its)
    os.close(its)
    parts = []
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:  # its end is closed
            break
        if not part:
            break
        parts.append(part)
    os.close(ours)
    assert process.wait(60) == 0
    return b"".join(parts).decode()


def labels(lines: list[str]) -> list[str]:
    return [line.partition(":")[0] for line in lines]


def test_a_terminal_of_80_columns_shows_a_bar_and_lines_that_fit(tmp_path: Path) -> None:
    text = on_a_terminal(command(tmp_path), 80)
    shown = re.sub(r"\x1b\[[\d;?]*\w", "", text).replace("\r", "\n").split("\n")
    lines = [line for line in shown if str(tmp_path) not in line]  # a path is not cut
    assert all(len(line) <= 80 for line in lines), lines
    assert any(re.match(r"epoch +\d+/40  [━╸╺ ]+ +\d+ %  loss ", line) for line in lines)
    assert sum(bool(re.match(r"epoch +\d+/40  train loss .* val loss ", line)) for line in lines) == 40
    assert not any(re.match(r"\d\d:\d\d:\d\d", line) for line in lines)
    assert "\x1b[?25h" in text.rpartition("\x1b[?25l")[2], "the cursor is not shown again"


def test_a_pipe_gets_plain_lines_even_of_a_stdout_without_unicode(tmp_path: Path) -> None:
    done = printed(tmp_path, PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr) == (0, "")
    assert not {"\x1b", "\r"} & set(done.stdout)
    lines = [line[9:] for line in done.stdout.splitlines() if re.match(r"\d\d:\d\d:\d\d ", line)]
    assert [label for label in labels(lines) if label in HEADER] == HEADER
    assert sum(line.startswith("epoch ") for line in lines) == 40
    assert labels(lines)[-5:-2] == ["best", "test", "coefficients"]
    assert lines[-2].startswith(f"kept in {tmp_path}")
    assert lines[-1] == "next:"
    assert done.stdout.splitlines()[-1].startswith("  ")


def test_quietly_nothing_is_printed_and_the_log_is_complete(tmp_path: Path) -> None:
    done = printed(tmp_path, "quiet=true", "trainer.max_epochs=2")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    (log,) = tmp_path.glob("csv_linear/*/train.log")
    assert [word for word in HEADER if f": {word}: " in log.read_text()] == HEADER
    assert "epoch 2/2" in log.read_text()
    failed = printed(tmp_path, "quiet=true", "optimizer.lrr=1")
    assert failed.returncode == 2
    assert failed.stdout == ""
    assert re.fullmatch(r"error: .+\n", failed.stderr)


@pytest.mark.slow
def test_a_sweep_can_be_quiet_but_for_its_failures(tmp_path: Path) -> None:
    fault = "callbacks.fault._target_=tests.leyden.sweeps.faults.Fault"
    sweep = ["-m", fault, "callbacks.fault.kind=none,raise", "trainer.max_epochs=1", "quiet=true"]
    done = printed(tmp_path, *sweep)
    assert done.returncode == 1
    assert done.stdout == ""
    said = [line[9:] for line in done.stderr.splitlines()]
    assert said[0].startswith("2 of 2  callbacks.fault.kind=raise: failed")
    assert "Fault.on_train_start fails in faults.py" in said[1]
    assert "(ValueError: this one raises)" in said[1]
    assert said[2] == "  its output: output/callbacks.fault.kind=raise.txt"
    assert said[3] == "1 job not done, of which 1 failed; repeat the command to resume"
    (output,) = tmp_path.glob("csv_linear/sweeps/*/output/callbacks.fault.kind=none.txt")
    assert "epoch 1/1" in output.read_text()
