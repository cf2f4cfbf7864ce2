"""Searches that are killed and started again, and what giving up bad trials saves."""

import os
import random
import signal
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.leyden.torture.bench import Bench, Row
from tests.leyden.torture.sweeps import JOB, output_of, record_of, wait_for_a_job

SEARCH = ["-m", *JOB, "sweep=optuna", "sweep.n_trials=30", "optimizer.lr=tag(log,interval(1e-4,1e-1))"]
SPACE = ["model.dropout=interval(0,0.6)", "model.hidden_sizes=[16],[64],[64,32]"]


def search_kills(bench: Bench) -> list[Row]:
    """A search of 30 trials whose process group is killed at random moments, against one that was left alone."""
    search = [*SEARCH, *SPACE, "sweep/pruner=median"]
    began = time.monotonic()
    _run(bench, search, bench.folder / "whole")
    took = time.monotonic() - began
    folder, kills, chance = bench.folder / "killed", 0, random.Random(bench.seed)
    while kills < bench.search_kills:
        pid = bench.doors.start([*search, f"paths.log_dir={folder}"], output_of(folder))
        wait_for_a_job(folder, time.time())
        time.sleep(chance.random() * took / bench.search_kills)
        with suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
        if bench.doors.wait(pid) >= 0:
            break
        kills += 1
        print(f"\rkilled {kills} times, {len(_trials(folder))} of 30 trials begun  ", end="", flush=True)
    _run(bench, search, folder)
    whole, again = _trials(bench.folder / "whole"), _trials(folder)
    states = Counter(trial.state.name for trial in again)
    wrong = [] if states["COMPLETE"] + states["PRUNED"] == len(again) == 30 else [f"trials: {dict(states)}"]
    wrong += [
        f"trial {one.number}: {one.params} {one.values}, and {other.params} {other.values}"
        for one, other in zip(whole, again, strict=False)
        if (one.params, one.values, one.state) != (other.params, other.values, other.state)
    ]
    note = f"{states['COMPLETE']} complete, {states['PRUNED']} pruned; each with the values of one left alone"
    return [Row.count(f"a search of 30 trials, SIGKILL of the group {kills} times", wrong, 30, note)]


def pruning(bench: Bench) -> list[Row]:
    """The same 30 trials with and without a pruner."""
    epochs, best = {}, {}
    for pruner in ("none", "median"):
        folder = bench.folder / pruner
        search = [*SEARCH, *SPACE, "sweep/sampler=random", f"sweep/pruner={pruner}", "trainer.max_epochs=10"]
        _run(bench, search, folder)
        jobs = record_of(folder)["jobs"]
        epochs[pruner] = sum(job["epochs"] for job in jobs)
        best[pruner] = max(job["values"]["val/acc"] for job in jobs if job["status"] == "finished")
    saved = 1 - epochs["median"] / epochs["none"]
    told = (
        f"{epochs['median']} epochs in place of {epochs['none']}, {saved:.0%} fewer; "
        f"best val/acc {best['median']:.4f}, without {best['none']:.4f}"
    )
    return [Row("bad trials given up", told, saved >= 0.3 and best["median"] == best["none"])]


def _run(bench: Bench, search: list[str], folder: Path) -> None:
    status = bench.doors.run([*search, f"paths.log_dir={folder}"], output_of(folder))
    if status:
        raise RuntimeError(f"exit status {status}\n{output_of(folder).read_text()[-3000:]}")


def _trials(folder: Path) -> list[Any]:
    import optuna

    (path,) = folder.glob("*/sweeps/*/study.db")
    storage = f"sqlite:///{path}"
    (name,) = optuna.get_all_study_names(storage)
    return optuna.load_study(study_name=name, storage=storage).get_trials()
