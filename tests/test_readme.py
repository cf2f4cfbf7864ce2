"""The commands of the README are real: each is run, cut short."""

import re
import runpy
import shlex
import sys
from pathlib import Path

import pytest

from leyden import compose, run_experiment

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"```bash\n(.*?)```", README, re.DOTALL)
LINES = [line.split("  #")[0].strip() for block in BLOCKS for line in block.splitlines()]
TABLE = re.findall(r"^\| `(python [^`]+)` \|", README, re.MULTILINE)
COMMANDS = sorted({*LINES, *TABLE})

# Checked elsewhere, or nothing of ours; every other command must be one that is run below.
ELSEWHERE = (
    "pip install uv",
    "uv run pytest",
    "uv run tensorboard",
    "python scripts/rename.py",
    "python scripts/summarize.py",
    "python scripts/lock.py",
)


def houses(folder: Path) -> Path:
    """A table such as the README speaks of."""
    path = folder / "houses.csv"
    rows = [f"{n},{n % 7},{'north' if n % 2 else 'south'},{n % 7 * 1000 + n}" for n in range(200)]
    path.write_text("\n".join(["id,rooms,side,price", *rows]))
    return path


OF_A_RUN = ("run=last", "resume=last", "init_from=last", "scripts/runs.py")


def is_run(command: str) -> bool:
    return not command.startswith(ELSEWHERE)


@pytest.mark.parametrize("command", [command for command in COMMANDS if is_run(command)])
def test_a_command_of_the_readme_works(
    command: str, quick: list[str], data_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python, script, *arguments = shlex.split(command)
    assert python == "python"
    quick = [*quick, f"paths.data_dir={data_root}", "trainer.limit_train_batches=2", "trainer.limit_val_batches=1"]
    if any(argument.startswith("experiment=csv") for argument in arguments):
        quick += ["data.train_size=100", "data.val_size=20"]
    own = {
        "data.path=houses.csv": [f"data.path={houses(tmp_path)}"],
        "data.root=pictures": [f"data.root={data_root}/pictures", "data.size=32", "model.weights=null"],
    }
    few = {"data.root=pictures", "experiment=cifar10_cnn"}.intersection(arguments)
    quick += ["data.train_size=20", "data.val_size=8"] if few else []
    arguments = [part for argument in arguments for part in own.get(argument, [argument])]
    of_a_run = any(word in command for word in OF_A_RUN)
    if of_a_run:
        run_experiment(compose([*quick, "experiment=mnist_mlp"]))
        (tmp_path / "pictures").symlink_to(data_root / "pictures", target_is_directory=True)
    if (
        (of_a_run and "init_from=last" not in arguments)
        or script.endswith("plot_schedule.py")
        or "--help" in arguments
        or "--cfg" in arguments
    ):
        quick = []
    elif script.endswith("benchmark.py"):
        quick = [setting for setting in quick if not setting.startswith("trainer.max_epochs")]
    elif any(argument.startswith("debug=") for argument in arguments):
        quick = [setting for setting in quick if "limit" not in setting]
    if "sweep=optuna" in command:
        quick = [*quick, "sweep.n_trials=2"]
    monkeypatch.chdir(tmp_path if of_a_run or re.search("plot|show|find", script) else ROOT)
    monkeypatch.setattr(sys, "argv", [script, *arguments, *quick])
    status = None
    try:
        runpy.run_path(str(ROOT / script), run_name="__main__")
    except SystemExit as end:
        status = end.code
    assert not status


def test_the_first_command_is_the_first_that_is_shown() -> None:
    assert LINES[0] == "pip install uv && uv run python train.py experiment=mnist_mlp"
    assert LINES[1] == "uv run pytest"
