"""What is asked of SLURM, as submitit writes it down; no job is executed."""

from pathlib import Path
from typing import Any

import pytest

from leyden.sweeps.executors import worker
from leyden.sweeps.executors.slurm import SlurmExecutor
from leyden.sweeps.executors.slurm_settings import SlurmSettings
from leyden.system.errors import UserError
from tests.leyden.sweeps.executors.driver import job


def asked(sweep_dir: Path, typed: list[str], monkeypatch: pytest.MonkeyPatch, **settings: Any) -> list[str]:
    """The lines of the file for sbatch."""
    import submitit

    monkeypatch.setattr(submitit.SlurmExecutor, "affinity", classmethod(lambda cls: 2))
    executor = submitit.SlurmExecutor(sweep_dir)
    executor.update_parameters(**SlurmSettings(**settings).parameters(job(sweep_dir, "one", typed)))
    return executor._make_submission_file_text("python …", "1").splitlines()


def test_every_setting_reaches_sbatch(quick: list[str], sweep_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = asked(
        sweep_dir,
        quick,
        monkeypatch,
        timeout_min=90,
        signal_delay_s=60,
        nodes=2,
        tasks_per_node=4,
        gpus_per_node=8,
        cpus_per_task=6,
        mem_gb=1.5,
        partition="long",
        account="me",
        qos="low",
        constraint="a100",
        setup=["module load cuda"],
        additional_parameters={"mail-type": "FAIL"},
    )
    expected = [
        "time=90", "signal=USR2@60", "nodes=2", "ntasks-per-node=4", "gpus-per-node=8", "cpus-per-task=6", "mem=1536MB",
        "partition=long", "account=me", "qos=low", "constraint=a100", "mail-type=FAIL", "open-mode=append", "requeue",
    ]  # fmt: skip
    assert {f"#SBATCH --{line}" for line in expected} <= set(lines)
    assert "module load cuda" in lines
    srun = next(line for line in lines if line.startswith("srun"))
    assert "--kill-on-bad-exit=1" in srun
    assert lines.index("module load cuda") < lines.index(srun)


@pytest.mark.sample(2)
@pytest.mark.parametrize(
    ("typed", "settings", "expected"),
    [
        ([], {}, {"ntasks-per-node": "1", "nodes": "1"}),
        (["trainer=gpu"], {}, {"ntasks-per-node": "1", "nodes": "1", "gpus-per-node": "1"}),
        (
            ["trainer=ddp", "trainer.devices=4", "+trainer.num_nodes=2"],
            {},
            {"ntasks-per-node": "4", "nodes": "2", "gpus-per-node": "4"},
        ),
        (["trainer=ddp"], {"gpus_per_node": 8}, {"ntasks-per-node": "8", "nodes": "1", "gpus-per-node": "8"}),
        (["trainer=ddp_cpu"], {}, {"ntasks-per-node": "2", "nodes": "1"}),
        (["trainer=ddp", "trainer.devices=[0,1]"], {}, {"ntasks-per-node": "2", "nodes": "1", "gpus-per-node": "2"}),
    ],
)
def test_tasks_nodes_and_gpus_are_those_of_the_trainer(
    typed: list[str],
    settings: dict[str, Any],
    expected: dict[str, str],
    quick: list[str],
    sweep_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    quick = [setting for setting in quick if not setting.startswith("trainer.accelerator")]
    lines = asked(sweep_dir, [*quick, *typed], monkeypatch, **settings)
    said = dict(line.removeprefix("#SBATCH --").split("=", 1) for line in lines if "=" in line and "#SBATCH" in line)
    assert {key: said[key] for key in ("ntasks-per-node", "nodes", "gpus-per-node") if key in said} == expected


def test_without_slurm_it_says_so(quick: list[str], sweep_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(UserError, match=r"there is no SLURM on this machine .*hydra\.launcher\.cluster=local"):
        SlurmExecutor().open(sweep_dir, [job(sweep_dir, "one", quick)])


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"cluster": "lsf"}, "hydra.launcher.cluster=lsf: must be slurm or local"),
        ({"partitoin": "x"}, "hydra.launcher.partitoin: unknown key.*partition"),
        ({"nodes": 0}, "hydra.launcher.nodes=0: must be a number of at least 1"),
        ({"mem_gb": "much"}, "hydra.launcher.mem_gb=much: must be a number of at least 0"),
    ],
)
def test_a_mistake_is_one_line(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        SlurmExecutor(**settings)


@pytest.mark.parametrize(("package", "launcher"), [("submitit", "slurm"), ("ray", "ray")])
def test_what_is_not_installed_is_named_with_the_remedy(
    package: str, launcher: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(name: str) -> None:
        raise ModuleNotFoundError(name=name)

    monkeypatch.setattr(worker, "import_module", missing)
    with pytest.raises(UserError, match=rf"{package} is not installed; uv sync --extra {launcher}, or pip install"):
        worker.import_optional(package, launcher)
