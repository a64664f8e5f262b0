"""Settings of the benchmarks: one thread, short rounds, and which instruction set."""

from __future__ import annotations

import os

# Read when NumPy loads its BLAS, so before anything here imports NumPy.
os.environ.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1", MKL_NUM_THREADS="1")

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from fastnn import _core

Run = Callable[..., Any]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--isa",
        default=_core.current_isa(),
        choices=[*_core.available_isas(), "all"],
        help="instruction set to measure (default: the one in use, %(default)s)",
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "isa" in metafunc.fixturenames:
        chosen = metafunc.config.getoption("--isa")
        isas = _core.available_isas() if chosen == "all" else (chosen,)
        metafunc.parametrize("isa", isas, indirect=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # 40 ms and five rounds each, so that all of it takes a minute or two.
    for item in items:
        if "benchmark" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.benchmark(max_time=0.04, min_rounds=5))


@pytest.fixture
def isa(request: pytest.FixtureRequest) -> Iterator[str]:
    """An instruction set, in use for the length of the benchmark."""
    before = _core.current_isa()
    _core.use_isa(request.param)
    yield request.param
    _core.use_isa(before)


@pytest.fixture(params=[np.float32, np.float64], ids=["float32", "float64"])
def dtype(request: pytest.FixtureRequest) -> type[np.floating]:
    return request.param


@pytest.fixture
def measure(benchmark: Any, isa: str) -> Run:
    """Run a function under the clock, in a named group with the ISA on record."""

    def run(group: str, function: Run, *args: Any, **extra: Any) -> Any:
        benchmark.group = f"{group} ({isa})"
        benchmark.extra_info.update(isa=isa, **extra)
        return benchmark(function, *args)

    return run
