"""A renamed fork takes a later version of the template with git merge, as docs/upgrading.md says."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.leyden.scripts.renaming import AUTHOR, ENVIRONMENT, ROOT, commit, git, listing, mentions, rename, repository

pytestmark = pytest.mark.slow

QUICK = ["trainer=cpu", "data.train_size=256", "data.val_size=64", "trainer.limit_test_batches=1", "logger=none"]
# Commands, one after another in a process that imports torch once.
IN_TURN = """
import json, runpy, sys
for sys.argv in json.loads(sys.argv[1]):
    try:
        runpy.run_path(sys.argv[0], run_name="__main__")
    except SystemExit as end:
        if end.code:
            raise
"""
OWN = {  # of the fork
    "src/some_fork/models/tiny.py": "from some_fork.models.linear import Linear\n\n\nclass Tiny(Linear): ...\n",
    "src/some_fork/data/few.py": "from some_fork.data.mnist import MNIST\n\n\nclass Few(MNIST): ...\n",
    "configs/model/tiny.yaml": "_target_: some_fork.models.tiny.Tiny\n",
    "configs/data/few.yaml": "defaults:\n  - mnist\n\n_target_: some_fork.data.few.Few\n",
    "configs/experiment/tiny.yaml": (
        "# @package _global_\ndefaults:\n  - override /data: few\n  - override /model: tiny\n\n"
        "trainer:\n  max_epochs: 1\n"
    ),
}
NEW = {  # of the template
    "src/myproject/models/later.py": "from myproject.models.linear import Linear\n\n\nclass Later(Linear): ...\n",
    "configs/model/later.yaml": "_target_: myproject.models.later.Later\n",
}


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).write_text(text)


def edit(folder: Path, name: str, old: str, new: str) -> None:
    text = (folder / name).read_text()
    assert text.count(old) == 1, name
    (folder / name).write_text(text.replace(old, new))


def python(fork: Path, *arguments: str) -> str:
    """The output of a command in a fork, whose packages are found there and nowhere else."""
    without = fork.parent / "without_root"
    without.mkdir(exist_ok=True)
    hide = f"import sys\nsys.path[:] = [path for path in sys.path if path != {str(ROOT / 'src')!r}]\n"
    (without / "sitecustomize.py").write_text(hide)
    environment = {**ENVIRONMENT, "OMP_NUM_THREADS": "1", "PYTHONPATH": f"{fork / 'src'}:{without}"}
    command = [sys.executable, *arguments]
    done = subprocess.run(command, cwd=fork, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def upstream(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This repository as it is now, committed."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    folder = tmp_path_factory.mktemp("upgrade") / "upstream"
    for name in listing(ROOT):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    return repository(folder)


@pytest.fixture(scope="module")
def fork(upstream: Path) -> Path:
    """A clone with a run of the template's, then renamed and developed; afterwards the template is developed too."""
    folder = upstream.parent / "fork"
    git(upstream.parent, "clone", "-q", str(upstream), str(folder))
    python(folder, "train.py", "experiment=mnist_linear", *QUICK, "trainer.max_epochs=1")

    assert rename(folder, "some_fork").returncode == 0
    commit(folder)
    write(folder, OWN)
    (folder / "README.md").write_text((folder / "README.md").read_text() + "\nOur digits are the best.\n")
    edit(folder, "configs/model/cnn.yaml", "dropout: 0.0\n", "dropout: 0.1\n")
    edit(folder, "configs/optimizer/adam.yaml", "lr: 1e-3\n", "lr: 2e-3\n")
    commit(folder)

    for path in sorted((upstream / "src/leyden/data").glob("*.py"))[1:11]:
        path.write_text(f"{path.read_text()}\n_LATER = True\n")
    for network in ("mlp", "cnn"):  # a line beside one that was renamed
        line = "from myproject.models.layers import dense\n"
        edit(upstream, f"src/myproject/models/{network}.py", line, f"import myproject.models.linear as linear\n{line}")
    for name in ("model/mlp", "model/cnn", "data/mnist"):
        target, text = (upstream / f"configs/{name}.yaml").read_text().split("\n", 1)
        (upstream / f"configs/{name}.yaml").write_text(f"{target}\n# later\n{text}")
    title, text = (upstream / "README.md").read_text().split("\n", 1)
    (upstream / "README.md").write_text(f"{title}, later\n{text}")
    write(upstream, NEW)
    commit(upstream)

    git(upstream, "checkout", "-q", "-b", "same_line")
    edit(upstream, "configs/optimizer/adam.yaml", "lr: 1e-3\n", "lr: 3e-3\n")
    commit(upstream)
    git(upstream, "checkout", "-q", "-")
    git(folder, "fetch", "-q", "origin")
    return folder


def merge(fork: Path, branch: str) -> list[str]:
    """The files in conflict after a merge of the template."""
    git(fork, *AUTHOR, "merge", "--no-edit", f"origin/{branch}", check=False)
    return git(fork, "diff", "--name-only", "--diff-filter=U").splitlines()


def test_a_line_that_both_sides_edited_is_the_only_conflict(fork: Path) -> None:
    assert merge(fork, "same_line") == ["configs/optimizer/adam.yaml"]
    text = (fork / "configs/optimizer/adam.yaml").read_text()
    assert re.findall(r"(?m)^(?:<<<<<<<|=======|>>>>>>>|lr: ).*", text) == [
        "<<<<<<< ours",
        "lr: 2e-3",
        "=======",
        "lr: 3e-3",
        ">>>>>>> theirs",
    ]
    git(fork, "merge", "--abort")


def test_without_such_lines_a_merge_has_no_conflict_and_everything_works(fork: Path) -> None:
    assert merge(fork, "HEAD") == []
    assert git(fork, "status", "--porcelain") == ""
    assert (fork / "README.md").read_text().splitlines()[0] == "# Leyden, later"
    assert (fork / "README.md").read_text().endswith("\nOur digits are the best.\n")
    assert not (fork / "src/myproject").exists()
    assert mentions(fork, "myproject") == sorted(name.replace("src/myproject", "src/some_fork") for name in NEW)

    assert rename(fork, "some_fork").returncode == 0  # what is new in the template names its package
    commit(fork)
    assert mentions(fork, "myproject") == []
    run = next((fork / "logs/mnist_linear").iterdir())
    before = json.loads((run / "run.json").read_text())
    evaluate, resume = ["eval.py", "run=last", "split=test"], ["train.py", "resume=last", "trainer.max_epochs=2"]
    own = ["train.py", "experiment=tiny", *QUICK]
    later = ["train.py", "experiment=mnist_linear", "model=later", "debug=fast_dev_run"]
    python(fork, "-c", IN_TURN, json.dumps([evaluate, resume, own, later]))
    after = json.loads((run / "run.json").read_text())
    assert (before["status"], after["status"]) == ("finished", "finished")
    assert after["metrics"].keys() >= before["metrics"].keys()
    tests = ["tests/models/test_init.py", "tests/data/test_augment.py", "tests/leyden"]
    assert " passed" in python(fork, "-m", "pytest", "-n0", "-p", "no:cacheprovider", *tests)
