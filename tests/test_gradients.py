"""Gradients of whole networks against central finite differences, in float64."""

from __future__ import annotations

import numpy as np
import pytest

import fastnn as fnn
from fastnn import losses
from reference.network import Twin

ACTIVATIONS = (
    "linear",
    "relu",
    fnn.activations.LeakyReLU(0.2),
    fnn.activations.ELU(0.7),
    "gelu",
    "sigmoid",
    "tanh",
    "softmax",
    "silu",
    "softplus",
    "exp",
    "relu6",
    "hard_sigmoid",
    "hard_tanh",
    "hard_silu",
    "selu",
    fnn.activations.CELU(0.6),
    fnn.activations.GELU(approximate=True),
    "mish",
    "softsign",
    fnn.activations.Squareplus(2.0),
    "log_sigmoid",
    "log_softmax",
    "tanh_shrink",
    fnn.activations.SoftShrink(0.2),
    fnn.activations.HardShrink(0.3),
    "sparsemax",
)
# Each with itself and with four others, so that each is hidden and output, on either side of kinks.
PAIRS = [(a, ACTIVATIONS[(i + k) % len(ACTIVATIONS)]) for i, a in enumerate(ACTIVATIONS)
         for k in (0, 1, 3, 8, 15)]  # fmt: skip

# (loss, output activation): all that go together
HEADS = [
    *[(loss, a) for loss in ("mse", "mae", losses.Huber(0.4)) for a in ACTIVATIONS],
    ("binary_crossentropy", "sigmoid"),
    (losses.BinaryCrossentropy(from_logits=True), "linear"),
    ("categorical_crossentropy", "softmax"),
    (losses.CategoricalCrossentropy(from_logits=True), "linear"),
    ("sparse_categorical_crossentropy", "softmax"),
    (losses.SparseCategoricalCrossentropy(from_logits=True), "linear"),
]

STEP = 1e-6
# A central difference errs by about step**2 times the third derivative (1e-12) plus the rounding
# of the function, some 1e-15, over the step (1e-9); both times what the weights scale it by.
CLOSE = {"rtol": 1e-6, "atol": 2e-8}


def short(value):
    return getattr(value, "name", value)


def network(*layers, inputs=3, seed=5):
    """A float64 network whose biases are not 0."""
    model = fnn.Sequential([fnn.Input(inputs), *layers], seed=seed, dtype="float64")
    rng = np.random.default_rng(seed)
    for name, view in model.parameters.items():
        if name.endswith("bias"):
            view[...] = rng.uniform(-0.5, 0.5, view.shape)
    return model


def rows(n, columns=3, seed=1):
    return np.random.default_rng([seed, n]).uniform(-2, 2, (n, columns))


def targets(loss, n, columns=4):
    rng = np.random.default_rng([2, n])
    name = losses.get(loss).name
    if name == "sparse_categorical_crossentropy":
        return rng.integers(0, columns, n)
    if name == "categorical_crossentropy":
        return rng.dirichlet(np.ones(columns), n)
    if name == "binary_crossentropy":
        return rng.uniform(0, 1, (n, columns))
    return rng.uniform(-2, 2, (n, columns))


def assert_no_kink_near(model, x):
    """Finite differences must not step over the bend of a relu."""
    twin = Twin(model)
    for (_, kind, _), z in zip(twin.stages, twin.values(x), strict=False):
        if kind in ("relu", "leaky_relu", "elu"):
            assert np.abs(z).min() > 1e3 * STEP


def differences(f, array):
    """The gradient of f() by the elements of `array`, which is changed and put back."""
    flat = array.reshape(-1)  # a view: parameters are contiguous
    out = np.empty(flat.size)
    for i in range(flat.size):
        value = flat[i]
        flat[i] = value + STEP
        above = f()
        flat[i] = value - STEP
        below = f()
        flat[i] = value
        out[i] = (above - below) / (2 * STEP)
    return out.reshape(array.shape)


def check_low_level(model, x):
    """backward against differences of sum(dy * predict), parameters and inputs."""
    assert_no_kink_near(model, x)
    dy = np.random.default_rng(3).uniform(-1, 1, (len(x), model.outputs))
    model.forward(x, training=True)
    dx = model.backward(dy)

    def f():
        return float((dy * model.predict(x)).sum())

    for name, view in model.parameters.items():
        np.testing.assert_allclose(
            model.gradients[name], differences(f, view), **CLOSE, err_msg=name
        )
    np.testing.assert_allclose(dx, differences(f, x), **CLOSE, err_msg="x")


def check_training(model, loss, x, y, weight=None):
    """The gradients of a training step against differences of what evaluate says."""
    assert_no_kink_near(model, x)
    before = model.parameter_arena.copy()
    trainer = fnn.Trainer(model, loss, fnn.SGD(0.25))
    shown = trainer.train_on_batch(x, y, weight)["loss"]
    after = model.parameter_arena.copy()
    model.parameter_arena[:] = before
    gradients = {name: view.copy() for name, view in model.gradients.items()}

    def f():
        return trainer.evaluate(x, y, sample_weight=weight)["loss"]

    assert shown == f()
    for name, view in model.parameters.items():
        np.testing.assert_allclose(gradients[name], differences(f, view), **CLOSE, err_msg=name)
    # and this gradient is what the step used: 0.25 is a power of 2, so one rounding
    np.testing.assert_array_equal(after, before - 0.25 * model.gradient_arena)


@pytest.mark.parametrize("hidden, output", PAIRS, ids=short)
def test_backward_every_hidden_and_output_activation(isa, hidden, output):
    check_low_level(network(fnn.Dense(5, hidden), fnn.Dense(4, output)), rows(3))


@pytest.mark.parametrize("activation", ACTIVATIONS, ids=short)
def test_backward_of_activation_layers(isa, activation):
    """An activation after the input, after another activation and at the end."""
    model = network(
        fnn.Activation(activation),
        fnn.Dense(4, "tanh"),
        fnn.Activation(activation),
        fnn.Dense(3, "sigmoid"),
        fnn.Activation(activation),
    )
    check_low_level(model, rows(3) + 0.1)


@pytest.mark.parametrize("use_bias", [True, False])
@pytest.mark.parametrize(
    "widths", [(1,), (4,), (6, 4), (5, 6, 4), (3, 1, 7, 4), (4, 4, 4, 4, 4)], ids=str
)
@pytest.mark.parametrize("n", [1, 3, 17])
def test_backward_depths_and_batch_sizes(isa, widths, use_bias, n):
    layers = [fnn.Dense(units, "gelu", use_bias=use_bias) for units in widths]
    check_low_level(network(*layers), rows(n))


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(
    "loss, output", HEADS, ids=lambda v: f"{short(v)}{'_logits' * getattr(v, 'from_logits', False)}"
)
def test_training_every_loss_and_output_activation(isa, loss, output, weighted):
    x, y = rows(5), targets(loss, 5)
    weight = np.array([0.5, 0.0, 2.0, 1.0, 3.0]) if weighted else None
    check_training(network(fnn.Dense(5, "tanh"), fnn.Dense(4, output)), loss, x, y, weight)


@pytest.mark.parametrize("loss, output", HEADS[-6:])
def test_training_of_a_separate_output_activation(isa, loss, output):
    """Dense and Activation apart, the latter not merged because the former has its own."""
    model = network(fnn.Dense(5, "tanh"), fnn.Dense(4, "gelu"), fnn.Activation(output))
    check_training(model, loss, rows(3), targets(loss, 3))


@pytest.mark.parametrize("hidden", ACTIVATIONS, ids=short)
def test_training_every_hidden_activation_with_a_fused_loss(isa, hidden):
    loss = "sparse_categorical_crossentropy"
    model = network(fnn.Dense(5, hidden, use_bias=False), fnn.Dense(4, "softmax"))
    check_training(model, loss, rows(3), targets(loss, 3), np.array([1.0, 0.25, 2.0]))


@pytest.mark.parametrize("n", [1, 3])
@pytest.mark.parametrize("widths", [(), (6,), (5, 6)], ids=str)
@pytest.mark.parametrize("loss, output", [("mse", "linear"), ("binary_crossentropy", "sigmoid")])
def test_training_depths_and_batch_sizes(isa, loss, output, widths, n):
    layers = [fnn.Dense(units, "silu") for units in widths]
    check_training(network(*layers, fnn.Dense(4, output)), loss, rows(n), targets(loss, n))


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(
    "loss, output", [("mse", "linear"), ("huber", "tanh"), HEADS[-6], HEADS[-4], HEADS[-2]]
)
def test_training_batch_of_several_blocks(isa, loss, output, weighted):
    model = network(
        fnn.Dense(300, "relu"), fnn.Dense(9, "gelu"), fnn.Dense(4, output, use_bias=False)
    )
    n = 2 * model.block_rows() + 7
    x, y = rows(n), targets(loss, n)
    weight = np.random.default_rng(0).uniform(0, 2, n) if weighted else None
    trainer = fnn.Trainer(model, loss, fnn.SGD(0.25))
    before = model.parameter_arena.copy()
    trainer.train_on_batch(x, y, weight)
    gradient = model.gradient_arena.copy()
    model.parameter_arena[:] = before
    rng = np.random.default_rng(4)
    for _ in range(3):  # along directions: so many parameters one by one would take long
        direction = rng.choice([-1.0, 1.0], gradient.size)
        values = []
        for sign in (1, -1):
            model.parameter_arena[:] = before + sign * STEP * direction
            values.append(trainer.evaluate(x, y, sample_weight=weight)["loss"])
        # relus bend somewhere along the way in a few of so many rows: an error of the order of
        # the step times the slope's jump, shared among all rows
        assert (values[0] - values[1]) / (2 * STEP) == pytest.approx(
            float(direction @ gradient), rel=1e-5, abs=1e-6
        )
    # every single one against the twin: sums of n terms differ by their order, about n**0.5 eps
    model.parameter_arena[:] = before
    spec = losses.get(loss)
    twin = Twin(model, spec.name, delta=spec.settings.get("delta", 1.0))
    value, wanted = twin.loss_and_gradients(x, y, weight)
    for name in model.gradients:
        np.testing.assert_allclose(
            gradient_of(model, gradient, name), wanted[name], rtol=1e-10, atol=1e-12, err_msg=name
        )
    assert trainer.evaluate(x, y, sample_weight=weight)["loss"] == pytest.approx(value, rel=1e-12)


def gradient_of(model, arena, name):
    """The part of a copy of the gradient arena that belongs to a parameter."""
    view = model.gradients[name]
    start = (view.ctypes.data - model.gradient_arena.ctypes.data) // view.itemsize
    return arena[start : start + view.size].reshape(view.shape)


def test_gradient_gaps_of_the_arena_stay_zero():
    """Between aligned parameters nothing is written, so the optimizer moves nothing there."""
    model = network(fnn.Dense(401), fnn.Dense(3), fnn.Dense(401), fnn.Dense(3))
    inside = np.zeros(model.parameter_arena.size, bool)
    for view in model.parameters.values():
        start = (view.ctypes.data - model.parameter_arena.ctypes.data) // view.itemsize
        assert not inside[start : start + view.size].any()
        inside[start : start + view.size] = True
    assert not inside.all()  # there are gaps to look at
    trainer = fnn.Trainer(model, "mse", fnn.AdamW(0.01))
    for _ in range(3):
        trainer.train_on_batch(rows(5), np.zeros((5, 3)))
    assert not model.gradient_arena[~inside].any()
    assert not model.parameter_arena[~inside].any()
