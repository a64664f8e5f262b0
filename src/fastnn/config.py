"""What this build is and what it uses here."""

from __future__ import annotations

import platform
import sys

from fastnn import __version__, _core, parallel

__all__ = ["show_config"]


def show_config() -> None:
    """Print version, compiler, instruction sets and threads.

    The instruction set in use comes first; ``FASTNN_ISA=baseline`` (or avx2, avx512, neon) in the
    environment chooses another before fastnn is imported.  The number of threads is followed by
    what decided it: the cores, the CPU quota of the control group, ``FASTNN_NUM_THREADS``,
    `set_num_threads`, `threads` or threadpoolctl.

    Examples
    --------
    >>> import fastnn as fnn
    >>> fnn.show_config()  # doctest: +SKIP
    fastnn    0.1.0
    ISA       avx512 (of baseline, avx2, avx512)
    threads   2 (cores)
    compiler  gcc 12.2.0
    Python    3.11.7 (CPython, x86_64)
    NumPy     2.4.6
    """
    import numpy as np

    lines = {
        "fastnn": __version__,
        "ISA": f"{_core.current_isa()} (of {', '.join(_core.available_isas())})",
        "threads": f"{parallel.get_num_threads()} ({parallel.source_of_num_threads()})",
        "compiler": _core.compiler(),
        "Python": f"{platform.python_version()} "
        f"({platform.python_implementation()}, {platform.machine()})",
        "NumPy": np.__version__,
    }
    for name, value in lines.items():
        sys.stdout.write(f"{name:<10}{value}\n")
