"""Initial values: bounds, spread, exact dependence on (seed, index), bad arguments."""

from __future__ import annotations

import copy
import functools
import json
import math
import pickle

import numpy as np
import pytest

import fastnn as fnn
from fastnn import _core, initializers
from fastnn.initializers import (
    Constant,
    Function,
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    Identity,
    LecunNormal,
    LecunUniform,
    Normal,
    Ones,
    Orthogonal,
    TruncatedNormal,
    Uniform,
    Values,
    VarianceScaling,
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
    LecunUniform(): ("uniform", math.sqrt(3 / 300)),
    VarianceScaling(2, "fan_out", "untruncated_normal"): ("normal", math.sqrt(2 / 100)),
    VarianceScaling(0.5, "fan_avg", "uniform"): ("uniform", math.sqrt(1.5 / 200)),
}
# Those cut off: the standard deviation, and the largest size.
CUT = 0.87962566103423975  # of a standard normal cut off at 2
CUT_OFF = {
    TruncatedNormal(stddev=3): (3 * CUT, 6.0),
    VarianceScaling(): (math.sqrt(1 / 300), 2 / CUT * math.sqrt(1 / 300)),
    VarianceScaling(3, "fan_out"): (math.sqrt(3 / 100), 2 / CUT * math.sqrt(3 / 100)),
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


@pytest.mark.parametrize("initializer", CUT_OFF, ids=repr)
def test_cut_off_normals_are_the_stream_without_its_far_ones(initializer):
    deviation, most = CUT_OFF[initializer]
    stream = _core.random_normal(5, "init", 0, 3, 40_000)
    near = stream[np.abs(stream) <= 2]
    got = initializer(SHAPE, seed=5, index=3)
    np.testing.assert_allclose(got.ravel(), most / 2 * near[:30_000], rtol=1e-15)
    assert 0.999 * most < abs(got).max() <= most
    # the fourth moment of a normal cut off at 2 is 2.36 times its variance squared
    assert abs(got.mean()) < 5 * deviation / math.sqrt(got.size)
    assert abs(got.var() / deviation**2 - 1) < 5 * math.sqrt(1.37 / got.size)
    # a longer parameter begins with the same numbers, whatever was drawn at a time
    for size in (1, 2, 7, 100, 5000):
        part = initializer((300, size), seed=5, index=3).ravel()
        scale = got[0, 0] / near[0] if got.shape[-1] == size else part[0] / near[0]
        np.testing.assert_allclose(part[:300], scale * near[:300], rtol=1e-14)


def test_cut_off_normals_of_a_stream_with_many_far_ones(monkeypatch):
    """Where a first draw leaves too few, more are drawn."""
    calls = []

    def stream(seed, purpose, epoch, step, n):
        calls.append(n)
        return np.tile([3.0, 0.25, -4.0, 5.0], n // 4 + 1)[:n]

    monkeypatch.setattr(_core, "random_normal", stream)
    got = TruncatedNormal(stddev=1)((40, 5), seed=0, index=0)
    np.testing.assert_array_equal(got, np.full((40, 5), 0.25))
    assert len(calls) > 1


@pytest.mark.parametrize("initializer", [*RANDOM, *CUT_OFF, Orthogonal()], ids=repr)
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
    near = TruncatedNormal(0, 1)((4,), seed=3, index=1)
    np.testing.assert_allclose(
        TruncatedNormal(2, 0.5)((4,), seed=3, index=1), 2 + 0.5 * near, rtol=4e-16
    )
    u = _core.random_uniform(3, "init", 0, 1, 1000)
    got = Uniform(1, 3)((1000,), seed=3, index=1)
    np.testing.assert_allclose(got, 1 + 2 * u, rtol=4e-16)
    wide = Uniform(-1.7e308, 1.7e308)((1000,), seed=3, index=1)
    assert np.isfinite(wide).all()
    np.testing.assert_array_equal(Normal(1, 0)((3,), seed=0, index=0), np.ones(3))


@pytest.mark.parametrize("shape", [(1, 1), (5, 5), (40, 7), (7, 40), (1, 9), (9, 1), (4, 5, 6)])
@pytest.mark.parametrize("gain", [1.0, -0.5])
def test_orthogonal_is_orthogonal(shape, gain):
    got = Orthogonal(gain)(shape, seed=2, index=1)
    assert got.shape == shape
    assert got.flags.c_contiguous
    assert got.dtype == np.float64
    flat = got.reshape(-1, shape[-1])
    gram = flat.T @ flat if len(flat) >= shape[-1] else flat @ flat.T
    np.testing.assert_allclose(gram, gain**2 * np.eye(len(gram)), rtol=0, atol=1e-14)


def test_orthogonal_is_the_q_whose_r_has_a_positive_diagonal():
    normal = _core.random_normal(4, "init", 0, 0, 30).reshape(6, 5)
    q = Orthogonal()((6, 5), seed=4, index=0)
    r = q.T @ normal
    np.testing.assert_allclose(np.tril(r, -1), 0, atol=1e-14)
    assert (np.diagonal(r) > 0).all()
    np.testing.assert_allclose(q @ r, normal, rtol=0, atol=1e-14)
    # and both signs turn up: a Q straight from LAPACK has a first column of one sign only
    firsts = [Orthogonal()((3, 3), seed=seed, index=0)[0, 0] for seed in range(30)]
    assert min(firsts) < 0 < max(firsts)


def test_identity():
    np.testing.assert_array_equal(Identity()((3, 3), seed=0, index=0), np.eye(3))
    np.testing.assert_array_equal(Identity(-2)((2, 4), seed=0, index=0), -2 * np.eye(2, 4))


# ---- an array -----------------------------------------------------------------------------------


def network(**options):
    return fnn.Sequential([fnn.Input(3), fnn.Dense(2, **options)], seed=7)


@pytest.mark.parametrize("kind", ["float32", "float64", ">f8", "int8", "uint64", "float16"])
def test_an_array_is_an_initializer(kind):
    kernel = np.arange(6).reshape(3, 2).astype(kind)
    model = network(kernel_initializer=kernel, bias_initializer=np.array([0.5, -0.25]))
    np.testing.assert_array_equal(model.parameters["dense_0/kernel"], kernel.astype(np.float32))
    np.testing.assert_array_equal(model.parameters["dense_0/bias"], [0.5, -0.25])
    kernel[:] = 9  # the layer has a copy
    model.parameters["dense_0/kernel"][:] = 8
    model.initialize()
    np.testing.assert_array_equal(model.parameters["dense_0/kernel"], np.arange(6).reshape(3, 2))


def test_an_array_goes_through_configs_files_and_copies(tmp_path):
    kernel = np.random.default_rng(0).standard_normal((3, 2))  # all 17 digits
    model = network(kernel_initializer=kernel)
    config = json.loads(json.dumps(model.config()))
    assert config["layers"][1]["kernel_initializer"] == {
        "kind": "values",
        "values": kernel.tolist(),
    }
    model.save(tmp_path / "m")
    for again in (
        fnn.Sequential.from_config(config),
        fnn.load(tmp_path / "m"),
        copy.deepcopy(model),
        pickle.loads(pickle.dumps(model)),
    ):
        again.initialize()
        np.testing.assert_array_equal(again["dense_0"].kernel_initializer.values, kernel)
        np.testing.assert_array_equal(again.parameter_arena, model.parameter_arena)


def test_an_array_is_kept_frozen_and_shown_briefly():
    values = Values(np.ones((3, 2)))
    with pytest.raises(ValueError, match="read-only"):
        values.values[0, 0] = 2
    drawn = values((3, 2), seed=0, index=0)
    drawn[0, 0] = 2
    np.testing.assert_array_equal(values((3, 2), seed=0, index=0), np.ones((3, 2)))
    assert repr(values) == "Values(<array of shape (3, 2)>)"
    layer = fnn.Dense(2, kernel_initializer=np.ones((3, 2)))
    assert repr(layer) == "Dense(2, kernel_initializer=Values(<array of shape (3, 2)>))"
    assert "Values(<array of shape (3, 2)>)" in str(
        network(kernel_initializer=np.ones((3, 2))).summary()
    )


def test_a_large_array_is_refused_by_configs_alone(monkeypatch):
    monkeypatch.setattr(initializers, "MAX_LISTED", 5)
    model = network(kernel_initializer=np.ones((3, 2)))
    with pytest.raises(ValueError, match="Values: an array of 6 numbers is too large for a config"):
        model.config()
    assert "Values" in repr(model["dense_0"])
    copy.copy(model)


@pytest.mark.parametrize(
    "array, error, message",
    [
        (
            np.ones((2, 3)),
            ValueError,
            r"Values: the array has shape \(2, 3\), the parameter \(3, 2\)",
        ),
        (np.ones(6), ValueError, r"Values: the array has shape \(6,\)"),
        (
            np.array([[1.0, 2.0], [np.nan, 0.0], [0.0, 0.0]]),
            ValueError,
            r"finite, got nan at \(1, 0\)",
        ),
        (
            np.full((3, 2), np.inf),
            ValueError,
            r"Values: values must be finite, got inf at \(0, 0\)",
        ),
        (
            np.ones((3, 2), complex),
            TypeError,
            "Values: values must be an array of real numbers, got",
        ),
        (np.array([["a"]]), TypeError, "of dtype <U1"),
        (np.ones((3, 2), bool), TypeError, "of dtype bool"),
        (np.array(1.0), ValueError, r"Values: values must be a non-empty array, got shape \(\)"),
        (np.ones((0, 2)), ValueError, r"got shape \(0, 2\)"),
        (np.ma.array(np.ones((3, 2))), TypeError, "Values: values is a masked array"),
    ],
)
def test_arrays_that_do_not_do(array, error, message):
    with pytest.raises(error, match=message):
        network(kernel_initializer=array)


def test_values_of_ragged_rows():
    with pytest.raises(
        ValueError, match=r"Values: values must be an array of numbers, got \[\[1\],"
    ):
        Values([[1], [2, 3]])


# ---- a function ---------------------------------------------------------------------------------


def ramp(shape):
    return np.arange(math.prod(shape)).reshape(shape)


def laplace(shape, seed):
    return np.random.default_rng(seed).laplace(size=shape)


def test_a_function_is_an_initializer():
    model = network(kernel_initializer=ramp, bias_initializer=np.ones)
    np.testing.assert_array_equal(model.parameters["dense_0/kernel"], ramp((3, 2)))
    np.testing.assert_array_equal(model.parameters["dense_0/bias"], [1, 1])


def test_functions_get_a_seed_that_depends_on_seed_and_place():
    got = []

    def by_name(shape, *, seed):
        got.append(seed)
        return np.zeros(shape)

    def with_default(shape, dtype=None, seed=None):
        return by_name(shape, seed=seed)

    def by_place(shape, number):
        return by_name(shape, seed=number)

    for function in (by_name, with_default, by_place):
        for seed, index in ((0, 0), (0, 1), (1, 0), (0, 0)):
            Function(function)((2,), seed=seed, index=index)
    assert got[:4] == got[4:8] == got[8:]
    assert len(set(got)) == 3
    assert got[0] == got[3]
    assert all(type(seed) is int and 0 <= seed < 2**32 for seed in got)
    assert got[0] == int(_core.random_uniform(0, "init", 0, 0, 1)[0] * 2**32)


def test_a_function_has_the_same_bits_for_the_same_seed():
    one, two = (network(kernel_initializer=laplace, bias_initializer=laplace) for _ in range(2))
    np.testing.assert_array_equal(one.parameter_arena, two.parameter_arena)
    one.initialize(seed=8)
    assert not (one.parameters["dense_0/kernel"] == two.parameters["dense_0/kernel"]).any()
    assert one.parameters["dense_0/bias"][0] != one.parameters["dense_0/kernel"][0, 0]


def test_callable_objects_and_partials_do():
    class Fill:
        def __call__(self, shape, dtype=None):
            return np.full(shape, 2.0)

    twos = functools.partial(np.full, fill_value=2.0)
    for function in (Fill(), twos, lambda shape: np.full(shape, 2.0)):
        np.testing.assert_array_equal(
            Function(function)((2, 3), seed=0, index=0), np.full((2, 3), 2)
        )


@pytest.mark.parametrize("way", [copy.copy, copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_models_with_functions_are_copied(way):
    model = network(kernel_initializer=laplace)
    again = way(model)
    again.initialize()
    np.testing.assert_array_equal(again.parameter_arena, model.parameter_arena)


def test_models_with_functions_are_not_written_down(tmp_path):
    model = network(kernel_initializer=laplace)
    message = (
        "Function: the function laplace cannot be written into a config or a file; .*custom_obj"
    )
    with pytest.raises(ValueError, match=message):
        model.config()
    with pytest.raises(ValueError, match=message):
        model.save(tmp_path / "m")
    assert not list(tmp_path.iterdir())
    assert repr(model["dense_0"]) == "Dense(2, kernel_initializer=Function(laplace))"
    assert "Function(laplace)" in str(model.summary())


@pytest.mark.parametrize(
    "function, error, message",
    [
        (
            lambda shape: np.zeros(3),
            ValueError,
            r"lambda> returned an array of shape \(3,\), want \(",
        ),
        (
            lambda shape: None,
            TypeError,
            "the result of .*lambda> must be an array of real numbers, got",
        ),
        (lambda shape: np.full(shape, np.nan), ValueError, r"must be finite, got nan at \(0, 0\)"),
        (lambda shape: "zeros", TypeError, "must be an array of real numbers, got 'zeros'"),
        (
            lambda a, b, c: a,
            TypeError,
            r"Function: want a function of \(shape, seed\) or \(shape\), got",
        ),
        (GlorotUniform, TypeError, "give an object, GlorotUniform"),
        (dict, TypeError, "Dense: initializer must be a name or an object"),
    ],
)
def test_functions_that_do_not_do(function, error, message):
    with pytest.raises(error, match=message):
        network(kernel_initializer=function)


def test_what_a_function_raises_comes_through():
    def broken(shape):
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        network(kernel_initializer=broken)
    with pytest.raises(TypeError, match="Function: function must be a function, got 3"):
        Function(3)


def test_defaults():
    assert Normal().config() == {"kind": "normal", "mean": 0, "stddev": 0.05}
    assert Uniform().config() == {"kind": "uniform", "minval": -0.05, "maxval": 0.05}


@pytest.mark.parametrize("name", initializers.Initializer.table)
def test_every_name_draws(name):
    if name in ("constant", "values", "function"):
        with pytest.raises(
            ValueError, match=r"needs arguments; give \w+\((value|values|function)\)"
        ):
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
        (lambda: VarianceScaling(0), ValueError, "VarianceScaling: scale must be .* above 0, got"),
        (
            lambda: VarianceScaling(mode="fan"),
            ValueError,
            "VarianceScaling: mode must be one of fan_in, fan_out, fan_avg, got 'fan'",
        ),
        (
            lambda: VarianceScaling(distribution="normal"),
            ValueError,
            "distribution must be one of truncated_normal, untruncated_normal, uniform, got 'n",
        ),
        (
            lambda: VarianceScaling(mode=1),
            TypeError,
            "VarianceScaling: mode must be a string, got 1",
        ),
        (lambda: TruncatedNormal(stddev=-1), ValueError, "TruncatedNormal: stddev must be"),
        (lambda: Orthogonal(math.nan), ValueError, "Orthogonal: gain must be a finite number"),
        (
            lambda: Orthogonal()((3,), seed=0, index=0),
            ValueError,
            r"Orthogonal: shape must have at least 2 lengths, got \(3,\)",
        ),
        (
            lambda: Identity()((3,), seed=0, index=0),
            ValueError,
            r"Identity: shape must have 2 lengths, got \(3,\)",
        ),
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
