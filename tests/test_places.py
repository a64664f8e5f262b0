"""Bits of layer kernels do not depend on where their arrays lie: rows begin on a line of the cache
where they can, and are written upwards or downwards."""

from __future__ import annotations

import numpy as np
import pytest

from each import each
from fastnn import kernels
from guard import guarded

PAGE = 4096
ROWS = 6  # four that go together, and two
COLS = [64, 128, 136]  # from 8 vectors on; 136 is no multiple of all vectors


def moved(array, elements):
    """A copy that begins so many elements behind the start of a page."""
    room = np.empty(array.nbytes + 4 * PAGE, np.uint8)
    start = -room.ctypes.data % PAGE + elements * array.itemsize
    copy = room[start : start + array.nbytes].view(array.dtype).reshape(array.shape)
    copy[...] = array
    return copy


def problem(cols, dtype):
    rng = np.random.default_rng(cols)
    x, dy, y = (rng.normal(0.5, 2, (ROWS, cols)).astype(dtype) for _ in range(3))
    gamma, beta = (rng.normal(0, 1, cols).astype(dtype) for _ in range(2))
    return x, dy, y, gamma, beta


def norms(x, dy, y, gamma, beta, out, rms):
    """Layer norm and its gradients."""
    _, stats = kernels.layer_norm(x, gamma, beta, rms=rms, out=out)
    result = [out.copy(), stats]
    result.append(kernels.layer_norm_grad(x, gamma, stats, dy, rms=rms, out=out).copy())
    result.extend(kernels.layer_norm_param_grad(x, stats, dy, rms=rms))
    backward = kernels.layer_norm_backward(x, gamma, stats, dy, rms=rms, out=out)
    return [*result, *(array.copy() for array in backward)]


def columns(x, dy, y, gamma, beta, out):
    """Batch norm and its gradient."""
    moments = kernels.column_moments(x)
    result = [*moments, kernels.batch_norm(x, *moments, gamma, beta, out=out).copy()]
    sums = kernels.batch_norm_sums(x, *moments, dy)
    dx = kernels.batch_norm_grad(x, *moments, gamma, *sums, dy, out=out)
    return [*result, *sums, dx.copy()]


def combinations(x, dy, y, gamma, beta, out):
    result = []
    for kind in ("add", "subtract", "multiply", "average", "maximum"):
        result.append(kernels.combine([x, y], kind, out=out).copy())
        for which in (0, 1):
            dx = kernels.combine_grad([x, y], which, result[-1], dy, kind, out=out)
            result.append(dx.copy())
    out[...] = y
    return [*result, kernels.add_to(out, x)]


def moves(x, dy, y, gamma, beta, out):
    wide = np.full((ROWS, 2 * x.shape[1] + 3), -7, x.dtype)
    kernels.copy_columns(x, out=wide, at=3)
    kernels.add_columns(x, 1, out=wide, at=1)
    return [wide, kernels.copy_columns(x, out=out).copy(), kernels.concatenate([x, y, x])]


def slopes(x, dy, y, gamma, beta, out):
    return [
        kernels.prelu(x, gamma, out=out).copy(),
        kernels.prelu_grad(x, gamma, dy, out=out).copy(),
        kernels.affine_columns(x, gamma, beta, out=out).copy(),
        kernels.affine_back(x, gamma, beta, out=out).copy(),
    ]


FAMILIES = {
    "layer_norm": lambda *arrays: norms(*arrays, rms=False),
    "rms_norm": lambda *arrays: norms(*arrays, rms=True),
    "batch_norm": columns,
    "combine": combinations,
    "columns": moves,
    "prelu and affine": slopes,
}


@each("at, behind", [(1, 1), (4, 4), (4, 12), (12, 4), (3, 0), (0, 5), (15, 600), (7, 1000)])
@each("cols", COLS)
@pytest.mark.parametrize("family", FAMILIES)
def test_bits_do_not_depend_on_the_place(isa, dtype, family, cols, at, behind):
    arrays = problem(cols, dtype)
    out = np.empty_like(arrays[0])
    want = FAMILIES[family](*(moved(array, 0) for array in arrays), moved(out, 0))
    there = [moved(array, at) for array in arrays]
    for place in (behind, at + behind):  # before or behind the inputs, in pages
        got = FAMILIES[family](*there, moved(out, place))
        for one, other in zip(got, want, strict=True):
            np.testing.assert_array_equal(one, other)
    for array, same in zip(there, arrays, strict=True):
        np.testing.assert_array_equal(array, same)  # inputs are read only


@pytest.mark.parametrize("before", [False, True])
@pytest.mark.parametrize("family", FAMILIES)
def test_kernels_stay_inside_arrays_that_begin_off_a_line(isa, dtype, family, before):
    arrays = problem(128, dtype)

    def walled(array):  # one element away from the wall
        flat = np.append(np.zeros(int(before), dtype), array.ravel())
        flat = guarded(np.append(flat, np.zeros(int(not before), dtype)), before=before)
        return (flat[1:] if before else flat[:-1]).reshape(array.shape)

    got = FAMILIES[family](*map(walled, arrays), walled(arrays[0]))
    want = FAMILIES[family](*arrays, np.empty_like(arrays[0]))
    for one, other in zip(got, want, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("family", ["layer_norm", "rms_norm", "prelu and affine"])
def test_out_may_be_the_input_off_a_line(isa, dtype, family):
    x, _, _, gamma, beta = problem(128, dtype)
    functions = {
        "layer_norm": [lambda a, out: kernels.layer_norm(a, gamma, beta, out=out)[0]],
        "rms_norm": [lambda a, out: kernels.layer_norm(a, gamma, beta, rms=True, out=out)[0]],
        "prelu and affine": [
            lambda a, out: kernels.prelu(a, gamma, out=out),
            lambda a, out: kernels.affine_columns(a, gamma, beta, out=out),
        ],
    }
    for function in functions[family]:
        same = moved(x, 4)
        np.testing.assert_array_equal(function(same, same), function(x, None))
