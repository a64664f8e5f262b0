"""Activations and their gradients against float64 twins and mpmath, for every ISA and type."""

from __future__ import annotations

from functools import cache

import mpmath as mp
import numpy as np
import pytest

from each import each
from fastnn import kernels
from guard import guarded
from reference.activation import BACKWARD, FORWARD
from reference.activation_numbers import DY, NUMBERS, Z

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
    "relu6": (0.0, 0.0, 0.0, 0.0),
    "hard_sigmoid": (1.4, 1.4, 0.05, 0.05),
    "hard_tanh": (0.0, 0.0, 0.0, 0.0),
    "hard_silu": (2.7, 2.7, 0.75, 0.75),
    "selu": (2.1, 2.1, 1.4, 1.4),
    "celu": (2.6, 2.8, 1.1, 1.1),
    "gelu_tanh": (5.0, 5.0, 1.3, 1.3),  # and more on the left: DEPTH
    "mish": (4.3, 4.3, 2.5, 2.5),
    "softsign": (1.6, 1.6, 1.9, 1.9),
    "squareplus": (2.4, 2.4, 1.1, 1.1),
    "log_sigmoid": (2.2, 2.2, 0.8, 0.8),
    "tanh_shrink": (4.9, 4.9, 1.9, 1.9),
    "soft_shrink": (0.51, 0.51, 0.0, 0.0),  # one sum
    "hard_shrink": (0.0, 0.0, 0.0, 0.0),
}
# gelu_tanh on the left is z exp(-u): an error of u, which is rounded, is as large a relative error
# of the result.  The bounds grow by so many ulps for each 1 of u = |z| (1.596 + 0.0714 z^2).
DEPTH = {"gelu_tanh": 2.8}
# From -4 to where they underflow, derivatives are right in relative terms too (ulp).
TAIL_BOUNDS = {
    "gelu": (4.0, 4.0),
    "sigmoid": (3.0, 3.0),
    "silu": (6.0, 6.0),
    "softplus": (2.9, 2.9),
    "gelu_tanh": (5.0, 5.0),
    "mish": (7.5, 7.5),
    "softsign": (3.9, 3.9),
    "squareplus": (6.0, 6.0),
}
# And from 4 on.
RIGHT_TAIL_BOUNDS = {
    "softsign": (3.9, 3.9),
    "log_sigmoid": (2.4, 2.4),
}
# Results this small may lose digits or be 0: where exp(-|z|) is subnormal it may count as 0, and
# silu is |z| times that (708 at the edge in float64).
SMALL = {t: 1024 * float(np.finfo(t).tiny) for t in (np.float32, np.float64)}

ALPHA = {"leaky_relu": 0.3, "elu": 1.5, "celu": 1.5, "squareplus": 3.0}
ALPHA |= {"soft_shrink": 0.7, "hard_shrink": 0.7}
SAVES_INPUT = ("gelu", "silu", "hard_silu", "gelu_tanh", "mish", "softsign", "tanh_shrink")
# Where a derivative jumps, other than at 0.  A number next to it may be on the other side for the
# kernel: what it saved is rounded.
JUMPS = {"relu6": (6.0,), "hard_sigmoid": (-3.0, 3.0), "hard_tanh": (-1.0, 1.0)}
JUMPS |= {"hard_silu": (-3.0, 3.0), "soft_shrink": (-0.7, 0.7), "hard_shrink": (-0.7, 0.7)}
ELEMENTWISE = tuple(BOUNDS)
ROWWISE = ("softmax", "log_softmax", "sparsemax")
EVERY = (*ELEMENTWISE, "exp", *ROWWISE)
SIZES = [0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 64, 100]  # VL is 2, 4, 8 or 16


def settings(name, dtype):
    """alpha as the kernel gets it, for the kernel and the twin."""
    return {"alpha": float(dtype(ALPHA[name]))} if name in ALPHA else {}


def forward(name, z, out=None):
    return getattr(kernels, name)(z, *settings(name, z.dtype.type).values(), out=out)


def backward(name, saved, dy, out=None):
    alpha = settings(name, dy.dtype.type).values()
    return getattr(kernels, f"{name}_grad")(saved, dy, *alpha, out=out)


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


def near_linear_tanh(z):
    """z - tanh(z), near 0 by the series, of which the first term left out is 1e-21 of it."""
    if abs(z) >= 1e-3:
        return z - mp.tanh(z)
    w = z * z
    terms = (mp.mpf(1) / 3, mp.mpf(-2) / 15, mp.mpf(17) / 315, mp.mpf(-62) / 2835)
    return z * w * sum(term * w**i for i, term in enumerate(terms))


def gelu_by_tanh(z):
    return z * logistic(2 * mp.sqrt(2 / mp.pi) * (z + mp.mpf("0.044715") * z**3))


def gelu_by_tanh_slope(z):
    b = 2 * mp.sqrt(2 / mp.pi)
    u = b * (z + mp.mpf("0.044715") * z**3)
    du = b * (1 + 3 * mp.mpf("0.044715") * z**2)
    return logistic(u) * (1 + z * logistic(-u) * du)


def mish(z):
    n = mp.exp(z) * (mp.exp(z) + 2)
    return z * n / (n + 2)


def mish_slope(z):
    e = mp.exp(z)
    n = e * (e + 2)
    return n / (n + 2) + 4 * z * e * (1 + e) / (n + 2) ** 2


def square_root(z):
    return mp.sqrt(z * z + ALPHA["squareplus"])


SELU_SCALE = mp.mpf("1.0507009873554804934193349852946")
SELU_LEFT = SELU_SCALE * mp.mpf("1.6732632423543772848170429916717")

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
    "hard_sigmoid": (
        lambda z: min(max(z + 3, mp.mpf(0)), mp.mpf(6)) / 6,
        lambda z: mp.mpf(abs(z) < 3) / 6,
    ),
    "hard_silu": (
        lambda z: z * min(max(z + 3, mp.mpf(0)), mp.mpf(6)) / 6,
        lambda z: mp.mpf(z >= 3) if abs(z) >= 3 else (2 * z + 3) / 6,
    ),
    "selu": (
        lambda z: SELU_SCALE * z if z > 0 else SELU_LEFT * mp.expm1(z),
        lambda z: SELU_SCALE if z > 0 else SELU_LEFT * mp.exp(z),
    ),
    "celu": (
        lambda z: z if z > 0 else ALPHA["celu"] * mp.expm1(z / ALPHA["celu"]),
        lambda z: mp.mpf(1) if z > 0 else mp.exp(z / ALPHA["celu"]),
    ),
    "gelu_tanh": (gelu_by_tanh, gelu_by_tanh_slope),
    "mish": (mish, mish_slope),
    "softsign": (lambda z: z / (1 + abs(z)), lambda z: 1 / (1 + abs(z)) ** 2),
    "squareplus": (
        lambda z: (z + square_root(z)) / 2,
        lambda z: (1 + z / square_root(z)) / 2,
    ),
    "log_sigmoid": (lambda z: -mp.log1p(mp.exp(-z)), lambda z: logistic(-z)),
    "tanh_shrink": (near_linear_tanh, lambda z: mp.tanh(z) ** 2),
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


def bound_at(name, bound, z):
    """The bound in ulps for each z: it is larger far on the left where DEPTH says so."""
    left = -np.minimum(z, 0).astype(np.float64)
    return bound + DEPTH.get(name, 0.0) * left * (1.596 + 0.0714 * left**2)


def off_jumps(name, z):
    """Where z lies on a certain side of each jump of the derivative."""
    near = [np.abs(z - jump) <= 2 * np.spacing(z.dtype.type(jump)) for jump in JUMPS.get(name, ())]
    return ~np.any(near, axis=0) if near else np.ones(z.shape, bool)


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_forward_is_within_its_bound(isa, dtype, name):
    z = points(dtype)
    want = exact(name, dtype, 0)
    bound = bound_at(name, BOUNDS[name][0 if dtype == np.float32 else 1], z)
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
    certain = off_jumps(name, z)
    want = tuple(part[certain] for part in exact(name, dtype, 1))
    z = z[certain]
    bound = BOUNDS[name][2 if dtype == np.float32 else 3]
    unit = np.full(z.shape, float(np.finfo(dtype).eps))
    assert_close(backward(name, saved_of(name, z), np.ones_like(z)), want, unit, bound, z)


@pytest.mark.parametrize(
    "name, side", [*((n, -1) for n in TAIL_BOUNDS), *((n, 1) for n in RIGHT_TAIL_BOUNDS)]
)
def test_gradient_keeps_its_digits_in_the_tail(isa, dtype, name, side):
    z = points(dtype)
    tail = side * z > 4
    want = tuple(part[tail] for part in exact(name, dtype, 1))
    bound = (TAIL_BOUNDS if side < 0 else RIGHT_TAIL_BOUNDS)[name][0 if dtype == np.float32 else 1]
    got = backward(name, saved_of(name, z), np.ones_like(z))[tail]
    assert_close(got, want, ulp(want[0], dtype), bound_at(name, bound, z[tail]), z[tail])


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
    with np.errstate(over="ignore"):  # selu of the largest number
        want = want.astype(dtype)
    np.testing.assert_allclose(got, want, rtol=10 * info.eps, atol=SMALL[dtype])
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
    want = np.isnan(dy)
    if name.endswith("softmax"):
        want[:] = True
    elif name == "sparsemax":  # through the mean over the support
        want |= forward(name, z) > 0
    np.testing.assert_array_equal(got, want)


def test_kinks(isa, dtype):
    """The derivative at 0 is that of the left side."""
    zero, one = np.array([0.0, -0.0], dtype), np.ones(2, dtype)
    for name, want in [("relu", 0.0), ("leaky_relu", ALPHA["leaky_relu"]), ("elu", ALPHA["elu"])]:
        got = backward(name, saved_of(name, zero), one)
        np.testing.assert_array_equal(got, dtype(want), err_msg=name)
    for name, jumps in JUMPS.items():
        z = np.array([0.0, *jumps] if name == "relu6" else jumps, dtype)
        want = [0.0, 1.0] if name == "hard_silu" else np.zeros(len(z))
        got = backward(name, saved_of(name, z), np.ones_like(z))
        np.testing.assert_array_equal(got, want, err_msg=name)
    selu = backward("selu", saved_of("selu", zero), one)
    np.testing.assert_array_equal(selu, dtype(1.7580993408473766))


@pytest.mark.parametrize("name", ["tanh", "softsign", "tanh_shrink", "soft_shrink", "hard_tanh"])
def test_odd_functions_are_odd_to_the_bit(isa, dtype, name):
    z = points(dtype)
    np.testing.assert_array_equal(forward(name, -z), -forward(name, z))
    assert np.signbit(forward(name, np.array([-0.0, 0.0], dtype))).tolist() == [True, False]


def test_saturation(isa, dtype):
    far = np.array([-800, 800], dtype)
    wanted = {"tanh": [-1, 1], "sigmoid": [0, 1], "gelu": [0, 800], "silu": [0, 800]}
    wanted |= {"softplus": [0, 800], "elu": [-ALPHA["elu"], 800], "celu": [-ALPHA["celu"], 800]}
    wanted |= {"relu6": [0, 6], "hard_sigmoid": [0, 1], "hard_tanh": [-1, 1], "hard_silu": [0, 800]}
    wanted |= {"gelu_tanh": [0, 800], "mish": [0, 800], "log_sigmoid": [-800, 0]}
    wanted |= {"tanh_shrink": [-799, 799]}
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


@each("shape", [(1, 1), (3, 5), (2, 37), (4, 64)])
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
@pytest.mark.parametrize("name", ALPHA)
def test_alpha(isa, dtype, name, alpha):
    if alpha == 0:  # celu takes no less than 1e-30; squareplus keeps its digits from about here on
        alpha = {"celu": 1e-30, "squareplus": 1e-12}.get(name, alpha)
    z = np.linspace(-3, 3, 25).astype(dtype)
    f, g = getattr(kernels, name), getattr(kernels, f"{name}_grad")
    eps = float(np.finfo(dtype).eps)
    # elu errs by 2 ulp, and what elu saved by as much of alpha
    np.testing.assert_allclose(f(z, alpha), FORWARD[name](z, alpha), rtol=3 * eps)
    want = BACKWARD[name](z, z, alpha)
    np.testing.assert_allclose(g(f(z, alpha), z, alpha), want, rtol=3 * eps, atol=9 * alpha * eps)


@pytest.mark.parametrize("name", NUMBERS)
def test_pytorch_says_the_same(isa, name):
    """With the defaults of both: names, constants and conventions are those of the field."""
    z, dy = np.array(Z), np.array(DY)
    value, gradient = NUMBERS[name]
    # 12 ulp each of ours (test above), and what PyTorch's own differences cancel
    np.testing.assert_allclose(getattr(kernels, name)(z), value, rtol=1e-13, atol=1e-15)
    saved = z if name in SAVES_INPUT else getattr(kernels, name)(z)
    got = getattr(kernels, f"{name}_grad")(saved, dy)
    rtol = 1e-7 if name == "hard_sigmoid" else 1e-12  # its slope is the 1 / 6 of float32 there
    np.testing.assert_allclose(got, gradient, rtol=rtol, atol=1e-15)


def softmax_tolerance(z, dtype):
    """z - max is rounded, which exp turns into as large a relative error; then exp, sum, scale."""
    depth = np.minimum(z.max(axis=-1, keepdims=True) - z.astype(np.float64), 800)
    return (6 + depth) * float(np.finfo(dtype).eps)


@each("spread", [1.0, 30.0])
@each("cols", [size for size in SIZES if size > 0] + [300])
@each("rows", [1, 3])
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


@each("spread", [1.0, 30.0])
@each("cols", [size for size in SIZES if size > 0] + [300])
@each("rows", [1, 3])
def test_log_softmax_matches_its_twin(isa, dtype, rows, cols, spread):
    rng = np.random.default_rng([rows, cols])
    z = rng.normal(0, spread, (rows, cols)).astype(dtype)
    dy = rng.normal(0, 1, (rows, cols)).astype(dtype)
    got = forward("log_softmax", guarded(z), out=guarded(np.zeros_like(z)))
    want = twin("log_softmax", z)
    # z - max is rounded; the sum of exponentials errs by (6 + depth) eps and cols / VL roundings,
    # its logarithm by as much in absolute terms; the last difference is rounded.
    eps = float(np.finfo(dtype).eps)
    depth = z.max(axis=-1, keepdims=True) - z.astype(np.float64)
    terms = twin("softmax", z) * (6 + depth + cols / 2)
    off = (1 + depth + np.abs(want) + terms.sum(axis=-1, keepdims=True)) * eps
    assert np.all(np.abs(got - want) <= off)
    dz = backward("log_softmax", guarded(got), guarded(dy), out=guarded(np.zeros_like(z)))
    # a product of exp(y), which errs by y's error and an ulp, and of a sum of cols terms
    total = np.abs(dy).sum(axis=-1, keepdims=True, dtype=np.float64)
    allowed = eps * np.abs(dy) + np.exp(want) * total * (off + (3 + cols / 2) * eps)
    assert np.all(np.abs(dz - twin("log_softmax", z, dy)) <= allowed)


@each("spread", [0.01, 0.3, 5.0])
@each("cols", [size for size in SIZES if size > 0] + [300])
@each("rows", [1, 3])
def test_sparsemax_matches_its_twin(isa, dtype, rows, cols, spread):
    rng = np.random.default_rng([rows, cols])
    z = (rng.normal(0, spread, (rows, cols)) + 3).astype(dtype)
    got = forward("sparsemax", guarded(z), out=guarded(np.zeros_like(z)))
    # All that counts lies within 1 of the largest; the sum has cols roundings of what is below
    # the number of those that are kept, and is divided by that number.
    eps = float(np.finfo(dtype).eps)
    want = twin("sparsemax", z)
    assert np.all(np.abs(got - want) <= (3 + cols / 2) * eps)
    assert np.all(np.abs(got.sum(axis=1, dtype=np.float64) - 1) <= (3 + cols / 2) * cols * eps)
    dy = rng.normal(0, 1, (rows, cols)).astype(dtype)
    dz = backward("sparsemax", guarded(got), guarded(dy), out=guarded(np.zeros_like(z)))
    support = got > 0  # the twin's, unless an entry is as near to the threshold as its error
    np.testing.assert_array_equal(support[want > (3 + cols / 2) * eps], True)
    np.testing.assert_array_equal(support[want == 0], got[want == 0] > 0)
    mean = np.sum(dy * support, axis=1, keepdims=True, dtype=np.float64)
    mean /= support.sum(axis=1, keepdims=True)
    exact_dz = np.where(support, dy - mean, 0)
    np.testing.assert_allclose(dz, exact_dz, rtol=0, atol=(5 + cols / 2) * 5 * eps)


def test_sparsemax_of_rows_worked_by_hand(isa, dtype):
    """Ties, a single winner, all alike, an entry exactly at the threshold."""
    cases = [
        ([0.0, 0.0, -5.0], [0.5, 0.5, 0.0]),
        ([7.0, 5.5, -1.0], [1.0, 0.0, 0.0]),
        ([2.0, 2.0, 2.0, 2.0], [0.25, 0.25, 0.25, 0.25]),
        ([1.0, 0.0], [1.0, 0.0]),  # 0 is 1 below the largest: at the threshold
        ([1.0, 0.5], [0.75, 0.25]),
        ([0.5, 0.25, 0.25, -0.25], [0.5, 0.25, 0.25, 0.0]),
        ([3.0], [1.0]),
        ([-np.inf, 0.25, 0.75, -np.inf], [0.0, 0.25, 0.75, 0.0]),
        ([1e30, -1e30], [1.0, 0.0]),
        (
            np.r_[np.full(40, 1.0), 0.0, np.full(24, 1.0)],
            np.r_[np.full(40, 1 / 64), 0, [1 / 64] * 24],
        ),
    ]
    for z, want in cases:
        got = forward("sparsemax", np.array(z, dtype))
        np.testing.assert_array_equal(got, np.array(want, dtype), err_msg=str(z))
    # the gradient sees the support alone
    y, dy = np.array([0.75, 0.0, 0.25], dtype), np.array([1.0, 100.0, 3.0], dtype)
    np.testing.assert_array_equal(backward("sparsemax", y, dy), np.array([-1, 0, 1], dtype))


def test_sparsemax_takes_as_many_passes_as_it_needs(isa, dtype):
    """A row from which few entries fall a pass: each threshold lets one more go."""
    z = -(0.9 ** np.arange(40.0))[None, ::-1].astype(dtype)
    z = np.concatenate([z, z - 0.5], axis=1)
    got, want = forward("sparsemax", z), twin("sparsemax", z)
    np.testing.assert_allclose(got, want, rtol=0, atol=50 * np.finfo(dtype).eps)


@each("shape", [(0, 0), (0, 5), (5, 0)])
@pytest.mark.parametrize("name", EVERY)
def test_nothing_in_nothing_out(isa, dtype, name, shape):
    z = np.empty(shape, dtype)
    assert forward(name, z).shape == shape
    assert backward(name, z, z).shape == shape


@pytest.mark.parametrize("cols", [1, 2, 5, 16, 17, 40])
@pytest.mark.parametrize("name", ROWWISE)
def test_a_row_depends_on_the_row_alone(isa, dtype, name, cols):
    rng = np.random.default_rng(cols)
    z, dy = rng.normal(0, 4, (2, 7, cols)).astype(dtype)
    y = forward(name, z)
    dz = backward(name, y, dy)
    for i in range(7):
        np.testing.assert_array_equal(forward(name, z[i : i + 1]), y[i : i + 1])
        np.testing.assert_array_equal(forward(name, z[i:])[0], y[i])
        np.testing.assert_array_equal(backward(name, y[i : i + 1], dy[i : i + 1])[0], dz[i])


@pytest.mark.parametrize("cols", [2, 5, 16, 17, 40])
@pytest.mark.parametrize("name", ROWWISE)
def test_special_rows(isa, dtype, name, cols):
    plain = np.linspace(-3, 3, cols)
    close = {"rtol": 12 * np.finfo(dtype).eps}
    if name != "softmax":  # errors of the largest probability are those of all
        close["atol"] = 24 * np.finfo(dtype).eps
    nothing = -np.inf if name == "log_softmax" else 0
    for place in {0, 1, cols - 1}:
        z = np.tile(plain, (5, 1)).astype(dtype)
        z[0, place] = -np.inf  # probability 0, the others as if it were not there
        z[1, place] = np.nan
        z[2, place] = np.inf  # Inf - Inf
        z[3] += 10000  # nothing overflows
        y = forward(name, z)
        np.testing.assert_allclose(y[0], twin(name, z[:1])[0], **close)
        assert y[0, place] == nothing
        assert np.isnan(y[1:3]).all()
        np.testing.assert_allclose(y[3:], twin(name, z[3:]), **close)
    z = np.full((2, cols), -np.inf, dtype)
    z[0, -1] = float(np.finfo(dtype).min)
    y = forward(name, z)
    won = np.arange(cols) == cols - 1
    np.testing.assert_array_equal(y[0], np.where(won, 0, -np.inf) if nothing else won)
    assert np.isnan(y[1]).all()  # no largest entry to start from


@pytest.mark.parametrize("name", ROWWISE)
def test_gradient_of_a_row_sums_to_nothing(isa, dtype, name):
    rng = np.random.default_rng(1)
    z, dy = rng.normal(0, 2, (2, 50, 10)).astype(dtype)
    dz = backward(name, forward(name, z), dy)
    # probabilities add up to 1 but for a few roundings, and |dy| stays under 8
    np.testing.assert_allclose(dz.sum(axis=1), 0, atol=8 * 8 * np.finfo(dtype).eps)
