"""The same bits at any number of threads: fit, evaluate and predict over all plan shapes."""

from __future__ import annotations

import numpy as np
import pytest

import fastnn as fnn
from fastnn import _core

THREADS = (2, 3, 4, 7)
ROWS = 2500

# Chosen so that steps are large enough for threads: one block, several blocks, shards; kernels cut
# into pieces and whole ones; one output and many.
SHAPES = {
    "one block": ([96, 130, 64, 3], 200),
    "one block, large kernels": ([200, 300, 10], 64),
    "several blocks": ([160, 150, 140, 2], 2500),
    "shards": ([8, 32, 16, 4], 2100),
    "shards of several blocks": ([30, 100, 60, 1], 2400),
    "shards, then a short batch": ([20, 64, 32, 1], 600),
    "two short shards, then a whole batch": ([64, 100, 10], 200),
    "rows that no power of two cuts evenly": ([20, 64, 32, 1], 390),
    "wide and shallow": ([300, 1], 1200),
    "narrow in the middle": ([128, 2, 128, 70], 120),
}


def network(shape, dtype, activation="relu", output="linear", kernel_regularizer=None):
    layers = [fnn.Input(shape[0])]
    for width, kind in zip(shape[1:], [activation] * (len(shape) - 2) + [output], strict=True):
        layers.append(fnn.Dense(width, kind, kernel_regularizer=kernel_regularizer))
    return fnn.Sequential(layers, seed=3, dtype=dtype)


def rows_for(shape, rows=ROWS):
    rng = np.random.default_rng(7)
    x = rng.standard_normal((rows, shape[0]))
    return x, np.tanh(x @ rng.standard_normal((shape[0], shape[-1])))


def outcome(model, loss, x, y, batch_size, *, metrics=(), optimizer="adam", **fit):
    """Everything a fit leaves behind."""
    trainer = fnn.Trainer(model, loss, optimizer, metrics)
    history = trainer.fit(x, y, batch_size=batch_size, epochs=2, verbose=0, **fit)
    scores = trainer.evaluate(x, y)
    return [
        *(values.copy() for values in model.parameters.values()),
        *(np.array(history[name]) for name in history),
        np.array(list(scores.values())),
        model.predict(x),
    ]


def assert_alike(build, *args, counts=THREADS, **kwargs):
    with fnn.threads(1):
        alone = outcome(build(), *args, **kwargs)
    assert not any(np.isnan(part).any() for part in alone)
    for count in counts:
        with fnn.threads(count):
            together = outcome(build(), *args, **kwargs)
        for i, (a, b) in enumerate(zip(alone, together, strict=True)):
            assert a.tobytes() == b.tobytes(), f"part {i} differs with {count} threads"


@pytest.mark.parametrize("shape", SHAPES)
def test_all_plan_shapes(shape, dtype):
    sizes, batch_size = SHAPES[shape]
    x, y = rows_for(sizes)
    metrics = ["mae", "r2_score", "root_mean_squared_error"]
    assert_alike(lambda: network(sizes, dtype), "mse", x, y, batch_size, metrics=metrics)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    "optimizer", [fnn.Adam(), fnn.SGD(1e-3, 0.9, ema=0.9), fnn.optimizers.Adamax()]
)
def test_penalties(shape, optimizer, dtype):
    sizes, batch_size = SHAPES[shape]
    x, y = rows_for(sizes)
    penalty = fnn.regularizers.L1L2(1e-4, 1e-3)
    assert_alike(
        lambda: network(sizes, dtype, kernel_regularizer=penalty),
        "mse",
        x,
        y,
        batch_size,
        optimizer=optimizer,
        counts=(2, 3),
    )


@pytest.mark.parametrize("shape", ["one block", "several blocks", "shards"])
def test_every_instruction_set(shape, isa):
    sizes, batch_size = SHAPES[shape]
    x, y = rows_for(sizes)
    assert_alike(lambda: network(sizes, "float32", "tanh"), "mse", x, y, batch_size)


@pytest.mark.parametrize("shape", ["one block", "several blocks", "shards"])
def test_rows_read_where_they_lie(shape):
    sizes, batch_size = SHAPES[shape]
    x, y = (rows.astype(np.float32) for rows in rows_for(sizes))
    assert_alike(lambda: network(sizes, "float32", "gelu"), "mse", x, y, batch_size, shuffle=False)


@pytest.mark.parametrize("shape", ["one block", "several blocks", "shards"])
def test_sample_weights(shape):
    sizes, batch_size = SHAPES[shape]
    x, y = rows_for(sizes)
    weight = np.random.default_rng(1).integers(0, 3, len(x))
    assert_alike(
        lambda: network(sizes, "float64", "silu"),
        fnn.losses.Huber(0.3),
        x,
        y,
        batch_size,
        sample_weight=weight,
        metrics=["mae"],
    )


@pytest.mark.parametrize("sizes, batch_size", [([60, 80, 9], 150), ([12, 40, 5], 1000)])
def test_labels_and_softmax(sizes, batch_size, dtype):
    x, y = rows_for(sizes)
    assert_alike(
        lambda: network(sizes, dtype, output="softmax"),
        "sparse_categorical_crossentropy",
        x,
        y.argmax(axis=1),
        batch_size,
        metrics=["accuracy"],
        optimizer=fnn.SGD(0.05, momentum=0.9),
    )


def test_layers_of_activation_alone():
    def build():
        return fnn.Sequential(
            [
                fnn.Input(90),
                fnn.Dense(140),
                fnn.Activation("elu"),
                fnn.Dense(70, use_bias=False),
                fnn.Activation("softplus"),
                fnn.Dense(4),
                fnn.Activation("sigmoid"),
            ],
            seed=5,
        )

    x, y = rows_for([90, 4])
    assert_alike(build, "binary_crossentropy", x, y > 0, 180)


def test_a_stream_of_batches_as_an_array():
    sizes, batch_size = SHAPES["shards, then a short batch"]
    x, y = rows_for(sizes)
    batches = [(x[i : i + batch_size], y[i : i + batch_size]) for i in range(0, ROWS, batch_size)]
    results = []
    for count in (1, 3):
        with fnn.threads(count):
            for data in [(batches,), (x, y)]:
                model = network(sizes, "float32")
                options = {} if len(data) == 1 else {"batch_size": batch_size, "shuffle": False}
                fnn.Trainer(model, "mse").fit(*data, epochs=2, verbose=0, **options)
                results.append(b"".join(v.tobytes() for v in model.parameters.values()))
    assert len(set(results)) == 1


@pytest.mark.parametrize("shape", ["one block", "several blocks", "shards"])
def test_the_first_bad_row_is_named(shape):
    sizes, batch_size = SHAPES[shape]
    x, y = rows_for(sizes, batch_size)
    x[[190 % batch_size, 57]] = np.nan
    for count in (1, *THREADS):
        model = network(sizes, "float32")
        before = [values.copy() for values in model.parameters.values()]
        with fnn.threads(count), pytest.raises(ValueError, match=r"row 57"):
            fnn.Trainer(model, "mse").fit([(x, y)], verbose=0)
        for a, b in zip(before, model.parameters.values(), strict=True):
            assert a.tobytes() == b.tobytes()


@pytest.mark.parametrize("shape", ["one block", "several blocks", "shards"])
def test_a_loss_that_is_not_finite_changes_nothing(shape):
    sizes, batch_size = SHAPES[shape]
    x, y = rows_for(sizes, batch_size)
    y[-1] = 3e38
    for count in (1, *THREADS):
        model = network(sizes, "float32")
        before = [values.copy() for values in model.parameters.values()]
        with fnn.threads(count), pytest.raises(FloatingPointError, match="the loss became inf"):
            fnn.Trainer(model, "mse").fit(x, y, batch_size=batch_size, verbose=0)
        for a, b in zip(before, model.parameters.values(), strict=True):
            assert a.tobytes() == b.tobytes()


@pytest.mark.parametrize("shape", SHAPES)
def test_a_penalty_that_is_not_finite_changes_nothing(shape):
    """Though the gradients of the data are there, and all finite."""
    sizes, batch_size = SHAPES[shape]
    x, y = rows_for(sizes, batch_size)
    penalty = fnn.regularizers.L2(1e307)
    for count in (1, 2):
        model = network(sizes, "float64", "tanh", kernel_regularizer=penalty)
        next(iter(model.parameters.values()))[...] *= 100
        before = [values.copy() for values in model.parameters.values()]
        trainer = fnn.Trainer(model, "mse", fnn.SGD(1e-3))
        with fnn.threads(count), pytest.raises(FloatingPointError, match="the loss became inf"):
            trainer.fit(x, y, batch_size=batch_size, verbose=0)
        for a, b in zip(before, model.parameters.values(), strict=True):
            assert a.tobytes() == b.tobytes()


# ---- graphs with all layers ---------------------------------------------------------------------


def graph(dtype, hidden, barriers):
    """Every layer, in one graph with one input; the last two columns are numbers of tables.

    Without `barriers` (batch normalization) a batch may be cut into blocks and shards.
    """
    x = fnn.Input(14)
    left, cats = fnn.Split([12, 2])(x)
    left = fnn.Normalization(np.linspace(-1, 1, 12), np.linspace(1, 2, 12))(left)
    h = fnn.Concatenate()([left, fnn.Embedding([5, 7], [3, 4])(cats)])
    h = fnn.BatchNormalization()(h) if barriers else h
    h = skip = fnn.Dense(hidden, "gelu")(h)
    h = fnn.GaussianDropout(0.1)(fnn.PReLU("ones")(fnn.Dropout(0.2)(fnn.LayerNormalization()(h))))
    h = fnn.Add()([skip, fnn.Dense(hidden)(h)])
    h = fnn.BatchNormalization(0.9)(h) if barriers else h
    h = fnn.ActivityRegularization(1e-3, 1e-3)(fnn.GaussianNoise(0.05)(h))
    a, b = fnn.Split(2)(fnn.AlphaDropout(0.05)(fnn.RMSNormalization()(h)))
    shared = fnn.Dense(9, "tanh")
    a, b = shared(a), shared(b)
    parts = [fnn.Subtract()([a, b]), fnn.Multiply()([a, b, a]), fnn.Maximum()([a, b])]
    parts += [fnn.Average()([a, b]), fnn.Bilinear(4)([a, left]), fnn.Maxout(6, 3)(b)]
    h = fnn.Flatten()(fnn.Activation("silu")(fnn.Concatenate()(parts)))
    end = fnn.Normalization([1.0, 2.0], [3.0, 4.0], invert=True)(fnn.Dense(2)(h))
    return fnn.Model(x, end, seed=3, dtype=dtype)


def rows_of_graph(rows):
    rng = np.random.default_rng(rows)
    x = np.concatenate([rng.standard_normal((rows, 12)), rng.integers(0, 5, (rows, 2))], axis=1)
    return x, np.tanh(x[:, :2] * x[:, 2:4])


# hidden, rows, batch size: a block alone and over threads, shards, several blocks, a short batch
GRAPHS = {
    "alone": (16, 300, 20),
    "together": (200, 400, 180),
    "shards": (30, 1400, 700),
    "long blocks": (200, 2500, 2500),
}


@pytest.mark.parametrize("barriers", [False, True])
@pytest.mark.parametrize("shape", GRAPHS)
def test_graphs_with_all_layers(shape, barriers, dtype, isa):
    hidden, rows, batch_size = GRAPHS[shape]
    x, y = rows_of_graph(rows)
    if shape == "long blocks" and not barriers:
        assert graph(dtype, hidden, barriers).block_rows() < batch_size
    counts = THREADS if isa == _core.available_isas()[-1] else (3,)  # who does what has no ISA
    assert_alike(
        lambda: graph(dtype, hidden, barriers),
        "mse",
        x,
        y,
        batch_size,
        metrics=["mae"],
        counts=counts,
    )


@pytest.mark.parametrize("barriers", [False, True])
def test_graphs_with_all_layers_and_frozen_ones_and_weights(barriers, dtype):
    hidden, rows, batch_size = GRAPHS["together"]
    x, y = rows_of_graph(rows)

    def build():
        model = graph(dtype, hidden, barriers)
        model.freeze("dense_1", "embedding_0", "prelu_0")
        return model

    weight = np.random.default_rng(1).integers(0, 3, len(x))
    assert_alike(build, "huber", x, y, batch_size, sample_weight=weight, optimizer=fnn.AdamW(0.01))


@pytest.mark.parametrize("barriers", [False, True])
@pytest.mark.parametrize("hidden", [16, 200])
def test_predictions_of_graphs_do_not_depend_on_the_rows_beside(hidden, barriers, dtype, isa):
    """Row i of a batch has the bits of row i alone, in any cut, in a predictor too."""
    model = graph(dtype, hidden, barriers)
    x, y = rows_of_graph(700)
    fnn.Trainer(model, "mse").fit(x, y, epochs=1, verbose=0)
    x = x.astype(dtype)
    whole = model.predict(x)
    for i in (0, 1, 13, 350, 699):
        assert model.predict(x[i : i + 1]).tobytes() == whole[i].tobytes()
    for size in (1, 5, 12, 48, 64, 333):
        assert model.predict(x[:400], batch_size=size).tobytes() == whole[:400].tobytes()
        assert model.predict(x[100 : 100 + size]).tobytes() == whole[100 : 100 + size].tobytes()
    predictor = model.predictor()
    for count in (1, *THREADS):
        with fnn.threads(count):
            assert model.predict(x).tobytes() == whole.tobytes()
            assert predictor(x).tobytes() == whole.tobytes()
    for i in (0, 699):
        assert predictor(x[i]).tobytes() == whole[i].tobytes()
    assert predictor(x[5:12]).tobytes() == whole[5:12].tobytes()


SINGLE_LAYERS = {
    "layer_norm": lambda h: fnn.LayerNormalization()(h),
    "rms_norm": lambda h: fnn.RMSNormalization()(h),
    "batch_norm": lambda h: fnn.BatchNormalization()(h),
    "prelu": lambda h: fnn.PReLU("ones")(h),
    "maxout": lambda h: fnn.Maxout(11, 3)(h),
    "bilinear": lambda h: fnn.Bilinear(5)([h, h]),
    "add": lambda h: fnn.Add()([h, fnn.Dense(21)(h), h]),
    "subtract": lambda h: fnn.Subtract()([h, fnn.Dense(21)(h)]),
    "multiply": lambda h: fnn.Multiply()([h, fnn.Dense(21)(h), h]),
    "average": lambda h: fnn.Average()([h, fnn.Dense(21)(h), h]),
    "maximum": lambda h: fnn.Maximum()([h, fnn.Dense(21)(h)]),
    "concatenate": lambda h: fnn.Concatenate()([h, fnn.Dense(3)(h)]),
    "split": lambda h: fnn.Split([4, 17])(h)[1],
    "normalization": lambda h: fnn.Normalization(np.ones(21), np.full(21, 3.0))(h),
    "inverted": lambda h: fnn.Normalization(np.ones(21), np.full(21, 3.0), invert=True)(h),
    "softmax": lambda h: fnn.Activation("softmax")(h),
}


@pytest.mark.parametrize("layer", SINGLE_LAYERS)
def test_each_layer_treats_each_row_for_itself(layer, dtype, isa):
    x = fnn.Input(21)
    for h in (x, fnn.Dense(21, "tanh")(x)):
        model = fnn.Model(x, SINGLE_LAYERS[layer](h), seed=1, dtype=dtype)
        rng = np.random.default_rng(0)
        for view in (*model.parameters.values(), *model.state.values()):
            view[...] = rng.uniform(0.5, 1.5, view.shape)
        rows = rng.standard_normal((170, 21)).astype(dtype)
        whole, predictor = model.predict(rows), model.predictor()
        for i in range(0, 170, 13):
            assert model.predict(rows[i : i + 1]).tobytes() == whole[i].tobytes()
            assert predictor(rows[i]).tobytes() == whole[i].tobytes()
        assert model.predict(rows[3:90]).tobytes() == whole[3:90].tobytes()
        assert predictor(rows[7:71]).tobytes() == whole[7:71].tobytes()
