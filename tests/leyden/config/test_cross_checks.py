import pytest

from leyden.config.compose import compose
from leyden.system.errors import UserError

PLAN = "+callbacks.plan={_target_: lightning.pytorch.callbacks.GradientAccumulationScheduler, scheduling: {0: 4, 2: 1}}"


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        (["trainer=cpu", "trainer.precision=16-true"], r"^trainer\.precision=16-true: .*trainer\.precision=bf16-true"),
        (
            [PLAN, "trainer.accumulate_grad_batches=2"],
            r"^trainer\.accumulate_grad_batches=2: is set by callbacks\.plan .*trainer\.accumulate_grad_batches=1$",
        ),
        (
            ["optimizer=lbfgs", "trainer.accumulate_grad_batches=2"],
            r"^trainer\.accumulate_grad_batches: optimizer=lbfgs",
        ),
        (["optimizer=lbfgs", PLAN], r"^callbacks\.plan\.scheduling: optimizer=lbfgs"),
        (["optimizer=lbfgs", "trainer=ddp_cpu"], r"^trainer\.devices=2: .*trainer\.devices=1"),
        (["optimizer=lbfgs", "trainer.devices=[0,1]"], r"^trainer\.devices=\[0, 1\]: .*trainer\.devices=1"),
        (
            ["task=reconstruction", "model=autoencoder", "monitor=val/loss", "mode=min", "data.mixup=0.2"],
            r"^data\.mixup=0\.2: mixes the classes of images, and the targets of Reconstruction are none; leave it out",
        ),
        (["data=cifar10", "task=reconstruction", "monitor=val/mse", "data.cutmix=1"], r"^data\.cutmix=1: mixes the"),
        (["optimizer=lbfgs", "trainer.precision=16"], r"^trainer\.precision=16: .*trainer\.precision=bf16-mixed"),
    ],
    ids=str,
)
def test_settings_that_do_not_go_together_are_refused_in_one_line(typed: list[str], told: str) -> None:
    with pytest.raises(UserError, match=told) as refusal:
        compose(typed)
    assert "\n" not in str(refusal.value)


@pytest.mark.sample(2)
@pytest.mark.parametrize(
    "typed",
    [
        [PLAN],
        [PLAN, "trainer.accumulate_grad_batches=1"],
        ["optimizer=lbfgs", "trainer.precision=bf16-mixed"],
        ["optimizer=lbfgs", "trainer=ddp_cpu", "trainer.devices=1", "trainer.num_nodes=1"],
        ["trainer=cpu", "trainer.precision=bf16-true"],
        ["trainer=gpu", "trainer.precision=16-true"],
        ["data.mixup=0.2", "data.cutmix=1.0", "data.randaugment={num_ops: 2, magnitude: 9}"],
        ["task=reconstruction", "monitor=val/loss", "mode=min", "data.mixup=0", "data.randaugment=true"],
        ["experiment=csv_mlp", "monitor=val/r2_heat_loss", "mode=max"],  # of a target called heat_loss
    ],
    ids=str,
)
def test_others_are_not(typed: list[str]) -> None:
    assert compose(typed).config["seed"] is not None
