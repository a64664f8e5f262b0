"""Graphs of layers: how they are built, what goes in and out, what survives, what is refused."""

from __future__ import annotations

import copy
import ctypes
import pickle
import subprocess
import sys
import threading

import numpy as np
import pytest

import fastnn as fnn
from each import each
from fastnn import losses
from fastnn._core import Run
from fastnn.errors import FastnnWarning


def numbers(*shape, seed=0):
    return np.random.default_rng([seed, *shape]).standard_normal(shape)


def residual(dtype="float32", seed=1):
    """One input and output, a skip connection, a concatenation with the input."""
    x = fnn.Input(5, name="x")
    h = fnn.Dense(4, "tanh", name="first")(x)
    h2 = fnn.Dense(4, "gelu", name="second")(h)
    s = fnn.Add()([h, h2, h])
    return fnn.Model(x, fnn.Dense(2)(fnn.Concatenate()([s, x])), seed=seed, dtype=dtype)


def two_by_two(form=dict, dtype="float64"):
    a, b = fnn.Input(3, name="a"), fnn.Input(4, name="b")
    h = fnn.Dense(5, "tanh", name="h")(fnn.Concatenate()([a, b]))
    p = fnn.Dense(1, name="p")(h)
    q = fnn.Dense(2, "softmax", name="q")(fnn.Concatenate()([h, a]))
    if form is dict:
        return fnn.Model({"left": a, "right": b}, {"one": p, "two": q}, seed=3, dtype=dtype)
    return fnn.Model([a, b], [p, q], seed=3, dtype=dtype)


def everything(dtype="float32"):
    """Each layer that can be saved, with state and noise."""
    x = fnn.Input(6, name="row")
    left, cats = fnn.Split([4, 2], name="cut")(x)
    left = fnn.Normalization([0, 1, 2, 3], [1, 2, 3, 4], name="norm")(left)
    looked = fnn.Embedding([3, 4], [2, 3], name="tables")(cats)
    h = fnn.Concatenate()([left, looked])
    h = fnn.Dropout(0.2)(fnn.BatchNormalization(name="bn")(fnn.Dense(8, "relu")(h)))
    h = fnn.LayerNormalization()(fnn.PReLU("ones")(fnn.Maxout(8, 2)(h)))
    h = fnn.GaussianNoise(0.1)(fnn.RMSNormalization()(fnn.AlphaDropout(0.1)(h)))
    h = fnn.ActivityRegularization(0.01, 0.02)(fnn.GaussianDropout(0.1)(h))
    a, b = fnn.Split(2)(fnn.Flatten()(h))
    parts = [fnn.Add()([a, b]), fnn.Subtract()([a, b]), fnn.Multiply()([a, b])]
    parts += [fnn.Average()([a, b]), fnn.Maximum()([a, b]), fnn.Bilinear(3, "tanh")([a, left])]
    h = fnn.Activation("silu")(fnn.Concatenate()(parts))
    return fnn.Model(x, fnn.Dense(1)(h), name="all of it", seed=7, dtype=dtype)


def rows_of_everything(n, seed=0, dtype="float32"):
    rng = np.random.default_rng([n, seed])
    columns = [rng.standard_normal((n, 4)), rng.integers(0, 3, (n, 2))]
    return np.concatenate(columns, axis=1).astype(dtype)


def layers_of(model):
    kinds = [type(layer).__name__ for layer in model.layers]
    return list(zip(kinds, model.layer_names, strict=True))


def same_bits(one, two):
    return np.asarray(one).tobytes() == np.asarray(two).tobytes()


# ---- building -----------------------------------------------------------------------------------


def test_names_order_and_numbers():
    model = residual()
    assert model.layer_names == (
        "x", "first", "second", "add_0", "concatenate_0", "dense_2",
    )  # fmt: skip
    assert list(model.parameters) == [
        "first/kernel", "first/bias", "second/kernel", "second/bias", "dense_2/kernel",
        "dense_2/bias",
    ]  # fmt: skip
    assert (model.inputs, model.outputs) == (5, 2)
    assert (model.input_names, model.output_names) == (("x",), ("dense_2",))
    assert model.count_parameters() == 5 * 4 + 4 + 4 * 4 + 4 + 9 * 2 + 2
    assert model["second"] is model.layers[2]
    assert len(model) == 6
    assert "nodes: 6" in repr(model)


def test_a_sequential_and_a_model_of_the_same_layers_are_the_same_bits():
    chain = fnn.Sequential(
        [fnn.Input(3), fnn.Dense(40, "relu"), fnn.Activation("tanh"), fnn.Dense(2)], seed=4
    )
    x = fnn.Input(3)
    graph = fnn.Model(x, fnn.Dense(2)(fnn.Activation("tanh")(fnn.Dense(40, "relu")(x))), seed=4)
    assert same_bits(chain.parameter_arena, graph.parameter_arena)
    assert same_bits(chain.predict(numbers(50, 3)), graph.predict(numbers(50, 3)))


def test_what_was_called_but_is_not_wanted_is_left_out():
    x = fnn.Input(3)
    h = fnn.Dense(2)(x)
    fnn.Dense(7)(h)
    model = fnn.Model(x, h)
    assert list(model.parameters) == ["dense_0/kernel", "dense_0/bias"]


def test_summary_tells_several_inputs_and_shared_layers_once():
    shared = fnn.Dense(4, name="twice")
    a, b = fnn.Input(3, name="a"), fnn.Input(3, name="b")
    model = fnn.Model([a, b], fnn.Subtract()([shared(a), shared(b)]), name="Siamese")
    summary = model.summary()
    text = str(summary)
    assert summary.total_parameters == 16 == model.count_parameters()
    assert "Siamese" in text
    assert text.count("kernel: f32[3][4]") == 1
    assert "(None, 4)" in text
    chart = model.to_mermaid()
    # both uses, and both edges into the difference
    assert chart.count("twice") >= 2
    assert chart.count("-->") == 4


@pytest.mark.parametrize("form", [dict, list])
def test_several_inputs_and_outputs_come_and_go_alike(form):
    model = two_by_two(form)
    a, b = numbers(6, 3), numbers(6, 4)
    k = {name: value.copy() for name, value in model.parameters.items()}
    h = np.tanh(np.concatenate([a, b], 1) @ k["h/kernel"] + k["h/bias"])
    p = h @ k["p/kernel"] + k["p/bias"]
    z = np.concatenate([h, a], 1) @ k["q/kernel"] + k["q/bias"]
    q = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    x = {"right": b, "left": a} if form is dict else [a, b]
    got = model.predict(x)
    assert isinstance(got, form)
    assert model.inputs == (3, 4)
    assert model.outputs == (1, 2)
    values = list(got.values()) if form is dict else got
    np.testing.assert_allclose(values[0], p, rtol=1e-13)
    np.testing.assert_allclose(values[1], q, rtol=1e-13)
    for again in (model.forward(x), model.forward(x, training=True), model(x)):
        parts = list(again.values()) if form is dict else again
        assert all(same_bits(i, j) for i, j in zip(parts, values, strict=True))
    dys = [numbers(6, 1), numbers(6, 2)]
    dy = dict(zip(("one", "two"), dys, strict=False)) if form is dict else dys
    dx = model.backward(dy)
    assert isinstance(dx, form)
    assert [part.shape for part in (dx.values() if form is dict else dx)] == [(6, 3), (6, 4)]


def test_an_output_without_a_gradient_counts_as_zeros():
    model, x = two_by_two(list), [numbers(6, 3), numbers(6, 4)]
    model.forward(x, training=True)
    dx = model.backward([numbers(6, 1), np.zeros((6, 2))])
    gradients = model.gradient_arena.copy()
    again = model.backward([numbers(6, 1), None])
    assert same_bits(gradients, model.gradient_arena)
    assert all(same_bits(i, j) for i, j in zip(dx, again, strict=True))


@pytest.mark.parametrize("n", [1, 5, 700])
def test_predict_writes_where_it_is_told(n):
    model = two_by_two()
    x = {"left": numbers(n, 3), "right": numbers(n, 4)}
    out = {"two": np.full((n, 2), np.nan), "one": np.full((n, 1), np.nan)}
    got = model.predict(x, out=out)
    wanted = model.predict(x)
    for name in ("one", "two"):
        assert got[name] is out[name]
        assert same_bits(out[name], wanted[name])


def test_predict_into_the_memory_of_an_input():
    x = fnn.Input(3)
    model = fnn.Model([x], [fnn.Dense(3)(x), x], seed=0, dtype="float64")
    rows = numbers(300, 3)
    wanted = model.predict([rows.copy()])
    got = model.predict([rows], out=[rows, np.empty((300, 3))])
    assert all(same_bits(i, j) for i, j in zip(got, wanted, strict=True))


def test_a_stream_for_several_inputs():
    model = two_by_two(list)
    a, b = numbers(30, 3), numbers(30, 4)
    whole = model.predict([a, b])
    parts = model.predict(iter([([a[:7], b[:7]], None), ([a[7:], b[7:]],)]))
    assert all(same_bits(i, j) for i, j in zip(whole, parts, strict=True))


def test_a_single_input_by_name():
    x = fnn.Input(2)
    model = fnn.Model({"in": x}, {"out": fnn.Dense(1)(x)}, seed=0)
    got = model.predict({"in": [[1.0, 2.0]]})
    assert list(got) == ["out"]
    assert got["out"].shape == (1, 1)
    with pytest.raises(ValueError, match=r"predict: unknown name 'on'; Known: in"):
        model.predict({"on": [[1.0, 2.0]]})


# ---- sharing ------------------------------------------------------------------------------------


def test_a_shared_layer_has_one_kernel_and_the_sum_of_gradients():
    d = fnn.Dense(3, name="d")
    x = fnn.Input(3)
    model = fnn.Model(x, d(d(x)), seed=0, dtype="float64")
    assert list(model.parameters) == ["d/kernel", "d/bias"]
    k, b = model.parameters.values()
    rows, dy = numbers(7, 3), numbers(7, 3)
    np.testing.assert_allclose(model.predict(rows), (rows @ k + b) @ k + b, rtol=1e-13)
    model.forward(rows, training=True)
    model.backward(dy)
    want = (rows @ k + b).T @ dy + rows.T @ (dy @ k.T)
    np.testing.assert_allclose(model.gradients["d/kernel"], want, rtol=1e-12)
    d = fnn.Dense(3, use_bias=False, name="d")
    model = fnn.Model(x, d(d(x)), seed=0, dtype="float64")
    k = model.parameters["d/kernel"]
    model.forward(rows, training=True)
    model.backward(dy)
    want = (rows @ k).T @ dy + rows.T @ (dy @ k.T)
    np.testing.assert_allclose(model.gradients["d/kernel"], want, rtol=1e-12)


@pytest.mark.parametrize("use_bias", [True, False])
def test_a_shared_layer_in_long_batches_and_shards(use_bias):
    """Blocks and shards add up what the uses add up: as one block does."""
    d = fnn.Dense(30, "tanh", use_bias=use_bias, name="d")
    x = fnn.Input(30)
    for n in (1, 300, 1500):
        model = fnn.Model(x, d(d(x)), seed=0, dtype="float64")
        rows, y = numbers(n, 30), numbers(n, 30, seed=1)
        out = model.forward(rows, training=True)
        model.backward(2 * (out - y) / y.size)
        want = model.gradient_arena.copy()
        fnn.Trainer(model, "mse", fnn.SGD(1e-300)).train_on_batch(rows, y)
        np.testing.assert_allclose(model.gradient_arena, want, rtol=1e-10, atol=1e-15)


def test_a_tensor_read_several_times_by_one_layer():
    x = fnn.Input(4)
    h = fnn.Dense(4, name="h")(x)
    for layer, slope in (
        (fnn.Add(), lambda v: 3.0 + 0 * v),
        (fnn.Average(), lambda v: 1.0 + 0 * v),
        (fnn.Multiply(), lambda v: 3 * v**2),
        (fnn.Maximum(), lambda v: 1.0 + 0 * v),
    ):
        model = fnn.Model(x, layer([h, h, h]), seed=0, dtype="float64")
        rows, dy = numbers(5, 4), numbers(5, 4, seed=1)
        model.forward(rows, training=True)
        model.backward(dy)
        value = rows @ model.parameters["h/kernel"] + model.parameters["h/bias"]
        np.testing.assert_allclose(
            model.gradients["h/kernel"], rows.T @ (dy * slope(value)), rtol=1e-12
        )
    joined = fnn.Model(x, fnn.Concatenate()([h, h]), seed=0, dtype="float64")
    joined.forward(rows, training=True)
    joined.backward(numbers(5, 8))
    both = numbers(5, 8)[:, :4] + numbers(5, 8)[:, 4:]
    np.testing.assert_allclose(joined.gradients["h/kernel"], rows.T @ both, rtol=1e-12)


def test_backward_may_be_repeated_with_every_layer():
    a, b = fnn.Input(3), fnn.Input(4)
    product = fnn.Bilinear(2, "tanh")([fnn.Dense(3)(a), fnn.Dense(4)(b)])
    h = fnn.Dropout(0.5)(fnn.BatchNormalization()(fnn.LayerNormalization()(product)))
    model = fnn.Model([a, b], fnn.PReLU()(fnn.GaussianDropout(0.1)(h)), seed=0, dtype="float64")
    model.forward([numbers(9, 3), numbers(9, 4)], training=True)
    first = model.backward(numbers(9, 2))
    gradients = model.gradient_arena.copy()
    for _ in range(2):
        again = model.backward(numbers(9, 2))
        assert all(same_bits(i, j) for i, j in zip(first, again, strict=True))
        assert same_bits(gradients, model.gradient_arena)


# ---- outputs ------------------------------------------------------------------------------------


def test_an_input_as_output_and_an_output_named_twice():
    x = fnn.Input(3)
    h = fnn.Dense(2, "softmax")(x)
    model = fnn.Model(x, [x, h, h, x], seed=0, dtype="float64")
    assert model.output_names == ("input_0_0", "dense_0_0", "dense_0_1", "input_0_1")
    rows = numbers(40, 3)
    outs = model.predict(rows)
    assert same_bits(outs[0], rows)
    assert same_bits(outs[3], rows)
    assert same_bits(outs[1], outs[2])
    model.forward(rows, training=True)
    dys = [numbers(40, 3, seed=k) if k in (0, 3) else numbers(40, 2, seed=k) for k in range(4)]
    dx = model.backward(dys)
    single = fnn.Model(x, h, seed=0, dtype="float64")
    single.forward(rows, training=True)
    want = single.backward(dys[1] + dys[2]) + dys[0] + dys[3]
    np.testing.assert_allclose(dx, want, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("activation", ["softmax", "sigmoid", "relu"])
@pytest.mark.parametrize("apart", [False, True])
def test_an_output_that_others_read_too_can_have_a_fused_loss(activation, apart):
    """A loss leaves the activation of its output out; whoever else reads the value must not miss
    it: each output ends in an op of its own."""
    x = fnn.Input(3)
    h = fnn.Dense(4, None if apart else activation)(x)
    h = fnn.Activation(activation)(h) if apart else h
    model = fnn.Model(x, [h, fnn.Dense(1)(h), h], seed=0, dtype="float64")
    rows = numbers(12, 3)
    wanted = model.predict(rows)
    fused = activation != "relu"
    name = {"softmax": "categorical_crossentropy", "sigmoid": "binary_crossentropy"}.get(
        activation, "mean_squared_error"
    )
    kind, mse = losses.get(name).kind, losses.get("mse").kind
    target = np.random.default_rng(0).dirichlet(np.ones(4), 12)
    heads = [(kind, {}, fused, 1.0), (mse, {}, False, 1.0), (mse, {}, False, 1.0)]
    run = Run(model, heads, [], 12)
    run.bind((rows,), (target, np.zeros((12, 1)), np.zeros((12, 4))), None, None, 12, True)
    run.begin()
    assert run.advance(1) == ""
    np.testing.assert_allclose(run.losses()[1], (wanted[1] ** 2).mean(), rtol=1e-12)
    np.testing.assert_allclose(run.losses()[2], (wanted[2] ** 2).mean(), rtol=1e-12)
    if activation == "softmax":
        value = -(target * np.log(wanted[0])).sum(axis=1).mean()
        np.testing.assert_allclose(run.losses()[0], value, rtol=1e-12)


def test_flatten_and_rates_of_0_add_nothing():
    x = fnn.Input(3)
    h = fnn.Flatten()(fnn.Dropout(0.0)(fnn.ActivityRegularization()(fnn.Flatten()(x))))
    model = fnn.Model(x, [h, fnn.Flatten()(fnn.Dense(1)(h))], seed=0)
    outs = model.predict(numbers(3, 3).astype(np.float32))
    assert same_bits(outs[0], numbers(3, 3).astype(np.float32))
    assert fnn.Sequential([fnn.Input(2), fnn.Flatten()]).predict([[1.0, 2.0]]).tolist() == [[1, 2]]


def test_unused_parts_of_a_split_and_of_a_model():
    x = fnn.Input(5)
    a, _ = fnn.Split([2, 3])(x)
    model = fnn.Model(x, fnn.Dense(1, name="d")(a), seed=0, dtype="float64")
    rows = numbers(6, 5)
    model.forward(rows, training=True)
    dx = model.backward(np.ones((6, 1)))
    np.testing.assert_array_equal(dx[:, 2:], 0)
    np.testing.assert_allclose(dx[:, :2], np.tile(model.parameters["d/kernel"].T, (6, 1)))
    inner = two_by_two(list)
    a, b = fnn.Input(3), fnn.Input(4)
    p, _q = inner([a, b])
    outer = fnn.Model([a, b], p, seed=0, dtype="float64")
    got = outer.predict([numbers(6, 3), numbers(6, 4)])
    assert same_bits(got, inner.predict([numbers(6, 3), numbers(6, 4)])[0])
    outer.forward([numbers(6, 3), numbers(6, 4)], training=True)
    outer.backward(np.ones((6, 1)))
    assert not outer.gradients["model_0/q/kernel"].any()
    assert outer.gradients["model_0/p/kernel"].any()


# ---- many inputs --------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [2, 64, 65, 127, 128, 200])
def test_more_inputs_than_an_op_takes(count):
    x = fnn.Input(3)
    made = [fnn.Dense(2, name=f"d{i}")(x) for i in range(count)]
    rows, dy = numbers(4, 3), numbers(4, 2, seed=1)
    values = []
    for layer in (fnn.Add(), fnn.Maximum(), fnn.Concatenate(), fnn.Multiply()):
        model = fnn.Model(x, layer(made), seed=0, dtype="float64")
        if isinstance(layer, fnn.Multiply):  # keep the product of so many near 1
            for name, view in model.parameters.items():
                view[...] = view * 0.01 if name.endswith("kernel") else 1.0
        values = [
            rows @ model.parameters[f"d{i}/kernel"] + model.parameters[f"d{i}/bias"]
            for i in range(count)
        ]
        stacked = np.stack(values)
        want = {
            "add": stacked.sum(axis=0),
            "maximum": stacked.max(axis=0),
            "concatenate": np.concatenate(values, axis=1),
            "multiply": stacked.prod(axis=0),
        }[layer.kind]
        np.testing.assert_allclose(model.predict(rows), want, rtol=1e-12, atol=1e-12)
        model.forward(rows, training=True)
        if layer.kind == "concatenate":
            model.backward(np.tile(dy, (1, count)))
        else:
            model.backward(dy)
        for i in (0, count // 2, count - 1):
            slope = {
                "add": dy,
                "concatenate": dy,
                "maximum": dy * (stacked.argmax(axis=0) == i),
                "multiply": dy * stacked.prod(axis=0) / stacked[i],
            }[layer.kind]
            np.testing.assert_allclose(
                model.gradients[f"d{i}/kernel"], rows.T @ slope, rtol=1e-9, atol=1e-13
            )


def test_most_inputs_and_outputs():
    inputs = [fnn.Input(1) for _ in range(64)]
    model = fnn.Model(inputs, fnn.Concatenate()(inputs), dtype="float64")
    columns = [np.full((3, 1), float(i)) for i in range(64)]
    np.testing.assert_array_equal(model.predict(columns), np.tile(np.arange(64.0), (3, 1)))
    more = [*inputs, fnn.Input(1)]
    with pytest.raises(ValueError, match="at most 64 inputs and 32 outputs"):
        fnn.Model(more, fnn.Add()(more))
    x = fnn.Input(2)
    outputs = [fnn.Dense(1)(x) for _ in range(33)]
    assert len(fnn.Model(x, outputs[:32]).predict([[1.0, 2.0]])) == 32
    with pytest.raises(ValueError, match="at most 64 inputs and 32 outputs"):
        fnn.Model(x, outputs)
    with pytest.raises(ValueError, match="Average: got 65 inputs, want 2 to 64"):
        fnn.Average()([x] * 65)


# ---- a model in a model -------------------------------------------------------------------------


def encoder(dtype="float32", seed=5):
    return fnn.Sequential(
        [fnn.Input(3), fnn.Dense(4, "tanh"), fnn.BatchNormalization(), fnn.Dense(2)],
        name="enc",
        seed=seed,
        dtype=dtype,
    )


def test_a_model_in_a_model_begins_with_its_parameters_and_goes_its_own_way():
    inner = encoder("float64")
    inner.forward(numbers(20, 3), training=True)  # the moments move
    a, b = fnn.Input(3), fnn.Input(3)
    outer = fnn.Model([a, b], fnn.Subtract()([inner(a), inner(b)]), seed=0, dtype="float64")
    assert outer.layer_names[2] == "enc"
    assert list(outer.parameters) == [f"enc/{name}" for name in inner.parameters]
    assert list(outer.state) == [f"enc/{name}" for name in inner.state]
    x = [numbers(6, 3), numbers(6, 3, seed=1)]
    want = inner.predict(x[0]) - inner.predict(x[1])
    np.testing.assert_allclose(outer.predict(x), want, rtol=1e-12, atol=1e-14)
    before = inner.parameter_arena.copy()
    outer.parameters["enc/dense_0/kernel"][...] = 0.0
    assert same_bits(before, inner.parameter_arena)
    inner.parameters["dense_1/bias"][...] = 9.0
    assert not (outer.parameters["enc/dense_1/bias"] == 9.0).any()


def test_a_model_as_a_layer_of_a_sequential_trains_as_its_layers_would():
    inner = encoder()
    nested = fnn.Sequential([fnn.Input(3), inner, fnn.Dense(1)], seed=2)
    assert list(nested.parameters)[-2:] == ["dense_0/kernel", "dense_0/bias"]
    flat = fnn.Sequential(
        [
            fnn.Input(3),
            fnn.Dense(4, "tanh"),
            fnn.BatchNormalization(),
            fnn.Dense(2),
            fnn.Dense(1),
        ],
        seed=2,
    )
    flat.restore(nested.parameter_arena)
    x, y = numbers(90, 3), numbers(90, 1)
    for model in (nested, flat):
        fnn.Trainer(model, "mse").fit(x, y, epochs=3, verbose=0)
    assert same_bits(nested.parameter_arena, flat.parameter_arena)


def test_what_is_frozen_in_a_model_stays_so_in_a_larger_one():
    inner = encoder()
    inner.freeze("dense_0")
    outer = fnn.Sequential([fnn.Input(3), inner, fnn.Dense(1)], seed=2)
    assert not outer._is_trained("enc/dense_0/kernel")
    assert outer._is_trained("enc/dense_1/kernel")
    before = {name: view.copy() for name, view in outer.parameters.items()}
    fnn.Trainer(outer, "mse").fit(numbers(40, 3), numbers(40, 1), verbose=0)
    for name, view in outer.parameters.items():
        assert same_bits(before[name], view) == name.startswith("enc/dense_0/"), name


def test_a_model_inside_a_model_inside_a_model():
    x = fnn.Input(3)
    middle = fnn.Model(x, fnn.Dense(3, "relu")(encoder("float64")(x)), seed=1, dtype="float64")
    outer = fnn.Model(x, fnn.Dense(1)(middle(x)), seed=1, dtype="float64")
    assert "model_0/enc/dense_0/kernel" in outer.parameters
    assert outer.predict(numbers(4, 3)).shape == (4, 1)
    twin = pickle.loads(pickle.dumps(outer))
    assert same_bits(twin.predict(numbers(4, 3)), outer.predict(numbers(4, 3)))


def test_a_model_of_several_outputs_as_a_layer():
    inner = two_by_two(dict)
    a, b = fnn.Input(3), fnn.Input(4)
    p, q = inner([a, b])
    outer = fnn.Model([a, b], [q, p], dtype="float64", seed=0)
    x = [numbers(5, 3), numbers(5, 4)]
    got, want = outer.predict(x), inner.predict({"left": x[0], "right": x[1]})
    assert same_bits(got[0], want["two"])
    assert same_bits(got[1], want["one"])


# ---- copies, pickles, configs, files ------------------------------------------------------------


def trained():
    model = everything()
    trainer = fnn.Trainer(model, "mse")
    trainer.fit(rows_of_everything(80), numbers(80, 1), batch_size=20, verbose=0)
    return model


def through_file(model, tmp_path):
    model.save(tmp_path / "model.safetensors")
    return fnn.load(tmp_path / "model.safetensors")


@pytest.mark.parametrize("way", ["copy", "deepcopy", "pickle", "save", "config"])
def test_round_trips_keep_parameters_state_and_architecture(way, tmp_path):
    model = trained()
    assert (model.state["bn/moving_mean"] != 0).any()
    model.freeze("bn", "tables")
    twin = {
        "copy": lambda: model.copy(),
        "deepcopy": lambda: copy.deepcopy(model),
        "pickle": lambda: pickle.loads(pickle.dumps(model)),
        "save": lambda: through_file(model, tmp_path),
        "config": lambda: fnn.Model.from_config(model.config()),
    }[way]()
    assert layers_of(twin) == layers_of(model)
    assert str(twin.summary()) == str(model.summary())
    assert (twin.name, twin.seed, twin.dtype) == (model.name, model.seed, model.dtype)
    assert twin.frozen == ("tables", "bn") == model.frozen
    x = rows_of_everything(30)
    if way == "config":
        fresh = everything()
        assert same_bits(twin.parameter_arena, fresh.parameter_arena)
        assert same_bits(twin.predict(x), fresh.predict(x))
        return
    assert same_bits(twin.parameter_arena, model.parameter_arena)
    assert list(twin.state) == list(model.state)
    assert same_bits(twin.predict(x), model.predict(x))
    before = model.snapshot()
    fnn.Trainer(twin, "mse").fit(x, numbers(30, 1), verbose=0)
    assert same_bits(before, model.parameter_arena)
    # and both train alike
    fnn.Trainer(model, "mse").fit(x, numbers(30, 1), verbose=0)
    assert same_bits(twin.parameter_arena, model.parameter_arena)


@pytest.mark.parametrize("form", [dict, list])
def test_round_trips_keep_forms_shared_layers_and_nested_models(form, tmp_path):
    inner = two_by_two(form)
    shared = fnn.Dense(3, name="shared")
    a, b = fnn.Input(3), fnn.Input(4)
    p, q = inner([shared(shared(a)), b])
    given = ([a, b], [q, p]) if form is list else ({"u": a, "v": b}, {"w": q, "z": p})
    model = fnn.Model(*given, seed=0, dtype="float64")
    x = [numbers(5, 3), numbers(5, 4)]
    x = x if form is list else dict(zip("uv", x, strict=False))
    want = model.predict(x)
    for twin in (pickle.loads(pickle.dumps(model)), through_file(model, tmp_path), model.copy()):
        got = twin.predict(x)
        assert list(twin.parameters) == list(model.parameters)
        pairs = zip(got, want, strict=False) if form is list else ((got[k], want[k]) for k in want)
        assert all(same_bits(i, j) for i, j in pairs)


def test_a_nested_model_can_be_loaded_by_another_process(tmp_path):
    outer = fnn.Sequential([fnn.Input(3), encoder(), fnn.Dense(1)], seed=2)
    outer.save(tmp_path / "outer.safetensors")
    code = (
        "import sys, numpy as np, fastnn as fnn\n"
        "model = fnn.load(sys.argv[1])\n"
        "print(model.predict([[1.0, 2.0, 3.0]]).tobytes().hex())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "outer.safetensors")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == outer.predict([[1.0, 2.0, 3.0]]).tobytes().hex()


def test_lambda_goes_through_pickle_but_not_through_json():
    x = fnn.Input(3)
    model = fnn.Model(x, fnn.Lambda(np.square)(fnn.Dense(2)(x)), seed=0)
    rows = numbers(4, 3)
    assert same_bits(pickle.loads(pickle.dumps(model)).predict(rows), model.predict(rows))
    assert same_bits(pickle.loads(pickle.dumps(model.predictor()))(rows), model.predict(rows))
    with pytest.raises(ValueError, match="Lambda: a function cannot be saved as JSON"):
        model.config()


# ---- freezing, adapting, initializing -----------------------------------------------------------


def changed_by_a_fit(model, x, y, optimizer="adam"):
    before = {name: view.copy() for name, view in model.parameters.items()}
    fnn.Trainer(model, "mse", optimizer).fit(x, y, batch_size=16, epochs=2, verbose=0)
    return {name for name, view in model.parameters.items() if not same_bits(before[name], view)}


@pytest.mark.parametrize(
    "optimizer", [fnn.Adam(0.01), fnn.AdamW(0.01, weight_decay=0.1), fnn.SGD(0.01, momentum=0.9)]
)
@pytest.mark.parametrize("rows", [40, 600])
def test_frozen_parameters_keep_their_bits(optimizer, rows):
    x, y = numbers(rows, 5), numbers(rows, 2)
    model = residual()
    model.freeze("first", "dense_*")
    assert changed_by_a_fit(model, x, y, optimizer) == {"second/kernel", "second/bias"}
    model.unfreeze("first")
    assert "first/kernel" in changed_by_a_fit(model, x, y, optimizer)
    assert model.frozen == ("dense_2",)
    model.unfreeze()
    assert changed_by_a_fit(model, x, y, optimizer) == set(model.parameters)
    model.freeze()
    assert changed_by_a_fit(model, x, y, optimizer) == set()


def test_a_trainer_notices_what_is_frozen_between_fits():
    model, x, y = residual(), numbers(40, 5), numbers(40, 2)
    trainer = fnn.Trainer(model, "mse")
    trainer.fit(x, y, verbose=0)
    model.freeze("second")
    before = {name: view.copy() for name, view in model.parameters.items()}
    trainer.fit(x, y, verbose=0)
    kept = {name for name, view in model.parameters.items() if same_bits(before[name], view)}
    assert kept == {"second/kernel", "second/bias"}


def test_layers_that_are_not_trainable_keep_their_bits_but_moments_move():
    model = fnn.Sequential(
        [
            fnn.Input(3),
            fnn.Dense(4, trainable=False),
            fnn.BatchNormalization(trainable=False),
            fnn.PReLU(trainable=False),
            fnn.LayerNormalization(trainable=False),
            fnn.Maxout(3, trainable=False),
            fnn.RMSNormalization(trainable=False),
            fnn.Dense(1),
        ],
        seed=0,
    )
    moving = model.state["batch_normalization_0/moving_mean"].copy()
    assert changed_by_a_fit(model, numbers(40, 3), numbers(40, 1)) == {
        "dense_1/kernel",
        "dense_1/bias",
    }
    assert not same_bits(moving, model.state["batch_normalization_0/moving_mean"])


@pytest.mark.parametrize("method", ["freeze", "unfreeze"])
def test_patterns_that_fit_no_layer_are_refused(method):
    model = residual()
    with pytest.raises(ValueError, match=f"Model.{method}: unknown layer 'frist'; did you mean"):
        getattr(model, method)("second", "frist")
    assert model.frozen == ()
    with pytest.raises(TypeError, match="names or patterns"):
        getattr(model, method)(3)


def test_adapt_sets_what_reads_inputs_and_what_makes_outputs():
    a, b = fnn.Input(2, name="a"), fnn.Input(1, name="b")
    h = fnn.Concatenate()([fnn.Normalization(name="na")(a), b])
    out = fnn.Normalization(invert=True, name="back")(fnn.Dense(1)(h))
    model = fnn.Model([a, b], out, seed=0, dtype="float64")
    rows = [numbers(50, 2) * 3 + 5, numbers(50, 1)]
    y = numbers(50, 1, seed=2) * 100 - 7
    parameters = model.get_weights()
    model.adapt(rows, y)
    np.testing.assert_allclose(model.state["na/mean"], rows[0].mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(model.state["na/scale"], 1 / rows[0].std(axis=0), rtol=1e-12)
    np.testing.assert_allclose(model.state["back/mean"], y.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(model.state["back/scale"], y.std(axis=0), rtol=1e-12)
    assert all(same_bits(i, j) for i, j in zip(parameters, model.get_weights(), strict=True))
    before = model.snapshot()
    for wrong in (
        lambda: model.adapt(rows, y[:, :0]),
        lambda: model.adapt([rows[0] * np.nan, rows[1]]),
    ):
        with pytest.raises(ValueError, match=r"Model\.adapt"):
            wrong()
    assert same_bits(before, model.parameter_arena)
    with pytest.raises(ValueError, match="adapt: no Normalization reads an input"):
        residual().adapt(numbers(4, 5))


def test_initialize_draws_again_but_leaves_what_data_gave():
    model = trained()
    scale = model.state["norm/scale"].copy()
    model.initialize()
    assert same_bits(model.parameter_arena, everything().parameter_arena)
    assert same_bits(scale, model.state["norm/scale"])
    assert (model.state["bn/moving_variance"] == 1).all()
    before = model.snapshot()
    model.initialize(seed=99)
    assert model.seed == 99
    assert not same_bits(before, model.parameter_arena)
    inner = encoder()
    outer = fnn.Sequential([fnn.Input(3), inner, fnn.Dense(1)], seed=2)
    kernel = outer.parameters["enc/dense_0/kernel"].copy()
    last = outer.parameters["dense_0/kernel"].copy()
    outer.initialize(seed=3)  # the inner one's were given, as arrays are
    assert same_bits(kernel, outer.parameters["enc/dense_0/kernel"])
    assert not same_bits(last, outer.parameters["dense_0/kernel"])


# ---- bad graphs ---------------------------------------------------------------------------------

X1, X2 = fnn.Input(3, name="x1"), fnn.Input(2, name="x2")

BAD_GRAPHS = {
    "unused input": (lambda: fnn.Model([X1, X2], fnn.Dense(1)(X1)), "no output needs the input"),
    "missing input": (
        lambda: fnn.Model(X1, fnn.Concatenate()([X1, X2])),
        r"Concatenate\(\) needs Input\(2, name='x2'\), which is none of the inputs",
    ),
    "missing input as output": (lambda: fnn.Model(X1, [fnn.Dense(1)(X1), X2]), "none of the inp"),
    "hidden tensor as input": (
        lambda: fnn.Model(fnn.Dense(1)(X1), fnn.Dense(1)(X1)),
        "inputs must be Input layers",
    ),
    "input twice": (lambda: fnn.Model([X1, X1], fnn.Dense(1)(X1)), "named twice in inputs"),
    "no inputs": (lambda: fnn.Model([], fnn.Dense(1)(X1)), "inputs is empty"),
    "no outputs": (lambda: fnn.Model(X1, {}), "outputs is empty"),
    "widths": (lambda: fnn.Add()([X1, X2]), "Add: the inputs have 3, 2 columns; want all alike"),
    "too few": (lambda: fnn.Add()([X1]), "Add: got 1 input, want 2 or more"),
    "too many": (lambda: fnn.Subtract()([X1, X1, X1]), "Subtract: got 3 inputs, want 2"),
    "one for a pair": (lambda: fnn.Bilinear(2)(X1), "Bilinear: got 1 input, want 2"),
    "two for one": (lambda: fnn.Dense(2)([X1, X2]), "Dense: got 2 inputs, want 1"),
    "split": (lambda: fnn.Split(2)(X1), "3 columns cannot be cut into 2 equal parts"),
    "split sizes": (lambda: fnn.Split([1, 1])(X1), r"\(1, 1\) make 2 columns, the input has 3"),
    "shared layer": (
        lambda: fnn.Model([X1, X2], fnn.Concatenate()([SHARED(X1), SHARED(X2)])),
        r"'shared' is called on \(2,\) columns after \(3,\)",
    ),
    "names": (
        lambda: fnn.Model(X1, fnn.Dense(1, name="x1")(X1)),
        "two layers are named 'x1'",
    ),
    "inner width": (
        lambda: encoder()(X2),
        "Model 'enc': its inputs have 3 columns, it is called on 2",
    ),
    "embedding after dense": (
        lambda: fnn.Model(X1, fnn.Embedding(3, 2)(fnn.Dense(1)(X1))),
        "must read an Input, or a Split of one",
    ),
    "embedding columns": (lambda: fnn.Embedding([3, 4], 2)(X1), "3 input columns for 2 tables"),
    "normalization columns": (lambda: fnn.Normalization([1, 2], [1, 1])(X1), "adapted to 2 col"),
    "several outputs in a chain": (
        lambda: fnn.Sequential([fnn.Input(4), fnn.Split(2)]),
        "has several outputs; use Model",
    ),
}  # fmt: skip
SHARED = fnn.Dense(2, name="shared")


@pytest.mark.parametrize("case", BAD_GRAPHS)
def test_bad_graphs_are_refused_by_name(case):
    build, message = BAD_GRAPHS[case]
    with pytest.raises(ValueError, match=message):
        build()


@pytest.mark.parametrize(
    "build, message",
    [
        (lambda: fnn.Dense(2)(fnn.Dense(3)), "Dense: want symbolic tensors.*call it on its input"),
        (lambda: fnn.Dense(2)(np.zeros((2, 3))), "Dense: want symbolic tensors or Input layers"),
        (lambda: fnn.Model(X1, fnn.Dense(2)), "Model: outputs: want symbolic tensors"),
        (lambda: fnn.Model({1: X1}, fnn.Dense(2)(X1)), "inputs must have strings as keys"),
        (lambda: X1(X2), "Input: call other layers on it"),
        (lambda: fnn.Lambda(3), "Lambda: function must be callable"),
    ],
)
def test_what_is_no_graph_is_a_type_error(build, message):
    with pytest.raises(TypeError, match=message):
        build()


def broken(change):
    config = two_by_two().config()
    change(config)
    return config


NO_MODEL = {
    "loop": lambda c: c["nodes"][2]["inputs"].__setitem__(0, [3, 0]),
    "itself": lambda c: c["nodes"][2]["inputs"].__setitem__(0, [2, 0]),
    "no such node": lambda c: c["nodes"][2]["inputs"].__setitem__(0, [99, 0]),
    "no such output": lambda c: c["nodes"][2]["inputs"].__setitem__(0, [0, 1]),
    "negative output": lambda c: c["nodes"][2]["inputs"].__setitem__(0, [0, -1]),
    "negative node": lambda c: c["nodes"][2]["inputs"].__setitem__(0, [-1, 0]),
    "no such layer": lambda c: c["nodes"][2].__setitem__("layer", 99),
    "an input twice": lambda c: c["nodes"].append({"layer": 0, "inputs": []}),
    "a layer too many": lambda c: c["layers"].append({"kind": "dense", "units": 1}),
    "a node too many": lambda c: c["nodes"].append({"layer": 3, "inputs": [[2, 0]]}),
    "no inputs": lambda c: c["nodes"][2].__setitem__("inputs", []),
    "no outputs": lambda c: c["outputs"].__setitem__("nodes", []),
    "output not there": lambda c: c["outputs"].__setitem__("nodes", [[99, 0], [3, 0]]),
    "names too many": lambda c: c["outputs"].__setitem__("form", ["a", "b", "c"]),
    "one for two": lambda c: c["outputs"].__setitem__("form", None),
    "no form": lambda c: c.__setitem__("inputs", 7),
    "no nodes": lambda c: c.pop("nodes"),
    "nodes of a kind": lambda c: c.__setitem__("nodes", 5),
    "no layers": lambda c: c.pop("layers"),
    "unknown kind": lambda c: c["layers"][2].__setitem__("kind", "concat"),
    "unknown argument": lambda c: c["layers"][3].__setitem__("unit", 3),
    "kind": lambda c: c.__setitem__("kind", "graph"),
    "dtype": lambda c: c.__setitem__("dtype", "float16"),
}


@pytest.mark.parametrize("case", NO_MODEL)
def test_configs_that_are_no_graph_are_value_errors(case):
    config = broken(NO_MODEL[case])
    with pytest.raises(ValueError):
        fnn.Model.from_config(config)
    fnn.Model.from_config(two_by_two().config())


# ---- bad rows -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "x, error, message",
    [
        ([np.zeros((2, 3))], ValueError, "predict: got 1, want 2"),
        ([np.zeros((2, 3)), np.zeros((2, 4)), np.zeros((2, 4))], ValueError, "got 3, want 2"),
        ([np.zeros((2, 3)), np.zeros((3, 4))], ValueError, r"x\['b'\] has 3 rows, x\['a'\] 2"),
        ([np.zeros((2, 3)), np.zeros((2, 5))], ValueError, r"x\['b'\] has shape \(2, 5\)"),
        ([np.zeros((0, 3)), np.zeros((0, 4))], ValueError, "predict: x"),
        (np.zeros((2, 7)), TypeError, "predict: want a list of 2"),
        ({"a": np.zeros((2, 3))}, ValueError, "predict: 'b' missing"),
        (None, TypeError, "predict: want a list of 2"),
        ([np.zeros((2, 3)), np.full((2, 4), np.nan)], ValueError, r"x\['b'\].*nan"),
        ([np.zeros((2, 3)), np.full((2, 4), "a")], TypeError, r"x\['b'\]"),
    ],
    ids=range(10),
)
def test_inputs_that_do_not_fit_are_named(x, error, message):
    model = two_by_two(list)
    with pytest.raises(error, match=message):
        model.predict(x)
    with pytest.raises(error):
        model.forward(x, training=True)
    with pytest.raises(RuntimeError, match="call forward"):
        model.backward([np.zeros((2, 1)), np.zeros((2, 2))])


def test_keys_gradients_and_outs_that_do_not_fit_are_named():
    model = two_by_two()
    x = {"left": numbers(4, 3), "right": numbers(4, 4)}
    with pytest.raises(ValueError, match="predict: 'right' missing"):
        model.predict({"left": x["left"]})
    with pytest.raises(ValueError, match="unknown name 'rigth'; did you mean 'right'"):
        model.predict({"left": x["left"], "rigth": x["right"]})
    model.forward(x, training=True)
    with pytest.raises(ValueError, match="backward: dy: 'two' missing"):
        model.backward({"one": np.zeros((4, 1))})
    with pytest.raises(ValueError, match="dy has 3 rows; want 4"):
        model.backward({"one": np.zeros((4, 1)), "two": np.zeros((3, 2))})
    with pytest.raises(ValueError, match=r"predict: out has shape \(4, 3\), want \(4, 2\)"):
        model.predict(x, out={"one": np.zeros((4, 1)), "two": np.zeros((4, 3))})
    with pytest.raises(TypeError, match="predict: out has dtype float32"):
        model.predict(x, out={"one": np.zeros((4, 1), "f4"), "two": np.zeros((4, 2))})


def c_function(predictor):
    kind = ctypes.CFUNCTYPE(
        ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p
    )
    return lambda x, out, n: kind(predictor.address)(
        x.ctypes.data, out.ctypes.data, n, predictor.user_data
    )


def tables(dtype="float32"):
    """A number, and a column for each of two tables; the last is the smaller one."""
    x = fnn.Input(3)
    number, columns = fnn.Split([1, 2])(x)
    looked = fnn.Embedding([9, 6], [2, 3])(columns)
    return fnn.Model(x, fnn.Dense(1)(fnn.Concatenate()([number, looked])), seed=0, dtype=dtype)


BAD_NUMBERS = [6, -1, 1.5, 1e30, -1e30, np.nan, np.inf, -np.inf, 2.0**24]


@each("check_finite", [True, False])
@pytest.mark.parametrize("bad", BAD_NUMBERS)
@each("rows, place", [(1, 0), (5, 4), (300, 280), (3000, 2999)])
def test_numbers_that_no_table_has_are_refused_everywhere(bad, rows, place, check_finite, dtype):
    """Also where nothing else is checked: a table is never read beside its rows."""
    model = tables(dtype)
    before = model.snapshot()
    x = np.tile(np.array([0.5, 8, 5], dtype), (rows, 1))
    good = x.copy()
    x[place, 2] = bad
    y = np.zeros((rows, 1), dtype)
    predictor = model.predictor(check_finite=check_finite)
    own = {"check_finite": check_finite}
    trainer = fnn.Trainer(model, "mse")
    for call in (
        lambda: model.predict(x, **own),
        lambda: model.predict(x.astype(np.float64), **own),
        lambda: model.predict(iter([good, x]), **own),
        lambda: model.predict(x[:, ::-1][:, ::-1], **own),
        lambda: model.forward(x, **own),
        lambda: model.forward(x, training=True, **own),
        lambda: predictor(x),
        lambda: predictor(x[place]),
        lambda: predictor.predict_into(x, np.empty((rows, 1), dtype)),
        lambda: trainer.fit(x, y, verbose=0, **own),
        lambda: trainer.fit(x, y, verbose=0, shuffle=False, batch_size=7, **own),
        lambda: trainer.fit([(x, y)], verbose=0, **own),
        lambda: trainer.fit(good, y, validation_data=(x, y), verbose=0, **own),
        lambda: trainer.evaluate(x, y, **own),
        lambda: trainer.evaluate([(x, y)], **own),
        lambda: trainer.train_on_batch(x, y),
    ):
        with pytest.raises(ValueError, match=r"x|finite"):
            call()
        assert same_bits(before, model.parameter_arena)
    out = np.full((rows, 1), -7, dtype)
    assert c_function(predictor)(x, out, rows) != 0
    assert c_function(predictor)(good, out, rows) == 0
    assert same_bits(out, model.predict(good))


def test_numbers_of_tables_are_whole_in_float32_too():
    model = tables()
    x = np.array([[0.0, 8.0, 5.0 + 1e-9]])  # 5 as a float32
    np.testing.assert_array_equal(model.predict(x), model.predict([[0.0, 8.0, 5.0]]))
    with pytest.raises(ValueError, match=r"x\[:, 2\] has 5.9999999 at row 0; want whole numbers"):
        model.predict([[0.0, 8.0, 5.9999999]])  # 6 as a float32
    for kind in (np.int8, np.int64, np.uint16, bool):
        assert model.predict(np.array([[0, 1, 1]], kind)).shape == (1, 1)


# ---- a person's own functions -------------------------------------------------------------------


class Wobbly:
    """A function that fails at a call of a person's choice."""

    def __init__(self, how="raise"):
        self.how = how
        self.fails = False
        self.calls = 0

    def wrong(self, x):
        if self.how == "raise":
            raise KeyError("of its own")
        if self.how == "shape":
            return np.zeros((len(x), 7))
        if self.how == "kind":
            return np.full(x.shape, "a")
        return None

    def forward(self, x):
        self.calls += 1
        return self.wrong(x) if self.fails == "forward" else np.square(x)

    def backward(self, x, y, dy):
        self.calls += 1
        return self.wrong(x) if self.fails == "backward" else 2 * x * dy


EXPECTED = {"raise": KeyError, "shape": ValueError, "kind": TypeError, "none": TypeError}


def with_lambda(wobbly, dtype="float32"):
    return fnn.Sequential(
        [
            fnn.Input(3),
            fnn.Dense(4, "tanh"),
            fnn.BatchNormalization(),
            fnn.Lambda(wobbly.forward, wobbly.backward, name="own"),
            fnn.Dense(1),
        ],
        seed=0,
        dtype=dtype,
    )


@pytest.mark.parametrize("how", EXPECTED)
@pytest.mark.parametrize("rows", [1, 5, 300, 3000])
def test_what_a_function_raises_comes_out_and_changes_nothing(how, rows):
    own = Wobbly(how)
    model = with_lambda(own)
    x, y = numbers(rows, 3).astype(np.float32), numbers(rows, 1).astype(np.float32)
    want, before = model.predict(x), model.snapshot()
    predictor = model.predictor()
    trainer = fnn.Trainer(model, "mse")
    own.fails = "forward"
    for call in (
        lambda: model.predict(x),
        lambda: model.predict(x.astype(np.float64)),
        lambda: model.forward(x),
        lambda: model.forward(x, training=True),
        lambda: predictor(x),
        lambda: predictor(x[0]),
        lambda: trainer.fit(x, y, verbose=0),
        lambda: trainer.fit(x, y, batch_size=rows, verbose=0),
        lambda: trainer.fit([(x, y)], verbose=0),
        lambda: trainer.evaluate(x, y),
        lambda: trainer.train_on_batch(x, y),
    ):
        with pytest.raises(EXPECTED[how]) as caught:
            call()
        if how == "raise":
            assert caught.value.args == ("of its own",)
        else:
            assert "Lambda 'own': function must return" in str(caught.value)
        assert same_bits(before, model.parameter_arena)
        own.fails = False
        assert same_bits(want, model.predict(x))
        own.fails = "forward"
    own.fails = False
    model.forward(x, training=True)
    before, own.fails = model.snapshot(), "backward"
    for call in (
        lambda: model.backward(y),
        lambda: trainer.fit(x, y, verbose=0),
        lambda: trainer.train_on_batch(x, y),
    ):
        with pytest.raises(EXPECTED[how]) as caught:
            call()
        if how != "raise":
            assert "Lambda 'own': gradient must return" in str(caught.value)
        assert same_bits(before, model.parameter_arena)
    own.fails = False
    model.forward(x, training=True)
    assert np.isfinite(model.backward(y)).all()
    trainer.fit(x, y, verbose=0)
    assert trainer.steps > 0
    assert np.isfinite(model.predict(x)).all()


def test_a_function_that_fails_midway_leaves_whole_steps():
    own = Wobbly()
    x, y = numbers(64, 3), numbers(64, 1)

    class Later(Wobbly):
        def forward(self, rows):
            if self.calls >= 2 * 5:  # 5 steps of one block: forward and backward each
                self.fails = "forward"
            return super().forward(rows)

    later = Later()
    model, twin = with_lambda(later), with_lambda(own)
    trainer = fnn.Trainer(model, "mse")
    with pytest.raises(KeyError, match="of its own"):
        trainer.fit(x, y, batch_size=8, shuffle=False, verbose=0)
    assert trainer.steps == 5
    other = fnn.Trainer(twin, "mse")
    for i in range(5):
        other.train_on_batch(x[8 * i : 8 * i + 8], y[8 * i : 8 * i + 8])
    assert same_bits(model.parameter_arena, twin.parameter_arena)


def test_an_error_of_a_function_comes_before_what_its_zeros_cause():
    """Zeros stand for what it did not write: a loss that is not finite is no news then."""
    own = Wobbly()
    model = fnn.Sequential(
        [fnn.Input(2), fnn.Dense(2), fnn.Lambda(own.forward, own.backward), fnn.Dense(1)], seed=0
    )
    model.parameters["dense_1/bias"][...] = 3e38
    own.fails = "forward"
    trainer = fnn.Trainer(model, "mse")
    for rows in (3, 400):
        x, y = numbers(rows, 2), numbers(rows, 1)
        for call in (trainer.train_on_batch, trainer.evaluate):
            with pytest.raises(KeyError, match="of its own"):
                call(x, y)
    own.fails = False
    assert model.predict([[1.0, 2.0]]).shape == (1, 1)


def test_a_function_sees_read_only_rows_of_the_networks_type(dtype):
    seen = []

    def look(x):
        seen.append((x.dtype, x.flags.writeable, x.shape[1]))
        with pytest.raises(ValueError, match="read-only"):
            x[...] = 0
        return x[:, :2]

    model = fnn.Sequential([fnn.Input(3), fnn.Lambda(look, units=2)], dtype=dtype)
    rows = numbers(4, 3).astype(dtype)
    assert same_bits(model.predict(rows), np.ascontiguousarray(rows[:, :2]))
    assert set(seen) == {(np.dtype(dtype), False, 3)}


def test_a_function_without_a_gradient_stops_gradients():
    x = fnn.Input(2)
    model = fnn.Model(x, fnn.Lambda(np.sign)(fnn.Dense(2, name="d")(x)), seed=0, dtype="float64")
    model.forward(numbers(3, 2), training=True)
    assert not model.backward(np.ones((3, 2))).any()
    assert not model.gradients["d/kernel"].any()


def test_functions_in_many_networks_at_once():
    own = [Wobbly() for _ in range(3)]
    own[1].fails = "forward"
    models = [with_lambda(one) for one in own]
    x, y = numbers(60, 3), numbers(60, 1)
    before = models[1].snapshot()
    trainers = [fnn.Trainer(model, "mse", seed=0) for model in models]
    with pytest.warns(FastnnWarning, match="1 of 3 jobs failed"):
        fits = fnn.fit_many(trainers, x, y, epochs=2, verbose=0)
    assert isinstance(fits.errors[1], KeyError)
    assert fits.errors[0] is None
    assert fits.errors[2] is None
    assert same_bits(before, models[1].parameter_arena)
    assert same_bits(models[0].parameter_arena, models[2].parameter_arena)
    alone = with_lambda(Wobbly())
    fnn.Trainer(alone, "mse", seed=0).fit(x, y, epochs=2, verbose=0)
    assert same_bits(alone.parameter_arena, models[0].parameter_arena)


def test_predictions_with_functions_from_several_threads():
    model = with_lambda(Wobbly())
    predictor = model.predictor()
    x = numbers(500, 3).astype(np.float32)
    want, wrong = model.predict(x), []

    def work(ask):
        for _ in range(10):
            if not same_bits(ask(x), want):
                wrong.append(ask)

    threads = [threading.Thread(target=work, args=(ask,)) for ask in (model.predict, predictor) * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
