"""Callbacks and events: what is called when, what a handler may do, and what each callback does."""

from __future__ import annotations

import csv
import io
import json
import math

import numpy as np
import pytest

import fastnn as fnn
from fastnn import callbacks as cb
from fastnn.evaluation import Evaluation
from fastnn.events import Event, Snapshot
from fastnn.feed import ArrayFeed

NAMES = ("train_begin", "epoch_begin", "batch_begin", "batch_end", "epoch_end", "train_end")


def network(seed=0, dtype="float32"):
    layers = [fnn.Input(3), fnn.Dense(4, "tanh"), fnn.Dense(1)]
    return fnn.Sequential(layers, seed=seed, dtype=dtype)


def data(n=20):
    rng = np.random.default_rng(n)
    return rng.standard_normal((n, 3)), rng.standard_normal((n, 1))


def bits(model):
    return model.parameter_arena.tobytes()


def trainer_of(model=None, optimizer="adam", **options):
    return fnn.Trainer(model or network(), "mse", optimizer, **options)


class Script:
    """Validation losses by hand: the validation of a fit answers with these, one an epoch."""

    evaluate = Evaluation.__call__

    def __init__(self, monkeypatch, values, name="val_loss"):
        values = iter(values)
        key = name.removeprefix("val_")
        monkeypatch.setattr(
            Evaluation,
            "__call__",
            lambda one: Script.evaluate(one) | {key: next(values)},
        )


def fit_script(monkeypatch, values, callback, *, name="val_loss", optimizer="adam", **options):
    """Fit as many epochs as there are values; return trainer, model, bits after each epoch."""
    Script(monkeypatch, values, name)
    x, y = data()
    model = network()
    trainer = trainer_of(model, optimizer, metrics=["r2"])
    after = []
    trainer.on("epoch_end", lambda event: after.append(bits(model)))
    trainer.fit(
        x,
        y,
        epochs=len(values),
        validation_data=(x, y),
        callbacks=[callback],
        verbose=0,
        **options,
    )
    return trainer, model, after


# ---- events -------------------------------------------------------------------------------------


def test_events_come_in_order_and_say_where():
    x, y = data(7)
    seen = []
    trainer = trainer_of()
    for name in NAMES:
        trainer.on(name, lambda e: seen.append((e.name, e.epoch, e.batch, sorted(e.logs))))
    trainer.fit(x, y, batch_size=4, epochs=2, verbose=0)
    epoch = [
        ("epoch_begin", 0, []),
        ("batch_begin", 1, []),
        ("batch_end", 1, ["loss"]),
        ("batch_begin", 2, []),
        ("batch_end", 2, ["loss"]),
        ("epoch_end", 2, ["loss"]),
    ]
    wanted = [(name, i, batch, logs) for i in (1, 2) for name, batch, logs in epoch]
    assert seen == [("train_begin", 0, 0, []), *wanted, ("train_end", 2, 0, [])]


@pytest.mark.parametrize("as_stream", [False, True])
@pytest.mark.parametrize("begins", [1, 2, 3, 100])
@pytest.mark.parametrize("ends", [1, 2, 5, 100])
def test_batch_begin_and_batch_end_have_rates_of_their_own(begins, ends, as_stream):
    x, y = data(14)
    seen = []
    trainer = trainer_of()
    steps = lambda: trainer.steps - 7 * (trainer.epochs)  # noqa: E731
    trainer.on("batch_begin", lambda e: seen.append(("begin", e.batch, steps())), every=begins)
    trainer.on("batch_end", lambda e: seen.append(("end", e.batch, steps())), every=ends)
    source = (fnn.data.batches(x, y, 2),) if as_stream else (x, y)
    options = {} if as_stream else {"batch_size": 2}
    history = trainer.fit(*source, epochs=2, verbose=0, **options)
    epoch = []
    for batch in range(1, 8):
        epoch += [("begin", batch, batch - 1)] if batch % begins == 0 else []
        epoch += [("end", batch, batch)] if batch % ends == 0 else []
    assert seen == epoch * 2
    assert history.epoch == [1, 2]


def test_listening_to_batches_changes_no_bits():
    x, y = data(23)
    found = []
    for names in ((), ("batch_begin",), ("batch_end",), ("batch_begin", "batch_end")):
        model = network()
        trainer = trainer_of(model)
        for name in names:
            trainer.on(name, lambda event: None, every=2)
        trainer.fit(x, y, batch_size=4, epochs=3, verbose=0)
        found.append(bits(model))
    assert len(set(found)) == 1


@pytest.mark.parametrize(
    "filters, wanted",
    [
        ({}, range(1, 13)),
        ({"every": 3}, [3, 6, 9, 12]),
        ({"first": 2}, [1, 2]),
        ({"after": 9}, [10, 11, 12]),
        ({"once": True}, [1]),
        ({"every": 4, "after": 4}, [8, 12]),
        ({"every": 2, "first": 5}, [2, 4]),
        ({"after": 5, "first": 7}, [6, 7]),
        ({"once": True, "after": 5, "every": 4}, [8]),
        ({"every": 13}, []),
    ],
)
@pytest.mark.parametrize("name", ["epoch_begin", "epoch_end", "batch_begin", "batch_end"])
def test_filters(name, filters, wanted):
    x, y = data(12)
    seen = []
    trainer = trainer_of()
    batches = name.startswith("batch")
    trainer.on(name, lambda e: seen.append(e.batch if batches else e.epoch), **filters)
    if batches:
        trainer.fit(x, y, batch_size=1, verbose=0)
    else:
        trainer.fit(x, y, epochs=12, verbose=0)
    assert seen == list(wanted)


def test_once_is_once_for_all_fits_and_leaves_c_alone_afterwards():
    x, y = data()
    seen = []
    trainer = trainer_of()
    trainer.on("train_begin", lambda event: seen.append("begin"), once=True)
    trainer.on("epoch_end", lambda event: seen.append(event.epoch), once=True)
    trainer.fit(x, y, epochs=3, verbose=0)
    trainer.fit(x, y, epochs=3, verbose=0)
    assert seen == ["begin", 1]
    assert not trainer._listeners.wants("epoch_end")


@pytest.mark.parametrize(
    "arguments, words",
    [
        ({"first": 0}, "first must be"),
        ({"after": -1}, "after must be"),
        ({"once": 1}, "once must be"),
        ({"every": 5, "first": 4}, "no number"),
        ({"after": 4, "first": 4}, "no number"),
        ({"every": 3, "after": 6, "first": 8}, "no number"),
    ],
)
def test_on_refuses_filters(arguments, words):
    with pytest.raises((TypeError, ValueError), match=words):
        trainer_of().on("epoch_end", print, **arguments)


@pytest.mark.parametrize("filters", [{"every": 2}, {"first": 1}, {"after": 1}])
@pytest.mark.parametrize("name", ["train_begin", "train_end"])
def test_what_comes_once_has_no_numbers_to_filter(name, filters):
    with pytest.raises(ValueError, match="comes once in a fit"):
        trainer_of().on(name, print, **filters)


def test_an_event_of_no_fit_has_no_control():
    event = Event("epoch_end", epoch=1, batch=1, batches=1, logs={})
    for ask in (
        lambda: event.learning_rate,
        lambda: event.snapshot(),
        lambda: event.save("x"),
        lambda: event.save_model("x"),
        lambda: event.names,
        lambda: event.higher_is_better("loss"),
    ):
        with pytest.raises(RuntimeError, match="comes from no fit"):
            ask()


def test_event_seconds_grow_within_the_epoch():
    x, y = data()
    seen = []
    trainer = trainer_of()
    for name in NAMES[1:]:
        trainer.on(name, lambda event: seen.append(event.seconds))
    history = trainer.fit(x, y, batch_size=5, verbose=0)
    assert all(seconds >= 0 for seconds in seen)
    epoch = seen[:-1]
    assert epoch == sorted(epoch)
    assert history.seconds == [epoch[-1]]
    assert seen[-1] >= epoch[-1]


# ---- the control --------------------------------------------------------------------------------


def test_stop_epoch_goes_on_with_the_next():
    x, y = data()
    model, other = network(), network()
    trainer = trainer_of(model)
    trainer.on("batch_end", lambda e: e.stop_epoch() if (e.epoch, e.batch) == (2, 3) else None)
    history = trainer.fit(x, y, batch_size=4, epochs=3, shuffle=False, verbose=0)
    assert history.epoch == [1, 2, 3]
    twin = trainer_of(other)
    for rows in (20, 12, 20):
        twin.fit(x[:rows], y[:rows], batch_size=4, shuffle=False, verbose=0)
    assert bits(model) == bits(other)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "batch_end"])
def test_stop_epoch_is_for_batch_end(name):
    x, y = data()
    trainer = trainer_of().on(name, lambda event: event.stop_epoch())
    with pytest.raises(RuntimeError, match=f"at {name!r}"):
        trainer.fit(x, y, verbose=0)


@pytest.mark.parametrize("name", ["train_begin", "epoch_begin", "batch_begin"])
def test_stop_before_a_batch_takes_no_more_steps(name):
    x, y = data()
    trainer = trainer_of().on(name, lambda event: event.stop("enough"))
    history = trainer.fit(x, y, epochs=4, verbose=0)
    assert (trainer.steps, trainer.epochs, history.epoch) == (0, 0, [])
    assert history.stopped == "enough"


def test_stop_at_the_begin_of_a_later_batch_closes_the_epoch():
    x, y = data()
    trainer = trainer_of()
    trainer.on("batch_begin", lambda e: e.stop() if (e.epoch, e.batch) == (2, 4) else None)
    history = trainer.fit(x, y, batch_size=4, epochs=4, verbose=0)
    assert (trainer.steps, history.epoch, history.stopped) == (8, [1, 2], None)


def test_learning_rate_of_an_event():
    x, y = data()
    seen = []

    def halve(event):
        event.learning_rate /= 2
        seen.append(event.learning_rate)

    trainer = trainer_of(optimizer=fnn.SGD(0.4)).on("epoch_begin", halve)
    trainer.fit(x, y, epochs=3, verbose=0)
    assert seen == [0.2, 0.1, 0.05]
    assert trainer.learning_rate == 0.05
    trainer.on("epoch_end", lambda event: setattr(event, "learning_rate", -1.0))
    with pytest.raises(ValueError, match="learning_rate"):
        trainer.fit(x, y, verbose=0)


@pytest.mark.parametrize("optimizer", [False, True])
def test_snapshot_and_restore(optimizer):
    x, y = data()
    model = network()
    trainer = trainer_of(model, fnn.Adam(0.01))
    kept = {}

    def look(event):
        if event.epoch == 2:
            kept["snapshot"] = event.snapshot(optimizer=optimizer)
            kept["bits"], kept["steps"] = bits(model), trainer.steps
        if event.epoch == 4:
            event.restore(kept["snapshot"])
            assert bits(model) == kept["bits"]
            event.stop()

    trainer.on("epoch_end", look)
    trainer.fit(x, y, batch_size=5, epochs=9, verbose=0)
    assert bits(model) == kept["bits"]
    assert trainer.steps == (kept["steps"] if optimizer else 16)
    assert repr(kept["snapshot"]) == "<Snapshot: epoch 2, batch 4>"
    fresh = network()
    twin = trainer_of(fresh, fnn.Adam(0.01))
    twin.fit(x, y, batch_size=5, epochs=2, verbose=0)
    trainer._listeners.__init__()
    for one in (trainer, twin):
        one.epochs = 4
        one.fit(x, y, batch_size=5, epochs=1, verbose=0)
    assert (bits(model) == bits(fresh)) == optimizer  # only with its moments is it the same


def test_snapshot_into_an_old_one_takes_no_new_memory():
    x, y = data()
    model = network()
    trainer = trainer_of(model)
    seen = []

    def look(event):
        seen.append(event.snapshot(into=seen[-1] if seen else None, optimizer=True))

    trainer.on("epoch_end", look)
    trainer.fit(x, y, epochs=3, verbose=0)
    assert len({id(one.arrays["parameters"]) for one in seen}) == 1
    assert len({id(one.arrays["optimizer/m"]) for one in seen}) == 1
    assert seen[-1].arrays["parameters"].tobytes() == bits(model)
    assert seen[-1].steps == 3
    assert seen[-1].epoch == 3


def test_restore_refuses():
    x, y = data()
    small = fnn.Sequential([fnn.Input(3), fnn.Dense(1)])
    foreign = Snapshot(1, 1, {"parameters": small.snapshot()})
    for given, error in ((None, TypeError), (np.zeros(3), TypeError), (foreign, ValueError)):
        trainer = trainer_of().on("epoch_end", lambda e, given=given: e.restore(given))
        with pytest.raises(error, match=r"Event\.restore"):
            trainer.fit(x, y, verbose=0)


def test_names_and_directions_of_an_event():
    x, y = data()
    seen = []
    trainer = trainer_of(metrics=["mae", "r2"])
    trainer.on("train_begin", lambda event: seen.append(tuple(event.names)))
    trainer.fit(x, y, verbose=0)
    trainer.on("train_begin", lambda e: seen.append([e.higher_is_better(n) for n in e.names]))
    trainer.fit(x, y, validation_split=0.5, verbose=0)
    plain = ("loss", "mean_absolute_error", "r2_score")
    assert seen == [
        plain,
        (*plain, *(f"val_{name}" for name in plain)),
        [False, False, True] * 2,
    ]


# ---- callbacks in general -----------------------------------------------------------------------


class Record(cb.Callback):
    def __init__(self):
        self.seen = []

    def note(self, event):
        self.seen.append((event.name, event.epoch, event.batch))

    def on_train_begin(self, event):
        self.note(event)

    def on_epoch_end(self, event):
        self.note(event)

    def on_train_end(self, event):
        self.note(event)

    def close(self):
        self.seen.append("closed")


class RecordBatches(Record):
    every = 3

    def on_batch_begin(self, event):
        self.note(event)

    def on_batch_end(self, event):
        self.note(event)

    def on_epoch_begin(self, event):
        self.note(event)


def test_a_class_of_ones_own():
    x, y = data()
    record = Record()
    trainer_of().fit(x, y, batch_size=5, epochs=2, verbose=0, callbacks=[record])
    assert record.seen == [
        ("train_begin", 0, 0),
        ("epoch_end", 1, 4),
        ("epoch_end", 2, 4),
        ("train_end", 2, 0),
        "closed",
    ]


def test_every_is_for_the_batch_methods():
    x, y = data()
    record = RecordBatches()
    trainer_of().fit(x, y, batch_size=4, epochs=2, verbose=0, callbacks=[record])
    assert record.seen[1:6] == [
        ("epoch_begin", 1, 0),
        ("batch_begin", 1, 3),
        ("batch_end", 1, 3),
        ("epoch_end", 1, 5),
        ("epoch_begin", 2, 0),
    ]


def test_only_overridden_methods_take_part():
    assert [name for name, _ in Record().handlers()] == ["train_begin", "epoch_end", "train_end"]
    assert cb.Callback().handlers() == []
    assert cb.TerminateOnNaN().handlers() == []
    by_function = cb.LambdaCallback(on_batch_end=print)
    assert by_function.handlers() == [("batch_end", print)]


def test_a_callback_without_methods_leaves_whole_epochs_to_c(monkeypatch):
    from fastnn.feed import ArrayFeed

    x, y = data()
    monkeypatch.setattr(ArrayFeed, "begin", lambda *_: pytest.fail("came back to Python"))
    only = cb.LambdaCallback(on_train_begin=lambda event: None)
    trainer_of().fit(x, y, epochs=3, verbose=0, callbacks=[only, cb.TerminateOnNaN()])


def test_callbacks_are_called_in_their_order_after_the_handlers_of_on():
    x, y = data()
    seen = []
    trainer = trainer_of().on("epoch_end", lambda event: seen.append("on"))
    calls = [cb.LambdaCallback(on_epoch_end=lambda event, n=n: seen.append(n)) for n in "ab"]
    trainer.fit(x, y, verbose=0, callbacks=calls)
    trainer.fit(x, y, verbose=0)  # and for that fit alone
    assert seen == ["on", "a", "b", "on"]


@pytest.mark.parametrize("raises_at", ["on_train_begin", "on_batch_end", "on_epoch_end"])
def test_a_callback_that_raises_leaves_whole_steps_and_the_history(raises_at):
    x, y = data()
    model, other = network(), network()
    record = Record()

    def fail(event):
        if event.epoch in (0, 3) and event.batch in (0, 2, 5):
            raise LookupError("mine")

    calls = [record, cb.LambdaCallback(**{raises_at: fail})]
    trainer = trainer_of(model)
    with pytest.raises(LookupError, match="mine"):
        trainer.fit(x, y, batch_size=4, epochs=9, shuffle=False, verbose=0, callbacks=calls)
    epochs, steps = {
        "on_train_begin": (0, 0),
        "on_batch_end": (2, 12),
        "on_epoch_end": (3, 15),
    }[raises_at]
    assert trainer.history.epoch == list(range(1, epochs + 1))
    assert (trainer.epochs, trainer.steps) == (epochs, steps)
    assert record.seen[-1] == "closed"
    twin = trainer_of(other)
    for _ in range(epochs):
        twin.fit(x, y, batch_size=4, shuffle=False, verbose=0)
    if steps == 12:
        twin.fit(x[:8], y[:8], batch_size=4, shuffle=False, verbose=0)
    assert bits(model) == bits(other)
    trainer.fit(x, y, verbose=0)  # the model is free, the callbacks gone
    assert record.seen[-1] == "closed"
    model.predict(x)


@pytest.mark.parametrize(
    "given, error, words",
    [
        (cb.EarlyStopping(), TypeError, "must be a list of callbacks"),
        ("early_stopping", TypeError, "must be a list of callbacks"),
        (3, TypeError, "must be a list of callbacks"),
        ([cb.EarlyStopping], TypeError, "give an object, EarlyStopping(...)"),
        ([print], TypeError, "LambdaCallback(on_epoch_end=...)"),
        ([None], TypeError, "callbacks[0] must be a Callback, got None"),
        ([cb.Callback()] * 2, ValueError, "callbacks[1] is the same object"),
    ],
)
def test_fit_refuses_callbacks(given, error, words):
    x, y = data()
    model = network()
    before = bits(model)
    with pytest.raises(error) as caught:
        trainer_of(model).fit(x, y, verbose=0, callbacks=given)
    assert str(caught.value).startswith("Trainer.fit: callbacks")
    assert words in str(caught.value)
    assert bits(model) == before


def test_lambda_callback_gets_all_events():
    x, y = data()
    seen = []
    methods = {f"on_{name}": lambda event: seen.append(event.name) for name in NAMES}
    trainer_of().fit(x, y, verbose=0, callbacks=[cb.LambdaCallback(**methods)])
    assert seen == list(NAMES)
    seen.clear()
    trainer_of().fit(
        x, y, batch_size=4, verbose=0, callbacks=[cb.LambdaCallback(**methods, every=2)]
    )
    assert seen.count("batch_begin") == seen.count("batch_end") == 2
    with pytest.raises(TypeError, match="on_epoch_end must be callable"):
        cb.LambdaCallback(on_epoch_end=3)
    with pytest.raises(ValueError, match="LambdaCallback: every"):
        cb.LambdaCallback(every=0)


# ---- EarlyStopping ------------------------------------------------------------------------------

NAN = math.nan


@pytest.mark.parametrize(
    "values, options, best, stopped",
    [
        ([5, 4, 3, 2, 1], {"patience": 2}, 5, None),
        ([5, 4, 4, 4, 4], {"patience": 2}, 2, 4),
        ([5, 4, 4, 4, 4], {"patience": 3}, 2, 5),
        ([5, 4, 4, 3, 4, 4], {"patience": 2}, 4, 6),
        ([5, 6, 7], {}, 1, 2),
        ([5, 6, 7], {"patience": 1}, 1, 2),
        ([5, 4.5, 4.2, 3.9, 3.8], {"patience": 3, "min_delta": 1}, 4, None),
        ([5, 4.5, 4.2, 4.1], {"patience": 2, "min_delta": 1}, 1, 3),
        ([1, 2, 1, 1], {"patience": 2, "mode": "max"}, 2, 4),
        ([5, 4, 3, 2, 1], {"patience": 2, "baseline": 0.5}, 2, 2),
        ([5, 4, 3, 3], {"patience": 2, "baseline": 4.5}, 3, None),
        ([1, 9, 8, 9, 9], {"patience": 2, "start_from_epoch": 1}, 3, 5),
        ([NAN, NAN, 3, 2, NAN], {"patience": 3}, 4, None),
        ([NAN, NAN, NAN], {"patience": 2}, None, 2),
        ([3, NAN, NAN], {"patience": 2}, 1, 3),
    ],
)
def test_early_stopping(monkeypatch, values, options, best, stopped):
    stop = cb.EarlyStopping(**options)
    trainer, model, after = fit_script(monkeypatch, values, stop)
    assert stop.best_epoch == best
    assert stop.stopped_epoch == stopped
    assert trainer.epochs == (stopped or len(values))
    assert (trainer.history.stopped is None) == (stopped is None)
    if best is None:
        assert math.isnan(stop.best)
        assert bits(model) == after[-1]
    else:
        assert stop.best == values[best - 1]
        assert bits(model) == after[best - 1]  # also when it was not stopped


def test_early_stopping_may_leave_the_last_weights(monkeypatch):
    stop = cb.EarlyStopping(patience=2, restore_best_weights=False)
    _, model, after = fit_script(monkeypatch, [2, 1, 3, 4, 5], stop)
    assert (stop.best_epoch, stop.stopped_epoch) == (2, 4)
    assert bits(model) == after[-1] != after[1]


def test_early_stopping_infers_that_more_is_better(monkeypatch):
    stop = cb.EarlyStopping("val_r2_score", patience=2)
    trainer, *_ = fit_script(monkeypatch, [0.1, 0.5, 0.4, 0.3, 0.9], stop, name="val_r2_score")
    assert (stop.best, trainer.epochs) == (0.5, 4)


def test_early_stopping_says_why():
    x, y = data()
    trainer = trainer_of(optimizer=fnn.SGD(1e-30))  # no move, no improvement
    history = trainer.fit(
        x, y, epochs=9, shuffle=False, verbose=0, callbacks=[cb.EarlyStopping("loss", patience=2)]
    )
    value = f"{history['loss'][0]:.5g}"
    assert history.stopped == f"loss has not improved for 2 epochs: {value} in epoch 1"
    assert "stopped: loss has not improved" in history._repr_html_()


def test_early_stopping_starts_over_with_each_fit(monkeypatch):
    stop = cb.EarlyStopping(patience=1)
    trainer, *_ = fit_script(monkeypatch, [1, 2], stop)
    assert stop.best_epoch == 1
    x, y = data()
    Script(monkeypatch, [9, 8, 9])
    history = trainer.fit(x, y, epochs=5, validation_data=(x, y), callbacks=[stop], verbose=0)
    assert history.epoch == [3, 4, 5]
    assert (stop.best, stop.best_epoch, stop.stopped_epoch) == (8, 4, 5)


def test_a_monitor_is_judged_at_every_validated_epoch(monkeypatch):
    stop = cb.EarlyStopping(patience=2)
    Script(monkeypatch, [3, 4, 5])
    x, y = data()
    history = trainer_of().fit(
        x,
        y,
        epochs=20,
        validation_data=(x, y),
        validation_freq=3,
        callbacks=[stop],
        verbose=0,
    )
    assert (stop.best_epoch, stop.stopped_epoch) == (3, 9)
    assert [i for i, v in enumerate(history["val_loss"], 1) if not math.isnan(v)] == [3, 6, 9]


@pytest.mark.parametrize(
    "callback", [cb.EarlyStopping, cb.ReduceLROnPlateau, lambda m, **o: checkpoint(m, **o)]
)
def test_an_unknown_monitor_lists_what_there_is(callback):
    x, y = data()
    model = network()
    before = bits(model)
    trainer = trainer_of(model, metrics=["mae"])
    with pytest.raises(ValueError, match=r"no validation data.*validation_split.*loss, mean_abs"):
        trainer.fit(x, y, verbose=0, callbacks=[callback("val_loss")])
    with pytest.raises(ValueError, match="did you mean 'val_mean_absolute_error'"):
        trainer.fit(
            x, y, validation_split=0.5, verbose=0, callbacks=[callback("val_mean_absolut_error")]
        )
    with pytest.raises(ValueError, match="Known: loss, mean_absolute_error, val_loss, val_mean"):
        trainer.fit(x, y, validation_split=0.5, verbose=0, callbacks=[callback("rmse")])
    assert bits(model) == before
    assert trainer.steps == 0
    with pytest.raises(TypeError, match="monitor must be a name"):
        callback(3)
    with pytest.raises(ValueError, match="unknown mode 'least'"):
        callback("loss", mode="least")


def checkpoint(monitor, **options):
    return cb.ModelCheckpoint("x.safetensors", monitor=monitor, save_best_only=True, **options)


@pytest.mark.parametrize("callback", [cb.EarlyStopping, cb.ReduceLROnPlateau, checkpoint])
def test_a_number_that_nobody_knows_needs_a_mode(callback, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    x, y = data()
    trainer = trainer_of(metrics=["mae"])
    trainer._directions["mean_absolute_error"] = None  # as a person's own function
    with pytest.raises(ValueError, match='give mode="min" or mode="max"'):
        trainer.fit(x, y, verbose=0, callbacks=[callback("mean_absolute_error")])
    assert trainer.steps == 0
    trainer.fit(x, y, verbose=0, callbacks=[callback("mean_absolute_error", mode="min")])


@pytest.mark.parametrize(
    "make, words",
    [
        (lambda: cb.EarlyStopping(patience=-1), "EarlyStopping: patience"),
        (lambda: cb.EarlyStopping(patience=1.5), "EarlyStopping: patience"),
        (lambda: cb.EarlyStopping(min_delta=-1), "EarlyStopping: min_delta"),
        (lambda: cb.EarlyStopping(baseline="0"), "EarlyStopping: baseline"),
        (lambda: cb.EarlyStopping(restore_best_weights=1), "EarlyStopping: restore_best_weights"),
        (lambda: cb.EarlyStopping(start_from_epoch=-1), "EarlyStopping: start_from_epoch"),
        (lambda: cb.ReduceLROnPlateau(factor=1.0), "ReduceLROnPlateau: factor"),
        (lambda: cb.ReduceLROnPlateau(factor=0), "ReduceLROnPlateau: factor"),
        (lambda: cb.ReduceLROnPlateau(min_lr=-1), "ReduceLROnPlateau: min_lr"),
        (lambda: cb.ReduceLROnPlateau(cooldown=-1), "ReduceLROnPlateau: cooldown"),
        (lambda: cb.LearningRateScheduler(0.1), "LearningRateScheduler: schedule"),
        (lambda: cb.ModelCheckpoint("a", every=0), "ModelCheckpoint: every"),
        (lambda: cb.ModelCheckpoint("a-{epoch}", keep=0), "ModelCheckpoint: keep"),
        (lambda: cb.ModelCheckpoint("a", keep=2), "names one file"),
        (lambda: cb.ModelCheckpoint("a-{epoch"), "is no format"),
        (lambda: cb.ModelCheckpoint(3), "ModelCheckpoint: path"),
        (lambda: cb.BackupAndRestore("a", save_freq="batch"), "BackupAndRestore: save_freq"),
        (lambda: cb.BackupAndRestore("a", save_freq=0), "BackupAndRestore: save_freq"),
        (lambda: cb.BackupAndRestore("a", seconds=-1), "BackupAndRestore: seconds"),
        (lambda: cb.CSVLogger("a", separator=", "), "CSVLogger: separator"),
        (lambda: cb.CSVLogger("a", append="yes"), "CSVLogger: append"),
        (lambda: cb.ProgressBar(bar="yes"), "ProgressBar: bar"),
    ],
)
def test_callbacks_refuse_settings(make, words):
    with pytest.raises((TypeError, ValueError), match=words):
        make()


# ---- the learning rate --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "values, options, wanted",
    [
        ([3, 2, 1, 0], {"patience": 1}, [1, 1, 1, 1]),
        ([3, 3, 3, 3, 3], {"patience": 2}, [1, 1, 0.5, 0.5, 0.25]),
        ([3, 3, 3, 3], {"patience": 1}, [1, 0.5, 0.25, 0.125]),
        ([3, 3, 3, 3], {"patience": 0}, [1, 0.5, 0.25, 0.125]),
        ([3, 3, 3, 3], {"patience": 1, "min_lr": 0.4}, [1, 0.5, 0.4, 0.4]),
        ([3, 3, 3, 3, 3, 3], {"patience": 1, "cooldown": 2}, [1, 0.5, 0.5, 0.25, 0.25, 0.125]),
        ([3, 2.99, 2.98], {"patience": 2, "min_delta": 0.1}, [1, 1, 0.5]),
        ([1, 2, 3], {"patience": 2, "mode": "max"}, [1, 1, 1]),
        ([NAN, NAN, 3, NAN], {"patience": 2}, [1, 0.5, 0.5, 0.5]),
    ],
)
def test_reduce_lr_on_plateau(monkeypatch, values, options, wanted):
    plateau = cb.ReduceLROnPlateau(factor=0.5, **options)
    rates = []
    Script(monkeypatch, values)
    x, y = data()
    trainer = trainer_of(optimizer=fnn.SGD(1.0))
    look = cb.LambdaCallback(on_epoch_end=lambda event: rates.append(event.learning_rate))
    trainer.fit(
        x,
        y,
        epochs=len(values),
        validation_data=(np.zeros((1, 3)), np.zeros((1, 1))),
        callbacks=[plateau, look],
        verbose=0,
    )
    assert rates == wanted


def test_learning_rate_scheduler_counts_epochs_from_0():
    x, y = data()
    seen = []

    def by_epoch(epoch):
        seen.append(epoch)
        return 0.1 / (1 + epoch)

    trainer = trainer_of(optimizer=fnn.SGD(1.0))
    trainer.fit(x, y, epochs=3, verbose=0, callbacks=[cb.LearningRateScheduler(by_epoch)])
    assert seen == [0, 1, 2]
    assert trainer.learning_rate == 0.1 / 3
    with_rate = cb.LearningRateScheduler(lambda epoch, rate: rate * 2)
    trainer.fit(x, y, epochs=1, verbose=0, callbacks=[with_rate])
    assert trainer.learning_rate == 0.2 / 3
    either = cb.LearningRateScheduler(lambda epoch, rate=None: 0.5 if rate else 0.25)
    trainer.fit(x, y, epochs=1, verbose=0, callbacks=[either])
    assert trainer.learning_rate == 0.5


@pytest.mark.parametrize("bad", [-0.1, 0.0, math.nan, None, "0.1"])
def test_a_schedule_that_turns_wrong_is_named(bad):
    x, y = data()
    schedule = cb.LearningRateScheduler(lambda epoch: bad if epoch == 2 else 0.1)
    trainer = trainer_of(optimizer=fnn.SGD(1.0))
    with pytest.raises(
        (TypeError, ValueError), match="LearningRateScheduler: the learning rate for epoch 3"
    ):
        trainer.fit(x, y, epochs=9, verbose=0, callbacks=[schedule])
    assert trainer.epochs == 2


# ---- TerminateOnNaN -----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["unseen", "watched", "stream"])
def test_terminate_on_nan_ends_the_fit_without_an_error(kind):
    x, y = data(50)
    model, other = network(), network()
    trainer, twin = (trainer_of(m, fnn.SGD(100.0)) for m in (model, other))
    calls = [cb.TerminateOnNaN()]
    if kind == "watched":
        calls.append(cb.LambdaCallback(on_epoch_end=lambda event: None))
    if kind == "stream":
        source, options = (fnn.data.batches(x, y, 5),), {}
    else:
        source, options = (x, y), {"batch_size": 5, "shuffle": False}
    with pytest.warns(fnn.FastnnWarning, match=r"the fit was ended: .*the loss became") as caught:
        history = trainer.fit(*source, epochs=500, verbose=0, callbacks=calls, **options)
    assert caught[0].filename == __file__
    with pytest.raises(FloatingPointError) as error:
        twin.fit(x, y, epochs=500, batch_size=5, shuffle=False, verbose=0)
    assert bits(model) == bits(other)
    assert history.history == twin.history.history
    assert history.stopped.split(", batch")[0] == str(error.value).split(", batch")[0]
    assert trainer.history is history


def test_terminate_on_nan_covers_the_validation():
    x, y = data()
    trainer = trainer_of()
    big = np.full((20, 1), 1e30)
    with pytest.warns(fnn.FastnnWarning, match="validation_data: the loss is inf"):
        history = trainer.fit(
            x, y, epochs=5, validation_data=(x, big), verbose=0, callbacks=[cb.TerminateOnNaN()]
        )
    assert history.epoch == [1]
    assert list(history) == ["loss"]


def test_terminate_on_nan_hides_no_error_of_a_validation_stream():
    x, y = data()

    def stream():
        yield x, y
        raise FloatingPointError("mine")

    with pytest.raises(FloatingPointError, match="mine"):
        trainer_of().fit(x, y, validation_data=stream, verbose=0, callbacks=[cb.TerminateOnNaN()])


def test_terminate_on_nan_hides_no_other_error():
    x, y = data()

    def stream():
        yield x, y
        raise FloatingPointError("mine")

    for source in (stream, lambda: iter([(x, y)])):
        trainer = trainer_of()
        trainer.on("batch_end", lambda event: 1 / 0 if event.epoch == 2 else None)
        with pytest.raises((FloatingPointError, ZeroDivisionError)):
            trainer.fit(source, epochs=2, verbose=0, callbacks=[cb.TerminateOnNaN()])


# ---- ModelCheckpoint ----------------------------------------------------------------------------


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_checkpoint_each_epoch(tmp_path):
    x, y = data()
    model = network()
    after = []
    trainer = trainer_of(model).on("epoch_end", lambda event: after.append(bits(model)))
    keep = cb.ModelCheckpoint(tmp_path / "m-{epoch:02d}.safetensors")
    trainer.fit(x, y, epochs=3, verbose=0, callbacks=[keep])
    assert names(tmp_path) == ["m-01.safetensors", "m-02.safetensors", "m-03.safetensors"]
    for i, name in enumerate(names(tmp_path)):
        assert bits(fnn.load(tmp_path / name)) == after[i]
    assert keep.written == [str(tmp_path / name) for name in names(tmp_path)]


def test_checkpoint_every_so_many_and_one_name(tmp_path):
    x, y = data()
    seen = []
    path = tmp_path / "m.safetensors"
    keep = cb.ModelCheckpoint(path, every=3)
    look = cb.LambdaCallback(on_epoch_end=lambda event: seen.append(path.exists()))
    trainer_of().fit(x, y, epochs=7, verbose=0, callbacks=[keep, look])
    assert seen == [False, False, True, True, True, True, True]
    assert names(tmp_path) == ["m.safetensors"]


def test_checkpoint_keeps_the_best(monkeypatch, tmp_path):
    keep = cb.ModelCheckpoint(
        tmp_path / "{epoch}-{val_loss:.1f}.safetensors", save_best_only=True, keep=2
    )
    *_, after = fit_script(monkeypatch, [5, 6, 4, 4, 3, 9], keep)
    assert names(tmp_path) == ["3-4.0.safetensors", "5-3.0.safetensors"]
    assert bits(fnn.load(tmp_path / "5-3.0.safetensors")) == after[4]
    assert keep.best == 3


def test_checkpoint_of_the_trainer_loads_as_both(tmp_path):
    x, y = data()
    model = network()
    trainer = trainer_of(model)
    keep = cb.ModelCheckpoint(tmp_path / "m.safetensors", training=True)
    trainer.fit(x, y, epochs=2, verbose=0, callbacks=[keep])
    assert bits(fnn.load(tmp_path / "m.safetensors")) == bits(model)
    again = fnn.load_trainer(tmp_path / "m.safetensors")
    assert (again.epochs, again.steps, again.history.epoch) == (2, 2, [1, 2])


@pytest.mark.parametrize(
    "place, words",
    [
        ("{epochs}", "unknown place in path 'epochs'; did you mean 'epoch'"),
        ("{val_loss}", "unknown place in path 'val_loss'"),
        ("{epoch:q}", "path"),
    ],
)
def test_checkpoint_refuses_places_before_training(tmp_path, place, words):
    x, y = data()
    trainer = trainer_of()
    keep = cb.ModelCheckpoint(tmp_path / f"m-{place}.safetensors")
    with pytest.raises(ValueError, match=words):
        trainer.fit(x, y, verbose=0, callbacks=[keep])
    assert trainer.steps == 0


def test_checkpoint_into_a_folder_that_is_not_there(tmp_path):
    x, y = data()
    trainer = trainer_of()
    keep = cb.ModelCheckpoint(tmp_path / "nowhere" / "m.safetensors")
    with pytest.raises(FileNotFoundError):
        trainer.fit(x, y, verbose=0, callbacks=[keep])
    assert trainer.history.epoch == []  # found before the first step


def test_checkpoint_without_a_number_this_epoch(tmp_path):
    x, y = data()
    keep = cb.ModelCheckpoint(tmp_path / "{epoch}-{val_loss:.0f}.safetensors")
    trainer_of().fit(
        x,
        y,
        epochs=2,
        validation_data=(x, np.zeros((20, 1))),
        validation_freq=2,
        verbose=0,
        callbacks=[keep],
    )
    assert names(tmp_path)[0] == "1-nan.safetensors"


# ---- logs in files ------------------------------------------------------------------------------


def test_csv_logger_reads_back_exactly(tmp_path):
    x, y = data()
    path = tmp_path / "log.csv"
    trainer = trainer_of(metrics=["mae"])
    calls = [cb.CSVLogger(path)]
    history = trainer.fit(x, y, epochs=3, validation_split=0.5, verbose=0, callbacks=calls)
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["epoch", *history]
    assert [int(row["epoch"]) for row in rows] == [1, 2, 3]
    for name, values in history.items():
        assert [float(row[name]) for row in rows] == values


def test_csv_logger_appends_or_replaces(tmp_path):
    x, y = data()
    path = tmp_path / "log.csv"
    trainer = trainer_of()
    for append, lines in ((False, 3), (True, 5), (False, 3)):
        log = cb.CSVLogger(path, append=append, separator=";")
        trainer.fit(x, y, epochs=2, verbose=0, callbacks=[log])
        text = path.read_text().splitlines()
        assert len(text) == lines
        assert text[0] == "epoch;loss"
        assert sum(line.startswith("epoch") for line in text) == 1


def test_csv_logger_quotes_names():
    log = cb.CSVLogger("unused.csv")
    assert log.head({'a"b': 0, "c,d": 0, "e": 0}) == 'epoch,"a""b","c,d",e\n'


def test_loggers_write_as_they_go(tmp_path):
    x, y = data()
    table, lines = tmp_path / "log.csv", tmp_path / "log.jsonl"
    seen = []

    def look(event):
        seen.append([len(path.read_text().splitlines()) for path in (table, lines)])

    calls = [cb.CSVLogger(table), cb.JSONLogger(lines), cb.LambdaCallback(on_epoch_end=look)]
    trainer_of().fit(x, y, epochs=2, verbose=0, callbacks=calls)
    assert seen == [[2, 1], [3, 2]]


def test_json_logger_lines_are_json(tmp_path):
    x, y = data()
    path = tmp_path / "log.jsonl"
    history = trainer_of().fit(
        x,
        y,
        epochs=4,
        validation_split=0.5,
        validation_freq=2,
        verbose=0,
        callbacks=[cb.JSONLogger(path)],
    )

    def refuse(name):
        raise AssertionError(name)

    rows = [json.loads(line, parse_constant=refuse) for line in path.read_text().splitlines()]
    assert [row["epoch"] for row in rows] == [1, 2, 3, 4]
    assert [row["loss"] for row in rows] == history["loss"]
    assert [row["seconds"] for row in rows] == history.seconds
    assert [row["val_loss"] is None for row in rows] == [True, False, True, False]
    calls = [cb.JSONLogger(path, append=True)]
    trainer_of().fit(x, y, epochs=1, verbose=0, callbacks=calls)
    assert len(path.read_text().splitlines()) == 5


def test_a_logger_closes_its_file_when_the_fit_fails(tmp_path):
    x, y = data()
    log = cb.CSVLogger(tmp_path / "log.csv")

    def fail(event):
        if event.epoch == 2:
            raise LookupError

    with pytest.raises(LookupError):
        trainer_of().fit(
            x, y, epochs=3, verbose=0, callbacks=[log, cb.LambdaCallback(on_epoch_end=fail)]
        )
    assert log._file is None
    assert len((tmp_path / "log.csv").read_text().splitlines()) == 3


def test_progress_bar_prints_where_it_is_told_in_place_of_verbose(capsys):
    x, y = data()
    for verbose in (0, 1):
        file = io.StringIO()
        trainer_of().fit(
            x, y, epochs=2, verbose=verbose, callbacks=[cb.ProgressBar(file=file, bar=False)]
        )
        assert len(file.getvalue().splitlines()) == 2
    assert capsys.readouterr().out == ""


def test_own_classes_are_exported():
    assert fnn.callbacks is cb
    for name in cb.__all__:
        assert issubclass(getattr(cb, name), cb.Callback)


def test_handlers_with_the_signature_of_keras_are_refused():
    class Keras(cb.Callback):
        def on_epoch_end(self, epoch, logs=None):
            raise AssertionError

    trainer = trainer_of()
    with pytest.raises(TypeError, match=r"callbacks\[0\].on_epoch_end takes an epoch or batch and"):
        trainer.fit(*data(), verbose=0, callbacks=[Keras()])
    assert trainer.steps == 0


def stays_in_c(monkeypatch):
    """How many epochs each call of the core was asked for, as a list that fits add to."""
    epochs, found = ArrayFeed.epochs, []

    def counting(feed, first, records):
        found.append(len(records))
        epochs(feed, first, records)

    monkeypatch.setattr(ArrayFeed, "epochs", counting)
    return found


def test_a_callback_sleeps_until_an_epoch(monkeypatch):
    """It is woken when it said, and the epochs before that stay in C."""

    class Sleeper(cb.Callback):
        def __init__(self):
            self.sleeps_until = 2
            self.seen = []

        def on_epoch_end(self, event):
            self.seen.append(event.epoch)
            self.sleeps_until = event.epoch + 3

    stays = stays_in_c(monkeypatch)
    x, y = data()
    sleeper, model, other = Sleeper(), network(), network()
    history = trainer_of(model).fit(x, y, epochs=12, verbose=0, callbacks=[sleeper])
    assert sleeper.seen == [3, 7, 11]
    assert stays == [3, 4, 4, 1]
    assert history.epoch == list(range(1, 13))
    assert history["loss"] == trainer_of(other).fit(x, y, epochs=12, verbose=0)["loss"]
    assert bits(model) == bits(other)


def test_epochs_between_two_calls_of_a_handler_stay_in_c(monkeypatch):
    seen = []
    trainer = trainer_of().on("epoch_end", lambda event: seen.append(event.epoch), every=5)
    stays = stays_in_c(monkeypatch)
    trainer.fit(*data(), epochs=12, verbose=0)
    assert seen == [5, 10]
    assert stays == [5, 5, 2]


@pytest.mark.parametrize("optimizer", [fnn.Adam(0.01), fnn.Adam(0.01, ema=0.9)])
def test_the_end_of_an_epoch_in_c_is_that_of_an_epoch_in_python(monkeypatch, optimizer):
    """Whoever looks there finds the same, whether or not somebody else saw the epoch begin."""

    def look(event):
        taken = event.snapshot()
        seen.append((event.epoch, event.batch, event.batches, event.logs, bits(model)))
        seen.append((taken.epoch, taken.batch, event.learning_rate))
        assert event.seconds == trainer.history.seconds[-1]
        event.learning_rate *= 0.5
        if event.epoch == 9:
            event.stop("enough")

    found = []
    for watched in (False, True):
        seen, model = [], network()
        trainer = fnn.Trainer(model, "mse", optimizer, metrics=["mae"])
        trainer.on("epoch_end", look, every=3)
        if watched:
            trainer.on("epoch_begin", lambda event: None)
        stays = stays_in_c(monkeypatch)
        history = trainer.fit(*data(), epochs=12, batch_size=7, verbose=0)
        assert stays == ([] if watched else [3, 3, 3])
        found.append((seen, history.history, history.epoch, history.stopped, bits(model)))
    assert found[0] == found[1]
    assert [record[0] for record in found[0][0][::2]] == [3, 6, 9]
