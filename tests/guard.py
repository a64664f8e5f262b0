"""Arrays that end (or begin) at a page nobody may read, so that an over-read crashes the test."""

from __future__ import annotations

import ctypes
import mmap
import os
from typing import Any

import numpy as np
import numpy.typing as npt

_PROT_NONE = 0  # the same on Linux and macOS
_mprotect = ctypes.CDLL(None, use_errno=True).mprotect
_mprotect.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)


def guarded(array: npt.ArrayLike, *, before: bool = False) -> npt.NDArray[Any]:
    """Return a C-ordered copy whose last byte lies directly before an unreadable page.

    With ``before=True`` the first byte lies directly after one instead.  An empty array points at
    the edge.  The pages live as long as the copy or a view of it.
    """
    source = np.ascontiguousarray(array).reshape(np.shape(array))
    page = mmap.PAGESIZE
    room = -(-source.nbytes // page) * page
    pages = mmap.mmap(-1, room + page)
    start = np.frombuffer(pages, np.uint8).ctypes.data
    if _mprotect(start if before else start + room, page, _PROT_NONE) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    offset = page if before else room - source.nbytes
    copy = np.ndarray(source.shape, source.dtype, buffer=pages, offset=offset)
    copy[...] = source
    return copy
