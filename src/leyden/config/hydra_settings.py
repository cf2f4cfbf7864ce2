"""Settings of Hydra's, such as `hydra.run.dir`, that would have no effect here, and what takes their place."""

from collections.abc import Sequence

from leyden.config.overrides import masked
from leyden.system.errors import UserError

# Settings of Hydra's that would do nothing, or half of what they say.
_ONE_DIRECTORY = "a run keeps everything in one directory; leave it out, or choose that by paths.run_dir=…"
_SWEEPS = "a sweep is kept below paths.log_dir, under its name; give paths.log_dir=… or sweep.name=…"
_NO_NAME = "names nothing here; give paths.run_dir=…, or sweep.name=… with -m"
_OWN_LOG = "the log goes to the terminal and to train.log in the run directory; leave it out"
_REFUSED = {
    "hydra.run.dir": "a run's directory is chosen by paths.run_dir=…, or its place by paths.log_dir=…",
    "hydra.output_subdir": _ONE_DIRECTORY,
    "hydra.sweep.dir": _SWEEPS,
    "hydra.sweep.subdir": _SWEEPS,
    "hydra.job.name": _NO_NAME,
    "hydra.job.id": _NO_NAME,
    "hydra.job.num": _NO_NAME,
    "hydra.job.chdir": "commands run where they are typed, and paths are relative to that; leave it out",
    "hydra.mode": "several runs are asked for by -m",
    "hydra.job_logging": _OWN_LOG,
    "hydra/job_logging": _OWN_LOG,
    "hydra.hydra_logging": _OWN_LOG,
    "hydra/hydra_logging": _OWN_LOG,
    "hydra/output": _ONE_DIRECTORY,
    "hydra.output": _ONE_DIRECTORY,
    "hydra.verbose": _OWN_LOG,
    "hydra.job.env_set": "variables are set before the command: NAME=value python …",
}
_HARMLESS = {"hydra.job.chdir": ("false", "null"), "hydra.output_subdir": ("null",), "hydra.verbose": ("false",)}
_HARMLESS["hydra.mode"] = ("RUN", "null")

# What every run has, so that it cannot be taken out, and how it is set.
_KEPT = {
    "seed": "seed=1",
    "monitor": "monitor=train/loss mode=min",
    "mode": "mode=min",
    "test": "test=false",
    "resume": "resume=null",
    "init_from": "init_from=null",
    "cache_features": "cache_features=false",
    "matmul_precision": "matmul_precision=highest",
    "paths": "paths=default",
    "paths.log_dir": "paths.log_dir=logs",
    "paths.run_dir": "paths.run_dir=null",
    "paths.data_dir": "paths.data_dir=data",
    "sweep": "sweep=default",
    "hydra": "hydra=default",
    "experiment": "experiment=default",
}


def check_hydra(overrides: Sequence[str]) -> None:
    """Refuse, with a UserError, settings of Hydra's that would have no effect, and the removal of what is needed."""
    for override in overrides:
        typed = masked(override.lstrip("+"))
        key, _, value = override.lstrip("+~").partition("=")
        if override.startswith("~"):
            if key in _KEPT:
                raise UserError(f"~{key}: every run has one; leave this out, or set it: {_KEPT[key]}")
            continue
        for name, why in _REFUSED.items():
            group = key.partition("@")[0]
            if group != name and not group.startswith(f"{name}."):
                continue
            if value not in _HARMLESS.get(name, ()):
                raise UserError(f"{typed}: {why}")
