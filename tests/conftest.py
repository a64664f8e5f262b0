"""Fixtures of all tests.  `guard` and `reference` are imported by name: pyproject.toml puts this
folder on the path."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import numpy as np
import pytest

from fastnn import _core


def pytest_collection_finish() -> None:
    """Take what collecting has made out of the garbage collector's sight.

    Tests call it, and each call would look through all tests: a second of it.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(params=_core.available_isas())
def isa(request: pytest.FixtureRequest) -> Iterator[str]:
    """Each instruction set this CPU can run, in use for the length of the test."""
    before = _core.current_isa()
    _core.use_isa(request.param)
    yield request.param
    _core.use_isa(before)


@pytest.fixture(params=[np.float32, np.float64], ids=["float32", "float64"])
def dtype(request: pytest.FixtureRequest) -> type[np.floating]:
    """The two types that kernels and networks compute in."""
    return request.param
