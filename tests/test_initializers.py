"""Initial values: bounds, spread, exact dependence on (seed, index), bad arguments."""

from __future__ import annotations

import math

import numpy as np
import pytest

from fastnn import _core, initializers
from fastnn.initializers import (
    Constant,
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    LecunNormal,
    Normal,
    Ones,
    Uniform,
    Zeros,
)

SHAPE = (300, 100)  # fan_in 300, fan_out 100
RANDOM = {
    GlorotUniform(): ("uniform", math.sqrt(6 / 400)),
    HeUniform(): ("uniform", math.sqrt(6 / 300)),
    Uniform(-2, 2): ("uniform", 2.0),
    GlorotNormal(): ("normal", math.sqrt(2 / 400)),
    HeNormal(): ("normal", math.sqrt(2 / 300)),
    LecunNormal(): ("normal", math.sqrt(1 / 300)),
    Normal(stddev=3): ("normal", 3.0),
}


@pytest.mark.parametrize("initializer", RANDOM, ids=repr)
def test_values_are_the_scaled_stream(initializer):
    kind, scale = RANDOM[initializer]
    got = initializer(SHAPE, seed=5, index=3)
    assert got.dtype == np.float64
    assert got.shape == SHAPE
    assert got.flags.c_contiguous
    if kind == "uniform":
        want = scale * (2 * _core.random_uniform(5, "init", 0, 3, 30_000) - 1)
    else:
        want = scale * _core.random_normal(5, "init", 0, 3, 30_000)
    # the scale may be rounded another way, and 2u - 1 cancels: two roundings of values up to scale
    np.testing.assert_allclose(got.ravel(), want, rtol=4e-16, atol=4e-16 * scale)


@pytest.mark.parametrize("initializer", RANDOM, ids=repr)
def test_values_have_the_stated_spread(initializer):
    kind, scale = RANDOM[initializer]
    got = initializer(SHAPE, seed=1, index=0)
    deviation = scale / math.sqrt(3) if kind == "uniform" else scale
    excess = -1.2 if kind == "uniform" else 0.0
    # five standard deviations of the mean and of the variance of 30,000 fixed draws
    assert abs(got.mean()) < 5 * deviation / math.sqrt(got.size)
    assert abs(got.var() / deviation**2 - 1) < 5 * math.sqrt((2 + excess) / got.size)
    if kind == "uniform":
        assert 0.999 * scale < abs(got).max() <= scale
    else:
        assert abs(got).max() > 3 * scale  # not cut off at two deviations


@pytest.mark.parametrize("initializer", RANDOM, ids=repr)
def test_values_depend_on_seed_and_index_alone(initializer):
    one = initializer((5, 3), seed=0, index=0)
    np.testing.assert_array_equal(one, initializer((5, 3), seed=0, index=0))
    np.testing.assert_array_equal(one, initializer([5, 3], seed=np.uint8(0), index=np.int64(0)))
    assert not np.any(one == initializer((5, 3), seed=1, index=0))
    assert not np.any(one == initializer((5, 3), seed=2**64 - 1, index=0))
    assert not np.any(one == initializer((5, 3), seed=0, index=1))


def test_one_dimension_has_equal_fans():
    for initializer, limit in (
        (GlorotUniform(), math.sqrt(3 / 50)),
        (HeUniform(), math.sqrt(6 / 50)),
    ):
        got = initializer((50,), seed=0, index=0)
        want = limit * (2 * _core.random_uniform(0, "init", 0, 0, 50) - 1)
        np.testing.assert_allclose(got, want, rtol=4e-16, atol=4e-16 * limit)


def test_constants():
    for initializer, value in ((Zeros(), 0.0), (Ones(), 1.0), (Constant(-2.5), -2.5)):
        got = initializer((2, 3), seed=0, index=0)
        assert got.dtype == np.float64
        np.testing.assert_array_equal(got, np.full((2, 3), value))
        got[0, 0] = 7  # a fresh, writable array each time
        assert initializer((2, 3), seed=0, index=0)[0, 0] == value


def test_shifted_distributions():
    np.testing.assert_allclose(
        Normal(2, 0.5)((4,), seed=3, index=1),
        2 + 0.5 * _core.random_normal(3, "init", 0, 1, 4),
        rtol=4e-16,
    )
    u = _core.random_uniform(3, "init", 0, 1, 1000)
    got = Uniform(1, 3)((1000,), seed=3, index=1)
    np.testing.assert_allclose(got, 1 + 2 * u, rtol=4e-16)
    wide = Uniform(-1.7e308, 1.7e308)((1000,), seed=3, index=1)
    assert np.isfinite(wide).all()
    np.testing.assert_array_equal(Normal(1, 0)((3,), seed=0, index=0), np.ones(3))


def test_defaults():
    assert Normal().config() == {"kind": "normal", "mean": 0, "stddev": 0.05}
    assert Uniform().config() == {"kind": "uniform", "minval": -0.05, "maxval": 0.05}


@pytest.mark.parametrize("name", initializers.Initializer.table)
def test_every_name_draws(name):
    if name == "constant":
        with pytest.raises(ValueError, match=r"needs arguments; give Constant\(value\)"):
            initializers.get(name)
        return
    got = initializers.get(name)((7, 3), seed=0, index=0)
    assert got.shape == (7, 3)
    assert np.isfinite(got).all()


@pytest.mark.parametrize(
    "make, error, message",
    [
        (
            lambda: Constant(math.nan),
            ValueError,
            "Constant: value must be a finite number, got nan",
        ),
        (lambda: Constant("1"), TypeError, "Constant: value must be a finite number, got '1'"),
        (
            lambda: Normal(stddev=-1),
            ValueError,
            "Normal: stddev must be a finite number, at least 0",
        ),
        (lambda: Normal(mean=math.inf), ValueError, "Normal: mean must be"),
        (lambda: Uniform(1, 1), ValueError, "Uniform: minval must be below maxval, got minval=1.0"),
        (lambda: Uniform(1), ValueError, "minval must be below maxval"),
        (
            lambda: Ones()((), seed=0, index=0),
            TypeError,
            r"Ones: shape must be a tuple .* got \(\)",
        ),
        (lambda: Ones()(3, seed=0, index=0), TypeError, "Ones: shape must be a tuple"),
        (lambda: Ones()((0, 3), seed=0, index=0), ValueError, "each length of shape .* got 0"),
        (lambda: Ones()((2.0, 3), seed=0, index=0), TypeError, "each length of shape .* got 2.0"),
        (lambda: HeNormal()((2, 3), seed=-1, index=0), ValueError, "HeNormal: seed must be"),
        (lambda: HeNormal()((2, 3), seed=2**64, index=0), ValueError, "HeNormal: seed must be"),
        (lambda: HeNormal()((2, 3), seed=None, index=0), TypeError, "HeNormal: seed must be"),
        (lambda: HeNormal()((2, 3), seed=0, index=2**32), ValueError, "HeNormal: index must be"),
    ],
)
def test_bad_arguments(make, error, message):
    with pytest.raises(error, match=message):
        make()
