"""The same bits at any number of threads: fit, evaluate and predict over all plan shapes."""

from __future__ import annotations

import numpy as np
import pytest

import fastnn as fnn

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
    "wide and shallow": ([300, 1], 1200),
    "narrow in the middle": ([128, 2, 128, 70], 130),
}


def network(shape, dtype, activation="relu", output="linear"):
    layers = [fnn.Input(shape[0])]
    layers += [fnn.Dense(width, activation) for width in shape[1:-1]]
    return fnn.Sequential([*layers, fnn.Dense(shape[-1], output)], seed=3, dtype=dtype)


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


def assert_alike(build, *args, **kwargs):
    with fnn.threads(1):
        alone = outcome(build(), *args, **kwargs)
    assert not any(np.isnan(part).any() for part in alone)
    for count in THREADS:
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
