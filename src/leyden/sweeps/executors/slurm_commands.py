"""SLURM's commands: run one, find the cause of a job's end.

Submitit asks sacct only, which clusters without accounting do not have.
"""

import re
import subprocess
from contextlib import suppress
from signal import Signals

_FACT = re.compile(r"(JobState|ExitCode)=(\S+)")
_WORDS = {
    "TIMEOUT": "time limit reached; more: hydra.launcher.timeout_min=…",
    "OUT_OF_MEMORY": "out of memory; more: hydra.launcher.mem_gb=…",
    "NODE_FAIL": "its node failed",
    "BOOT_FAIL": "its node did not start",
    "PREEMPTED": "preempted",
    "CANCELLED": "cancelled",
    "DEADLINE": "deadline passed",
}


def run_command(*command: str) -> str | None:
    """Output of a command of SLURM; None if it fails."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    except (OSError, subprocess.SubprocessError):
        return None


def cause(number: str) -> str:
    """Cause of a job's end: from SLURM's accounting, or without that from its controller, which forgets in minutes."""
    said = run_command("sacct", "-X", "--noheader", "--parsable2", "--format=State,ExitCode", f"--jobs={number}")
    state, _, code = (said or "").partition("\n")[0].partition("|")
    if not state.strip():
        facts = dict(_FACT.findall(run_command("scontrol", "--oneliner", "show", "job", number) or ""))
        state, code = facts.get("JobState", ""), facts.get("ExitCode", "")
    state = state.split()[0] if state.strip() else "gone"
    status, _, received = code.strip().partition(":")
    if state == "FAILED" and received not in ("", "0"):
        return f"killed by {_signal(received)}"
    if state == "FAILED" and status.isdigit() and int(status) > 128:  # from srun: 128 and the signal that killed a task
        return f"killed by {_signal(int(status) - 128)}"
    if state == "FAILED" and status:
        return f"ended with exit status {status}"
    return f"SLURM: {_WORDS.get(state, state.lower())}"


def _signal(number: int | str) -> str:
    with suppress(ValueError):
        return Signals(int(number)).name
    return f"signal {number}"
