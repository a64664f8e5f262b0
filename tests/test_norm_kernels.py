"""Normalizations of rows and columns and their gradients against float64 twins; the moments of
columns in one pass."""

from __future__ import annotations

import math
import os
import sys

import numpy as np
import pytest

from each import each
from fastnn import _core, kernels
from guard import guarded
from reference import norm as twin

EPSILON = 1e-3
SHAPES = [
    (rows, cols)
    for rows in (1, 2, 3, 4, 5, 9)
    for cols in (1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 48, 65, 100)
]
# Sums over rows: either side of a block of 64; strips of four vectors, of one and of some lanes.
TALL = [(rows, cols) for rows in (1, 2, 63, 64, 65, 200) for cols in (1, 3, 8, 16, 17, 70, 131)]


def sample(rows, cols, dtype, offset=0.5):
    """x, gamma, beta, dy."""
    rng = np.random.default_rng([rows, cols])
    x = rng.normal(offset, 2, (rows, cols)).astype(dtype)
    gamma, beta = (rng.normal(0, 1, cols).astype(dtype) for _ in range(2))
    return x, gamma, beta, rng.normal(0, 1, (rows, cols)).astype(dtype)


def assert_close(got, want, dtype, reach, roundings):
    """Within some roundings of `reach`, the size of what was added up."""
    error = np.abs(got.astype(np.float64) - want)
    assert (error <= roundings * float(np.finfo(dtype).eps) * reach).all(), error.max()


def exact_moments(x):
    """Mean and variance of the columns: NumPy adds rows one after the other, which costs digits."""
    columns = x.astype(np.float64).T
    means = [math.fsum(column) / len(x) for column in columns]
    squares = [math.fsum((column - mean) ** 2) for column, mean in zip(columns, means, strict=True)]
    return np.array(means), np.array(squares) / len(x)


# ---- rows ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("rms", [False, True], ids=["layer", "rms"])
@each("rows, cols", SHAPES)
def test_layer_norm_matches_reference(isa, dtype, rows, cols, rms):
    x, gamma, beta, dy = sample(rows, cols, dtype)
    for scale, offset in ((gamma, beta), (None, beta), (gamma, None), (None, None)):
        out, stats = np.full_like(x, -7), np.full((rows, 2), -7, dtype)
        got = kernels.layer_norm(x, scale, offset, epsilon=EPSILON, rms=rms, stats=stats, out=out)
        assert got[0] is out
        assert got[1] is stats
        mean, inverse = twin.row_moments(x, EPSILON, rms)
        # mean, variance and their use: a few roundings of values up to the largest of x, times r
        reach = (np.abs(x).max(axis=1, keepdims=True) * inverse + 1) * max(1, np.abs(gamma).max())
        assert_close(out, twin.layer_norm(x, scale, offset, EPSILON, rms), dtype, reach + 3, 8)
        assert_close(stats[:, :1], mean, dtype, np.abs(x).max(axis=1, keepdims=True), 3)
        assert_close(stats[:, 1:], inverse, dtype, inverse, 8 + cols / 20)

        dx, dgamma, dbeta = twin.layer_norm_grad(x, scale, dy, EPSILON, rms)
        got = kernels.layer_norm_grad(x, scale, stats, dy, rms=rms)
        slopes = np.abs(dy).max() * max(1, np.abs(gamma).max())
        assert_close(got, dx, dtype, inverse * slopes * (reach + 2) ** 2, 8)
        got = kernels.layer_norm_param_grad(x, stats, dy, rms=rms)
        assert_close(got[0], dgamma, dtype, (np.abs(dy) * (reach + 2)).sum(axis=0), 8)
        assert_close(got[1], dbeta, dtype, np.abs(dy).sum(axis=0), 8)


@pytest.mark.parametrize("rms", [False, True], ids=["layer", "rms"])
@each("rows, cols", TALL)
def test_layer_norm_param_grad_over_many_rows(isa, dtype, rows, cols, rms):
    x, _, _, dy = sample(rows, cols, dtype)
    _, stats = kernels.layer_norm(x, epsilon=EPSILON, rms=rms)
    _, dgamma, dbeta = twin.layer_norm_grad(x, None, dy, EPSILON, rms)
    got = kernels.layer_norm_param_grad(x, stats, dy, rms=rms)
    _, inverse = twin.row_moments(x, EPSILON, rms)
    reach = (np.abs(dy) * (np.abs(x).max(axis=1, keepdims=True) * inverse + 1)).sum(axis=0)
    assert_close(got[0], dgamma, dtype, reach, 12)
    assert_close(got[1], dbeta, dtype, np.abs(dy).sum(axis=0), 12)
    for first in got:  # added to what is there
        first += 3
    before = [first.copy() for first in got]
    added = kernels.layer_norm_param_grad(
        x, stats, dy, rms=rms, accumulate=True, dgamma=got[0], dbeta=got[1]
    )
    assert added[0] is got[0]
    assert_close(added[0], before[0] + dgamma, dtype, reach + np.abs(before[0]), 12)
    assert_close(added[1], before[1] + dbeta, dtype, np.abs(dy).sum(axis=0) + 9, 24)


@pytest.mark.parametrize("rms", [False, True], ids=["layer", "rms"])
@each("rows, cols", [*SHAPES[::3], *TALL])
def test_backward_at_once_has_the_bits_of_its_parts(isa, dtype, rows, cols, rms):
    x, gamma, _, dy = sample(rows, cols, dtype)
    _, stats = kernels.layer_norm(x, epsilon=EPSILON, rms=rms)
    for scale in (gamma, None):
        dx = kernels.layer_norm_grad(x, scale, stats, dy, rms=rms)
        sums = kernels.layer_norm_param_grad(x, stats, dy, rms=rms)
        got = kernels.layer_norm_backward(x, scale, stats, dy, rms=rms)
        for array, want in zip(got, (dx, *sums), strict=True):
            np.testing.assert_array_equal(array, want)
        for split in (4, 8, 60):  # blocks of whole groups of rows, added up
            parts = [np.zeros(cols, dtype) for _ in range(2)]
            for i in range(0, rows, split):
                at = slice(i, i + split)
                kernels.layer_norm_backward(
                    *(x[at], scale, stats[at], dy[at]),
                    rms=rms,
                    accumulate=True,
                    dgamma=parts[0],
                    dbeta=parts[1],
                )
            np.testing.assert_array_equal(parts[0], sums[0])
            np.testing.assert_array_equal(parts[1], sums[1])


@pytest.mark.parametrize("rms", [False, True], ids=["layer", "rms"])
@pytest.mark.parametrize("cols", [1, 5, 16, 21, 100])
def test_a_row_has_the_bits_it_has_alone(isa, dtype, cols, rms):
    x, gamma, beta, dy = sample(11, cols, dtype)
    whole, stats = kernels.layer_norm(x, gamma, beta, rms=rms)
    slopes = kernels.layer_norm_grad(x, gamma, stats, dy, rms=rms)
    for i in range(11):
        row = slice(i, i + 1)
        alone, own = kernels.layer_norm(x[row], gamma, beta, rms=rms)
        np.testing.assert_array_equal(alone, whole[row])
        np.testing.assert_array_equal(own, stats[row])
        got = kernels.layer_norm_grad(x[row], gamma, own, dy[row], rms=rms)
        np.testing.assert_array_equal(got, slopes[row])


def differences(loss, x, step=1e-5):
    """The gradient of `loss`, a function of an array, by central differences."""
    numeric = np.empty_like(x)
    for place in np.ndindex(x.shape):
        up, down = x.copy(), x.copy()
        up[place] += step
        down[place] -= step
        numeric[place] = (loss(up) - loss(down)) / (2 * step)
    return numeric


@pytest.mark.parametrize("rms", [False, True], ids=["layer", "rms"])
def test_layer_norm_gradients_match_central_differences(isa, rms):
    x, gamma, beta, dy = sample(3, 7, np.float64)

    def loss(x=x, gamma=gamma, beta=beta):
        return (dy * kernels.layer_norm(x, gamma, beta, rms=rms)[0]).sum()

    _, stats = kernels.layer_norm(x, gamma, beta, rms=rms)
    dx = kernels.layer_norm_grad(x, gamma, stats, dy, rms=rms)
    dgamma, dbeta = kernels.layer_norm_param_grad(x, stats, dy, rms=rms)
    np.testing.assert_allclose(dx, differences(lambda v: loss(x=v), x), atol=1e-8)
    np.testing.assert_allclose(dgamma, differences(lambda v: loss(gamma=v), gamma), atol=1e-8)
    np.testing.assert_allclose(dbeta, differences(lambda v: loss(beta=v), beta), atol=1e-8)


@pytest.mark.parametrize("cols", [1, 3, 7, 16, 50])
def test_constant_rows_are_0_whatever_their_size(isa, dtype, cols):
    x = np.repeat(np.array([[1e4], [0.1], [-3e7], [0], [1 / 3]], dtype), cols, axis=1)
    y, stats = kernels.layer_norm(x, epsilon=1e-5)
    np.testing.assert_array_equal(y, np.zeros_like(x))
    np.testing.assert_array_equal(stats[:, 0], x[:, 0])


@pytest.mark.parametrize("cols", [1, 5, 16, 40])
def test_nan_stays_in_its_row(isa, dtype, cols):
    x, gamma, beta, dy = sample(6, cols, dtype)
    x[2, cols - 1] = np.nan
    rows = np.arange(6) == 2
    for rms in (False, True):
        y, stats = kernels.layer_norm(x, gamma, beta, rms=rms)
        np.testing.assert_array_equal(np.isnan(y), np.isnan(y).all(axis=1)[:, None] | np.isnan(y))
        np.testing.assert_array_equal(np.isnan(y).all(axis=1), rows)
        dx = kernels.layer_norm_grad(x, gamma, stats, dy, rms=rms)
        np.testing.assert_array_equal(np.isnan(dx).all(axis=1), rows)
        assert np.isfinite(y[~rows]).all()


# ---- columns ------------------------------------------------------------------------------------


@each("rows, cols", TALL)
def test_batch_norm_matches_reference(isa, dtype, rows, cols):
    x, gamma, beta, dy = sample(rows, cols, dtype)
    mean, variance = kernels.column_moments(x)
    wide = x.astype(np.float64)
    most = np.abs(wide).max(axis=0)
    assert_close(mean, wide.mean(axis=0), dtype, most, 6)
    assert_close(variance, wide.var(axis=0), dtype, wide.var(axis=0) + most**2 * 1e-3, 12)
    # the moments as they are, so that their roundings do not count twice
    moments = mean.astype(np.float64), variance.astype(np.float64)
    inverse = 1 / np.sqrt(moments[1] + EPSILON)
    reach = (most * inverse + 1) * max(1, np.abs(gamma).max()) + 3
    for scale, offset in ((gamma, beta), (None, beta), (gamma, None), (None, None)):
        out = np.full_like(x, -7)
        assert kernels.batch_norm(x, mean, variance, scale, offset, out=out) is out
        assert_close(out, twin.batch_norm(x, *moments, scale, offset, EPSILON), dtype, reach, 6)
    dx, dgamma, dbeta = twin.batch_norm_grad(x, gamma, dy, EPSILON)
    sums = kernels.batch_norm_sums(x, mean, variance, dy)
    total = np.abs(dy).sum(axis=0)
    assert_close(sums[0], dbeta, dtype, total, 12)
    assert_close(sums[1], dgamma, dtype, total * reach, 12)
    got = kernels.batch_norm_grad(x, mean, variance, gamma, *sums, dy)
    assert_close(got, dx, dtype, inverse * np.abs(dy).max() * reach**2, 12)


@pytest.mark.parametrize("rows", [2, 7, 130])
def test_batch_norm_gradients_match_central_differences(isa, rows):
    x, gamma, beta, dy = sample(rows, 3, np.float64)

    def loss(x=x, gamma=gamma, beta=beta):
        return (dy * kernels.batch_norm(x, *kernels.column_moments(x), gamma, beta)).sum()

    moments = kernels.column_moments(x)
    sums = kernels.batch_norm_sums(x, *moments, dy)
    dx = kernels.batch_norm_grad(x, *moments, gamma, *sums, dy)
    np.testing.assert_allclose(dx, differences(lambda v: loss(x=v), x), atol=1e-7)
    np.testing.assert_allclose(sums[1], differences(lambda v: loss(gamma=v), gamma), atol=1e-7)
    np.testing.assert_allclose(sums[0], differences(lambda v: loss(beta=v), beta), atol=1e-7)


@pytest.mark.parametrize("cols", [1, 5, 16, 70])
def test_rows_of_a_batch_may_be_cut(isa, dtype, cols):
    x, gamma, beta, dy = sample(100, cols, dtype)
    moments = kernels.column_moments(x)
    sums = kernels.batch_norm_sums(x, *moments, dy)
    whole = kernels.batch_norm(x, *moments, gamma, beta)
    slopes = kernels.batch_norm_grad(x, *moments, gamma, *sums, dy)
    for cut in (1, 30, 64, 99):
        for part in (slice(0, cut), slice(cut, None)):
            got = kernels.batch_norm(x[part], *moments, gamma, beta)
            np.testing.assert_array_equal(got, whole[part])
            got = kernels.batch_norm_grad(x[part], *moments, gamma, *sums, dy[part], batch_rows=100)
            np.testing.assert_array_equal(got, slopes[part])


def test_moments_of_a_far_column_keep_their_digits(isa, dtype):
    rng = np.random.default_rng(5)
    x = (1e4 + rng.normal(0, 1, (3000, 9))).astype(dtype)
    mean, variance = kernels.column_moments(x)
    want = exact_moments(x)
    # the mean is rounded once at 1e4, and the variance is off by that error squared
    eps = float(np.finfo(dtype).eps)
    np.testing.assert_allclose(mean, want[0], rtol=eps)
    np.testing.assert_allclose(variance, want[1], rtol=100 * eps, atol=(1e4 * eps) ** 2)


def test_constant_columns_have_variance_0(isa, dtype):
    x = np.tile(np.array([0.1, 1e4, -3e7, 0, 1 / 3], dtype), (77, 1))
    mean, variance = kernels.column_moments(x)
    np.testing.assert_array_equal(mean, x[0])
    np.testing.assert_array_equal(variance, np.zeros(5))


@pytest.mark.parametrize("cols", [1, 5, 16, 70])
def test_nan_stays_in_its_column(isa, dtype, cols):
    x, gamma, beta, dy = sample(70, cols, dtype)
    x[66, cols - 1] = np.nan
    touched = np.arange(cols) == cols - 1
    moments = kernels.column_moments(x)
    for array in (*moments, *kernels.batch_norm_sums(x, *moments, dy)[1:]):
        np.testing.assert_array_equal(np.isnan(array), touched)
    y = kernels.batch_norm(x, *moments, gamma, beta)
    np.testing.assert_array_equal(np.isnan(y), np.broadcast_to(touched, y.shape))


@pytest.mark.parametrize("shape", [(0, 0), (0, 5), (3, 0)])
def test_empty_arrays(dtype, shape):
    x, cols = np.empty(shape, dtype), np.ones(shape[1], dtype)
    y, stats = kernels.layer_norm(x, cols, cols)
    assert y.shape == shape
    assert stats.shape == (shape[0], 2)
    assert kernels.layer_norm_grad(x, cols, stats, x).shape == shape
    np.testing.assert_array_equal(kernels.layer_norm_param_grad(x, stats, x)[0], 0 * cols)
    assert kernels.batch_norm(x, cols, cols, cols, cols).shape == shape
    np.testing.assert_array_equal(kernels.batch_norm_sums(x, cols, cols, x)[1], 0 * cols)
    assert kernels.batch_norm_grad(x, cols, cols, None, cols, cols, x).shape == shape
    if shape[0] == 0:
        with pytest.raises(ValueError, match="column_moments: x has no rows"):
            kernels.column_moments(x)


@pytest.mark.parametrize("before", [False, True])
@pytest.mark.parametrize("rows, cols", [(1, 1), (5, 3), (4, 16), (5, 33), (66, 19), (2, 70)])
def test_norms_stay_inside_their_arrays(isa, dtype, rows, cols, before):
    plain = sample(rows, cols, dtype)
    x, gamma, beta, dy = (guarded(a, before=before) for a in plain)
    out, stats = guarded(plain[0], before=before), guarded(np.ones((rows, 2), dtype), before=before)
    want, want_stats = kernels.layer_norm(*plain[:3])
    kernels.layer_norm(x, gamma, beta, stats=stats, out=out)
    np.testing.assert_array_equal(out, want)
    kernels.layer_norm(x, gamma, beta, rms=True, out=out)
    np.testing.assert_array_equal(stats, want_stats)
    kernels.layer_norm_grad(x, gamma, stats, dy, out=out)
    np.testing.assert_array_equal(out, kernels.layer_norm_grad(plain[0], plain[1], stats, plain[3]))
    sums = [guarded(plain[1], before=before) for _ in range(2)]
    kernels.layer_norm_backward(x, gamma, stats, dy, out=out, dgamma=sums[0], dbeta=sums[1])
    kernels.layer_norm_param_grad(x, stats, dy, dgamma=sums[0], dbeta=sums[1])
    mean, variance = (guarded(a, before=before) for a in kernels.column_moments(x))
    kernels.batch_norm(x, mean, variance, gamma, beta, out=out)
    np.testing.assert_array_equal(out, kernels.batch_norm(plain[0], mean, variance, *plain[1:3]))
    plain_sums = kernels.batch_norm_sums(x, mean, variance, dy)
    kernels.batch_norm_grad(x, mean, variance, gamma, *plain_sums, dy, out=out)
    for array, same in zip((x, gamma, beta, dy), plain, strict=True):
        np.testing.assert_array_equal(array, same)  # inputs are read only


def test_out_may_be_the_input(isa, dtype):
    x, gamma, beta, dy = sample(9, 21, dtype)
    want, _ = kernels.layer_norm(x, gamma, beta)
    moments = kernels.column_moments(x)
    want_columns = kernels.batch_norm(x, *moments, gamma, beta)
    for function in (
        lambda a, out: kernels.layer_norm(a, gamma, beta, out=out)[0],
        lambda a, out: kernels.batch_norm(a, *moments, gamma, beta, out=out),
    ):
        same = x.copy()
        got = function(same, same)
        assert got is same
        np.testing.assert_array_equal(
            got, want if function(x.copy(), None).tolist() == want.tolist() else want_columns
        )
    sums = kernels.batch_norm_sums(x, *moments, dy)
    want = kernels.batch_norm_grad(x, *moments, gamma, *sums, dy)
    same = dy.copy()
    kernels.batch_norm_grad(x, *moments, gamma, *sums, same, out=same)
    np.testing.assert_array_equal(same, want)


def test_what_the_norms_refuse():
    x, row = np.ones((3, 4)), np.ones(4)
    stats = np.ones((3, 2))
    with pytest.raises(ValueError, match=r"layer_norm: gamma has shape \(3,\), want \(4,\)"):
        kernels.layer_norm(x, np.ones(3))
    with pytest.raises(ValueError, match=r"epsilon must be a finite number, at least 0, got -1\.0"):
        kernels.layer_norm(x, epsilon=-1.0)
    memory = np.ones(12)
    with pytest.raises(ValueError, match="stats and out share memory"):
        kernels.layer_norm(x, stats=memory[:6].reshape(3, 2), out=memory.reshape(3, 4))
    with pytest.raises(TypeError, match="dy must be an array, got NoneType"):
        kernels.layer_norm_grad(x, None, stats, None)
    with pytest.raises(ValueError, match="accumulate adds to dgamma and dbeta"):
        kernels.layer_norm_param_grad(x, stats, x, accumulate=True, dgamma=row)
    with pytest.raises(TypeError, match="mean must be float64 like the first argument"):
        kernels.batch_norm(x, row.astype(np.float32), row)
    with pytest.raises(ValueError, match="batch_rows must be an integer of at least 1, got 0"):
        kernels.batch_norm_grad(x, row, row, None, row, row, x, batch_rows=0)
    with pytest.raises(ValueError, match="x must be 2-D"):
        kernels.column_moments(row)


# ---- moments in one pass ------------------------------------------------------------------------


def moments_of(pieces, cols, **options):
    state = _core.ColumnMoments(cols)
    for piece in pieces:
        state.update(piece, **options)
    return state


@pytest.mark.parametrize("rows, cols", [(1, 1), (2, 3), (100, 7), (5000, 3), (70, 5000)])
def test_column_moments_in_pieces(rows, cols):
    rng = np.random.default_rng([rows, cols])
    x = rng.normal(1e6, 1, (rows, cols))
    mean, variance = exact_moments(x)
    for cut in {1, rows // 3, rows - 1, rows}:
        state = moments_of([x[:cut], x[cut:cut], x[cut:]], cols)
        np.testing.assert_array_equal(state.count(), np.full(cols, rows))
        # the oracle's mean is rounded at 1e6, 1e-10; its square is nothing
        np.testing.assert_allclose(state.mean(), mean, rtol=2.3e-16)
        np.testing.assert_allclose(state.variance(), variance, rtol=2e-14, atol=1e-18)


@pytest.mark.parametrize(
    "dtype", ["f2", "f4", "f8", ">f4", "i1", "i4", "i8", "u1", "u8", "?", "<f8"]
)
def test_column_moments_of_any_type_and_stride(dtype):
    rng = np.random.default_rng(3)
    plain = rng.integers(0, 2 if dtype == "?" else 100, (60, 8)).astype(dtype)
    for x in (plain, plain[::-2, ::3], np.asfortranarray(plain), plain[:, :1]):
        state = moments_of([x], x.shape[1])
        wide = x.astype(np.float64)
        np.testing.assert_allclose(state.mean(), wide.mean(axis=0), rtol=1e-15)
        np.testing.assert_allclose(state.variance(), wide.var(axis=0), rtol=1e-13)
    flat = moments_of([plain[:, 0]], 1)
    np.testing.assert_array_equal(flat.mean(), moments_of([plain[:, :1]], 1).mean())


def test_column_moments_with_weights():
    rng = np.random.default_rng(4)
    x, weight = rng.normal(3, 2, (500, 4)), rng.integers(0, 3, 500)
    state = _core.ColumnMoments(4)
    for part in (slice(0, 10), slice(10, 400), slice(400, None)):
        state.update(x[part], weight[part])
    repeated = np.repeat(x, weight, axis=0)
    np.testing.assert_allclose(state.count(), np.full(4, len(repeated)))
    np.testing.assert_allclose(state.mean(), repeated.mean(axis=0), rtol=1e-14)
    np.testing.assert_allclose(state.variance(), repeated.var(axis=0), rtol=1e-13)


def test_column_moments_before_anything_is_seen():
    state = _core.ColumnMoments(2)
    state.update(np.ones((3, 2)), np.zeros(3))
    assert state.count().tolist() == [0, 0]
    assert np.isnan(state.mean()).all()
    assert np.isnan(state.variance()).all()


def test_column_moments_skip_nan():
    rng = np.random.default_rng(6)
    x = rng.normal(3, 2, (900, 5))
    x[rng.random(x.shape) < 0.2] = np.nan
    x[:, 4] = np.nan
    state = moments_of([x[:100], x[100:101], x[101:]], 5, skip_nan=True)
    np.testing.assert_array_equal(state.count(), np.isfinite(x).sum(axis=0))
    np.testing.assert_allclose(state.mean()[:4], np.nanmean(x[:, :4], axis=0), rtol=1e-13)
    np.testing.assert_allclose(state.variance()[:4], np.nanvar(x[:, :4], axis=0), rtol=1e-12)
    assert math.isnan(state.mean()[4])


@pytest.mark.parametrize("bad, skip_nan", [(np.nan, False), (np.inf, False), (-np.inf, True)])
def test_column_moments_refuse_and_stay_as_they_were(bad, skip_nan):
    x = np.random.default_rng(7).normal(0, 1, (3000, 3))
    state = moments_of([x], 3)
    before = state.mean(), state.variance(), state.count()
    spoiled = x.copy()
    spoiled[2500, 1] = bad
    spoiled[7, 0] = np.nan if skip_nan else 0
    with pytest.raises(ValueError, match="row 2500 of x holds"):
        state.update(spoiled, skip_nan=skip_nan)
    for array, same in zip((state.mean(), state.variance(), state.count()), before, strict=True):
        np.testing.assert_array_equal(array, same)


def test_column_moments_merge():
    x = np.random.default_rng(8).normal(5, 1, (300, 3))
    one, two = moments_of([x[:70]], 3), moments_of([x[70:]], 3)
    one.merge(two)
    np.testing.assert_allclose(one.mean(), x.mean(axis=0), rtol=1e-14)
    np.testing.assert_allclose(one.variance(), x.var(axis=0), rtol=1e-13)
    np.testing.assert_array_equal(one.count(), [300, 300, 300])
    empty = _core.ColumnMoments(3)
    empty.merge(_core.ColumnMoments(3))
    assert np.isnan(empty.mean()).all()
    empty.merge(one)
    np.testing.assert_array_equal(empty.mean(), one.mean())


def test_what_column_moments_refuse():
    state = _core.ColumnMoments(3)
    with pytest.raises(ValueError, match=r"x has shape \(2, 4\), want \(rows, 3\)"):
        state.update(np.ones((2, 4)))
    with pytest.raises(ValueError, match=r"weight has shape \(3,\), want \(2,\)"):
        state.update(np.ones((2, 3)), np.ones(3))
    with pytest.raises(ValueError, match="weight must be finite and not negative"):
        state.update(np.ones((2, 3)), [1.0, -1.0])
    with pytest.raises(TypeError, match="want real numbers"):
        state.update(np.ones((2, 3), complex))
    with pytest.raises(ValueError, match="cols must be at least 1"):
        _core.ColumnMoments(0)
    with pytest.raises(ValueError, match="got 2 columns, want 3"):
        state.merge(_core.ColumnMoments(2))


@pytest.mark.skipif(not hasattr(os, "fork") or sys.platform == "darwin", reason="needs fork")
def test_column_moments_in_a_child_process():
    state = moments_of([np.ones((10, 2))], 2)
    child = os.fork()
    if child == 0:
        state.update(np.ones((5, 2)))
        os._exit(0 if state.count()[0] == 15 else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert state.count()[0] == 10
