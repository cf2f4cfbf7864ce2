"""Run directories without training, and what overrides make of them."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from leyden.config.compose import compose, compose_run
from leyden.records.record import rebase_paths
from leyden.run.directory import Run
from leyden.system.errors import UserError

CONFIGS = Path(__file__).parents[3] / "configs"
Changes = dict[str, Any]


def keep(log_dir: Path, *overrides: str, configs: Path = CONFIGS, **metrics: float) -> Path:
    """The directory of a run that is said to have finished."""
    with Run(compose([f"paths.log_dir={log_dir}", *overrides], configs)) as run:
        run.finish({name.replace("__", "/"): value for name, value in metrics.items()})
    return run.dir


def told(run: Path) -> Any:
    return yaml.safe_load((run / "config.yaml").read_text())


def between(before: Any, after: Any, name: str = "") -> Changes:
    """What stands where in the second of two configs, and not in the first; `gone` for what it lacks."""
    if not isinstance(before, dict) or not isinstance(after, dict):
        return {} if before == after else {name: after}
    found: Changes = {}
    for key in before | after:
        found |= between(before.get(key, "gone"), after.get(key, "gone"), f"{name}.{key}".lstrip("."))
    return found


def changes(run: Path, *typed: str, configs: Path = CONFIGS) -> Changes:
    """What overrides change of what a run has recorded."""
    before, after = told(run), compose_run([f"run={run}", *typed], configs=configs)[0].config
    return between(rebase_paths(before, before["paths"]["run_dir"], str(run)), after)


def refusal(run: Path, *typed: str, configs: Path = CONFIGS) -> str:
    with pytest.raises(UserError) as refused:
        compose_run([f"run={run}", *typed], configs=configs)
    message = str(refused.value)
    assert "\n" not in message
    return message
