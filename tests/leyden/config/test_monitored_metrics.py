"""A metric that is monitored will be measured, or the config is refused."""

import shlex

import pytest

from leyden.config.compose import compose
from leyden.config.monitored_metrics import in_time
from leyden.system.errors import UserError

REFUSED = {
    "trainer.limit_val_batches=0": "monitor=val/acc: there is no validation with trainer.limit_val_batches=0",
    "trainer.limit_val_batches=0.0": "monitor=val/acc: there is no validation",
    "data.val_size=0": "monitor=val/acc: there is no validation set with data.val_size=0",
    "trainer.check_val_every_n_epoch=5 trainer.max_epochs=3": (
        "monitor=val/acc: there is no validation in trainer.max_epochs=3 with trainer.check_val_every_n_epoch=5"
    ),
    "monitor=train/loss mode=min data.val_size=0 scheduler=plateau scheduler.monitor=val/loss": (
        "scheduler.monitor=val/loss: there is no validation set"
    ),
    "monitor=train/loss mode=min data.val_size=0 callbacks=early_stopping callbacks.early_stopping.monitor=val/loss": (
        "callbacks.early_stopping.monitor=val/loss: there is no validation set"
    ),
    "monitor=train/loss mode=min data.val_size=0 callbacks.best.monitor=val/acc": "callbacks.best.monitor=val/acc",
}


@pytest.mark.sample(2)
@pytest.mark.parametrize("typed", REFUSED)
def test_a_metric_of_a_validation_that_never_takes_place_is_refused_with_a_remedy_that_works(typed: str) -> None:
    with pytest.raises(UserError) as refused:
        compose(shlex.split(typed))
    told = str(refused.value)
    assert told.startswith(REFUSED[typed])
    remedy = told.partition("; add ")[2]
    compose([*shlex.split(typed), *shlex.split(remedy)])


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("trainer.limit_train_batches=0", "trainer.limit_train_batches=0: nothing would be trained"),
        (
            "trainer.limit_test_batches=0",
            "trainer.limit_test_batches=0: nothing would be tested; leave it out, or add test=false",
        ),
        ("scheduler=plateau scheduler.interval=step", "scheduler.interval=step: .* add scheduler.interval=epoch"),
        ("scheduler=plateau scheduler.monitor=null", "scheduler.monitor=None: must be a metric, such as val/acc"),
        (
            "scheduler=plateau scheduler.monitor=train/loss",
            "scheduler.monitor=train/loss: is best .* add scheduler.mode=min",
        ),
        ("callbacks.best.monitor=val/loss", "callbacks.best.monitor=val/loss: is best .* add callbacks.best.mode=min"),
        (
            "callbacks.best.save_on_train_epoch_end=true trainer.check_val_every_n_epoch=2",
            "callbacks.best.save_on_train_epoch_end=true: val/acc is not computed at the end of each epoch",
        ),
        (
            "monitor=train/acc callbacks.best.save_on_train_epoch_end=false",
            "callbacks.best.save_on_train_epoch_end=false: train/acc is computed at the end of each epoch",
        ),
        ("trainer.strategy=ddp_spawn", "trainer.strategy=ddp_spawn: forks or spawns .* trainer.strategy=ddp"),
        ("trainer.strategy=ddp_notebook", "trainer.strategy=ddp_notebook: forks or spawns"),
        ("trainer.strategy=ddp_fork_find_unused_parameters_true", "forks or spawns"),
        (
            "'trainer.strategy={_target_: lightning.pytorch.strategies.DDPStrategy, start_method: spawn}'",
            "trainer.strategy.start_method=spawn: forks or spawns",
        ),
    ],
)
def test_what_cannot_work_is_refused(typed: str, told: str) -> None:
    with pytest.raises(UserError, match=told):
        compose(shlex.split(typed))


@pytest.mark.parametrize(
    "typed",
    [
        "trainer.limit_val_batches=0 monitor=train/loss mode=min",
        "trainer.limit_test_batches=0 test=false",
        "trainer.limit_val_batches=0 debug=fast_dev_run",
        "trainer.check_val_every_n_epoch=5 trainer.max_epochs=5",
        "trainer.check_val_every_n_epoch=5 trainer.max_epochs=-1",
        "trainer.strategy=ddp",
        "scheduler=plateau",
        "scheduler=step",
    ],
)
def test_what_works_is_not_refused(typed: str) -> None:
    compose(shlex.split(typed))


def test_a_metric_of_the_training_is_looked_at_when_the_epoch_is_over() -> None:
    typed = ["callbacks=early_stopping", "monitor=train/loss", "mode=min", "paths.run_dir=run"]
    callbacks = in_time(compose(typed).config["callbacks"])
    assert callbacks["best"]["save_on_train_epoch_end"] is True
    assert callbacks["early_stopping"]["check_on_train_epoch_end"] is True
    assert callbacks["last"] == compose(typed).config["callbacks"]["last"]
    of_validation = compose(["callbacks=early_stopping"]).config["callbacks"]
    assert in_time(of_validation) == of_validation


def test_a_progress_line_and_no_progress_do_not_go_together() -> None:
    with pytest.raises(UserError, match=r"^trainer.enable_progress_bar=false: leave it out, and add ") as refusal:
        compose(["trainer.enable_progress_bar=false"])
    compose([str(refusal.value).rpartition(" ")[2]])
