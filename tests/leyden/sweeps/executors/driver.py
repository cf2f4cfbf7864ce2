"""What a sweep does with an executor, without a sweep; and what is compared of what comes of it."""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from leyden.config.compose import compose
from leyden.sweeps.executors.executor import Ended, Executor
from leyden.sweeps.job import Job, run_job
from tests.leyden.helpers.logged import table

LIMIT = 240.0  # seconds: the machine may be busy


def job(sweep_dir: Path, name: str, settings: Sequence[str]) -> Job:
    """A job as a sweep makes one."""
    typed = ["experiment=mnist_linear", *settings, f"paths.run_dir='{sweep_dir / name}'"]
    return Job(name, {"seed": name}, compose(typed))


def jobs(sweep_dir: Path, settings: Sequence[str], number: int = 4) -> list[Job]:
    """Some that differ in their seeds."""
    return [job(sweep_dir, f"seed={seed}", [*settings, f"seed={seed}"]) for seed in range(1, number + 1)]


def until(happens: Callable[[], Any], limit: float = LIMIT) -> None:
    """Wait until something is the case."""
    since = time.monotonic()
    while not happens():
        assert time.monotonic() - since < limit, "it did not happen"
        time.sleep(0.05)


def ends(executor: Executor, number: int) -> dict[str, str | None]:
    """Wait for jobs; the cause of each, by name."""
    ended: list[Ended] = []
    until(lambda: (ended.extend(executor.wait(1.0)), len(ended) >= number)[1])
    return {one.job.name: one.cause for one in ended}


def execute(executor: Executor, sweep_dir: Path, todo: Sequence[Job]) -> dict[str, str | None]:
    """Execute jobs as a sweep does; the cause of each, by name."""
    sweep_dir.mkdir(parents=True, exist_ok=True)
    executor.open(sweep_dir, todo)
    try:
        waiting, causes = list(todo), {}
        running = 0
        while waiting or running:
            while waiting and running < executor.slots:
                executor.start(waiting.pop(0))
                running += 1
            ended = ends(executor, 1)
            causes |= ended
            running -= len(ended)
        return causes
    finally:
        executor.close()


def record(job: Job) -> dict[str, Any]:
    path = job.dir / "run.json"
    content: dict[str, Any] = json.loads(path.read_text()) if path.is_file() else {}
    return content


def result(job: Job) -> dict[str, Any]:
    """What must be the same wherever a job was executed, to the last bit."""
    kept = record(job)
    weights = torch.load(job.dir / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]
    return {
        "status": kept["status"],
        "metrics": kept["metrics"],
        "steps": kept["steps"],
        "metrics.csv": table(job.dir),
        "weights": {name: tensor.numpy().tobytes() for name, tensor in weights.items()},
        "files": sorted(p.name for p in job.dir.iterdir()),
    }


def alone(job: Job, sweep_dir: Path) -> dict[str, Any]:
    """The result of the same job elsewhere, in this process."""
    config = json.loads(json.dumps(job.experiment.config).replace(str(job.dir), str(sweep_dir / job.name)))
    again = replace(job, experiment=replace(job.experiment, config=config, resumes=False))
    run_job(again)
    return result(again)
