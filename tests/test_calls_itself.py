"""A person's function that calls its own model while the model runs: an error, not a wait."""

from __future__ import annotations

import numpy as np
import pytest

import fastnn as fnn
from fastnn import _core
from fastnn.losses import custom

X = np.random.default_rng(0).standard_normal((300, 3))
Y = X[:, :1]
WANTED = "called the model itself while it runs"


def squares(y_true, y_pred):
    error = y_pred - y_true
    return (error**2).sum(axis=1), 2 * error


def network(*between):
    return fnn.Sequential([fnn.Input(3), *between, fnn.Dense(1)], seed=0)


def with_loss(call):
    model = network()

    def loss(y_true, y_pred):
        call(model)
        return squares(y_true, y_pred)

    return fnn.Trainer(model, custom(loss))


def with_layer(call):
    models = []

    def function(x):
        if models:
            call(models[0])
        return x

    model = network(fnn.Lambda(function, lambda x, out, dy: dy))
    models.append(model)
    return fnn.Trainer(model, "mse")


CALLS = {
    "predict": lambda model: model.predict(X[:2]),
    "forward": lambda model: model.forward(X[:2], training=True),
    "get_weights": lambda model: model.get_weights(),
    "set_weights": lambda model: model.set_weights(network().get_weights()),
}


@pytest.mark.parametrize("batch_size", [7, 300])  # one thread, and shards on two
@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("make", [with_loss, with_layer])
def test_in_a_fit_it_is_an_error(make, call, batch_size):
    trainer = make(CALLS[call])
    before = trainer.model.parameter_arena.copy()
    with fnn.threads(2), pytest.raises(RuntimeError, match=WANTED):
        trainer.fit(X, Y, batch_size=batch_size, verbose=0)
    np.testing.assert_array_equal(trainer.model.parameter_arena, before)
    assert not _core._within
    trainer.model.set_weights(trainer.model.get_weights())  # nobody holds it


def test_a_layer_that_predicts_with_its_own_model_has_no_end():
    model = with_layer(CALLS["predict"]).model
    with pytest.raises(RuntimeError, match=WANTED):
        model.predict(X)
    with pytest.raises(RuntimeError, match=WANTED):
        model.forward(X)


def test_a_loss_may_read_its_model_in_an_evaluation():
    trainer = with_loss(CALLS["predict"])
    wanted = fnn.Trainer(trainer.model.copy(), "mse").evaluate(X, Y)
    assert trainer.evaluate(X, Y) == pytest.approx(wanted, rel=1e-6)  # float32


def test_other_models_and_predictors_may_be_called():
    model = network()
    other, frozen = network(), model.predictor()
    seen = []

    def loss(y_true, y_pred):
        seen.append((other.predict(X[:2]), frozen(X[:2])))
        return squares(y_true, y_pred)

    fnn.Trainer(model, custom(loss)).fit(X, Y, verbose=0)
    assert len(seen) == 10
    np.testing.assert_array_equal(seen[-1][0], seen[-1][1])  # both as at the start


def test_handlers_and_own_metrics_may_call_the_model():
    model = network()
    seen = []

    def metric(y_true, y_pred):
        seen.append(model.predict(X))
        return float(len(y_true))

    trainer = fnn.Trainer(model, custom(squares), metrics=[metric])
    trainer.on("batch_end", lambda event: seen.append(model.predict(X)))
    trainer.on("epoch_end", lambda event: model.set_weights(model.get_weights()))
    history = trainer.fit(X, Y, epochs=2, batch_size=100, verbose=0)
    assert history["metric"] == [300.0, 300.0]
    assert len(seen) >= 8
