"""Sweeps that are killed and started again, and sweeps whose jobs die."""

import json
import os
import random
import signal
import statistics
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.leyden.torture.bench import Bench, Row
from tests.leyden.torture.doors import ROOT
from tests.leyden.torture.runs import Kept, kept

# A job takes about a second; dropout, augmentation and a schedule make it depend on all that is to be restored.
JOB = [
    "experiment=mnist_mlp",
    "scheduler=cosine",
    "data.train_size=2000",
    "data.val_size=500",
    "data.augment.rotation=10",
    "model.hidden_sizes=[64,32]",
    "trainer.max_epochs=3",
    "trainer.limit_test_batches=2",
    "trainer.accelerator=cpu",
    "callbacks.summary=null",
]
GRID = ["-m", *JOB, "optimizer.lr=0.003,0.001,0.0003,0.0001", "seed=range(6)"]


def grid_kills(bench: Bench) -> list[Row]:
    """A grid of 24 jobs, two at a time, whose process group is killed at random moments and started again."""
    rows = []
    for launcher in ("local", "parallel"):
        grid = [*GRID, f"hydra/launcher={launcher}", *(["hydra.launcher.n_jobs=2"] * (launcher == "parallel"))]
        whole, took = _swept(bench, grid, bench.folder / launcher / "whole")
        wrong, kills = [], 0
        folder = bench.folder / launcher / "killed"
        chance = random.Random(bench.seed)
        while kills < bench.sweep_kills:
            pid = bench.doors.start([*grid, f"paths.log_dir={folder}"], output_of(folder))
            wait_for_a_job(folder, time.time())
            time.sleep(chance.random() * took / 8)
            with suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)
            kills += bench.doors.wait(pid) < 0
            print(f"\r{launcher}: killed {kills} times, {len(_finished(folder))} of 24 jobs done  ", end="", flush=True)
            if len(_finished(folder)) == len(whole):
                break
        again, _ = _swept(bench, grid, folder)
        wrong += [f"{name}: {whole[name].differences(again[name])}" for name in whole if again.get(name) != whole[name]]
        wrong += [f"{name}: finished {times} times" for name, times in _times_finished(folder).items() if times != 1]
        rows.append(Row.count(f"a grid of 24 jobs, {launcher}, SIGKILL of the group {kills} times", wrong, len(whole)))
    return rows


def faults(bench: Bench) -> list[Row]:
    """Jobs that raise, are killed, exit and run out of memory, among others."""
    kinds = ["none", "raise", "kill", "exit", "memory"]
    fault = ["callbacks.fault._target_=tests.leyden.sweeps.faults.Fault", f"callbacks.fault.kind={','.join(kinds)}"]
    status = bench.doors.run(["-m", *JOB, *fault, "seed=1,2", f"paths.log_dir={bench.folder}"], output_of(bench.folder))
    record = record_of(bench.folder)
    wrong = [f"exit status {status}"] if status != 1 else []
    causes = {
        "none": None,
        "raise": "this one raises",
        "kill": "SIGKILL",
        "exit": "status 7",
        "memory": "out of memory",
    }
    for job in record["jobs"]:
        cause = causes[job["settings"]["callbacks.fault.kind"]]
        right = job["status"] == "finished" if cause is None else cause in str(job["error"])
        wrong += [] if right else [f"{job['name']}: {job['status']}, {job['error']}"]
    return [Row.count("jobs that raise, are killed by SIGKILL, call os._exit(7), run out of memory", wrong, 10)]


def launchers(bench: Bench) -> list[Row]:
    """Eight jobs by Hydra's basic launcher, which runs them in one process, and two at a time in processes.

    Each has one thread, as the environment says.
    """
    times: dict[str, list[float]] = {"basic": [], "parallel": []}
    memory: dict[str, list[int]] = {}
    for pair in bench.track(range(bench.sweep_pairs), "pairs of sweeps"):
        for launcher in times:
            folder = bench.folder / f"{launcher}_{pair}"
            notes = folder / "memory.txt"
            measured = ["callbacks.memory._target_=tests.leyden.sweeps.faults.Memory", f"callbacks.memory.path={notes}"]
            n_jobs = ["hydra.launcher.n_jobs=2"] * (launcher == "parallel")
            grid = ["-m", *JOB, *measured, "seed=range(8)", f"hydra/launcher={launcher}", *n_jobs]
            began = time.monotonic()
            with output_of(folder).open("w") as output:  # from a new interpreter, as a person would start it
                command = [sys.executable, "train.py", *grid, f"paths.log_dir={folder}"]
                subprocess.run(command, cwd=ROOT, stdout=output, stderr=output, check=True)
            times[launcher].append(time.monotonic() - began)
            memory[launcher] = [int(line.split()[1]) for line in notes.read_text().splitlines()]
    ratios = [basic / parallel for basic, parallel in zip(times["basic"], times["parallel"], strict=True)]
    grown = {launcher: (held[-1] - held[0]) / 2**20 for launcher, held in memory.items()}
    told = (
        f"{statistics.median(ratios):.2f} times as fast [{min(ratios):.2f} .. {max(ratios):.2f}]; from the first to "
        f"the last job a process holds {grown['parallel']:+.0f} MB, with basic {grown['basic']:+.0f} MB"
    )
    good = statistics.median(ratios) > 1 and grown["parallel"] < 10
    return [Row("8 small jobs, two at a time, against hydra/launcher=basic", told, good)]


def executors(bench: Bench) -> list[Row]:
    """The same sweep by processes of this machine, by submitit's local executor and by a local Ray cluster."""
    how = {"local": [], "slurm": ["hydra.launcher.cluster=local"], "ray": ["hydra.launcher.num_cpus=1"]}
    left, files = {}, {}
    for launcher, more in how.items():
        folder = bench.folder / launcher
        grid = ["-m", *JOB, "seed=range(4)", f"hydra/launcher={launcher}", *more]
        left[launcher] = _swept(bench, grid, folder)[0]
        paths = (path.relative_to(folder) for path in folder.glob("*/sweeps/*/seed=*/**/*"))
        files[launcher] = {str(path) for path in paths if "tfevents" not in path.name}
    wrong = [
        f"{launcher}, {name}: {left['local'][name].differences(left[launcher][name])}"
        for launcher in ("slurm", "ray")
        for name in left["local"]
        if left[launcher].get(name) != left["local"][name]
    ]
    wrong += [
        f"{launcher}: {files[launcher] ^ files['local']}" for launcher in files if files[launcher] != files["local"]
    ]
    return [Row.count("4 jobs by submitit's local executor and by local Ray, against processes", wrong, 8)]


def _swept(bench: Bench, arguments: list[str], folder: Path) -> tuple[dict[str, Kept], float]:
    """A sweep to its end: what each job has left, and the seconds that it took."""
    began = time.monotonic()
    status = bench.doors.run([*arguments, f"paths.log_dir={folder}"], output_of(folder))
    if status:
        raise RuntimeError(f"exit status {status}\n{output_of(folder).read_text()[-3000:]}")
    return {path.name: kept(path) for path in _finished(folder)}, time.monotonic() - began


def output_of(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder / "output.txt"


def record_of(folder: Path) -> dict[str, Any]:
    (path,) = folder.glob("*/sweeps/*/sweep.json")
    record: dict[str, Any] = json.loads(path.read_text())
    return record


def _finished(folder: Path) -> list[Path]:
    paths = folder.glob("*/sweeps/*/*/run.json")
    return sorted(path.parent for path in paths if json.loads(path.read_text())["status"] == "finished")


def wait_for_a_job(folder: Path, began: float) -> None:
    """Until a job that was begun after some moment is at work."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        records = folder.glob("*/sweeps/*/*/run.json")
        if any(path.stat().st_mtime > began for path in records):
            return
        time.sleep(0.1)


def _times_finished(folder: Path) -> dict[str, int]:
    return {path.name: (path / "train.log").read_text().count(" kept in ") for path in _finished(folder)}
