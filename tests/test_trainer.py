"""The training loop: history, lines, handlers, evaluation, and how a fit ends early."""

from __future__ import annotations

import os
import re
import signal
import sys
import warnings

import numpy as np
import pytest
from sklearn import metrics as sk

import fastnn as fnn
from fastnn import loop, report


def network(*widths, inputs=3, hidden="tanh", output=None, seed=0, dtype="float32"):
    *inner, last = widths or (4, 1)
    layers = [*(fnn.Dense(n, hidden) for n in inner), fnn.Dense(last, output)]
    return fnn.Sequential([fnn.Input(inputs), *layers], seed=seed, dtype=dtype)


def data(n=20, outputs=1):
    rng = np.random.default_rng([n, outputs])
    return rng.standard_normal((n, 3)), rng.standard_normal((n, outputs))


def bits(model):
    return model.parameter_arena.tobytes()


def trainer_of(model=None, **options):
    return fnn.Trainer(model or network(), "mse", **options)


# ---- construction -------------------------------------------------------------------------------


def test_trainer_turns_names_into_objects():
    trainer = fnn.Trainer(network(seed=5), "mse", "sgd", ["mae", "r2"])
    assert trainer.loss.name == "mean_squared_error"
    assert isinstance(trainer.optimizer, fnn.SGD)
    assert [m.name for m in trainer.metrics] == ["mean_absolute_error", "r2_score"]
    assert trainer.seed == 5
    assert fnn.Trainer(network(), "mse", seed=6).seed == 6
    assert trainer.epochs == trainer.steps == 0
    assert len(trainer.history) == 0


@pytest.mark.parametrize(
    "arguments, error, words",
    [
        ({"loss": "mse", "model": None}, TypeError, "model must be a Model, got None"),
        ({"loss": "mean_square_error"}, ValueError, "did you mean 'mean_squared_error'"),
        ({"loss": None}, TypeError, "loss is None"),
        ({"loss": 3}, TypeError, "loss must be"),
        ({"loss": "mse", "optimizer": "adm"}, ValueError, "did you mean 'adam'"),
        ({"loss": "mse", "optimizer": fnn.Adam}, TypeError, "give an object, Adam(...)"),
        ({"loss": "mse", "metrics": ["mean_abs_error"]}, ValueError, "mean_absolute_error"),
        ({"loss": "mse", "metrics": "mae"}, TypeError, "metrics must be a list"),
        ({"loss": "mse", "metrics": None}, TypeError, "metrics must be a list"),
        ({"loss": "mse", "metrics": ["mae", "mean_absolute_error"]}, ValueError, "twice"),
        ({"loss": "mse", "seed": -1}, ValueError, "seed is -1"),
        ({"loss": "mse", "seed": 1.5}, TypeError, "seed is 1.5"),
        ({"loss": "bce"}, ValueError, 'activation="sigmoid"'),
        ({"loss": "cce"}, ValueError, "at least 2"),
    ],
)
def test_trainer_refuses(arguments, error, words):
    with pytest.raises(error) as caught:
        fnn.Trainer(**{"model": network()} | arguments)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    "loss, output, fix",
    [
        ("bce", None, "BinaryCrossentropy(from_logits=True)"),
        ("bce", "tanh", 'activation="sigmoid"'),
        ("cce", "sigmoid", "binary_crossentropy"),
        ("cce", None, 'activation="softmax"'),
        ("scce", "relu", 'activation="softmax"'),
        (fnn.losses.BinaryCrossentropy(from_logits=True), "sigmoid", "no activation"),
        (fnn.losses.CategoricalCrossentropy(from_logits=True), "softmax", "from_logits=False"),
    ],
)
def test_a_head_that_does_not_fit_names_the_fix(loss, output, fix):
    with pytest.raises(ValueError) as caught:
        fnn.Trainer(network(4, 3, output=output), loss)
    assert fix in str(caught.value)


# ---- history ------------------------------------------------------------------------------------


def test_history_is_a_mapping_of_lists():
    x, y = data()
    trainer = trainer_of(metrics=["mae"])
    history = trainer.fit(x, y, epochs=3, validation_data=(x[:5], y[:5]), verbose=0)
    assert isinstance(history, fnn.History)
    names = ["loss", "mean_absolute_error", "val_loss", "val_mean_absolute_error"]
    assert list(history) == list(history.history) == names
    assert dict(history) == history.history
    assert all(len(history[name]) == 3 for name in names)
    assert all(type(value) is float for name in names for value in history[name])
    assert history.epoch == [1, 2, 3]
    assert len(history.seconds) == 3
    assert trainer.history is history
    assert "loss=" in repr(history)
    assert "3 epochs" in repr(history)


def test_history_of_many_epochs_at_once_reads_as_one_by_one():
    one, many = fnn.History(), fnn.History()
    numbers = np.arange(12.0).reshape(4, 3)
    for i, (seconds, loss, mae) in enumerate(numbers, 5):
        one.append(i, seconds, {"loss": loss, "mae": mae})
    many.extend(5, ["loss", "mae"], numbers[:0])
    assert (len(many), repr(many)) == (0, "<History: 0 epochs>")
    many.extend(5, ["loss", "mae"], numbers[:1])
    assert many.epoch == [5]
    many.extend(6, ["loss", "mae"], numbers[1:3])
    many.extend(8, ["loss", "mae"], numbers[3:3])
    many.append(8, 9.0, {"loss": 10.0, "mae": 11.0})
    for history in (one, many):
        assert history.history == {"loss": [1, 4, 7, 10], "mae": [2, 5, 8, 11]}
        assert history.epoch == [5, 6, 7, 8]
        assert history.seconds == [0, 3, 6, 9]
    assert repr(one) == repr(many) == "<History: 4 epochs; last: loss=10, mae=11>"


def test_a_second_fit_goes_on_and_has_a_new_history():
    x, y = data()
    trainer = trainer_of()
    first = trainer.fit(x, y, epochs=2, verbose=0)
    second = trainer.fit(x, y, epochs=3, verbose=0)
    assert first is not second
    assert first.epoch == [1, 2]
    assert second.epoch == [3, 4, 5]
    assert trainer.epochs == 5
    assert trainer.steps == 5


def test_reset_starts_over():
    x, y = data()
    model = network()
    trainer = trainer_of(model, metrics=["mae"])
    trainer.train_on_batch(x, y)  # what it keeps must be let go of too
    trainer.reset()
    model.initialize()
    first = trainer.fit(x, y, batch_size=6, epochs=3, verbose=0)
    end = bits(model)
    assert (trainer.epochs, trainer.steps) == (3, 12)
    trainer.reset()
    assert (trainer.epochs, trainer.steps) == (0, 0)
    assert bits(model) == end  # parameters stay
    model.initialize()
    again = trainer.fit(x, y, batch_size=6, epochs=3, verbose=0)
    assert bits(model) == end
    assert again.history == first.history
    assert again.epoch == [1, 2, 3]


def test_reset_forgets_the_state_of_train_on_batch():
    x, y = data()
    model, fresh = network(), network()
    trainer = trainer_of(model)
    trainer.train_on_batch(x, y)
    trainer.reset()
    model.initialize()
    trainer.train_on_batch(x, y)
    assert trainer.steps == 1
    trainer_of(fresh).train_on_batch(x, y)
    assert bits(model) == bits(fresh)


def test_two_trainers_on_one_model_have_their_own_counts():
    x, y = data()
    model = network()
    a, b = trainer_of(model), trainer_of(model, optimizer="sgd")
    a.fit(x, y, epochs=2, verbose=0)
    b.fit(x, y, epochs=1, verbose=0)
    assert (a.epochs, a.steps, b.epochs, b.steps) == (2, 2, 1, 1)


def test_learning_rate_can_be_changed_and_keeps_the_state():
    x, y = data()
    model, other = network(dtype="float64"), network(dtype="float64")
    trainer = trainer_of(model, optimizer=fnn.SGD(0.1, momentum=0.5))
    assert trainer.learning_rate == 0.1
    trainer.train_on_batch(x, y)
    trainer.learning_rate = 0.01
    assert trainer.learning_rate == 0.01
    assert trainer.optimizer.momentum == 0.5
    before = model.parameter_arena.copy()
    trainer.train_on_batch(x, y)
    # the same in NumPy, with the velocity of the first step
    reference = trainer_of(other, optimizer=fnn.SGD(0.1))
    reference.train_on_batch(x, y)
    velocity = other.gradient_arena.copy()
    reference.train_on_batch(x, y)
    velocity = 0.5 * velocity + other.gradient_arena
    # the moved parameter is rounded once
    np.testing.assert_allclose(before - 0.01 * velocity, model.parameter_arena, rtol=1e-14)
    for bad in (0, -1.0, float("nan")):
        with pytest.raises(ValueError, match="learning_rate"):
            trainer.learning_rate = bad
    assert trainer.learning_rate == 0.01


def test_learning_rate_set_by_a_handler_counts_from_the_next_step():
    x, y = data()
    model = network()
    trainer = trainer_of(model, optimizer=fnn.SGD(0.1))
    moved = []

    def freeze(event):
        moved.append(bits(model))
        trainer.learning_rate = 1e-30  # rounds to no move at all

    trainer.on("batch_end", freeze)
    trainer.fit(x, y, batch_size=5, epochs=2, verbose=0)
    assert len(moved) == 8
    assert len(set(moved)) == 1


@pytest.mark.parametrize("at_once", [1, 3, 100])
@pytest.mark.parametrize("shuffle", [True, False])
def test_a_fit_that_nobody_looks_at_tells_the_same(monkeypatch, shuffle, at_once):
    """Many epochs in one call of the core, against one epoch after another."""
    monkeypatch.setattr(loop, "EPOCHS_AT_ONCE", at_once)
    x, y = data(22)
    w = np.random.default_rng(0).uniform(0, 2, 22)
    found = []
    for watched in (False, True):
        model = network()
        trainer = trainer_of(model, metrics=["mae", "r2"])
        if watched:
            trainer.on("epoch_end", lambda event: None)
        options = {"sample_weight": w, "batch_size": 5, "shuffle": shuffle, "verbose": 0}
        histories = [trainer.fit(x, y, epochs=epochs, **options) for epochs in (7, 2)]
        found.append((bits(model), [(h.history, h.epoch) for h in histories], trainer.steps))
        assert all(len(h.seconds) == len(h.epoch) for h in histories)
        assert all(seconds > 0 for h in histories for seconds in h.seconds)
    assert found[0] == found[1]


def test_a_diverging_fit_that_nobody_looks_at_tells_the_same():
    x, y = data(50)
    found = []
    for watched in (False, True):
        model = network(1)  # linear: each step multiplies the error by some number above 1
        trainer = trainer_of(model, optimizer=fnn.SGD(1.1), metrics=["mae"])
        if watched:
            trainer.on("epoch_begin", lambda event: None)
        with pytest.raises(FloatingPointError) as caught:
            trainer.fit(x, y, batch_size=6, epochs=99, verbose=0)
        found.append(
            (str(caught.value), bits(model), trainer.history.history, trainer.epochs, trainer.steps)
        )
    assert found[0] == found[1]
    epoch, batch = map(int, re.search(r"epoch (\d+), batch (\d+) of 9", found[0][0]).groups())
    assert found[0][3] == epoch - 1 > 3
    assert found[0][4] == 9 * (epoch - 1) + batch - 1


# ---- the numbers shown --------------------------------------------------------------------------


def test_train_on_batch_returns_the_numbers_before_the_update():
    x, y = data()
    trainer = trainer_of(metrics=["mae"])
    before = trainer.evaluate(x, y)
    got = trainer.train_on_batch(x, y)
    assert got == before
    assert all(type(value) is float for value in got.values())
    assert trainer.evaluate(x, y)["loss"] < before["loss"]
    assert trainer.epochs == 0
    assert trainer.steps == 1


REGRESSION = {
    "mean_absolute_error": sk.mean_absolute_error,
    "mean_squared_error": sk.mean_squared_error,
    "root_mean_squared_error": sk.root_mean_squared_error,
    "r2_score": sk.r2_score,
}


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize("as_stream", [False, True])
def test_evaluate_equals_scikit_learn_on_predictions(isa, as_stream, outputs, weighted):
    x, y = data(70, outputs)
    w = np.random.default_rng(1).uniform(0, 2, 70) if weighted else None
    model = network(5, outputs)
    trainer = trainer_of(model, metrics=list(REGRESSION))
    if as_stream:
        parts = [slice(0, 1), slice(1, 40), slice(40, 70)]
        stream = [(x[s], y[s]) if w is None else (x[s], y[s], w[s]) for s in parts]
        got = trainer.evaluate(stream)
    else:
        got = trainer.evaluate(x, y, sample_weight=w)
    p = model.predict(x)
    # targets are rounded to float32 by the network, 6e-8 each; the sums are float64
    for name, function in REGRESSION.items():
        assert got[name] == pytest.approx(function(y, p, sample_weight=w), rel=1e-5)
    assert got["loss"] == pytest.approx(sk.mean_squared_error(y, p, sample_weight=w), rel=1e-5)
    assert list(got) == ["loss", *REGRESSION]


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("logits", [False, True])
def test_evaluate_of_classifiers_equals_scikit_learn(logits, weighted):
    x, _ = data(60)
    rng = np.random.default_rng(0)
    w = rng.uniform(0, 2, 60) if weighted else None
    labels = rng.integers(0, 4, 60)
    for loss, y in (
        (fnn.losses.SparseCategoricalCrossentropy, labels),
        (fnn.losses.CategoricalCrossentropy, np.eye(4)[labels]),
    ):
        model = network(5, 4, output=None if logits else "softmax", dtype="float64")
        got = fnn.Trainer(model, loss(from_logits=logits), metrics=["accuracy"]).evaluate(
            x, y, sample_weight=w
        )
        p = model.predict(x)
        if logits:
            p = np.exp(p) / np.exp(p).sum(axis=1, keepdims=True)
        assert got["loss"] == pytest.approx(
            sk.log_loss(labels, p, sample_weight=w, labels=range(4)), rel=1e-12
        )
        assert got["accuracy"] == pytest.approx(
            sk.accuracy_score(labels, p.argmax(axis=1), sample_weight=w), rel=1e-12
        )
    truth = rng.integers(0, 2, 60)
    model = network(5, 1, output=None if logits else "sigmoid", dtype="float64")
    got = fnn.Trainer(
        model, fnn.losses.BinaryCrossentropy(from_logits=logits), metrics=["accuracy"]
    ).evaluate(x, truth, sample_weight=w)
    p = model.predict(x)[:, 0]
    p = 1 / (1 + np.exp(-p)) if logits else p
    assert got["loss"] == pytest.approx(sk.log_loss(truth, p, sample_weight=w), rel=1e-12)
    assert got["accuracy"] == pytest.approx(
        sk.accuracy_score(truth, p > 0.5, sample_weight=w), rel=1e-12
    )


def test_evaluate_changes_nothing():
    x, y = data()
    model = network()
    trainer = trainer_of(model, metrics=["mae"])
    trainer.fit(x, y, verbose=0)
    before, gradient, history = bits(model), model.gradient_arena.copy(), trainer.history
    assert trainer.evaluate(x, y) == trainer.evaluate(x, y)
    assert bits(model) == before
    np.testing.assert_array_equal(model.gradient_arena, gradient)
    assert (trainer.epochs, trainer.steps) == (1, 1)
    assert trainer.history is history


def test_validation_numbers_are_those_of_evaluate():
    x, y = data(30)
    trainer = trainer_of(metrics=["mae"])
    seen = []
    trainer.on("epoch_end", lambda event: seen.append(trainer.evaluate(x[:9], y[:9])))
    history = trainer.fit(x, y, epochs=3, validation_data=(x[:9], y[:9]), verbose=0)
    assert history["val_loss"] == [numbers["loss"] for numbers in seen]
    assert history["val_mean_absolute_error"] == [n["mean_absolute_error"] for n in seen]


@pytest.mark.parametrize(
    "validation",
    [
        lambda x, y, w: (x, y, w),
        lambda x, y, w: (x.tolist(), y.tolist(), w.tolist()),
        lambda x, y, w: [(x[:4], y[:4], w[:4]), (x[4:], y[4:], w[4:])],
        lambda x, y, w: ((x[:4], y[:4], w[:4]), (x[4:], y[4:], w[4:])),
        lambda x, y, w: lambda: iter([(x[:4], y[:4], w[:4]), (x[4:], y[4:], w[4:])]),
        lambda x, y, w: fnn.data.batches(x, y, 3, sample_weight=w),
    ],
    ids=["arrays", "lists", "list", "tuple", "function", "batches"],
)
def test_validation_data_in_any_form(validation):
    x, y = data(9)
    w = np.random.default_rng(0).uniform(0.5, 2, 9)
    trainer = trainer_of(metrics=["r2"])
    history = trainer.fit(x, y, epochs=2, validation_data=validation(x, y, w), verbose=0)
    wanted = trainer.evaluate(x, y, sample_weight=w)
    assert len(history["val_loss"]) == 2
    # the same sums in another order
    assert history["val_loss"][-1] == pytest.approx(wanted["loss"], rel=1e-6)
    assert history["val_r2_score"][-1] == pytest.approx(wanted["r2_score"], rel=1e-5)


@pytest.mark.parametrize(
    "given, error, words",
    [
        ((), ValueError, "a tuple of 0"),
        ((np.ones((2, 3)),), ValueError, "a tuple of 1"),
        ((np.ones((2, 3)), np.ones(2), None, None), ValueError, "a tuple of 4"),
        ("ab", TypeError, "'ab' (str)"),
        ({"x": 1}, TypeError, "dict"),
        (np.ones((2, 3)), TypeError, "ndarray"),
        ((None, np.ones(2)), TypeError, "validation_data: x is None"),
        ((np.ones((2, 3)), None), TypeError, "validation_data: y is None"),
        ((np.ones((2, 2)), np.ones(2)), ValueError, "validation_data: x has shape (2, 2)"),
        ((np.full((2, 3), np.nan), np.ones(2)), ValueError, "validation_data: x has nan at row 0"),
    ],
)
def test_validation_data_is_checked_before_the_first_step(given, error, words):
    x, y = data()
    model = network()
    before = bits(model)
    trainer = trainer_of(model)
    with pytest.raises(error) as caught:
        trainer.fit(x, y, validation_data=given, verbose=0)
    assert "Trainer.fit" in str(caught.value)
    assert words in str(caught.value)
    assert bits(model) == before
    assert trainer.steps == 0


def test_metrics_come_from_sums_not_from_means_of_batches():
    """Batches of 7, 7, 1 rows, and R², of which no mean of means is right."""
    x, y = data(15)
    trainer = trainer_of(optimizer=fnn.SGD(1e-30), metrics=["r2", "rmse", "mae"])  # no move
    wanted = trainer.evaluate(x, y)
    history = trainer.fit(x, y, batch_size=7, verbose=0)
    for name, value in wanted.items():
        assert history[name][0] == pytest.approx(value, rel=1e-6)


def test_the_loss_shown_is_the_mean_over_the_epoch_with_the_current_batch():
    x, y = data(22)
    trainer = trainer_of(network(dtype="float64"), metrics=["mae"])
    twin = trainer_of(network(dtype="float64"), metrics=["mae"])
    shown = []
    trainer.on("batch_end", lambda event: shown.append((event.epoch, event.batch, event.logs)))
    trainer.fit(x, y, batch_size=5, shuffle=False, epochs=2, verbose=0)
    at = iter(shown)
    for epoch in (1, 2):
        sums, rows = dict.fromkeys(("loss", "mean_absolute_error"), 0.0), 0
        for batch, start in enumerate(range(0, 22, 5), 1):
            part = slice(start, start + 5)
            for name, value in twin.train_on_batch(x[part], y[part]).items():
                sums[name] += value * len(x[part])
            rows += len(x[part])
            got_epoch, got_batch, logs = next(at)
            assert (got_epoch, got_batch) == (epoch, batch)
            for name, total in sums.items():
                assert logs[name] == pytest.approx(total / rows, rel=1e-12)  # order of sums
    assert next(at, None) is None


# ---- what is held out ---------------------------------------------------------------------------


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("share, held_out", [(0.2, 5), (0.5, 11), (0.04, 1), (0.95, 21)])
def test_validation_split_takes_the_last_rows_before_shuffling(share, held_out, weighted):
    x, y = data(22)
    w = np.random.default_rng(0).uniform(0.5, 2, 22) if weighted else None
    model, other = network(), network()
    one, two = trainer_of(model, metrics=["r2"]), trainer_of(other, metrics=["r2"])
    k = 22 - held_out
    options = {"batch_size": 4, "epochs": 3, "verbose": 0}
    first = one.fit(x, y, sample_weight=w, validation_split=share, **options)
    parts = [
        None if w is None else part for part in ((None, None) if w is None else (w[:k], w[k:]))
    ]
    second = two.fit(
        x[:k],
        y[:k],
        sample_weight=parts[0],
        validation_data=(x[k:], y[k:], parts[1]),
        **options,
    )
    assert bits(model) == bits(other)
    np.testing.assert_equal(first.history, second.history)


def test_validation_split_of_labels():
    x, _ = data(20)
    labels = np.arange(20) % 3
    model = fnn.Sequential([fnn.Input(3), fnn.Dense(3, "softmax")], seed=0)
    trainer = fnn.Trainer(model, "scce", metrics=["accuracy"])
    history = trainer.fit(x, labels, validation_split=0.25, verbose=0)
    assert history["val_loss"] == [trainer.evaluate(x[15:], labels[15:])["loss"]]


@pytest.mark.parametrize(
    "options, error, words",
    [
        ({"validation_split": 1.0}, ValueError, "validation_split"),
        ({"validation_split": -0.1}, ValueError, "validation_split"),
        ({"validation_split": "0.1"}, TypeError, "validation_split"),
        ({"validation_split": 0.99}, ValueError, "leaves 0 to train and 20 to validate with"),
        ({"validation_split": 1e-20}, ValueError, "leaves 20 to train and 0"),
        (
            {"validation_split": 0.5, "validation_data": (np.ones((2, 3)), np.ones(2))},
            ValueError,
            "got both",
        ),
        (
            {"validation_split": 0.5, "sample_weight": np.repeat([1.0, 0.0], 10)},
            ValueError,
            "zero in all rows of a part",
        ),
        ({"validation_freq": 0}, ValueError, "validation_freq"),
        ({"validation_freq": [1, 0]}, ValueError, "validation_freq"),
        ({"validation_freq": "2"}, TypeError, "validation_freq"),
        ({"initial_epoch": "2"}, TypeError, "initial_epoch"),
    ],
)
def test_fit_refuses_what_is_held_out(options, error, words):
    x, y = data()
    trainer = trainer_of()
    with pytest.raises(error, match=words) as caught:
        trainer.fit(x, y, verbose=0, **options)
    assert str(caught.value).startswith("Trainer.fit")
    assert trainer.steps == 0


@pytest.mark.parametrize(
    "freq, validated", [(1, [1, 2, 3, 4, 5]), (2, [2, 4]), ([1, 5], [1, 5]), ({9}, [])]
)
def test_validation_freq(freq, validated):
    x, y = data()
    seen = []
    trainer = trainer_of().on("epoch_end", lambda e: "val_loss" in e.logs and seen.append(e.epoch))
    history = trainer.fit(x, y, epochs=5, validation_data=(x, y), validation_freq=freq, verbose=0)
    assert seen == validated
    if validated:
        finite = np.isfinite(history["val_loss"])
        assert [epoch for epoch, is_finite in enumerate(finite, 1) if is_finite] == validated


# ---- lines --------------------------------------------------------------------------------------


class Clock:
    """Stands in for the time module of the printer; ticks by hand."""

    def __init__(self):
        self.now = 1000.0

    def monotonic(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(report, "time", clock)
    return clock


def lines(capsys):
    return capsys.readouterr().out.splitlines()


def test_verbose_0_is_silent(capsys):
    x, y = data()
    trainer = trainer_of()
    trainer.fit(x, y, epochs=3, verbose=0, log_every=1)
    trainer.evaluate(x, y)
    trainer.train_on_batch(x, y)
    captured = capsys.readouterr()
    assert captured.out == captured.err == ""


def test_a_line_for_each_epoch_tells_all(capsys, clock):
    x, y = data()
    trainer = trainer_of(metrics=["mae"])
    trainer.on("epoch_begin", lambda event: setattr(clock, "now", clock.now + 1))
    history = trainer.fit(x, y, epochs=12, validation_data=(x, y))
    found = lines(capsys)
    assert len(found) == 12
    for i, line in enumerate(found):
        assert line.startswith(f"epoch {i + 1:2}/12  loss ")
        shown = dict(re.findall(r"(\S+) (-?[\d.e+]+)", line))
        for name, values in history.items():
            assert float(shown[name]) == pytest.approx(values[i], rel=1e-4)  # five digits
        assert re.search(r"  [\d.]+ m?s$", line)


def test_lines_first_and_last_always(capsys, clock):
    x, y = data()
    trainer_of().fit(x, y, epochs=50)  # the clock stands still
    found = lines(capsys)
    assert [line.split("  loss")[0] for line in found] == ["epoch  1/50", "epoch 50/50"]


def test_one_epoch_is_one_line(capsys, clock):
    x, y = data()
    trainer_of().fit(x, y)
    assert len(lines(capsys)) == 1


def test_lines_at_most_ten_a_second(capsys, clock):
    x, y = data()
    trainer = trainer_of()
    trainer.on("epoch_begin", lambda event: setattr(clock, "now", clock.now + 1 / 64))
    trainer.fit(x, y, epochs=640)  # ten seconds
    found = lines(capsys)
    # every 7th of 1/64 s is the first at least 0.1 s later
    epochs = [int(re.match(r"epoch +(\d+)", line)[1]) for line in found]
    assert epochs == [*range(1, 640, 7), 640]


def test_the_last_line_is_the_last_epochs_when_a_handler_stops(capsys, clock):
    x, y = data()
    for event in ("epoch_begin", "epoch_end", "batch_end"):
        trainer = trainer_of()
        trainer.on(event, lambda event: event.stop() if event.epoch == 7 else None)
        history = trainer.fit(x, y, epochs=50)
        found = lines(capsys)
        assert len(found) == 2
        assert found[-1].startswith(f"epoch {history.epoch[-1]:2}/50")


def test_a_second_fit_counts_on(capsys, clock):
    x, y = data()
    trainer = trainer_of()
    trainer.fit(x, y)
    trainer.fit(x, y)
    assert [line.split("  ")[0] for line in lines(capsys)] == ["epoch 1/1", "epoch 2/2"]


def test_log_every_prints_batches(capsys, clock):
    x, y = data(100)
    trainer = trainer_of()
    trainer.on("batch_end", lambda event: setattr(clock, "now", clock.now + 1))
    trainer.fit(x, y, batch_size=2, epochs=2, log_every=20)
    heads = ["  ".join(line.split("  ")[:2]) for line in lines(capsys)]
    assert [head for head in heads if "batch" in head] == [
        "epoch 1/2  batch 20/50",
        "epoch 1/2  batch 40/50",
        "epoch 2/2  batch 20/50",
        "epoch 2/2  batch 40/50",
    ]
    assert heads[-1].startswith("epoch 2/2  loss")


def test_log_every_on_a_stream_of_unknown_length(capsys, clock):
    x, y = data(8)

    def stream():
        for i in range(8):
            clock.now += 1
            yield x[i : i + 1], y[i : i + 1]

    trainer_of().fit(stream, log_every=3)
    found = lines(capsys)
    assert [line.split("  ")[1] for line in found[:2]] == ["batch 3", "batch 6"]


def test_log_every_line_shows_the_mean_of_the_epoch_so_far(capsys, clock):
    x, y = data(8)
    trainer = trainer_of()
    seen = []
    trainer.on("batch_end", lambda event: seen.append(event.logs["loss"]), every=4)
    trainer.fit(x, y, batch_size=2, epochs=1, log_every=4)
    shown = re.search(r"batch 4/4  loss (\S+)", "\n".join(lines(capsys)))
    assert float(shown[1]) == pytest.approx(seen[0], rel=1e-4)


@pytest.mark.parametrize(
    "options, error",
    [
        ({"epochs": 0}, ValueError),
        ({"epochs": 1.0}, TypeError),
        ({"epochs": None}, TypeError),
        ({"verbose": -1}, ValueError),
        ({"verbose": "yes"}, TypeError),
        ({"log_every": 0}, ValueError),
        ({"batch_size": 0}, ValueError),
        ({"batch_size": -3}, ValueError),
        ({"batch_size": 2.0}, TypeError),
        ({"batch_size": True}, TypeError),
    ],
)
def test_fit_refuses_options(options, error):
    x, y = data()
    model = network()
    before = bits(model)
    with pytest.raises(error) as caught:
        trainer_of(model).fit(x, y, **options)
    assert str(caught.value).startswith(f"Trainer.fit: {next(iter(options))}")
    assert bits(model) == before


# ---- handlers -----------------------------------------------------------------------------------


def test_events_come_in_order_and_say_where():
    x, y = data(7)
    seen = []
    trainer = trainer_of(metrics=["mae"])
    for name in ("train_begin", "epoch_begin", "batch_end", "epoch_end", "train_end"):
        trainer.on(name, lambda e: seen.append((e.name, e.epoch, e.batch, e.batches, list(e.logs))))
    trainer.fit(x, y, batch_size=4, epochs=2, validation_data=(x, y), verbose=0)
    logs = ["loss", "mean_absolute_error"]
    both = [*logs, "val_loss", "val_mean_absolute_error"]
    assert seen == [
        ("train_begin", 0, 0, 2, []),
        ("epoch_begin", 1, 0, 2, []),
        ("batch_end", 1, 1, 2, logs),
        ("batch_end", 1, 2, 2, logs),
        ("epoch_end", 1, 2, 2, both),
        ("epoch_begin", 2, 0, 2, []),
        ("batch_end", 2, 1, 2, logs),
        ("batch_end", 2, 2, 2, logs),
        ("epoch_end", 2, 2, 2, both),
        ("train_end", 2, 0, 2, []),
    ]


@pytest.mark.parametrize("every", [1, 2, 3, 7, 100])
@pytest.mark.parametrize("as_stream", [False, True])
def test_every_counts_batches_within_the_epoch(as_stream, every):
    x, y = data(14)
    seen = []
    trainer = trainer_of()
    trainer.on("batch_end", lambda event: seen.append((event.epoch, event.batch)), every=every)
    source = (fnn.data.batches(x, y, 2),) if as_stream else (x, y)
    options = {} if as_stream else {"batch_size": 2}
    trainer.fit(*source, epochs=2, verbose=0, **options)
    assert seen == [(e, b) for e in (1, 2) for b in range(every, 8, every)]


def test_every_counts_epochs():
    x, y = data()
    seen = []
    trainer = trainer_of().on("epoch_end", lambda event: seen.append(event.epoch), every=3)
    trainer.fit(x, y, epochs=7, verbose=0)
    trainer.fit(x, y, epochs=2, verbose=0)
    assert seen == [3, 6, 9]


def test_two_handlers_with_different_rates():
    x, y = data(24)
    seen = []
    trainer = trainer_of()
    trainer.on("batch_end", lambda e: seen.append(("a", e.batch)), every=4)
    trainer.on("batch_end", lambda e: seen.append(("b", e.batch)), every=6)
    trainer.fit(x, y, batch_size=2, verbose=0)
    assert seen == [("a", 4), ("b", 6), ("a", 8), ("a", 12), ("b", 12)]


@pytest.mark.parametrize(
    "arguments, error, words",
    [
        (("epoch_ends", print), ValueError, "did you mean 'epoch_end'"),
        ((None, print), TypeError, "event"),
        (("epoch_end", None), TypeError, "handler must be callable, got None"),
        (("epoch_end", 3), TypeError, "handler must be callable"),
    ],
)
def test_on_refuses(arguments, error, words):
    with pytest.raises(error) as caught:
        trainer_of().on(*arguments)
    assert words in str(caught.value)
    assert "Trainer.on" in str(caught.value)


@pytest.mark.parametrize("every", [0, -1, 1.5, "2"])
def test_on_refuses_every(every):
    with pytest.raises((TypeError, ValueError), match=r"Trainer.on: every"):
        trainer_of().on("epoch_end", print, every=every)


def test_stop_ends_the_fit_after_the_event():
    x, y = data()
    model, other = network(), network()
    ended = []
    trainer = trainer_of(model)
    trainer.on("batch_end", lambda e: e.stop() if (e.epoch, e.batch) == (2, 3) else None)
    trainer.on("train_end", lambda e: ended.append(e.epoch))
    history = trainer.fit(
        x, y, batch_size=4, epochs=9, shuffle=False, validation_data=(x, y), verbose=0
    )
    assert trainer.steps == 8
    assert history.epoch == [1, 2]  # the second with what it has
    assert len(history["val_loss"]) == 2
    assert ended == [2]
    twin = trainer_of(other)
    twin.fit(x, y, batch_size=4, shuffle=False, verbose=0)
    twin.fit(x[:12], y[:12], batch_size=4, shuffle=False, verbose=0)
    assert bits(model) == bits(other)


def test_stop_at_the_begin_takes_no_step():
    x, y = data()
    for name, epochs in (("train_begin", 0), ("epoch_begin", 0)):
        trainer = trainer_of().on(name, lambda event: event.stop())
        history = trainer.fit(x, y, epochs=5, verbose=0)
        assert history.epoch == []
        assert (trainer.steps, trainer.epochs) == (0, epochs)


def test_a_handler_that_raises_leaves_whole_steps_and_the_history_so_far():
    x, y = data()
    model, other = network(), network()

    def fail(event):
        if (event.epoch, event.batch) == (3, 2):
            raise LookupError("mine")

    trainer = trainer_of(model).on("batch_end", fail)
    with pytest.raises(LookupError, match="mine"):
        trainer.fit(x, y, batch_size=4, epochs=9, shuffle=False, verbose=0)
    assert trainer.history.epoch == [1, 2]
    assert len(trainer.history["loss"]) == 2
    assert trainer.steps == 12
    twin = trainer_of(other)
    twin.fit(x, y, batch_size=4, epochs=2, shuffle=False, verbose=0)
    twin.fit(x[:8], y[:8], batch_size=4, shuffle=False, verbose=0)
    assert bits(model) == bits(other)
    # and the model is free again
    trainer_of(model).fit(x, y, verbose=0)


def test_a_fit_within_a_fit_is_an_error():
    x, y = data()
    model = network()
    other = trainer_of(model)
    caught = []

    def again(event):
        for attempt in (
            lambda: trainer.fit(x, y, verbose=0),
            lambda: other.fit(x, y, verbose=0),
            lambda: other.train_on_batch(x, y),
        ):
            with pytest.raises(RuntimeError, match="being fitted already") as error:
                attempt()
            caught.append(error)
        trainer.evaluate(x, y)  # looking is allowed
        model.predict(x)
        network_of_another = network()
        trainer_of(network_of_another).fit(x, y, verbose=0)

    trainer = trainer_of(model).on("epoch_end", again)
    history = trainer.fit(x, y, epochs=2, verbose=0)
    assert len(caught) == 6
    assert history.epoch == [1, 2]  # and the outer one is not disturbed
    assert trainer.steps == 2
    assert other.steps == 0


def test_handlers_may_be_added_by_handlers():
    x, y = data()
    seen = []
    trainer = trainer_of()
    trainer.on(
        "train_begin",
        lambda event: trainer.on("epoch_end", lambda event: seen.append(event.epoch)),
    )
    trainer.fit(x, y, epochs=2, verbose=0)
    assert seen == [1, 2]


# ---- dead networks ------------------------------------------------------------------------------


def dead_network():
    model = network(4, 1, hidden="relu")
    model.set_weights({"dense_0/kernel": np.zeros((3, 4)), "dense_0/bias": np.full(4, -1.0)})
    return model


@pytest.mark.parametrize("as_stream", [False, True])
def test_a_dead_network_is_warned_of(as_stream):
    x, y = data()
    source = ([(x[:10], y[:10]), (x[10:], y[10:])],) if as_stream else (x, y)
    with pytest.warns(fnn.DeadNetworkWarning, match="same output for every row") as caught:
        trainer_of(dead_network()).fit(*source, verbose=0)
    assert len(caught) == 1
    assert caught[0].filename == __file__  # points at the person's line


def test_no_warning_where_there_is_no_reason():
    x, y = data()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        trainer_of().fit(x, y, verbose=0)
        trainer_of(dead_network()).fit(x, np.ones(20), verbose=0)  # one target: rightly constant
        trainer_of(dead_network()).fit(np.ones((20, 3)), y, verbose=0)  # one row: no choice
        trainer_of(dead_network()).fit(x[:1], y[:1], verbose=0)


# ---- a loss that is not finite ------------------------------------------------------------------


@pytest.mark.parametrize("as_stream", [False, True])
def test_a_nonfinite_loss_stops_before_its_update(isa, as_stream):
    """Batch 3 of epoch 2 overflows because of its weight; until then all is well."""
    x, y = data(20)
    y = y.astype(np.float32)
    model, until = network(), network()
    trainer, twin = (trainer_of(m, optimizer="adam") for m in (model, until))

    def poison(event):
        if (event.epoch, event.batch) == (2, 2):
            big[8:12] = 1e30  # its square is beyond float32; the data was fine when it was checked

    big = y.copy()
    trainer.on("batch_end", poison)
    source = (fnn.data.batches(x, big, 4),) if as_stream else (x, big)
    options = {} if as_stream else {"batch_size": 4, "shuffle": False}
    with pytest.raises(FloatingPointError) as caught:
        trainer.fit(*source, epochs=5, verbose=0, **options)
    assert "Trainer.fit: epoch 2, batch 3" in str(caught.value)
    assert "inf" in str(caught.value)
    assert "learning rate" in str(caught.value)
    twin.fit(x, y, batch_size=4, shuffle=False, verbose=0)
    twin.fit(x[:8], y[:8], batch_size=4, shuffle=False, verbose=0)
    assert bits(model) == bits(until)
    assert trainer.steps == twin.steps == 7
    assert trainer.history.epoch == [1]
    assert np.isfinite(trainer.history["loss"]).all()
    trainer_of(model).fit(x, y, verbose=0)  # the model is free and sound


def test_a_diverging_fit_is_stopped_and_named():
    x, y = data(100)
    model = network()
    trainer = trainer_of(model, optimizer=fnn.SGD(1e10))
    with pytest.raises(FloatingPointError, match=r"epoch \d+, batch \d+ of 25: the loss became"):
        trainer.fit(x, y, batch_size=4, epochs=50, verbose=0)


def test_train_on_batch_with_a_nonfinite_loss_changes_nothing():
    x, _ = data()
    model = network()
    before = bits(model)
    trainer = trainer_of(model)
    with pytest.raises(FloatingPointError, match=r"Trainer\.train_on_batch"):
        trainer.train_on_batch(x, np.full(20, 1e30))
    assert bits(model) == before
    assert trainer.steps == 0


def test_nan_targets_let_through_stop_the_fit_too():
    x, y = data()
    y[7] = np.nan
    model, until = network(), network()
    with pytest.raises(FloatingPointError, match=r"batch 2 of 4: the loss became nan"):
        trainer_of(model).fit(x, y, batch_size=5, shuffle=False, check_finite=False, verbose=0)
    trainer_of(until).train_on_batch(x[:5], y[:5])
    assert bits(model) == bits(until)


def test_evaluate_of_a_nonfinite_loss_is_an_error():
    x, _ = data()
    with pytest.raises(FloatingPointError, match=r"Trainer\.evaluate: the loss is inf"):
        trainer_of().evaluate(x, np.full(20, 1e30))


# ---- Ctrl-C -------------------------------------------------------------------------------------


@pytest.fixture
def alarm():
    """Sends SIGINT by the clock; nothing is asserted about how soon it is answered."""
    previous = signal.signal(signal.SIGALRM, lambda *_: os.kill(os.getpid(), signal.SIGINT))
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield lambda seconds: signal.setitimer(signal.ITIMER_REAL, seconds)
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, previous)
    signal.signal(signal.SIGINT, handler)


needs_alarm = pytest.mark.skipif(sys.platform == "win32", reason="no interval timer")


@needs_alarm
@pytest.mark.parametrize("watched", [False, True])
@pytest.mark.parametrize("as_stream", [False, True])
def test_ctrl_c_leaves_whole_steps_and_the_history(alarm, as_stream, watched):
    x, y = data(64)
    model, other = network(8, 1), network(8, 1)
    trainer = trainer_of(model)
    trainer.on("train_begin", lambda event: alarm(0.05))
    if watched:
        trainer.on("epoch_end", lambda event: None)
    source = (fnn.data.batches(x, y, 1),) if as_stream else (x, y)
    options = {} if as_stream else {"batch_size": 1, "shuffle": False}
    with pytest.raises(KeyboardInterrupt):
        trainer.fit(*source, epochs=10**9, verbose=0, **options)
    epochs, rest = divmod(trainer.steps, 64)
    history = trainer.history
    assert history.epoch == list(range(1, len(history.epoch) + 1))
    assert len(history.epoch) == len(history.seconds) == len(history["loss"])
    # a signal may come between the last step of an epoch, its entry in the history, and the count
    assert len(history.epoch) in (epochs, epochs - (rest == 0))
    assert trainer.epochs in (len(history.epoch), len(history.epoch) - 1)
    twin = trainer_of(other)
    twin.fit(x, y, batch_size=1, shuffle=False, epochs=epochs, verbose=0)
    if rest:
        twin.fit(x[:rest], y[:rest], batch_size=1, shuffle=False, verbose=0)
    assert bits(model) == bits(other)
    trainer_of(model).fit(x, y, verbose=0)  # the model is free


def endless_rows():
    """A network, and rows without memory that keep it busy for many seconds on any machine."""
    n = 5_000_000
    x = np.broadcast_to(np.ones((1, 64), np.float32), (n, 64))
    y = np.broadcast_to(np.ones((1, 1), np.float32), (n, 1))
    return network(256, 256, 1, inputs=64), x, y


@needs_alarm
def test_ctrl_c_drops_a_huge_step_before_its_update(alarm):
    model, x, y = endless_rows()
    before = bits(model)
    trainer = trainer_of(model)
    trainer.on("train_begin", lambda event: alarm(0.1))
    with pytest.raises(KeyboardInterrupt):
        trainer.fit(x, y, batch_size=len(x), shuffle=False, check_finite=False, verbose=0)
    assert trainer.steps == 0
    assert trainer.history.epoch == []
    assert bits(model) == before
    trainer_of(model).fit(x[:1], y[:1], verbose=0)  # the model is free


@needs_alarm
def test_ctrl_c_stops_a_huge_predict_and_evaluate(alarm):
    model, x, y = endless_rows()
    wanted = model.predict(x[:1])
    out = np.full((len(x), 1), np.nan, np.float32)
    alarm(0.1)
    with pytest.raises(KeyboardInterrupt):
        model.predict(x, out=out)
    assert np.isnan(out[-1])  # stopped long before
    alarm(0.1)
    with pytest.raises(KeyboardInterrupt):
        trainer_of(model).evaluate(x, y, check_finite=False)
    np.testing.assert_array_equal(model.predict(x[:1]), wanted)
    trainer_of(model).fit(x[:1], y[:1], verbose=0)  # free


@needs_alarm
def test_what_a_signal_handler_raises_comes_out():
    class Mine(Exception):
        pass

    def raise_mine(*_):
        raise Mine

    x, y = data(64)
    model = network()
    previous = signal.signal(signal.SIGALRM, raise_mine)
    try:
        trainer = trainer_of(model)
        trainer.on("train_begin", lambda event: signal.setitimer(signal.ITIMER_REAL, 0.02))
        with pytest.raises(Mine):
            trainer.fit(x, y, epochs=10**9, verbose=0)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
    trainer_of(model).fit(x, y, verbose=0)


# ---- small things -------------------------------------------------------------------------------


def test_verbose_may_be_a_bool(capsys):
    x, y = data()
    trainer_of().fit(x, y, verbose=False)
    assert capsys.readouterr().out == ""
    trainer_of().fit(x, y, verbose=True)
    assert capsys.readouterr().out.startswith("epoch 1/1")


def test_reset_inside_a_fit_is_refused():
    x, y = data()
    trainer = trainer_of()
    trainer.on("batch_end", lambda event: trainer.reset())
    with pytest.raises(RuntimeError, match=r"Trainer\.reset: this model is being fitted"):
        trainer.fit(x, y, batch_size=4, verbose=0)
    assert trainer.steps == 1
    trainer.reset()
    assert trainer.steps == 0
