"""What this build is and what it uses here."""

from __future__ import annotations

import platform
import sys

from fastnn import __version__, _core

__all__ = ["show_config"]


def show_config() -> None:
    """Print version, compiler, instruction sets and threads.

    The first line names the instruction set in use; ``FASTNN_ISA=baseline`` (or avx2, avx512, neon)
    in the environment chooses another before fastnn is imported.

    Examples
    --------
    >>> import fastnn as fnn
    >>> fnn.show_config()  # doctest: +SKIP
    fastnn    0.1.0
    ISA       avx512 (of baseline, avx2, avx512)
    threads   1
    compiler  gcc 12.2.0
    Python    3.11.7 (CPython, x86_64)
    NumPy     2.4.6
    """
    import numpy as np

    lines = {
        "fastnn": __version__,
        "ISA": f"{_core.current_isa()} (of {', '.join(_core.available_isas())})",
        "threads": "1",
        "compiler": _core.compiler(),
        "Python": f"{platform.python_version()} "
        f"({platform.python_implementation()}, {platform.machine()})",
        "NumPy": np.__version__,
    }
    for name, value in lines.items():
        sys.stdout.write(f"{name:<10}{value}\n")
