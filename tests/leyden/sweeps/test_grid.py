import re
from pathlib import Path

import pytest
import yaml

from leyden.records.record import CONFIG, OVERRIDES
from leyden.sweeps.grid import Grid
from leyden.system.errors import UserError
from tests.leyden.sweeps.conftest import Composing
from tests.leyden.sweeps.made_jobs import finish


def test_a_grid_is_every_combination_the_last_key_first(composing: Composing) -> None:
    grid = Grid(*composing("experiment=mnist_linear", "optimizer.lr=0.1,1e-2", "seed=range(3)"))
    assert [job.settings for job in grid.examples()] == [
        {"optimizer.lr": lr, "seed": seed} for lr in (0.1, 0.01) for seed in (0, 1, 2)
    ]
    assert grid.total == 6
    assert grid.swept == ["optimizer.lr", "seed"]
    assert grid.objectives == {"val/acc": "max"}
    for job in grid.examples():
        config = job.experiment.config
        assert (config["optimizer"]["lr"], config["seed"]) == tuple(job.settings.values())
        assert config["callbacks"]["best"]["dirpath"] == f"{job.dir}/checkpoints"
        assert f"seed={job.settings['seed']}" in job.experiment.overrides
        assert "sweep" not in config
    assert len({job.dir for job in grid.examples()}) == 6


def test_groups_and_lists_can_be_swept(composing: Composing) -> None:
    grid = Grid(*composing("model=mlp,cnn", "optimizer.betas=[0.9,0.99],[0.8,0.9]"))
    assert [job.name for job in grid.examples()] == [
        f"model={model},optimizer.betas={betas}" for model in ("mlp", "cnn") for betas in ("0.9-0.99", "0.8-0.9")
    ]
    configs = [job.experiment.config for job in grid.examples()]
    assert [config["model"]["_target_"].rpartition(".")[2] for config in configs] == ["MLP", "MLP", "CNN", "CNN"]
    assert configs[1]["optimizer"]["betas"] == [0.8, 0.9]


def test_nothing_swept_is_one_job(composing: Composing) -> None:
    grid = Grid(*composing("experiment=mnist_linear"))
    assert [job.name for job in grid.examples()] == ["default"]


def test_a_value_that_is_given_twice_is_run_once(composing: Composing) -> None:
    assert Grid(*composing("seed=1,1,2")).total == 2


def test_a_mistake_in_one_job_is_told_before_any_is_executed(composing: Composing) -> None:
    with pytest.raises(UserError, match=r"optimizer\.lr=-0\.1: must be greater than 0"):
        Grid(*composing("optimizer.lr=0.1,-0.1"))


def test_a_mistake_that_no_typed_key_is_named_for_has_the_job_that_it_is_of(composing: Composing) -> None:
    with pytest.raises(UserError, match=r"one dropout.* \(of the job model\.hidden_sizes=64\)$"):
        Grid(*composing("experiment=mnist_mlp", "model.hidden_sizes=[64],[64,32]"))
    with pytest.raises(UserError, match=r"data\.batch_size=0: must be [^(]*$"):
        Grid(*composing("data.batch_size=0", "model.width=32,64", "model=cnn"))


@pytest.mark.sample(2)
@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("resume=a,b", "resume=a: resumes one run"),
        ("init_from=last", "init_from=last: would be a different run for each job"),
        ("paths.run_dir=a,b", "paths.run_dir=a: each job has its own directory"),
        ("seed=glob(*)", "seed=glob.*: "),
    ],
)
def test_what_would_not_be_the_same_sweep_again_is_refused(typed: str, told: str, composing: Composing) -> None:
    with pytest.raises(UserError, match=told):
        Grid(*composing("seed=1,2", typed) if not typed.startswith("seed") else composing(typed))


def test_jobs_that_a_file_system_could_not_tell_apart_are_refused(composing: Composing) -> None:
    with pytest.raises(UserError, match="two jobs would have a directory of this name"):
        Grid(*composing("data.root=a,A"))


def test_a_range_without_a_search_is_refused(composing: Composing) -> None:
    with pytest.raises(UserError, match=r"interval\(0\.1,1\): is the range of a search"):
        Grid(*composing("optimizer.lr=interval(0.1,1)"))


def test_jobs_that_are_done_are_not_handed_out_and_others_go_on(composing: Composing) -> None:
    typed = composing("seed=1,2,3")
    first, second, _third = Grid(*typed).examples()
    finish(first)
    finish(second, status="failed")
    grid = Grid(*typed)
    assert [found.job.name for found in grid.open()] == ["seed=1"]
    jobs = [grid.ask(), grid.ask()]
    assert [(job.name, job.experiment.resumes) for job in jobs if job] == [("seed=2", True), ("seed=3", False)]
    assert grid.ask() is None


@pytest.mark.parametrize("checkpoint", [True, False])
def test_a_job_of_other_settings_is_neither_skipped_nor_overwritten(checkpoint: bool, composing: Composing) -> None:
    job = Grid(*composing("seed=1,2")).examples()[0]
    finish(job)
    if not checkpoint:
        assert len(Grid(*composing("seed=1,2")).open()) == 1  # as it stands
    other = {**job.experiment.config, "data": {**job.experiment.config["data"], "batch_size": 7}}
    (job.dir / CONFIG).write_text(yaml.safe_dump(other))
    (job.dir / "checkpoints").mkdir()
    if checkpoint:
        (job.dir / "checkpoints" / "last.ckpt").touch()
        finish(job, status="failed")
    with pytest.raises(UserError, match=r"was run with other settings: data\.batch_size=7, now 64;"):
        Grid(*composing("seed=1,2"))


def test_a_job_that_was_gone_on_with_by_itself_stays_as_it_is(
    composing: Composing, caplog: pytest.LogCaptureFixture
) -> None:
    job = Grid(*composing("seed=1,2", "trainer.max_epochs=2")).examples()[0]
    finish(job)
    config = job.experiment.config
    (job.dir / CONFIG).write_text(yaml.safe_dump({**config, "trainer": {**config["trainer"], "max_epochs": 5}}))
    (job.dir / OVERRIDES).write_text(yaml.safe_dump([*job.experiment.overrides, "trainer.max_epochs=5"]))
    assert len(Grid(*composing("seed=1,2", "trainer.max_epochs=2")).open()) == 1
    assert caplog.messages == ["seed=1: was resumed by hand with trainer.max_epochs=5; it stays as it is"]
    (job.dir / OVERRIDES).write_text(yaml.safe_dump(job.experiment.overrides))
    with pytest.raises(UserError, match=r"was run with other settings: trainer\.max_epochs=5, now 2;"):
        Grid(*composing("seed=1,2", "trainer.max_epochs=2"))


def test_a_sweep_of_an_older_version_is_still_the_same(composing: Composing) -> None:
    """It recorded the shipped classes under their former names, and a profiler that did nothing."""
    job = Grid(*composing("seed=1,2")).examples()[0]
    finish(job)
    config = job.experiment.config
    profiler = {"_target_": "leyden.profiler.NoProfiler"}
    text = yaml.safe_dump({**config, "trainer": {**config["trainer"], "profiler": profiler}})
    assert "myproject.models" in text
    (job.dir / CONFIG).write_text(re.sub(r"myproject\.(models|data|tasks)", r"leyden.\1", text))
    assert len(Grid(*composing("seed=1,2")).open()) == 1


def test_a_sweep_whose_place_has_changed_is_still_the_same(composing: Composing, tmp_path: Path) -> None:
    job = Grid(*composing("seed=1")).examples()[0]
    finish(job)
    config = yaml.safe_dump(job.experiment.config).replace(str(tmp_path), "/elsewhere")
    (job.dir / CONFIG).write_text(config)
    (job.dir / "checkpoints").mkdir()
    (job.dir / "checkpoints" / "last.ckpt").touch()
    assert len(Grid(*composing("seed=1")).open()) == 1
