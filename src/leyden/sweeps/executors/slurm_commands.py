"""What SLURM's commands tell."""

import re
import subprocess
from contextlib import suppress
from signal import Signals

_FACT = re.compile(r"(JobState|ExitCode)=(\S+)")
_WORDS = {
    "TIMEOUT": "its time was over; more: hydra.launcher.timeout_min=…",
    "OUT_OF_MEMORY": "out of memory; more: hydra.launcher.mem_gb=…",
    "NODE_FAIL": "its node failed",
    "BOOT_FAIL": "its node did not start",
    "PREEMPTED": "others took its node",
    "CANCELLED": "cancelled",
    "DEADLINE": "its deadline has passed",
}


def ask(*command: str) -> str | None:
    """What a command of SLURM prints; None if it fails."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    except (OSError, subprocess.SubprocessError):
        return None


def cause(number: str) -> str:
    """Why a job ended: by SLURM's accounting; where it keeps none, by its controller, which forgets in minutes."""
    said = ask("sacct", "-X", "--noheader", "--parsable2", "--format=State,ExitCode", f"--jobs={number}")
    state, _, code = (said or "").partition("\n")[0].partition("|")
    if not state.strip():
        told = dict(_FACT.findall(ask("scontrol", "--oneliner", "show", "job", number) or ""))
        state, code = told.get("JobState", ""), told.get("ExitCode", "")
    state = state.split()[0] if state.strip() else "gone"
    status, _, received = code.strip().partition(":")
    if state == "FAILED" and received not in ("", "0"):
        return f"killed by {_signal(received)}"
    if state == "FAILED" and status.isdigit() and int(status) > 128:  # so srun passes on what killed a task
        return f"killed by {_signal(int(status) - 128)}"
    if state == "FAILED" and status:
        return f"ended with exit status {status}"
    return f"SLURM: {_WORDS.get(state, state.lower())}"


def _signal(number: int | str) -> str:
    with suppress(ValueError):
        return Signals(int(number)).name
    return f"signal {number}"
