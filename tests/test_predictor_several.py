"""Predictors of models with several inputs or outputs."""

from __future__ import annotations

import copy
import pickle
import re

import numpy as np
import pytest
from scipy import sparse

import fastnn as fnn

RNG = np.random.default_rng(0)
X = {"a": RNG.standard_normal((70, 3)), "b": RNG.standard_normal((70, 2))}


def network(form="dict", dtype="float32"):
    a, b = fnn.Input(3), fnn.Input(2)
    h = fnn.Dense(5, "relu")(fnn.Concatenate()([fnn.Dense(4, "tanh")(a), b]))
    u, v = fnn.Dense(1)(h), fnn.Dense(2, "softmax")(h)
    if form == "dict":
        return fnn.Model({"a": a, "b": b}, {"u": u, "v": v}, seed=0, dtype=dtype)
    return fnn.Model([a, b], [u, v], seed=0, dtype=dtype)


def parts(given):
    return list(given.values()) if isinstance(given, dict) else given


@pytest.mark.parametrize("form", ["dict", "list"])
def test_it_has_the_bits_and_the_form_of_predict(form, dtype):
    model = network(form, np.dtype(dtype).name)
    x = X if form == "dict" else list(X.values())
    predictor = model.predictor()
    wanted, found = model.predict(x), predictor(x)
    assert type(found) is type(wanted)
    for one, other in zip(parts(found), parts(wanted), strict=True):
        np.testing.assert_array_equal(one, other)
    assert (predictor.inputs, predictor.outputs) == ((3, 2), (1, 2))
    assert predictor.dtype == np.dtype(dtype).name
    text = f"Predictor(inputs=(3, 2), outputs=(1, 2), dtype='{predictor.dtype}')"
    assert repr(predictor) == text


def test_one_row_comes_and_goes_without_an_axis():
    predictor = network().predictor()
    table = predictor(X)
    found = predictor({"b": X["b"][4], "a": X["a"][4].tolist()})
    assert found["u"].shape == (1,)
    assert found["v"].shape == (2,)
    for key, value in found.items():
        np.testing.assert_array_equal(value, table[key][4])


@pytest.mark.parametrize("rows", [slice(None), 4])
def test_predict_into(rows):
    predictor = network().predictor()
    x = {key: value[rows] for key, value in X.items()}
    wanted = predictor(x)
    out = {key: np.empty_like(value) for key, value in wanted.items()}
    assert predictor.predict_into(x, out) is out or rows == slice(None)
    for key, value in wanted.items():
        np.testing.assert_array_equal(out[key], value)
    with pytest.raises((TypeError, ValueError), match="predict_into"):
        predictor.predict_into(x, {"u": out["u"], "v": out["v"][..., :1]})
    with pytest.raises(TypeError, match="out is None"):
        predictor.predict_into(x, None)


def test_it_never_changes_and_pickles():
    model = network()
    predictor = model.predictor(check_finite=False)
    before = predictor(X)
    model.initialize(seed=5)
    twin = pickle.loads(pickle.dumps(predictor))
    del model
    assert not twin.check_finite
    assert copy.copy(predictor) is copy.deepcopy(predictor) is predictor
    for other in (predictor(X), twin(X)):
        for key, value in before.items():
            np.testing.assert_array_equal(other[key], value)


def test_one_input_and_several_outputs():
    x = fnn.Input(3)
    model = fnn.Model(x, [fnn.Dense(2)(x), fnn.Dense(1)(x)], seed=0)
    predictor = model.predictor()
    for one, other in zip(predictor(X["a"][0]), model.predict(X["a"][:1]), strict=True):
        np.testing.assert_array_equal(one, other[0])
    assert [part.shape for part in predictor(X["a"][:1])] == [(1, 2), (1, 1)]


def test_sparse_rows_among_several_inputs():
    model = network()
    sparse_x = {"a": sparse.csr_matrix(np.where(X["a"] > 0, X["a"], 0)), "b": X["b"]}
    found = model.predictor()(sparse_x)
    for key, value in model.predict(sparse_x).items():
        np.testing.assert_array_equal(found[key], value)
    single = fnn.Sequential([fnn.Input(3), fnn.Dense(1)]).predictor()
    with pytest.raises(TypeError, match=re.escape("x.toarray()")):
        single(sparse_x["a"])


@pytest.mark.parametrize("name", ["address", "user_data", "capsule"])
def test_the_c_function_is_for_one_input_and_one_output(name):
    with pytest.raises(TypeError, match=f"{name}: the C function takes one input"):
        getattr(network().predictor(), name)


@pytest.mark.parametrize(
    "x, error, match",
    [
        ({"a": X["a"]}, ValueError, "'b' missing"),
        ({"a": X["a"], "c": X["b"]}, ValueError, "unknown name 'c'"),
        (X["a"], TypeError, "want a dict with the keys a, b"),
        ([X["a"]], ValueError, "got 1, want 2"),
        ({"a": X["a"], "b": X["b"][:3]}, ValueError, "has 3 rows, x\\['a'\\] 70"),
        ({"a": X["a"], "b": X["b"][:, :1]}, ValueError, "x\\['b'\\] has shape"),
        ({"a": X["a"] * np.nan, "b": X["b"]}, ValueError, "x\\['a'\\] has nan at row 0"),
        ({"a": X["a"][0] * np.nan, "b": X["b"][0]}, ValueError, "x\\['a'\\] has nan at row 0"),
        ({"a": "text", "b": X["b"]}, TypeError, "x\\['a'\\]"),
    ],
)
def test_bad_input(x, error, match):
    predictor = network().predictor()
    with pytest.raises(error, match=match) as raised:
        predictor(x)
    assert str(raised.value).startswith("Predictor: ")


def test_nan_goes_through_where_it_may():
    predictor = network().predictor(check_finite=False)
    assert np.isnan(predictor({"a": X["a"] * np.nan, "b": X["b"]})["u"]).all()


@pytest.mark.parametrize("rows", [0, slice(0, 1), slice(0, 5), slice(None)])
@pytest.mark.parametrize("form", ["dict", "list"])
def test_plain_arrays_have_the_bits_of_any_others(form, rows, dtype):
    model = network(form, np.dtype(dtype).name)
    predictor, cautious = model.predictor(check_finite=False), model.predictor()
    plain = {key: np.ascontiguousarray(value[rows], dtype) for key, value in X.items()}
    other = {key: value.astype("f8") for key, value in plain.items()}
    other = {key: np.repeat(value, 2, axis=-1)[..., ::2] for key, value in other.items()}
    if form == "list":
        plain, other = list(plain.values()), list(other.values())
    for x in (plain, tuple(plain) if form == "list" else plain):
        for one, two in zip(parts(predictor(x)), parts(predictor(other)), strict=True):
            assert one.shape == two.shape
            np.testing.assert_array_equal(one, two)
    parts(plain)[1][...] = np.inf
    assert not np.isfinite(parts(predictor(plain))[0]).all()
    with pytest.raises(ValueError, match="has inf at row 0"):
        cautious(plain)


def test_functions_and_no_rows():
    a, b = fnn.Input(3), fnn.Input(2)
    double = fnn.Lambda(lambda x: 2 * x, lambda x, out, dy: 2 * dy)(a)
    predictor = fnn.Model([a, b], [double, b]).predictor()
    found = predictor([np.ones(3, np.float32), np.zeros(2, np.float32)])
    assert [part.tolist() for part in found] == [[2.0] * 3, [0.0] * 2]
    with pytest.raises(ValueError, match="at least one row"):
        predictor([np.ones((0, 3), np.float32), np.ones((0, 2), np.float32)])
