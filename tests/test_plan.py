"""Epochs in C: bits that do not depend on how rows come, no allocation, curves against a twin."""

from __future__ import annotations

import numpy as np
import pytest

import fastnn as fnn
from fastnn import _core, losses
from reference.network import Twin


def network(*widths, inputs=3, hidden="tanh", output=None, seed=0, dtype="float64"):
    *inner, last = widths
    layers = [*(fnn.Dense(n, hidden) for n in inner), fnn.Dense(last, output)]
    return fnn.Sequential([fnn.Input(inputs), *layers], seed=seed, dtype=dtype)


def rows(n, columns=3, seed=0):
    return np.random.default_rng([seed, n, columns]).standard_normal((n, columns))


def bits(model):
    return model.parameter_arena.tobytes()


# (loss, output activation, targets of 4 columns from a generator)
TASKS = {
    "mse": ("mse", None, lambda rng, n: rng.standard_normal((n, 4))),
    "mae": ("mae", "softplus", lambda rng, n: rng.standard_normal((n, 4))),
    "huber": ("huber", "gelu", lambda rng, n: 3 * rng.standard_normal((n, 4))),
    "bce": ("bce", "sigmoid", lambda rng, n: rng.integers(0, 2, (n, 4))),
    "cce": ("cce", "softmax", lambda rng, n: np.eye(4)[rng.integers(0, 4, n)]),
    "scce": ("scce", "softmax", lambda rng, n: rng.integers(0, 4, n)),
}


def task(name, n, *, seed=0):
    """Loss, output activation, x, y and weights."""
    loss, output, draw = TASKS[name]
    rng = np.random.default_rng([seed, n])
    return loss, output, rng.standard_normal((n, 3)), draw(rng, n), rng.uniform(0.1, 2, n)


def metric_of(name):
    return ["accuracy"] if name in ("bce", "cce", "scce") else ["mae", "r2_score"]


def cut(size, *arrays):
    """The arrays as a list of batches."""
    return [tuple(a[i : i + size] for a in arrays) for i in range(0, len(arrays[0]), size)]


# ---- the same bits ------------------------------------------------------------------------------


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", TASKS)
def test_fit_arrays_and_fit_the_same_batches_give_the_same_bits(isa, dtype, name, weighted):
    loss, output, x, y, weight = task(name, 50)
    arrays = (x, y, weight) if weighted else (x, y)
    models, histories = [], []
    for as_stream in (False, True):
        model = network(6, 4, output=output, dtype=dtype)
        trainer = fnn.Trainer(model, loss, "adam", metrics=metric_of(name))
        if as_stream:
            history = trainer.fit(cut(8, *arrays), epochs=4, verbose=0)
        else:
            history = trainer.fit(
                x,
                y,
                sample_weight=weight if weighted else None,
                batch_size=8,
                shuffle=False,
                epochs=4,
                verbose=0,
            )
        models.append(model)
        histories.append(history.history)
    assert bits(models[0]) == bits(models[1])
    assert histories[0] == histories[1]


def test_fit_and_train_on_batch_give_the_same_bits(isa, dtype):
    loss, output, x, y, _ = task("cce", 50)
    fitted, by_batch = (network(6, 4, output=output, dtype=dtype) for _ in range(2))
    fnn.Trainer(fitted, loss).fit(x, y, batch_size=16, shuffle=False, epochs=3, verbose=0)
    trainer = fnn.Trainer(by_batch, loss)
    for _ in range(3):
        for batch in cut(16, x, y):
            trainer.train_on_batch(*batch)
    assert bits(fitted) == bits(by_batch)


def test_fit_shuffled_takes_the_order_of_data_batches():
    """The order depends on the seed and the number of the epoch alone, wherever it is asked."""
    _, _, x, y, _ = task("mse", 37)
    fitted, streamed = network(4, seed=11), network(4, seed=11)
    fnn.Trainer(fitted, "mse").fit(x, y, batch_size=5, epochs=4, verbose=0)
    stream = fnn.data.batches(x, y, 5, shuffle=True, seed=11)
    fnn.Trainer(streamed, "mse").fit(stream, epochs=4, verbose=0)
    assert bits(fitted) == bits(streamed)


def test_the_same_seed_gives_the_same_bits_and_another_others():
    _, _, x, y, _ = task("mse", 37)

    def fit(seed, trainer_seed=None):
        model = network(5, 4, seed=seed)
        trainer = fnn.Trainer(model, "mse", seed=trainer_seed)
        return (
            bits(model),
            (trainer.fit(x, y, batch_size=5, epochs=2, verbose=0)["loss"]),
            bits(model),
        )

    assert fit(1) == fit(1)
    assert fit(1)[0] != fit(2)[0]
    start, _, end = fit(1)
    other_start, _, other_end = fit(1, trainer_seed=7)  # the same weights, another order
    assert start == other_start
    assert end != other_end
    assert fit(1, trainer_seed=1) == fit(1)  # the trainer's seed is the model's


def test_every_epoch_has_an_order_of_its_own():
    """With five of eight rows an epoch, the loss shows which five."""
    x, y = np.arange(8.0)[:, None], np.arange(8.0)
    model = fnn.Sequential([fnn.Input(1), fnn.Dense(1, kernel_initializer="zeros")], seed=3)
    trainer = fnn.Trainer(model, "mse", fnn.SGD(1e-30))
    seen = trainer.fit(x, y, batch_size=5, drop_remainder=True, epochs=6, verbose=0)["loss"]
    assert len(set(seen)) > 3


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("optimizer", ["adam", fnn.SGD(0.05, momentum=0.9)], ids=str)
def test_two_fits_give_the_bits_of_one(optimizer, shuffle):
    _, _, x, y, _ = task("mse", 37)
    once, twice = network(5, 4), network(5, 4)
    options = {"batch_size": 5, "shuffle": shuffle, "verbose": 0}
    whole = fnn.Trainer(once, "mse", optimizer).fit(x, y, epochs=5, **options)
    trainer = fnn.Trainer(twice, "mse", optimizer)
    first = trainer.fit(x, y, epochs=2, **options)
    second = trainer.fit(x, y, epochs=3, **options)
    assert bits(once) == bits(twice)
    assert whole["loss"] == first["loss"] + second["loss"]


@pytest.mark.parametrize("batch", [1, 4, 16])
@pytest.mark.parametrize("name", TASKS)
def test_plain_steps_have_the_bits_of_all_others(isa, dtype, name, batch):
    """A metric that keeps the outputs wants steps that can do more than a plain network's."""

    def own(y_true, y_pred):
        return float(np.mean(y_pred))

    loss, output, x, y, _ = task(name, 23)  # the last batch is shorter
    for hidden, optimizer in [
        ("relu", "adam"),
        ("gelu", fnn.AdamW(weight_decay=0.1)),
        ("relu", "sgd"),
    ]:
        results = []
        for metrics in ([], [own]):
            model = network(1, 5, 4, hidden=hidden, output=output, dtype=dtype)
            trainer = fnn.Trainer(model, loss, optimizer, metrics)
            history = trainer.fit(x, y, batch_size=batch, epochs=2, verbose=0)
            results.append((bits(model), model.gradient_arena.tobytes(), history["loss"]))
        assert results[0] == results[1]


def test_a_plain_step_names_the_row_that_is_not_finite():
    x, y = rows(20).astype(np.float32), rows(20, 1)
    model = network(2, 1, dtype="float32")
    trainer = fnn.Trainer(model, "mse")
    before = bits(model)
    x[11, 2] = np.nan
    with pytest.raises(ValueError, match="batch 2: x has nan at row 3, column 2"):
        trainer.fit([(x[:8], y[:8]), (x[8:], y[8:])], verbose=0)
    assert bits(model) != before  # the first batch


@pytest.mark.parametrize("every", [1, 2, 3])
def test_listeners_and_lines_change_no_bits(every, capsys):
    _, _, x, y, _ = task("mse", 37)
    plain, heard = network(5, 4), network(5, 4)
    fnn.Trainer(plain, "mse").fit(x, y, batch_size=5, epochs=3, verbose=0)
    trainer = fnn.Trainer(heard, "mse", metrics=["mae"])
    trainer.on("batch_end", lambda event: None, every=every)
    trainer.fit(x, y, batch_size=5, epochs=3, log_every=2, validation_data=(x, y))
    assert bits(plain) == bits(heard)


# ---- predictions do not depend on the company ---------------------------------------------------


@pytest.mark.parametrize(
    "widths",
    [
        (1, 1),
        (1, 5),
        (3, 1),
        (7, 32, 8, 1),
        (8, 16, 16),
        (5, 17, 2),
        (33, 31, 65),
        (100, 64, 10),
        (513, 130, 3),
        (600, 7),
        (2, 1000, 2),
    ],
    ids=str,
)
@pytest.mark.parametrize("hidden, output", [("relu", None), ("gelu", "softmax")])
def test_predict_of_a_row_has_the_same_bits_in_any_batch(isa, dtype, widths, hidden, output):
    inputs, *rest = widths
    model = network(*rest, inputs=inputs, hidden=hidden, output=output, dtype=dtype)
    x = rows(70, inputs).astype(dtype)
    whole = model.predict(x)
    for i in (*range(0, 70, 7), 1, 69):
        np.testing.assert_array_equal(model.predict(x[i : i + 1]), whole[i : i + 1])
    for n in (2, 3, 5, 11, 12, 13, 25, 48, 49, 64, 65):
        np.testing.assert_array_equal(model.predict(x[:n]), whole[:n])
        np.testing.assert_array_equal(model.predict(x[-n:]), whole[-n:])
    for size in (1, 3, 69, 1000):
        np.testing.assert_array_equal(model.predict(x, batch_size=size), whole)


def test_predict_over_several_blocks_has_the_same_bits(isa, dtype):
    model = network(64, 4, inputs=20, output="softmax", dtype=dtype)
    n = 2 * model.block_rows() + 5
    x = rows(n, 20).astype(dtype)
    whole = model.predict(x)
    some = np.linspace(0, n - 1, 40).astype(int)
    for i in some:
        np.testing.assert_array_equal(model.predict(x[i : i + 1])[0], whole[i])
    np.testing.assert_array_equal(model.predict(x[some]), whole[some])
    np.testing.assert_array_equal(model.predict([x[:100], x[100:]]), whole)


def test_predict_of_large_layers_has_the_same_bits(isa, dtype):
    """Where the kernels pack their operands."""
    model = network(900, 3, inputs=1100, hidden="relu", dtype=dtype)
    x = rows(50, 1100).astype(dtype)
    whole = model.predict(x)
    for i in (0, 1, 30, 49):
        np.testing.assert_array_equal(model.predict(x[i : i + 1])[0], whole[i])
    np.testing.assert_array_equal(model.predict(x[:13]), whole[:13])


# ---- blocks, short batches, weights -------------------------------------------------------------


@pytest.mark.parametrize("blocks, more", [(1, 1), (1, 11), (2, 11)])
@pytest.mark.parametrize("name", TASKS)
def test_step_of_several_blocks_matches_the_twin_and_itself(isa, dtype, name, blocks, more):
    model = network(500, 4, output=TASKS[name][1], dtype=dtype)
    n = blocks * model.block_rows() + more
    loss, _, x, y, weight = task(name, n)
    twin = Twin(model, losses.get(loss).name)
    start = model.parameter_arena.copy()
    found = []
    for _ in range(2):
        model.parameter_arena[:] = start
        trainer = fnn.Trainer(model, loss, fnn.SGD(0.1))
        shown = trainer.train_on_batch(x, y, weight)["loss"]
        found.append(model.gradient_arena.tobytes())
    assert found[0] == found[1]
    value, gradients = twin.loss_and_gradients(x, y, weight)
    # sums over n rows in float32: random roundings, some sqrt(n) of them, of terms that cancel
    close = {"rtol": 1e-10, "atol": 1e-13} if dtype == np.float64 else {"rtol": 3e-4, "atol": 2e-6}
    assert shown == pytest.approx(value, rel=1e-12 if dtype == np.float64 else 1e-5)
    for key, view in model.gradients.items():
        np.testing.assert_allclose(view, gradients[key], **close, err_msg=key)


def test_the_last_batch_may_be_short():
    """13 rows by 5: two whole batches and one of 3, its mean over 3."""
    _, _, x, y, _ = task("mse", 13)
    model = network(4)
    twin = Twin(model)
    fnn.Trainer(model, "mse", fnn.SGD(0.1)).fit(
        x, y, batch_size=5, shuffle=False, epochs=2, verbose=0
    )
    for _ in range(2):
        for batch in cut(5, x, y):
            twin.learn(*batch, kind="sgd", learning_rate=0.1)
    for key, view in model.parameters.items():
        np.testing.assert_allclose(view, twin.parameters[key], rtol=1e-12)


@pytest.mark.parametrize("n, size, steps", [(13, 5, 2), (15, 5, 3), (5, 5, 1)])
def test_drop_remainder_leaves_out_a_short_batch(n, size, steps):
    _, _, x, y, _ = task("mse", n)
    dropped, fitted = network(4), network(4)
    options = {"batch_size": size, "shuffle": False, "verbose": 0}
    trainer = fnn.Trainer(dropped, "mse")
    history = trainer.fit(x, y, drop_remainder=True, **options)
    assert trainer.steps == steps
    wanted = fnn.Trainer(fitted, "mse").fit(x[: steps * size], y[: steps * size], **options)
    assert bits(dropped) == bits(fitted)
    assert history["loss"] == wanted["loss"]


def test_drop_remainder_of_everything_is_an_error():
    _, _, x, y, _ = task("mse", 4)
    with pytest.raises(ValueError, match=r"Trainer.fit: 4 rows make no batch of 5; .*batch_size"):
        fnn.Trainer(network(4), "mse").fit(x, y, batch_size=5, drop_remainder=True)


def test_batch_size_beyond_the_rows_is_one_batch():
    _, _, x, y, _ = task("mse", 13)
    models = [network(4) for _ in range(2)]
    for model, size in zip(models, (13, 10**15), strict=True):
        trainer = fnn.Trainer(model, "mse")
        trainer.fit(x, y, batch_size=size, epochs=2, verbose=0)
        assert trainer.steps == 2
    assert bits(models[0]) == bits(models[1])


def test_batch_size_is_32_by_default():
    _, _, x, y, _ = task("mse", 65)
    trainer = fnn.Trainer(network(4), "mse")
    trainer.fit(x, y, verbose=0)
    assert trainer.steps == 3


@pytest.mark.parametrize("name", TASKS)
def test_weighted_loss_is_the_weighted_mean(name):
    loss, output, x, y, weight = task(name, 9)
    model = network(5, 4, output=output)
    trainer = fnn.Trainer(model, loss)
    alone = [trainer.evaluate(x[i : i + 1], y[i : i + 1])["loss"] for i in range(9)]
    got = trainer.evaluate(x, y, sample_weight=weight)["loss"]
    assert got == pytest.approx((weight @ alone) / weight.sum(), rel=1e-12)
    assert trainer.train_on_batch(x, y, weight)["loss"] == got


@pytest.mark.parametrize("name", TASKS)
def test_weights_scale_out_and_zeros_drop_rows(name):
    """Weights count relative to each other within a batch; a row of weight 0 is not there."""
    loss, output, x, y, weight = task(name, 8)
    weight[[2, 5]] = 0
    kept = weight != 0
    gradients = []
    for args in ((x, y, weight), (x, y, 8 * weight), (x[kept], y[kept], weight[kept])):
        model = network(5, 4, output=output)
        fnn.Trainer(model, loss, fnn.SGD(0.1)).train_on_batch(*args)
        gradients.append(model.gradient_arena.copy())
    np.testing.assert_array_equal(gradients[0], gradients[1])  # a power of 2 is exact
    # leaving out rows changes the order of the sums
    np.testing.assert_allclose(gradients[0], gradients[2], rtol=1e-11, atol=1e-15)


def test_equal_weights_are_no_weights():
    loss, _, x, y, _ = task("mse", 8)
    plain, weighted = network(4), network(4)
    fnn.Trainer(plain, loss).train_on_batch(x, y)
    fnn.Trainer(weighted, loss).train_on_batch(x, y, np.full(8, 2.0))
    np.testing.assert_allclose(plain.parameter_arena, weighted.parameter_arena, rtol=1e-12)


@pytest.mark.parametrize("as_stream", [False, True])
def test_a_batch_of_weight_zero_changes_nothing(as_stream):
    _, _, x, y, weight = task("mse", 15)
    weight[5:10] = 0
    model, without = network(4), network(4)
    options = {"epochs": 3, "verbose": 0}
    trainer = fnn.Trainer(model, "mse", metrics=["mae"])
    if as_stream:
        history = trainer.fit(cut(5, x, y, weight), **options)
    else:
        history = trainer.fit(x, y, sample_weight=weight, batch_size=5, shuffle=False, **options)
    rest = np.r_[0:5, 10:15]
    other = fnn.Trainer(without, "mse", metrics=["mae"])
    wanted = other.fit(
        x[rest], y[rest], sample_weight=weight[rest], batch_size=5, shuffle=False, **options
    )
    assert bits(model) == bits(without)
    assert trainer.steps == other.steps == 6  # Adam's count of steps too
    assert history.history == wanted.history


def test_train_on_a_batch_of_weight_zero_changes_nothing():
    _, _, x, y, _ = task("mse", 5)
    model = network(4)
    before = bits(model)
    trainer = fnn.Trainer(model, "mse")
    assert np.isnan(trainer.train_on_batch(x, y, np.zeros(5))["loss"])  # a mean of nothing
    assert bits(model) == before
    assert trainer.steps == 0


# ---- rows that are not finite -------------------------------------------------------------------


def test_the_core_tells_which_row_is_not_finite(dtype):
    """Wherever it lies among the blocks, in x, y or the weights."""
    model = network(500, 4, dtype=dtype)
    n = 2 * model.block_rows() + 11
    _, _, x, y, weight = task("mse", n)
    before = bits(model)
    out = np.empty((n, 4), dtype)
    state = model._optimizer_state(fnn.SGD(0.1))
    run = _core.Run(model, [(0, {}, False, 1.0)], [], n, state)
    for row in (0, 1, model.block_rows(), n - 12, n - 1):
        for array in (x, y, weight):
            kept = array[row].copy()
            array[row] = np.inf
            run.bind(x, y, weight, None, n, True)
            run.begin()
            assert run.advance(1) == "input"
            assert (run.bad_row, run.step, state.t) == (row, 0, 0)
            if array is x:
                assert model.run_predict((x,), (out,), 48, True) == row
            array[row] = kept
    assert bits(model) == before


# ---- no allocation in a step --------------------------------------------------------------------


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", TASKS)
def test_a_fit_on_arrays_allocates_nothing_after_its_start(name, weighted):
    loss, output, x, y, weight = task(name, 50)
    counts = []
    trainer = fnn.Trainer(
        network(6, 4, hidden="gelu", output=output), loss, metrics=metric_of(name)
    )
    for event in ("train_begin", "batch_end", "epoch_end", "train_end"):
        trainer.on(event, lambda event: counts.append(_core.allocations()))
    trainer.fit(
        x, y, sample_weight=weight if weighted else None, batch_size=8, epochs=20, verbose=0
    )
    assert len(counts) == 20 * 8 + 2
    assert len(set(counts)) == 1


def test_a_fit_that_nobody_looks_at_allocates_nothing_after_its_start():
    loss, output, x, y, _ = task("cce", 50)
    counts = []
    trainer = fnn.Trainer(network(6, 4, output=output), loss, metrics=["accuracy"])
    for event in ("train_begin", "train_end"):
        trainer.on(event, lambda event: counts.append(_core.allocations()))
    trainer.fit(x, y, batch_size=8, epochs=50, verbose=0)
    assert counts[0] == counts[1]


def test_the_count_of_allocations_counts():
    before = _core.allocations()
    network(4)
    assert _core.allocations() > before


def test_a_fit_of_several_blocks_allocates_nothing_in_a_step():
    model = network(500, 4)
    _, _, x, y, _ = task("mse", 2 * model.block_rows() + 5)
    counts = []
    trainer = fnn.Trainer(model, "mse").on(
        "batch_end", lambda event: counts.append(_core.allocations())
    )
    trainer.fit(x, y, batch_size=len(x), epochs=3, verbose=0)
    assert len(set(counts)) == 1


def test_streams_and_validation_allocate_once():
    _, _, x, y, _ = task("mse", 50)
    counts = []
    trainer = fnn.Trainer(network(6, 4), "mse").on(
        "epoch_end", lambda event: counts.append(_core.allocations())
    )
    trainer.fit(cut(8, x, y), epochs=10, validation_data=(x, y), verbose=0)
    assert len(set(counts)) == 1


def test_predict_with_out_and_steps_by_hand_allocate_nothing(dtype):
    model = network(32, 8, 1, inputs=7, dtype=dtype)
    x = rows(20, 7).astype(dtype)
    out = np.empty((20, 1), dtype)
    optimizer = fnn.Adam()
    model.forward(x, training=True)
    model.backward(out)
    optimizer.step(model)
    before = _core.allocations()
    for n in (1, 2, 20):
        for _ in range(50):
            model.predict(x[:n], out=out[:n])
    for _ in range(20):
        model.forward(x, training=True)
        model.backward(out)
        optimizer.step(model)
    assert _core.allocations() == before


# ---- curves against the twin --------------------------------------------------------------------

OPTIMIZERS = {
    "sgd": (fnn.SGD(0.05), {"kind": "sgd", "learning_rate": 0.05}),
    "momentum": (
        fnn.SGD(0.02, momentum=0.9),
        {"kind": "sgd", "learning_rate": 0.02, "momentum": 0.9},
    ),
    "nesterov": (
        fnn.SGD(0.02, momentum=0.8, nesterov=True),
        {"kind": "sgd", "learning_rate": 0.02, "momentum": 0.8, "nesterov": True},
    ),
    "adam": (fnn.Adam(0.01), {"kind": "adam", "learning_rate": 0.01}),
    "adam_other": (
        fnn.Adam(0.02, beta_1=0.8, beta_2=0.99, epsilon=1e-4),
        {"kind": "adam", "learning_rate": 0.02, "beta_1": 0.8, "beta_2": 0.99, "epsilon": 1e-4},
    ),
    "adamw": (
        fnn.AdamW(0.01, weight_decay=0.3),
        {"kind": "adam", "learning_rate": 0.01, "weight_decay": 0.3},
    ),
    "adamw_exclude": (
        fnn.AdamW(0.01, weight_decay=0.3, exclude=["*/bias"]),
        {
            "kind": "adam",
            "learning_rate": 0.01,
            "weight_decay": 0.3,
            "exclude": ("dense_0/bias", "dense_1/bias"),
        },
    ),
}


def follow(model, loss, optimizer, settings, x, y, weight, steps):
    """Losses of `steps` full-batch-of-12 steps, by the trainer and by the twin."""
    twin = Twin(model, losses.get(loss).name)
    trainer = fnn.Trainer(model, loss, optimizer)
    ours, theirs = [], []
    for step in range(steps):
        at = slice(12 * (step % 4), 12 * (step % 4) + 12)
        batch = (x[at], y[at], None if weight is None else weight[at])
        ours.append(trainer.train_on_batch(*batch)["loss"])
        theirs.append(twin.learn(*batch, **settings))
    assert theirs[-1] != theirs[0]
    return twin, ours, theirs


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", TASKS)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_float64_training_follows_the_twin(optimizer, name, weighted):
    loss, output, x, y, weight = task(name, 48)
    model = network(6, 4, output=output)
    spec, settings = OPTIMIZERS[optimizer]
    twin, ours, theirs = follow(model, loss, spec, settings, x, y, weight if weighted else None, 50)
    # 50 steps of float64 roundings, 1e-16 each, which training amplifies somewhat
    np.testing.assert_allclose(ours, theirs, rtol=1e-9)
    for key, view in model.parameters.items():
        np.testing.assert_allclose(view, twin.parameters[key], rtol=1e-9, atol=1e-11, err_msg=key)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("name", TASKS)
def test_float32_curves_follow_the_float64_twin(isa, optimizer, name):
    loss, output, x, y, _ = task(name, 48)
    model = network(6, 4, output=output, dtype="float32")
    spec, settings = OPTIMIZERS[optimizer]
    _, ours, theirs = follow(model, loss, spec, settings, x, y, None, 50)
    # what the project promises of curves; single weights drift
    np.testing.assert_allclose(ours, theirs, rtol=1e-4)


@pytest.mark.parametrize(
    "layers",
    [
        [fnn.Dense(5, "relu"), fnn.Activation("softplus"), fnn.Dense(4, use_bias=False)],
        [fnn.Activation("tanh"), fnn.Dense(4), fnn.Activation(fnn.activations.LeakyReLU(0.3))],
        [fnn.Dense(5), fnn.Activation("silu"), fnn.Dense(5, "elu"), fnn.Dense(4, "gelu")],
    ],
    ids=str,
)
def test_other_architectures_follow_the_twin(isa, layers):
    _, _, x, y, _ = task("mse", 48)
    model = fnn.Sequential([fnn.Input(3), *layers], seed=2, dtype="float64")
    twin, ours, theirs = follow(model, "mse", *OPTIMIZERS["adam"], x, y, None, 50)
    np.testing.assert_allclose(ours, theirs, rtol=1e-9)
    np.testing.assert_allclose(model.predict(x), twin.predict(x), rtol=1e-8, atol=1e-10)


def test_fit_follows_the_twin_over_epochs():
    """The whole loop: shuffled epochs, a short last batch, the loss as the mean over the rows."""
    _, _, x, y, _ = task("mse", 50)
    model = network(6, 4, seed=9)
    twin = Twin(model)
    history = fnn.Trainer(model, "mse", fnn.Adam(0.01)).fit(
        x, y, batch_size=16, epochs=5, verbose=0
    )
    wanted = []
    for epoch in range(5):
        order = _core.random_permutation(9, "shuffle", epoch, 50)
        seen = [
            len(part[0]) * twin.learn(*part, kind="adam", learning_rate=0.01)
            for part in cut(16, x[order], y[order])
        ]
        wanted.append(sum(seen) / 50)
    np.testing.assert_allclose(history["loss"], wanted, rtol=1e-11)


# ---- subnormal numbers --------------------------------------------------------------------------


def test_the_callers_float_mode_is_put_back():
    """Subnormals are flushed in the core alone; NumPy's arithmetic keeps them."""
    tiny = np.array([np.finfo(np.float64).tiny])
    assert (tiny / 4 > 0).all()
    _, _, x, y, _ = task("mse", 8)
    model = network(4)
    fnn.Trainer(model, "mse").fit(x, y, verbose=0)
    model.predict(x)
    model.forward(x, training=True)
    model.backward(y)
    assert (tiny / 4 > 0).all()


def test_corrections_of_adam_do_not_depend_on_where_a_fit_began():
    """beta^t is carried from step to step, or made anew where a fit goes on: the same bits."""
    rng = np.random.default_rng(12)
    x, y = rng.standard_normal((40, 3)), rng.standard_normal((40, 1))
    arenas = []
    for pieces in (1, 5, 40):
        model = fnn.Sequential([fnn.Input(3), fnn.Dense(1)], seed=0, dtype="float64")
        trainer = fnn.Trainer(model, "mse", optimizer=fnn.Adam(0.1))
        for part in np.split(np.arange(40), pieces):
            trainer.fit(x[part], y[part], batch_size=1, epochs=1, shuffle=False, verbose=0)
        arenas.append(model.parameter_arena.copy())
    np.testing.assert_array_equal(arenas[1], arenas[0])
    np.testing.assert_array_equal(arenas[2], arenas[0])
