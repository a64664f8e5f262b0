"""The low level: forward, backward, gradients by name, and an optimizer's step on them."""

from __future__ import annotations

import numpy as np
import pytest

import fastnn as fnn


def network(dtype="float32", **options):
    return fnn.Sequential(
        [fnn.Input(3), fnn.Dense(5, "gelu"), fnn.Dense(4, "relu"), fnn.Dense(2, **options)],
        seed=0,
        dtype=dtype,
    )


def rows(n=6, dtype="float32", columns=3):
    return np.random.default_rng([n, columns]).standard_normal((n, columns)).astype(dtype)


# ---- forward ------------------------------------------------------------------------------------


@pytest.mark.parametrize("training", [False, True])
def test_forward_has_the_bits_of_predict(isa, dtype, training):
    model, x = network(np.dtype(dtype).name, activation="softmax"), rows(200, dtype)
    y = model.forward(x, training=training)
    assert y.dtype == dtype
    np.testing.assert_array_equal(y, model.predict(x))


def test_forward_returns_a_new_array():
    model, x = network(), rows()
    first = model.forward(x, training=True)
    kept = first.copy()
    second = model.forward(x + 1, training=True)
    assert not np.shares_memory(first, second)
    np.testing.assert_array_equal(first, kept)
    dy = rows(6, columns=2)
    dx = model.backward(dy)
    second[...] = np.nan  # the person's own now
    np.testing.assert_array_equal(model.backward(dy), dx)


def test_forward_copies_its_input():
    model, x, dy = network(), rows(), rows(6, columns=2)
    model.forward(x, training=True)
    dx, gradient = model.backward(dy), model.gradient_arena.copy()
    model.forward(x, training=True)
    x[...] = 7.0
    np.testing.assert_array_equal(model.backward(dy), dx)
    np.testing.assert_array_equal(model.gradient_arena, gradient)


# ---- backward -----------------------------------------------------------------------------------


def test_backward_takes_dy_as_given(dtype):
    """Nothing is divided by the number of rows: one dense layer by hand."""
    model = fnn.Sequential([fnn.Input(2), fnn.Dense(2)], seed=0, dtype=dtype)
    x = np.array([[1, 2], [3, 4], [5, 6]], dtype)
    dy = np.array([[1, 0], [0, 2], [4, -1]], dtype)
    model.forward(x, training=True)
    dx = model.backward(dy)
    # small whole numbers: exact
    np.testing.assert_array_equal(model.gradients["dense_0/kernel"], x.T @ dy)
    np.testing.assert_array_equal(model.gradients["dense_0/bias"], [5, 1])
    # products of two terms: whatever the order, one rounding of a sum apart (fused or not)
    wanted = dy.astype(np.float64) @ model.parameters["dense_0/kernel"].T.astype(np.float64)
    np.testing.assert_allclose(dx, wanted, rtol=4 * np.finfo(dtype).eps)


def test_backward_overwrites_gradients_and_may_be_repeated():
    model, x, dy = network(), rows(), rows(6, columns=2)
    model.forward(x, training=True)
    model.gradient_arena[:] = np.nan
    dx = model.backward(dy)
    gradient = {name: view.copy() for name, view in model.gradients.items()}
    assert all(np.isfinite(g).all() for g in gradient.values())
    again = model.backward(dy)
    np.testing.assert_array_equal(again, dx)
    assert not np.shares_memory(again, dx)
    for name, view in model.gradients.items():
        np.testing.assert_array_equal(view, gradient[name])
    np.testing.assert_array_equal(model.backward(2 * dy), 2 * dx)  # exact: a power of 2
    np.testing.assert_array_equal(model.gradients["dense_0/kernel"], 2 * gradient["dense_0/kernel"])


def test_backward_leaves_dy_and_parameters_alone():
    model, x, dy = network(activation="tanh"), rows(), rows(6, columns=2)
    kept, parameters = dy.copy(), model.parameter_arena.copy()
    dy.flags.writeable = False
    model.forward(x, training=True)
    model.backward(dy)
    np.testing.assert_array_equal(dy, kept)
    np.testing.assert_array_equal(model.parameter_arena, parameters)


def test_gradients_are_views_that_stay():
    model, x, dy = network(), rows(), rows(6, columns=2)
    view = model.gradients["dense_2/bias"]
    model.forward(x, training=True)
    model.backward(dy)
    assert np.shares_memory(view, model.gradient_arena)
    # 6 terms of up to 3, each addition off by half an ulp at most
    np.testing.assert_allclose(view, dy.astype(np.float64).sum(axis=0), atol=6 * 8 * 2**-24)


def test_backward_without_a_training_forward_is_an_error():
    model, x, dy = network(), rows(), rows(6, columns=2)
    with pytest.raises(RuntimeError, match=r"backward: .*forward\(x, training=True\)"):
        model.backward(dy)
    model.forward(x)
    model.predict(x)
    with pytest.raises(RuntimeError, match="backward"):
        model.backward(dy)


def test_a_forward_that_fails_leaves_nothing_for_backward():
    model, x, dy = network(), rows(), rows(6, columns=2)
    model.forward(x, training=True)
    bad = x.copy()
    bad[1, 2] = np.nan
    with pytest.raises(ValueError, match="forward: x has nan at row 1, column 2"):
        model.forward(bad, training=True)
    with pytest.raises(RuntimeError, match="backward"):
        model.backward(dy)


def test_predict_and_training_do_not_disturb_what_backward_needs():
    model, x, dy = network(), rows(), rows(6, columns=2)
    model.forward(x, training=True)
    dx, gradient = model.backward(dy), model.gradient_arena.copy()
    model.forward(x, training=True)
    model.predict(x + 1)  # few rows
    model.predict(rows(5000))  # many
    model.forward(x - 1)
    trainer = fnn.Trainer(model, "mse")
    trainer.evaluate(x + 2, dy)
    np.testing.assert_array_equal(model.backward(dy), dx)
    np.testing.assert_array_equal(model.gradient_arena, gradient)


def test_forward_of_fewer_and_of_more_rows():
    model = network()
    for n in (4, 300, 2, 1, 301):
        fresh = network()
        x, dy = rows(n), rows(n, columns=2)
        for m in (model, fresh):
            m.forward(x, training=True)
        np.testing.assert_array_equal(model.backward(dy), fresh.backward(dy))
        np.testing.assert_array_equal(model.gradient_arena, fresh.gradient_arena)


def test_backward_takes_one_dimension_for_one_output():
    model = fnn.Sequential([fnn.Input(3), fnn.Dense(1)], seed=0)
    model.forward(rows(), training=True)
    dy = np.arange(6.0)
    dx = model.backward(dy)
    np.testing.assert_array_equal(dx, model.backward(dy[:, None].tolist()))


def test_forward_lets_nan_through_if_asked():
    model, x = network(), rows()
    x[2, 0] = np.nan
    y = model.forward(x, training=True, check_finite=False)
    assert np.isnan(y[2]).all()
    assert np.isfinite(np.delete(y, 2, axis=0)).all()


# ---- a loss of one's own ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "optimizer",
    [
        fnn.SGD(0.05),
        fnn.SGD(0.05, momentum=0.9, nesterov=True),
        fnn.Adam(0.01),
        fnn.AdamW(0.01, weight_decay=0.1, exclude=["*/bias"]),
    ],
    ids=repr,
)
def test_own_loss_in_numpy_trains_like_the_trainer(isa, optimizer):
    by_hand, trained = network("float64"), network("float64")
    x, y = rows(8, "float64"), rows(8, "float64", columns=2)
    trainer = fnn.Trainer(trained, "mse", optimizer)
    for _ in range(30):
        p = by_hand.forward(x, training=True)
        by_hand.backward(2 * (p - y) / y.size)
        optimizer.step(by_hand)
        loss = trainer.train_on_batch(x, y)["loss"]
    # the same kernels in the same order; only the loss's gradient may round differently, once a
    # step, and Adam divides small gradients by their own size
    np.testing.assert_allclose(by_hand.parameter_arena, trained.parameter_arena, rtol=1e-9)
    assert loss == pytest.approx(((p - y) ** 2).mean(), rel=1e-9)


def test_own_loss_of_powers_of_two_gives_the_trainers_bits(isa, dtype):
    """With y.size a power of 2 the scale of the gradient is exact, and all bits agree."""
    by_hand, trained = (network(np.dtype(dtype).name) for _ in range(2))
    x, y = rows(8, dtype), rows(8, dtype, columns=2)
    optimizer = fnn.Adam(0.01)
    trainer = fnn.Trainer(trained, "mse", optimizer)
    for _ in range(10):
        p = by_hand.forward(x, training=True)
        by_hand.backward((p - y) * dtype(2 / 16))
        optimizer.step(by_hand)
        trainer.train_on_batch(x, y)
        np.testing.assert_array_equal(by_hand.gradient_arena, trained.gradient_arena)
    np.testing.assert_array_equal(by_hand.parameter_arena, trained.parameter_arena)


def test_each_pair_of_optimizer_and_model_has_its_own_state():
    x, dy = rows(), rows(6, columns=2)
    adam, sgd = fnn.Adam(0.01), fnn.SGD(0.1, momentum=0.9)

    def run(steps):
        """Gradients of a constant dy, then the steps named."""
        model = network()
        for optimizer in steps:
            model.forward(x, training=True)
            model.backward(dy)
            optimizer.step(model)
        return model.parameter_arena.copy()

    # three steps of one optimizer are not the first steps of three
    assert not np.array_equal(run([fnn.Adam(0.01)] * 3), run([fnn.Adam(0.01) for _ in range(3)]))
    np.testing.assert_array_equal(run([adam, sgd, adam, sgd]), run([adam, sgd, adam, sgd]))
    # another model's steps do not count here: every run above began with a new state
    np.testing.assert_array_equal(run([adam]), run([fnn.Adam(0.01)]))


def test_two_optimizers_on_one_model_do_not_share_moments():
    model = fnn.Sequential([fnn.Input(1), fnn.Dense(1, use_bias=False)], seed=0, dtype="float64")
    kernel, gradient = model.parameters["dense_0/kernel"], model.gradients["dense_0/kernel"]
    a, b = fnn.SGD(1.0, momentum=0.5), fnn.SGD(1.0, momentum=0.5)
    kernel[...] = 0
    moves = []
    for optimizer in (a, a, b, a, b):
        gradient[...] = 1.0
        before = kernel.copy()
        optimizer.step(model)
        moves.append(float((before - kernel)[0, 0]))
    assert moves == [1.0, 1.5, 1.0, 1.75, 1.5]  # b's velocity knows nothing of a's


def test_step_of_a_trainer_is_apart_from_the_low_level():
    """The trainer owns its state: a step by hand does not advance it."""
    model, optimizer = network(), fnn.Adam(0.01)
    trainer = fnn.Trainer(model, "mse", optimizer)
    model.gradient_arena[:] = 1
    optimizer.step(model)
    assert trainer.steps == 0
    trainer.train_on_batch(rows(), rows(6, columns=2))
    assert trainer.steps == 1


def test_step_wants_a_model():
    with pytest.raises(TypeError, match=r"Adam\.step: want a model"):
        fnn.Adam().step(np.zeros(3))


def test_gradient_descent_on_the_input():
    """The returned dx is good for something: the input that the network maps to a goal."""
    model = fnn.Sequential(
        [fnn.Input(2), fnn.Dense(4, "tanh"), fnn.Dense(1)], seed=1, dtype="float64"
    )
    goal = model.predict([[0.5, -0.25]])
    x = np.zeros((1, 2))
    for _ in range(500):
        x = x - 0.2 * model.backward(model.forward(x, training=True) - goal)
    np.testing.assert_allclose(model.predict(x), goal, atol=1e-6)  # far below the start's error
