"""How many threads fastnn uses: what the machine grants, and what a person asks for.

Three levels, the nearest wins: a block under `threads`, `set_num_threads`, the default.  The
default is found when first needed: ``FASTNN_NUM_THREADS``, else the cores that this process may run
on, or fewer if its control group grants less CPU time.  The count never changes a result, only how
long it takes.
"""

from __future__ import annotations

import importlib
import math
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, NamedTuple

from fastnn._spec import check_int

if TYPE_CHECKING:
    from contextlib import _GeneratorContextManager

__all__ = [
    "MOST_THREADS",
    "cpu_quota",
    "follow_threadpoolctl",
    "get_num_threads",
    "register_threadpoolctl",
    "set_num_threads",
    "source_of_num_threads",
    "threads",
]

MOST_THREADS = 64  # FNN_MOST_THREADS in csrc/include/fastnn/pool.h
VARIABLE = "FASTNN_NUM_THREADS"


class _Count(NamedTuple):
    number: int
    source: str  # where the number comes from


_chosen: _Count | None = None  # by set_num_threads, or the default once it has been found
_here: ContextVar[_Count | None] = ContextVar("fastnn_threads", default=None)  # within `threads`
_registered = False  # with threadpoolctl


def get_num_threads() -> int:
    """Return how many threads a fit or a prediction that starts here may use.

    Returns
    -------
    int
        From 1 to 64.  Small work stays on one thread all the same.

    Raises
    ------
    ValueError
        If ``FASTNN_NUM_THREADS`` decides and is no such number.

    Examples
    --------
    >>> import fastnn as fnn
    >>> with fnn.threads(3):
    ...     fnn.get_num_threads()
    3
    """
    return _count().number


def source_of_num_threads() -> str:
    """Return where the number comes from, in a few words.

    Examples
    --------
    >>> with threads(1):
    ...     source_of_num_threads()
    'threads'
    """
    return _count().source


def set_num_threads(n: int | None) -> None:
    """Set how many threads fastnn uses in this process.

    Within a block under `threads` it sets the number for the rest of that block.

    Parameters
    ----------
    n : int or None
        From 1 to 64; more than there are cores is no error.  None goes back to the default, and
        finds it anew.

    Raises
    ------
    TypeError, ValueError
        If `n` is no such number.

    Examples
    --------
    >>> import fastnn as fnn
    >>> fnn.set_num_threads(2)
    >>> fnn.get_num_threads()
    2
    >>> fnn.set_num_threads(None)
    """
    _set(_default() if n is None else _asked(n, "set_num_threads"))


def _set(count: _Count) -> None:
    global _chosen
    if _here.get() is None:
        _chosen = count
    else:
        _here.set(count)


def threads(n: int) -> _GeneratorContextManager[None]:
    """Use `n` threads in a ``with`` block, or in a function that this decorates.

    Only what this Python thread (or asyncio task) does in the block is meant; others go on as they
    were.  Blocks may be nested; the end of a block restores what was before.

    Parameters
    ----------
    n : int
        From 1 to 64.

    Returns
    -------
    context manager and decorator

    Raises
    ------
    TypeError, ValueError
        If `n` is no such number.

    Examples
    --------
    >>> import fastnn as fnn
    >>> with fnn.threads(2):
    ...     with fnn.threads(1):
    ...         inner = fnn.get_num_threads()
    ...     inner, fnn.get_num_threads()
    (1, 2)
    """
    return _block(_asked(n, "threads"))


@contextmanager
def _block(count: _Count) -> Iterator[None]:
    token = _here.set(count)
    try:
        yield
    finally:
        _here.reset(token)


def _asked(n: int, function: str) -> _Count:
    return _Count(check_int(function, "n", n, 1, MOST_THREADS), function)


def _count() -> _Count:
    global _chosen
    follow_threadpoolctl()
    count = _here.get()
    if count is None:
        count = _chosen
        if count is None:
            count = _chosen = _default()
    return count


# ---- the default --------------------------------------------------------------------------------


def _default() -> _Count:
    wanted = os.environ.get(VARIABLE, "").strip()
    if wanted:
        if not (wanted.isascii() and wanted.isdigit() and int(wanted) > 0):
            raise ValueError(
                f"get_num_threads: the environment variable {VARIABLE} is {wanted!r}; "
                f"want an integer of at least 1"
            )
        return _Count(min(int(wanted), MOST_THREADS), VARIABLE)
    count = _Count(_cores(), "cores")
    quota = cpu_quota()
    if quota is not None and math.ceil(quota) < count.number:
        count = _Count(max(1, math.ceil(quota)), "CPU quota")
    return count._replace(number=min(count.number, MOST_THREADS))


def _cores() -> int:
    """Return the number of cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):  # Linux
        return len(os.sched_getaffinity(0)) or 1
    return os.cpu_count() or 1


def cpu_quota(root: str = "/") -> float | None:
    """Return the CPU time per time that the control groups grant this process; None: no limit.

    Each group on the way up may set a limit, and the least counts.  In a container the path of the
    group may be that of the host; then only the top, which is the container's own, is found.

    Parameters
    ----------
    root : str
        The folder that holds ``proc`` and ``sys``.

    Returns
    -------
    float or None

    Examples
    --------
    >>> cpu_quota("/no/such/folder") is None
    True
    """
    quotas = []
    for line in _read(f"{root}/proc/self/cgroup").splitlines():
        number, _, rest = line.partition(":")
        controllers, _, group = rest.partition(":")
        if number == "0" and not controllers:  # version 2
            mounts, read = ["unified", "."], _quota_v2
        elif "cpu" in controllers.split(","):
            mounts, read = [controllers, "cpu"], _quota_v1
        else:
            continue
        names = [name for name in group.split("/") if name]
        for mount in mounts:
            for depth in range(len(names) + 1):
                folder = "/".join([f"{root}/sys/fs/cgroup", mount, *names[:depth]])
                quotas.append(read(folder))
    return min((quota for quota in quotas if quota is not None), default=None)


def _quota_v2(folder: str) -> float | None:
    """Return what ``cpu.max`` grants: "50000 100000" is half a core, "max 100000" no limit."""
    words = _read(f"{folder}/cpu.max").split()
    return _ratio(*words) if len(words) == 2 else None


def _quota_v1(folder: str) -> float | None:
    """Return what the two files of version 1 grant; a quota of -1 is no limit."""
    return _ratio(_read(f"{folder}/cpu.cfs_quota_us"), _read(f"{folder}/cpu.cfs_period_us"))


def _ratio(quota: str, period: str) -> float | None:
    try:
        numbers = int(quota), int(period)
    except ValueError:  # "max", or no such file
        return None
    return numbers[0] / numbers[1] if min(numbers) > 0 else None


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


# ---- threadpoolctl ------------------------------------------------------------------------------


def follow_threadpoolctl() -> None:
    """Register with threadpoolctl if somebody has imported one that takes controllers.

    Examples
    --------
    >>> follow_threadpoolctl()
    """
    if not _registered and hasattr(sys.modules.get("threadpoolctl"), "register"):
        register_threadpoolctl()


def register_threadpoolctl() -> None:
    """Make fastnn known to threadpoolctl, so that its `threadpool_limits` counts here too.

    Needed only where threadpoolctl is imported after fastnn and its limits are set before fastnn
    trains or predicts; in the other cases it happens by itself.

    Raises
    ------
    ImportError
        If there is no threadpoolctl, or one that takes no controllers (before 3.2).

    Examples
    --------
    >>> import fastnn as fnn
    >>> from threadpoolctl import threadpool_limits  # doctest: +SKIP
    >>> fnn.parallel.register_threadpoolctl()  # doctest: +SKIP
    >>> with threadpool_limits(1):  # doctest: +SKIP
    ...     fnn.get_num_threads()
    1
    """
    global _registered
    if _registered:
        return
    from threadpoolctl import LibController, register

    importlib.import_module("fastnn._core")  # threadpoolctl lists libraries that are loaded

    class FastnnController(LibController):  # type: ignore[misc]  # untyped
        """The count of this module, under the file of the compiled core."""

        user_api = "fastnn"
        internal_api = "fastnn"
        filename_prefixes = ("_core.",)
        check_symbols = ("fnn_threadpool",)  # other packages have a _core too

        def get_num_threads(self) -> int:
            return get_num_threads()

        def set_num_threads(self, num_threads: int) -> None:
            number = min(max(num_threads, 1), MOST_THREADS)
            _set(_Count(number, "threadpoolctl"))

        def get_version(self) -> str:
            return str(sys.modules["fastnn"].__version__)

    _registered = True
    register(FastnnController)
