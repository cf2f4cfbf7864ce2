"""Settings of Hydra itself, such as `hydra.run.dir`, that have no effect here, and what replaces them."""

from collections.abc import Sequence

from leyden.config.overrides import masked
from leyden.system.errors import UserError

# Settings that would do nothing, or only a part of what they say.
_REFUSED = {
    "hydra.run.dir": "a run's directory is chosen by paths.run_dir=…, or the folder of all runs by paths.log_dir=…",
    "hydra.output_subdir hydra/output hydra.output": "a run keeps everything in one directory; leave it out, or choose "
    "that by paths.run_dir=…",
    "hydra.sweep.dir hydra.sweep.subdir": "a sweep is kept below paths.log_dir, under its name; set paths.log_dir=… or "
    "sweep.name=…",
    "hydra.job.name hydra.job.id hydra.job.num": "names nothing here; set paths.run_dir=…, or sweep.name=… with -m",
    "hydra.job.chdir": "commands run where they are typed, and paths are relative to that; leave it out",
    "hydra.mode": "several runs are started by -m",
    "hydra.job_logging hydra/job_logging hydra.hydra_logging hydra/hydra_logging hydra.verbose": "the log goes to the "
    "terminal and to train.log in the run directory; leave it out",
    "hydra.job.env_set": "variables are set before the command: NAME=value python …",
}
_HARMLESS = {
    "hydra.job.chdir": ("false", "null"),
    "hydra.output_subdir": ("null",),
    "hydra.verbose": ("false",),
    "hydra.mode": ("RUN", "null"),
}

# Settings that every run has, so that they cannot be removed, and how each is set.
_REQUIRED = {
    "seed": "seed=1",
    "monitor": "monitor=train/loss mode=min",
    "mode": "mode=min",
    "test": "test=false",
    "cache_features": "cache_features=false",
    "matmul_precision": "matmul_precision=highest",
    "paths.log_dir": "paths.log_dir=logs",
    "paths.data_dir": "paths.data_dir=data",
    **{name: f"{name}=null" for name in ("resume", "init_from", "paths.run_dir")},
    **{group: f"{group}=default" for group in ("paths", "sweep", "hydra", "experiment")},
}


def check_hydra(overrides: Sequence[str]) -> None:
    """Refuse, with a UserError, settings of Hydra that have no effect, and the removal of required settings."""
    refused = {name: why for names, why in _REFUSED.items() for name in names.split()}
    for override in overrides:
        key, _, value = override.lstrip("+~").partition("=")
        if override.startswith("~"):
            if key in _REQUIRED:
                raise UserError(f"~{key}: every run has one; leave this out, or set it: {_REQUIRED[key]}")
            continue
        group = key.partition("@")[0]
        for name, why in refused.items():
            if f"{group}.".startswith(f"{name}.") and value not in _HARMLESS.get(name, ()):
                raise UserError(f"{masked(override.lstrip('+'))}: {why}")
