"""Weights of classes in a fit: those of `data.class_weights`, times the weights of the rows."""

from __future__ import annotations

import numpy as np
import pytest

import fastnn as fnn

RNG = np.random.default_rng(0)
X = RNG.standard_normal((30, 3))
LABELS = np.repeat([0, 1, 2], [18, 9, 3])
WEIGHTS = {0: 0.5, 1: 1.0, 2: 4.0}
BALANCED = {label: 30 / (3 * count) for label, count in enumerate([18, 9, 3])}

TARGETS = {
    "scce": (LABELS, 3, "softmax"),
    "cce": (np.eye(3)[LABELS], 3, "softmax"),
}


def trainer_of(loss, outputs, activation):
    layers = [fnn.Input(3), fnn.Dense(4, "tanh"), fnn.Dense(outputs, activation)]
    return fnn.Trainer(fnn.Sequential(layers, seed=0, dtype="float64"), loss)


def bits(trainer):
    return trainer.model.parameter_arena.tobytes()


def spread(weights, labels=LABELS):
    return np.array([weights[label] for label in labels])


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("loss", TARGETS)
@pytest.mark.parametrize("given, wanted", [(WEIGHTS, WEIGHTS), ("balanced", BALANCED)])
def test_class_weights_are_sample_weights(loss, given, wanted, weighted):
    y, outputs, activation = TARGETS[loss]
    w = RNG.uniform(0.5, 2, 30) if weighted else np.ones(30)
    one, two = (trainer_of(loss, outputs, activation) for _ in range(2))
    options = {"batch_size": 7, "epochs": 2, "verbose": 0}
    given_rows = {"sample_weight": w} if weighted else {}
    first = one.fit(X, y, class_weight=given, **given_rows, **options)
    second = two.fit(X, y, sample_weight=w * spread(wanted), **options)
    assert first["loss"] == pytest.approx(second["loss"], rel=1e-12)  # 30 / (3 * 18), or 1 / 1.8
    np.testing.assert_allclose(
        one.model.parameter_arena, two.model.parameter_arena, rtol=1e-9, atol=1e-15
    )


def test_class_weights_of_two_classes_in_one_column():
    y = (LABELS > 0).astype(float)
    one, two = (trainer_of("bce", 1, "sigmoid") for _ in range(2))
    one.fit(X, y, class_weight={0: 1.0, 1: 3.0}, verbose=0)
    two.fit(X, y, sample_weight=np.where(y == 1, 3.0, 1.0), verbose=0)
    assert bits(one) == bits(two)


def test_validation_data_has_no_class_weights():
    y, outputs, activation = TARGETS["scce"]
    trainer = trainer_of("scce", outputs, activation)
    order = np.random.default_rng(1).permutation(30)
    x, y = X[order], y[order]
    history = trainer.fit(x, y, class_weight=WEIGHTS, validation_split=0.5, verbose=0)
    assert history["val_loss"] == [trainer.evaluate(x[15:], y[15:])["loss"]]


def test_class_weights_of_streams():
    y, outputs, activation = TARGETS["scce"]
    batches = [(X[i : i + 7], y[i : i + 7]) for i in range(0, 30, 7)]
    weighted = [(x, y, spread(WEIGHTS, y)) for x, y in batches]
    one, two = (trainer_of("scce", outputs, activation) for _ in range(2))
    one.fit(batches, class_weight=WEIGHTS, epochs=2, verbose=0)
    two.fit(weighted, epochs=2, verbose=0)
    assert bits(one) == bits(two)
    with pytest.raises(ValueError, match="classes of a stream cannot be counted beforehand"):
        one.fit(batches, class_weight="balanced", verbose=0)


@pytest.mark.parametrize("wrong", ["balance", {0: -1.0, 1: 1.0, 2: 1.0}, {0: float("nan")}, 3])
def test_wrong_class_weights_are_refused_before_the_first_step(wrong):
    y, outputs, activation = TARGETS["scce"]
    trainer = trainer_of("scce", outputs, activation)
    before = bits(trainer)
    with pytest.raises((TypeError, ValueError), match="class_weight"):
        trainer.fit(X, y, class_weight=wrong, verbose=0)
    assert bits(trainer) == before
    assert trainer.steps == 0
