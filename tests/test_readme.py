"""Commands and code of README.md and docs/ work: each is run in a short form, or composed."""

import re
import runpy
import shlex
import shutil
import sys
from itertools import islice
from pathlib import Path

import hydra
import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from leyden import compose, run_experiment
from tests.helpers.pages import OWN, ROOT, TEXTS, blocks, commands_of

# Tested elsewhere, or not of this project; every other command is run or composed below.
ELSEWHERE = (
    "pip install uv",
    "uv sync",
    "uv run pytest",
    "uv run ruff",
    "uv run pre-commit",
    "uv run tensorboard",
    "bash .ci/run",
    "git ",
    "python scripts/rename.py",
    "python scripts/summarize.py",
    "python scripts/report.py sweep=",
    "python scripts/report.py run=last run=",
    "python scripts/lock.py",
    "python scripts/torture.py",
    "python eval.py run=last split=new",  # of data that have not changed, it is refused
)
ABSENT = ("trainer=gpu", "trainer=ddp", "trainer=fsdp", "hydra/launcher=slurm", "hydra/launcher=ray", "sweep.storage=")
OF_A_RUN = ("run=last", "resume=last", "init_from=last", "scripts/runs.py")


def executed() -> list[tuple[str, str]]:
    """Each command once, with the page that has it first; without those of the pages whose files a reader makes."""
    first: dict[str, str] = {}
    for page, text in TEXTS.items():
        for command in commands_of(text):
            if not command.startswith(ELSEWHERE) and not OWN.search(command):
                first.setdefault(command.removeprefix("uv run "), page)
    return [(page, command) for command, page in first.items()]


def is_composed(command: str, before: list[str]) -> bool:
    """True if it needs devices or a cluster, or is a sweep of a kind that a command before it has run."""
    kind = [word for word in shlex.split(command) if word.startswith(("sweep=", "hydra/launcher="))]
    seen = [[word for word in shlex.split(b) if word.startswith(("sweep=", "hydra/launcher="))] for b in before]
    return any(word in command for word in ABSENT) or (" -m " in command and kind in seen)


ALL = executed()
SWEEPS = [command for _, command in ALL if " -m " in command]
COMPOSED = [(p, c) for p, c in ALL if is_composed(c, SWEEPS[: SWEEPS.index(c)] if c in SWEEPS else [])]
RUN = [
    pytest.param(page, command, marks=[] if page == "README.md" else pytest.mark.slow, id=f"{page}: {command}")
    for page, command in ALL
    if (page, command) not in COMPOSED
]


def few_values(arguments: list[str], several: int) -> list[str]:
    """The arguments of a sweep with fewer values: `several` of the first swept setting, one of each other."""
    shortened = []
    for argument, override in zip(arguments, OverridesParser.create().parse_overrides(arguments), strict=True):
        if override.is_sweep_override() and "interval" not in argument:
            values = islice(override.sweep_string_iterator(), several)
            argument, several = f"{override.get_key_element()}={','.join(values)}", 1
        shortened.append(argument)
    return shortened


def houses(folder: Path) -> Path:
    """A table such as the documentation speaks of."""
    path = folder / "houses.csv"
    rows = [f"{n},{n % 7},{'north' if n % 2 else 'south'},{n % 7 * 1000 + n}" for n in range(200)]
    path.write_text("\n".join(["id,rooms,side,price", *rows]))
    return path


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory, data_root: Path) -> Path:
    """The folder of a run, `last`."""
    folder = tmp_path_factory.mktemp("recorded")
    few = ["data.train_size=256", "data.val_size=256", "trainer.max_epochs=1", "trainer.limit_test_batches=2"]
    paths = [f"paths.data_dir={data_root}", f"paths.log_dir={folder / 'logs'}"]
    run_experiment(compose(["experiment=mnist_mlp", "trainer.accelerator=cpu", *few, *paths], configs=ROOT / "configs"))
    return folder


@pytest.fixture
def place(recorded: Path, tmp_path: Path, data_root: Path) -> Path:
    """A folder with a copy of the run, data and configs."""
    shutil.copytree(recorded / "logs", tmp_path / "logs", symlinks=True)
    (tmp_path / "images").symlink_to(data_root / "pictures", target_is_directory=True)
    (tmp_path / "configs").symlink_to(ROOT / "configs", target_is_directory=True)
    (tmp_path / "data").symlink_to(ROOT / "data", target_is_directory=True)
    return tmp_path


@pytest.mark.parametrize(("page", "command"), RUN)
def test_a_command_works(
    page: str, command: str, quick: list[str], data_root: Path, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python, script, *arguments = shlex.split(command)
    assert python == "python"
    quick = [*quick, f"paths.data_dir={data_root}", "trainer.limit_train_batches=2", "trainer.limit_val_batches=1"]
    if any(argument.startswith("experiment=csv") for argument in arguments):
        quick += ["data.train_size=100", "data.val_size=20"]
    few = {"data.root=images", "data=cifar10", "data=csv", "data=torchvision"}
    few |= {"experiment=cifar10_cnn", "experiment=image_folder_resnet18"}
    if few & {*arguments}:
        quick += ["data.train_size=20", "data.val_size=8"]
    if "data.root=images" in arguments and script == "train.py":
        quick += ["data.size=32"]
    replaced = {
        "data.path=houses.csv": f"data.path={houses(place)}",
        "data.root=images": f"data.root={data_root}/pictures",
        "data.name=SVHN": "data.name=USPS",
        "model.weights=DEFAULT": "model.weights=null",
        "trainer.max_epochs=30": "trainer.max_epochs=2",
    }
    arguments = [replaced.get(argument, argument) for argument in arguments]
    of_a_run = any(word in command for word in OF_A_RUN)
    if (
        (of_a_run and "init_from=last" not in arguments)
        or "plot_schedule" in script
        or {"--help", "--cfg"} & {*arguments}
    ):
        quick = []
    elif "benchmark" in script:
        quick = [setting for setting in quick if not setting.startswith("trainer.max_epochs")]
    elif "find_batch_size" in script:
        quick += ["--limit", "8", "--seconds", "0.1"]
    elif any(argument.startswith("debug=") for argument in arguments):
        quick = [setting for setting in quick if "limit" not in setting]
    if "-m" in arguments:
        arguments = ["-m", *few_values([argument for argument in arguments if argument != "-m"], 2)]
        quick += ["sweep.n_trials=2"] if "sweep=optuna" in command else []
    monkeypatch.chdir(place if of_a_run or re.search("plot|show|find", script) else ROOT)
    monkeypatch.setattr(sys, "argv", [script, *arguments, *quick])
    status = None
    try:
        runpy.run_path(str(ROOT / script), run_name="__main__")
    except SystemExit as end:
        status = end.code
    assert not status


@pytest.mark.parametrize(("page", "command"), COMPOSED, ids=lambda value: value)
def test_a_command_for_a_cluster_or_other_devices_composes(page: str, command: str) -> None:
    arguments = [argument for argument in shlex.split(command)[2:] if argument != "-m"]
    if " -m " in command:
        arguments = few_values(arguments, 1)
    of_a_sweep = [argument for argument in arguments if argument.startswith(("sweep", "hydra"))]
    with hydra.initialize_config_dir(str(ROOT / "configs"), version_base="1.3"):
        hydra.compose("train", of_a_sweep)
    of_a_job = [argument for argument in arguments if argument not in of_a_sweep]
    assert compose(of_a_job, configs=ROOT / "configs").config


@pytest.mark.parametrize(
    "code",
    [
        pytest.param(code, id=f"{page}-{n}")
        for page in TEXTS
        for n, code in enumerate(blocks(TEXTS[page], "python"))
        if not code.startswith("# src/")
    ],
)
def test_code_runs(code: str, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)
    exec(compile(code, "documentation", "exec"), {"__name__": "documentation"})


def test_the_readme_quotes_what_a_run_prints(recorded: Path) -> None:
    quoted = blocks(TEXTS["README.md"], "")[0].splitlines()
    newest = (recorded / "logs" / "last").read_text(encoding="utf-8").strip()
    printed = (recorded / "logs" / newest / "train.log").read_text(encoding="utf-8").splitlines()

    def message(line: str) -> str:
        line = re.sub(r"^[\d:, -]+INFO [\w.]+: |uv run ", "", line)
        line = line.partition("  ")[0] if line.startswith("experiment") else line  # without what this test sets
        line = re.sub(r"\(.*\)|\s\d[\d.]* m?s\b", "", re.sub(r"\S*\blogs\b\S*", "DIRECTORY", line))  # place and times
        return " ".join(re.sub(r"\d[\d,.]*", "0", line).removesuffix("  best").split())

    assert [line for line in quoted if line != "…" and message(line) not in map(message, printed)] == []
