"""Layers with a parameter a column or several columns a unit, against float64 twins."""

from __future__ import annotations

import math

import numpy as np
import pytest

from each import each
from fastnn import kernels
from guard import guarded
from reference import units as twin

SHAPES = [
    (rows, cols) for rows in (0, 1, 3) for cols in (0, 1, 2, 3, 5, 7, 8, 9, 15, 16, 17, 33, 70)
]


def normals(shape, dtype, seed=0):
    rng = np.random.default_rng([seed, *np.atleast_1d(shape)])
    return rng.normal(0, 2, shape).astype(dtype)


def eps(dtype):
    return float(np.finfo(dtype).eps)


# ---- prelu --------------------------------------------------------------------------------------


@each("rows, cols", [*SHAPES, (64, 5), (65, 70), (200, 3)])
def test_prelu_matches_reference(isa, dtype, rows, cols):
    x, alpha, dy = (
        normals((rows, cols), dtype),
        normals(cols, dtype),
        normals((rows, cols), dtype, 1),
    )
    x[: rows // 2, : cols // 2] = 0
    out = np.full_like(x, -7)
    assert kernels.prelu(x, alpha, out=out) is out
    np.testing.assert_array_equal(out, np.where(x > 0, x, alpha * x))
    dx, dalpha = twin.prelu_grad(x, alpha, dy)
    np.testing.assert_array_equal(kernels.prelu_grad(x, alpha, dy), dx.astype(dtype))
    got = kernels.prelu_param_grad(x, dy)
    reach = np.abs(np.minimum(x, 0) * dy.astype(np.float64)).sum(axis=0)
    assert (np.abs(got - dalpha) <= 20 * eps(dtype) * reach).all()
    got += 3
    start = got.copy()
    assert kernels.prelu_param_grad(x, dy, accumulate=True, out=got) is got
    assert (np.abs(got - (start + dalpha)) <= 40 * eps(dtype) * (reach + np.abs(start))).all()


def test_prelu_gradients_match_central_differences(isa):
    x, alpha, dy = (
        normals((4, 6), np.float64),
        normals(6, np.float64),
        normals((4, 6), np.float64, 1),
    )
    step = 1e-6
    numeric = (kernels.prelu(x + step, alpha) - kernels.prelu(x - step, alpha)) / (2 * step) * dy
    np.testing.assert_allclose(kernels.prelu_grad(x, alpha, dy), numeric, atol=1e-8)
    numeric = (kernels.prelu(x, alpha + step) - kernels.prelu(x, alpha - step)) / (2 * step) * dy
    np.testing.assert_allclose(kernels.prelu_param_grad(x, dy), numeric.sum(axis=0), atol=1e-8)


# ---- maxout -------------------------------------------------------------------------------------


@each("pieces", [1, 2, 3, 5])
@each("rows, units", SHAPES)
def test_maxout_matches_reference(isa, dtype, rows, units, pieces):
    z = np.round(normals((rows, pieces * units), dtype))  # whole numbers: many are equal
    dy = normals((rows, units), dtype, 1)
    out = np.full((rows, units), -7, dtype)
    assert kernels.maxout(z, pieces, out=out) is out
    if z.size == 0:
        assert kernels.maxout_grad(z, out, dy, pieces).shape == z.shape
        return
    np.testing.assert_array_equal(out, twin.maxout(z, pieces))
    got = kernels.maxout_grad(z, out, dy, pieces)
    np.testing.assert_array_equal(got, twin.maxout_grad(z, dy, pieces))
    np.testing.assert_array_equal(got.reshape(rows, pieces, units).sum(axis=1), dy)


@pytest.mark.parametrize("piece", [0, 1, 2])
def test_maxout_of_nan(isa, dtype, piece):
    z = normals((2, 3 * 19), dtype)
    z[1, piece * 19 + 18] = np.nan
    out = kernels.maxout(z, 3)
    assert math.isnan(out[1, 18])
    assert np.isnan(out).sum() == 1
    got = kernels.maxout_grad(z, out, np.ones((2, 19), dtype), 3)
    assert got[1, [18, 37, 56]].tolist() == [1, 0, 0]


# ---- glu ----------------------------------------------------------------------------------------


@each("rows, cols", SHAPES)
def test_glu_matches_reference(isa, dtype, rows, cols):
    z, dy = normals((rows, 2 * cols), dtype), normals((rows, cols), dtype, 1)
    out = np.full((rows, cols), -7, dtype)
    assert kernels.glu(z, out=out) is out
    np.testing.assert_allclose(out, twin.glu(z), rtol=4 * eps(dtype))
    # 1 - s loses digits where s is close to 1: absolute there
    got, want = kernels.glu_grad(z, dy), twin.glu_grad(z, dy)
    reach = np.abs(np.tile(dy, 2).astype(np.float64)) * (1 + np.abs(np.tile(z[:, :cols], 2)))
    assert (np.abs(got - want) <= 4 * eps(dtype) * reach).all()


def test_glu_gradient_matches_central_differences(isa):
    z, dy = normals((3, 10), np.float64), normals((3, 5), np.float64, 1)
    got, step = kernels.glu_grad(z, dy), 1e-6
    for j in range(10):
        up, down = z.copy(), z.copy()
        up[:, j] += step
        down[:, j] -= step
        numeric = ((kernels.glu(up) - kernels.glu(down)) / (2 * step) * dy).sum(axis=1)
        np.testing.assert_allclose(got[:, j], numeric, atol=1e-8)


# ---- bilinear -----------------------------------------------------------------------------------


@each("units", [1, 3, 4, 5, 9])
@each("rows, n2", [(r, n) for r in (0, 1, 3) for n in (1, 2, 7, 8, 16, 17, 40)])
def test_bilinear_matches_reference(isa, dtype, rows, units, n2):
    n1 = 3
    x1, x2 = normals((rows, n1), dtype), normals((rows, n2), dtype, 1)
    kernel, bias = normals((n1, units, n2), dtype, 2), normals(units, dtype, 3)
    t = kernels.matmul(x1, kernel.reshape(n1, -1)).reshape(rows, units, n2)
    for offset in (bias, None):
        out = np.full((rows, units), -7, dtype)
        assert kernels.bilinear_out(t, x2, offset, out=out) is out
        wide = [a.astype(np.float64) for a in (x1, kernel, x2)]
        want = twin.bilinear(*wide, bias if offset is not None else 0.0)
        reach = twin.bilinear(*map(np.abs, wide), np.abs(bias))
        assert (np.abs(out - want) <= (n1 + n2 + 3) * eps(dtype) * reach).all()
    dy = normals((rows, units), dtype, 4)
    before = t.copy()
    dt, dx2 = kernels.bilinear_grad(dy, t, x2)
    np.testing.assert_array_equal(t, before)
    np.testing.assert_array_equal(dt, dy[:, :, None] * x2[:, None, :])
    want = np.einsum("ru,ruj->rj", dy.astype(np.float64), t)
    reach = np.einsum("ru,ruj->rj", np.abs(dy.astype(np.float64)), np.abs(t))
    assert (np.abs(dx2 - want) <= (units + 1) * eps(dtype) * reach).all()


def test_bilinear_gradients_match_central_differences(isa):
    t, x2 = normals((2, 5, 9), np.float64), normals((2, 9), np.float64, 1)
    dy, step = normals((2, 5), np.float64, 2), 1e-6
    dt, dx2 = kernels.bilinear_grad(dy, t, x2)
    for j in range(9):
        by_x2, by_t = [], []
        for sign in (1, -1):
            moved, shifted = x2.copy(), t.copy()
            moved[:, j] += sign * step
            shifted[:, 3, j] += sign * step
            by_x2.append((dy * kernels.bilinear_out(t, moved)).sum(axis=1))
            by_t.append((dy * kernels.bilinear_out(shifted, x2)).sum(axis=1))
        np.testing.assert_allclose(dx2[:, j], (by_x2[0] - by_x2[1]) / (2 * step), atol=1e-7)
        np.testing.assert_allclose(dt[:, 3, j], (by_t[0] - by_t[1]) / (2 * step), atol=1e-7)


# ---- activity -----------------------------------------------------------------------------------


@each("l1, l2", [(0.0, 0.0), (0.5, 0.0), (0.0, 0.25), (0.3, 0.7)])
@each("size", [0, 1, 2, 3, 5, 8, 15, 16, 17, 127, 128, 129, 300])
def test_activity_matches_reference(isa, dtype, size, l1, l2):
    x = normals(size, dtype)
    x[::4] = 0
    want, slope = twin.activity(x, l1, l2)
    assert kernels.activity_penalty(x, l1, l2) == pytest.approx(want, rel=15 * eps(dtype))
    dx = np.ones(size, dtype)
    got = kernels.activity_penalty(x, l1, l2, dx=dx, scale=0.5)
    assert got == pytest.approx(want, rel=15 * eps(dtype))
    np.testing.assert_allclose(
        dx,
        1 + 0.5 * slope,
        rtol=4 * eps(dtype),
        atol=4 * eps(dtype) * (1 + np.abs(slope).max(initial=0)),
    )
    assert (dx[::4] == 1).all()  # a value of 0 is not pulled


def test_activity_of_nan(isa, dtype):
    x = np.zeros(21, dtype)
    for place in (0, 20):
        x[place], dx = np.nan, np.zeros(21, dtype)
        assert math.isnan(kernels.activity_penalty(x, 1.0, dx=dx))
        np.testing.assert_array_equal(np.isnan(dx), np.isnan(x))
        x[place] = 0


# ---- all of them --------------------------------------------------------------------------------


def test_nan_in_gives_nan_out(isa, dtype):
    x, alpha, one = normals((3, 18), dtype), normals(18, dtype), np.ones((3, 18), dtype)
    x[2, 17] = np.nan
    for got in (kernels.prelu(x, alpha), kernels.prelu_grad(x, alpha, one)):
        np.testing.assert_array_equal(np.isnan(got), np.isnan(x))
    assert np.isnan(kernels.prelu_param_grad(x, one)).tolist() == [False] * 17 + [True]
    assert np.isnan(kernels.glu(x)).sum() == 1
    assert np.isnan(kernels.glu_grad(x, one[:, :9])[2, 8])
    t = np.ones((3, 2, 18), dtype)
    assert np.isnan(kernels.bilinear_out(t, x)).tolist() == [[False] * 2] * 2 + [[True] * 2]


@pytest.mark.parametrize("cols", [1, 5, 16, 21])
def test_rows_have_the_bits_they_have_alone(isa, dtype, cols):
    x, alpha, dy = (
        normals((7, 2 * cols), dtype),
        normals(2 * cols, dtype),
        normals((7, cols), dtype),
    )
    t = normals((7, 3, cols), dtype)
    for function in (
        lambda i: kernels.prelu(x[i], alpha),
        lambda i: kernels.prelu_grad(x[i], alpha, x[i]),
        lambda i: kernels.maxout(x[i], 2),
        lambda i: kernels.maxout_grad(x[i], kernels.maxout(x[i], 2), dy[i], 2),
        lambda i: kernels.glu(x[i]),
        lambda i: kernels.glu_grad(x[i], dy[i]),
        lambda i: kernels.bilinear_out(t[i], dy[i]),
        lambda i: kernels.bilinear_grad(t[i, :, 0], t[i], dy[i])[1],
    ):
        whole = function(slice(None))
        for i in range(7):
            np.testing.assert_array_equal(function(slice(i, i + 1)), whole[i : i + 1])


@pytest.mark.parametrize("before", [False, True])
@pytest.mark.parametrize("rows, cols", [(1, 1), (3, 5), (2, 16), (3, 33), (66, 19)])
def test_units_stay_inside_their_arrays(isa, dtype, rows, cols, before):
    plain = normals((rows, 2 * cols), dtype), normals(2 * cols, dtype), normals((rows, cols), dtype)

    def wall(array):
        return guarded(array, before=before)

    z, alpha, dy = map(wall, plain)
    out, narrow = wall(plain[0]), wall(plain[2])
    np.testing.assert_array_equal(kernels.prelu(z, alpha, out=out), kernels.prelu(*plain[:2]))
    kernels.prelu_grad(z, alpha, z, out=out)
    kernels.prelu_param_grad(z, z, out=wall(plain[1]))
    np.testing.assert_array_equal(kernels.maxout(z, 2, out=narrow), kernels.maxout(plain[0], 2))
    kernels.maxout_grad(z, narrow, dy, 2, out=out)
    np.testing.assert_array_equal(kernels.glu(z, out=narrow), kernels.glu(plain[0]))
    kernels.glu_grad(z, dy, out=out)
    t = wall(plain[0].reshape(rows, 2, cols))
    kernels.bilinear_out(t, dy, alpha[:2] if cols > 1 else None, out=wall(plain[0][:, :2]))
    kernels.activity_penalty(z, 0.1, 0.2, dx=out)
    for array, same in zip((z, alpha, dy), plain, strict=True):
        np.testing.assert_array_equal(array, same)  # inputs are read only


def test_what_units_refuse():
    x = np.ones((3, 4))
    with pytest.raises(ValueError, match=r"prelu: alpha has shape \(3,\), want \(4,\)"):
        kernels.prelu(x, np.ones(3))
    with pytest.raises(ValueError, match="accumulate adds to out, which is None"):
        kernels.prelu_param_grad(x, x, accumulate=True)
    with pytest.raises(ValueError, match="z has 4 columns, which 3 pieces do not divide"):
        kernels.maxout(x, 3)
    with pytest.raises(ValueError, match="pieces must be an integer of at least 1, got 0"):
        kernels.maxout(x, 0)
    with pytest.raises(ValueError, match="z has 3 columns, which 2 pieces do not divide"):
        kernels.glu(np.ones((2, 3)))
    with pytest.raises(ValueError, match="t must be 3-D"):
        kernels.bilinear_out(x, x)
    with pytest.raises(ValueError, match=r"x2 has shape \(2, 3\), want \(2, 4\)"):
        kernels.bilinear_out(np.ones((2, 3, 4)), np.ones((2, 3)))
    with pytest.raises(ValueError, match="l1 must be a finite number, at least 0"):
        kernels.activity_penalty(x, -1.0)
    with pytest.raises(TypeError, match="alpha must be an array, got NoneType"):
        kernels.prelu(x, None)
