"""Kernels of layers other than dense through their functions, beside NumPy (SciPy for sparse rows).

`layers.py` measures the same against PyTorch too, in turns, and holds the bars.
"""

from __future__ import annotations

import pytest

import layers

FAMILIES = (
    layers.norms,
    layers.combinations,
    layers.noises,
    layers.several_columns,
    layers.lookups,
)
NAMES = [name for family in FAMILIES for name in family(layers.Arrays())]


@pytest.fixture(scope="module")
def cases():
    arrays = layers.Arrays()
    return {name: case for family in FAMILIES for name, case in family(arrays).items()}


@pytest.mark.parametrize("by", ["fastnn", "numpy"])
@pytest.mark.parametrize("name", NAMES)
def bench_layer(measure, cases, name, by):
    case = cases[name]
    layers.check(name, {whose: case[whose] for whose in ("fastnn", "numpy")})
    measure(f"{name} float32", case[by], elements=layers.ROWS * layers.COLS)
