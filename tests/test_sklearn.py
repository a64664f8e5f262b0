"""`fastnn.sklearn`: what it takes beyond scikit-learn's own, and its place among its tools."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
import warnings

import joblib
import numpy as np
import pandas as pd
import pytest
import sklearn
from scipy import sparse
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.metrics import accuracy_score, r2_score
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.utils.class_weight import compute_sample_weight

import fastnn as fnn
from fastnn.sklearn import MLPClassifier, MLPRegressor
from fastnn.sklearn._training import own_threads

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

RNG = np.random.default_rng(0)
X = RNG.standard_normal((120, 5))
Y = X[:, 0] - 2 * X[:, 1] + 0.1 * RNG.standard_normal(120)
WIDE = np.stack([Y, X[:, 2] ** 2], axis=1)
TWO = np.where(X[:, 0] + X[:, 1] > 0, "up", "down")
THREE = np.digitize(X[:, 0], [-0.5, 0.5])
LABELS = (X[:, :3] > 0).astype(int)
PAIRS = np.stack([THREE, (X[:, 1] > 0) * 2 + 5], axis=1)  # two questions of classes

QUICK = {"hidden_layer_sizes": 16, "learning_rate_init": 0.02, "max_iter": 60, "random_state": 0}


def regressor(**more):
    return MLPRegressor(**QUICK | more)


def classifier(**more):
    return MLPClassifier(**QUICK | more)


def same_weights(one, other):
    pairs = zip(one.coefs_ + one.intercepts_, other.coefs_ + other.intercepts_, strict=True)
    return all(np.array_equal(a, b) for a, b in pairs)


# ---- what scikit-learn's refuse -----------------------------------------------------------------


@pytest.mark.parametrize("normalization", ["batch", "layer", "rms"])
def test_normalization_and_dropout(normalization):
    model = regressor(
        hidden_layer_sizes=(16, 8), normalization=normalization, dropout=[0.1, 0.0], max_iter=150
    ).fit(X, Y)
    kinds = [type(layer).__name__ for layer in model.to_model().layers]
    assert kinds.count("Dropout") == 1
    assert sum("Normalization" in kind for kind in kinds) == 2
    assert model.score(X, Y) > 0.8


def test_each_layer_has_its_activation():
    model = regressor(hidden_layer_sizes=(6, 4), activation=["logistic", fnn.activations.ELU(0.5)])
    network = model.fit(X, Y).to_model()
    names = [layer.activation.tag for layer in network.layers if isinstance(layer, fnn.Dense)]
    assert names == ["sigmoid", "elu", "linear"]
    # logistic layers begin within sqrt(2 / (fan_in + fan_out)), the others within sqrt(6 / ...)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fresh = regressor(
            hidden_layer_sizes=(60, 60),
            activation=["logistic", "relu"],
            max_iter=1,
            learning_rate_init=1e-12,
        ).fit(X, Y)
    assert 0.9 * np.sqrt(2 / 65) < np.abs(fresh.coefs_[0]).max() <= np.sqrt(2 / 65) + 1e-6
    assert 0.9 * np.sqrt(6 / 120) < np.abs(fresh.coefs_[1]).max() <= np.sqrt(6 / 120) + 1e-6


@pytest.mark.parametrize(
    "solver", ["rmsprop", "adamw", fnn.SGD(0.02, momentum=0.9), fnn.optimizers.Lion(0.005)]
)
def test_any_optimizer(solver):
    model = regressor(solver=solver).fit(X, Y)
    assert model.score(X, Y) > 0.9
    rate = 0.02 if isinstance(solver, str) else solver.learning_rate
    assert model._optimizer.learning_rate == rate


@pytest.mark.parametrize("loss", ["huber", "mean_absolute_error", fnn.losses.LogCosh()])
def test_losses_of_numbers(loss):
    assert regressor(loss=loss, max_iter=120).fit(X, Y).score(X, Y) > 0.9


def test_losses_with_several_outputs_for_a_target():
    quantiles = regressor(loss=fnn.losses.Quantile([0.1, 0.5, 0.9]), max_iter=200).fit(X, WIDE)
    found = quantiles.predict(X)
    assert found.shape == (120, 6)
    below = [(WIDE[:, 0] < found[:, i]).mean() for i in range(3)]
    np.testing.assert_allclose(below, [0.1, 0.5, 0.9], atol=0.15)  # of the rows trained on
    assert quantiles.score(X, WIDE) == pytest.approx(r2_score(WIDE, found[:, [1, 4]]))
    normal = regressor(loss="gaussian_nll", scale_y=True, max_iter=200).fit(X, Y)
    assert normal.predict(X).shape == (120,)
    assert normal.n_outputs_ == 2
    assert normal.score(X, Y) > 0.9


def test_losses_of_positive_numbers_end_in_exp():
    counts = RNG.poisson(np.exp(X[:, 0]))
    for loss in ("poisson", fnn.losses.Poisson(), fnn.losses.Tweedie(1.5)):
        model = regressor(loss=loss).fit(X, counts)
        assert model.out_activation_ == "exp"
        assert (model.predict(X) > 0).all()
        assert np.corrcoef(model.predict(X), np.exp(X[:, 0]))[0, 1] > 0.9
    assert (regressor(loss="msle").fit(X, counts).predict(X) >= 0).all()


@pytest.mark.parametrize(
    "loss, y",
    [
        ("binary_crossentropy", TWO),
        (fnn.losses.BinaryFocalCrossentropy(), LABELS),
        ("hinge", TWO),
        ("squared_hinge", LABELS),
        ("categorical_hinge", THREE),
        ("categorical_crossentropy", TWO),
        (fnn.losses.SparseCategoricalCrossentropy(label_smoothing=0.1), THREE),
        ("kl_divergence", THREE),
    ],
)
def test_losses_of_classes(loss, y):
    model = classifier(loss=loss).fit(X, y)
    assert model.score(X, y) > 0.85
    assert hasattr(model, "predict_proba") == ("hinge" not in str(loss))
    decision = model.decision_function(X)
    if y is TWO:
        np.testing.assert_array_equal(model.classes_[(decision > 0).astype(int)], model.predict(X))


def test_class_weight():
    y = (X[:, 0] + RNG.standard_normal(120) > 1.2).astype(int)
    counts = np.bincount(y)
    balanced = {i: len(y) / (2 * n) for i, n in enumerate(counts)}
    plain, by_name, by_dict = (
        classifier(class_weight=given).fit(X, y) for given in (None, "balanced", balanced)
    )
    np.testing.assert_allclose(by_name.predict_proba(X), by_dict.predict_proba(X), rtol=1e-4)
    assert by_name.predict(X).sum() > plain.predict(X).sum()
    weights = np.array([balanced[label] for label in y])
    np.testing.assert_allclose(
        classifier().fit(X, y, sample_weight=weights).predict_proba(X),
        by_dict.predict_proba(X),
        rtol=1e-4,  # float32
    )
    named = classifier(class_weight={"up": 20.0, "down": 1.0}).fit(X, TWO)
    assert (named.predict(X) == "up").sum() >= (classifier().fit(X, TWO).predict(X) == "up").sum()
    for y, known in ((LABELS, [0, 1]), (PAIRS, None)):  # as scikit-learn counts columns
        by_column = classifier(class_weight="balanced").fit(X, y)
        codes = by_column._encode(y)
        expected = compute_sample_weight("balanced", y)
        np.testing.assert_allclose(by_column._class_weights(codes), expected)
        each = [dict.fromkeys(known or np.unique(column), 2.0) for column in y.T]
        by_column.set_params(class_weight=each)
        np.testing.assert_array_equal(
            by_column._class_weights(by_column._encode(y)), 2.0 ** len(each)
        )
        with pytest.raises(ValueError, match=f"a list of {y.shape[1]} dicts"):
            classifier(class_weight={0: 1.0}).fit(X, y)
    with pytest.raises(ValueError, match="must be a dict or 'balanced', got 'even'"):
        classifier(class_weight="even").fit(X, TWO)
    with pytest.raises(ValueError, match=r"class_weight has \['sideways'\]"):
        classifier(class_weight={"sideways": 2.0}).fit(X, TWO)
    with pytest.raises(ValueError, match="not supported for partial_fit"):
        classifier(class_weight="balanced").partial_fit(X, TWO, classes=["up", "down"])


def test_labels():
    model = classifier(max_iter=150).fit(X, LABELS)
    proba = model.predict_proba(X)
    assert proba.shape == (120, 3)
    np.testing.assert_array_equal(model.predict(X), proba > 0.5)
    assert model.score(X, LABELS) == accuracy_score(LABELS, model.predict(X)) > 0.8
    np.testing.assert_array_equal(
        classifier(max_iter=150).fit(X, sparse.csr_array(LABELS)).predict(X), model.predict(X)
    )


def test_several_columns_of_classes():
    model = classifier(max_iter=150, early_stopping=True, n_iter_no_change=100).fit(X, PAIRS)
    assert [list(known) for known in model.classes_] == [[0, 1, 2], [5, 7]]
    assert model.n_outputs_ == 5
    assert len(model.validation_scores_) == model.n_iter_
    found, proba = model.predict(X), model.predict_proba(X)
    for i, (known, one) in enumerate(zip(model.classes_, proba, strict=True)):
        np.testing.assert_allclose(one.sum(axis=1), 1, rtol=1e-12)
        np.testing.assert_array_equal(known[one.argmax(axis=1)], found[:, i])
    assert model.score(X, PAIRS) == (found == PAIRS).all(axis=1).mean() > 0.7
    assert [one.shape[1] for one in model.to_model().predict(X)] == [3, 2]
    assert not hasattr(model, "decision_function")
    parts = classifier()
    for _ in range(60):
        parts.partial_fit(X, PAIRS, classes=[[0, 1, 2], [5, 7]])
    assert parts.score(X, PAIRS) > 0.7
    with pytest.raises(ValueError, match="classes not in"):
        parts.partial_fit(X, PAIRS + 1)


def test_several_targets():
    model = regressor(max_iter=200).fit(X, WIDE)
    assert model.predict(X).shape == (120, 2)
    assert model.score(X, WIDE) > 0.9
    with pytest.raises(ValueError, match="y has 1 targets, the fit before had 2"):
        model.partial_fit(X, Y)


def test_sparse_rows_stay_sparse(monkeypatch):
    rows = sparse.random_array((200, 40), density=0.1, format="csr", rng=np.random.default_rng(0))
    y = np.asarray(rows.sum(axis=1))

    def refuse(*args, **kwargs):
        raise AssertionError("made dense")

    dense = regressor().fit(rows.toarray(), y)
    expected = dense.predict(rows.toarray())
    for kind in (sparse.csr_array, sparse.csc_array, sparse.csr_matrix):
        given = kind(rows)
        with monkeypatch.context() as patch:
            for name in ("toarray", "todense"):
                patch.setattr(type(given), name, refuse)
                patch.setattr(sparse.csr_array, name, refuse)
            found = regressor(early_stopping=False).fit(given, y).predict(given)
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3)  # 60 epochs of float32
    with pytest.raises(ValueError, match="scale_x would make sparse rows dense"):
        regressor(scale_x=True).fit(rows, y)


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_how_the_rows_lie_changes_nothing(solver, monkeypatch):
    """They are copied once, as the network takes them, or read where they are if they are many."""
    taken = []
    fit = fnn.Trainer.fit
    monkeypatch.setattr(
        fnn.Trainer, "fit", lambda trainer, x, *a, **k: (taken.append(x), fit(trainer, x, *a, **k))
    )
    rows = {"as they are": X, "by column": np.asfortranarray(X), "apart": X.repeat(2, 1)[:, ::2]}
    rows["short"] = X.astype(np.float32) if solver == "adam" else X
    fits = [regressor(solver=solver, scale_x=True).fit(x, Y) for x in rows.values()]
    seen = [(x.dtype, x.flags.c_contiguous) for x in taken]
    assert seen == [(np.float32, True)] * (4 if solver == "adam" else 0)  # the other has its own
    taken.clear()
    monkeypatch.setattr("fastnn.sklearn._estimator.MOST_COPIED", X.size * 4 - 1)
    large = regressor(solver=solver, scale_x=True).fit(X, Y)
    assert all(x.dtype == np.float64 for x in taken)
    for other in [*fits[1:-1], large]:
        for a, b in zip(fits[0].coefs_, other.coefs_, strict=True):
            assert a.tobytes() == b.tobytes()


def test_scaling_inside():
    far = X * [1, 10, 100, 1000, 1e4] + 1e3
    inside = regressor(scale_x=True, scale_y=True).fit(far, 1e4 * Y + 5e5)
    scaled = regressor().fit(StandardScaler().fit_transform(far), (Y - Y.mean()) / Y.std())
    np.testing.assert_allclose(
        (inside.predict(far) - 5e5) / 1e4,
        scaled.predict(StandardScaler().fit_transform(far)) * Y.std() + Y.mean(),
        atol=1e-3,  # the same fit, in float32
    )
    assert inside.score(far, 1e4 * Y + 5e5) > 0.95
    scaled_wide = regressor(scale_y=True, max_iter=150).fit(X, WIDE * [1, 1000])
    assert scaled_wide.score(X, WIDE * [1, 1000]) > 0.9
    bands = regressor(scale_y=True, max_iter=150, loss=fnn.losses.Quantile([0.2, 0.5, 0.8]))
    assert bands.fit(X, WIDE * [1, 1000] + [0, 5000]).score(X, WIDE * [1, 1000] + [0, 5000]) > 0.8
    before = inside.to_model().state["normalization_0/mean"].copy()
    inside.partial_fit(far + 1, 1e4 * Y)  # scales stay those of the first rows
    np.testing.assert_array_equal(inside.to_model().state["normalization_0/mean"], before)
    with pytest.raises(ValueError, match="scale_y shifts the targets"):
        regressor(loss="poisson", scale_y=True).fit(X, np.abs(Y))


def test_constant_columns_and_targets_scale():
    ones = np.hstack([X, np.ones((120, 1))])
    model = regressor(scale_x=True, scale_y=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", fnn.DeadNetworkWarning)
        np.testing.assert_allclose(model.fit(ones, np.full(120, 7.0)).predict(ones), 7, atol=0.5)


def test_validation_data():
    judged = regressor(early_stopping=True, max_iter=200, n_iter_no_change=3)
    judged.fit(X[:90], Y[:90], validation_data=(X[90:], Y[90:]))
    assert len(judged.validation_scores_) == judged.n_iter_
    assert max(judged.validation_scores_) == judged.best_validation_score_
    # the weights of the best epoch are there, and they are those of that score
    assert judged.score(X[90:], Y[90:]) == pytest.approx(judged.best_validation_score_, rel=1e-9)
    watched = regressor(tol=0, n_iter_no_change=60)
    watched.fit(X[:90], Y[:90], validation_data=(X[90:], Y[90:], np.ones(30)))
    assert len(watched.validation_scores_) == watched.n_iter_ == 60
    assert same_weights(
        watched, regressor(tol=0, n_iter_no_change=60).fit(X[:90], Y[:90])
    )  # only looked at
    for kind, y in ((classifier, TWO), (classifier, LABELS), (classifier, THREE)):
        model = kind(early_stopping=True).fit(X[:90], y[:90], validation_data=(X[90:], y[90:]))
        assert model.score(X[90:], y[90:]) == pytest.approx(model.best_validation_score_)
    with pytest.raises(ValueError, match="validation_data must be"):
        regressor().fit(X, Y, validation_data=X)
    with pytest.raises(ValueError, match="classes not in"):
        classifier().fit(X, TWO, validation_data=(X[:2], ["up", "sideways"]))


def test_scores_with_weights_are_scikit_learns():
    weight = RNG.uniform(0.5, 2, 30)
    model = regressor(early_stopping=True)
    model.fit(X[:90], WIDE[:90], validation_data=(X[90:], WIDE[90:], weight))
    expected = r2_score(WIDE[90:], model.predict(X[90:]), sample_weight=weight)
    assert model.best_validation_score_ == pytest.approx(expected, rel=1e-9)


def test_callbacks():
    stop = fnn.callbacks.EarlyStopping("val_loss", patience=3)
    seen = []
    note = fnn.callbacks.LambdaCallback(on_epoch_end=lambda event: seen.append(event.epoch))
    model = regressor(callbacks=[stop, note], max_iter=500, tol=0.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # a fit that a callback has ended is no lack of convergence
        model.fit(X[:90], Y[:90], validation_data=(X[90:], Y[90:]))
    assert model.n_iter_ == stop.best_epoch + 3 < 500
    assert seen == list(range(1, model.n_iter_ + 1))
    assert len(model.loss_curve_) == model.n_iter_
    assert model.history_["loss"] == pytest.approx(model.loss_curve_)
    with pytest.raises(ValueError, match="lbfgs' has none"):
        regressor(solver="lbfgs", callbacks=[note]).fit(X, Y)


@pytest.mark.parametrize("patience", [1, 2, 3, 5, 8])
def test_a_sleeping_rule_sees_every_epoch(patience, capsys):
    """It looks at some epochs only; with `verbose` at each.  Both fits end at the same one."""
    settings = {"max_iter": 400, "tol": 0.01, "n_iter_no_change": patience, "batch_size": 16}
    asleep, awake = regressor(**settings).fit(X, Y), regressor(verbose=True, **settings).fit(X, Y)
    assert len(capsys.readouterr().out.splitlines()) == awake.n_iter_ + 1
    assert patience < asleep.n_iter_ == awake.n_iter_ < 400
    assert asleep.loss_curve_ == awake.loss_curve_
    assert same_weights(asleep, awake)


@pytest.mark.parametrize(
    "solver, dtype, expected",
    [
        ("adam", "auto", np.float32),
        ("lbfgs", "auto", np.float64),
        ("adam", "float64", np.float64),
        ("lbfgs", "float32", np.float32),
    ],
)
def test_types(solver, dtype, expected):
    for model, y in ((regressor, Y), (classifier, THREE)):
        fitted = model(solver=solver, dtype=dtype, max_iter=30).fit(X.astype(np.float32), y)
        assert {array.dtype for array in fitted.coefs_ + fitted.intercepts_} == {np.dtype(expected)}
    assert fitted.predict_proba(X).dtype == fitted.decision_function(X).dtype == np.float64
    assert fitted.predict_log_proba(X).dtype == np.float64
    assert regressor(dtype=dtype).fit(X, Y).predict(X.astype(np.float32)).dtype == np.float64
    np.testing.assert_allclose(fitted.predict_proba(X).sum(axis=1), 1, rtol=1e-14)


# ---- what is written down -----------------------------------------------------------------------


@pytest.mark.parametrize("y", [Y, WIDE])
def test_to_model_predicts_the_same(y):
    model = regressor(scale_x=True, scale_y=True, normalization="batch").fit(X, y)
    found = model.to_model().predict(X).reshape(y.shape)
    np.testing.assert_allclose(found, model.predict(X), rtol=1e-4, atol=1e-5)  # float32


def test_to_model_of_losses_with_several_outputs():
    far = WIDE * [1, 1000] + [0, 5000]
    bands = regressor(scale_y=True, loss=fnn.losses.Quantile([0.2, 0.5, 0.8])).fit(X, far)
    found = bands.to_model().predict(X)
    np.testing.assert_allclose(found, bands.predict(X), rtol=1e-4, atol=1e-3)  # float32
    for variance in ("exp", "linear"):
        loss = fnn.losses.GaussianNLL(variance)
        normal = regressor(scale_y=True, loss=loss, max_iter=20).fit(X, far)
        mean, spread = np.split(normal.to_model().predict(X).astype(float), 2, axis=1)
        np.testing.assert_allclose(mean, normal.predict(X), rtol=1e-4, atol=1e-3)
        scaled = normal._network.predict(X).astype(float)[:, 2:]
        if variance == "exp":
            spread, scaled = np.exp(spread), np.exp(scaled)
        np.testing.assert_allclose(spread, scaled * far.var(axis=0), rtol=1e-4, atol=1e-3)
    with pytest.raises(ValueError, match="cannot be undone in the softplus"):
        regressor(scale_y=True, loss=fnn.losses.GaussianNLL("softplus")).fit(X, Y)


@pytest.mark.parametrize("y", [TWO, THREE, LABELS])
def test_to_model_gives_probabilities(tmp_path, y):
    model = classifier(scale_x=True).fit(X, y)
    model.to_model().save(tmp_path / "model.safetensors")
    found, proba = fnn.load(tmp_path / "model.safetensors").predict(X), model.predict_proba(X)
    np.testing.assert_allclose(found, proba[:, 1:] if y is TWO else proba, rtol=1e-4, atol=1e-6)


def test_coefs_are_the_network():
    model = regressor().fit(X, Y)
    model.coefs_[-1][...] = 0
    model.intercepts_[-1] = np.array([3.0])
    np.testing.assert_array_equal(model.predict(X), 3)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict(X), 3)
    model.partial_fit(X, Y)
    assert model.intercepts_[-1] != 3
    model.set_params(warm_start=True, hidden_layer_sizes=17)
    with pytest.raises(ValueError, match="hidden_layer_sizes=17"):
        model.fit(X, Y)


def test_changed_parameters_count_in_a_warm_start():
    model = regressor(warm_start=True, n_iter_no_change=1000).fit(X, Y)
    before = sum((coef**2).sum() for coef in model.coefs_)
    model.set_params(alpha=50.0).fit(X, Y)
    assert sum((coef**2).sum() for coef in model.coefs_) < 0.5 * before


@pytest.mark.parametrize("repeat", [copy.deepcopy, lambda it: pickle.loads(pickle.dumps(it))])
def test_copies_go_on_with_the_same_bits(repeat):
    """The optimizer's moments and the order of the rows are in a pickle."""
    model = classifier(dropout=0.2, normalization="batch", batch_size=16, solver="adam")
    for _ in range(3):
        model.partial_fit(X, THREE, classes=[0, 1, 2])
    twin = repeat(model)
    np.testing.assert_array_equal(twin.predict_proba(X), model.predict_proba(X))
    for one in (model, twin):
        one.partial_fit(X, THREE)
    assert same_weights(model, twin)
    twin.partial_fit(X, THREE)
    assert not same_weights(model, twin)  # each has a network of its own


def test_joblib_files(tmp_path):
    model = regressor(scale_y=True).fit(X, Y)
    joblib.dump(model, tmp_path / "model.joblib")
    again = joblib.load(tmp_path / "model.joblib")
    np.testing.assert_array_equal(again.predict(X), model.predict(X))


def test_same_state_same_bits_at_any_number_of_threads():
    runs = [classifier(n_threads=n, batch_size=16, dropout=0.1).fit(X, THREE) for n in (1, 2, None)]
    assert same_weights(runs[0], runs[1])
    assert same_weights(runs[0], runs[2])
    assert not same_weights(runs[0], classifier(random_state=1, batch_size=16).fit(X, THREE))
    states = [
        regressor(random_state=np.random.RandomState(4), batch_size=16).fit(X, Y) for _ in range(2)
    ]
    assert same_weights(*states)


def test_clone_keeps_objects_of_fastnn():
    model = regressor(
        solver=fnn.SGD(0.02, momentum=0.5), loss=fnn.losses.Huber(2.0), activation=["relu"]
    )
    twin = clone(model)
    assert twin.solver.momentum == 0.5
    assert twin.loss.delta == 2.0
    assert "Huber(delta=2.0)" in repr(twin)
    assert same_weights(model.fit(X, Y), twin.fit(X, Y))


# ---- scikit-learn's tools -----------------------------------------------------------------------


def test_pipelines_with_columns():
    table = pd.DataFrame(X, columns=list("abcde")).assign(kind=np.where(X[:, 4] > 0, "p", "q"))
    columns = ColumnTransformer(
        [("kind", OneHotEncoder(), ["kind"]), ("rest", StandardScaler(), list("abcde"))]
    )
    pipe = make_pipeline(columns, regressor())
    assert pipe.fit(table, Y).score(table, Y) > 0.9
    pandas_out = make_pipeline(StandardScaler(), regressor()).set_output(transform="pandas")
    pandas_out.fit(table[list("abcde")], Y)
    assert list(pandas_out[-1].feature_names_in_) == list("abcde")
    with pytest.raises(ValueError, match="feature names should match"):
        pandas_out[-1].predict(table[list("edcba")])


@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_grid_search_in_workers(backend):
    x, y = load_iris(return_X_y=True)
    grid = {"hidden_layer_sizes": [(8,), (16, 8)], "solver": ["adam", fnn.SGD(0.1, momentum=0.9)]}
    alone = GridSearchCV(classifier(scale_x=True), grid, cv=3).fit(x, y)
    with joblib.parallel_config(backend, n_jobs=2):
        found = GridSearchCV(classifier(scale_x=True), grid, cv=3).fit(x, y)
    assert found.best_score_ > 0.9
    np.testing.assert_array_equal(
        found.cv_results_["mean_test_score"], alone.cv_results_["mean_test_score"]
    )


def threads_here(wanted=None):
    with own_threads(wanted):
        return fnn.get_num_threads()


@pytest.mark.parametrize("backend", ["loky", "threading", "multiprocessing"])
def test_workers_of_joblib_use_one_thread(backend, monkeypatch):
    monkeypatch.setenv("FASTNN_NUM_THREADS", "")
    fnn.set_num_threads(None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of fork, from multiprocessing
        found = joblib.Parallel(2, backend=backend)(
            joblib.delayed(threads_here)(wanted) for wanted in (None, 3, None)
        )
    assert found == [1, 3, 1]
    assert joblib.Parallel(1)([joblib.delayed(threads_here)()]) == [fnn.get_num_threads()]
    fnn.set_num_threads(2)
    try:
        assert threads_here() == 2
        asked = joblib.Parallel(2, backend="threading")([joblib.delayed(threads_here)()] * 2)
        assert asked == [2, 2]  # somebody has asked for it
    finally:
        fnn.set_num_threads(None)


def test_calibration():
    x, y = load_breast_cancer(return_X_y=True)
    model = CalibratedClassifierCV(classifier(scale_x=True, max_iter=20), cv=3).fit(
        x[:400], y[:400]
    )
    assert model.score(x[400:], y[400:]) > 0.93


def test_cross_validation_of_real_data():
    x, y = load_diabetes(return_X_y=True)
    model = regressor(scale_x=True, scale_y=True, early_stopping=True, max_iter=200)
    assert cross_val_score(model, x, y, cv=3).mean() > 0.35


def test_metadata_routing():
    weight = RNG.uniform(0.5, 2, 120)
    seen = []

    class Noting(MLPRegressor):
        def fit(self, X, y, sample_weight=None, validation_data=None):
            seen.append((sample_weight, validation_data))
            return super().fit(X, y, sample_weight, validation_data)

    with sklearn.config_context(enable_metadata_routing=True):
        asked = Noting(**QUICK).set_fit_request(sample_weight=True, validation_data=True)
        asked.set_score_request(sample_weight=True)
        pipe = make_pipeline(StandardScaler().set_fit_request(sample_weight=True), asked)
        pipe.fit(X, Y, sample_weight=weight, validation_data=(X[:9], Y[:9]))
        (found,) = seen
        assert found[0] is weight
        assert len(found[1]) == 2
        assert 0.5 < pipe.score(X, Y, sample_weight=weight) <= 1


# ---- messages -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "parameters, message",
    [
        ({"dropout": [0.1, 0.2]}, "MLPRegressor: dropout: got 2 values for 1 hidden layers"),
        ({"dropout": 1.5}, "'dropout' parameter"),
        ({"dropout": [1.0]}, "MLPRegressor: dropout must be .* below 1, got 1.0"),
        ({"normalization": ["batches"]}, "unknown normalization 'batches'"),
        (
            {"activation": "rellu"},
            "^MLPRegressor: unknown activation 'rellu'; did you mean 'relu'\\? Known: linear, relu",
        ),
        (
            {"activation": ["rellu"], "normalization": "batch"},
            "^MLPRegressor: unknown activation 'rellu'",
        ),
        ({"activation": ["relu", "tanh"]}, "activation: got 2 values for 1 hidden layers"),
        ({"solver": "adamm"}, "^MLPRegressor: unknown solver 'adamm'; did you mean 'adam'"),
        ({"solver": "lbfg"}, "did you mean 'lbfgs'"),
        ({"loss": "hubber"}, "did you mean 'huber'"),
        ({"loss": "squared_eror"}, "did you mean 'squared_error'\\? Known: squared_error, "),
        ({"loss": "hinge"}, "hinge is a loss of classes"),
        ({"solver": "lbfgs", "dropout": 0.1}, "dropout changes at each look"),
        ({"learning_rate": "cosine"}, "'learning_rate' parameter"),
        ({"hidden_layer_sizes": (5, 0)}, "^MLPRegressor: hidden_layer_sizes must be > 0"),
        ({"dtype": "float16"}, "'dtype' parameter"),
        ({"n_threads": 0}, "'n_threads' parameter"),
    ],
)
def test_parameters_that_cannot_be(parameters, message):
    model = regressor(**parameters)
    with pytest.raises(ValueError, match=message):
        model.fit(X, Y)
    assert not hasattr(model, "coefs_")


@pytest.mark.parametrize(
    "parameters, message",
    [
        ({"activation": [3]}, "activation must be a name or an object of fastnn.activations"),
        (
            {"hidden_layer_sizes": (8, 3.5)},
            r"hidden_layer_sizes\[1\] must be .*, got 3.5 \(float\)",
        ),
        ({"hidden_layer_sizes": ("8",)}, r"hidden_layer_sizes\[0\] must be .*, got '8' \(str\)"),
        ({"hidden_layer_sizes": [[8, 3]]}, r"hidden_layer_sizes\[0\] must be .*, got \[8, 3\]"),
        ({"dropout": ["much"]}, "dropout must be .*, got 'much'"),
        ({"normalization": [["batch"]]}, r"normalization must be .*, got \['batch'\]"),
        ({"callbacks": [fnn.callbacks.EarlyStopping]}, r"callbacks\[0\] must be a Callback"),
    ],
)
def test_parameters_of_another_kind(parameters, message):
    model = regressor(**parameters)
    with pytest.raises(TypeError, match=f"^MLPRegressor: {message}"):
        model.fit(X, Y)
    assert not hasattr(model, "coefs_")


def test_losses_that_do_not_fit_the_classes():
    with pytest.raises(ValueError, match="a loss of two classes, y is multiclass"):
        classifier(loss="binary_crossentropy").fit(X, THREE)
    with pytest.raises(ValueError, match="chooses one class, y has several labels"):
        classifier(loss="categorical_crossentropy").fit(X, LABELS)
    with pytest.raises(ValueError, match=r"^MLPClassifier: loss: .* did you mean 'log_loss'"):
        classifier(loss="logloss").fit(X, TWO)
    with pytest.raises(ValueError, match="no loss of classes"):
        classifier(loss="mse").fit(X, TWO)
    with pytest.raises(AttributeError, match="has no attribute 'predict_proba'") as raised:
        classifier(loss="hinge").fit(X, TWO).predict_proba(X)
    assert "makes no probabilities" in str(raised.value.__cause__)


def test_not_fitted():
    for call in (regressor().predict, classifier().predict_proba, classifier().decision_function):
        with pytest.raises(NotFittedError):
            call(X)
    with pytest.raises(NotFittedError):
        regressor().to_model()


def test_a_fit_that_diverges():
    far = {"solver": "sgd", "learning_rate_init": 1e3, "activation": "identity"}
    with pytest.raises(ValueError, match="non-finite parameter weights"):
        regressor(**far).fit(X, Y)
    with pytest.warns(ConvergenceWarning, match="the fit was ended"):
        model = regressor(early_stopping=True, **far).fit(X, Y)
    assert np.isnan(model.validation_scores_[-1])
    assert all(np.isfinite(array).all() for array in model.coefs_)


def test_ctrl_c_keeps_what_there_is():
    def interrupt(event):
        if event.epoch == 3:
            raise KeyboardInterrupt

    model = regressor(callbacks=[fnn.callbacks.LambdaCallback(on_epoch_end=interrupt)])
    with pytest.warns(UserWarning, match="Training interrupted by user"):
        model.fit(X, Y)
    assert model.n_iter_ == len(model.loss_curve_) == 3
    assert np.isfinite(model.predict(X)).all()


def test_what_verbose_prints(capsys):
    regressor(verbose=True, max_iter=2, early_stopping=True).fit(X, Y)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(",")[0].split(":")[0] for line in lines] == [
        "Iteration 1",
        "Validation score",
        "Iteration 2",
        "Validation score",
    ]
    regressor(verbose=True, solver="lbfgs", max_iter=2).fit(X, Y)
    assert capsys.readouterr().out.startswith("Iteration 1, loss = ")
    stop = {"tol": 10.0, "n_iter_no_change": 2}
    regressor(verbose=True, **stop).fit(X, Y)
    assert capsys.readouterr().out.endswith("for 2 consecutive epochs. Stopping.\n")
    classifier(verbose=True, solver="sgd", learning_rate="adaptive", **stop).fit(X, TWO)
    text = capsys.readouterr().out
    assert "Setting learning rate to 0.004000" in text
    assert text.endswith("Learning rate too small. Stopping.\n")


# ---- importing ----------------------------------------------------------------------------------


def test_it_loads_when_it_is_asked_for():
    script = (
        "import sys, fastnn; assert 'sklearn' not in sys.modules; "
        "print(fastnn.sklearn.MLPRegressor.__module__, 'sklearn' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["fastnn.sklearn.regressor", "True"]


def test_without_scikit_learn():
    script = "import sys; sys.modules['sklearn'] = None; import fastnn; fastnn.sklearn"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.stderr.splitlines()[-1] == (
        'ImportError: fastnn.sklearn needs scikit-learn: pip install "fastnn-core[sklearn]"'
    )
