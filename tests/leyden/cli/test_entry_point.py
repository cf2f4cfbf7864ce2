"""Mistakes on the command line, in processes of their own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]

# what is typed, and what the one line must name
MISTAKES = {
    "experiment=mnist_mpl": ["mnist_mpl", "did you mean experiment=mnist_mlp?"],
    "data=cifar": ["data=cifar", "did you mean data=cifar10 or data=cifar100?"],
    "modle=cnn": ["modle=cnn: unknown key; did you mean model=cnn?"],
    "optimizer.lrr=1": ["optimizer.lrr=1", "did you mean optimizer.lr=1?"],
    "optimzer.lr=1": ["optimzer.lr=1", "did you mean optimizer.lr=1?"],
    "seed=1,2": ["seed=1,2: several values; add -m to run each\n"],
    "seed=range(3)": ["seed=range(3): several values; add -m to run each\n"],
    "model.hidden_sizes=1,2": ["model.hidden_sizes=1,2: several values;", "'model.hidden_sizes=[1,2]' for a list"],
    "+foo=1": ["foo", "unknown key"],
    "lr=0.1": ["lr=0.1", "did you mean optimizer.lr=0.1?"],
    "trainer.max_epoch=3": ["trainer.max_epoch", "trainer.max_epochs"],
    "callbacks.best.moniter=x": ["callbacks.best.monitor"],
    "data.augment.rotate=3": ["data.augment.rotation"],
    "scheduler.step_size=3": ["did you mean scheduler=step scheduler.step_size=3?"],
    "optimizer.params=1": ["optimizer.params", "unknown key"],
    "optimizer.lr=fast": ["optimizer.lr=fast", "must be a number"],
    "optimizer.lr=0": ["optimizer.lr=0", "greater than 0"],
    "data.batch_size=0": ["data.batch_size=0", "at least 1"],
    "data.batch_size=1.5": ["data.batch_size=1.5", "whole number"],
    "data.batch_size=???": ["data.batch_size", "no value given"],
    "trainer.max_epochs=-5": ["trainer.max_epochs=-5", "at least 1"],
    "trainer.precision=33": ["trainer.precision=33", "bf16-mixed"],
    "model.hidden_sizes=[a]": ["model.hidden_sizes", "list of whole numbers"],
    "model.dropout=2": ["model.dropout=2", "less than 1"],
    "model.dropout=[0.1]": ["model.dropout=[0.1] has 1", "one for each of 2 hidden layers"],
    "model.init=foo": ["model.init=foo", "kaiming"],
    "seed=-1": ["seed=-1", "between 0 and"],
    "monitor=val/loss": ["monitor=val/loss", "mode=min"],
    "monitor=test/acc": ["monitor=test/acc", "training or validation"],
    "test=no": ["test=no", "true or false"],
    "callbacks.early_stopping.patience=3": [
        "did you mean callbacks=early_stopping callbacks.early_stopping.patience=3?"
    ],
    "callbacks=null": ["null", "callbacks=none"],
    "~model": ["model", "choose one"],
    "mode=up": ["mode=up", "min or max"],
    "data.val_size=0": ["monitor=val/acc", "no validation set"],
    "logger=mlflow": ["mlflow is not installed", "uv sync --extra mlflow"],
    "--data.batch_size=8": ["--data.batch_size=8", "write data.batch_size=8"],
    "data.root=${nope}": ["data.root", "nope"],
    "model.hidden_sizes=[1": ["model.hidden_sizes=[1", "cannot be read"],
    "model._target_=nowhere.Net": ["nowhere.Net", "no such package"],
    "model=cnn model.channels=[1,2,3,4,5]": ["CNN", "halved 5 times", "28×28", "4 channels or fewer"],
    "resume=last": ["resume=last", "there is no run in", "scripts/runs.py"],
    "resume=nowhere": ["resume=nowhere", "no such directory"],
    "resume=configs": ["resume=configs", "is not a run, it has no config.yaml"],
    "init_from=last": ["init_from=last", "there is no run in"],
    "init_from=nowhere.pt": ["init_from=nowhere.pt", "does not exist"],
    "init_from=configs": ["init_from=configs", "is not a run"],
    "experiment=mnist_linear,mnist_mlp": ["experiment=mnist_linear,mnist_mlp: several values; add -m to run each\n"],
    "hydra/launcher=local,slurm": ["hydra/launcher=local,slurm: several values; add -m to run each\n"],
    "callbacks=hooks,unfreeze": ["several values;", "or write 'callbacks=[hooks,unfreeze]' for a list\n"],
    "eval.py run=last data=mnist,kmnist": ["data=mnist,kmnist: several values; add -m to run each\n"],
    "experiment=[mnist_linear,mnist_mlp]": [
        "takes one name, or several with -m: -m experiment=mnist_linear,mnist_mlp; there are: cifar100_resnet18,"
    ],
    "-m experiment=[a,b]": ["experiment=[a,b]: takes one name, without brackets; there are: cifar100_resnet18,"],
    "model=[mlp,cnn]": [
        "model=[mlp,cnn]: takes one name, or several with -m: -m model=mlp,cnn; there are: autoencoder,"
    ],
    "-m optimizer.lr=0.1, 0.01": ["optimizer.lr=0.1,: ends in a comma", "without spaces: optimizer.lr=0.1,0.01\n"],
    "optimizer.lr= 0.1": ["optimizer.lr=: ends in =; the value follows without a space: optimizer.lr=0.1\n"],
    "seed=range(2": ["seed=range(2: cannot be read; the bracket ( is not closed;"],
    "eval.py": ["run: no value given", "run=last"],
    "eval.py run=last": ["run=last", "there is no run in", "scripts/runs.py"],
    "eval.py run=nowhere": ["run=nowhere", "no such directory"],
    "eval.py runs=last": ["runs", "unknown key", "did you mean run"],
    "eval.py run=last splt=val": ["splt", "unknown key", "did you mean split"],
    "eval.py run=last modle=cnn": ["modle", "did you mean"],
}

TRY_EACH = """
import contextlib, io, json, runpy, sys
said, logs = {}, sys.argv[1]
for typed in json.load(sys.stdin):
    out, error, status = io.StringIO(), io.StringIO(), None
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(error):
        words = typed.split()
        program = words.pop(0) if words[0].endswith(".py") else "train.py"
        sys.argv = [program, *words, f"paths.log_dir={logs}"]
        try:
            runpy.run_path(program, run_name="__main__")
        except SystemExit as exit:
            status = exit.code
    said[typed] = status, out.getvalue() + error.getvalue()
print(json.dumps([said, "torch" in sys.modules]))
"""


@pytest.mark.slow
def test_a_mistake_is_answered_in_one_line_before_torch_is_imported(tmp_path: Path) -> None:
    typed = [mistake for mistake in MISTAKES if mistake != "logger=mlflow" or not _installed("mlflow")]
    done = subprocess.run(
        [sys.executable, "-c", TRY_EACH, str(tmp_path)],
        cwd=ROOT,
        input=json.dumps(typed),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    said, torch_imported = json.loads(done.stdout.splitlines()[-1])
    for mistake, (status, text) in said.items():
        assert status == 2, (mistake, text)
        assert text.startswith("error: "), (mistake, text)
        assert text.count("\n") == 1, (mistake, text)
        for part in MISTAKES[mistake]:
            assert part in text, (mistake, text)
    assert not torch_imported
    assert list(tmp_path.iterdir()) == [], "a mistake left something behind"


def test_help_lists_groups_and_settings_without_torch() -> None:
    code = "import sys, runpy; sys.argv = ['train.py', '--help']\ntry: runpy.run_path('train.py', run_name='__main__')"
    code += "\nexcept SystemExit as e: assert not e.code\nassert 'torch' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for word in ("experiment: ", "mnist_mlp", "batch_size: 64", "-m runs every combination"):
        assert word in done.stdout


def test_our_own_bugs_keep_their_traceback(tmp_path: Path) -> None:
    code = "from leyden.cli.entry_point import report_user_errors\nwith report_user_errors():\n    {}['bug']"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert "KeyError: 'bug'" in done.stderr


@pytest.mark.parametrize(("path", "named"), [("'data/x'", "data/x"), ("None", "the disk")])
def test_a_full_disk_is_no_bug_of_ours(path: str, named: str) -> None:
    full = f"OSError(errno.ENOSPC, 'No space left', {path})"
    code = "import errno\nfrom leyden.cli.entry_point import report_user_errors\n"
    code += f"with report_user_errors():\n    raise {full}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr == f"error: {named}: cannot be written (No space left); free some space, then: start again\n"


def test_the_traceback_of_a_mistake_can_be_asked_for() -> None:
    env = {**os.environ, "HYDRA_FULL_ERROR": "1"}
    done = subprocess.run(
        [sys.executable, "train.py", "optimizer.lr=fast"], cwd=ROOT, env=env, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert "UserError: optimizer.lr=fast" in done.stderr


@pytest.mark.parametrize("environment", [True, False])
def test_a_python_without_the_packages_goes_on_in_the_environment_or_says_how_to_get_one(
    environment: bool, tmp_path: Path
) -> None:
    for name in ("train.py", "src/leyden/__init__.py", "src/leyden/system/environment.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    python = tmp_path / ".venv/bin/python"
    if environment:
        python.parent.mkdir(parents=True)
        python.write_text('#!/bin/sh\necho "went on with $*"\n')
        python.chmod(0o755)
    bare = [sys.executable, "-I", "-S"]  # isolated, and without site-packages
    run = "import sys; sys.path.insert(0, '.'); exec(open('train.py').read())"
    done = subprocess.run([*bare, "-c", run], cwd=tmp_path, capture_output=True, text=True)
    if environment:
        assert done.stdout.startswith("went on with -I -S -c")
    else:
        assert done.returncode == 2
        assert done.stderr == "error: hydra is not installed; pip install uv && uv sync, or pip install -e .\n"


def _installed(package: str) -> bool:
    return subprocess.run([sys.executable, "-c", f"import {package}"], capture_output=True).returncode == 0
