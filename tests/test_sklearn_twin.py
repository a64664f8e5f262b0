"""The estimators beside scikit-learn's, weight for weight.

In float64, without shuffling and from the same random state both take the same steps, so that every
parameter must mean the same: what differs is the rounding.
"""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import sklearn.neural_network as theirs
from sklearn.exceptions import ConvergenceWarning

import fastnn.sklearn as ours

RNG = np.random.default_rng(0)
X = RNG.standard_normal((53, 4))
NUMBERS = X @ RNG.standard_normal((4, 1))[:, 0] + 0.1 * RNG.standard_normal(53)
MANY = np.stack([NUMBERS, X[:, 0] ** 2, np.sin(X[:, 1])], axis=1)
COUNTS = RNG.poisson(np.exp(0.5 * X[:, 0]))
TWO = np.where(X[:, 0] > 0, "yes", "no")
THREE = np.digitize(X[:, 0], [-0.5, 0.5])
LABELS = (X[:, :3] > 0).astype(int)
WEIGHT = RNG.uniform(0.1, 3, 53)

# 53 rows in batches of 20: the last is short, and its penalty divided by 13.  An epsilon so small
# that it does not matter to which root it is added.
COMMON = {
    "hidden_layer_sizes": (7, 5),
    "batch_size": 20,
    "shuffle": False,
    "random_state": 3,
    "max_iter": 12,
    "alpha": 0.5,
    "activation": "tanh",
    "epsilon": 1e-30,
    "learning_rate_init": 0.01,
}
SGD = {"solver": "sgd", "learning_rate_init": 0.05}


def both(kind, y, weight=None, **parameters):
    parameters = COMMON | parameters
    pair = [
        getattr(theirs, kind)(**parameters),
        getattr(ours, kind)(dtype="float64", **parameters),
    ]
    for one in pair:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            one.fit(X, y, sample_weight=weight)
    return pair


def check_same(one, other, *, losses=True):
    """Rounding alone sets them apart: 1e-9 is far above that of some dozen steps.

    Without `losses` where rows have weights: theirs is the mean of the batches, however much they
    weigh; ours that of the rows.
    """
    rtol = 1e-9
    for a, b in zip(one.coefs_ + one.intercepts_, other.coefs_ + other.intercepts_, strict=True):
        np.testing.assert_allclose(b, a, rtol=rtol, atol=1e-11)
    for name in ("n_iter_", "t_", "n_layers_", "n_outputs_", "out_activation_"):
        assert getattr(one, name) == getattr(other, name), name
    found = ["validation_scores_", "best_validation_score_"]
    for name in found + ["loss_", "loss_curve_", "best_loss_"] * losses:
        if hasattr(one, name) and getattr(one, name) is not None:
            np.testing.assert_allclose(getattr(other, name), getattr(one, name), rtol=rtol)


@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
def test_activations(activation):
    check_same(*both("MLPRegressor", NUMBERS, activation=activation))


@pytest.mark.parametrize(
    "kind, y",
    [
        ("MLPRegressor", NUMBERS),
        ("MLPRegressor", MANY),
        ("MLPClassifier", TWO),
        ("MLPClassifier", THREE),
        ("MLPClassifier", LABELS),
    ],
)
@pytest.mark.parametrize("weight", [None, WEIGHT])
def test_targets_and_weights(kind, y, weight):
    one, other = both(kind, y, weight)
    check_same(one, other, losses=weight is None)
    if kind == "MLPRegressor":
        np.testing.assert_allclose(other.predict(X), one.predict(X), rtol=1e-8)
    else:
        np.testing.assert_array_equal(other.predict(X), one.predict(X))
        np.testing.assert_allclose(other.predict_proba(X), one.predict_proba(X), rtol=1e-8)
        np.testing.assert_array_equal(one.classes_, other.classes_)


def test_poisson():
    check_same(*both("MLPRegressor", COUNTS, WEIGHT, loss="poisson"), losses=False)
    check_same(*both("MLPRegressor", np.stack([COUNTS, COUNTS + 1], 1), loss="poisson"))


@pytest.mark.parametrize(
    "more",
    [
        {"momentum": 0.0},
        {"momentum": 0.9, "nesterovs_momentum": False},
        {},
        {"learning_rate": "invscaling", "power_t": 0.3},
        {"learning_rate": "adaptive", "tol": 0.3, "n_iter_no_change": 1, "max_iter": 40},
    ],
    ids=["plain", "momentum", "nesterov", "invscaling", "adaptive"],
)
def test_sgd_and_its_learning_rates(more):
    one, other = both("MLPRegressor", NUMBERS, **SGD | more)
    check_same(one, other)
    assert other._optimizer.learning_rate == pytest.approx(one._optimizer.learning_rate, rel=1e-12)


@pytest.mark.parametrize("n_iter_no_change", [1, 3])
def test_the_fit_ends_at_the_same_epoch(n_iter_no_change):
    stop = {"tol": 0.02, "n_iter_no_change": n_iter_no_change, "max_iter": 200, "alpha": 0.01}
    one, other = both("MLPRegressor", NUMBERS, **stop)
    assert 5 < one.n_iter_ < 200
    check_same(one, other)
    assert other._no_improvement_count == one._no_improvement_count


@pytest.mark.parametrize(
    "kind, y",
    [
        ("MLPRegressor", MANY),
        ("MLPClassifier", TWO),
        ("MLPClassifier", THREE),
        ("MLPClassifier", LABELS),
    ],
)
@pytest.mark.parametrize("weight", [None, WEIGHT])
def test_early_stopping_sets_the_same_rows_aside(kind, y, weight):
    stop = {
        "early_stopping": True,
        "validation_fraction": 0.3,
        "max_iter": 25,
        "n_iter_no_change": 4,
    }
    one, other = both(kind, y, weight, **stop)
    check_same(one, other, losses=weight is None)
    assert len(other.validation_scores_) == other.n_iter_


def test_partial_fit_and_warm_start():
    pair = [theirs.MLPClassifier(**COMMON), ours.MLPClassifier(dtype="float64", **COMMON)]
    for one in pair:
        for rows in (slice(0, 30), slice(20, 53), slice(0, 53)):
            one.partial_fit(X[rows], THREE[rows], WEIGHT[rows], classes=[0, 1, 2])
    check_same(*pair, losses=False)
    for one in pair:
        one.set_params(warm_start=True, max_iter=5, alpha=0.1)
        with pytest.warns(ConvergenceWarning):
            one.fit(X, THREE)
    check_same(*pair, losses=False)


def test_lbfgs_finds_the_same_minimum():
    search = {"solver": "lbfgs", "max_iter": 300, "hidden_layer_sizes": 3, "tol": 1e-9}
    one, other = both("MLPRegressor", NUMBERS, WEIGHT, **search)
    # two searches of hundreds of steps end near one minimum, not in the same point
    np.testing.assert_allclose(other.loss_, one.loss_, rtol=1e-4)
    np.testing.assert_allclose(other.predict(X), one.predict(X), atol=0.01)
