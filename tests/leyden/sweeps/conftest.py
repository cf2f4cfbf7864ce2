from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hydra._internal.hydra import Hydra
from hydra._internal.utils import create_config_search_path
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.types import RunMode

from leyden.config.overrides import allow_new_values
from leyden.studies.storage import open_storage
from leyden.sweeps.job_composer import JobComposer
from tests.leyden.helpers.kept_sweeps import failed, finished, keep_sweep
from tests.leyden.sweeps.made_search import place

ROOT = Path(__file__).parents[3]
Composing = Callable[..., tuple[JobComposer, dict[str, Override]]]


@pytest.fixture
def composing(tmp_path: Path) -> Iterator[Composing]:
    """Makes the composer of a sweep, and the values that are swept, from what is typed."""

    def compose(*typed: str) -> tuple[JobComposer, dict[str, Override]]:
        arguments = allow_new_values([f"paths.log_dir={tmp_path}", *typed])
        GlobalHydra.instance().clear()
        hydra = Hydra.create_main_hydra2("train", create_config_search_path(str(ROOT / "configs")))
        config = hydra.compose_config("train", [*arguments, "hydra.mode=MULTIRUN"], run_mode=RunMode.MULTIRUN)
        overrides = OverridesParser.create(config_loader=hydra.config_loader).parse_overrides(arguments)
        swept = {override.get_key_element(): override for override in overrides if override.is_sweep_override()}
        constants = [str(override.input_line) for override in overrides if not override.is_sweep_override()]
        context = type("Context", (), {"config_loader": hydra.config_loader})()
        return JobComposer(context, config, constants, tmp_path / "sweep"), swept

    yield compose
    GlobalHydra.instance().clear()
    HydraConfig.instance().cfg = None


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tables of a study that holds nothing."""
    path = tmp_path_factory.mktemp("empty") / "study.db"
    open_storage(f"sqlite:///{path}").engine.dispose()
    return path


@pytest.fixture
def folder(tmp_path: Path, empty: Path) -> Path:
    """The directory of a sweep."""
    return place(tmp_path / "sweep", empty)


@pytest.fixture
def grid(tmp_path: Path) -> Path:
    """Two learning rates and two widths with three seeds each; one job failed, one was killed, one never began."""
    losses = {(0.1, 32): [0.3, 0.5, 0.4], (0.1, 64): [0.25, None, 0.35], (0.01, 32): [0.2, 0.2, 0.2]}
    jobs = [
        {"settings": {"optimizer.lr": lr, "model.width": width, "seed": seed}}
        | ({"record": finished(best__val__loss=loss, val__loss=9.0, test__acc=1 - loss)} if loss else failed("Boom: x"))
        for (lr, width), found in losses.items()
        for seed, loss in enumerate(found, start=1)
    ]
    jobs += [{"settings": {"optimizer.lr": 0.01, "model.width": 64, "seed": 1}, "record": finished("running")}]
    jobs += [{"settings": {"optimizer.lr": 0.01, "model.width": 64, "seed": 2}, "status": "waiting"}]
    return keep_sweep(tmp_path / "grid", jobs, constants=["trainer.max_epochs=3", "sweep.name=grid"])
