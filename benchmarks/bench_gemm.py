"""Products of matrices, in the three forms a dense layer needs, beside ``np.dot``."""

from __future__ import annotations

import numpy as np
import pytest

from fastnn import kernels

SIZES = [
    (1, 32, 8),  # one row through a small layer
    (32, 32, 32),
    (128, 784, 128),
    (512, 512, 512),  # a megabyte each in float32: level 2 cache
    (1536, 1536, 1536),  # 9 MB each: beyond it
]


@pytest.mark.parametrize("by", ["fastnn", "numpy"])
@pytest.mark.parametrize("form", ["nn", "tn", "nt"])
@pytest.mark.parametrize("m, k, n", SIZES, ids=lambda size: str(size))
def bench_matmul(measure, dtype, m, k, n, form, by):
    rng = np.random.default_rng([m, k, n])
    a = rng.standard_normal((k, m) if form == "tn" else (m, k)).astype(dtype)
    b = rng.standard_normal((n, k) if form == "nt" else (k, n)).astype(dtype)
    left, right = a.T if form == "tn" else a, b.T if form == "nt" else b
    out = np.empty((m, n), dtype)

    def fastnn():
        kernels.matmul(a, b, transpose_a=form == "tn", transpose_b=form == "nt", out=out)

    def numpy():
        np.dot(left, right, out=out)

    group = f"matmul {form} {m}x{k}x{n} {np.dtype(dtype)}"
    measure(group, {"fastnn": fastnn, "numpy": numpy}[by], flops=2 * m * k * n)
    # a sum of k products, each of size 1: of size sqrt(k), with at most k roundings
    np.testing.assert_allclose(out, left @ right, atol=k * np.finfo(dtype).eps * np.sqrt(k))


@pytest.mark.parametrize("by", ["fastnn", "numpy"])
@pytest.mark.parametrize("rows, cols", [(128, 128), (4096, 1024)])  # in cache; from memory
def bench_column_sum(measure, dtype, rows, cols, by):
    a = np.random.default_rng(0).standard_normal((rows, cols)).astype(dtype)
    out = np.empty(cols, dtype)

    def fastnn():
        kernels.column_sum(a, out=out)

    def numpy():
        np.add.reduce(a, axis=0, out=out)

    group = f"column_sum {rows}x{cols} {np.dtype(dtype)}"
    measure(group, {"fastnn": fastnn, "numpy": numpy}[by], bytes=a.nbytes)
    want = a.sum(axis=0, dtype=np.float64)  # as above
    np.testing.assert_allclose(out, want, atol=rows * np.finfo(dtype).eps * np.sqrt(rows))
