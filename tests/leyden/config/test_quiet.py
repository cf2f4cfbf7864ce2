"""The setting `quiet` is one of the command, not of its run."""

from pathlib import Path

import pytest

from leyden.config.compose import compose, compose_run
from leyden.config.quiet import without_quiet
from leyden.config.recorded import differences
from leyden.sweeps.naming import sweep_name
from leyden.system.errors import UserError


def test_the_run_has_nothing_of_it() -> None:
    experiment = compose(["quiet=true", "seed=3"])
    assert "quiet" not in experiment.config
    assert experiment.overrides == ["seed=3"]


def test_a_run_that_is_resumed_or_evaluated_is_the_same_run(run: Path) -> None:
    resumed = compose([f"resume={run}", "quiet=true"])
    assert not resumed.changed
    assert not any("quiet" in override for override in resumed.overrides)
    for command in ("eval", "predict"):
        recorded, settings = compose_run([f"run={run}", "quiet=true"], command)
        assert settings["quiet"] is True
        assert not differences(recorded.before, recorded.config)
        assert not any("quiet" in override for override in recorded.typed)


def test_other_values_are_refused(run: Path) -> None:
    with pytest.raises(UserError, match="quiet=yes: must be true or false; write quiet=true"):
        compose(["quiet=yes"])
    with pytest.raises(UserError, match="quiet=maybe: must be true or false"):
        compose_run([f"run={run}", "quiet=maybe"])


def test_a_sweep_has_the_same_name_with_it() -> None:
    assert sweep_name(None, None, ["seed"], {"quiet": "true"}) == sweep_name(None, None, ["seed"], {})
    assert without_quiet(["quiet=true", "++quiet=false", "seed=1", "model.quiet=1"]) == ["seed=1", "model.quiet=1"]
