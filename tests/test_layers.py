"""Each layer against its float64 twin: values, gradients, state, penalties, noise."""

from __future__ import annotations

import math

import numpy as np
import pytest

import fastnn as fnn
from each import each
from fastnn._core import Run
from reference import layers

WIDTHS = [1, 2, 3, 7, 8, 9, 15, 16, 17, 33]  # either side of a vector
EPSILONS = {"float32": 2.0**-23, "float64": 2.0**-52}


def numbers(*shape, seed=0):
    return np.random.default_rng([seed, *shape]).standard_normal(shape)


def same_bits(one, two):
    return np.asarray(one).tobytes() == np.asarray(two).tobytes()


def one_layer(layer, *widths, dtype="float64"):
    """A model of one layer, its parameters drawn between 0.5 and 1.5."""
    inputs = [fnn.Input(cols) for cols in widths]
    outs = layer(inputs)
    single = len(inputs) == 1
    model = fnn.Model(
        inputs[0] if single else inputs,
        list(outs) if isinstance(outs, tuple) else outs,
        seed=0,
        dtype=dtype,
    )
    rng = np.random.default_rng(5)
    for view in model.parameters.values():
        view[...] = rng.uniform(0.5, 1.5, view.shape) * rng.choice([-1.0, 1.0], view.shape)
    return model


def norm_case(layer, training, **options):
    def build(w, dtype):
        model = one_layer(layer(**options), w, dtype=dtype)
        for name, view in model.state.items():
            view[...] = (
                np.linspace(0.5, 2, w) if name.endswith("variance") else np.linspace(-1, 1, w)
            )
        return model

    def twin(p, state, xs):
        (x,) = xs
        gamma, beta = p.get("gamma", 1.0), p.get("beta", 0.0)
        epsilon = options.get("epsilon", 1e-6 if layer is fnn.RMSNormalization else 1e-3)
        if layer is fnn.LayerNormalization:
            return layers.layer_norm(x, gamma, beta, epsilon)
        if layer is fnn.RMSNormalization:
            return layers.rms_norm(x, gamma, epsilon)
        if training:
            moments = layers.moments(x)
        else:
            moments = state["moving_mean"], state["moving_variance"]
        return layers.batch_norm(x, *moments, gamma, beta, epsilon)

    return build, twin


def pair(layer, *others):
    """A layer of several inputs: of width w, and of `others` functions of it."""
    return lambda w, dtype: one_layer(layer, w, *(other(w) for other in others), dtype=dtype)


def same(w):
    return w


CASES = {
    "LayerNormalization": norm_case(fnn.LayerNormalization, False),
    "LayerNormalization, bare": norm_case(
        fnn.LayerNormalization, False, epsilon=0.1, center=False, scale=False
    ),
    "LayerNormalization, no beta": norm_case(fnn.LayerNormalization, False, center=False),
    "LayerNormalization, no gamma": norm_case(fnn.LayerNormalization, False, scale=False),
    "RMSNormalization": norm_case(fnn.RMSNormalization, False, epsilon=0.01),
    "BatchNormalization": norm_case(fnn.BatchNormalization, False),
    "BatchNormalization, bare": norm_case(
        fnn.BatchNormalization, False, epsilon=0.1, center=False, scale=False
    ),
    "BatchNormalization, training": norm_case(fnn.BatchNormalization, True, epsilon=0.05),
    "BatchNormalization, training, no beta": norm_case(
        fnn.BatchNormalization, True, epsilon=0.05, center=False
    ),
    "BatchNormalization, training, no gamma": norm_case(
        fnn.BatchNormalization, True, epsilon=0.05, scale=False
    ),
    "PReLU": (
        lambda w, dtype: one_layer(fnn.PReLU(), w, dtype=dtype),
        lambda p, s, xs: layers.prelu(xs[0], p["alpha"]),
    ),
    **{
        f"Maxout of {pieces}": (
            lambda w, dtype, pieces=pieces: one_layer(fnn.Maxout(w, pieces), 5, dtype=dtype),
            lambda p, s, xs, pieces=pieces: layers.maxout(
                xs[0], p["kernel"], p["bias"], len(p["bias"]) // pieces
            ),
        )
        for pieces in (1, 2, 3, 5)
    },
    "Maxout without bias": (
        lambda w, dtype: one_layer(fnn.Maxout(w, 3, use_bias=False), 5, dtype=dtype),
        lambda p, s, xs: layers.maxout(xs[0], p["kernel"], 0.0, p["kernel"].shape[1] // 3),
    ),
    "Bilinear": (
        pair(fnn.Bilinear(3), lambda w: 4),
        lambda p, s, xs: layers.bilinear(*xs, p["kernel"], p["bias"]),
    ),
    "Bilinear, wide second, tanh": (
        lambda w, dtype: one_layer(fnn.Bilinear(2, "tanh", use_bias=False), 3, w, dtype=dtype),
        lambda p, s, xs: np.tanh(layers.bilinear(*xs, p["kernel"], np.zeros(2))),
    ),
    "Bilinear, many units": (
        lambda w, dtype: one_layer(fnn.Bilinear(w), 2, 3, dtype=dtype),
        lambda p, s, xs: layers.bilinear(*xs, p["kernel"], p["bias"]),
    ),
    **{
        f"{kind} of {count}": (
            pair(layer(), *[same] * (count - 1)),
            lambda p, s, xs, kind=kind: layers.COMBINE[kind](xs),
        )
        for kind, layer, count in (
            ("add", fnn.Add, 2),
            ("add", fnn.Add, 5),
            ("subtract", fnn.Subtract, 2),
            ("multiply", fnn.Multiply, 2),
            ("multiply", fnn.Multiply, 4),
            ("average", fnn.Average, 3),
            ("maximum", fnn.Maximum, 2),
            ("maximum", fnn.Maximum, 4),
        )
    },
    "Concatenate": (
        pair(fnn.Concatenate(), same, lambda w: 3),
        lambda p, s, xs: np.concatenate(xs, axis=1),
    ),
    "Normalization": (
        lambda w, dtype: one_layer(
            fnn.Normalization(np.linspace(-2, 2, w), np.linspace(0, 3, w)), w, dtype=dtype
        ),
        lambda p, s, xs: layers.normalization(
            xs[0], np.linspace(-2, 2, xs[0].shape[1]), np.linspace(0, 3, xs[0].shape[1]), False
        ),
    ),
    "Normalization, inverted": (
        lambda w, dtype: one_layer(
            fnn.Normalization(np.linspace(-2, 2, w), np.linspace(0, 3, w), invert=True),
            w,
            dtype=dtype,
        ),
        lambda p, s, xs: layers.normalization(
            xs[0], np.linspace(-2, 2, xs[0].shape[1]), np.linspace(0, 3, xs[0].shape[1]), True
        ),
    ),
    "ActivityRegularization": (
        lambda w, dtype: one_layer(fnn.ActivityRegularization(0.1, 0.2), w, dtype=dtype),
        lambda p, s, xs: xs[0],
    ),
    "Flatten": (
        lambda w, dtype: one_layer(fnn.Flatten(), w, dtype=dtype),
        lambda p, s, xs: xs[0],
    ),
}
TRAINED_ONLY = [name for name in CASES if "training" in name]
DIFFERENTIABLE = [  # moving moments are for predictions
    name for name in CASES if "BatchNormalization" not in name or name in TRAINED_ONLY
]


def own(arrays):
    """Arrays of the one layer, float64, by their short names."""
    return {name.split("/")[1]: np.asarray(view, np.float64) for name, view in arrays.items()}


def given(xs):
    return xs[0] if len(xs) == 1 else xs


def inputs_of(model, n, seed=0):
    return [
        numbers(n, cols, seed=seed + k).astype(model.dtype)
        for k, cols in enumerate(model.input_cols)
    ]


@each("width", WIDTHS)
@pytest.mark.parametrize("case", CASES)
def test_values_are_those_of_the_twin(isa, dtype, case, width):
    build, twin = CASES[case]
    model = build(width, np.dtype(dtype).name)
    eps = EPSILONS[model.dtype]
    for n in (1, 5, 70):
        xs = inputs_of(model, n)
        parameters, state = own(model.parameters), own(model.state)
        want = twin(parameters, state, [x.astype(np.float64) for x in xs])
        if case not in TRAINED_ONLY:
            got = model.predict(given(xs))
            # a few roundings of numbers of the size of the largest, 1 / sqrt(0.05) at most times
            np.testing.assert_allclose(got, want, rtol=60 * eps, atol=60 * eps * np.abs(want).max())
        if "BatchNormalization" not in case or case in TRAINED_ONLY:
            got = model.forward(given(xs), training=True)
            np.testing.assert_allclose(got, want, rtol=60 * eps, atol=60 * eps * np.abs(want).max())


def differences(f, array, most, rng):
    """Places of an array and the derivatives of f by them, by four points."""
    step = 1e-4
    for place in rng.permutation(array.size)[:most]:
        index = np.unravel_index(place, array.shape)
        value, found = array[index], []
        for k in (-2, -1, 1, 2):
            array[index] = value + k * step
            found.append(f())
        array[index] = value
        yield index, (found[0] - 8 * found[1] + 8 * found[2] - found[3]) / (12 * step)


BENT = ("PReLU", "Maxout", "maximum")


def away_from_bends(case, twin, model, xs):
    """Whether steps of the differences change no choice of the largest, and no sign."""
    if case == "PReLU":
        return np.abs(xs[0]).min() > 1e-3
    ranked = None
    if case.startswith("Maxout") and "of 1" not in case:
        p = own(model.parameters)
        z = xs[0] @ p["kernel"] + p.get("bias", 0.0)
        ranked = np.sort(z.reshape(len(z), -1, model.outputs), axis=1)
        return (ranked[:, -1] - ranked[:, -2]).min() > 2e-3
    if case.startswith("maximum"):
        ranked = np.sort(np.stack(xs), axis=0)
        return (ranked[-1] - ranked[-2]).min() > 1e-3
    return True


@each("width", [1, 3, 8, 17])
@pytest.mark.parametrize("case", DIFFERENTIABLE)
def test_gradients_are_finite_differences_of_the_twin(isa, case, width):
    """Of the twin in float64, so that an error that values and gradients share shows."""
    build, twin = CASES[case]
    model = build(width, "float64")
    for seed in range(1000):
        xs = inputs_of(model, 4, seed=seed)
        if away_from_bends(case, twin, model, xs):
            break
    else:
        raise AssertionError("no point is far from bends")
    parameters, state = own(model.parameters), own(model.state)
    model.forward(given(xs), training=True)
    dy = numbers(4, model.outputs, seed=9)
    dxs = model.backward(dy)
    dxs = dxs if isinstance(dxs, list) else [dxs]

    def f():
        return float((dy * twin(parameters, state, xs)).sum())

    rng = np.random.default_rng(0)
    for name, array in parameters.items():
        for index, want in differences(f, array, 12, rng):
            got = own(model.gradients)[name][index]
            assert got == pytest.approx(want, rel=1e-7, abs=1e-9), (name, index)
    for k, (x, dx) in enumerate(zip(xs, dxs, strict=True)):
        for index, want in differences(f, x, 12, rng):
            assert dx[index] == pytest.approx(want, rel=1e-7, abs=1e-9), (k, index)


@each("width", [1, 5, 16, 33])
@pytest.mark.parametrize("case", CASES)
def test_gradients_in_float32_are_those_in_float64(isa, case, width):
    build, _ = CASES[case]
    double, single = build(width, "float64"), build(width, "float32")
    double.restore(single.parameter_arena.astype(np.float64))
    xs = [x.astype(np.float32) for x in inputs_of(double, 40)]
    dy = numbers(40, double.outputs, seed=3).astype(np.float32)
    found = []
    for model in (double, single):
        model.forward(given(xs), training=True)
        dx = model.backward(dy)
        found.append(dx if isinstance(dx, list) else [dx])
    for want, got in zip(found[0], found[1], strict=True):
        # roundings of a few dozen products each; largest values set the scale
        np.testing.assert_allclose(got, want, rtol=1e-4, atol=2e-5 * np.abs(want).max())
    for name, want in double.gradients.items():
        np.testing.assert_allclose(
            single.gradients[name], want, rtol=1e-4, atol=2e-5 * np.abs(want).max(), err_msg=name
        )


# ---- long batches: blocks of rows, shards, threads ----------------------------------------------


def deep(case, inputs, hidden, dtype="float64"):
    """A network with the layer in it: its gradients come from many blocks or shards."""
    build = {
        "layer": lambda h: fnn.LayerNormalization()(h),
        "rms": lambda h: fnn.RMSNormalization()(h),
        "batch": lambda h: fnn.BatchNormalization()(h),
        "batch, twice": lambda h: fnn.BatchNormalization()(
            fnn.Dense(hidden, "tanh")(fnn.BatchNormalization()(h))
        ),
        "prelu": lambda h: fnn.PReLU("ones")(h),
        "maxout": lambda h: fnn.Maxout(7, 3)(h),
        "bilinear": lambda h: fnn.Bilinear(5)([h, fnn.Dense(3)(h)]),
        "residual": lambda h: fnn.Add()([h, fnn.Dense(hidden, "tanh")(h), h]),
        "combine": lambda h: fnn.Concatenate()(
            [fnn.Multiply()([h, fnn.Dense(hidden)(h)]), h, fnn.Maximum()([fnn.Dense(hidden)(h), h])]
        ),
        "split": lambda h: fnn.Concatenate()(
            [fnn.Dense(4, "silu")(part) for part in fnn.Split([hidden - 3, 3])(h)]
        ),
        "activity": lambda h: fnn.ActivityRegularization(0.01, 0.02)(h),
        "scaled": lambda h: fnn.Normalization(np.zeros(hidden), np.full(hidden, 4.0))(h),
    }[case]
    x = fnn.Input(inputs)
    whole = fnn.Dense(2)(build(fnn.Dense(hidden, "tanh")(x)))
    return fnn.Model(x, whole, seed=0, dtype=dtype)


DEEP = [
    "layer", "rms", "batch", "batch, twice", "prelu", "maxout", "bilinear", "residual", "combine",
    "split", "activity", "scaled",
]  # fmt: skip


def low_level_gradient(model, x, y):
    """Of the mean squared error, by forward and backward: one block, whatever its length."""
    out = model.forward(x, training=True)
    model.backward(2 * (out - y) / y.size)
    return model.gradient_arena.copy()


@pytest.mark.parametrize("case", [c for c in DEEP if c != "activity"])
@pytest.mark.parametrize("hidden, rows", [(16, 300), (16, 2100), (130, 2500), (20, 127)])
def test_long_batches_have_the_gradients_of_one_block(isa, case, hidden, rows):
    """Shards, several blocks, and the two ways through threads, against one block."""
    model = deep(case, 30, hidden)
    x, y = numbers(rows, 30), numbers(rows, 2, seed=1)
    before = model.snapshot()
    want = low_level_gradient(model, x, y)
    if hidden == 130 and "batch" not in case:
        assert rows > model.block_rows()
    moved = {name: view.copy() for name, view in model.state.items()}
    for threads in (1, 3):
        model.restore(before)
        with fnn.threads(threads):
            fnn.Trainer(model, "mse", fnn.SGD(1e-300)).train_on_batch(x, y)
        # sums of so many rows in another order
        np.testing.assert_allclose(model.gradient_arena, want, rtol=1e-9, atol=1e-13)
        for name, view in model.state.items():
            np.testing.assert_array_equal(view, moved[name])


@pytest.mark.parametrize("rows", [64, 300, 2500])
def test_activity_regularization_in_loss_and_gradient(rows):
    model = deep("activity", 30, 40)
    x, y = numbers(rows, 30), numbers(rows, 2, seed=1)
    k, b, k2, b2 = (view.copy() for view in model.parameters.values())
    h = np.tanh(x @ k + b)
    out = h @ k2 + b2
    value = ((out - y) ** 2).mean() + layers.activity(h, 0.01, 0.02)
    dh = 2 * (out - y) / y.size @ k2.T + (0.01 * np.sign(h) + 0.04 * h) / rows
    want = x.T @ (dh * (1 - h**2))
    trainer = fnn.Trainer(model, "mse", fnn.SGD(1e-300))
    assert trainer.evaluate(x, y)["loss"] == pytest.approx(value, rel=1e-12)
    assert trainer.train_on_batch(x, y)["loss"] == pytest.approx(value, rel=1e-12)
    np.testing.assert_allclose(model.gradients["dense_0/kernel"], want, rtol=1e-9, atol=1e-13)
    # an epoch's loss is over its rows, whatever the batches
    sizes = fnn.Trainer(model, "mse", fnn.SGD(1e-300)).fit(x, y, batch_size=17, verbose=0)
    assert sizes["loss"][0] == pytest.approx(value, rel=1e-12)
    # what is predicted, and the low level, know nothing of it
    np.testing.assert_allclose(model.predict(x), out, rtol=1e-10, atol=1e-13)
    low_level_gradient(model, x, y)
    dh = 2 * (out - y) / y.size @ k2.T
    np.testing.assert_allclose(
        model.gradients["dense_0/kernel"], x.T @ (dh * (1 - h**2)), rtol=1e-9, atol=1e-13
    )


def test_activity_regularization_beside_weights_and_labels():
    model = fnn.Sequential(
        [fnn.Input(4), fnn.Dense(3), fnn.ActivityRegularization(0.5), fnn.Activation("softmax")],
        seed=0,
        dtype="float64",
    )
    x, y = numbers(20, 4), np.arange(20) % 3
    weight = np.linspace(0, 2, 20)
    k, b = model.parameters.values()
    z = x @ k + b
    logs = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    value = -(weight * logs[np.arange(20), y]).sum() / weight.sum() + layers.activity(z, 0.5, 0)
    scores = fnn.Trainer(model, "sparse_categorical_crossentropy").evaluate(
        x, y, sample_weight=weight
    )
    assert scores["loss"] == pytest.approx(value, rel=1e-12)


# ---- embeddings ---------------------------------------------------------------------------------


@pytest.mark.parametrize("dim", [1, 3, 8, 17])
def test_embeddings_look_up_rows_and_collect_their_gradients(isa, dtype, dim):
    layer = fnn.Embedding([5, 3], [dim, 2])
    model = one_layer(layer, 2, dtype=np.dtype(dtype).name)
    rng = np.random.default_rng(0)
    for n in (1, 4, 200):
        x = np.stack([rng.integers(0, 5, n), rng.integers(0, 3, n)], axis=1)
        tables = [view.copy() for view in model.parameters.values()]
        assert same_bits(model.predict(x), layers.embedding(x, tables).astype(dtype))
        model.forward(x, training=True)
        dy = rng.integers(-3, 4, (n, dim + 2)).astype(dtype)  # sums of whole numbers are exact
        dx = model.backward(dy)
        assert not dx.any()
        for k, (view, part) in enumerate(
            zip(model.gradients.values(), (dy[:, :dim], dy[:, dim:]), strict=True)
        ):
            want = np.zeros_like(view)
            np.add.at(want, x[:, k], part)
            np.testing.assert_array_equal(view, want)


@pytest.mark.parametrize("rows", [30, 400, 3000])
def test_embeddings_train_in_blocks_and_shards(rows):
    x = fnn.Input(3)
    number, days, months = fnn.Split(3)(x)
    parts = [number, fnn.Embedding(7, 3)(days), fnn.Embedding(12, 5)(months)]
    model = fnn.Model(x, fnn.Dense(1)(fnn.Concatenate()(parts)), seed=0, dtype="float64")
    rng = np.random.default_rng(1)
    data = np.stack(
        [rng.standard_normal(rows), rng.integers(0, 7, rows), rng.integers(0, 12, rows)], axis=1
    )
    y = numbers(rows, 1)
    want = low_level_gradient(model, data, y)
    fnn.Trainer(model, "mse", fnn.SGD(1e-300)).train_on_batch(data, y)
    np.testing.assert_allclose(model.gradient_arena, want, rtol=1e-10, atol=1e-14)


def test_a_table_shared_by_two_columns():
    shared = fnn.Embedding(4, 2, name="who")
    a, b = fnn.Input(1), fnn.Input(1)
    model = fnn.Model([a, b], fnn.Subtract()([shared(a), shared(b)]), seed=0, dtype="float64")
    home, away = np.array([[0], [1], [0]]), np.array([[1], [2], [3]])
    model.forward([home, away], training=True)
    dy = np.array([[1.0, 0], [0, 2], [4, 8]])
    model.backward(dy)
    np.testing.assert_array_equal(
        model.gradients["who/embeddings"], [[5, 8], [-1, 2], [0, -2], [-4, -8]]
    )


# ---- batch normalization ------------------------------------------------------------------------


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("rows, threads", [(8, 1), (64, 3), (700, 1), (700, 3)])
def test_moving_moments_after_some_steps(isa, dtype, first, rows, threads):
    """As the first layer and behind another one."""
    name = np.dtype(dtype).name
    norm = fnn.BatchNormalization(0.9, epsilon=0.01, name="bn")
    before = [] if first else [fnn.Activation("tanh")]
    model = fnn.Sequential([fnn.Input(5), *before, norm, fnn.Dense(1)], seed=0, dtype=name)
    mean, variance = np.zeros(5), np.ones(5)
    trainer = fnn.Trainer(model, "mse")
    with fnn.threads(threads):
        for k in range(4):
            x = (numbers(rows, 5, seed=k) * 3 + 1).astype(dtype)
            trainer.train_on_batch(x, numbers(rows, 1))
            h = x.astype(np.float64) if first else np.tanh(x.astype(np.float64))
            batch = layers.moments(h)
            mean, variance = (
                layers.moved(old, new, 0.9)
                for old, new in zip((mean, variance), batch, strict=True)
            )
    eps = EPSILONS[name]
    np.testing.assert_allclose(model.state["bn/moving_mean"], mean, rtol=0, atol=60 * eps)
    np.testing.assert_allclose(model.state["bn/moving_variance"], variance, rtol=60 * eps)
    # evaluating and predicting read them and leave them alone
    kept = model.snapshot()
    x = numbers(rows, 5).astype(dtype)
    h = x.astype(np.float64) if first else np.tanh(x.astype(np.float64))
    p = {key: np.float64(view) for key, view in model.parameters.items()}
    normed = layers.batch_norm(h, mean, variance, p["bn/gamma"], p["bn/beta"], 0.01)
    want = normed @ p["dense_0/kernel"] + p["dense_0/bias"]
    np.testing.assert_allclose(model.predict(x), want, rtol=200 * eps, atol=200 * eps)
    loss = trainer.evaluate(x, np.zeros((rows, 1)))["loss"]
    assert loss == pytest.approx((want**2).mean(), rel=500 * eps)
    assert same_bits(kept, model.parameter_arena)


def test_a_training_step_with_the_norm_first_is_that_of_the_twin(isa):
    """Loss, gradients of gamma, beta and x by the paper's chain rule."""
    model = fnn.Sequential(
        [fnn.Input(4), fnn.BatchNormalization(epsilon=0.02), fnn.Dense(2)], seed=0, dtype="float64"
    )
    for rows in (2, 50, 600):
        x, y = numbers(rows, 4) * 2 + 3, numbers(rows, 2)
        gamma, beta, k, b = (view.copy() for view in model.parameters.values())
        h = layers.batch_norm(x, *layers.moments(x), gamma, beta, 0.02)
        out = h @ k + b
        dh = 2 * (out - y) / y.size @ k.T
        _, dgamma, dbeta = layers.batch_norm_gradients(x, dh, gamma, 0.02)
        loss = fnn.Trainer(model, "mse", fnn.SGD(1e-300)).train_on_batch(x, y)["loss"]
        assert loss == pytest.approx(((out - y) ** 2).mean(), rel=1e-12)
        np.testing.assert_allclose(
            model.gradients["batch_normalization_0/gamma"], dgamma, rtol=1e-9, atol=1e-12
        )
        np.testing.assert_allclose(
            model.gradients["batch_normalization_0/beta"], dbeta, rtol=1e-9, atol=1e-12
        )


@pytest.mark.parametrize("rows, threads", [(16, 1), (300, 1), (300, 4)])
def test_a_dropped_step_leaves_moments_and_parameters_alone(rows, threads):
    model = fnn.Sequential(
        [fnn.Input(3), fnn.Dense(6), fnn.BatchNormalization(), fnn.Dense(1)], seed=0
    )
    x, y = numbers(rows, 3), numbers(rows, 1)
    y[-1] = 3e38
    before = model.snapshot()
    trainer = fnn.Trainer(model, "mse")
    with fnn.threads(threads), pytest.raises(FloatingPointError, match="the loss became inf"):
        trainer.train_on_batch(x, y)
    assert same_bits(before, model.parameter_arena)
    assert trainer.steps == 0
    weight = np.zeros(rows)
    trainer.train_on_batch(x, np.zeros((rows, 1)), weight)  # a batch of weight 0 is skipped
    assert same_bits(before, model.parameter_arena)


def test_a_batch_of_one_row_and_a_constant_column():
    model = one_layer(fnn.BatchNormalization(0.5), 2)
    out = model.forward([[3.0, 4.0]], training=True)
    np.testing.assert_array_equal(out[0], model.parameters["batch_normalization_0/beta"])
    np.testing.assert_array_equal(model.state["batch_normalization_0/moving_variance"], [0.5, 0.5])
    np.testing.assert_array_equal(model.state["batch_normalization_0/moving_mean"], [1.5, 2.0])
    assert not model.backward([[1.0, 1.0]]).any()


# ---- noise --------------------------------------------------------------------------------------

NOISES = {
    "dropout": fnn.Dropout(0.3),
    "alpha": fnn.AlphaDropout(0.2),
    "gaussian dropout": fnn.GaussianDropout(0.2),
    "gaussian noise": fnn.GaussianNoise(0.5),
}


@pytest.mark.parametrize("name", NOISES)
def test_statistics_of_noise(dtype, name):
    layer = NOISES[name]
    model = one_layer(layer, 50, dtype=np.dtype(dtype).name)
    rng = np.random.default_rng(0)
    x = rng.standard_normal((4000, 50)).astype(dtype)
    y = model.forward(x, training=True).astype(np.float64)
    n = x.size
    assert same_bits(model.predict(x), x)
    assert same_bits(model.forward(x), x)
    dx = model.backward(np.ones_like(x)).astype(np.float64)
    if name == "dropout":
        kept = y != 0
        np.testing.assert_allclose(y[kept], x[kept] / np.float64(0.7), rtol=2e-7)
        np.testing.assert_allclose(dx, kept / 0.7, rtol=2e-7)
        share, want, deviation = kept.mean(), 0.7, math.sqrt(0.3 * 0.7 / n)
    elif name == "alpha":
        # mean 0 and variance 1 stay: Klambauer et al. (2017)
        assert abs(y.mean()) < 5 / math.sqrt(n)
        assert abs(y.var() - 1) < 5 * math.sqrt(3 / n)
        share, want, deviation = (dx != 0).mean(), 0.8, math.sqrt(0.2 * 0.8 / n)
    elif name == "gaussian dropout":
        share, want, deviation = dx.mean(), 1.0, 0.5 / math.sqrt(n)
        assert abs(dx.std() - 0.5) < 5 * 0.5 / math.sqrt(2 * n)
        np.testing.assert_allclose(y, x * dx, rtol=2e-7, atol=1e-30)
    else:
        share, want, deviation = (y - x).mean(), 0.0, 0.5 / math.sqrt(n)
        assert abs((y - x).std() - 0.5) < 5 * 0.5 / math.sqrt(2 * n)
        np.testing.assert_array_equal(dx, 1)
    assert abs(share - want) < 5 * deviation
    # rows and columns are drawn for themselves: no two alike, and neighbours are not related
    noise = dx if name not in ("gaussian noise",) else y - x
    columns = noise.mean(axis=0)
    assert abs(columns - noise.mean()).max() < 6 * noise.std() / math.sqrt(4000)
    centred = noise - noise.mean()
    for shift in (1, 50):
        flat = centred.reshape(-1)
        assert abs((flat[shift:] * flat[:-shift]).mean()) < 6 * noise.var() / math.sqrt(n)


@pytest.mark.parametrize("name", NOISES)
def test_noise_is_drawn_anew_at_each_step_and_alike_for_a_seed(name):
    x = numbers(40, 9)
    first, twin = one_layer(NOISES[name], 9), one_layer(NOISES[name], 9)
    outs = [first.forward(x, training=True) for _ in range(3)]
    again = [twin.forward(x, training=True) for _ in range(3)]
    for a, b in zip(outs, again, strict=True):
        assert same_bits(a, b)
    assert not same_bits(outs[0], outs[1])
    assert not same_bits(outs[1], outs[2])
    other = one_layer(NOISES[name], 9)
    other.seed = 1
    assert not same_bits(outs[0], other.forward(x, training=True))


def test_two_layers_of_noise_draw_their_own_numbers():
    x = fnn.Input(50)
    outs = [fnn.Dropout(0.5)(x), fnn.Dropout(0.5)(x)]
    model = fnn.Model(x, outs, seed=0)
    a, b = model.forward(np.ones((100, 50)), training=True)
    assert 0.4 < (a == b).mean() < 0.6


@pytest.mark.parametrize("name", NOISES)
def test_gradients_behind_noise(name):
    """A copy of the model draws the same numbers, so differences see one function."""
    x = fnn.Input(4)
    h = NOISES[name](fnn.Dense(6, "tanh")(x))
    model = fnn.Model(x, fnn.Dense(2, "tanh")(h), seed=3, dtype="float64")
    rows, dy = numbers(5, 4), numbers(5, 2)
    worker = model.copy()
    worker.forward(rows, training=True)
    dx = worker.backward(dy)

    def f():
        return float((dy * model.copy().forward(rows, training=True)).sum())

    rng = np.random.default_rng(0)
    for key, view in model.parameters.items():
        for index, want in differences(f, view, 6, rng):
            assert worker.gradients[key][index] == pytest.approx(want, rel=1e-7, abs=1e-9)
    for index, want in differences(f, rows, 8, rng):
        assert dx[index] == pytest.approx(want, rel=1e-7, abs=1e-9)


@pytest.mark.parametrize("name", NOISES)
@pytest.mark.parametrize("hidden, rows", [(24, 90), (24, 2000), (200, 2500)])
def test_noise_does_not_depend_on_cuts_and_threads(name, hidden, rows):
    """One block of the low level, and a step in blocks or shards, draw the same numbers: the
    gradients agree; and threads change no bit."""

    def network():
        return fnn.Sequential(
            [fnn.Input(20), fnn.Dense(hidden, "tanh"), NOISES[name].replace(), fnn.Dense(2)],
            seed=11,
            dtype="float64",
        )

    x, y = numbers(rows, 20), numbers(rows, 2, seed=1)
    model = network()
    want = low_level_gradient(model, x, y)
    found = []
    for threads in (1, 2, 3):
        model = network()
        with fnn.threads(threads):
            fnn.Trainer(model, "mse", fnn.SGD(0.1)).train_on_batch(x, y)
        found.append(model.parameter_arena.copy())
        np.testing.assert_allclose(model.gradient_arena, want, rtol=1e-9, atol=1e-13)
    assert same_bits(found[0], found[1])
    assert same_bits(found[0], found[2])


def test_evaluating_and_validating_draw_no_noise():
    model = fnn.Sequential([fnn.Input(3), fnn.Dropout(0.5), fnn.Dense(1)], seed=0, dtype="float64")
    x, y = numbers(50, 3), numbers(50, 1)
    trainer = fnn.Trainer(model, "mse")
    want = ((model.predict(x) - y) ** 2).mean()
    assert trainer.evaluate(x, y)["loss"] == pytest.approx(want, rel=1e-12)
    history = trainer.fit(x, y, validation_data=(x, y), verbose=0)
    want = ((model.predict(x) - y) ** 2).mean()
    assert history["val_loss"][0] == pytest.approx(want, rel=1e-12)


# ---- losses of several outputs, by the core alone -----------------------------------------------


def test_a_run_sums_the_losses_of_several_outputs_by_their_weights():
    x = fnn.Input(4)
    h = fnn.Dense(5, "tanh", name="h")(x)
    model = fnn.Model(
        x, [fnn.Dense(2, name="a")(h), h, fnn.Dense(3, "softmax", name="c")(h)], seed=0,
        dtype="float64",
    )  # fmt: skip
    mse = fnn.losses.get("mse").kind
    fused = fnn.losses.get("categorical_crossentropy").kind
    rows = numbers(30, 4)
    ya, yc = numbers(30, 2), np.random.default_rng(0).dirichlet(np.ones(3), 30)
    a, _, c = model.predict(rows)
    state = model._optimizer_state(fnn.SGD(1e-300))
    heads = [(mse, {}, False, 0.5), (mse, {}, False, 0.0), (fused, {}, True, 2.0)]
    run = Run(model, heads, [], 30, state)
    run.bind((rows,), (ya, None, yc), None, None, 30, True)
    run.begin()
    assert run.advance(1) == ""
    want = 0.5 * ((a - ya) ** 2).mean() - 2 * (yc * np.log(c)).sum(axis=1).mean()
    assert run.loss == pytest.approx(want, rel=1e-12)
    gradient = model.gradient_arena.copy()
    model.forward(rows, training=True)
    model.backward([0.5 * 2 * (a - ya) / ya.size, None, -2 * yc / c / 30])
    np.testing.assert_allclose(gradient, model.gradient_arena, rtol=1e-9, atol=1e-14)
