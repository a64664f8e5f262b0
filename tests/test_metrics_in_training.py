"""Metrics in fit and evaluate: those of sums, those of whole epochs, a person's own."""

from __future__ import annotations

import math

import numpy as np
import pytest

import fastnn as fnn
from fastnn import _core, metrics
from fastnn.metrics import AUC, F1, FunctionMetric, MeanPinballLoss, Precision, TopK

STILL = fnn.SGD(1e-30)  # moves nothing
ROWS = 700


def rows_for(outputs, seed=3, rows=ROWS):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((rows, 6))
    score = x @ rng.standard_normal((6, outputs)) + rng.standard_normal((rows, outputs))
    return x, score, rng.integers(0, 4, rows) / 2.0


def network(outputs, activation, dtype="float64", units=9, seed=1):
    layers = [fnn.Input(6), fnn.Dense(units, "tanh"), fnn.Dense(outputs, activation)]
    return fnn.Sequential(layers, seed=seed, dtype=dtype)


def median_error(y_true, y_pred):
    return np.median(np.abs(y_true - y_pred))


def weighted_error(y_true, y_pred, sample_weight):
    return np.average(np.abs(y_true - y_pred)[:, 0], weights=sample_weight)


# name -> loss, outputs, output activation, targets from scores, metrics and their functions
TASKS = {
    "numbers": (
        "mse",
        1,
        "linear",
        lambda score: score,
        {
            "mae": metrics.mean_absolute_error,
            "r2": metrics.r2_score,
            "mape": metrics.mean_absolute_percentage_error,
            "max_error": metrics.max_error,
            "explained_variance": metrics.explained_variance_score,
            MeanPinballLoss(0.8): lambda y, p, w: metrics.mean_pinball_loss(y, p, w, alpha=0.8),
            weighted_error: metrics.mean_absolute_error,
        },
    ),
    "answers": (
        "binary_crossentropy",
        1,
        "sigmoid",
        lambda score: score > 0,
        {
            "auc": metrics.roc_auc_score,
            "accuracy": metrics.accuracy,
            "average_precision": metrics.average_precision_score,
            Precision(threshold=0.6): lambda y, p, w: metrics.precision_score(
                y, p, w, threshold=0.6
            ),
            "recall": metrics.recall_score,
            "specificity": metrics.specificity_score,
            "f1": metrics.f1_score,
            "mcc": metrics.matthews_corrcoef,
            "balanced_accuracy": metrics.balanced_accuracy_score,
            "log_loss": metrics.log_loss,
            AUC(bins=30, name="about"): lambda y, p, w: metrics.roc_auc_score(y, p, w, bins=30),
        },
    ),
    "several answers": (
        "binary_crossentropy",
        3,
        "sigmoid",
        lambda score: score > 0,
        {
            "f1_macro": lambda y, p, w: metrics.f1_score(y, p, w, average="macro"),
            "auc": metrics.roc_auc_score,
            "auc_micro": lambda y, p, w: metrics.roc_auc_score(y, p, w, average="micro"),
        },
    ),
    "labels": (
        "sparse_categorical_crossentropy",
        4,
        "softmax",
        lambda score: score.argmax(axis=1),
        {
            "top_2_accuracy": metrics.top_k_accuracy_score,
            F1(average="macro"): lambda y, p, w: metrics.f1_score(y, p, w, average="macro"),
            "auc_weighted": lambda y, p, w: metrics.roc_auc_score(y, p, w, average="weighted"),
            "log_loss": metrics.log_loss,
            "mcc": metrics.matthews_corrcoef,
        },
    ),
    "one hot": (
        "categorical_crossentropy",
        4,
        "softmax",
        lambda score: np.eye(4)[score.argmax(axis=1)],
        {
            TopK(3): lambda y, p, w: metrics.top_k_accuracy_score(y, p, w, k=3),
            "accuracy": metrics.accuracy,
            "precision_weighted": lambda y, p, w: metrics.precision_score(
                y.argmax(axis=1), p, w, average="weighted"
            ),
            "auc": lambda y, p, w: metrics.roc_auc_score(y.argmax(axis=1), p, w),
        },
    ),
}


def task(name, dtype="float64", **model):
    loss, outputs, activation, targets, measured = TASKS[name]
    x, score, weight = rows_for(outputs)
    trainer = fnn.Trainer(network(outputs, activation, dtype, **model), loss, STILL, list(measured))
    names = [metric.name for metric in trainer.metrics]
    return trainer, x, targets(score), weight, dict(zip(names, measured.values(), strict=True))


def expected(trainer, x, y, weight, measured):
    p = trainer.model.predict(x)
    return {name: function(y, p, weight) for name, function in measured.items()}


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize("name", TASKS)
def test_evaluate_and_fit_give_the_metrics_of_all_rows(name, weighted):
    trainer, x, y, weight, measured = task(name)
    weight = weight if weighted else None
    want = pytest.approx(expected(trainer, x, y, weight, measured), rel=1e-12)
    logs = trainer.evaluate(x, y, sample_weight=weight)
    assert list(logs) == ["loss", *measured]  # in the order given
    assert {key: logs[key] for key in measured} == want
    # The parameters move by nothing, so an epoch's sums are those of evaluate, in another order.
    options = {"batch_size": 90, "sample_weight": weight, "verbose": 0}
    in_c = trainer.fit(x, y, epochs=2, **options)
    seen = trainer.fit(x, y, epochs=2, validation_data=(x[:300], y[:300]), **options)
    for history in (in_c, seen):
        for epoch in range(2):
            assert {key: history[key][epoch] for key in measured} == want
    first = expected(trainer, x[:300], y[:300], None, measured) if not weighted else {}
    for key, value in first.items():
        assert seen[f"val_{key}"] == pytest.approx([value, value], rel=1e-12)


@pytest.mark.parametrize("name", TASKS)
def test_streams_and_batches_give_the_same(name):
    trainer, x, y, weight, measured = task(name)
    sizes = np.cumsum([1, 64, 300, 17, 200])
    parts = np.split(np.arange(ROWS), sizes)
    # Weights come and go; one batch weighs nothing.
    stream = [(x[i], y[i], weight[i]) if n % 2 else (x[i], y[i]) for n, i in enumerate(parts)]
    stream[3] = (x[parts[3]], y[parts[3]], np.zeros(len(parts[3])))
    for n, i in enumerate(parts):
        if n % 2 == 0:
            weight[i] = 1
    weight[parts[3]] = 0
    want = pytest.approx(expected(trainer, x, y, weight, measured), rel=1e-12)
    logs = trainer.evaluate(stream)
    assert {key: logs[key] for key in measured} == want
    history = trainer.fit(stream, epochs=2, verbose=0)
    for epoch in range(2):
        assert {key: history[key][epoch] for key in measured} == want
    logs = trainer.train_on_batch(x, y, weight)
    assert {key: logs[key] for key in measured} == want
    logs = trainer.train_on_batch(x[:80], y[:80])  # without weights after some
    want = expected(trainer, x[:80], y[:80], None, measured)
    assert {key: logs[key] for key in measured} == pytest.approx(want, rel=1e-12)


@pytest.mark.parametrize("name", TASKS)
def test_same_bits_at_any_number_of_threads(name):
    """Blocks, chunks and shards."""
    loss, outputs, activation, targets, measured = TASKS[name]
    x, score, weight = rows_for(outputs, rows=2500)
    y = targets(score)
    for units, batch_size in ((9, 2000), (400, 300)):
        results = set()
        for threads in (1, 2, 3):
            with fnn.threads(threads):
                model = network(outputs, activation, "float32", units=units)
                trainer = fnn.Trainer(model, loss, "adam", list(measured))
                history = trainer.fit(
                    x, y, sample_weight=weight, batch_size=batch_size, epochs=2, verbose=0
                )
                logs = trainer.evaluate(x, y)
            assert not any(math.isnan(value) for value in logs.values())
            everything = [*logs.values(), *(v for values in history.values() for v in values)]
            results.add(np.array(everything).tobytes())
        assert len(results) == 1


def test_metrics_change_no_bit_of_the_training():
    results = set()
    for measured in ([], ["auc", "f1"], ["f1"]):
        x, score, _ = rows_for(1)
        model = network(1, "sigmoid", "float32")
        fnn.Trainer(model, "bce", metrics=measured).fit(
            x, score > 0, epochs=3, batch_size=20, verbose=0
        )
        results.add(b"".join(values.tobytes() for values in model.parameters.values()))
    assert len(results) == 1


def test_from_logits_gives_probabilities_to_whole_metrics_too():
    x, score, _ = rows_for(1)
    y, seen = score > 0, []

    def brier(y_true, y_pred):
        seen.append(y_pred.copy())
        return np.mean((y_true - y_pred) ** 2)

    loss = fnn.losses.BinaryCrossentropy(from_logits=True)
    trainer = fnn.Trainer(network(1, "linear"), loss, metrics=[brier])
    logs = trainer.evaluate(x, y)
    p = 1 / (1 + np.exp(-trainer.model.predict(x)))
    np.testing.assert_allclose(seen[0], p, rtol=1e-12)
    assert logs["brier"] == pytest.approx(np.mean((y - p) ** 2), rel=1e-12)


# ---- a person's own -----------------------------------------------------------------------------


def test_own_function_sees_all_rows_at_once():
    x, score, _ = rows_for(2)
    seen = []

    def own(y_true, y_pred):
        seen.append((y_true.shape, y_pred.shape, y_true.dtype, y_pred.dtype))
        assert not y_true.flags.writeable
        assert not y_pred.flags.writeable
        return float(len(y_pred))

    trainer = fnn.Trainer(network(2, "linear", "float32"), "mse", STILL, [own, median_error])
    history = trainer.fit(x, score, batch_size=33, epochs=2, validation_data=(x[:9], score[:9]))
    single = np.dtype(np.float32)
    assert seen == 2 * [((ROWS, 2), (ROWS, 2), single, single), ((9, 2), (9, 2), single, single)]
    assert history["own"] == [ROWS, ROWS]
    assert history["val_own"] == [9, 9]
    want = median_error(score.astype(np.float32), trainer.model.predict(x))
    assert history["median_error"] == pytest.approx([want, want], rel=1e-6)


def test_rows_come_in_the_order_of_the_epoch():
    x = np.arange(50.0)[:, None]
    model = fnn.Sequential([fnn.Input(1), fnn.Dense(1, kernel_initializer="ones")], dtype="float64")
    seen = []

    def own(y_true, y_pred):
        seen.append(y_true[:, 0].copy())
        np.testing.assert_allclose(y_true, y_pred, atol=1e-9)
        return 0.0

    trainer = fnn.Trainer(model, "mse", STILL, [own])
    trainer.fit(x, x, batch_size=7, epochs=2, verbose=0)
    trainer.fit(x, x, batch_size=7, epochs=1, shuffle=False, drop_remainder=True, verbose=0)
    for epoch in (0, 1):
        assert sorted(seen[epoch]) == list(range(50))
    assert seen[0].tolist() != seen[1].tolist()
    assert seen[2].tolist() == list(range(49))


def test_own_function_with_labels_and_weights():
    x, score, weight = rows_for(3)
    labels = score.argmax(axis=1)

    def rate(y_true, y_pred, sample_weight=None):
        assert y_true.dtype == np.int32
        assert y_true.shape == (ROWS,)
        return np.average(y_pred.argmax(axis=1) != y_true, weights=sample_weight)

    trainer = fnn.Trainer(network(3, "softmax"), "scce", metrics=[rate, "accuracy"])
    for given in (None, weight):
        logs = trainer.evaluate(x, labels, sample_weight=given)
        assert logs["rate"] == pytest.approx(1 - logs["accuracy"], rel=1e-12)


def test_scikit_learns_functions_are_own_functions():
    from sklearn import metrics as sk

    x, score, weight = rows_for(1)
    trainer = fnn.Trainer(network(1, "linear"), "mse", metrics=[sk.d2_absolute_error_score, "mae"])
    assert [metric.collects for metric in trainer.metrics] == [True, False]
    logs = trainer.evaluate(x, score, sample_weight=weight)
    want = sk.d2_absolute_error_score(score, trainer.model.predict(x), sample_weight=weight)
    assert logs["d2_absolute_error_score"] == pytest.approx(want, rel=1e-12)


@pytest.mark.parametrize("stream", [False, True])
def test_weights_for_a_function_without_are_refused_before_the_first_step(stream):
    x, score, weight = rows_for(1)
    trainer = fnn.Trainer(network(1, "linear"), "mse", metrics=[median_error])
    before = [values.copy() for values in trainer.model.parameters.values()]
    data = ([(x, score, weight)],) if stream else (x, score)
    more = {} if stream else {"sample_weight": weight}
    with pytest.raises(ValueError, match="median_error takes no sample_weight, but the data has"):
        trainer.fit(*data, verbose=0, **more)
    assert trainer.steps == 0
    for a, b in zip(before, trainer.model.parameters.values(), strict=True):
        assert a.tobytes() == b.tobytes()
    trainer.fit(x, score, verbose=0)  # and without them it goes on
    ovo = fnn.Trainer(network(3, "softmax"), "scce", metrics=[AUC(multi_class="ovo")])
    with pytest.raises(ValueError, match="auc_ovo takes no sample_weight"):
        ovo.evaluate(x, np.arange(ROWS) % 3, sample_weight=weight)


@pytest.mark.parametrize("seen", [False, True])
def test_what_an_own_function_raises_ends_the_fit_after_its_epoch(seen):
    x, score, _ = rows_for(1)
    calls = []

    def own(y_true, y_pred):
        calls.append(1)
        if len(calls) == 2:
            raise ZeroDivisionError("no luck")
        return 1.0

    trainer = fnn.Trainer(network(1, "linear"), "mse", metrics=[own])
    if seen:
        trainer.on("epoch_end", lambda event: None)
    with pytest.raises(ZeroDivisionError, match="no luck"):
        trainer.fit(x, score, batch_size=100, epochs=5, verbose=0)
    assert trainer.history["own"] == [1.0]
    assert trainer.steps == 14
    assert not trainer.model.fitting


@pytest.mark.parametrize("result", [None, "1.0", np.ones(2), [1.0], 1j])
def test_own_function_must_return_a_number(result):
    def own(y_true, y_pred):
        return result

    x, score, _ = rows_for(1)
    trainer = fnn.Trainer(network(1, "linear"), "mse", metrics=[own])
    with pytest.raises(TypeError, match="metrics: own must return a number, got"):
        trainer.evaluate(x, score)


@pytest.mark.parametrize("result", [1, 1.0, True, np.float32(1), np.int8(1), np.array(1.0)])
def test_own_function_may_return_any_number(result):
    metric = FunctionMetric(lambda y, p: result, name="own")
    metric.update([1.0], [2.0])
    assert metric.result() == 1.0
    assert type(metric.result()) is float


def test_own_function_alone():
    metric = FunctionMetric(weighted_error, name="error", higher_is_better=False)
    assert metric.higher_is_better is False
    metric.update([1.0], [2.0])
    metric.update([1.0, 1.0], [4.0, 9.0], [2.0, 0.0])
    assert metric.result() == pytest.approx(7 / 3)
    assert FunctionMetric(median_error).higher_is_better is None
    with pytest.raises(ValueError, match="median_error takes no sample_weight"):
        FunctionMetric(median_error).update([1.0], [2.0], [1.0])
    with pytest.raises(TypeError, match="the function median_error cannot be stored"):
        FunctionMetric(median_error).config()


def takes_keyword(y_true, y_pred, *, sample_weight=None):
    return 0.0


def takes_any(*arrays):
    return 0.0


def takes_third(y_true, y_pred, w):
    return 0.0


def takes_default(y_true, y_pred, beta=1.0):
    return 0.0


@pytest.mark.parametrize(
    "function, weights",
    [
        (median_error, False),
        (weighted_error, True),
        (takes_keyword, True),
        (takes_third, True),
        (takes_default, False),
        (takes_any, False),
    ],
)
def test_how_a_function_takes_weights(function, weights):
    assert FunctionMetric(function).takes_weights is weights


def test_functions_of_other_arguments_are_refused():
    def one(y_true):
        return 0.0

    def four(y_true, y_pred, sample_weight, beta):
        return 0.0

    def keyword(y_true, y_pred, *, beta):
        return 0.0

    for function in (one, four, keyword):
        with pytest.raises(TypeError, match=f"{function.__name__} must take"):
            fnn.Trainer(network(1, "linear"), "mse", metrics=[function])
    with pytest.raises(TypeError, match="function must be callable"):
        FunctionMetric(3)
    with pytest.raises(TypeError, match="higher_is_better must be True, False or None"):
        FunctionMetric(median_error, higher_is_better="yes")


# ---- the loop -----------------------------------------------------------------------------------


def test_logs_within_an_epoch_leave_out_whole_metrics():
    x, score, _ = rows_for(1)
    logs = []
    trainer = fnn.Trainer(network(1, "sigmoid"), "bce", metrics=["auc", "accuracy", "f1"])
    trainer.on("batch_end", lambda event: logs.append(dict(event.logs)), every=3)
    history = trainer.fit(x, score > 0, batch_size=100, verbose=0)
    assert [list(entry) for entry in logs] == 2 * [["loss", "accuracy", "f1"]]
    assert list(history) == ["loss", "auc", "accuracy", "f1"]


def test_metrics_of_one_name_are_refused():
    model = network(1, "sigmoid")
    with pytest.raises(ValueError, match="'precision' is named twice; if they differ, give one"):
        fnn.Trainer(model, "bce", metrics=["precision", Precision(threshold=0.9)])
    both = ["precision", Precision(threshold=0.9, name="sure")]
    assert [m.name for m in fnn.Trainer(model, "bce", metrics=both).metrics] == [
        "precision",
        "sure",
    ]
    with pytest.raises(ValueError, match="a confusion matrix is not one number"):
        fnn.Trainer(model, "bce", metrics=[metrics.confusion_matrix])


def test_two_trainers_may_share_a_metric():
    x, score, _ = rows_for(1)
    auc = AUC()
    auc.update([0, 1], [0.1, 0.9])
    logs = [
        fnn.Trainer(network(1, "sigmoid", seed=seed), "bce", metrics=[auc]).evaluate(x, score > 0)
        for seed in (1, 2)
    ]
    assert logs[0]["auc"] != logs[1]["auc"]
    assert auc.result() == 1.0  # its own sums are its own


def test_an_epoch_of_no_weight_has_no_metrics():
    x, score, _ = rows_for(1)
    trainer = fnn.Trainer(network(1, "sigmoid"), "bce", metrics=["auc", "f1", weighted_error])
    logs = trainer.evaluate([(x, score > 0, np.zeros(ROWS))])
    assert all(math.isnan(value) for value in logs.values())


def test_steps_with_metrics_allocate_nothing():
    x, score, weight = rows_for(1)
    trainer = fnn.Trainer(network(1, "sigmoid"), "bce", metrics=["auc", "f1", AUC("PR", bins=50)])
    counts = []
    trainer.on("batch_end", lambda event: counts.append(_core.allocations()))
    trainer.fit(x, score > 0, sample_weight=weight, batch_size=50, epochs=3, verbose=0)
    assert len(counts) == 42
    assert len(set(counts)) == 1


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize("name", ["answers", "labels"])
def test_a_run_goes_on_with_what_another_kept(name, weighted):
    trainer, x, y, weight, measured = task(name)
    where = [metric.collects for metric in trainer.metrics].index(True)
    want = list(expected(trainer, x, y, weight if weighted else None, measured).values())[where]
    rows = trainer._task.check("test", x, y, weight if weighted else None, finite=True)
    first, second = (trainer._run(100, training=False) for _ in range(2))
    for run in (first, second):
        run.bind(*rows, None, 100, False)
        run.begin()
        nothing = len(run.sums())
    first.advance(3)
    sums = first.sums()
    kept = sums[nothing:]
    assert [len(array) for array in kept] == [300] * (3 if weighted else 2)
    second.go_on(3, sums)
    second.advance(7)
    assert second.metrics()[where] == pytest.approx(want, rel=1e-12)
    second.begin()
    assert len(second.sums()) == nothing
    for wrong in (
        [kept[0], kept[1].astype(np.int16), *kept[2:]],
        [kept[0][:, :0], *kept[1:]],
        [kept[0], kept[1][:5], *kept[2:]],
    ):
        with pytest.raises(ValueError, match="rows of another run"):
            second.go_on(3, [*sums[:nothing], *wrong])
    plain = fnn.Trainer(trainer.model, trainer.loss)._run(100, training=False)
    with pytest.raises(ValueError, match="sums of other metrics"):
        plain.go_on(3, sums)


def test_fit_many_takes_them_all():
    x, score, _ = rows_for(1)
    trainers = [
        fnn.Trainer(network(1, "sigmoid", seed=seed), "bce", metrics=["auc", "f1", weighted_error])
        for seed in range(3)
    ]
    fits = fnn.fit_many(trainers, x, score > 0, epochs=2, verbose=0)
    alone = fnn.Trainer(network(1, "sigmoid", seed=2), "bce", metrics=["auc", "f1"])
    history = alone.fit(x, score > 0, epochs=2, verbose=0)
    assert fits.histories[2]["auc"] == history["auc"]
    best = [entry.scores["auc"] for entry in fits.leaderboard(by="auc")]
    assert best == sorted(best, reverse=True)


def test_config_of_a_stored_run_names_them():
    found = metrics.get({"kind": "auc", "curve": "PR", "bins": 100}, loss_name="bce", outputs=1)
    assert repr(found) == "AUC(curve='PR', bins=100)"


@pytest.mark.parametrize(
    "name, match",
    [
        ("sparse_top_k_categorical_accuracy", "how many are the top k"),
        ("top_k", "how many are the top k"),
        ("fbeta", r"which beta\? Give fastnn.metrics.FBeta"),
        ("confusion_matrix", "is no single number; after the fit call"),
    ],
)
def test_names_that_do_not_say_enough(name, match):
    model = fnn.Sequential([fnn.Input(2), fnn.Dense(3, "softmax")])
    with pytest.raises(ValueError, match=match):
        fnn.Trainer(model, "scce", metrics=[name])


def test_names_of_classes_are_no_targets():
    model = fnn.Sequential([fnn.Input(2), fnn.Dense(3, "softmax")])
    trainer = fnn.Trainer(model, "scce")
    for names in (["a", "b"], np.array(["a", "b"]), np.array(["a", "b"], object)):
        with pytest.raises(TypeError, match=r"y holds names of classes; want .* 0 \.\. 2"):
            trainer.fit(np.ones((2, 2)), names, verbose=0)
