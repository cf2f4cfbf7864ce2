"""A sweep from top to bottom: overrides become jobs, jobs are executed, a table summarizes them.

Torch is only imported by the jobs, in their own processes.
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
from leyden.config.quiet import is_quiet, without_quiet
from leyden.run.new_record import code_of
from leyden.sweeps.executors.executor import OUTPUT, Executor
from leyden.sweeps.executors.hydra_launcher import HydraLauncherExecutor
from leyden.sweeps.grid import Grid
from leyden.sweeps.job import Job, Outcome, read_outcome
from leyden.sweeps.job_composer import JobComposer
from leyden.sweeps.job_source import JobSource
from leyden.sweeps.loop import SweepLoop
from leyden.sweeps.naming import sweep_name
from leyden.sweeps.progress import SweepProgress
from leyden.sweeps.summary import as_table, summarize
from leyden.sweeps.sweep_record import SweepRecord
from leyden.system.atomic_files import full_disk
from leyden.system.console import set_up_logging
from leyden.system.errors import UserError
from leyden.system.formatting import count
from leyden.system.graceful_shutdown import Interrupted, interruption
from leyden.system.override_text import in_shell
from leyden.system.suggestions import did_you_mean

log = logging.getLogger(__name__)


def sweep(context: HydraContext, task: TaskFunction, config: DictConfig, arguments: Sequence[str]) -> None:
    """Run or resume a sweep.

    Args:
        task: function that Hydra's own launchers call for each job.
        config: of the sweep as a whole, with the section `hydra`.

    Raises:
        UserError: a setting is wrong.
        SystemExit: a job failed (1), or a signal stopped the sweep (130, 143).
    """
    before = HydraConfig.instance().cfg
    if is_quiet(config):
        set_up_logging(quiet=True)
    try:
        source, directory, constants = _plan(context, config, arguments)
        executor = _executor(context, task, config)
        _run(source, executor, directory, config, without_quiet(as_typed(arguments)), constants)
    finally:
        HydraConfig.instance().cfg = before


def _plan(context: HydraContext, config: DictConfig, arguments: Sequence[str]) -> tuple[JobSource, Path, list[str]]:
    """Source of jobs, directory of the sweep, and the overrides of all jobs."""
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
    composer = JobComposer(context, config, texts, directory)
    recorded = without_quiet(as_typed(texts))
    if not is_search:
        return Grid(composer, swept), directory, recorded
    from leyden.sweeps.search import Search  # Optuna is optional

    return Search(composer, settings, swept, config.monitor, config.mode, config.seed), directory, recorded


def _line(override: Override) -> str:
    assert override.input_line is not None
    return override.input_line


def _executor(context: HydraContext, task: TaskFunction, config: DictConfig) -> Executor:
    launcher = Plugins.instance().instantiate_launcher(hydra_context=context, task_function=task, config=config)
    own = getattr(launcher, "executor", None)
    executor: Executor = own() if own else HydraLauncherExecutor(launcher)
    return executor


def _run(
    source: JobSource,
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
            except (Interrupted, KeyboardInterrupt) as error:  # before the first job
                stopped = interruption(error)
                done = _Done(stopped.signal if stopped else Signals.SIGINT)
            left = source.remaining()
            record.close("interrupted" if done.received else "failed" if done.failed or left else "finished")
    except OSError as error:
        if full := full_disk(error, directory, "repeat the command to resume"):
            raise full from error
        raise
    console = rich.get_console()
    width = console.width if console.is_terminal else None
    console.print(as_table(summarize(directory), width), soft_wrap=True)
    if done.received:
        log.error("interrupted by %s; repeat the command to resume", done.received.name)
        raise SystemExit(128 + done.received)
    if done.refused_for:
        tried = f"{len(done.failed)} of {count(source.total, 'job')}"
        raise UserError(f"{done.refused_for} (for every job: {tried} tried)")
    if done.failed or left:
        printed = [path for job in done.failed if (path := directory / OUTPUT / f"{job.name}.txt").is_file()]
        kept = any(path.stat().st_mtime >= began for path in printed)  # not of an earlier invocation
        message = "%s not done, of which %d failed; repeat the command to resume"
        log.error(message, count(left, "job"), len(done.failed))
        if kept:
            log.error("their output is in %s", directory / OUTPUT)
        raise SystemExit(1)
    log.info("kept in %s", directory)
    log.info("next:\n  python scripts/summarize.py %s", in_shell(str(directory)))


class _Done(NamedTuple):
    """End of a sweep's execution: the signal that stopped it, failed jobs, the user error that all jobs share."""

    received: Signals | None = None
    failed: Sequence[Job] = ()
    refused_for: str | None = None


def _execute(
    source: JobSource, executor: Executor, directory: Path, record: SweepRecord, stops_on_failure: bool
) -> _Done:
    """Execute the remaining jobs."""
    done = source.open()
    log.info("sweep: %s%s", count(source.total, "job"), f"; {len(done)} done already" if done else "")
    log.info("directory: %s", directory)
    finished = {found.job.name for found in done}
    waiting = (
        [read_outcome(job) for job in source.examples() if job.name not in finished] if source.kind == "grid" else []
    )
    for found in (*done, *waiting):
        record.note(found)
    record.save()
    _warn_of_other_code(done, code_of(record.git))
    if not source.remaining():
        source.close()
        return _Done()
    executor.open(directory, source.examples())
    try:
        if executor.output:
            log.info("output of each job: %s", Path(OUTPUT, "<job>.txt"))
        progress = SweepProgress(source.total, source.total - source.remaining(), executor.output)
        loop = SweepLoop(source, executor, record, progress, stops_on_failure)
        return _Done(loop.run(), loop.failed, loop.refusals.common)
    finally:
        executor.close()
        source.close()


def _warn_of_other_code(done: Sequence[Outcome], now: str) -> None:
    others = {code for found in done if (code := code_of(found.record.get("git"))) != now}
    if others:
        log.warning("finished jobs were run by other code: %s; now it is %s", ", ".join(sorted(others)), now)
