"""Training models with several inputs and outputs."""

from __future__ import annotations

import numpy as np
import pytest

import fastnn as fnn

ROWS = 90


def tables(seed=0):
    rng = np.random.default_rng(seed)
    x = {"a": rng.standard_normal((ROWS, 3)), "b": rng.standard_normal((ROWS, 2))}
    y = {"size": x["a"][:, :1] * x["b"][:, 1:], "kind": (x["a"][:, 0] > 0).astype(int)}
    return x, y


def network(form="dict", seed=0, dtype="float64"):
    a, b = fnn.Input(3, name="a"), fnn.Input(2, name="b")
    h = fnn.Dense(12, "tanh")(fnn.Concatenate()([a, b]))
    size = fnn.Dense(1, name="size")(h)
    kind = fnn.Dense(2, "softmax", name="kind")(h)
    if form == "dict":
        return fnn.Model({"a": a, "b": b}, {"size": size, "kind": kind}, seed=seed, dtype=dtype)
    return fnn.Model([a, b], [size, kind], seed=seed, dtype=dtype)


LOSSES = {"size": "mse", "kind": "sparse_categorical_crossentropy"}
METRICS = {"size": ["mae"], "kind": ["accuracy"]}


def as_lists(x, y):
    return list(x.values()), list(y.values())


def test_losses_and_metrics_have_the_names_of_their_outputs():
    x, y = tables()
    trainer = fnn.Trainer(network(), LOSSES, fnn.Adam(0.01), METRICS, loss_weights={"kind": 0.5})
    history = trainer.fit(x, y, epochs=30, verbose=0, validation_data=(x, y))
    names = ["loss", "size_loss", "kind_loss", "size_mean_absolute_error", "kind_accuracy"]
    assert list(history) == names + [f"val_{name}" for name in names]
    assert history["loss"][-1] < 0.5 * history["loss"][0]
    logs = trainer.evaluate(x, y)
    assert logs["loss"] == pytest.approx(logs["size_loss"] + 0.5 * logs["kind_loss"], rel=1e-12)
    found = trainer.model.predict(x)
    assert logs["size_loss"] == pytest.approx(np.mean((found["size"] - y["size"]) ** 2), rel=1e-12)
    share = np.mean(found["kind"].argmax(axis=1) == y["kind"])
    assert logs["kind_accuracy"] == pytest.approx(share, rel=1e-12)
    assert logs["kind_loss"] == pytest.approx(
        -np.log(found["kind"][np.arange(ROWS), y["kind"]]).mean(), rel=1e-12
    )


def test_lists_and_dicts_give_the_same_bits():
    x, y = tables()
    found = []
    for form in ("dict", "list"):
        given = (x, y) if form == "dict" else as_lists(x, y)
        losses = LOSSES if form == "dict" else list(LOSSES.values())
        trainer = fnn.Trainer(network(form), losses, "adam")
        trainer.fit(*given, epochs=3, batch_size=16, verbose=0)
        found.append(trainer.model.snapshot().tobytes())
    assert found[0] == found[1]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("batch_size", [7, 90])
def test_the_bits_do_not_depend_on_threads_or_on_who_looks(dtype, batch_size):
    x, y = tables()
    found = []
    for threads, looked_at in ((1, False), (2, False), (3, True)):
        with fnn.threads(threads):
            trainer = fnn.Trainer(network(dtype=dtype), LOSSES, "adam", METRICS)
            if looked_at:
                trainer.on("batch_end", lambda event: None)
            history = trainer.fit(x, y, epochs=3, batch_size=batch_size, verbose=0)
            found.append((trainer.model.snapshot().tobytes(), dict(history)))
    assert found[1] == found[2] == found[0]


def test_a_step_follows_the_gradient_of_the_weighted_sum():
    x, y = tables()
    model, weights = network(), {"size": 2.0, "kind": 0.25}
    trainer = fnn.Trainer(model, LOSSES, fnn.SGD(0.1), loss_weights=weights)
    before = model.snapshot()
    trainer.train_on_batch(x, y)
    moved = model.snapshot() - before
    model.restore(before)
    found = model.forward(x, training=True)
    hot = np.eye(2)[y["kind"]]
    model.backward(
        {
            "size": weights["size"] * 2 * (found["size"] - y["size"]) / ROWS,
            "kind": weights["kind"] * -hot / found["kind"] / ROWS,
        }
    )
    np.testing.assert_allclose(moved, -0.1 * model.gradient_arena, rtol=1e-9, atol=1e-13)


def test_an_output_without_a_loss_is_left_alone():
    x, y = tables()
    model = network()
    head = model.parameters["kind/kernel"].copy()
    trainer = fnn.Trainer(model, {"size": "mse"}, "adam")
    trainer.fit(x, {"size": y["size"]}, epochs=2, verbose=0)
    np.testing.assert_array_equal(head, model.parameters["kind/kernel"])


def test_one_loss_can_serve_all_outputs():
    x = np.random.default_rng(0).standard_normal((20, 4))
    i = fnn.Input(4)
    model = fnn.Model(i, [fnn.Dense(1)(i), fnn.Dense(2)(i)], seed=0)
    history = fnn.Trainer(model, "mse").fit(x, [x[:, 0], x[:, 1:3]], epochs=2, verbose=0)
    assert list(history) == ["loss", "dense_0_loss", "dense_1_loss"]


def test_streams_of_several_inputs_and_outputs():
    x, y = tables()
    whole, parts = (fnn.Trainer(network(), LOSSES, "adam", METRICS) for _ in range(2))
    whole.fit(x, y, epochs=2, batch_size=30, shuffle=False, verbose=0)
    cut = [slice(0, 30), slice(30, 60), slice(60, 90)]
    batches = [
        (
            {key: value[part] for key, value in x.items()},
            {key: value[part] for key, value in y.items()},
        )
        for part in cut
    ]
    parts.fit(lambda: iter(batches), epochs=2, verbose=0)
    assert whole.model.snapshot().tobytes() == parts.model.snapshot().tobytes()
    assert parts.evaluate(lambda: iter(batches)) == pytest.approx(whole.evaluate(x, y))


def test_a_fit_is_resumed_with_the_same_bits(tmp_path):
    x, y = tables()
    whole = fnn.Trainer(network(), LOSSES, "adam", METRICS, loss_weights={"kind": 0.5})
    whole.fit(x, y, epochs=6, verbose=0)
    first = fnn.Trainer(network(), LOSSES, "adam", METRICS, loss_weights={"kind": 0.5})
    first.fit(x, y, epochs=3, verbose=0)
    first.save(tmp_path / "run.safetensors")
    again = fnn.load_trainer(tmp_path / "run.safetensors")
    again.fit(x, y, epochs=6, initial_epoch=3, verbose=0)
    assert again.model.snapshot().tobytes() == whole.model.snapshot().tobytes()


def test_fit_many_takes_them():
    x, y = tables()
    trainers = [fnn.Trainer(network(seed=seed), LOSSES, "adam") for seed in range(3)]
    fits = fnn.fit_many(trainers, x, y, epochs=2, verbose=0, workers=2)
    alone = fnn.Trainer(network(seed=1), LOSSES, "adam")
    alone.fit(x, y, epochs=2, verbose=0)
    assert fits.models[1].snapshot().tobytes() == alone.model.snapshot().tobytes()


@pytest.mark.parametrize(
    "arguments, words",
    [
        ({"loss": {"sizes": "mse"}}, "did you mean 'size'"),
        ({"loss": ["mse"]}, "list of 2 or a dict with the keys size, kind"),
        ({"loss": {"size": "mse", "kind": "bce"}}, "output 'kind'.*|binary_crossentropy"),
        ({"loss": LOSSES, "loss_weights": {"kind": 0}}, "output 'kind': loss_weights"),
        ({"loss": LOSSES, "loss_weights": [1.0]}, "loss_weights must be a list of 2"),
        ({"loss": LOSSES, "metrics": {"kind": ["maes"]}}, "maes"),
        ({"loss": {"size": "mse"}, "metrics": {"kind": ["accuracy"]}}, "wants a loss"),
        ({"loss": {}}, "loss is None"),
    ],
)
def test_trainers_that_do_not_fit_are_refused(arguments, words):
    with pytest.raises((TypeError, ValueError), match=words):
        fnn.Trainer(network(), **arguments)


def test_data_that_does_not_fit_is_refused_and_nothing_changes():
    x, y = tables()
    model = network()
    trainer = fnn.Trainer(model, LOSSES)
    before = model.snapshot()
    short = {**y, "size": y["size"][:5]}
    classes = {**y, "kind": y["kind"] + 1}
    spoiled = {**x, "b": np.where(x["b"] > 2, np.nan, np.array([[np.nan, 1.0]]))}
    for given, words in (
        (({"a": x["a"]}, y), "'b' missing"),
        ((x, {"size": y["size"]}), "output 'kind'"),
        ((x, short), "output 'size'"),
        ((x, classes), "output 'kind'"),
        ((spoiled, y), r"x\['b'\] has nan"),
        (({**x, "b": x["b"][:5]}, y), "5 rows"),
    ):
        with pytest.raises((TypeError, ValueError), match=words):
            trainer.fit(*given, verbose=0)
    assert model.snapshot().tobytes() == before.tobytes()


def test_the_loss_of_a_single_output_has_a_number_for_a_weight(tmp_path):
    x, y = np.arange(6.0)[:, None], np.arange(6.0)[:, None] * 2
    fits = []
    for weight, rate in (
        (0.25, 0.04),
        (None, 0.01),
    ):  # a quarter of the gradient, four times as far
        model = fnn.Sequential([fnn.Input(1), fnn.Dense(1)], seed=0, dtype="float64")
        trainer = fnn.Trainer(model, "mse", fnn.SGD(rate), loss_weights=weight)
        history = trainer.fit(x, y, batch_size=4, epochs=3, verbose=0)
        fits.append((np.array(history["loss"]), model.parameter_arena, trainer))
    np.testing.assert_allclose(fits[0][0], 0.25 * fits[1][0], rtol=1e-12)
    np.testing.assert_allclose(fits[0][1], fits[1][1], rtol=1e-12)
    fits[0][2].save(tmp_path / "trainer.safetensors")
    again = fnn.load_trainer(tmp_path / "trainer.safetensors")
    assert again.evaluate(x, y) == fits[0][2].evaluate(x, y)
    with pytest.raises(TypeError, match="loss_weights must be a finite number"):
        fnn.Trainer(model, "mse", loss_weights=[1.0])
