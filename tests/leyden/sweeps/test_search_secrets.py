"""The password of a database is written down nowhere."""

import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import optuna
import pytest
from omegaconf import OmegaConf

from leyden.config.experiment import STORAGE
from leyden.config.overrides import as_typed
from leyden.studies.storage import open_storage, recordable_url, resolve_url
from leyden.sweeps.search import Search
from leyden.system.errors import UserError
from tests.leyden.sweeps.conftest import Composing
from tests.leyden.sweeps.made_search import place

ROOT = Path(__file__).parents[3]
SECRET = "hunter2"


@pytest.fixture
def url(tmp_path: Path, empty: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Of a database that needs no password, but is given one."""
    monkeypatch.delenv(STORAGE, raising=False)
    return f"sqlite:///file:{place(tmp_path / 'shared', empty)}/study.db?uri=true&password={SECRET}"


def test_jobs_carry_no_password_and_find_the_study(composing: Composing, url: str, tmp_path: Path) -> None:
    typed = ["experiment=mnist_linear", "sweep=optuna", "sweep/pruner=median", f"sweep.storage='{url}'"]
    composer, swept = composing(*typed, "optimizer.lr=interval(0.1,1)")
    composer.sweep_dir.mkdir()
    settings: Any = OmegaConf.to_container(composer.config.sweep, resolve=True)
    search = Search(composer, settings, swept, "val/acc", "max", 1)
    assert not search.open()
    job = search.ask()
    assert job
    assert job.experiment.trial
    for one in (job, *search.examples()):
        assert SECRET.encode() not in pickle.dumps(one)
    assert resolve_url(job.experiment.trial.storage) == url


def test_a_url_without_secrets_is_told_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(STORAGE, raising=False)
    assert recordable_url("sqlite:////a/study.db") == "sqlite:////a/study.db"
    assert STORAGE not in os.environ
    with pytest.raises(UserError, match=r"LEYDEN_STORAGE, .* is not in the environment"):
        resolve_url("")
    for secret in ("sqlite:////a/study.db?key=x", "postgresql://me:x@host/studies", "postgresql://host/studies"):
        monkeypatch.setenv(STORAGE, "")
        assert recordable_url(secret) == ""
        assert resolve_url("") == secret


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:hunter2@host:port/db",
        "postgresql:me:hunter2@host/db",
        "nosuch://me:hunter2@host/db?password=hunter2",
        "nosuch://me@cloud:hunter2@host/db?sslpassword=hunter2",
        "sqlite:////no/such/folder/{hunter2}?passphrase=hunter2",
        "sqlite:////no/such/folder/study.db?key=hunter2&nonsense=hunter2",
    ],
)
def test_a_database_that_cannot_be_opened_is_told_without_its_password(url: str) -> None:
    with pytest.raises(UserError) as told:
        open_storage(url)
    assert str(told.value).startswith("sweep.storage")
    assert SECRET not in str(told.value).replace("{hunter2}", "").replace("%7Bhunter2%7D", "")


@pytest.mark.slow
def test_no_file_of_a_search_has_the_password(quick: list[str], url: str, tmp_path: Path) -> None:
    search = ["experiment=mnist_linear", "sweep=optuna", "sweep/pruner=median", "sweep.n_trials=2", "sweep.study=s"]
    spaces = [f"sweep.storage='{url}'", "optimizer.lr=interval(0.1,1)"]
    command = [sys.executable, "train.py", "-m", *search, *spaces, *quick]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    assert SECRET not in done.stdout + done.stderr
    files = [path for path in (tmp_path / "logs").rglob("*") if path.is_file()]
    assert {"sweep.json", "overrides.yaml", "run.json"} <= {path.name for path in files}
    assert [path for path in files if SECRET.encode() in path.read_bytes()] == []
    (kept,) = [path for path in files if path.name == "sweep.json"]
    assert "sweep.storage=***" in kept.read_text()
    trials = optuna.load_study(study_name="s", storage=url).get_trials()
    assert [list(trial.intermediate_values) for trial in trials] == [[0], [0]]  # they were reached


def test_what_holds_no_secret_is_recorded_as_it_was_typed() -> None:
    for text in ("${oc.env:STUDY_DB}", "sqlite:////shared/study.db", "null"):
        assert as_typed([f"++sweep.storage={text}"]) == [f"sweep.storage={text}"]
