"""What Linux tells of a running process: memory and CPU time."""

from __future__ import annotations

import time
from pathlib import Path

_RESET_PEAK = "5"  # proc(5), /proc/PID/clear_refs

_CPUCLOCK_SCHED = 2  # clock_getcpuclockid(3): of a whole process, ended threads too


def pss_mib(pid: int) -> float:
    """Proportional set size of a process and all its children, in MiB."""
    return sum(_pss_kib(each) for each in _family(pid)) / 1024


def rss_mib(pid: int) -> float:
    """Resident set size of one process, in MiB."""
    return _status_kib(pid, "VmRSS") / 1024


def forget_peak(pid: int) -> None:
    """Let `peak_mib` begin anew."""
    Path(f"/proc/{pid}/clear_refs").write_text(_RESET_PEAK)


def peak_mib(pid: int) -> float:
    """Highest resident set size of one process since `forget_peak`, in MiB."""
    return _status_kib(pid, "VmHWM") / 1024


def cpu_s(pid: int) -> float:
    """CPU seconds that a process of ours has used, user and system."""
    return time.clock_gettime((~pid << 3) | _CPUCLOCK_SCHED)


def _status_kib(pid: int, name: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1])
    raise ValueError(f"no {name} in status of process {pid}")


def _pss_kib(pid: int) -> int:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    raise ValueError(f"no Pss in smaps_rollup of process {pid}")


def _family(pid: int) -> list[int]:
    found = [pid]
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in children.read_text().split():
            found += _family(int(child))
    return found
