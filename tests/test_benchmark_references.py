"""fastnn against the networks the benchmarks hold it against: independent implementations of
training, so their loss curves are its oracle, whatever they are timed at."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import fastnn as fnn

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


def load(name: str) -> ModuleType:
    """Import a module of the benchmarks by its path, which is on no search path of the tests."""
    spec = importlib.util.spec_from_file_location(name, BENCHMARKS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


numpy_net, pure_python = load("numpy_net"), load("pure_python")

# Doubles differ in the order of sums alone.  A float32 fit keeps the curve, not the weights, which
# drift apart by a little more than rounding with each step.
CURVE = {np.float32: 1e-4, np.float64: 1e-10}


def cars(dtype):
    table = fnn.datasets.load_auto_mpg()
    x = (table.x - table.x.mean(axis=0)) / table.x.std(axis=0)
    return x[:101].astype(dtype), table.y[:101].astype(dtype)  # a last batch that is short


def regression(units, dtype, seed=0):
    inputs, *hidden, outputs = units
    layers = [fnn.Dense(n, "relu") for n in hidden]
    return fnn.Sequential(
        [fnn.Input(inputs), *layers, fnn.Dense(outputs)], seed=seed, dtype=np.dtype(dtype).name
    )


def fit(model, loss, x, y, *, batch_size, epochs):
    trainer = fnn.Trainer(model, loss, fnn.Adam(learning_rate=1e-2))
    history = trainer.fit(x, y, batch_size=batch_size, epochs=epochs, shuffle=False, verbose=0)
    return history["loss"]


@pytest.mark.parametrize("batch_size", [1, 4, 32, 101])
@pytest.mark.parametrize("units", [(7, 1), (7, 1, 1), (7, 32, 8, 1)])
def test_training_curve_agrees_with_numpy(isa, dtype, units, batch_size):
    x, y = cars(dtype)
    model = regression(units, dtype)
    network = numpy_net.Network(model.get_weights(), dtype=dtype, learning_rate=1e-2)
    curve = fit(model, "mean_squared_error", x, y, batch_size=batch_size, epochs=8)
    want = network.fit(x, y, batch_size=batch_size, epochs=8)
    np.testing.assert_allclose(curve, want, rtol=CURVE[dtype])
    assert want[-1] < want[0]  # something was learnt


@pytest.mark.parametrize("batch_size", [1, 32])
@pytest.mark.parametrize("units", [(7, 1, 1), (7, 32, 8, 1)])
def test_training_curve_agrees_with_pure_python(isa, dtype, units, batch_size):
    x, y = cars(dtype)
    model = regression(units, dtype)
    weights = [weight.tolist() for weight in model.get_weights()]
    network = pure_python.Network(weights, learning_rate=1e-2)
    curve = fit(model, "mean_squared_error", x, y, batch_size=batch_size, epochs=5)
    want = network.fit(x.tolist(), y.tolist(), batch_size=batch_size, epochs=5)
    np.testing.assert_allclose(curve, want, rtol=CURVE[dtype])


def test_training_curve_of_many_epochs_agrees_with_numpy(dtype):
    """The article's run: 7-32-8-1, one row at a time, 40 epochs."""
    x, y = cars(dtype)
    model = regression((7, 32, 8, 1), dtype)
    network = numpy_net.Network(model.get_weights(), dtype=dtype, learning_rate=1e-2)
    curve = fit(model, "mean_squared_error", x, y, batch_size=1, epochs=40)
    want = network.fit(x, y, batch_size=1, epochs=40)
    np.testing.assert_allclose(curve, want, rtol=CURVE[dtype])


@pytest.mark.parametrize("batch_size", [1, 50, 128])
def test_training_curve_on_labels_agrees_with_numpy(isa, dtype, batch_size):
    rng = np.random.default_rng(0)
    y = rng.integers(10, size=128, dtype=np.int32)
    x = (rng.standard_normal((10, 65))[y] + rng.standard_normal((128, 65))).astype(dtype)
    layers = [fnn.Input(65), fnn.Dense(33, "relu"), fnn.Dense(10, "softmax")]
    model = fnn.Sequential(layers, seed=0, dtype=np.dtype(dtype).name)
    network = numpy_net.Network(model.get_weights(), labels=True, dtype=dtype, learning_rate=1e-2)
    curve = fit(model, "sparse_categorical_crossentropy", x, y, batch_size=batch_size, epochs=5)
    want = network.fit(x, y, batch_size=batch_size, epochs=5)
    np.testing.assert_allclose(curve, want, rtol=CURVE[dtype])
    assert want[-1] < want[0]


def test_predictions_agree(isa, dtype):
    x, _ = cars(dtype)
    model = regression((7, 32, 8, 1), dtype)
    weights = model.get_weights()
    # two dozen roundings in a row, of sums of terms of size 1
    tolerance = 24 * np.finfo(dtype).eps
    want = model.predict(x)
    got = numpy_net.Network(weights, dtype=dtype).predict(x)
    np.testing.assert_allclose(got, want, atol=tolerance, rtol=0)
    got = pure_python.Network([weight.tolist() for weight in weights]).predict(x.tolist())
    np.testing.assert_allclose(got, want, atol=tolerance, rtol=0)
