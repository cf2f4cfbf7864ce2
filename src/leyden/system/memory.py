"""Memory: available, in use, at its peak; and the errors that say it ran out."""

import gc
import os
import sys
from pathlib import Path

import torch
from lightning.pytorch.utilities.memory import garbage_collection_cuda, is_oom_error

_PROC = Path("/proc")
_CGROUPS = Path("/sys/fs/cgroup")
_MESSAGES = ("MPS backend out of memory", "DefaultCPUAllocator: not enough memory", "XPU out of memory")


def is_out_of_memory(error: BaseException) -> bool:
    """True for the error of an allocation that failed, on a CPU or an accelerator."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError) or is_oom_error(error):
        return True
    return isinstance(error, RuntimeError) and any(text in str(error) for text in _MESSAGES)


def free(device: torch.device) -> None:
    """Release unreferenced memory, so that the next training has all of it."""
    gc.collect()
    if device.type == "cuda":
        garbage_collection_cuda()
    elif device.type == "mps":
        torch.mps.empty_cache()


def available() -> int | None:
    """Bytes of main memory that this process may still take; None if the system does not say.

    The kernel kills a process that takes more: an allocation itself hardly ever fails.
    """
    figures = [value for value in (_of_machine(), *_of_cgroups()) if value is not None]
    return max(0, min(figures)) if figures else None


def reset_peak(device: torch.device) -> None:
    """Restart the measurement of `peak`."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    elif device.type == "cpu" and sys.platform == "linux":
        try:
            (_PROC / "self" / "clear_refs").write_text("5")
        except OSError:  # a sandbox may forbid it; the peak is then that of the whole process
            return


def peak(device: torch.device) -> int | None:
    """Maximum of bytes in use since `reset_peak`, on the device; None if unknown."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    return _status("VmHWM") if device.type == "cpu" else None


def in_use(device: torch.device) -> int | None:
    """Bytes in use now, on the device; None if unknown."""
    if device.type == "cuda":
        return torch.cuda.memory_allocated(device)
    return _status("VmRSS") if device.type == "cpu" else None


def _status(field: str) -> int | None:
    return _kilobytes(_PROC / "self" / "status", field)


def _of_machine() -> int | None:
    available = _kilobytes(_PROC / "meminfo", "MemAvailable")
    if available is None and hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2  # macOS does not say what is in use
    return available


def _of_cgroups() -> list[int]:
    """Bytes left in the control groups of this process (versions 1 and 2), as in a container or a SLURM job."""
    try:
        lines = (_PROC / "self" / "cgroup").read_text().splitlines()
    except OSError:
        return []
    left = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers not in ("", "memory"):
            continue
        root = _CGROUPS / controllers
        names = ("memory.limit_in_bytes", "memory.usage_in_bytes") if controllers else ("memory.max", "memory.current")
        group = root / path.lstrip("/")
        for folder in (group, *group.parents):
            if folder != root and root not in folder.parents:
                break
            limit, used = (_bytes(folder / name) for name in names)
            if limit is not None and used is not None:
                left.append(limit - used + _file_cache(folder))
    return left


def _file_cache(group: Path) -> int:
    """Bytes that count as used but are file cache, which the kernel frees when memory is needed."""
    try:
        lines = (group / "memory.stat").read_text().splitlines()
    except OSError:
        return 0
    figures = dict(line.split() for line in lines if len(line.split()) == 2)
    return int(figures.get("total_inactive_file", figures.get("inactive_file", 0)))


def _bytes(path: Path) -> int | None:
    try:
        text = path.read_text().strip()
    except OSError:
        return None
    return int(text) if text.isdigit() and int(text) < 1 << 60 else None  # "max", or version 1's number for it


def _kilobytes(path: Path, field: str) -> int | None:
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return None
    found = (line.split() for line in lines if line.startswith(f"{field}:"))
    return next((int(words[1]) * 1024 for words in found), None)
