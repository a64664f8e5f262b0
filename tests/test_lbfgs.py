"""L-BFGS over the compiled loss and gradient."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

import fastnn as fnn
from fastnn import _core, constraints, lbfgs, regularizers
from fastnn._segments import Segment, describe_penalties, describe_segments

rng = np.random.default_rng(0)
X = rng.standard_normal((60, 4))
Y = X @ rng.standard_normal((4, 2)) + 0.3 + 0.1 * rng.standard_normal((60, 2))
WEIGHT = rng.uniform(0.1, 2, 60)


def linear(dtype="float64", seed=0):
    model = fnn.Sequential([fnn.Input(4), fnn.Dense(2)], seed=seed, dtype=dtype)
    return fnn.Trainer(model, "mse", "adam")


def penalized(kind, constraint=None):
    """A linear model whose kernel has a penalty and a constraint."""
    trainer = linear()
    model = trainer.model
    segments = [
        Segment(slot.name, slot.offset, slot.shape, True, part, limit)
        for slot, part, limit in zip(model._slots, (kind, None), (constraint, None), strict=True)
    ]
    model._segments = lambda: segments
    model.penalties = describe_penalties(segments)
    return trainer


@pytest.mark.parametrize("weighted", [False, True])
def test_linear_regression_is_solved(isa, dtype, weighted):
    trainer = linear(np.dtype(dtype).name)
    weight = WEIGHT if weighted else np.ones(60)
    given = weight if weighted else None
    found = lbfgs.minimize(trainer, X, Y, sample_weight=given, tol=1e-14)
    design = np.hstack([X, np.ones((60, 1))]) * np.sqrt(weight)[:, None]
    want = np.linalg.lstsq(design, Y * np.sqrt(weight)[:, None])[0]
    got = np.vstack(list(trainer.model.parameters.values()))
    np.testing.assert_allclose(got, want, atol=1e-6 if dtype is np.float64 else 2e-3)
    evaluated = trainer.evaluate(X, Y, sample_weight=given)["loss"]
    assert found.loss == pytest.approx(evaluated, rel=1e-6)
    assert found.history["loss"][-1] == found.loss
    assert found.iterations == len(found.history.epoch)
    assert found.evaluations >= found.iterations
    assert trainer.steps == 0


def test_a_network_gets_far_below_adam():
    x = np.linspace(-1, 1, 80)[:, None]
    y = np.sin(4 * x)
    losses = {}
    for name in ("lbfgs", "adam"):
        layers = [fnn.Dense(12, "tanh"), fnn.Dense(1)]
        model = fnn.Sequential([fnn.Input(1), *layers], seed=0, dtype="float64")
        trainer = fnn.Trainer(model, "mse", "adam")
        if name == "lbfgs":
            found = lbfgs.minimize(trainer, x, y, max_iter=150)
            losses[name] = found.loss
            falls = np.diff(found.history["loss"])
            assert (falls <= 0).all()
        else:
            trainer.fit(x, y, batch_size=80, epochs=found.evaluations, verbose=0)
            losses[name] = trainer.evaluate(x, y)["loss"]
    assert losses["lbfgs"] < 0.05 * losses["adam"]


def test_penalties_and_bounds_count(isa):
    trainer = penalized(regularizers.L2(0.3))
    lbfgs.minimize(trainer, X, Y, tol=1e-14)
    kernel = trainer.model.parameters["dense_0/kernel"]
    # the mean over rows and two columns: x'x / n + 2 * 0.3
    centred, targets = X - X.mean(0), Y - Y.mean(0)
    want = np.linalg.solve(centred.T @ centred / 60 + 0.6 * np.eye(4), centred.T @ targets / 60)
    np.testing.assert_allclose(kernel, want, atol=1e-6)

    trainer = penalized(None, constraints.NonNegative())
    lbfgs.minimize(trainer, X, Y)
    kernel = trainer.model.parameters["dense_0/kernel"]
    assert (kernel >= 0).all()
    assert (kernel == 0).any()
    assert (kernel > 0).any()
    with pytest.raises(ValueError, match="only NonNegative can be kept"):
        lbfgs.minimize(penalized(None, constraints.UnitNorm()), X, Y)


def test_frozen_parameters_stay():
    trainer = linear()
    model = trainer.model
    kernel, bias = (
        Segment(slot.name, slot.offset, slot.shape, trainable=i == 1)
        for i, slot in enumerate(model._slots)
    )
    model._segments = lambda: [kernel, bias]
    before = model.get_weights()
    lbfgs.minimize(trainer, X, Y)
    np.testing.assert_array_equal(model.get_weights()[0], before[0])
    assert (model.get_weights()[1] != before[1]).all()


def test_a_state_for_gradients_changes_no_parameter(isa, dtype):
    model = linear(np.dtype(dtype).name).model
    segments = [Segment("a", 0, (10,), regularizer=regularizers.L2(0.5))]
    state = _core.OptimizerState(
        model, {"kind": _core.NO_UPDATE}, describe_segments(segments, fnn.SGD())
    )
    before = model.parameter_arena.copy()
    model.gradient_arena[...] = 1
    state.step()
    assert state.t == 0
    np.testing.assert_array_equal(model.parameter_arena, before)
    np.testing.assert_allclose(model.gradient_arena, 1 + before, rtol=1e-6)


def test_errors():
    with pytest.raises(ValueError, match=r"lbfgs\.minimize: max_iter must be"):
        lbfgs.minimize(linear(), X, Y, max_iter=0)
    with pytest.raises(ValueError, match=r"lbfgs\.minimize: tol must be"):
        lbfgs.minimize(linear(), X, Y, tol=-1)
    with pytest.raises(ValueError, match=r"lbfgs\.minimize: .*y"):
        lbfgs.minimize(linear(), X, Y[:5])
    trainer = linear()
    before = trainer.model.get_weights()
    with pytest.raises(FloatingPointError, match=r"lbfgs\.minimize: the loss became inf"):
        lbfgs.minimize(trainer, X * 1e200, Y)
    np.testing.assert_array_equal(trainer.model.get_weights()[0], before[0])
    trainer.fit(X, Y, epochs=1, verbose=0)  # the model is free again
    trainer.model.begin_fit()
    with pytest.raises(RuntimeError, match="being fitted already"):
        lbfgs.minimize(trainer, X, Y)
    trainer.model.end_fit()


def test_without_scipy():
    script = (
        "import sys; sys.modules['scipy.optimize'] = None\n"
        "import fastnn as fnn\nfrom fastnn import lbfgs\n"
        "model = fnn.Sequential([fnn.Input(1), fnn.Dense(1)])\n"
        "try:\n    lbfgs.minimize(fnn.Trainer(model, 'mse'), [[0.0]], [[1.0]])\n"
        "except ImportError as error:\n    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert "lbfgs.minimize: needs SciPy; pip install scipy" in done.stdout, done.stderr


def test_limits_apart():
    trainer = linear()
    found = lbfgs.minimize(trainer, X, Y, tol=0.0, gradient_tol=1e-3, max_iter=200)
    assert found.converged
    x = np.hstack([X, np.ones((60, 1))])
    error = trainer.model.predict(X) - Y
    assert np.abs(x.T @ error / 60).max() <= 1e-3  # the mean over two columns, times two
    assert found.iterations < lbfgs.minimize(linear(), X, Y, tol=0.0).iterations
    few = lbfgs.minimize(linear(), X, Y, max_evaluations=2)
    assert not few.converged
    assert few.evaluations < 10
    with pytest.raises(ValueError, match="max_evaluations"):
        lbfgs.minimize(linear(), X, Y, max_evaluations=0)
    with pytest.raises(ValueError, match="gradient_tol"):
        lbfgs.minimize(linear(), X, Y, gradient_tol=-1.0)
