"""What a run says first and last."""

import logging
import shlex
from pathlib import Path

import pytest

from leyden.config.compose import compose
from leyden.config.experiment import Experiment
from leyden.training.announcements import announce_result, announce_run
from leyden.training.train import run_experiment


@pytest.fixture(autouse=True)
def logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="leyden")


def test_the_header_has_what_was_typed_and_shorter_forms(
    experiment: Experiment, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    typed = ["experiment=some", "optimizer.lr=1", "optimizer.lr=3e-4", "data.ignore=[a, b]", "seed=7"]
    announce_run(Experiment("some", experiment.config, typed), tmp_path)
    assert caplog.messages == [
        "experiment: some  optimizer.lr=3e-4 'data.ignore=[a, b]' seed=7",
        f"run: {tmp_path}",
    ]
    assert list(caplog.records[0].forms[1:]) == [  # type: ignore[attr-defined]
        "experiment: some  optimizer.lr=3e-4 'data.ignore=[a, b]' …",
        "experiment: some  optimizer.lr=3e-4 …",
        "experiment: some  …",
    ]


def test_an_experiment_as_it_is_has_no_further_words(
    experiment: Experiment, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    announce_run(Experiment("some", experiment.config, ["experiment=some"]), tmp_path)
    assert caplog.messages[0] == "experiment: some"


def test_only_commands_that_work_here_are_named(
    caplog: pytest.LogCaptureFixture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    announce_result(Path("logs/a b"), Path("logs"), 3, 75.0, has_events=False)
    assert caplog.messages == ["kept in logs/a b (3 epochs, 1 min 15 s)"]
    caplog.clear()
    (tmp_path / "eval.py").touch()
    announce_result(Path("logs/a b"), Path("my logs"), 1, 5.0, has_events=True)
    first, last = caplog.messages
    assert first == "kept in logs/a b (1 epoch, 5.0 s)"
    head, test, board = last.split("\n")
    assert head == "next:"
    assert shlex.split(test)[:2] == ["python", "eval.py"]
    assert shlex.split(test)[2].replace("'", "") == "run=logs/a b"
    assert shlex.split(board)[-3:] == ["tensorboard", "--logdir", "my logs"]


def test_a_run_ends_with_its_best_epoch_its_test_and_its_directory(
    quick: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    experiment = compose([*quick, "trainer.max_epochs=2"])
    run_experiment(experiment)
    own = [record.getMessage() for record in caplog.records if record.name.startswith("leyden")]
    said = [message for message in own if not message.startswith("epoch")]
    labels = [message.split()[0] for message in said]
    assert labels == ["experiment:", "run:", "data:", "network:", "best:", "test:", "kept", "next:"]
    assert said[-2].startswith(f"kept in {experiment.run_dir} (2 epochs, ")
    assert f"python eval.py run={experiment.run_dir}" in said[-1]
    assert len("\n".join(said[4:]).splitlines()) <= 8


@pytest.mark.parametrize(
    ("by_uv", "on_path", "command"),
    [(True, True, "uv run tensorboard"), (False, True, "tensorboard"), (False, False, "uv run tensorboard")],
)
def test_the_command_of_tensorboard_works_in_the_shell_that_started_the_run(
    by_uv: bool,
    on_path: bool,
    command: str,
    caplog: pytest.LogCaptureFixture,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """`uv run` puts the environment on the PATH of the run only."""
    monkeypatch.delenv("UV_RUN_RECURSION_DEPTH", raising=False)
    if by_uv:
        monkeypatch.setenv("UV_RUN_RECURSION_DEPTH", "1")
    monkeypatch.setattr("shutil.which", lambda name: name if on_path else None)
    announce_result(tmp_path / "run", tmp_path, 1, 1.0, has_events=True)
    assert caplog.text.splitlines()[-1].strip().startswith(f"{command} --logdir")
