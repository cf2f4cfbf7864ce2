"""Commands on an existing run, in processes of their own."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from leyden.records.record import lock
from tests.leyden.helpers.kept_runs import keep

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that is said to have finished."""
    return keep(tmp_path_factory.mktemp("logs"), "model=linear", best__val__acc=0.75)


TRY_EACH = """
import contextlib, io, json, runpy, sys
said = []
for typed in json.load(sys.stdin):
    out, error, status = io.StringIO(), io.StringIO(), 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(error):
        sys.argv = typed
        try:
            runpy.run_path(typed[0], run_name="__main__")
        except SystemExit as exit:
            status = exit.code
    said.append([status, out.getvalue() + error.getvalue(), "torch" in sys.modules])
print(json.dumps(said))
"""


def answers(*typed: list[str]) -> list[tuple[int, str, bool]]:
    """The status of each command, all that it said, and whether torch had been imported by then."""
    done = subprocess.run(
        [sys.executable, "-c", TRY_EACH], cwd=ROOT, input=json.dumps(typed), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return [tuple(answer) for answer in json.loads(done.stdout.splitlines()[-1])]


@pytest.mark.slow
def test_a_mistake_about_a_run_is_answered_in_one_line_before_torch_is_imported(kept: Path) -> None:
    mistakes = {
        f"train.py resume={kept} seed=7": ["seed=7: a run is resumed as it was", f"init_from={kept}"],
        f"train.py resume={kept} model=cnn": ["model.", "a run is resumed as it was"],
        f"train.py resume={kept} experiment=mnist_cnn": ["experiment=mnist_cnn: a run has its own"],
        f"train.py resume={kept} trainer.max_epoch=3": ["trainer.max_epoch", "did you mean trainer.max_epochs=3?"],
        f"train.py init_from={kept}": [f"init_from=best: {kept} has no such checkpoint; there are: none"],
        f"eval.py run={kept} data.batch_sise=3": ["data.batch_sise", "did you mean data.batch_size=3?"],
        f"eval.py run={kept} data.batch_size=0": ["data.batch_size=0", "at least 1"],
        f"eval.py run={kept} experiment=mnist_cnn": ["experiment=mnist_cnn: a run has its own"],
        f"eval.py run={kept} model=cnn": [
            "model.",
            "comes from the run's checkpoint, or is for training",
        ],
        f"eval.py run={kept} optimizer.lr=7": ["optimizer.lr: comes from the run's checkpoint, or is for training"],
        f"eval.py run={kept}/config.yaml": ["is a file; use the run's directory"],
        f"eval.py run={kept} trainer=cpuu": ["trainer=cpuu", "did you mean trainer=cpu?"],
    }
    before = {path: path.read_bytes() for path in kept.rglob("*") if path.is_file()}
    for (typed, parts), (status, text, torch) in zip(
        mistakes.items(), answers(*(typed.split() for typed in mistakes)), strict=True
    ):
        assert (status, text[:7], text.count("\n"), torch) == (2, "error: ", 1, False), (typed, text)
        for part in parts:
            assert part in text, (typed, text)
    assert {path: path.read_bytes() for path in kept.rglob("*") if path.is_file()} == before


@pytest.mark.slow
def test_a_run_that_is_finished_is_told_and_one_that_is_in_use_refused(kept: Path, mnist_root: Path) -> None:
    resume = ["train.py", f"resume={kept}"]
    more = ["trainer.max_epochs=11", "trainer.accelerator=cpu", f"paths.data_dir={mnist_root}"]
    with lock(kept):
        before = (kept / "run.json").read_bytes()
        finished, in_use, evaluated = answers(resume, [*resume, *more], ["eval.py", f"run={kept}"])
    assert finished[0] == 0
    assert "is finished; to continue, give more, such as trainer.max_epochs=…" in finished[1]
    assert in_use[0] == 2
    (line,) = (line for line in in_use[1].splitlines() if line.startswith("error: "))
    assert f"resume={kept}: is in use by process" in line
    assert evaluated[0] == 2
    assert f"error: ckpt=best: {kept} has no such checkpoint; there are: none" in evaluated[1]
    assert (kept / "run.json").read_bytes() == before
