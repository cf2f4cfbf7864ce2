"""A sweep, top to bottom: what is typed becomes jobs, jobs are executed, a table tells what came of them.

Torch is not imported here; jobs do that in processes of their own.
"""

import logging
import time
from collections.abc import Sequence
from pathlib import Path
from signal import Signals
from typing import Any, NamedTuple

import rich
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.core.plugins import Plugins
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf

from leyden.config.overrides import as_typed
from leyden.run.new_record import code_of
from leyden.sweeps.board import Board
from leyden.sweeps.compose import Composer
from leyden.sweeps.executors.executor import OUTPUT, Executor
from leyden.sweeps.executors.hydra_launcher import HydraLauncherExecutor
from leyden.sweeps.grid import Grid
from leyden.sweeps.job import Job, Outcome, outcome
from leyden.sweeps.loop import Loop
from leyden.sweeps.names import sweep_name
from leyden.sweeps.source import Source
from leyden.sweeps.state import SweepRecord
from leyden.sweeps.summary import as_table, summarize
from leyden.system.atomic_files import full_disk
from leyden.system.errors import UserError
from leyden.system.formatting import count
from leyden.system.graceful_shutdown import Interrupted, interruption
from leyden.system.suggestions import did_you_mean

log = logging.getLogger(__name__)


def sweep(context: HydraContext, task: TaskFunction, config: DictConfig, arguments: Sequence[str]) -> None:
    """Run a sweep, or go on with it.

    Args:
        context: Hydra's.
        task: what Hydra's own launchers call for each job.
        config: composed for the sweep as a whole, with Hydra's own part.
        arguments: overrides, as Hydra takes them.

    Raises:
        UserError: it does not hold.
        SystemExit: a job failed (1), or a signal ended it (130, 143).
    """
    before = HydraConfig.instance().cfg
    try:
        source, directory, constants = _plan(context, config, arguments)
        executor = _executor(context, task, config)
        _run(source, executor, directory, config, as_typed(arguments), constants)
    finally:
        HydraConfig.instance().cfg = before


def _plan(context: HydraContext, config: DictConfig, arguments: Sequence[str]) -> tuple[Source, Path, list[str]]:
    """The jobs, the directory that keeps them, and what they have in common."""
    settings: dict[str, Any] = OmegaConf.to_container(config.sweep, resolve=True)  # type: ignore[assignment]
    is_search = "n_trials" in settings
    if settings.get("on_error") not in ("continue", "stop"):
        raise UserError(f"sweep.on_error={settings.get('on_error')}: must be continue or stop")
    if not is_search and (unknown := settings.keys() - {"name", "on_error"}):
        key = min(unknown)
        known = [f"sweep.{name}" for name in ("name", "on_error")]
        raise UserError(f"sweep.{key}: unknown key{did_you_mean(f'sweep.{key}', known)}; searches have more: sweep=…")
    overrides = OverridesParser.create(config_loader=context.config_loader).parse_overrides(list(arguments))
    swept = {override.get_key_element(): override for override in overrides if override.is_sweep_override()}
    constants = [override for override in overrides if not override.is_sweep_override()]
    name = sweep_name(
        settings["name"],
        str(config.hydra.runtime.choices.sweep) if is_search else None,
        [key.lstrip("+") for key in swept],
        {override.get_key_element().lstrip("+"): override.get_value_element_as_str() for override in constants},
    )
    directory = Path(config.hydra.sweep.dir) / name
    texts = [_line(override) for override in constants]
    composer = Composer(context, config, texts, directory)
    if not is_search:
        return Grid(composer, swept), directory, as_typed(texts)
    from leyden.sweeps.search import Search  # needs a package that is optional

    return Search(composer, settings, swept, config.monitor, config.mode, config.seed), directory, as_typed(texts)


def _line(override: Override) -> str:
    assert override.input_line is not None
    return override.input_line


def _executor(context: HydraContext, task: TaskFunction, config: DictConfig) -> Executor:
    launcher = Plugins.instance().instantiate_launcher(hydra_context=context, task_function=task, config=config)
    own = getattr(launcher, "executor", None)
    executor: Executor = own() if own else HydraLauncherExecutor(launcher)
    return executor


def _run(
    source: Source,
    executor: Executor,
    directory: Path,
    config: DictConfig,
    overrides: Sequence[str],
    constants: Sequence[str],
) -> None:
    experiment, began = source.examples()[0].experiment.name, time.time()
    try:
        with SweepRecord(directory, source, experiment, overrides, constants) as record:
            try:
                done = _execute(source, executor, directory, record, config.sweep.on_error == "stop")
            except (Interrupted, KeyboardInterrupt) as error:  # before there was a job to be asked to stop
                stopped = interruption(error)
                done = _Done(stopped.signal if stopped else Signals.SIGINT)
            left = source.left()
            record.close("interrupted" if done.received else "failed" if done.failed or left else "finished")
    except OSError as error:
        if full := full_disk(error, directory, "the same command goes on"):
            raise full from error
        raise
    console = rich.get_console()
    width = console.width if console.is_terminal else None
    console.print(as_table(summarize(directory), width), soft_wrap=True)
    if done.received:
        log.warning("interrupted by %s; the same command goes on", done.received.name)
        raise SystemExit(128 + done.received)
    if done.refused_for:
        tried = f"{len(done.failed)} of {count(source.total, 'job')}"
        raise UserError(f"{done.refused_for} (so it is with every job: {tried} tried)")
    if done.failed or left:
        printed = [path for job in done.failed if (path := directory / OUTPUT / f"{job.name}.txt").is_file()]
        kept = any(path.stat().st_mtime >= began for path in printed)  # or they were of an earlier time
        told = "%s not done, of which %d failed; the same command goes on%s"
        where = f"; what they printed is in {directory / OUTPUT}" if kept else ""
        log.error(told, count(left, "job"), len(done.failed), where)
        raise SystemExit(1)
    log.info("kept in %s; more: python scripts/summarize.py %s", directory, directory)


class _Done(NamedTuple):
    """How the execution of a sweep ended: the signal that ended it, if one did; jobs that failed; what refuses all."""

    received: Signals | None = None
    failed: Sequence[Job] = ()
    refused_for: str | None = None


def _execute(source: Source, executor: Executor, directory: Path, record: SweepRecord, stops_on_failure: bool) -> _Done:
    """Do what is left."""
    done = source.open()
    log.info("sweep: %s, in %s%s", count(source.total, "job"), directory, f"; {len(done)} done already" if done else "")
    of_them = {found.job.name for found in done}
    waiting = [outcome(job) for job in source.examples() if job.name not in of_them] if source.kind == "grid" else []
    for found in (*done, *waiting):
        record.note(found)
    record.save()
    _tell_of_other_code(done, code_of(record.git))
    if not source.left():
        source.close()
        return _Done()
    executor.open(directory, source.examples())
    try:
        board = Board(source.total, source.total - source.left(), source.objectives, alone=executor.slots == 1)
        loop = Loop(source, executor, record, board, stops_on_failure)
        return _Done(loop.run(), loop.failed, loop.refusals.common)
    finally:
        executor.close()
        source.close()


def _tell_of_other_code(done: Sequence[Outcome], now: str) -> None:
    others = {code for found in done if (code := code_of(found.record.get("git"))) != now}
    if others:
        log.warning("jobs that are done were run by other code: %s, which now is %s", ", ".join(sorted(others)), now)
