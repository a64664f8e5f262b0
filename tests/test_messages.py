"""What a beginner reads: mistakes with graphs, and the words that say what was wanted."""

from __future__ import annotations

import inspect
import re

import numpy as np
import pytest

import fastnn as fnn
from each import each
from fastnn._spec import Spec


def graph():
    a, b = fnn.Input(2, name="a"), fnn.Input(3, name="b")
    return fnn.Model([a, b], fnn.Dense(1)(fnn.Concatenate()([a, b])), seed=0)


def single():
    x = fnn.Input(7, name="car")
    return fnn.Model(x, fnn.Dense(1)(x), seed=0)


def swapped():
    x = fnn.Input(7)
    return fnn.Model(fnn.Dense(1)(x), x)


def another_input():
    return fnn.Model(fnn.Input(7), fnn.Dense(1)(fnn.Input(7)))


def two_into_dense():
    x = fnn.Input(7)
    return fnn.Dense(1)([x, fnn.Dense(2)(x)])


@pytest.mark.parametrize(
    "mistake, error, words",
    [
        (
            lambda: fnn.Dense(3)(np.ones((40, 7))),
            TypeError,
            "got ndarray of shape (40, 7); layers make a graph",
        ),
        (lambda: fnn.Dense(3)([[1.0, 2.0]]), TypeError, "numbers go into predict of a Model"),
        (lambda: fnn.Dense(3)(fnn.Dense(4)), TypeError, "call it on its input first"),
        (lambda: fnn.Dense(3)(single()), TypeError, "call it on its input first"),
        (lambda: fnn.Dense(3)(fnn.Input), TypeError, "give an object, Input(...)"),
        (two_into_dense, ValueError, "got 2 inputs, want 1; Concatenate()([...]) makes one"),
        (lambda: fnn.Add()(fnn.Input(2)), ValueError, "got 1 input, want 2 or more, in a list"),
        (lambda: fnn.Bilinear(2)(fnn.Input(2)), ValueError, "want 2, as in Bilinear(...)(a, b)"),
        (swapped, ValueError, "want Model(inputs, outputs), in this order"),
        (another_input, ValueError, "Input(7) is another object; keep one in a variable"),
        (lambda: single()["dense_9"], ValueError, "Model: unknown layer 'dense_9'"),
        (
            lambda: single()(fnn.Input(3)),
            ValueError,
            "its inputs have 7 columns, it is called on 3",
        ),
        (lambda: single().predict(fnn.Input(7)), TypeError, "x is symbolic, without values"),
        (lambda: single().fit, AttributeError, "fastnn.Trainer(model, loss).fit(x, y)"),
        (lambda: graph().predict(np.ones((40, 5))), TypeError, "want a list of 2, got ndarray of"),
        (
            lambda: graph().predict({"a": np.ones((4, 2))}),
            ValueError,
            "predict: 'b' missing",
        ),
    ],
)
def test_messages(mistake, error, words):
    with pytest.raises(error, match=re.escape(words)):
        mistake()


def test_inputs_may_be_named_by_their_layers():
    a, b = np.ones((4, 2)), np.ones((4, 3))
    model = graph()
    np.testing.assert_array_equal(model.predict({"b": b, "a": a}), model.predict([a, b]))


def test_a_model_in_a_model_has_its_own_name():
    encoder = fnn.Sequential([fnn.Input(4), fnn.Dense(2)], name="encoder")
    plain = fnn.Sequential([fnn.Input(4), fnn.Dense(2)])
    x = fnn.Input(4)
    model = fnn.Model(x, fnn.Add()([encoder(x), plain(x)]))
    assert model.layer_names[1:3] == ("encoder", "model_1")
    assert fnn.Model.from_config(model.config()).layer_names == model.layer_names


@pytest.mark.parametrize("start", [np.zeros((2, 9)), lambda shape, rng: np.zeros((2, 9))])
def test_initializer_error_names_the_parameter(start):
    with pytest.raises(ValueError, match=r"Sequential: enc/kernel: .*\(2, 9\).*\(2, 3\)"):
        fnn.Sequential([fnn.Input(2), fnn.Dense(3, kernel_initializer=start, name="enc")])


def test_optimizer_names_an_unknown_argument_and_what_it_is_called_here():
    with pytest.raises(TypeError, match=r"Adam: unexpected argument 'clipvalue'.*'clip_value'"):
        fnn.Adam(clipvalue=1.0)
    with pytest.raises(
        TypeError, match=r"^SGD: unexpected argument 'nonsense'; did .* Known: learning_rate, "
    ):
        fnn.SGD(nonsense=1.0)
    with pytest.raises(TypeError, match=r"^AdamW: .* 'weightdecay'; did you mean 'weight_decay'\?"):
        fnn.AdamW(weightdecay=0.1)


def _public_specs():
    """Yield the public specs that take arguments, be it through a base class."""
    for family in ("layers", "losses", "metrics", "activations", "schedules", "initializers"):
        for name in getattr(fnn, family).__all__:
            one = getattr(getattr(fnn, family), name)
            if isinstance(one, type) and issubclass(one, Spec) and inspect.isfunction(one.__init__):
                yield one


@each("one", _public_specs())
def test_unknown_argument_names_the_class_that_was_called(one):
    with pytest.raises(TypeError, match=rf"^{one.__name__}\.__init__\(\) got an unexpected"):
        one(nonsense=1)


def test_class_of_ones_own_keeps_the_init_that_python_finds():
    class Loud(fnn.Dense):
        def __init__(self, units):
            super().__init__(2 * units)

    class Plain(fnn.Dense):
        pass

    class Both(Plain, Loud):
        pass

    assert Both(3).units == 6


def test_plain_function_as_loss_is_told_of_function_loss():
    model = fnn.Sequential([fnn.Input(2), fnn.Dense(1)])
    with pytest.raises(TypeError, match=r"Trainer: loss must be .*FunctionLoss\(function\)"):
        fnn.Trainer(model, loss=lambda y, out: (0.0, out))


# ---- what a person's own functions raise --------------------------------------------------------

X = np.random.default_rng(0).normal(size=(64, 3)).astype(np.float32)
Y = X.sum(axis=1)


def boom(*_):
    raise KeyError("boom")


def of(*layers):
    return fnn.Sequential([fnn.Input(3), *layers, fnn.Dense(1, name="end")], seed=0)


def notes_of(mistake):
    with pytest.raises(KeyError, match="boom") as caught:
        mistake()
    return " / ".join(getattr(caught.value, "__notes__", []))


def test_what_an_initializer_raises_names_the_parameter():
    notes = notes_of(lambda: of(fnn.Dense(4, kernel_initializer=boom, name="enc")))
    assert notes == "raised by the initializer of enc/kernel"


@pytest.mark.parametrize("key", ["function", "gradient"])
def test_what_a_lambda_raises_names_the_layer(key):
    given = {"function": np.square, "gradient": lambda x, y, dy: 2 * x * dy, key: boom}
    model = of(fnn.Dense(2), fnn.Lambda(**given, name="square"))
    notes = notes_of(lambda: fnn.Trainer(model, "mse").fit(X, Y, verbose=0))
    assert f"raised by the {key} of Lambda 'square'" in notes


@pytest.mark.parametrize(
    "given, words",
    [
        ((np.square, lambda x, dy: dy), "Lambda 'square': gradient must take (x, y, dy)"),
        ((lambda x, y: x,), "Lambda 'square': function must take (x)"),
    ],
)
def test_lambda_with_other_arguments_is_refused_when_the_model_is_made(given, words):
    with pytest.raises(TypeError, match=re.escape(words)):
        of(fnn.Lambda(*given, name="square"))


# ---- files and names that are not there ---------------------------------------------------------


@pytest.mark.parametrize(
    "name, path",
    [
        ("ModelCheckpoint", "nowhere/model.safetensors"),
        ("ModelCheckpoint", "nowhere/model-{epoch}.safetensors"),
        ("ModelCheckpoint", "nowhere/{epoch}/model.safetensors"),
        ("BackupAndRestore", "nowhere/run.safetensors"),
        ("CSVLogger", "nowhere/log.csv"),
        ("JSONLogger", "nowhere/log.jsonl"),
    ],
)
def test_missing_folder_is_named_before_training(tmp_path, name, path):
    model = of()
    before = model.get_weights()
    callback = getattr(fnn.callbacks, name)(tmp_path / path)
    with pytest.raises(FileNotFoundError) as caught:
        fnn.Trainer(model, "mse").fit(X, Y, verbose=0, callbacks=[callback])
    assert f"{name}: there is no folder for {str(tmp_path / path)!r}" in str(caught.value)
    assert caught.value.filename == str(tmp_path / "nowhere")
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_save_names_the_missing_folder_and_no_other_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="save: there is no folder") as caught:
        of().save(tmp_path / "nowhere" / "model.safetensors")
    assert caught.value.filename == str(tmp_path / "nowhere")


def test_checkpoint_refuses_an_unknown_monitor_that_it_would_not_use(tmp_path):
    callback = fnn.callbacks.ModelCheckpoint(tmp_path / "m.safetensors", monitor="val_losss")
    with pytest.raises(ValueError, match=r"ModelCheckpoint: unknown monitor 'val_losss'.*loss"):
        fnn.Trainer(of(), "mse").fit(X, Y, verbose=0, callbacks=[callback])


def test_exclude_that_fits_no_parameter_lists_those_that_there_are():
    with pytest.raises(ValueError, match=r"exclude: no parameter is named 'nope'.*end/kernel"):
        fnn.Trainer(of(), "mse", fnn.AdamW(exclude=["nope"]))


@pytest.mark.parametrize("name", ["lbfgs", "L-BFGS"])
def test_lbfgs_as_an_optimizer_is_shown_its_function(name):
    with pytest.raises(ValueError, match=r"Trainer: .*fastnn\.lbfgs\.minimize\(trainer, x, y\)"):
        fnn.Trainer(of(), "mse", name)


def test_setting_trainable_is_told_of_freeze():
    model = of()
    with pytest.raises(AttributeError, match=r"model\.freeze\('end'\)"):
        model["end"].trainable = False
    model.freeze("end")
    assert model.frozen == ("end",)


# ---- where in a fit something was raised --------------------------------------------------------


class After:
    """A function that fails at the call after so many."""

    def __init__(self, calls, function):
        self.left, self.function = calls, function

    def __call__(self, *args):
        self.left -= 1
        if self.left < 0:
            raise KeyError("boom")
        return self.function(*args)


def squared(y, p):
    return ((p - y) ** 2).mean(axis=1), 2 * (p - y)


def fit_notes(model, loss="mse", metrics=(), listens=False, **given):
    """Return the notes of a fit of four batches an epoch, whole epochs in C unless it `listens`."""
    trainer = fnn.Trainer(model, loss, fnn.SGD(0.01), metrics=metrics)
    if listens:
        trainer.on("batch_end", lambda event: None)
    notes = notes_of(lambda: trainer.fit(X, Y, batch_size=16, epochs=3, verbose=0, **given))
    for array in model.get_weights():
        assert np.isfinite(array).all()
    model.predict(X)  # it is no more in use
    return notes, trainer


@pytest.mark.parametrize("listens", [False, True])
def test_what_an_own_loss_raises_names_epoch_and_batch(listens):
    def mine(y, p):
        return bad(y, p)

    bad = After(6, squared)
    notes, trainer = fit_notes(of(), fnn.losses.custom(mine), listens=listens)
    assert notes == "raised by the loss 'mine' / in epoch 2, batch 3"
    assert trainer.steps == 6
    assert trainer.history.epoch == [1]


@pytest.mark.parametrize("listens", [False, True])
def test_what_an_own_metric_raises_names_the_epoch(listens):
    bad = After(1, lambda y, p: 0.0)

    def mine(y, p):
        return bad(y, p)

    notes, trainer = fit_notes(of(), metrics=[mine], listens=listens)
    assert notes == "raised by the metric 'mine' / at the end of epoch 2"
    assert trainer.steps == 8


def test_what_a_lambda_raises_names_epoch_and_batch():
    bad = After(5, lambda x, y, dy: 2 * x * dy)
    model = of(fnn.Dense(2), fnn.Lambda(np.square, lambda *a: bad(*a), name="square"))
    with fnn.threads(1):
        notes = notes_of(
            lambda: fnn.Trainer(model, "mse", fnn.SGD(0.01)).fit(
                X, Y, batch_size=16, epochs=3, verbose=0
            )
        )
    assert notes == "raised by the gradient of Lambda 'square' / in epoch 2, batch 2"


@pytest.mark.parametrize(
    "event, place",
    [
        ("train_begin", "at train_begin"),
        ("epoch_begin", "at epoch_begin of epoch 1"),
        ("batch_begin", "at batch_begin of epoch 1, batch 1"),
        ("batch_end", "at batch_end of epoch 1, batch 1"),
        ("epoch_end", "at epoch_end of epoch 1"),
        ("train_end", "at train_end"),
    ],
)
def test_what_a_handler_raises_names_it_and_the_event(event, place):
    trainer = fnn.Trainer(of(), "mse").on(event, boom)
    notes = notes_of(lambda: trainer.fit(X, Y, verbose=0))
    assert notes == f"raised by the handler boom, {place}"
    callback = fnn.callbacks.LambdaCallback(**{f"on_{event}": boom})
    notes, _ = fit_notes(of(), callbacks=[callback])
    assert notes == f"raised by the handler boom of LambdaCallback, {place}"


def test_what_a_stream_raises_names_epoch_and_batch():
    def stream():
        yield X[:8], Y[:8]
        raise KeyError("boom")

    notes = notes_of(lambda: fnn.Trainer(of(), "mse").fit(stream, verbose=0))
    assert notes == "in epoch 1, batch 2"


# ---- metrics of classes beside targets that are numbers -----------------------------------------


@pytest.mark.parametrize(
    "metric",
    [
        "accuracy",
        "binary_accuracy",
        "precision",
        "recall",
        "specificity",
        "f1",
        "auc",
        "average_precision",
        "balanced_accuracy",
        "mcc",
    ],
)
@pytest.mark.parametrize("loss", ["mse", "huber", fnn.losses.Poisson(log_input=True)])
def test_metric_of_answers_refuses_numbers_as_targets(metric, loss):
    model = of()
    y = np.arange(64.0)
    trainer = fnn.Trainer(model, loss, metrics=[metric])
    before = model.get_weights()
    name = trainer.metrics[0].name
    words = f"y has 2.0 at row 2, column 0; the metric {name} takes labels"
    calls = [
        lambda: trainer.fit(X, y, verbose=0),
        lambda: trainer.fit([(X, y)], verbose=0),
        lambda: trainer.evaluate(X, y),
        lambda: trainer.fit(X, y > 3, validation_data=(X, y), verbose=0),
    ]
    for call in calls:
        with pytest.raises(ValueError, match=re.escape(words)):
            call()
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


@pytest.mark.parametrize("metric", ["accuracy", "categorical_accuracy", "top_2_accuracy"])
def test_metric_of_classes_refuses_numbers_as_targets(metric):
    model = fnn.Sequential([fnn.Input(3), fnn.Dense(3)], seed=0)
    trainer = fnn.Trainer(model, "mse", metrics=[metric])
    with pytest.raises(ValueError, match=rf"the metric {metric} takes one-hot rows"):
        trainer.fit(X, X, verbose=0)
    history = trainer.fit(X, np.eye(3)[np.arange(64) % 3], verbose=0)
    assert 0 <= history[metric][0] <= 1


def test_metric_of_answers_beside_a_loss_of_numbers_takes_answers():
    for y in (Y > 0, np.where(Y > 0, 1, -1)):
        trainer = fnn.Trainer(of(), "mse", metrics=["mae", "r2", "accuracy", "auc"])
        assert trainer.fit(X, y, verbose=0)["auc"][0] > 0


def test_names_of_one_output_name_it():
    x = fnn.Input(3)
    model = fnn.Model(x, {"price": fnn.Dense(1)(x), "sold": fnn.Dense(1, "sigmoid")(x)}, seed=0)
    trainer = fnn.Trainer(model, "mse", metrics={"price": ["accuracy"]})
    with pytest.raises(ValueError, match=r"output 'price': y has .* the metric accuracy takes"):
        trainer.fit(X, {"price": Y, "sold": Y > 0}, verbose=0)


def test_an_output_that_the_losses_leave_out_has_none():
    x = fnn.Input(3)
    model = fnn.Model(x, {"price": fnn.Dense(1)(x), "sold": fnn.Dense(1)(x)}, seed=0)
    for loss in ({"price": "mse"}, {"price": "mse", "sold": None}):
        history = fnn.Trainer(model, loss).fit(X, {"price": Y}, verbose=0)
        assert list(history) == ["loss", "price_loss"]
        assert history["loss"] == history["price_loss"]


# ---- functions of other arguments, and Muon's kernels -------------------------------------------


@pytest.mark.parametrize(
    "mistake, words",
    [
        (lambda: fnn.Trainer(of(), "mse").on("epoch_end", lambda: 0), "Trainer.on: handler must"),
        (
            lambda: fnn.callbacks.LambdaCallback(on_epoch_end=lambda epoch, rest: 0),
            "LambdaCallback: on_epoch_end must take one argument, the event",
        ),
        (
            lambda: fnn.callbacks.LearningRateScheduler(lambda: 0.1),
            "LearningRateScheduler: schedule must take (epoch) or (epoch, rate)",
        ),
        (
            lambda: fnn.losses.custom(lambda y: (y, y)),
            "losses.custom: function must take (y_true, y_pred)",
        ),
    ],
)
def test_function_of_other_arguments_is_refused_where_it_is_given(mistake, words):
    with pytest.raises(TypeError, match=re.escape(words)):
        mistake()


def deep():
    return of(*(fnn.Dense(4, "tanh", name=f"h{i}") for i in range(4)))


def test_muon_refuses_a_pattern_of_kernels_that_fits_none():
    muon = fnn.optimizers.Muon(kernels=["h1/*", "h9/kernel"])
    with pytest.raises(ValueError, match=r"Muon: kernels: no parameter is named 'h9/kernel'.*h0"):
        fnn.Trainer(deep(), "mse", muon)


def test_muon_trains_a_layer_by_the_same_rule_whatever_is_frozen():
    def first_step(*frozen):
        model = deep()
        model.freeze(*frozen)
        fnn.Trainer(model, "mse", fnn.optimizers.Muon(0.02)).train_on_batch(X, Y)
        return model.parameters["h1/kernel"]

    np.testing.assert_array_equal(first_step("h2"), first_step("h0", "end"))


def test_muon_goes_on_when_its_hidden_kernels_are_frozen():
    model = deep()
    trainer = fnn.Trainer(model, "mse", fnn.optimizers.Muon(0.02))
    trainer.fit(X, Y, verbose=0)
    model.freeze("h1", "h2", "h3")
    before = {name: array.copy() for name, array in model.parameters.items()}
    trainer.fit(X, Y, verbose=0)
    for name, array in model.parameters.items():
        frozen = name.split("/")[0] in model.frozen
        assert (array == before[name]).all() == frozen, name


def test_progress_bar_refuses_what_is_no_file():
    with pytest.raises(TypeError, match="ProgressBar: file must be an open text file, got 'log'"):
        fnn.callbacks.ProgressBar(file="log")
