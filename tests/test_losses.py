"""Losses in training: gradients of whole networks, targets of another width, what is refused."""

from __future__ import annotations

import numpy as np
import pytest

import fastnn as fnn
from fastnn import data, losses
from reference import loss as twin
from reference.network import Twin

# (loss, activation of the output, outputs): every kernel, with other numbers than the defaults
HEADS = [
    (losses.MeanAbsolutePercentageError(0.5), "linear", 4),
    (losses.MeanSquaredLogarithmicError(), "softplus", 4),
    (losses.LogCosh(), "linear", 4),
    (losses.Quantile(0.3), "tanh", 4),
    (losses.Quantile([0.1, 0.6]), "linear", 4),
    (losses.GaussianNLL(), "linear", 4),
    (losses.GaussianNLL("softplus", full=True), "linear", 2),
    (losses.GaussianNLL("linear"), "softplus", 4),
    (losses.Poisson(), "softplus", 3),
    (losses.Poisson(log_input=True), "linear", 3),
    (losses.Gamma(), "softplus", 3),
    (losses.Gamma(log_input=True), "linear", 1),
    (losses.Tweedie(1.2), "softplus", 3),
    (losses.Tweedie(log_input=True), "linear", 3),
    (losses.BinaryCrossentropy(label_smoothing=0.2), "sigmoid", 3),
    (losses.BinaryFocalCrossentropy(True, 0.3, 1.5), "sigmoid", 3),
    (losses.BinaryFocalCrossentropy(from_logits=True), "linear", 3),
    (losses.CategoricalCrossentropy(label_smoothing=0.2), "softmax", 4),
    (losses.SparseCategoricalCrossentropy(label_smoothing=0.2), "softmax", 4),
    (losses.CategoricalFocalCrossentropy(gamma=1.5), "softmax", 4),
    (losses.CategoricalFocalCrossentropy(from_logits=True), "linear", 4),
    (losses.KLDivergence(), "softmax", 4),
    (losses.KLDivergence(from_logits=True), "linear", 4),
    (losses.Hinge(), "linear", 3),
    (losses.SquaredHinge(), "tanh", 3),
    (losses.CategoricalHinge(), "linear", 4),
    (losses.SoftMargin(), "linear", 3),
    (losses.CosineSimilarity(), "linear", 4),
    (losses.MarginRanking(0.5), "linear", 2),
]
STEP = 1e-6


def ids(value):
    return getattr(value, "name", str(value))


def targets(loss, outputs, n, seed=0):
    rng = np.random.default_rng([seed, n])
    shape = (n, loss.target_columns(outputs))
    if loss.integer_labels:
        return rng.integers(0, outputs, n)
    if loss.name == "categorical_hinge":
        return np.eye(outputs)[rng.integers(0, outputs, n)]
    if loss.takes == "signs":
        return rng.choice([-1, 1], shape)
    if loss.fuses == "softmax":
        return rng.dirichlet(np.ones(outputs), n)
    low = {"unit": 0, "counts": 0, "positive": 0.1}.get(loss.takes, -2)
    return rng.uniform(low, 1 if loss.takes == "unit" else 3, shape)


def network(activation, outputs, hidden=5, dtype="float64"):
    return fnn.Sequential(
        [fnn.Input(3), fnn.Dense(hidden, "tanh"), fnn.Dense(outputs, activation)],
        seed=3,
        dtype=dtype,
    )


def inputs(n):
    return np.random.default_rng([1, n]).uniform(-2, 2, (n, 3))


def kernel_arguments(loss):
    """The settings by the names that the kernels (and the twins) have for them."""
    names = {"smoothing": "label_smoothing", "balance": "apply_class_balancing"}
    return {names.get(name, name): value for name, value in loss.settings.items()}


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize("loss, activation, outputs", HEADS, ids=ids)
def test_gradients_of_networks_match_finite_differences(isa, loss, activation, outputs, weighted):
    x, y = inputs(5), targets(loss, outputs, 5)
    weight = np.array([0.5, 0.0, 2.0, 1.0, 3.0]) if weighted else None
    model = network(activation, outputs)
    trainer = fnn.Trainer(model, loss, fnn.SGD(0.25))
    before = model.parameter_arena.copy()
    shown = trainer.train_on_batch(x, y, weight)["loss"]
    gradient = model.gradient_arena.copy()

    def f():
        return trainer.evaluate(x, y, sample_weight=weight)["loss"]

    model.parameter_arena[:] = before
    assert shown == f()
    numeric = np.zeros_like(gradient)
    for i in range(gradient.size):
        values = []
        for sign in (1, -1):
            model.parameter_arena[i] = before[i] + sign * STEP
            values.append(f())
        model.parameter_arena[i] = before[i]
        numeric[i] = (values[0] - values[1]) / (2 * STEP)
    # truncation some 1e-12 times a third derivative, rounding 1e-15 times the loss over 1e-6
    reach = 2e-8 * max(1.0, abs(shown))
    np.testing.assert_allclose(gradient, numeric, rtol=1e-6, atol=reach)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("hidden, n", [(5, 700), (300, 1300)], ids=["shards", "blocks"])
@pytest.mark.parametrize(
    "loss, activation, outputs",
    [head for head in HEADS if head[0].target_columns(4) != 4 or head[0].takes == "signs"],
    ids=ids,
)
def test_rows_in_shards_and_blocks_find_their_targets(
    dtype, loss, activation, outputs, hidden, n, threads
):
    """Where targets are narrower than outputs each part of a batch still reads its own."""
    x, y = inputs(n), targets(loss, outputs, n)
    weight = np.random.default_rng(2).uniform(0, 2, n)
    model = network(activation, outputs, hidden, np.dtype(dtype).name)
    z = Twin(model).predict(x)
    want, _ = twin.value_and_gradient(loss.name, z, y, weight, **kernel_arguments(loss))
    with fnn.threads(threads):
        trainer = fnn.Trainer(model, loss, fnn.SGD(1e-3))
        found = trainer.evaluate(x, y, sample_weight=weight)["loss"]
        assert found == pytest.approx(want, rel=1e-5 if dtype == np.float32 else 1e-12)
        assert trainer.train_on_batch(x, y, weight)["loss"] == pytest.approx(found, rel=1e-6)
        fitted = trainer.fit(x, y, sample_weight=weight, batch_size=n, epochs=3, verbose=0)
    assert fitted["loss"][-1] < found


@pytest.mark.parametrize("loss, activation, outputs", HEADS, ids=ids)
def test_every_loss_trains_and_gives_the_same_bits_on_any_threads(loss, activation, outputs):
    x, y = inputs(600), targets(loss, outputs, 600)
    arenas = []
    for count in (1, 2):
        model = network(activation, outputs, dtype="float32")
        with fnn.threads(count):
            history = fnn.Trainer(model, loss, fnn.Adam(0.01)).fit(
                x, y, batch_size=300, epochs=4, verbose=0
            )
        arenas.append(model.parameter_arena.tobytes())
    assert history["loss"][-1] < history["loss"][0]
    assert arenas[0] == arenas[1]


def test_likelihood_metrics_see_means_with_log_input():
    x, y = inputs(20), targets(losses.Poisson(), 1, 20)
    model = network("linear", 1)
    trainer = fnn.Trainer(model, losses.Poisson(log_input=True), metrics=["mae"])
    shown = trainer.evaluate(x, y)["mean_absolute_error"]
    assert shown == pytest.approx(np.abs(np.exp(model.predict(x)) - y).mean(), rel=1e-12)


def test_quantiles_are_learned():
    rng = np.random.default_rng(0)
    y = rng.exponential(size=4000)
    x = np.zeros((4000, 1))
    model = fnn.Sequential([fnn.Input(1), fnn.Dense(3)], seed=0)
    loss = losses.Quantile([0.1, 0.5, 0.9])
    fnn.Trainer(model, loss, fnn.Adam(0.02)).fit(x, y, batch_size=500, epochs=150, verbose=0)
    np.testing.assert_allclose(model.predict(x[:1])[0], np.quantile(y, [0.1, 0.5, 0.9]), atol=0.1)


def test_mean_and_variance_are_learned():
    rng = np.random.default_rng(0)
    y = rng.normal(2.0, 0.5, 4000)
    x = np.zeros((4000, 1))
    for variance in ("exp", "softplus"):
        model = fnn.Sequential([fnn.Input(1), fnn.Dense(2)], seed=0)
        loss = losses.GaussianNLL(variance)
        fnn.Trainer(model, loss, fnn.Adam(0.02)).fit(x, y, batch_size=500, epochs=60, verbose=0)
        mean, s = model.predict(x[:1])[0]
        spread = np.exp(s) if variance == "exp" else np.log1p(np.exp(s))
        assert mean == pytest.approx(y.mean(), abs=0.03)
        assert spread == pytest.approx(y.var(), rel=0.1)


# ---- what is refused ----------------------------------------------------------------------------

BAD_TARGETS = [
    ("binary_crossentropy", "sigmoid", 1.5, "values within 0 and 1"),
    ("binary_focal_crossentropy", "sigmoid", -0.5, "values within 0 and 1"),
    ("categorical_crossentropy", "softmax", 2, "values within 0 and 1"),
    ("kl_divergence", "softmax", -1, "values within 0 and 1"),
    ("categorical_hinge", "linear", 2, "values within 0 and 1"),
    ("poisson", "softplus", -1, "values of at least 0"),
    ("tweedie", "softplus", -0.25, "values of at least 0"),
    ("mean_squared_logarithmic_error", "softplus", -0.5, "values of at least 0"),
    ("gamma", "softplus", 0.0, "values above 0"),
    ("hinge", "linear", 2, "labels -1 and 1, or 0 and 1"),
    ("squared_hinge", "linear", 0.5, "labels -1 and 1, or 0 and 1"),
    ("soft_margin", "linear", -2, "labels -1 and 1, or 0 and 1"),
]


@pytest.mark.parametrize("name, activation, value, wanted", BAD_TARGETS)
def test_targets_a_loss_cannot_take_are_refused_before_training(name, activation, value, wanted):
    loss = losses.get(name)
    x = inputs(9)
    y = np.ones((9, 2))
    y[4, 1] = value
    model = network(activation, 2)
    before = model.parameter_arena.copy()
    trainer = fnn.Trainer(model, loss)
    message = rf"y has {value * 1.0} at row 4, column 1; {name} takes {wanted}"
    with pytest.raises(ValueError, match=f"^Trainer.fit: {message}"):
        trainer.fit(x, y, verbose=0)
    with pytest.raises(ValueError, match=f"^Trainer.evaluate: {message}"):
        trainer.evaluate(x, y)
    with pytest.raises(ValueError, match=f"^Trainer.fit: validation_data: {message}"):
        trainer.fit(x, np.ones((9, 2)), validation_data=(x, y), verbose=0)
    np.testing.assert_array_equal(model.parameter_arena, before)
    with pytest.raises(ValueError, match=f"^Trainer.fit: epoch 1, batch 2: {message}"):
        trainer.fit([(x, np.ones((9, 2))), (x, y)], verbose=0)


def test_labels_of_two_conventions_at_once_are_refused():
    y = np.array([1, 0, -1, 1])
    with pytest.raises(ValueError, match="y has labels -1 and 0; hinge takes labels -1 and 1, or"):
        fnn.Trainer(network("linear", 1), "hinge").fit(inputs(4), y, verbose=0)


@pytest.mark.parametrize("kind", [bool, np.int8, np.uint8, np.int64, np.float16, np.float32])
def test_labels_of_any_type_are_taken(kind):
    y = np.array([0, 1, 1, 0], kind)
    model = network("linear", 1)
    trainer = fnn.Trainer(model, "hinge")
    want = np.maximum(0, 1 - (2.0 * y[:, None] - 1) * model.predict(inputs(4))).mean()
    assert trainer.evaluate(inputs(4), y)["loss"] == pytest.approx(want, rel=1e-12)


def test_nan_targets_are_left_to_the_check_for_finite_values():
    for name, activation in (("hinge", "linear"), ("poisson", "softplus")):
        trainer = fnn.Trainer(network(activation, 1), name)
        y = np.array([1.0, np.nan, 0.0])
        with pytest.raises(ValueError, match="y has nan at row 1"):
            trainer.evaluate(inputs(3), y)
        assert np.isnan(trainer_loss(trainer, y))


def trainer_loss(trainer, y):
    try:
        return trainer.evaluate(inputs(3), y, check_finite=False)["loss"]
    except FloatingPointError:
        return np.nan


def test_large_targets_are_checked_in_parts(monkeypatch):
    monkeypatch.setattr(data, "CHECKED_AT_ONCE", 4)
    y = np.zeros((11, 2))
    y[9, 0] = 3
    with pytest.raises(ValueError, match=r"y has 3\.0 at row 9, column 0"):
        data.check_targets(y, where="fit", takes="unit", loss="bce")
    y = np.array([[0.0], [1], [1], [1], [1], [-1]])  # the conventions meet only in the end
    with pytest.raises(ValueError, match="labels -1 and 0"):
        data.check_targets(y, where="fit", takes="signs", loss="hinge")


@pytest.mark.parametrize(
    "loss, outputs, shape",
    [
        (losses.Quantile([0.1, 0.9]), 4, (5, 2)),
        (losses.GaussianNLL(), 2, (5, 1)),
        (losses.MarginRanking(), 2, (5, 1)),
    ],
    ids=ids,
)
def test_targets_have_the_width_that_the_loss_wants(loss, outputs, shape):
    trainer = fnn.Trainer(network("linear", outputs), loss)
    trainer.evaluate(inputs(5), np.ones(shape))
    if shape[1] == 1:
        trainer.evaluate(inputs(5), np.ones(5))
    with pytest.raises(
        ValueError, match=rf"y has shape \(5, 3\), 3 columns; want \(rows, {shape[1]}"
    ):
        trainer.evaluate(inputs(5), np.ones((5, 3)))
    if loss.point_columns(outputs) is None:
        with pytest.raises(ValueError, match=f"{loss.name} has {shape[1]} targets for {outputs} o"):
            fnn.Trainer(network("linear", outputs), loss, metrics=["mae"])


def test_fit_many_checks_targets_for_each_loss():
    x, y = inputs(6), np.array([0.0, 1, 1, 0, 2, 1])
    trainers = [
        fnn.Trainer(network("linear", 1), "mse"),
        fnn.Trainer(network("linear", 1), "hinge"),
    ]
    with pytest.raises(ValueError, match=r"trainers\[1\]: y has 2.0 at row 4"):
        fnn.fit_many(trainers, x, y, verbose=0)


# ---- weights of classes -------------------------------------------------------------------------


def test_class_weights_of_labels_columns_and_one_hot_rows():
    labels = np.array([2, 0, 0, 1, 0, 2])
    table = {0: 1.0, 1: 0.0, 2: 2.5, 3: 7}
    want = [2.5, 1, 1, 0, 1, 2.5]
    for y in (labels, labels.astype(np.int32), labels[:, None], labels * 1.0, np.eye(4)[labels]):
        got = data.class_weights("fit", table, y, 4)
        assert got.dtype == np.float64
        np.testing.assert_array_equal(got, want)
    signs = np.array([[-1], [1], [1]])
    np.testing.assert_array_equal(data.class_weights("fit", {0: 3, 1: 5}, signs, 2), [3, 5, 5])
    bools = np.array([True, False])
    np.testing.assert_array_equal(data.class_weights("fit", {0: 3, 1: 5}, bools, 2), [5, 3])


def test_balanced_class_weights_are_those_of_scikit_learn():
    # compute_sample_weight("balanced", y) of scikit-learn 1.9.1
    y = np.array([2, 0, 0, 1, 0, 2, 0])
    want = [7 / 6, 7 / 12, 7 / 12, 7 / 3, 7 / 12, 7 / 6, 7 / 12]
    np.testing.assert_allclose(data.class_weights("fit", "balanced", y, 5), want, rtol=1e-15)
    got = data.class_weights("fit", "balanced", np.eye(5)[y], 5)
    np.testing.assert_allclose(got, want, rtol=1e-15)
    assert data.class_weights("fit", "balanced", y, 3).sum() == pytest.approx(7)


@pytest.mark.parametrize(
    "given, y, error, message",
    [
        ({0: 1.0}, [0, 1], ValueError, "class_weight has no weight for class 1, which y has"),
        ({0: 1.0, 1: -1}, [0, 1], ValueError, "class_weight of class 1 is -1; want a finite"),
        ({0: 1.0, 1: np.nan}, [0, 1], ValueError, "class_weight of class 1 is nan"),
        ({0: 1.0, 1: "a"}, [0, 1], ValueError, "class_weight of class 1 is 'a'"),
        ({0: 1.0, 2: 1.0}, [0, 1], ValueError, "names class 2; want classes 0 .. 1"),
        ({0: 0.0, 1: 0}, [0, 1], ValueError, "class_weight is zero for all classes that y has"),
        ({"a": 1.0}, [0, 1], TypeError, "class_weight has the key 'a'; want class numbers"),
        ({True: 1.0}, [0, 1], TypeError, "class_weight has the key True"),
        ("even", [0, 1], ValueError, "class_weight is 'even'; want 'balanced', or a mapping"),
        ([1.0, 2.0], [0, 1], TypeError, "class_weight is a list; want 'balanced', or a mapping"),
        ("balanced", [0.5, 1], ValueError, "needs classes 0 .. 1, but y has 0.5"),
        ("balanced", [0, 2], ValueError, "needs classes 0 .. 1, but y has 2"),
        (
            "balanced",
            [[0.5, 0.5], [1, 0]],
            ValueError,
            "needs one class a row, but y has rows that",
        ),
        ("balanced", [[1, 1], [1, 0]], ValueError, "needs one class a row, but y has rows that"),
    ],
)
def test_class_weights_that_make_no_sense(given, y, error, message):
    with pytest.raises(
        error, match=f"^Trainer.fit: {message}|^Trainer.fit: class_weight {message}"
    ):
        data.class_weights("Trainer.fit", given, np.asarray(y), 2)
