"""What the system says of memory."""

from pathlib import Path

import pytest
import torch

from leyden.system import memory

CPU = torch.device("cpu")
GIB = 1 << 30


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The files of a kernel, without control groups."""
    (tmp_path / "proc" / "self").mkdir(parents=True)
    (tmp_path / "proc" / "meminfo").write_text("MemTotal: 16777216 kB\nMemFree: 1 kB\nMemAvailable: 8388608 kB\n")
    (tmp_path / "proc" / "self" / "status").write_text("Name: x\nVmHWM:\t  2048 kB\nVmRSS:\t  1024 kB\n")
    monkeypatch.setattr(memory, "_PROC", tmp_path / "proc")
    monkeypatch.setattr(memory, "_CGROUPS", tmp_path / "cgroup")
    return tmp_path


def write_group(folder: Path, **files: object) -> None:
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / f"memory.{name}").write_text(f"{content}\n")


def test_the_machine_says_what_is_available(system: Path) -> None:
    assert memory.available() == 8 * GIB
    assert memory.peak(CPU) == 2 << 20
    assert memory.in_use(CPU) == 1 << 20


def test_a_container_has_less(system: Path) -> None:
    (system / "proc" / "self" / "cgroup").write_text("0::/jobs/mine\n")
    write_group(system / "cgroup" / "jobs" / "mine", max="max", current=GIB)
    (system / "cgroup" / "jobs" / "memory.max").write_text(str(4 * GIB))
    (system / "cgroup" / "jobs" / "memory.current").write_text(str(3 * GIB))
    assert memory.available() == GIB
    (system / "cgroup" / "jobs" / "memory.stat").write_text(f"anon 5\ninactive_file {GIB}\n")
    assert memory.available() == 2 * GIB  # files that were read are given back


def test_a_job_of_control_groups_of_version_1_has_less(system: Path) -> None:
    (system / "proc" / "self" / "cgroup").write_text("4:memory:/job\n1:cpu:/\n0::/\n")
    write_group(system / "cgroup" / "memory" / "job", **{"limit_in_bytes": 2 * GIB, "usage_in_bytes": GIB})
    (system / "cgroup" / "memory" / "memory.limit_in_bytes").write_text("9223372036854771712")
    (system / "cgroup" / "memory" / "memory.usage_in_bytes").write_text(str(5 * GIB))
    assert memory.available() == GIB


def test_a_system_without_these_files_is_not_guessed_at(system: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (system / "proc" / "meminfo").unlink()
    monkeypatch.delattr("os.sysconf", raising=False)
    assert memory.available() is None


def test_what_was_needed_at_most_is_measured_anew() -> None:
    memory.reset_peak(CPU)
    before = memory.peak(CPU)
    if before is None:
        pytest.skip("this system does not say")
    taken = torch.ones(40_000_000)  # 160 MB
    assert memory.peak(CPU) >= before + 150_000_000  # type: ignore[operator]
    del taken
    memory.free(CPU)
