"""A dense layer on CSR matrices, against the same matrices made dense."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from each import each
from fastnn import kernels
from guard import guarded

COLS = [0, 1, 2, 3, 5, 7, 8, 9, 15, 16, 17, 33, 64, 70, 129, 270]


def problem(rows, k, cols, dtype, density=0.2, wide=False):
    """A matrix with empty rows, unsorted columns, and one that comes twice."""
    rng = np.random.default_rng([rows, k, cols])
    x = sparse.random(rows, k, density, "csr", dtype, rng)
    x.data[:] = rng.normal(0, 1, len(x.data))
    for i in range(rows):  # backwards
        at = slice(x.indptr[i], x.indptr[i + 1])
        x.indices[at], x.data[at] = x.indices[at][::-1].copy(), x.data[at][::-1].copy()
    if len(x.indices) > 1 and x.indptr[-1] - x.indptr[-2] > 1:
        x.indices[-1] = x.indices[-2]
    if wide:
        x.indices, x.indptr = x.indices.astype(np.int64), x.indptr.astype(np.int64)
    kernel, bias = rng.normal(0, 1, (k, cols)).astype(dtype), rng.normal(0, 1, cols).astype(dtype)
    return x, kernel, bias, rng.normal(0, 1, (rows, cols)).astype(dtype)


def dense(x):
    """In float64, entries of one place added."""
    out = np.zeros(x.shape)
    rows = np.repeat(np.arange(x.shape[0]), np.diff(x.indptr))
    np.add.at(out, (rows, x.indices), x.data.astype(np.float64))
    return out


def assert_products(got, a, b, start, dtype, k):
    """Standard error analysis of any order of a sum of k products and a start."""
    want = a @ b + start
    reach = np.abs(a) @ np.abs(b) + np.abs(start)
    assert (np.abs(got - want) <= (k + 2) * float(np.finfo(dtype).eps) * reach).all()


@pytest.mark.parametrize("wide", [False, True], ids=["int32", "int64"])
@each("rows, k", [(0, 4), (1, 1), (5, 30), (40, 7)])
@each("cols", COLS)
def test_csr_matches_dense(isa, dtype, rows, k, cols, wide):
    x, kernel, bias, dy = problem(rows, k, cols, dtype, wide=wide)
    assert x.indices.dtype == (np.int64 if wide else np.int32)
    whole = dense(x)
    out = np.full((rows, cols), -7, dtype)
    assert kernels.csr_dense(x, kernel, bias, out=out) is out
    assert_products(out, whole, kernel.astype(np.float64), bias, dtype, k + 1)
    assert_products(kernels.csr_dense(x, kernel), whole, kernel.astype(np.float64), 0, dtype, k + 1)
    grad = np.full((k, cols), -7, dtype)
    assert kernels.csr_dense_grad(x, dy, out=grad) is grad
    assert_products(grad, whole.T, dy.astype(np.float64), 0, dtype, 2 * rows + 1)
    start = grad.copy()
    kernels.csr_dense_grad(x, dy, accumulate=True, out=grad)
    assert_products(grad, whole.T, dy.astype(np.float64), start, dtype, 2 * rows + 2)


@pytest.mark.parametrize("wide", [False, True], ids=["int32", "int64"])
@pytest.mark.parametrize("cols", [1, 9, 40])
def test_rows_in_any_order(isa, dtype, cols, wide):
    x, kernel, bias, _ = problem(25, 30, cols, dtype, wide=wide)
    whole = kernels.csr_dense(x, kernel, bias)
    order = np.random.default_rng(1).integers(0, 25, 60)
    got = kernels.csr_dense(x, kernel, bias, rows=order)
    np.testing.assert_array_equal(got, whole[order])  # a row has the bits it has elsewhere
    dy = np.random.default_rng(2).normal(0, 1, (60, cols)).astype(dtype)
    taken = sparse.vstack([x[i] for i in order], format="csr")
    got = kernels.csr_dense_grad(x, dy, rows=order)
    assert_products(got, dense(taken).T, dy.astype(np.float64), 0, dtype, 130)
    one_by_one = np.zeros_like(got)  # in this order
    for i, row in enumerate(order):
        kernels.csr_dense_grad(x, dy[i : i + 1], rows=[row], accumulate=True, out=one_by_one)
    np.testing.assert_array_equal(got, one_by_one)


def test_integers_are_exact(isa, dtype):
    x, kernel, bias, dy = problem(30, 20, 37, dtype)
    for array in (x.data, kernel, bias, dy):
        array[...] = np.round(4 * array)
    np.testing.assert_array_equal(kernels.csr_dense(x, kernel, bias), dense(x) @ kernel + bias)
    np.testing.assert_array_equal(kernels.csr_dense_grad(x, dy), dense(x).T @ dy)


def test_gradient_matches_central_differences(isa):
    x, kernel, bias, dy = problem(6, 5, 4, np.float64, density=0.5)
    got, step = kernels.csr_dense_grad(x, dy), 1e-6
    for place in np.ndindex(kernel.shape):
        up, down = kernel.copy(), kernel.copy()
        up[place] += step
        down[place] -= step
        change = kernels.csr_dense(x, up, bias) - kernels.csr_dense(x, down, bias)
        assert got[place] == pytest.approx((change * dy).sum() / (2 * step), abs=1e-8)


@pytest.mark.parametrize("cols", [1, 17])
def test_nan_in_gives_nan_out(isa, dtype, cols):
    x, kernel, bias, dy = problem(20, 9, cols, dtype)
    entry = x.indptr[7] if x.indptr[8] > x.indptr[7] else x.indptr[-1] - 1
    row = np.searchsorted(x.indptr, entry, side="right") - 1
    x.data[entry] = np.nan
    got = kernels.csr_dense(x, kernel, bias)
    np.testing.assert_array_equal(np.isnan(got).all(axis=1), np.arange(20) == row)
    np.testing.assert_array_equal(np.isnan(got).any(axis=1), np.arange(20) == row)
    assert np.isnan(kernels.csr_dense_grad(x, dy)[x.indices[entry]]).all()


@pytest.mark.parametrize("before", [False, True])
@pytest.mark.parametrize("cols", [1, 5, 16, 33, 70])
def test_csr_stays_inside_its_arrays(isa, dtype, cols, before):
    x, kernel, bias, dy = problem(12, 9, cols, dtype, density=0.5)
    want, want_grad = kernels.csr_dense(x, kernel, bias), kernels.csr_dense_grad(x, dy)
    x.data, x.indices = guarded(x.data, before=before), guarded(x.indices, before=before)
    x.indptr = guarded(x.indptr, before=before)
    out, grad = guarded(dy, before=before), guarded(kernel, before=before)
    walled = [guarded(a, before=before) for a in (kernel, bias, dy)]
    np.testing.assert_array_equal(kernels.csr_dense(x, *walled[:2], out=out), want)
    np.testing.assert_array_equal(kernels.csr_dense_grad(x, walled[2], out=grad), want_grad)


def test_arrays_of_scipy_too(isa, dtype):
    x, kernel, bias, _ = problem(5, 6, 3, dtype)
    got = kernels.csr_dense(sparse.csr_array(x), kernel, bias)
    np.testing.assert_array_equal(got, kernels.csr_dense(x, kernel, bias))


def test_what_sparse_refuses():
    x, kernel, _, dy = problem(4, 6, 3, np.float64, density=0.6)
    with pytest.raises(TypeError, match=r"x must be a scipy\.sparse CSR matrix or array, got csc"):
        kernels.csr_dense(x.tocsc(), kernel)
    with pytest.raises(TypeError, match="CSR matrix or array, got ndarray"):
        kernels.csr_dense_grad(x.toarray(), dy)
    with pytest.raises(ValueError, match="x has 6 columns, want the kernel's 5 rows"):
        kernels.csr_dense(x, kernel[:5])
    with pytest.raises(TypeError, match=r"x\.data must be float64"):
        kernels.csr_dense(x.astype(np.float32), kernel)
    with pytest.raises(ValueError, match=r"rows reach from -1 to 2, x has 4"):
        kernels.csr_dense(x, kernel, rows=[2, -1])
    with pytest.raises(TypeError, match="rows must be a vector of integers"):
        kernels.csr_dense(x, kernel, rows=[0.5])
    with pytest.raises(ValueError, match="dy has 3 rows, want 4"):
        kernels.csr_dense_grad(x, dy[:3])
    with pytest.raises(ValueError, match="accumulate adds to out, which is None"):
        kernels.csr_dense_grad(x, dy, accumulate=True)


@pytest.mark.parametrize("wide", [False, True], ids=["int32", "int64"])
@pytest.mark.parametrize(
    "spoil, row",
    [
        (lambda x: x.indices.__setitem__(-1, 6), 3),
        (lambda x: x.indices.__setitem__(0, -1), 0),
        (lambda x: x.indptr.__setitem__(2, x.indptr[1] - 1), 1),
        (lambda x: x.indptr.__setitem__(4, 1000), 3),
        (lambda x: x.indptr.__setitem__(0, -1), 0),
    ],
    ids=["column too large", "column negative", "row of negative length", "past the end", "start"],
)
def test_broken_matrices_are_refused(spoil, row, wide):
    x, kernel, _, _ = problem(4, 6, 3, np.float64, density=0.9, wide=wide)
    spoil(x)
    with pytest.raises(ValueError, match=f"row {row} of x has entries or columns out of bounds"):
        kernels.csr_dense(x, kernel)
