"""`from_sklearn` and `Model.to_sklearn`: the same numbers on either side."""

from __future__ import annotations

import subprocess
import sys
import warnings

import numpy as np
import pytest
from sklearn.compose import TransformedTargetRegressor
from sklearn.linear_model import LinearRegression
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    MaxAbsScaler,
    MinMaxScaler,
    PolynomialFeatures,
    RobustScaler,
    StandardScaler,
)

import fastnn as fnn

RNG = np.random.default_rng(0)
X = RNG.normal([5, 50, -3, 0], [1, 20, 0.1, 3], (80, 4))
Y = X @ RNG.normal(size=(4, 2)) + 3
LABELS = np.digitize(X[:, 0] + X[:, 3], [3, 7])
WORDS = np.array(["ant", "bee", "cat"])[LABELS]
EXACT = {"rtol": 1e-11, "atol": 1e-11}  # float64 on both sides; another order of sums


def fitted(estimator, y, x=X):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a few iterations do not converge
        return estimator.fit(x, y)


def small(cls, **options):
    return cls(hidden_layer_sizes=(6, 5), max_iter=20, random_state=0, **options)


@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
@pytest.mark.parametrize("columns", [1, 2])
def test_regressor(activation, columns):
    theirs = fitted(small(MLPRegressor, activation=activation), Y[:, :columns].squeeze())
    ours = fnn.from_sklearn(theirs, seed=7)
    assert (ours.dtype, ours.seed) == ("float64", 7)
    want = theirs.predict(X).reshape(-1, columns)
    np.testing.assert_allclose(ours.predict(X), want, **EXACT)
    back = ours.to_sklearn()
    assert isinstance(back, MLPRegressor)
    np.testing.assert_allclose(back.predict(X), theirs.predict(X), **EXACT)
    assert back.predict(X).shape == theirs.predict(X).shape
    assert back.hidden_layer_sizes == (6, 5)
    assert back.activation == activation


@pytest.mark.parametrize(
    "y",
    [LABELS, WORDS, LABELS > 1, WORDS == "ant", np.stack([LABELS > 1, LABELS < 1], 1).astype(int)],
    ids=["numbers", "words", "two", "bools", "several labels"],
)
def test_classifier(y):
    theirs = fitted(small(MLPClassifier), y)
    ours = fnn.from_sklearn(theirs)
    found = ours.predict(X)
    np.testing.assert_allclose(found, theirs.predict_proba(X), **EXACT)
    if y.ndim == 1:
        np.testing.assert_array_equal(theirs.classes_[found.argmax(axis=1)], theirs.predict(X))
    back = ours.to_sklearn(classes=theirs.classes_)
    assert isinstance(back, MLPClassifier)
    np.testing.assert_allclose(back.predict_proba(X), theirs.predict_proba(X), **EXACT)
    np.testing.assert_array_equal(back.predict(X), theirs.predict(X))


def test_float32_stays_float32():
    theirs = fitted(small(MLPRegressor), Y[:, 0], X.astype(np.float32))
    ours = fnn.from_sklearn(theirs)
    assert ours.dtype == "float32"
    want = theirs.predict(X.astype(np.float32))
    np.testing.assert_allclose(ours.predict(X)[:, 0], want, rtol=1e-5)
    assert ours.to_sklearn().coefs_[0].dtype == np.float32


@pytest.mark.parametrize(
    "scaler",
    [
        StandardScaler(),
        StandardScaler(with_mean=False),
        StandardScaler(with_std=False),
        MinMaxScaler(),
        MinMaxScaler((-1, 2)),
        MaxAbsScaler(),
        RobustScaler(),
        RobustScaler(with_centering=False),
        RobustScaler(with_scaling=False),
    ],
    ids=repr,
)
def test_scaler_becomes_a_normalization(scaler):
    theirs = fitted(make_pipeline("passthrough", scaler, small(MLPRegressor)), Y[:, 0])
    ours = fnn.from_sklearn(theirs)
    assert ours.layer_names[1] == "normalization_0"
    np.testing.assert_allclose(ours.predict(X)[:, 0], theirs.predict(X), **EXACT)
    back = ours.to_sklearn()
    np.testing.assert_allclose(back.predict(X), theirs.predict(X), **EXACT)


def test_scaled_targets():
    inner = make_pipeline(make_pipeline(RobustScaler()), StandardScaler(), small(MLPRegressor))
    for y in (Y, Y[:, 0]):
        for scaler in (StandardScaler(), MinMaxScaler()):
            theirs = fitted(TransformedTargetRegressor(inner, transformer=scaler), y)
            ours = fnn.from_sklearn(theirs)
            want = theirs.predict(X).reshape(len(X), -1)
            np.testing.assert_allclose(ours.predict(X), want, **EXACT)
            back = ours.to_sklearn()
            assert isinstance(back, TransformedTargetRegressor)
            np.testing.assert_allclose(back.predict(X), theirs.predict(X), **EXACT)


def test_poisson_output():
    theirs = fitted(small(MLPRegressor, loss="poisson"), LABELS)
    ours = fnn.from_sklearn(theirs)
    np.testing.assert_allclose(ours.predict(X)[:, 0], theirs.predict(X), **EXACT)
    np.testing.assert_allclose(ours.to_sklearn().predict(X), theirs.predict(X), **EXACT)


def test_ours_to_theirs_after_training():
    model = fnn.Sequential(
        [
            *(fnn.Input(4), fnn.Normalization(), fnn.Dense(8, use_bias=False)),
            *(fnn.Activation("tanh"), fnn.Dropout(0.1), fnn.Dense(3, "softmax")),
        ],
        seed=0,
    )
    model.adapt(X)
    fnn.Trainer(model, "sparse_categorical_crossentropy").fit(X, LABELS, epochs=2, verbose=0)
    theirs = model.to_sklearn(classes=["ant", "bee", "cat"])
    np.testing.assert_allclose(theirs.predict_proba(X), model.predict(X), rtol=1e-5, atol=1e-6)
    assert set(theirs.predict(X)) <= {"ant", "bee", "cat"}
    fitted(theirs, WORDS)  # it can be trained anew


def test_two_columns_of_ours_become_one_logit():
    model = fnn.Sequential([fnn.Input(4), fnn.Dense(5, "relu"), fnn.Dense(2, "softmax")], seed=0)
    theirs = model.to_sklearn(classes=["no", "yes"])
    assert theirs.coefs_[-1].shape == (5, 1)
    found = theirs.predict_proba(X / 50)
    np.testing.assert_allclose(found, model.predict(X / 50), rtol=1e-5, atol=1e-6)


def test_weights_are_copies():
    theirs = fitted(small(MLPRegressor), Y[:, 0])
    ours = fnn.from_sklearn(theirs)
    before = ours.predict(X)
    theirs.coefs_[0][...] = 0
    np.testing.assert_array_equal(ours.predict(X), before)


def test_refused():
    with pytest.raises(TypeError, match=r"from_sklearn: want a fitted MLPRegressor .* got 3"):
        fnn.from_sklearn(3)
    with pytest.raises(TypeError, match="from_sklearn: want a fitted"):
        fnn.from_sklearn(MLPRegressor)
    with pytest.raises(ValueError, match="the MLPRegressor is not fitted; call its fit first"):
        fnn.from_sklearn(MLPRegressor())
    with pytest.raises(ValueError, match="the TransformedTargetRegressor is not fitted"):
        fnn.from_sklearn(TransformedTargetRegressor(MLPRegressor()))
    steps = make_pipeline(MinMaxScaler(clip=True), PolynomialFeatures(), LinearRegression())
    steps.fit(X, Y)
    with pytest.raises(ValueError, match="from_sklearn: cannot convert: ") as caught:
        fnn.from_sklearn(steps)
    for part in (
        "minmaxscaler is a MinMaxScaler that clips; polynomialfeatures is a PolynomialFeatures; "
        "linearregression is a LinearRegression.  fastnn reads MLPRegressor",
    ):
        assert part in str(caught.value)


def test_refused_on_the_way_there():
    mixed = fnn.Sequential(
        [
            *(fnn.Input(4), fnn.Dense(3, "relu"), fnn.Dense(3, "gelu"), fnn.Dense(3, "tanh")),
            *(fnn.LayerNormalization(), fnn.Dense(1, "softplus")),
        ]
    )
    with pytest.raises(ValueError, match="to_sklearn: scikit-learn's MLP does not have ") as caught:
        mixed.to_sklearn()
    for part in (
        "layer_normalization_0 (LayerNormalization)",
        "dense_1 (activation 'gelu')",
        "dense_3 (activation 'softplus' of the output)",
        "hidden layers with several activations: gelu, relu, tanh",
    ):
        assert part in str(caught.value)
    three = fnn.Sequential([fnn.Input(4), fnn.Dense(3, "softmax")])
    with pytest.raises(ValueError, match="to_sklearn: want 3 different classes, got"):
        three.to_sklearn(classes=["a", "b"])
    with pytest.raises(ValueError, match="to_sklearn: classes must be sorted"):
        three.to_sklearn(classes=["c", "b", "a"])
    with pytest.raises(ValueError, match="to_sklearn: classes are for a softmax or sigmoid output"):
        fnn.Sequential([fnn.Input(4), fnn.Dense(3)]).to_sklearn(classes=[1, 2, 3])
    chances = fnn.Sequential(
        [fnn.Input(4), fnn.Dense(3, "softmax"), fnn.Normalization(invert=True)]
    )
    with pytest.raises(ValueError, match="normalization_0 scales the chances of a classifier"):
        chances.to_sklearn()


def test_import_loads_no_sklearn():
    script = "import sys, fastnn; fastnn.from_sklearn; sys.exit('sklearn' in sys.modules)"
    subprocess.run([sys.executable, "-c", script], check=True)


@pytest.mark.parametrize("library", ["sklearn", "torch", "keras"])
def test_missing_library_is_named_with_its_extra(library, monkeypatch):
    for name in [one for one in sys.modules if one.split(".")[0] == library]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, library, None)
    model = fnn.Sequential([fnn.Input(2), fnn.Dense(1)])
    text = rf'to_{library} needs .*: pip install "fastnn-core\[{library}\]"'
    with pytest.raises(ImportError, match=text):
        getattr(model, f"to_{library}")()
