"""How much of the machine a measurement had: its CPU time, and what others took meanwhile."""

from __future__ import annotations

import os
import time
from pathlib import Path

STAT = Path("/proc/stat")
TICK = 1.0 / os.sysconf("SC_CLK_TCK")

BEARABLE = 0.07  # seconds taken by others, over the seconds of a measurement
GRAIN = TICK  # of the count of what others take


def busy() -> float:
    """Seconds that all cores have worked, or waited for a hypervisor; 0.0 where nobody counts."""
    try:
        fields = STAT.read_text().split("\n", 1)[0].split()[1:]
    except OSError:
        return 0.0
    user, nice, system, _idle, _waiting, interrupt, soft, steal = map(int, fields[:8])
    return float(user + nice + system + interrupt + soft + steal) * TICK


class Account:
    """Opened and closed round what is measured."""

    def __init__(self) -> None:
        self.wall = 0.0
        self._busy = busy()
        self._cpu = time.process_time()
        self._start = time.perf_counter()

    def close(self) -> tuple[float, float, float]:
        """Return seconds, CPU seconds of this process, CPU seconds of others."""
        self.wall = time.perf_counter() - self._start
        cpu = time.process_time() - self._cpu
        return self.wall, cpu, max(0.0, busy() - self._busy - cpu)


def disturbance(runs: list[tuple[float, float, float]]) -> float:
    """Return what others have taken of the time: what they had, or what this process lacked.

    The process is taken to have work for one core all the time.  More threads may wait for one
    another by rights, so they show only in what others had.
    """
    wall, cpu, others = (sum(values) for values in zip(*runs, strict=True))
    return float(max(wall - cpu, others - GRAIN * len(runs), 0.0) / wall)
