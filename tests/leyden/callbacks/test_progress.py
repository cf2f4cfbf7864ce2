"""The line for each epoch tells the metrics of that epoch, once."""

import io
import logging
import os
import re
import signal
from pathlib import Path

import lightning.pytorch as pl
import pytest
import rich
import torch
from lightning.pytorch.callbacks import ProgressBar
from rich.console import Console

from leyden.callbacks.progress import Progress
from leyden.config.compose import compose
from leyden.system.live_line import LiveLine
from leyden.training.train import run_experiment
from myproject.tasks.classification import Classification

LINE = re.compile(
    r"epoch (\d+)/(\d+)  train loss ([\d.]+) acc ([\d.]+)  val loss ([\d.]+) acc ([\d.]+)  +[\d.]+ m?s( .*best)?"
)


def lines(
    quick: list[str], caplog: pytest.LogCaptureFixture, *overrides: str
) -> tuple[list[re.Match[str]], float | None]:
    with caplog.at_level(logging.INFO, logger="leyden"):
        result = run_experiment(compose([*quick, "logger=none", *overrides]))
    return [match for message in caplog.messages if (match := LINE.fullmatch(message))], result


def test_each_epoch_is_told_once_and_the_best_is_marked(quick: list[str], caplog: pytest.LogCaptureFixture) -> None:
    told, best = lines(quick, caplog, "trainer.max_epochs=3")
    assert [match[1] for match in told] == ["1", "2", "3"]
    marked = [match for match in told if match[7]]
    assert marked
    assert float(marked[-1][6]) == pytest.approx(best, abs=1e-4)
    assert sum("test: loss" in message for message in caplog.messages) == 1
    (last,) = [message for message in caplog.messages if message.startswith("best: ")]
    assert last == f"best: val/acc {best:.4f} in epoch {marked[-1][1]} of 3"


@pytest.mark.parametrize("interval", [1.0, 0.5])
def test_the_epoch_of_the_best_weights_is_found_in_a_resumed_run_too(
    interval: float, quick: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    often = [f"trainer.val_check_interval={interval}", "trainer.accumulate_grad_batches=2", "data.batch_size=32"]
    experiment = compose([*quick, "logger=none", "trainer.max_epochs=2", *often])
    run_experiment(experiment)
    caplog.clear()
    with caplog.at_level(logging.INFO, logger="leyden"):
        run_experiment(compose([f"resume={experiment.run_dir}", "trainer.max_epochs=4"]))
    (last,) = [message for message in caplog.messages if message.startswith("best: ")]
    best = torch.load(Path(experiment.run_dir, "checkpoints", "best.ckpt"), weights_only=True)
    assert last.endswith(f" in epoch {best['epoch'] + 1} of 4")


def test_the_running_loss_is_that_of_batches_whatever_is_accumulated() -> None:
    bar = Progress()
    bar._follow({"loss": torch.tensor(0.5)}, 2)
    assert bar._loss == pytest.approx(1.0)
    bar._follow(torch.tensor(2.0), 1)
    assert bar._loss == pytest.approx(1.2)
    bar._follow({"loss": torch.tensor(torch.nan)}, 1)
    bar._follow({"loss": torch.tensor(3.0)}, 1)
    assert bar._loss == pytest.approx(3.0)
    for nothing in (None, {}, torch.zeros(2)):
        bar._follow(nothing, 1)
    assert bar._loss == pytest.approx(3.0)


def test_the_bar_shows_the_whole_run(
    quick: list[str], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    shown: list[tuple[str, float | None]] = []
    monkeypatch.setattr("leyden.callbacks.progress._EVERY", 0.0)
    monkeypatch.setattr(rich, "get_console", lambda: Console(file=io.StringIO(), force_terminal=True, width=100))
    monkeypatch.setattr(LiveLine, "show", lambda self, title, fraction, *_: shown.append((title, fraction)))
    lines(quick, caplog, "trainer.max_epochs=3", "data.batch_size=64")
    training = [fraction for title, fraction in shown if title.startswith("epoch")]
    assert training == sorted(training)
    assert training[0] == 0
    assert training[-1] == pytest.approx(1)
    assert [fraction for title, fraction in shown if title == "test"] == [0.5, 1.0]


class Scoring(Classification):
    """Logs a metric of its own, which is monitored."""

    @property
    def metric_names(self) -> list[str]:
        return [*super().metric_names, "val/auroc", "test/auroc"]

    def on_validation_epoch_end(self) -> None:
        super().on_validation_epoch_end()
        self.log("val/auroc", 0.25)

    def on_test_epoch_end(self) -> None:
        super().on_test_epoch_end()
        self.log("test/auroc", 0.125)


def test_the_monitored_metric_is_shown_where_a_task_logs_it_itself(
    quick: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    own = ["task._target_=tests.leyden.callbacks.test_progress.Scoring", "monitor=val/auroc", "mode=max", "logger=none"]
    with caplog.at_level(logging.INFO, logger="leyden"):
        run_experiment(compose([*quick, *own]))
    assert any(re.search(r"^epoch 1/1 .* val .* auroc 0\.2500 ", message) for message in caplog.messages)
    assert any(re.search(r"^test: .* auroc 0\.1250$", message) for message in caplog.messages)


def test_the_line_lands_in_the_log_of_the_run(quick: list[str], tmp_path: Path) -> None:
    logging.getLogger("leyden").setLevel(logging.INFO)
    experiment = compose([*quick, "logger=none"])
    run_experiment(experiment)
    assert "epoch 1/1  train loss" in Path(experiment.run_dir, "train.log").read_text()


def test_a_bar_is_drawn_on_a_terminal_only(
    quick: list[str],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    lines(quick, caplog)
    assert "━" not in capsys.readouterr().out
    monkeypatch.setattr(rich, "get_console", lambda: Console(force_terminal=True, width=100))
    lines(quick, caplog)
    assert "━" in capsys.readouterr().out


def test_without_validation_the_line_says_so(quick: list[str], caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="leyden"):
        none = ["data.val_size=0", "monitor=train/loss", "mode=min", "logger=none"]
        run_experiment(compose([*quick, *none]))
    assert any(re.search(r"epoch 1/1  train loss \S+ acc \S+  val –", message) for message in caplog.messages)


def test_an_epoch_that_is_resumed_in_its_middle_is_told(quick: list[str], caplog: pytest.LogCaptureFixture) -> None:
    class Stop(pl.Callback):
        def on_train_batch_end(self, trainer: pl.Trainer, *_: object) -> None:
            if trainer.global_step == 6:
                os.kill(os.getpid(), signal.SIGTERM)

    experiment = compose([*quick, "logger=none", "trainer.max_epochs=3"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("leyden.training.train.RecordUpdater", lambda run: Stop())
        with pytest.raises(SystemExit):
            run_experiment(experiment)
    caplog.clear()
    with caplog.at_level(logging.INFO, logger="leyden"):
        run_experiment(compose([f"resume={experiment.run_dir}"]))
    told = [match[1] for message in caplog.messages if (match := LINE.fullmatch(message))]
    assert told == ["2", "3"]


def test_it_is_switched_off_and_on_as_lightnings_tools_do(
    quick: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(rich, "get_console", lambda: Console(force_terminal=True, width=100))
    bar = Progress()
    assert bar.is_enabled
    bar.disable()
    assert not bar.is_enabled
    bar._open()
    bar._line.show("epoch 1/1", 0.5)
    assert "━" not in capsys.readouterr().out
    bar.enable()
    assert bar.is_enabled
    bar._open()
    bar._line.show("epoch 1/1", 0.5)
    bar.disable()
    assert not bar._line.is_open
    assert "━" in capsys.readouterr().out


def test_every_method_that_lightning_asks_of_a_bar_is_there() -> None:
    bar = Progress()
    for name in ("enable", "disable", "is_enabled", "print", "get_metrics", "total_train_batches"):
        assert name in dir(bar)
    for name in ("enable", "disable"):  # of which the base class only says that they are to be written
        assert getattr(type(bar), name) is not getattr(ProgressBar, name)


def test_a_task_may_print(
    quick: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def on_train_start(task: Classification) -> None:
        start(task)
        task.print("a word of the task's")

    start = Classification.on_train_start
    monkeypatch.setattr(Classification, "on_train_start", on_train_start)
    run_experiment(compose([*quick, "logger=none"]))
    assert "a word of the task's" in capsys.readouterr().out
