"""Metrics where a loss has fewer targets than the network has outputs: means and medians."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as sk

import fastnn as fnn
from fastnn.losses import GaussianNLL, MarginRanking, Quantile

RNG = np.random.default_rng(0)
X = RNG.standard_normal((300, 4))
Y = np.c_[2 * X[:, 0] + 0.1 * RNG.standard_normal(300), X[:, 1] - X[:, 2]]
W = RNG.uniform(0.5, 2, 300)
HEADS = [
    (GaussianNLL(), 4, slice(0, 2)),
    (Quantile([0.1, 0.5, 0.9]), 6, slice(1, None, 3)),
    (Quantile([0.5, 0.9]), 4, slice(0, None, 2)),
]


def largest(y_true, y_pred):
    return float(np.abs(y_true - y_pred).max())


def trainer_of(loss, outputs, measures=("mae", "r2", "rmse", "max_error", largest)):
    layers = [fnn.Input(4), fnn.Dense(6, "tanh"), fnn.Dense(outputs)]
    model = fnn.Sequential(layers, seed=1, dtype="float64")
    return fnn.Trainer(model, loss, fnn.Adam(0.01), list(measures))


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("loss, outputs, columns", HEADS)
def test_metrics_see_the_predictions_of_the_targets(loss, outputs, columns, weighted):
    trainer = trainer_of(loss, outputs, ("mae", "r2", "rmse"))
    weight = W if weighted else None
    trainer.fit(X, Y, batch_size=7, epochs=3, verbose=0)
    found = trainer.evaluate(X, Y, sample_weight=weight)
    points = trainer.model.predict(X)[:, columns]
    wanted = {
        "mean_absolute_error": sk.mean_absolute_error(Y, points, sample_weight=weight),
        "r2_score": sk.r2_score(Y, points, sample_weight=weight),
        "root_mean_squared_error": sk.root_mean_squared_error(Y, points, sample_weight=weight),
    }
    for name, value in wanted.items():
        assert found[name] == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize("batch_size", [1, 32, 256])  # blocks, and shards from 256 rows on
@pytest.mark.parametrize("loss, outputs, columns", HEADS)
def test_metrics_of_a_fit_are_those_of_streams_and_threads(loss, outputs, columns, batch_size):
    histories = []
    for threads in (1, 2):
        with fnn.threads(threads):
            trainer = trainer_of(loss, outputs)
            histories.append(trainer.fit(X, Y, batch_size=batch_size, epochs=2, verbose=0))
    assert dict(histories[0]) == dict(histories[1])
    assert histories[0]["max_error"] == histories[0]["largest"]
    streamed = trainer_of(loss, outputs)
    parts = fnn.data.batches(X, Y, batch_size, shuffle=True, seed=1)
    assert dict(streamed.fit(parts, epochs=2, verbose=0)) == dict(histories[0])


def test_metrics_do_not_change_the_training():
    one, two = trainer_of(GaussianNLL(), 4), trainer_of(GaussianNLL(), 4, ())
    for trainer in (one, two):
        trainer.fit(X, Y, epochs=2, verbose=0)
    assert one.model.parameter_arena.tobytes() == two.model.parameter_arena.tobytes()


@pytest.mark.parametrize(
    "loss, outputs, match",
    [
        (Quantile([0.1, 0.9]), 4, "want no metrics; 0.5 among the quantiles"),
        (MarginRanking(), 2, "margin_ranking has 1 targets for 2 outputs; want no metrics$"),
        (
            fnn.losses.custom(lambda y, p: (p.sum(axis=1), p), y_columns=1, name="own"),
            2,
            "own has 1 targets for 2 outputs",
        ),
    ],
)
def test_losses_without_predictions_of_the_targets_refuse_metrics(loss, outputs, match):
    with pytest.raises(ValueError, match=match):
        trainer_of(loss, outputs, ["mae"])
    trainer_of(loss, outputs, [])
