"""Functions of a project as factors on the learning rate, by their names."""

import pytest

from leyden.config.compose import compose
from leyden.config.schedule_functions import load_schedule_function
from leyden.system.errors import UserError

LAMBDA = "scheduler=lambda"


@pytest.mark.parametrize(
    ("name", "arguments", "value"),
    [
        ("exponential_decay", {}, 0.95**3),
        ("exponential_decay", {"gamma": 0.5}, 0.125),
        ("inverse", {}, 0.25),
        ("myproject.schedulers.inverse", {}, 0.25),
    ],
)
def test_a_function_is_found_by_its_name(name: str, arguments: dict[str, float], value: float) -> None:
    assert load_schedule_function(name, arguments)(3) == pytest.approx(value)


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        (["scheduler.function=invers"], r"did you mean inverse\?"),
        (["scheduler.function=xyz"], "there are: exponential_decay, inverse"),
        (["scheduler.function=onecycle"], r"scheduler\.function=onecycle: is no function of the project"),
        (["scheduler.function=_has_momentum"], "is no function of the project"),
        (["scheduler.function=myproject.schedulers.invers"], r"did you mean myproject\.schedulers\.inverse"),
        (["scheduler.function=myproject.schedules.inverse"], r"did you mean myproject\.schedulers\?"),
        (["scheduler.function=os.path.join"], r"there is no module os\.path"),
        (["scheduler.function=shutil.rmtree"], "is no function of shutil"),
        (["scheduler.function=leyden.system.formatting.count"], "is no function of leyden"),
        (["scheduler.arguments={gama: 0.9}"], r"scheduler\.arguments\.gama: .*did you mean gamma\?"),
        (["scheduler.arguments={gamma: fast}"], r"scheduler\.arguments\.gamma=fast: must be a number"),
        (["scheduler.function=inverse", "scheduler.arguments={gamma: 0.9}"], "inverse takes no such argument"),
        (["scheduler.function=null"], r"add scheduler\.function=exponential_decay"),
        (["scheduler.lr_lambda=inverse"], r"write scheduler\.function=inverse"),
        (["scheduler=step", "scheduler.function=inverse"], "add scheduler=lambda"),
        (["scheduler=constant", "~scheduler.factor", "scheduler._target_=torch.optim.lr_scheduler.SequentialLR"],
         r"set scheduler\.warmup=0\.05"),
        (["scheduler=none", "scheduler.warmup=0.1"], "scheduler=constant"),
    ],
)  # fmt: skip
def test_a_mistake_is_answered_before_torch_is_imported(typed: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message) as raised:
        compose(["experiment=mnist_linear", LAMBDA, *typed])
    assert "\n" not in str(raised.value)


def test_arguments_are_part_of_the_config() -> None:
    config = compose(["experiment=mnist_linear", LAMBDA, "scheduler.arguments={gamma: 0.9}"]).config
    assert config["scheduler"]["arguments"] == {"gamma": 0.9}
