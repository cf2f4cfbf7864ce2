"""Settings of the optimizer's steps that do not go together, or that train wrongly without a word."""

from collections.abc import Iterator, Mapping
from typing import Any

from leyden.system.errors import UserError

HALF_ON_CPU = (
    "trainer.precision=16-true: numbers of 16 bits are too small for gradients and optimizers on a CPU; try "
    "trainer.precision=bf16-true or trainer.precision=32-true"
)


def check_steps(config: Mapping[str, Any]) -> None:
    """Check precision, gradient accumulation and optimizer against each other.

    Raises:
        UserError: two of them do not go together.
    """
    trainer = config["trainer"]
    precision, accelerator = str(trainer.get("precision")), trainer.get("accelerator")
    if precision == "16-true" and accelerator == "cpu":
        raise UserError(HALF_ON_CPU)
    every = trainer.get("accumulate_grad_batches") or 1
    accumulates = {"trainer.accumulate_grad_batches": every}
    for name, scheduling in _schedules(config):
        if every != 1:
            raise UserError(
                f"trainer.accumulate_grad_batches={every}: is set by {name} too; add trainer.accumulate_grad_batches=1"
            )
        accumulates[f"{name}.scheduling"] = max(scheduling.values(), default=1)
    if str(config["optimizer"].get("_target_")).rpartition(".")[2] != "LBFGS":
        return
    for name, most in accumulates.items():
        if most != 1:
            raise UserError(
                f"{name}: optimizer=lbfgs evaluates the loss of one batch several times in a step, and cannot "
                "accumulate the gradients of several; leave it out and give a larger data.batch_size, or try "
                "optimizer=adam"
            )
    devices = trainer.get("devices", 1)
    if (len(devices) if isinstance(devices, list) else str(devices)) not in (1, "1") or trainer.get(
        "num_nodes", 1
    ) != 1:
        raise UserError(
            f"trainer.devices={devices}: optimizer=lbfgs decides by the loss of its own process how often it evaluates "
            "it, and several processes would wait for each other for ever; add trainer.devices=1 trainer.num_nodes=1"
        )
    if precision in ("16", "16-mixed"):
        raise UserError(
            f"trainer.precision={precision}: optimizer=lbfgs cannot undo the scaling of its loss; try "
            "trainer.precision=bf16-mixed"
        )


def _schedules(config: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[int, int]]]:
    """The callbacks that change the accumulation between epochs, by their full names, and their plans."""
    for name, node in (config.get("callbacks") or {}).items():
        is_one = node and str(node.get("_target_")).rpartition(".")[2] == "GradientAccumulationScheduler"
        if is_one and isinstance(node.get("scheduling"), Mapping):
            yield f"callbacks.{name}", node["scheduling"]
