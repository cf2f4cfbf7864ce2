"""Configs that were recorded before a class of the engine was removed or moved."""

import pytest
from lightning.pytorch.profilers import PassThroughProfiler

from leyden.checkpoints import trust
from leyden.config.compose import compose
from leyden.records.projects import present_names
from leyden.training.build import build_trainer


@pytest.mark.parametrize("module", ["leyden.profiler", "leyden.training.profiler"])
def test_a_run_with_the_former_profiler_resumes_with_that_of_lightning(module: str, tmp_path: str) -> None:
    config = compose(["experiment=mnist_mlp", f"paths.log_dir={tmp_path}", "trainer=cpu"]).config
    config["trainer"]["profiler"] = {"_target_": f"{module}.NoProfiler"}
    config = present_names(config)
    trust.check(config["trainer"], "trainer")
    assert isinstance(build_trainer(config).profiler, PassThroughProfiler)  # type: ignore[attr-defined]
