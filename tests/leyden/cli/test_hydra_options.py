"""Hydra's own options and settings: each works, or is refused in one line before anything is made."""

import json
import shlex
import shutil
import subprocess
import sys

import pytest

from leyden.cli.hydra_options import check_options, split_arguments
from leyden.config.compose import compose
from leyden.config.hydra_settings import check_hydra
from leyden.system.errors import UserError
from tests.leyden.cli.test_entry_point import ROOT, TRY_EACH

REFUSED = {
    "-m seed=1,2 --cfg job": "-m --cfg: the config is that of one run; leave -m out: python train.py --cfg job seed=1",
    "--cfg job -m seed=1,2 optimizer.lr=0.1": "python train.py --cfg job seed=1 optimizer.lr=0.1",
    "--cfg all -m model.dropout=choice(0.1,0.2)": "python train.py --cfg all model.dropout=0.1",
    "eval.py -m run=a,b --cfg job": "python eval.py --cfg job run=a",
    "--cfg nope": "--cfg nope: must be one of job, hydra, all",
    "--cfg": "--cfg: no value given, as in --cfg job",
    "--info nope": "--info nope: must be one of all, config, defaults, defaults-tree, plugins, searchpath",
    "--info --cfg job": "--cfg --info: cannot be combined; leave --info out",
    "--run -m seed=1,2": "--run --multirun: cannot be combined",
    "--cfg job -p nope": "--package nope: the config has no such part",
    "--package trainer": "--package: selects what --cfg shows; write --cfg job --package trainer",
    "--resolve": "--resolve: is for --cfg; write --cfg job --resolve",
    "--shell-completion": 'as in eval "$(python train.py -sc install=bash)"',
    "--experimental-rerun x": "--experimental-rerun: a run is resumed by resume=<run directory>",
    "-x": "-x: a setting has no dashes, and there is no setting x",
    "--config-path ../nowhere": "--config-path ../nowhere: there is no folder",
    "--config-path tests": "--config-path tests: replaces configs/, and has no train.yaml",
    "-cd nowhere": "--config-dir nowhere: there is no such folder",
    "--config-name nope": "--config-name nope: there is no configs/nope.yaml; there are: train",
    "--config-name eval": "--config-name eval: belongs to eval.py",
    "eval.py --config-name train": "--config-name train: belongs to train.py",
    "--config-dir RUN --config-name config": "resume=RUN resumes it",
    "hydra.run.dir=x": "hydra.run.dir=x: a run's directory is chosen by paths.run_dir=…",
    "+hydra.run.dir=x": "hydra.run.dir=x: a run's directory",
    "eval.py hydra.run.dir=x run=last": "hydra.run.dir=x: a run's directory",
    "hydra.output_subdir=x": "hydra.output_subdir=x: a run keeps everything in one directory",
    "-m hydra.sweep.dir=x seed=1,2": "hydra.sweep.dir=x: a sweep is kept below paths.log_dir",
    "-m hydra.sweep.subdir=x seed=1,2": "set paths.log_dir=… or sweep.name=…",
    "hydra.job.chdir=true": "hydra.job.chdir=true: commands run where they are typed",
    "hydra.job.name=x": "hydra.job.name=x: names nothing here; set paths.run_dir=…",
    "hydra.mode=MULTIRUN": "hydra.mode=MULTIRUN: several runs are started by -m",
    "hydra.verbose=true": "hydra.verbose=true: the log goes to the terminal",
    "hydra/job_logging=default": "hydra/job_logging=default: the log goes to the terminal",
    "hydra.job.env_set.X=1": "hydra.job.env_set.X=1: variables are set before the command",
    "~test": "~test: every run has one; leave this out, or set it: test=false",
    "~paths": "~paths: every run has one",
    "~experiment": "set it: experiment=default",
}

# An option anywhere among the overrides, which argparse by itself would not take; and how what is shown begins.
SHOWN = {
    "--cfg job seed=3": "seed: 3\n",
    "seed=3 --cfg job optimizer.lr=0.5": "seed: 3\n",
    "--cfg=job seed=3 --resolve": "seed: 3\n",
    "seed=3 -p trainer -c job": "# @package trainer\n",
    "--config-name train.yaml --cfg job seed=3": "seed: 3\n",
    "--config-path CONFIGS --cfg job seed=3": "seed: 3\n",
    "--config-dir MINE experiment=mine seed=3 --cfg job": "seed: 3\n",
    "--info defaults-tree": "\nDefaults Tree\n*************\n<root>:\n",
    "--info searchpath": "\nConfig search path\n",
    "--info plugins": "Installed Hydra Plugins\n",
    "--info": "Hydra 1",
    "--info config seed=3": "\nConfig search path\n",
    "--hydra-help": "Hydra (1",
    "--version": "Hydra 1",
    "-sc install=bash": "export _HYDRA_OLD_COMP",
    "eval.py --cfg job run=x": "seed: 42\n",
    "predict.py --info defaults-tree": "\nDefaults Tree\n",
}


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[int | None, str]]:
    """The exit status and the output of each command, all typed in one process; nothing is left by any of them."""
    folder, logs = tmp_path_factory.mktemp("typed"), tmp_path_factory.mktemp("logs")
    shutil.copytree(ROOT / "configs", folder / "CONFIGS")
    for name, text in (("MINE/experiment/mine.yaml", "# @package _global_\n"), ("RUN/run.json", "{}")):
        (folder / name).parent.mkdir(parents=True)
        (folder / name).write_text(text)
    before = set(ROOT.iterdir())
    places = {name: str(folder / name) for name in ("CONFIGS", "MINE", "RUN")}
    typed = {_placed(command, places): command for command in (*REFUSED, *SHOWN)}
    command = [sys.executable, "-c", TRY_EACH, str(logs)]
    done = subprocess.run(command, cwd=ROOT, input=json.dumps(list(typed)), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found, torch_imported = json.loads(done.stdout.splitlines()[-1])
    assert not torch_imported
    assert list(logs.iterdir()) == []
    assert set(ROOT.iterdir()) == before
    return {typed[command]: (status, text.replace(places["RUN"], "RUN")) for command, (status, text) in found.items()}


def _placed(command: str, places: dict[str, str]) -> str:
    for name, place in places.items():
        command = command.replace(name, place)
    return command


@pytest.mark.parametrize("command", REFUSED)
def test_what_does_not_work_is_refused_in_one_line(command: str, said: dict[str, tuple[int | None, str]]) -> None:
    status, text = said[command]
    assert status == 2, text
    assert text.startswith("error: ")
    assert text.count("\n") == 1, text
    assert REFUSED[command] in text


@pytest.mark.parametrize("command", SHOWN)
def test_what_works_shows_what_was_asked_for(command: str, said: dict[str, tuple[int | None, str]]) -> None:
    status, text = said[command]
    assert not status, text
    assert text.startswith(SHOWN[command])


def test_each_line_of_information_is_told_once(said: dict[str, tuple[int | None, str]]) -> None:
    lines = [line for line in said["--info defaults-tree"][1].splitlines() if ":" in line or "/" in line]
    assert lines.count("  task: classification:") <= 1
    assert len(lines) == len(set(lines))


@pytest.mark.parametrize("command", [command for command in REFUSED if "leave -m out" in REFUSED[command]])
def test_the_command_for_one_config_is_not_refused(command: str, said: dict[str, tuple[int | None, str]]) -> None:
    again = shlex.split(said[command][1].partition("leave -m out: python train.py ")[2])
    check_options(*split_arguments(again), ROOT / "train.py")


@pytest.mark.parametrize("override", ["hydra.run.dir=x", "hydra.job.chdir=true", "~test"])
def test_a_notebook_is_told_too(override: str) -> None:
    with pytest.raises(UserError, match=r"hydra\.|~test"):
        compose([override])


def test_what_changes_nothing_is_accepted() -> None:
    check_hydra(["hydra.job.chdir=false", "hydra.output_subdir=null", "hydra.mode=RUN", "hydra/launcher=parallel"])
    check_hydra(
        ["hydra.launcher.n_jobs=2", "~callbacks", "~logger", "~scheduler", "~callbacks.last", "hydra.searchpath=[x]"]
    )


@pytest.mark.parametrize(
    ("typed", "options", "overrides"),
    [
        ("seed=1,2 -m data.fold=0,1", {"--multirun": ""}, ["seed=1,2", "data.fold=0,1"]),
        ("--cfg=job", {"--cfg": "job"}, []),
        ("-c job seed=1", {"--cfg": "job"}, ["seed=1"]),
        ("-c configs/experiment/x.yaml", {}, ["-c", "configs/experiment/x.yaml"]),  # another framework's
        ("--info config", {"--info": "config"}, []),
        ("--info seed=1", {"--info": "all"}, ["seed=1"]),
        ("-lr 0.1 -r", {"--run": ""}, ["-lr", "0.1"]),
    ],
)
def test_options_are_separated_from_overrides(typed: str, options: dict[str, str], overrides: list[str]) -> None:
    assert split_arguments(typed.split()) == (options, overrides)


def test_run_is_a_setting_of_commands_that_open_one() -> None:
    assert split_arguments(["--run", "last"], run_is_a_setting=True) == ({}, ["--run", "last"])
    assert split_arguments(["--run", "run=last"], run_is_a_setting=True) == ({"--run": ""}, ["run=last"])


def test_passwords_are_masked() -> None:
    secret = "sweep.storage=postgresql://me:secret@host/db"
    with pytest.raises(UserError, match="--cfg job") as refused:
        check_options(*split_arguments(["-m", "--cfg", "job", secret]), ROOT / "train.py")
    assert "secret" not in str(refused.value)
