"""From values to jobs, without reading all files for each."""

from unittest.mock import Mock

import pytest
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from omegaconf import open_dict, read_write

from leyden.config.compose import check
from leyden.config.experiment import Experiment
from leyden.sweeps.grid import Grid
from leyden.sweeps.job import Job
from leyden.sweeps.job_composer import JobComposer
from tests.leyden.sweeps.conftest import Composing

COMMANDS = [
    ["experiment=mnist_linear,mnist_mlp", "optimizer.lr=0.1,1e-2", "trainer.precision=bf16-mixed"],
    ["model=mlp,cnn", "optimizer.betas=[0.9,0.99],[0.8,0.9]", "seed=1,2"],
    ["experiment=mnist_mlp", "scheduler=none,onecycle", "optimizer.lr=0.1", "data.val_size=10,20"],
    ["data.augment.rotation=0,5", "monitor=val/loss,train/loss", "mode=min"],
    [
        "experiment=mnist_mlp",
        "model.dropout=0.1",
        "model.hidden_sizes=[8],[8,16]",
        "callbacks.best=null",
        "~callbacks.summary",
    ],
    ["optimizer.weight_decay='${optimizer.lr}',0.1", "optimizer.lr=0.1,0.2"],
    ["callbacks=default,none", "callbacks.last=null"],
    ["model.dropout=0.1,0.2", "+model={dropout: 0.5},{dropout: 0.6}"],
    ["model.dropout=0.1,0.2", "model={dropout: 0.5},{dropout: 0.6}"],
    [
        "optimizer.eps=1e-7,1e-6",
        "+optimizer.foreach=true,false",
        "hydra.job.config.override_dirname.exclude_keys=[seed]",
    ],
]


def by_hydra_alone(composer: JobComposer, job: Job) -> tuple[Experiment, str]:
    """All files read, and all overrides applied, for this job; and what Hydra calls it."""
    cfg = composer.context.config_loader.load_sweep_config(composer.config, job.overrides)
    HydraConfig.instance().set_config(cfg)
    with read_write(cfg), open_dict(cfg):
        del cfg["hydra"]
    cfg.paths.run_dir = str(job.dir)
    return check(cfg), HydraConfig.get().job.override_dirname


@pytest.mark.sample(4)
@pytest.mark.parametrize("typed", COMMANDS, ids=" ".join)
def test_a_job_is_what_hydra_composes(typed: list[str], composing: Composing) -> None:
    composer, swept = composing(*typed)
    jobs = Grid(composer, swept).examples()
    assert len(jobs) > 1
    for job in jobs:
        composer.job({text.partition("=")[0]: text.partition("=")[2] for text in job.overrides[-len(swept) :]})
        name = HydraConfig.get().job.override_dirname
        assert (job.experiment, name) == by_hydra_alone(composer, job)


def test_files_are_read_once_for_each_choice_of_them(composing: Composing) -> None:
    composer, swept = composing("model=mlp,cnn", "seed=1,2,3")
    loader = composer.context.config_loader
    load = Mock(side_effect=loader.load_sweep_config)
    loader.load_sweep_config = load  # type: ignore[method-assign]
    assert len(Grid(composer, swept).examples()) == 6
    assert load.call_count == 2


def test_what_hydra_alone_can_do_is_left_to_it(composing: Composing) -> None:
    composer, swept = composing("+optimizer.foreach=true,false", "seed=1,2")
    load = Mock(side_effect=composer.context.config_loader.load_sweep_config)
    composer.context.config_loader.load_sweep_config = load  # type: ignore[method-assign]
    assert len(Grid(composer, swept).examples()) == 4
    assert load.call_count == 4


def test_a_value_where_there_is_no_place_for_it_is_told_as_by_hydra(composing: Composing) -> None:
    with pytest.raises(HydraException, match=r"'foo'\.\n.*\+foo=1"):
        Grid(*composing("foo=1,2"))
