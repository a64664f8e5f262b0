"""Activations and their gradients against float64 twins and mpmath, for every ISA and type."""

from __future__ import annotations

from functools import cache

import mpmath as mp
import numpy as np
import pytest

from fastnn import kernels
from guard import guarded
from reference.activation import BACKWARD, FORWARD

# The bounds that docs/numerics.md states, over all finite z and all ISAs: the largest error seen in
# millions of points and a margin of a tenth or so.  Forward errors are in ulps of the result.
# Errors of a derivative are in units of eps, that is of an ulp of 1: digits of a derivative near
# its zero are lost whatever one does, and what was saved is itself rounded.
#
#              forward (ulp)      derivative (eps)
#              float32  float64   float32  float64
BOUNDS = {
    "linear": (0.0, 0.0, 0.0, 0.0),
    "relu": (0.0, 0.0, 0.0, 0.0),
    "leaky_relu": (0.51, 0.51, 0.51, 0.51),  # one product
    "elu": (1.9, 1.9, 1.1, 1.1),
    "gelu": (7.5, 12.0, 1.2, 1.2),
    "sigmoid": (2.5, 2.5, 0.9, 0.9),
    "tanh": (2.7, 2.8, 1.7, 1.7),
    "silu": (3.1, 3.1, 1.1, 1.1),
    "softplus": (2.1, 2.2, 0.8, 0.8),
}
# From -4 to where they underflow, derivatives are right in relative terms too (ulp).
TAIL_BOUNDS = {
    "gelu": (4.0, 4.0),
    "sigmoid": (3.0, 3.0),
    "silu": (6.0, 6.0),
    "softplus": (2.9, 2.9),
}
# Results this small may lose digits or be 0: where exp(-|z|) is subnormal it may count as 0, and
# silu is |z| times that (708 at the edge in float64).
SMALL = {t: 1024 * float(np.finfo(t).tiny) for t in (np.float32, np.float64)}

ALPHA = {"leaky_relu": 0.3, "elu": 1.5}
SAVES_INPUT = ("gelu", "silu")
ELEMENTWISE = tuple(BOUNDS)
EVERY = (*ELEMENTWISE, "exp", "softmax")
SIZES = [0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 64, 100]  # VL is 2, 4, 8 or 16


def settings(name, dtype):
    """alpha as the kernel gets it, for the kernel and the twin."""
    return {"alpha": float(dtype(ALPHA[name]))} if name in ALPHA else {}


def forward(name, z, out=None):
    return getattr(kernels, name)(z, out=out, **settings(name, z.dtype.type))


def backward(name, saved, dy, out=None):
    return getattr(kernels, f"{name}_grad")(saved, dy, out=out, **settings(name, dy.dtype.type))


def saved_of(name, z):
    return z if name in SAVES_INPUT else forward(name, z)


def twin(name, z, dy=None):
    """The twin in float64, whose warnings about NaN, Inf and overflow are expected here."""
    alpha = settings(name, z.dtype.type)
    with np.errstate(all="ignore"):
        if dy is None:
            return FORWARD[name](z.astype(np.float64), **alpha)
        return BACKWARD[name](z.astype(np.float64), dy.astype(np.float64), **alpha)


def gaussian_cdf(z):
    return mp.erfc(-z / mp.sqrt(2)) / 2


def gaussian_density(z):
    return mp.exp(-z * z / 2) / mp.sqrt(2 * mp.pi)


def logistic(z):
    return 1 / (1 + mp.exp(-z))


EXACT = {  # name -> the function and its derivative
    "elu": (
        lambda z: z if z > 0 else ALPHA["elu"] * mp.expm1(z),
        lambda z: mp.mpf(1) if z > 0 else ALPHA["elu"] * mp.exp(z),
    ),
    "gelu": (
        lambda z: z * gaussian_cdf(z),
        lambda z: gaussian_cdf(z) + z * gaussian_density(z),
    ),
    "sigmoid": (logistic, lambda z: logistic(z) * logistic(-z)),
    "tanh": (mp.tanh, lambda z: mp.sech(z) ** 2),
    "silu": (
        lambda z: z * logistic(z),
        lambda z: logistic(z) * (1 + z * logistic(-z)),
    ),
    "softplus": (lambda z: mp.log1p(mp.exp(z)), logistic),
    "exp": (mp.exp, mp.exp),
}


@cache
def points(dtype, least=-np.inf):
    """Where float32 has its edges, all over its range and close to 0; fewer for mpmath."""
    rng = np.random.default_rng(7)
    many, far = (20_000, 110) if dtype == np.float32 else (130, 760)
    small = np.geomspace(np.finfo(dtype).tiny, 0.5, many // 10)
    parts = [
        np.linspace(-far, far, many + 1),
        rng.normal(0, 1, many),
        rng.normal(0, 8, many),
        small,
        -small,
    ]
    z = np.concatenate(parts).astype(dtype)
    return z[z > least]


@cache
def exact(name, dtype, order, least=-np.inf):
    """f or f' at points(): float64 pairs (high, low) of 106 bits where mpmath is wanted."""
    z = points(dtype, least)
    if dtype == np.float32 or name not in EXACT:
        want = twin(name, z) if order == 0 else twin(name, z, np.ones_like(z))
        return want, np.zeros_like(want)
    with mp.workdps(40):
        values = [EXACT[name][order](mp.mpf(float(x))) for x in z]
        high = np.array([float(v) for v in values])
        return high, np.array([float(v - mp.mpf(h)) for v, h in zip(values, high, strict=True)])


def assert_close(got, want, unit, bound, z):
    """|got - (high + low)| <= bound units, or what is allowed for small results."""
    high, low = want
    error = np.abs((got.astype(np.float64) - high) - low)
    allowed = np.maximum(bound * unit, SMALL[got.dtype.type])
    worst = np.argmax(error / allowed)
    assert error[worst] <= allowed[worst], (
        f"at {z[worst]!r}: got {got[worst]!r}, want {high[worst]!r}, "
        f"off by {error[worst] / unit[worst]:.2f} units"
    )


def ulp(want, dtype):
    """The gap between neighbours of `dtype` at `want`, in float64."""
    return 2.0 ** (np.frexp(want)[1] - 1) * float(np.finfo(dtype).eps)


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_forward_is_within_its_bound(isa, dtype, name):
    z = points(dtype)
    want = exact(name, dtype, 0)
    bound = BOUNDS[name][0 if dtype == np.float32 else 1]
    assert_close(forward(name, z), want, ulp(want[0], dtype), bound, z)


def test_exp_is_within_an_ulp(isa, dtype):
    z = points(dtype)
    normal = np.abs(z) < np.log(float(np.finfo(dtype).max)) - 2  # neither Inf nor subnormal
    want = tuple(part[normal] for part in exact("exp", dtype, 0))
    got = forward("exp", z)[normal]
    assert_close(got, want, ulp(want[0], dtype), 1.0, z[normal])


def test_exp_over_and_under(isa, dtype):
    z = np.array([np.nan, np.inf, 1000, 0, -0.0, -1000, -np.inf], dtype)
    np.testing.assert_array_equal(forward("exp", z), [np.nan, np.inf, np.inf, 1, 1, 0, 0])


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_gradient_is_within_its_bound(isa, dtype, name):
    z = points(dtype)
    dy = np.ones_like(z)
    want = exact(name, dtype, 1)
    bound = BOUNDS[name][2 if dtype == np.float32 else 3]
    unit = np.full(z.shape, float(np.finfo(dtype).eps))
    assert_close(backward(name, saved_of(name, z), dy), want, unit, bound, z)


@pytest.mark.parametrize("name", TAIL_BOUNDS)
def test_gradient_keeps_its_digits_in_the_left_tail(isa, dtype, name):
    z = points(dtype)
    tail = z < -4
    want = tuple(part[tail] for part in exact(name, dtype, 1))
    bound = TAIL_BOUNDS[name][0 if dtype == np.float32 else 1]
    got = backward(name, saved_of(name, z), np.ones_like(z))[tail]
    assert_close(got, want, ulp(want[0], dtype), bound, z[tail])


@pytest.mark.parametrize("name", [*ELEMENTWISE, "exp"])
def test_gradient_is_the_slope_times_dy(isa, dtype, name):
    rng = np.random.default_rng(3)
    z = rng.normal(0, 2, 67).astype(dtype)
    dy = rng.normal(0, 5, 67).astype(dtype)
    saved = saved_of(name, z)
    slope = backward(name, saved, np.ones_like(z))
    np.testing.assert_array_equal(backward(name, saved, dy), dy * slope)  # one product each


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_special_values(isa, dtype, name):
    info = np.finfo(dtype)
    least = float(info.smallest_subnormal)
    z = [0.0, np.inf, float(info.max), 1e30, 800.0, 1e-5, float(info.tiny), least * 99, least]
    z = np.array([np.nan, *z, *(-x for x in z)], dtype)
    got, want = forward(name, z), twin(name, z)
    np.testing.assert_array_equal(np.isnan(got), np.isnan(z))
    # The bounds are tested above; this asks for the right limits: 1 and 0, or Inf, exactly.
    np.testing.assert_allclose(got, want.astype(dtype), rtol=10 * info.eps, atol=SMALL[dtype])
    slope, want = backward(name, saved_of(name, z), np.ones_like(z)), twin(name, z, np.ones_like(z))
    if name != "linear":  # whose derivative is 1 everywhere
        np.testing.assert_array_equal(np.isnan(slope), np.isnan(z))
    np.testing.assert_allclose(slope, want.astype(dtype), rtol=0, atol=3 * info.eps)


@pytest.mark.parametrize("name", EVERY)
def test_nan_in_dy_gives_nan(isa, dtype, name):
    z = np.linspace(-2, 2, 21).astype(dtype)
    dy = np.ones_like(z)
    dy[[0, 10, 20]] = np.nan
    got = np.isnan(backward(name, saved_of(name, z), dy))
    np.testing.assert_array_equal(got, True if name == "softmax" else np.isnan(dy))


def test_kinks(isa, dtype):
    """The derivative at 0 is that of the left side."""
    zero, one = np.array([0.0, -0.0], dtype), np.ones(2, dtype)
    for name, want in [("relu", 0.0), ("leaky_relu", ALPHA["leaky_relu"]), ("elu", ALPHA["elu"])]:
        got = backward(name, saved_of(name, zero), one)
        np.testing.assert_array_equal(got, dtype(want), err_msg=name)


def test_tanh_is_odd_to_the_bit(isa, dtype):
    z = points(dtype)
    np.testing.assert_array_equal(forward("tanh", -z), -forward("tanh", z))
    assert np.signbit(forward("tanh", np.array([-0.0, 0.0], dtype))).tolist() == [True, False]


def test_saturation(isa, dtype):
    far = np.array([-800, 800], dtype)
    wanted = {"tanh": [-1, 1], "sigmoid": [0, 1], "gelu": [0, 800], "silu": [0, 800]}
    wanted |= {"softplus": [0, 800], "elu": [-ALPHA["elu"], 800]}
    for name, want in wanted.items():
        np.testing.assert_array_equal(forward(name, far), want, err_msg=name)


@pytest.mark.parametrize("name", [*ELEMENTWISE, "exp"])
def test_bits_of_an_element_depend_on_nothing_else(isa, dtype, name):
    """Any length, any offset; input and output end at a page that may not be touched."""
    rng = np.random.default_rng(5)
    z = rng.normal(0, 3, 128).astype(dtype)
    dy = rng.normal(0, 3, 128).astype(dtype)
    saved = saved_of(name, z)
    y, dz = forward(name, z), backward(name, saved, dy)
    for n in SIZES:
        for start in (0, 1, 7):
            part = slice(start, start + n)
            out = guarded(np.full(n, -7, dtype))
            got = forward(name, guarded(z[part]), out=out)
            np.testing.assert_array_equal(got, y[part])
            got = backward(name, guarded(saved[part]), guarded(dy[part]), out=out)
            np.testing.assert_array_equal(got, dz[part])


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_rows_and_columns_are_one_flat_array(isa, dtype, name):
    z = np.random.default_rng(2).normal(0, 3, (5, 7)).astype(dtype)
    np.testing.assert_array_equal(forward(name, z), forward(name, z.ravel()).reshape(5, 7))
    saved = saved_of(name, z)
    got, want = backward(name, saved, z), backward(name, saved.ravel(), z.ravel())
    np.testing.assert_array_equal(got, want.reshape(5, 7))


@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (2, 37), (4, 64)])
@pytest.mark.parametrize("name", EVERY)
def test_in_place_and_inputs_untouched(isa, dtype, name, shape):
    rng = np.random.default_rng(shape)
    z, dy = rng.normal(0, 2, (2, *shape)).astype(dtype)
    z_before, dy_before = z.copy(), dy.copy()
    y = forward(name, z)
    saved = saved_of(name, z)
    saved_before = saved.copy()
    dz = backward(name, saved, dy)
    np.testing.assert_array_equal(z, z_before)
    np.testing.assert_array_equal(dy, dy_before)
    np.testing.assert_array_equal(saved, saved_before)
    assert forward(name, z, out=z) is z
    np.testing.assert_array_equal(z, y)
    assert backward(name, saved_before, dy, out=dy) is dy
    np.testing.assert_array_equal(dy, dz)


@pytest.mark.parametrize("name", EVERY)
def test_gradient_agrees_with_differences(isa, name):
    """Along a direction v: <dy, f(z + hv) - f(z - hv)> / 2h is <v, gradient>."""
    rng = np.random.default_rng(11)
    z, dy, v = rng.normal(0, 1.5, (3, 6, 9))
    z += np.copysign(1e-3, z)  # kinks lie further off than h
    h = 1e-5
    difference = forward(name, z + h * v) - forward(name, z - h * v)
    want = np.sum(dy * difference) / (2 * h)
    got = np.sum(v * backward(name, saved_of(name, z), dy))
    # 54 terms of size 1, each off by h^2 from the third derivative and eps / h from the difference
    assert got == pytest.approx(want, abs=54 * (h**2 + np.finfo(float).eps / h), rel=0)


@pytest.mark.parametrize("alpha", [0.0, 0.25, 2.0])
@pytest.mark.parametrize("name", ["leaky_relu", "elu"])
def test_alpha(isa, dtype, name, alpha):
    z = np.linspace(-3, 3, 25).astype(dtype)
    f, g = getattr(kernels, name), getattr(kernels, f"{name}_grad")
    eps = float(np.finfo(dtype).eps)
    # elu errs by 2 ulp, and what elu saved by as much of alpha
    np.testing.assert_allclose(f(z, alpha), FORWARD[name](z, alpha), rtol=3 * eps)
    want = BACKWARD[name](z, z, alpha)
    np.testing.assert_allclose(g(f(z, alpha), z, alpha), want, rtol=3 * eps, atol=9 * alpha * eps)


def softmax_tolerance(z, dtype):
    """z - max is rounded, which exp turns into as large a relative error; then exp, sum, scale."""
    depth = np.minimum(z.max(axis=-1, keepdims=True) - z.astype(np.float64), 800)
    return (6 + depth) * float(np.finfo(dtype).eps)


@pytest.mark.parametrize("spread", [1.0, 30.0])
@pytest.mark.parametrize("cols", [size for size in SIZES if size > 0] + [300])
@pytest.mark.parametrize("rows", [1, 3])
def test_softmax_matches_its_twin(isa, dtype, rows, cols, spread):
    rng = np.random.default_rng([rows, cols])
    z = rng.normal(0, spread, (rows, cols)).astype(dtype)
    dy = rng.normal(0, 1, (rows, cols)).astype(dtype)
    got = forward("softmax", guarded(z), out=guarded(np.zeros_like(z)))
    want = twin("softmax", z)
    tolerance = softmax_tolerance(z, dtype)
    assert np.all(np.abs(got - want) <= tolerance * want + SMALL[dtype])
    dz = backward("softmax", guarded(got), guarded(dy), out=guarded(np.zeros_like(z)))
    # a sum of cols terms y dy, whose weights y add up to 1; the terms err as y does
    off = np.sum(tolerance * want * np.abs(dy), axis=-1, keepdims=True)
    allowed = want * (tolerance * (np.abs(dy) + 4) + 4 * off)
    assert np.all(np.abs(dz - twin("softmax", z, dy)) <= allowed + 16 * SMALL[dtype])


@pytest.mark.parametrize("shape", [(0, 0), (0, 5), (5, 0)])
@pytest.mark.parametrize("name", EVERY)
def test_nothing_in_nothing_out(isa, dtype, name, shape):
    z = np.empty(shape, dtype)
    assert forward(name, z).shape == shape
    assert backward(name, z, z).shape == shape


@pytest.mark.parametrize("cols", [1, 2, 5, 16, 17, 40])
def test_softmax_of_a_row_depends_on_the_row_alone(isa, dtype, cols):
    rng = np.random.default_rng(cols)
    z, dy = rng.normal(0, 4, (2, 7, cols)).astype(dtype)
    y = forward("softmax", z)
    dz = backward("softmax", y, dy)
    for i in range(7):
        np.testing.assert_array_equal(forward("softmax", z[i : i + 1]), y[i : i + 1])
        np.testing.assert_array_equal(forward("softmax", z[i:])[0], y[i])
        np.testing.assert_array_equal(backward("softmax", y[i : i + 1], dy[i : i + 1])[0], dz[i])


@pytest.mark.parametrize("cols", [2, 5, 16, 17, 40])
def test_softmax_of_special_rows(isa, dtype, cols):
    plain = np.linspace(-3, 3, cols)
    for place in {0, 1, cols - 1}:
        z = np.tile(plain, (5, 1)).astype(dtype)
        z[0, place] = -np.inf  # probability 0, the others as if it were not there
        z[1, place] = np.nan
        z[2, place] = np.inf  # Inf - Inf
        z[3] += 10000  # nothing overflows
        y = forward("softmax", z)
        np.testing.assert_allclose(y[0], twin("softmax", z[:1])[0], rtol=12 * np.finfo(dtype).eps)
        assert y[0, place] == 0
        assert np.isnan(y[1:3]).all()
        np.testing.assert_allclose(y[3:], twin("softmax", z[3:]), rtol=12 * np.finfo(dtype).eps)
    z = np.full((2, cols), -np.inf, dtype)
    z[0, -1] = float(np.finfo(dtype).min)
    y = forward("softmax", z)
    np.testing.assert_array_equal(y[0], np.arange(cols) == cols - 1)
    assert np.isnan(y[1]).all()  # no largest entry to start from


def test_softmax_shapes_its_gradient_to_sum_to_nothing(isa, dtype):
    rng = np.random.default_rng(1)
    z, dy = rng.normal(0, 2, (2, 50, 10)).astype(dtype)
    dz = backward("softmax", forward("softmax", z), dy)
    # probabilities add up to 1 but for a few roundings, and |dy| stays under 8
    np.testing.assert_allclose(dz.sum(axis=1), 0, atol=8 * 8 * np.finfo(dtype).eps)
