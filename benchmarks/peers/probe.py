"""What the machine can do: multiply-adds on registers, and copying of memory.

A probe is a process on one core.  For all cores at once, one on each is started together.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np

SECONDS = 0.1
BYTES = 64 << 20  # more than the caches hold


class Probe:
    """Measures on the core that its process is bound to."""

    def __init__(self) -> None:
        from fastnn import _core

        self.fma = _core.fma_probe
        self.source = np.ones(BYTES // 8)
        self.sink = np.zeros(BYTES // 8)

    def peak(self) -> dict[str, Any]:
        """Operations a second, the best mix of instructions."""
        return {"rate": max(self._peak(mix) for mix in (0, 1))}

    def _peak(self, mix: int) -> float:
        done, start = 0.0, time.perf_counter()
        while (seconds := time.perf_counter() - start) < SECONDS:
            done += self.fma(np.float32, 50_000, mix)
        return done / seconds

    def copy(self) -> dict[str, Any]:
        """Bytes a second, those read and those written."""
        done, start = 0, time.perf_counter()
        while (seconds := time.perf_counter() - start) < SECONDS:
            np.copyto(self.sink, self.source)
            done += 2 * BYTES
        return {"rate": done / seconds}
