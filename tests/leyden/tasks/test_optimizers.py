from collections.abc import Mapping
from functools import partial

import pytest
import torch
from torch import nn
from torch.optim import LBFGS, SGD, AdamW, Optimizer

from leyden.system.errors import UserError
from leyden.tasks.optimizers import OptimizerFactory


def network() -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(16, 8), nn.Linear(8, 3))


def adamw(decay: float = 0.1) -> partial[AdamW]:
    return partial(AdamW, lr=0.01, weight_decay=decay)


def settings(optimizer: Optimizer, owner: nn.Module, name: str) -> Mapping[str, float]:
    """The one group that a parameter is in."""
    parameter = owner.get_parameter(name)
    (group,) = [g for g in optimizer.param_groups if any(p is parameter for p in g["params"])]
    return group


@pytest.mark.parametrize("lr_scale", [{}, {"^0": 0.1}, {"weight": 0.5, "^4": 2.0}, {"": 0.3}])
@pytest.mark.parametrize("decay_norm_and_bias", [False, True])
@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_every_parameter_is_in_exactly_one_group(
    lr_scale: dict[str, float], decay_norm_and_bias: bool, decay: float
) -> None:
    owner = network()
    optimizer = OptimizerFactory(adamw(decay), decay_norm_and_bias, lr_scale)(owner)
    grouped = [id(parameter) for group in optimizer.param_groups for parameter in group["params"]]
    assert sorted(grouped) == sorted(id(parameter) for parameter in owner.parameters())


def test_a_parameter_that_two_layers_share_is_taken_once() -> None:
    owner = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    owner[1].weight = owner[0].weight
    optimizer = OptimizerFactory(adamw())(owner)
    assert sum(len(group["params"]) for group in optimizer.param_groups) == 3


def test_biases_and_norms_do_not_decay() -> None:
    owner = network()
    optimizer = OptimizerFactory(adamw())(owner)
    decays = {name: settings(optimizer, owner, name)["weight_decay"] for name, _ in owner.named_parameters()}
    assert decays == {
        "0.weight": 0.1,
        "0.bias": 0.0,
        "1.weight": 0.0,
        "1.bias": 0.0,
        "3.weight": 0.1,
        "3.bias": 0.0,
        "4.weight": 0.1,
        "4.bias": 0.0,
    }
    assert all(group["lr"] == 0.01 for group in optimizer.param_groups)


def test_biases_and_norms_decay_when_told_to() -> None:
    optimizer = OptimizerFactory(adamw(), decay_norm_and_bias=True)(network())
    assert [group["weight_decay"] for group in optimizer.param_groups] == [0.1]


def test_the_weight_decay_that_a_class_has_by_itself_spares_biases_too() -> None:
    owner = network()
    optimizer = OptimizerFactory(AdamW)(owner)
    assert settings(optimizer, owner, "0.weight")["weight_decay"] == AdamW(owner.parameters()).defaults["weight_decay"]
    assert settings(optimizer, owner, "0.bias")["weight_decay"] == 0


def test_without_weight_decay_there_is_one_group() -> None:
    optimizer = OptimizerFactory(adamw(decay=0))(network())
    assert len(optimizer.param_groups) == 1


def test_a_pattern_scales_the_learning_rate_of_the_parameters_it_finds() -> None:
    owner = network()
    optimizer = OptimizerFactory(adamw(), lr_scale={r"^0\.": 0.1})(owner)
    for name, _ in owner.named_parameters():
        group = settings(optimizer, owner, name)
        assert group["lr"] == pytest.approx(0.001 if name.startswith("0.") else 0.01)
        assert group["weight_decay"] == (0.1 if name.endswith("weight") and not name.startswith("1.") else 0)


def test_the_first_pattern_that_fits_is_taken() -> None:
    owner = network()
    optimizer = OptimizerFactory(adamw(), lr_scale={r"^4": 10, "bias": 0.5, "": 3})(owner)
    rates = {name: settings(optimizer, owner, name)["lr"] for name, _ in owner.named_parameters()}
    assert rates["4.bias"] == rates["4.weight"] == pytest.approx(0.1)
    assert rates["3.bias"] == rates["0.bias"] == pytest.approx(0.005)
    assert rates["3.weight"] == pytest.approx(0.03)


def test_a_pattern_that_finds_nothing_is_refused() -> None:
    with pytest.raises(UserError, match=r"optimizer\.lr_scale: .*backbone"):
        OptimizerFactory(adamw(), lr_scale={"weight": 0.5, "backbone": 0.1})(network())


def test_frozen_parameters_are_left_out() -> None:
    owner = network()
    owner[0].requires_grad_(False)
    optimizer = OptimizerFactory(adamw())(owner)
    grouped = {id(parameter) for group in optimizer.param_groups for parameter in group["params"]}
    assert grouped == {id(parameter) for name, parameter in owner.named_parameters() if not name.startswith("0.")}


def test_a_pattern_for_parameters_that_are_frozen_now_waits_for_them() -> None:
    owner, factory = network(), OptimizerFactory(adamw(), lr_scale={"^0": 0.1})
    owner[0].requires_grad_(False)
    assert {group["lr"] for group in factory(owner).param_groups} == {0.01}
    owner[0].requires_grad_(True)
    assert {group["lr"] for group in factory(owner).param_groups} == {0.01, 0.001}


def test_a_network_with_nothing_to_train_is_refused() -> None:
    with pytest.raises(UserError, match="no parameter to train"):
        OptimizerFactory(adamw())(nn.Flatten())
    with pytest.raises(UserError, match="no parameter to train"):
        OptimizerFactory(adamw())(network().requires_grad_(False))


def test_an_optimizer_that_takes_no_groups_gets_plain_parameters() -> None:
    given: list[object] = []

    def make(parameters: list[nn.Parameter]) -> Optimizer:
        given.extend(parameters)
        return LBFGS(parameters)

    OptimizerFactory(make)(network())
    assert all(isinstance(parameter, nn.Parameter) for parameter in given)


def test_a_step_uses_what_the_groups_say() -> None:
    owner = network()
    before = {name: parameter.clone() for name, parameter in owner.named_parameters()}
    optimizer = OptimizerFactory(partial(SGD, lr=0.1, weight_decay=0.5), lr_scale={r"^4": 0.0})(owner)
    for parameter in owner.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()  # without gradients, decay alone moves
    for name, parameter in owner.named_parameters():
        factor = 0.95 if name in ("0.weight", "3.weight") else 1.0
        assert torch.allclose(parameter, before[name] * factor), name
