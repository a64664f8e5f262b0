"""The guard itself: what is inside can be used, one byte beyond crashes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from guard import guarded

HERE = Path(__file__).parent


@pytest.mark.parametrize("before", [False, True])
@pytest.mark.parametrize("shape", [(), (1,), (0,), (3, 0), (5, 3), (1000, 7)])
def test_guarded_is_an_equal_writable_copy(shape, before):
    source = np.arange(np.prod(shape, dtype=int), dtype=np.float32).reshape(shape)
    copy = guarded(source, before=before)
    np.testing.assert_array_equal(copy, source)
    assert copy.dtype == source.dtype
    assert copy.flags.c_contiguous
    copy += 1
    np.testing.assert_array_equal(copy, source + 1)


def test_guarded_takes_any_order():
    source = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    np.testing.assert_array_equal(guarded(source), source)


@pytest.mark.parametrize("size", [0, 1, 13, 4096])
@pytest.mark.parametrize("before", [False, True])
def test_guarded_crashes_one_byte_beyond(size, before):
    script = f"""
import ctypes, numpy as np
from guard import guarded
copy = guarded(np.ones({size}, np.uint8), before={before})
assert copy.sum() == {size}
print("inside", flush=True)
ctypes.c_char.from_address(copy.ctypes.data + ({-1 if before else size})).value
"""
    # The address sanitizer would turn the signal into an exit code.
    environment = os.environ | {"ASAN_OPTIONS": "detect_leaks=0:handle_segv=0:handle_sigbus=0"}
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=HERE, env=environment, capture_output=True, text=True
    )
    assert done.stdout == "inside\n", done.stderr
    assert done.returncode in (-signal.SIGSEGV, -signal.SIGBUS)
