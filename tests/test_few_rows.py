"""Gradients of a dense layer for one row, or for one column and few rows: kernels of their own."""

from __future__ import annotations

import numpy as np
import pytest

import fastnn as fnn
from each import each

INS = [1, 2, 3, 7, 8, 9, 16, 17, 33, 64, 100]  # VL is 2, 4, 8 or 16
COLS = [1, 2, 3, 4, 5, 8, 9, 15, 16, 17, 32, 33, 48, 63, 64, 65, 80]


def layer(inputs, cols, activation, dtype, use_bias=True):
    """One layer and its parameters, far from 0 and of both signs."""
    layers = [fnn.Input(inputs), fnn.Dense(cols, activation, use_bias=use_bias)]
    model = fnn.Sequential(layers, seed=0, dtype=np.dtype(dtype).name)
    rng = np.random.default_rng([inputs, cols])
    for view in model.parameters.values():
        view[...] = rng.uniform(0.5, 1.5, view.shape) * rng.choice([-1, 1], view.shape)
    return model


def gradients(model, x, dy):
    """dx, kernel and bias gradient; what was there before must not shine through."""
    y = model.forward(x, training=True)
    for view in model.gradients.values():
        view[...] = np.nan
    dx = model.backward(dy)
    arena = model.gradient_arena.copy()
    kernel, *bias = (view.copy() for view in model.gradients.values())
    for view in model.gradients.values():
        view[...] = 0
    assert not model.gradient_arena.any()  # nothing was written between the parameters
    np.testing.assert_array_equal(np.isnan(arena), False)
    return y, dx, kernel, bias


def check(model, x, dy, relu):
    dtype, rows, cols = x.dtype, len(x), dy.shape[1]
    y, dx, kernel, bias = gradients(model, x, dy)
    w = next(iter(model.parameters.values()))
    dz = dy * (y > 0) if relu else dy
    eps = float(np.finfo(dtype).eps)
    x, dz, w = (a.astype(np.float64) for a in (x, dz, w))
    # what k products in any order may err by, as docs/numerics.md has it
    assert np.all(np.abs(kernel - x.T @ dz) <= (rows + 2) * eps * (abs(x).T @ abs(dz)))
    assert np.all(np.abs(dx - dz @ w.T) <= (cols + 2) * eps * (abs(dz) @ abs(w).T))
    if rows == 1:  # single products, and copies
        np.testing.assert_array_equal(kernel, (x.T @ dz).astype(dtype))
    for db in bias:
        assert np.all(np.abs(db - dz.sum(axis=0)) <= (rows + 2) * eps * abs(dz).sum(axis=0))


@pytest.mark.parametrize("activation", ["linear", "relu"])
@each("cols", COLS)
def test_one_row(isa, dtype, cols, activation):
    for inputs in INS:
        rng = np.random.default_rng([inputs, cols])
        x = rng.standard_normal((1, inputs)).astype(dtype)
        dy = rng.standard_normal((1, cols)).astype(dtype)
        check(layer(inputs, cols, activation, dtype), x, dy, activation == "relu")


@pytest.mark.parametrize("activation", ["linear", "relu"])
@pytest.mark.parametrize("rows", [2, 3, 4, 5, 8, 9, 15, 16, 17])
def test_one_column(isa, dtype, rows, activation):
    for inputs in INS:
        rng = np.random.default_rng([inputs, rows])
        x = rng.standard_normal((rows, inputs)).astype(dtype)
        dy = rng.standard_normal((rows, 1)).astype(dtype)
        check(layer(inputs, 1, activation, dtype), x, dy, activation == "relu")


@pytest.mark.parametrize("rows, cols", [(1, 1), (1, 8), (1, 20), (1, 70), (6, 1)])
def test_without_bias(isa, dtype, rows, cols):
    rng = np.random.default_rng([rows, cols])
    x = rng.standard_normal((rows, 10)).astype(dtype)
    dy = rng.standard_normal((rows, cols)).astype(dtype)
    check(layer(10, cols, "relu", dtype, use_bias=False), x, dy, relu=True)


@pytest.mark.parametrize("activation", ["tanh", "gelu", "softmax"])
def test_other_activations_are_undone_first(isa, dtype, activation):
    """A row alone has the gradients that it has among others which count for nothing."""
    rng = np.random.default_rng(4)
    x = rng.standard_normal((3, 10)).astype(dtype)
    dy = rng.standard_normal((3, 20)).astype(dtype)
    dy[1:] = 0
    model = layer(10, 20, activation, dtype)
    _, dx, kernel, (bias,) = gradients(model, x[:1], dy[:1])
    _, wide_dx, wide_kernel, (wide_bias,) = gradients(model, x, dy)
    close = {
        "rtol": 0,
        "atol": 200 * np.finfo(dtype).eps,
    }  # 20 products of size 10, in other orders
    np.testing.assert_allclose(dx, wide_dx[:1], **close)
    np.testing.assert_allclose(kernel, wide_kernel, **close)
    np.testing.assert_allclose(bias, wide_bias, **close)


def test_nan_in_the_output_of_a_relu(isa, dtype):
    """The derivative of relu is NaN there, as in fnn.kernels.relu_grad."""
    for cols in (1, 8, 20, 70):
        model = layer(5, cols, "relu", dtype)
        x = np.full((1, 5), np.nan, dtype)
        model.forward(x, training=True, check_finite=False)
        model.backward(np.ones((1, cols), dtype))
        assert np.isnan(model.gradient_arena).any(), cols
        for view in model.gradients.values():
            assert np.isnan(view).all(), cols
