"""Metrics: streamed in uneven batches, merged and as functions, against scikit-learn and twins."""

from __future__ import annotations

import math
import pickle

import numpy as np
import pytest
from sklearn import metrics as sk

from each import each
from fastnn import metrics
from fastnn._core import MetricState
from fastnn.metrics import (
    AUC,
    F1,
    R2,
    BalancedAccuracy,
    BinaryAccuracy,
    CategoricalAccuracy,
    ExplainedVariance,
    FBeta,
    LogLoss,
    MatthewsCorrcoef,
    MaxError,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanPinballLoss,
    MeanSquaredError,
    Metric,
    Precision,
    Recall,
    RootMeanSquaredError,
    SparseCategoricalAccuracy,
    Specificity,
    TopK,
)
from guard import guarded
from reference import metric as twin

COLUMNS, ONE_HOT, LABELS = range(3)  # fnn_targets_t
BATCHES = (1, 32, 1, 7, 0, 100, 2)  # uneven, one of them empty
ROWS = sum(BATCHES)

# Sums of some hundred products in float64, here and there in another order.
EXACT = 1e-12


def numbers(cols, rows=ROWS):
    rng = np.random.default_rng([1, cols])
    y = rng.normal(5, 2, (rows, cols))
    return y, y + rng.normal(0, 0.7, y.shape), rng.integers(0, 5, rows) / 4.0


def answers(cols, rows=ROWS):
    rng = np.random.default_rng([2, cols])
    y = rng.integers(0, 2, (rows, cols)).astype(float)
    p = np.clip(np.round((y + rng.normal(0.3, 0.7, y.shape)) / 1.6, 2), 0, 1)  # with ties
    return y, p, rng.integers(0, 5, rows) / 4.0


def classes(cols, rows=ROWS):
    """Labels, probabilities and weights."""
    rng = np.random.default_rng([3, cols])
    y = rng.integers(0, cols, rows).astype(np.int32)
    z = rng.integers(0, 6, (rows, cols)) / 2 + 1.5 * np.eye(cols)[y]
    p = np.exp(z)
    return y, p / p.sum(axis=1, keepdims=True), rng.integers(0, 5, rows) / 4.0


def hot_classes(cols, rows=ROWS):
    y, p, weight = classes(cols, rows)
    return np.eye(cols)[y], p, weight


def labels_of(y):
    return y if y.ndim == 1 else y.argmax(axis=1)


def of_answers(function, **more):
    return lambda y, p, w: function(y.squeeze(), p.squeeze() > 0.5, sample_weight=w, **more)


def of_classes(function, **more):
    return lambda y, p, w: function(labels_of(y), p.argmax(axis=1), sample_weight=w, **more)


def plain(function, **more):
    return lambda y, p, w: function(y, p, sample_weight=w, **more)


# id -> metric, targets, columns, data, oracle
CASES = {}
for cols in (1, 2, 5):
    for metric, function in (
        (MeanAbsoluteError(), plain(sk.mean_absolute_error)),
        (MeanSquaredError(), plain(sk.mean_squared_error)),
        (RootMeanSquaredError(), plain(sk.root_mean_squared_error)),
        (R2(), plain(sk.r2_score)),
        (ExplainedVariance(), plain(sk.explained_variance_score)),
        (MeanAbsolutePercentageError(), plain(sk.mean_absolute_percentage_error)),
        (MeanPinballLoss(), plain(sk.mean_pinball_loss)),
        (MeanPinballLoss(0.9, name="pinball_90"), plain(sk.mean_pinball_loss, alpha=0.9)),
        (MaxError(), twin.max_error),
    ):
        CASES[f"{metric.name}-{cols}"] = metric, COLUMNS, cols, numbers, function
for name, targets, cols, data in (
    ("binary", COLUMNS, 1, answers),
    ("multilabel", COLUMNS, 3, answers),
    ("labels", LABELS, 4, classes),
    ("two_labels", LABELS, 2, classes),
    ("one_hot", ONE_HOT, 3, hot_classes),
):
    decided = of_answers if targets == COLUMNS else of_classes
    for average in ("binary", "micro", "macro", "weighted"):
        if average == "binary" and name not in ("binary", "two_labels"):
            continue
        for metric, function, more in (
            (Precision(average=average), sk.precision_score, {}),
            (Recall(average=average), sk.recall_score, {}),
            (F1(average=average), sk.f1_score, {}),
            (FBeta(2, average=average), sk.fbeta_score, {"beta": 2}),
            (Specificity(average=average), twin.specificity, {}),
        ):
            oracle = decided(function, average=average, **more)
            CASES[f"{metric.name}-{name}"] = metric, targets, cols, data, oracle
    for metric, function in (
        (BalancedAccuracy(), sk.balanced_accuracy_score),
        (MatthewsCorrcoef(), sk.matthews_corrcoef),
    ):
        if name != "multilabel":
            CASES[f"{metric.name}-{name}"] = metric, targets, cols, data, decided(function)
    if targets == COLUMNS:
        CASES[f"accuracy-{name}"] = BinaryAccuracy(), COLUMNS, cols, data, twin.binary_accuracy
    for curve, function in (("ROC", twin.roc_auc), ("PR", twin.average_precision)):
        for average in ("micro", "macro", "weighted"):
            metric = AUC(curve, bins=20, average=average)
            oracle = twin.binned(function, 20, average)
            CASES[f"{metric.name}_bins-{name}"] = metric, targets, cols, data, oracle
    CASES[f"log_loss-{name}"] = LogLoss(), targets, cols, data, twin.log_loss
CASES["accuracy-labels"] = SparseCategoricalAccuracy(), LABELS, 4, classes, twin.sparse_accuracy
CASES["accuracy-one_hot"] = (
    CategoricalAccuracy(),
    ONE_HOT,
    3,
    hot_classes,
    twin.categorical_accuracy,
)
for k in (1, 2, 4):
    CASES[f"top_{k}-labels"] = TopK(k), LABELS, 4, classes, twin.top_k(k)
CASES["top_2-one_hot"] = TopK(2), ONE_HOT, 3, hot_classes, twin.top_k(2)


def streamed(metric, targets, y, p, weight, batches=BATCHES):
    state = metric.state(targets, p.shape[1])
    start = 0
    for rows in batches:
        part = slice(start, start + rows)
        state.update(p[part], y[part], None if weight is None else weight[part])
        start += rows
    assert start == len(p)
    return state.result()


def cast(dtype, *arrays):
    return [a if a is None or a.dtype == np.int32 else a.astype(dtype) for a in arrays]


@each("weighted", [False, True])
@pytest.mark.parametrize("case", CASES)
def test_streamed_metric_matches_reference(dtype, case, weighted):
    metric, targets, cols, data, oracle = CASES[case]
    y, p, weight = cast(dtype, *data(cols))
    weight = weight if weighted else None
    # What float32 holds is exact in float64, where the reference computes; only log_loss asks.
    exact = np.float64 if metric.name != "log_loss" else dtype
    want = oracle(*cast(exact, y, p, weight))
    assert streamed(metric, targets, y, p, weight) == pytest.approx(want, rel=EXACT)
    assert streamed(metric, targets, y, p, weight, [1] * len(p)) == pytest.approx(want, rel=EXACT)


def merged(metric, targets, y, p, weight, shards):
    """The result of `shards` states of some batches each, added one to the other."""
    total = metric.state(targets, p.shape[1])
    for rows in np.array_split(np.arange(len(p)), shards):
        state = metric.state(targets, p.shape[1])
        for part in np.array_split(rows, 3):
            state.update(p[part], y[part], None if weight is None else weight[part])
        before = state.result()
        total.merge(state)
        assert state.result() == before or math.isnan(before)
    return total.result()


@each("weighted", [False, True])
@each("shards", [1, 2, 7, ROWS + 3])  # the last three have seen nothing
@pytest.mark.parametrize("case", CASES)
def test_merged_states_have_seen_what_both_saw(case, shards, weighted):
    metric, targets, cols, data, oracle = CASES[case]
    y, p, weight = data(cols)
    weight[:20] = 0  # a shard of many has rows, but no weight
    weight = weight if weighted else None
    want = oracle(y, p, weight)
    assert merged(metric, targets, y, p, weight, shards) == pytest.approx(want, rel=EXACT)
    assert streamed(metric, targets, y, p, weight) == pytest.approx(want, rel=EXACT)


@pytest.mark.parametrize("case", CASES)
def test_state_is_nan_before_any_weight_and_after_reset(case):
    metric, targets, cols, data, _ = CASES[case]
    y, p, _ = data(cols)
    state = metric.state(targets, cols)
    assert math.isnan(state.result())
    state.update(p, y, np.zeros(len(p)))
    assert math.isnan(state.result())
    state.update(p, y)
    first = state.result()
    assert not math.isnan(first)
    state.update(p[:5], y[:5])
    state.reset()
    assert math.isnan(state.result())
    state.update(p, y)
    assert state.result() == first


@pytest.mark.parametrize("case", CASES)
def test_row_of_weight_zero_counts_for_nothing(case):
    metric, targets, cols, data, oracle = CASES[case]
    y, p, _ = data(cols)
    weight = np.ones(len(p))
    weight[[0, 40]] = 0  # the first row too, whose y would be r2's origin
    keep = weight != 0
    p[~keep] = np.nan
    if targets != LABELS:
        y[~keep] = np.nan
    want = oracle(y[keep], p[keep], None)
    assert streamed(metric, targets, y, p, weight) == pytest.approx(want, rel=EXACT)


@each("before", [False, True])
@pytest.mark.parametrize("case", CASES)
def test_update_stays_inside_its_arrays(dtype, case, before):
    metric, targets, cols, data, _ = CASES[case]
    y, p, weight = cast(dtype, *data(cols, rows=3))
    weight[:] = 1
    walled = [guarded(a, before=before) for a in (y, p, weight)]
    got = streamed(metric, targets, *walled, batches=[3])
    np.testing.assert_equal(got, streamed(metric, targets, y, p, weight, batches=[3]))


@pytest.mark.parametrize("case", CASES)
def test_nan_in_gives_nan_or_is_no_answer(case):
    """An error of NaN is NaN; a NaN is above no threshold and in the lowest bin."""
    metric, targets, cols, data, _ = CASES[case]
    y, p, _ = data(cols)
    p[70] = np.nan
    got = [streamed(metric, targets, y, p, None), merged(metric, targets, y, p, None, 5)]
    is_error = metric.kind in range(8) or isinstance(metric, LogLoss)
    assert [math.isnan(value) for value in got] == [is_error] * 2


# ---- moments ------------------------------------------------------------------------------------

SPREADS = {"r2": (R2(), sk.r2_score), "ev": (ExplainedVariance(), sk.explained_variance_score)}


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize("origin", [0.0, 1e8, -1e8])
@pytest.mark.parametrize("name", SPREADS)
def test_spreads_keep_their_digits_with_a_huge_mean(name, origin, weighted):
    metric, function = SPREADS[name]
    rng = np.random.default_rng(5)
    y = origin + rng.standard_normal((ROWS, 2))
    p = y + 0.3 * rng.standard_normal(y.shape)
    weight = rng.random(len(y)) if weighted else None
    want = function(y, p, sample_weight=weight)
    assert streamed(metric, COLUMNS, y, p, weight) == pytest.approx(want, rel=EXACT)
    assert streamed(metric, COLUMNS, y, p, weight, [1] * ROWS) == pytest.approx(want, rel=EXACT)


@pytest.mark.parametrize("batches", [[6], [1] * 6, [2, 1, 3]])
def test_constant_column_follows_scikit_learn(batches):
    y = np.full((6, 1), 0.1)  # whose mean, summed naively, is not 0.1
    missed = y.copy()
    missed[2] = 0.5
    varied = np.arange(6.0)[:, None]
    both = np.hstack([y, varied]), np.hstack([missed, varied])
    for metric, function in SPREADS.values():
        assert streamed(metric, COLUMNS, y, y, None, batches) == function(y, y) == 1.0
        assert streamed(metric, COLUMNS, y, missed, None, batches) == 0.0
        assert streamed(metric, COLUMNS, *both, None, batches) == 0.5  # (0 + 1) / 2
    assert streamed(ExplainedVariance(), COLUMNS, y, y + 1, None, batches) == 1.0
    assert streamed(R2(), COLUMNS, y, y + 1, None, batches) == 0.0


def test_r2_of_fewer_than_two_rows_is_nan():
    assert math.isnan(metrics.r2_score([1.0], [1.0]))
    assert metrics.explained_variance_score([1.0], [2.0]) == 1.0
    state = R2().state(COLUMNS, 1)
    row = np.ones((1, 1))
    state.update(row, row)
    assert math.isnan(state.result())
    state.update(row, row)
    assert state.result() == 1.0


def test_merged_spreads_far_from_zero_lose_no_digits():
    """Shards whose first values, the origins, lie apart; sums of squares would cancel."""
    rng = np.random.default_rng(5)
    near = rng.normal(0, 1, (ROWS, 2))
    y = near + np.linspace(0, 50, ROWS)[:, None]
    p = y + rng.normal(0, 0.3, y.shape)
    # Moving both by 2**40 keeps 12 bits behind the point: compare with the values so rounded.
    far = 2.0**40
    moved = y + far, p + far
    for metric, function in SPREADS.values():
        want = function(moved[0] - far, moved[1] - far)
        assert merged(metric, COLUMNS, *moved, None, 7) == pytest.approx(want, rel=EXACT)


def test_merged_r2_of_a_constant_column():
    y = np.full((30, 1), 0.1)
    p = y.copy()
    p[17] += 1
    assert merged(R2(), COLUMNS, y, y, None, 4) == 1.0
    assert merged(R2(), COLUMNS, y, p, None, 4) == 0.0  # by scikit-learn's rule: no spread


def test_merged_r2_counts_rows_without_weight():
    states = [R2().state(COLUMNS, 1) for _ in range(2)]
    row = np.ones((1, 1))
    states[0].update(row, row)
    states[1].update(row, row, np.zeros(1))
    states[0].merge(states[1])
    assert states[0].result() == 1.0  # two rows, one of them of weight zero


# ---- states -------------------------------------------------------------------------------------


def test_states_of_different_metrics_do_not_merge():
    state = Precision().state(COLUMNS, 1)
    for other in (
        Recall().state(COLUMNS, 1),
        Precision(threshold=0.4).state(COLUMNS, 1),
        Precision(average="macro").state(COLUMNS, 2),
    ):
        with pytest.raises(ValueError, match=r"MetricState.merge: got settings .* columns, want"):
            state.merge(other)


@pytest.mark.parametrize(
    "settings, cols",
    [
        ((-1, 0, 0, 0, 0.5, 0.0), 1),
        ((99, 0, 0, 0, 0.5, 0.0), 1),
        ((0, 3, 0, 0, 0.5, 0.0), 1),
        ((0, 0, 4, 0, 0.5, 0.0), 1),
        ((0, 0, 0, 0, 0.5, 0.0), 0),
        ((0, 2, 0, 0, 0.5, 0.0), 3),  # an absolute error of labels
        ((8, 2, 0, 0, 0.5, 0.0), 1),  # labels of one class
        ((9, 0, 0, 2, 0.5, 0.0), 3),  # top-k of answers
        ((9, 2, 0, 0, 0.5, 0.0), 3),  # top-0
        ((11, 2, 0, 3, 0.5, 0.0), 3),  # class 3 of 3
        ((15, 0, 0, 0, 0.5, 0.0), 2),  # balanced accuracy of two questions
        ((17, 0, 2, 1, 0.5, 0.0), 1),  # one bin
        ((17, 0, 0, 20, 0.5, 0.0), 1),  # an area of one class
    ],
)
def test_unsound_settings_are_refused(settings, cols):
    with pytest.raises(ValueError, match=r"MetricState: "):
        MetricState(settings, cols)


def test_states_refuse_labels_out_of_range():
    state = Precision(average="macro").state(LABELS, 3)
    p = np.full((2, 3), 1 / 3)
    for wrong in ([0, 3], [-1, 0]):
        wrong = np.array(wrong, np.int32)
        with pytest.raises(ValueError, match="y must lie within 0 and 2"):
            state.update(p, wrong)
        with pytest.raises(ValueError, match="predicted must lie within 0 and 2"):
            state.update_classes(wrong, np.zeros(2, np.int32))
    with pytest.raises(ValueError, match="do not count labels"):
        MeanAbsoluteError().state(COLUMNS, 1).update_classes(*[np.zeros(2, np.int32)] * 2)


# ---- functions ----------------------------------------------------------------------------------

FUNCTIONS = {
    "mean_absolute_error": (numbers, sk.mean_absolute_error),
    "mean_squared_error": (numbers, sk.mean_squared_error),
    "root_mean_squared_error": (numbers, sk.root_mean_squared_error),
    "r2_score": (numbers, sk.r2_score),
    "explained_variance_score": (numbers, sk.explained_variance_score),
    "mean_absolute_percentage_error": (numbers, sk.mean_absolute_percentage_error),
    "mean_pinball_loss": (numbers, sk.mean_pinball_loss),
    "max_error": (numbers, lambda y, p, sample_weight: twin.max_error(y, p, sample_weight)),
    "binary_accuracy": (
        answers,
        lambda y, p, sample_weight: twin.binary_accuracy(y, p, sample_weight),
    ),
}


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize("cols", [1, 3])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_function_matches_reference(name, cols, weighted):
    data, reference = FUNCTIONS[name]
    y, p, weight = data(cols)
    weight = weight if weighted else None
    function, want = getattr(metrics, name), reference(y, p, sample_weight=weight)
    assert type(function(y, p, weight)) is float
    assert function(y, p, weight) == pytest.approx(want, rel=EXACT)
    lists = y.tolist(), p.tolist(), None if weight is None else weight.tolist()
    assert function(*lists) == function(y, p, weight)
    if cols == 1:
        assert function(y.ravel(), p) == function(y, p.ravel()) == function(y, p)
    strided = np.repeat(p, 2, axis=1)[:, ::2]
    assert function(y, strided, sample_weight=weight) == function(y, p, weight)
    assert function(y.astype(">f8"), np.asfortranarray(p), weight) == function(y, p, weight)


COUNTED = {
    "precision_score": (sk.precision_score, {}),
    "recall_score": (sk.recall_score, {}),
    "f1_score": (sk.f1_score, {}),
    "fbeta_score": (sk.fbeta_score, {"beta": 0.5}),
    "specificity_score": (twin.specificity, {}),
}


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize("average", ["binary", "micro", "macro", "weighted"])
@pytest.mark.parametrize("name", COUNTED)
@pytest.mark.filterwarnings("ignore:Recall is ill-defined")
def test_counted_scores_match_scikit_learn(name, average, weighted):
    reference, more = COUNTED[name]
    score = getattr(metrics, name)

    def check(y, given, decided, weight):
        weight = weight if weighted else None
        want = reference(y, decided, sample_weight=weight, average=average, **more)
        got = score(y, given, weight, average=average, **more)
        assert type(got) is float
        assert got == pytest.approx(want, rel=EXACT)

    y, p, weight = answers(1)
    y, p = y[:, 0].astype(int), p[:, 0]
    check(y, p, p > 0.5, weight)  # probabilities
    check(y, (p > 0.5).astype(int), p > 0.5, weight)  # labels, as scikit-learn
    check(2 * y - 1, np.where(p > 0.5, 1, -1), np.where(p > 0.5, 1, -1), weight)
    assert score(y, p, average=average, threshold=0.3, **more) == pytest.approx(
        reference(y, p > 0.3, average=average, **more), rel=EXACT
    )
    if average == "binary":
        return
    y, p, weight = classes(5)
    y[y == 3] = 1  # no rows of class 3, but predictions
    p[:, 4] = 0
    y[y == 4] = 0  # neither
    check(y, p, p.argmax(axis=1), weight)
    check(y, p.argmax(axis=1), p.argmax(axis=1), weight)
    check(7 * y - 10, 7 * p.argmax(axis=1) - 10, 7 * p.argmax(axis=1) - 10, weight)
    y, p, weight = answers(4)
    y[:, 1] = 0  # a column without positives counts all the same
    check(y.astype(int), p, p > 0.5, weight)


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize(
    "name, reference",
    [
        ("balanced_accuracy_score", sk.balanced_accuracy_score),
        ("matthews_corrcoef", sk.matthews_corrcoef),
    ],
)
@pytest.mark.filterwarnings("ignore:y_pred contains classes not in y_true")
def test_scores_of_classes_match_scikit_learn(name, reference, weighted):
    score = getattr(metrics, name)
    y, p, weight = answers(1)
    y, p = y[:, 0].astype(int), p[:, 0]
    weight = weight if weighted else None
    want = pytest.approx(reference(y, p > 0.5, sample_weight=weight), rel=EXACT)
    assert score(y, p, weight) == want
    assert score(y, (p > 0.5).astype(int), weight) == want
    y, p, weight = classes(5)
    weight = weight if weighted else None
    y[y == 3] = 1
    want = pytest.approx(reference(y, p.argmax(axis=1), sample_weight=weight), rel=EXACT)
    assert score(y, p, weight) == want
    assert score(np.eye(5)[y], p, weight) == want
    assert score(y + 3, p.argmax(axis=1) + 3, weight) == want


def test_share_of_a_target_of_zero_follows_scikit_learn():
    y, p = [0.0, 1.0, -1e-20], [0.5, 1.0, 1.0]
    want = pytest.approx(sk.mean_absolute_percentage_error(y, p), rel=EXACT)
    assert metrics.mean_absolute_percentage_error(y, p) == want


def test_undefined_scores_follow_scikit_learn():
    zeros, ones = [0, 0, 0], [1, 1, 1]
    assert metrics.precision_score(ones, zeros) == 0.0
    assert metrics.recall_score(zeros, ones) == 0.0
    assert metrics.f1_score(zeros, zeros) == 0.0
    assert metrics.specificity_score(ones, ones) == 0.0
    assert metrics.matthews_corrcoef(ones, [0, 1, 1]) == 0.0
    assert metrics.matthews_corrcoef([0, 1, 1], ones) == 0.0
    assert metrics.balanced_accuracy_score(ones, [0, 1, 1]) == pytest.approx(2 / 3)
    assert metrics.f1_score(ones, ones, average="macro") == 1.0  # class 0 does not occur
    assert metrics.precision_score([[0, 1], [0, 1]], [[0, 1], [0, 1]], average="macro") == 0.5
    assert metrics.precision_score([[0, 0]], [[0, 0]], average="weighted") == 0.0
    assert metrics.matthews_corrcoef([5, 5, 5], [5, 5, 5]) == 0.0


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize("k", [1, 2, 3])
def test_top_k_matches_scikit_learn(k, weighted):
    y, p, weight = classes(5)
    weight = weight if weighted else None
    assert (np.diff(np.sort(p)) == 0).any()  # ties decide too
    want = sk.top_k_accuracy_score(y, p, k=k, sample_weight=weight)
    assert metrics.top_k_accuracy_score(y, p, weight, k=k) == pytest.approx(want, rel=EXACT)
    assert metrics.top_k_accuracy_score(np.eye(5)[y], p, weight, k=k) == pytest.approx(want)
    assert metrics.top_k_accuracy_score(y, p, k=7) == 1.0


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_log_loss_matches_scikit_learn(kind, weighted):
    exact = EXACT if kind == np.float64 else 1e-6
    y, p, weight = answers(1)
    y, p, weight = y[:, 0].astype(int), p[:, 0].astype(kind), weight if weighted else None
    assert p.min() == 0  # kept within eps and 1 - eps
    assert p.max() == 1
    want = sk.log_loss(y, p, sample_weight=weight)
    assert metrics.log_loss(y, p, weight) == pytest.approx(want, rel=exact)
    y, p, weight = classes(4)
    p[:7] = np.eye(4)[:1]
    p, weight = p.astype(kind), weight if weighted else None
    want = sk.log_loss(y, p, sample_weight=weight)
    assert metrics.log_loss(y, p, weight) == pytest.approx(want, rel=exact)
    assert metrics.log_loss(np.eye(4)[y], p, weight) == pytest.approx(want, rel=exact)


def test_log_loss_of_shares():
    assert metrics.log_loss([0.25], [0.25]) == pytest.approx(
        -0.25 * math.log(0.25) - 0.75 * math.log(0.75), rel=EXACT
    )
    assert metrics.log_loss([[0.5, 0.5]], [[0.25, 0.75]]) == pytest.approx(
        -0.5 * math.log(0.25) - 0.5 * math.log(0.75), rel=EXACT
    )


# ---- areas --------------------------------------------------------------------------------------

AREAS = {
    "roc": (metrics.roc_auc_score, sk.roc_auc_score, twin.roc_auc),
    "pr": (metrics.average_precision_score, sk.average_precision_score, twin.average_precision),
}


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize("area", AREAS)
def test_exact_area_matches_scikit_learn(area, weighted):
    ours, theirs, pairwise = AREAS[area]
    y, p, weight = answers(1)
    weight = weight if weighted else None
    want = theirs(y[:, 0], p[:, 0], sample_weight=weight)
    assert type(ours(y, p, weight)) is float
    assert ours(y, p, weight) == pytest.approx(want, rel=EXACT)
    assert ours(2 * y - 1, p - 3, weight) == pytest.approx(want, rel=EXACT)
    assert pairwise(y[:, 0], p[:, 0], weight) == pytest.approx(want, rel=EXACT)
    both = np.hstack([1 - p, p])  # two classes are the question whether it is the second
    assert ours(y[:, 0].astype(int), both, weight) == pytest.approx(want, rel=EXACT)


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize("average", ["micro", "macro", "weighted"])
@pytest.mark.parametrize("area", AREAS)
def test_exact_areas_of_several_match_scikit_learn(area, average, weighted):
    ours, theirs, _ = AREAS[area]
    y, p, weight = answers(4)
    weight = weight if weighted else None
    want = theirs(y, p, average=average, sample_weight=weight)
    assert ours(y, p, weight, average=average) == pytest.approx(want, rel=EXACT)
    y, p, weight = classes(4)
    weight = weight if weighted else None
    more = {"multi_class": "ovr"} if area == "roc" else {}
    want = theirs(y, p, average=average, sample_weight=weight, **more)
    assert ours(y, p, weight, average=average) == pytest.approx(want, rel=EXACT)


@pytest.mark.parametrize("average", ["macro", "weighted"])
def test_area_of_pairs_matches_scikit_learn(average):
    y, p, _ = classes(4)
    want = sk.roc_auc_score(y, p, multi_class="ovo", average=average)
    got = metrics.roc_auc_score(y, p, multi_class="ovo", average=average)
    assert got == pytest.approx(want, rel=EXACT)


@pytest.mark.parametrize("bins", [None, 10])
def test_undefined_areas_follow_scikit_learn(bins):
    def roc(y, **more):
        return metrics.roc_auc_score(y, p, bins=bins, **more)

    def pr(y, **more):
        return metrics.average_precision_score(y, p, bins=bins, **more)

    p = [0.2, 0.7, 0.4]
    assert math.isnan(roc([0, 0, 0]))
    assert math.isnan(roc([1, 1, 1]))
    assert pr([0, 0, 0]) == 0.0
    assert pr([1, 1, 1]) == 1.0
    p = [[0.2, 0.5], [0.7, 0.4], [0.3, 0.1]]
    lacking = [[0, 1], [0, 0], [0, 0]]
    assert math.isnan(roc(lacking))
    assert roc(lacking, average="weighted") == 1.0  # the first column weighs nothing
    assert roc([[0, 0]] * 3, average="weighted") == 0.0
    assert pr(lacking) == 0.5
    p = [[0.2, 0.5, 0.3], [0.7, 0.2, 0.1], [0.3, 0.1, 0.6]]
    assert math.isnan(roc([0, 1, 1]))  # no rows of class 2


@pytest.mark.parametrize("bins", [2, 50, 5000])
def test_binned_area_is_within_its_bound(bins):
    rng = np.random.default_rng(bins)
    y = rng.integers(0, 2, 3000)
    p = 1 / (1 + np.exp(-(y + rng.standard_normal(3000))))
    place = np.minimum((p * bins).astype(int), bins - 1)
    share = sum(np.mean(place[y == 0] == b) * np.mean(place[y == 1] == b) for b in np.unique(place))
    error = metrics.roc_auc_score(y, p, bins=bins) - metrics.roc_auc_score(y, p)
    assert 0 < abs(error) <= share / 2
    assert (
        abs(metrics.average_precision_score(y, p, bins=5000) - sk.average_precision_score(y, p))
        < 1e-3
    )


def test_scores_at_the_ends_of_the_bins():
    assert metrics.roc_auc_score([0, 1, 0, 1], [0.0, 1.0, 0.0, 1.0], bins=2) == 1.0
    assert metrics.roc_auc_score([0, 1], [0.49, 0.5], bins=2) == 1.0
    state = AUC(bins=8).state(COLUMNS, 1)  # a network's outputs may lie anywhere
    state.update(np.array([[-0.3], [-1e300], [1.7], [1e300]]), np.array([[0.0], [0], [1], [1]]))
    assert state.result() == 1.0
    with pytest.raises(ValueError, match="with bins y_pred must lie within 0 and 1"):
        metrics.roc_auc_score([0, 1], [0.0, 1.5], bins=2)


# ---- the confusion matrix -----------------------------------------------------------------------


@pytest.mark.parametrize("normalize", [None, "true", "pred", "all"])
@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
def test_confusion_matrix_matches_scikit_learn(normalize, weighted):
    y, p, weight = classes(5)
    y[y == 3] = 1
    guess = p.argmax(axis=1)
    weight = weight if weighted else None
    for more in ({}, {"labels": [4, 0, 2]}, {"labels": [7, 1]}):
        want = sk.confusion_matrix(y, guess, sample_weight=weight, normalize=normalize, **more)
        for targets, given in ((y, guess), (y, p), (np.eye(5)[y], p), (y[:, None], guess)):
            got = metrics.confusion_matrix(targets, given, weight, normalize=normalize, **more)
            assert got.dtype == want.dtype
            np.testing.assert_allclose(got, want, rtol=EXACT)


def test_confusion_matrix_of_probabilities_and_labels():
    np.testing.assert_array_equal(
        metrics.confusion_matrix([0, 1, 1], [0.2, 0.7, 0.4]), [[1, 0], [1, 1]]
    )
    np.testing.assert_array_equal(
        metrics.confusion_matrix([0, 1, 1], [0.2, 0.7, 0.4], threshold=0.3), [[1, 0], [0, 2]]
    )
    np.testing.assert_array_equal(metrics.confusion_matrix([-5, 9], [9, 9]), [[0, 1], [0, 1]])
    got = metrics.confusion_matrix([0, 1], [1, 1], sample_weight=[2, 3])
    assert got.dtype == np.int64
    with pytest.raises(ValueError, match="labels holds one of them twice"):
        metrics.confusion_matrix([0, 1], [1, 1], labels=[0, 0])
    with pytest.raises(ValueError, match="unknown normalize 'rows'"):
        metrics.confusion_matrix([0, 1], [1, 1], normalize="rows")
    with pytest.raises(ValueError, match="y_true has 3 rows, y_pred has 2"):
        metrics.confusion_matrix([0, 1, 1], [1, 1])
    with pytest.raises(ValueError, match="y_true must be whole numbers of shape"):
        metrics.confusion_matrix([[0, 1], [1, 0]], [1, 1])


def test_confusion_matrix_by_batches():
    y, p, weight = classes(4)
    whole, half, other = (metrics.ConfusionMatrix(4) for _ in range(3))
    whole.update(y, p, weight)
    half.update(y[:9], p[:9], weight[:9])
    other.update(y[9:], p[9:].argmax(axis=1), weight[9:])
    half.merge(other)
    np.testing.assert_array_equal(half.result(), whole.result())
    np.testing.assert_allclose(whole.result(), metrics.confusion_matrix(y, p, weight))
    whole.reset()
    assert not whole.result().any()
    with pytest.raises(ValueError, match=r"labels must lie within 0 and 3, got 0 to 4"):
        whole.update([0, 4], [1, 1])
    with pytest.raises(ValueError, match=r"ConfusionMatrix.merge: got 3 classes, want 4"):
        whole.merge(metrics.ConfusionMatrix(3))
    with pytest.raises(ValueError, match="ConfusionMatrix: classes must be"):
        metrics.ConfusionMatrix(1)


# ---- alone --------------------------------------------------------------------------------------

ALONE = {
    "mean_absolute_error": (MeanAbsoluteError, numbers, 2),
    "r2_score": (R2, numbers, 1),
    "max_error": (MaxError, numbers, 1),
    "accuracy": (metrics.Accuracy, classes, 3),
    "precision_score": (lambda: Precision(average="macro"), classes, 3),
    "matthews_corrcoef": (MatthewsCorrcoef, answers, 1),
    "log_loss": (LogLoss, classes, 3),
    "roc_auc_score": (AUC, answers, 2),
    "average_precision_score": (lambda: AUC("PR"), classes, 4),
    "top_k_accuracy_score": (lambda: TopK(2), hot_classes, 4),
}


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize("name", ALONE)
def test_metric_alone_is_its_function(name, weighted):
    make, data, cols = ALONE[name]
    y, p, weight = data(cols)
    more = {"average": "macro"} if name == "precision_score" else {}
    want = getattr(metrics, name)(y, p, weight if weighted else None, **more)
    metric, other = make(), make()
    assert math.isnan(metric.result())
    for part in (slice(0, 1), slice(1, 50)):
        metric.update(y[part], p[part], weight[part] if weighted else None)
    metric.result()  # does not end the stream
    other.update(y[50:], p[50:], weight[50:] if weighted else None)
    metric.merge(other)
    assert metric.result() == pytest.approx(want, rel=EXACT)
    metric.reset()
    assert math.isnan(metric.result())
    metric.merge(other)
    assert metric.result() == other.result()


def test_metric_alone_refuses_what_does_not_go_on():
    accuracy = metrics.Accuracy()
    accuracy.update([0, 1], [0.2, 0.7])
    with pytest.raises(ValueError, match="got labels and 2 columns of y_pred after numbers and 1"):
        accuracy.update([0, 1], [[0.2, 0.8], [0.4, 0.6]])
    with pytest.raises(ValueError, match=r"Accuracy\.update: y_true is \(3, 1\)"):
        accuracy.update([0, 1, 0], [0.2, 0.8])
    assert accuracy.result() == 1.0  # as before
    with pytest.raises(TypeError, match=r"Accuracy\.merge: want a Accuracy, got"):
        accuracy.merge(Precision())
    with pytest.raises(ValueError, match="has other settings than"):
        accuracy.merge(metrics.Accuracy(threshold=0.3))
    other = metrics.Accuracy()
    other.update([0, 1], [[0.2, 0.8], [0.4, 0.6]])
    with pytest.raises(ValueError, match="has seen 2 columns"):
        accuracy.merge(other)
    accuracy.update([0], [0.9], [0.0])  # one batch may weigh nothing
    assert accuracy.result() == 1.0
    binary = Precision()
    with pytest.raises(ValueError, match="average='binary' is for two classes, got 3 classes"):
        binary.update([0], [[0.1, 0.2, 0.7]])


# ---- accuracies ---------------------------------------------------------------------------------


def test_accuracy_ties_take_the_first_largest():
    tied = [[0.4, 0.4, 0.2], [0.2, 0.4, 0.4], [0.3, 0.3, 0.3]]
    assert metrics.sparse_categorical_accuracy([0, 1, 0], tied) == 1.0
    assert metrics.sparse_categorical_accuracy([1, 2, 2], tied) == 0.0
    assert metrics.categorical_accuracy([[1, 1, 0], [0, 1, 1], [1, 1, 1]], tied) == 1.0
    assert metrics.categorical_accuracy([[0, 1, 0], [0, 0, 1], [0, 0, 1]], tied) == 0.0


def test_thresholds_count_as_below():
    assert metrics.binary_accuracy([0, 1], [0.5, 0.5]) == 0.5
    assert metrics.binary_accuracy([0.5, 0.5], [0.4, 0.6]) == 0.5
    assert metrics.binary_accuracy([[0, 1], [1, 0]], [[0.1, 0.9], [0.2, 0.3]]) == 0.75
    assert metrics.recall_score([1, 1], [0.7, 0.8], threshold=0.7) == 0.5
    third = np.full((1, 1), 0.3, np.float32)  # the threshold is rounded as the outputs are
    state = Recall(threshold=0.3).state(COLUMNS, 1)
    state.update(third, np.ones_like(third))
    assert state.result() == 0.0


def test_accuracy_goes_by_the_shapes():
    p = np.array([[0.1, 0.7, 0.2], [0.8, 0.1, 0.1]])
    for labels in ([1, 2], [[1], [2]], [1.0, 2.0], np.array([1, 2], np.uint8)):
        assert metrics.accuracy(labels, p) == 0.5
    assert metrics.accuracy([[0, 1, 0], [0, 0, 1]], p) == 0.5
    assert metrics.accuracy([True, False], [0.7, 0.6]) == 0.5
    assert metrics.accuracy([[1], [0]], [0.7, 0.6], sample_weight=[3, 1]) == 0.75


# ---- errors -------------------------------------------------------------------------------------

NAMED = [
    name
    for name in metrics.__all__
    if name.islower() and name not in ("get", "higher_is_better", "accuracy")
]
OF_LABELS = {"sparse_categorical_accuracy", "top_k_accuracy_score", "log_loss"}


@pytest.mark.parametrize("name", NAMED)
@pytest.mark.parametrize(
    "change, error, words",
    [
        ({"y_pred": [[0.1, 0.9]] * 3}, ValueError, "y_true"),
        ({"y_pred": []}, ValueError, "y_pred is empty"),
        ({"y_pred": np.zeros((0, 2))}, ValueError, "y_pred is empty"),
        ({"y_true": []}, ValueError, "y_true is empty"),
        ({"y_pred": [[0.1, np.nan]] * 2}, ValueError, "y_pred holds NaN or Inf"),
        ({"y_true": [[0.1, -np.inf]] * 2}, ValueError, "y_true holds NaN or Inf"),
        ({"y_pred": None}, TypeError, "y_pred must hold real numbers, got NoneType"),
        ({"y_pred": [["a", "b"]] * 2}, TypeError, "y_pred must hold real numbers"),
        ({"y_pred": [[1j, 2]] * 2}, TypeError, "y_pred must hold real numbers"),
        ({"y_pred": [[1, 2], [3]]}, ValueError, "y_pred is not a rectangular array"),
        ({"y_pred": np.ma.masked_less(np.ones((2, 2)), 0)}, TypeError, "y_pred is a masked array"),
        ({"y_pred": np.zeros((2, 2, 2))}, ValueError, r"y_pred must be \(n,\) or \(n, k\)"),
        ({"y_pred": 3.0}, ValueError, r"y_pred must be \(n,\) or \(n, k\)"),
        ({"sample_weight": [1.0]}, ValueError, r"sample_weight must be \(2,\), one a row"),
        ({"sample_weight": [1.0, -1.0]}, ValueError, "sample_weight must not be negative"),
        ({"sample_weight": [0.0, 0.0]}, ValueError, "sample_weight is 0 in every row"),
        ({"sample_weight": [np.nan, 1]}, ValueError, "sample_weight holds NaN or Inf"),
    ],
)
def test_bad_input_is_named(name, change, error, words):
    sparse = name == "sparse_categorical_accuracy"
    given = {"y_true": [0, 1] if sparse else [[0, 1], [1, 0]], "y_pred": [[0.4, 0.6]] * 2}
    more = {"beta": 1} if name == "fbeta_score" else {}
    if name in COUNTED:
        more["average"] = "macro"
    with pytest.raises(error, match=f"^{name}: .*{words}"):
        getattr(metrics, name)(**(given | change), **more)


def test_bad_targets_of_accuracies_are_named():
    p = [[0.2, 0.8], [0.6, 0.4]]
    for labels, words in (
        ([0, 2], "must lie within 0 and 1 for 2 columns of y_pred, got 2"),
        ([-1, 0], "must lie within 0 and 1 for 2 columns of y_pred, got -1"),
        ([0.5, 1], "must be whole numbers, got 0.5"),
        ([[0, 1], [1, 0]], r"must be labels of shape \(n,\) or \(n, 1\), got \(2, 2\)"),
        ([0, 1, 1], "y_true has 3 rows, y_pred has 2"),
    ):
        with pytest.raises(ValueError, match=words):
            metrics.sparse_categorical_accuracy(labels, p)
    with pytest.raises(ValueError, match=r"must lie within 0 and 1, got 2\.0; for labels of"):
        metrics.accuracy([0, 1, 2], [0, 2, 2])
    with pytest.raises(ValueError, match="must have 2 columns or more"):
        metrics.categorical_accuracy([[1.0]], [[1.0]])


@pytest.mark.parametrize(
    "call, words",
    [
        (
            lambda: metrics.f1_score([0, 1, 2], [0, 1, 1]),
            "f1_score: average='binary' is for labels",
        ),
        (lambda: metrics.f1_score([0, 1], [[0.1, 0.2, 0.7]] * 2), "two classes, got 3 classes"),
        (lambda: metrics.f1_score([[0, 1]], [[0.1, 0.2]]), "got 2 columns of answers"),
        (lambda: metrics.f1_score([0, 1], [0, 1], average="mean"), "unknown average 'mean'"),
        (lambda: metrics.f1_score([0, 0.5], [0.2, 0.3]), "y_true must be 0 or 1, got 0.5"),
        (lambda: metrics.f1_score([2, 0], [0.2, 0.3]), "y_true must be 0 or 1, got 2"),
        (lambda: metrics.roc_auc_score([2, 0], [0.2, 0.3]), "y_true must be 0 or 1, got 2"),
        (lambda: metrics.roc_auc_score([0], [0.2], average="binary"), "unknown average 'binary'"),
        (lambda: metrics.roc_auc_score([0], [0.2], multi_class="raise"), "unknown multi_class"),
        (
            lambda: metrics.roc_auc_score([0], [0.2], bins=1),
            "bins must be an integer of at least 2",
        ),
        (
            lambda: metrics.roc_auc_score([0, 1], [0.2, 0.1], multi_class="ovo"),
            "'ovo' is for classes, not for 1 column of answers",
        ),
        (
            lambda: metrics.roc_auc_score([0], [[0.2, 0.1, 0.7]], [2.0], multi_class="ovo"),
            "sample_weight does not go with multi_class='ovo'",
        ),
        (
            lambda: metrics.roc_auc_score([0], [[0.2, 0.8]], multi_class="ovo", average="micro"),
            "multi_class='ovo' is for the exact area",
        ),
        (lambda: metrics.log_loss([0], [1.5]), "must be probabilities within 0 and 1, got 1.5"),
        (lambda: metrics.log_loss([[-1, 2]], [[0.5, 0.5]]), "y_true must not be negative"),
        (lambda: metrics.top_k_accuracy_score([0], [[0.5, 0.5]], k=0), "k must be an integer"),
        (
            lambda: metrics.top_k_accuracy_score([0], [0.5]),
            "y_pred must have a column for each class",
        ),
        (lambda: metrics.mean_pinball_loss([0], [0.5], alpha=2), "alpha must lie within 0 and 1"),
        (lambda: metrics.fbeta_score([0], [0.5], beta=0), "beta must be a finite number, above 0"),
        (
            lambda: metrics.matthews_corrcoef([0], [[0.5, 0.5]], threshold=0.3),
            "threshold is for one output",
        ),
    ],
)
def test_bad_settings_are_named(call, words):
    with pytest.raises(ValueError, match=words):
        call()


# ---- specs --------------------------------------------------------------------------------------

REGRESSION = [
    "mean_absolute_error",
    "max_error",
    "r2_score",
    "explained_variance",
    "binary_accuracy",
]
FROM_LOSS = {"loss_name": "mean_squared_error", "outputs": 1}


@pytest.mark.parametrize(
    "given, long",
    [
        ("mae", "mean_absolute_error"),
        ("mse", "mean_squared_error"),
        ("rmse", "root_mean_squared_error"),
        ("mape", "mean_absolute_percentage_error"),
        ("r2", "r2_score"),
        ("explained_variance_score", "explained_variance"),
        ("binary_accuracy", "binary_accuracy"),
        ("roc_auc", "auc"),
        ("auc_weighted", "auc_weighted"),
        ("pr_auc", "average_precision"),
        ("f1_score", "f1"),
        ("f1_macro", "f1_macro"),
        ("sensitivity", "recall"),
        ("mcc", "matthews_corrcoef"),
        ("log_loss", "log_loss"),
        (metrics.roc_auc_score, "auc"),
        (metrics.average_precision_score, "average_precision"),
        (metrics.mean_absolute_error, "mean_absolute_error"),
        ({"kind": "precision", "threshold": 0.9}, "precision"),
        (FBeta(0.5), "f0.5"),
    ],
)
def test_get_takes_names_functions_configs_and_specs(given, long):
    spec = metrics.get(given, **FROM_LOSS)
    assert isinstance(spec, Metric)
    assert spec.name == long
    assert metrics.get(spec, **FROM_LOSS) is spec
    with pytest.raises(AttributeError, match="frozen"):
        spec.name = "other"


def test_every_metric_has_its_name_config_and_direction():
    for tag, member in Metric.table.items():
        needed = {"top_k_accuracy": {"k": 5}, "fbeta": {"beta": 2}}.get(tag, {})
        spec = member(**needed)
        assert metrics.higher_is_better(spec.name) is spec.higher_is_better is not None
        assert metrics.higher_is_better(f"val_{spec.name}") is spec.higher_is_better
        again = Metric.from_config(spec.config())
        assert type(again) is member
        assert again.config() == spec.config()
        assert repr(pickle.loads(pickle.dumps(spec))) == repr(spec)
        named = member(**needed, name="mine")
        assert named.name == "mine"
        assert "name='mine'" in repr(named)
    for name, want in {
        "loss": False,
        "val_loss": False,
        "held_out_loss": False,
        "price_loss": False,
        "held_out_r2_score": True,
        "f1_macro": True,
        "f0.5_weighted": True,
        "top_10_accuracy": True,
        "auc_ovo": True,
        "auc_ovo_weighted": True,
        "average_precision_micro": True,
        "specificity_micro": True,
        "mae": False,
        "profit": None,
        "": None,
    }.items():
        assert metrics.higher_is_better(name) is want, name


def test_pickle_leaves_the_sums_behind():
    error = MeanAbsoluteError()
    error.update([1.0], [2.0])
    assert math.isnan(pickle.loads(pickle.dumps(error)).result())


@pytest.mark.parametrize("given", ["accuracy", "acc", metrics.accuracy])
@pytest.mark.parametrize(
    "loss_name, outputs, targets",
    [
        ("binary_crossentropy", 1, COLUMNS),
        ("binary_crossentropy", 4, COLUMNS),
        ("categorical_crossentropy", 3, ONE_HOT),
        ("sparse_categorical_crossentropy", 3, LABELS),
        ("kl_divergence", 3, ONE_HOT),
        ("mean_squared_error", 1, COLUMNS),
        ("mean_squared_error", 3, ONE_HOT),
    ],
)
def test_get_resolves_accuracy_by_the_loss(given, loss_name, outputs, targets):
    spec = metrics.get(given, loss_name=loss_name, outputs=outputs)
    assert spec.name == "accuracy"
    assert spec.bind(loss_name, outputs) == (8, targets, 0, 0, 0.5, 0.0)


@pytest.mark.parametrize("loss_name", ["hinge", "squared_hinge", "soft_margin"])
def test_scores_of_margin_losses_have_their_threshold_at_zero(loss_name):
    for given in ("accuracy", "binary_accuracy", "f1", "recall", "mcc"):
        assert metrics.get(given, loss_name=loss_name, outputs=1).bind(loss_name, 1)[4] == 0.0
    assert Precision(threshold=0.2).bind(loss_name, 1)[4] == 0.2
    for given in ("log_loss", AUC(bins=20)):
        with pytest.raises(ValueError, match="wants probabilities, but the outputs"):
            metrics.get(given, loss_name=loss_name, outputs=1)
    metrics.get("auc", loss_name=loss_name, outputs=1)
    with pytest.raises(ValueError, match="log_loss wants probabilities"):
        metrics.get("log_loss", loss_name="categorical_hinge", outputs=3)


@pytest.mark.parametrize("name", [*REGRESSION, "categorical_accuracy"])
def test_get_refuses_metrics_that_cannot_read_labels(name):
    with pytest.raises(ValueError, match=f"{name} needs targets of the shape of the outputs"):
        metrics.get(name, loss_name="sparse_categorical_crossentropy", outputs=3)


@pytest.mark.parametrize(
    "given, loss_name, outputs, words",
    [
        (
            "sparse_categorical_accuracy",
            "huber",
            3,
            "sparse_categorical_accuracy needs class labels",
        ),
        ("categorical_accuracy", "huber", 1, "needs 2 or more, got 1; for one output use"),
        ("precision", "sparse_categorical_crossentropy", 5, "metrics: precision: average='binary'"),
        ("f1", "binary_crossentropy", 3, "got 3 columns of answers; choose average='macro'"),
        (Recall(threshold=0.4), "categorical_crossentropy", 2, "threshold is for one output"),
        ("mcc", "binary_crossentropy", 3, "wants a class for each row, got 3 columns"),
        ("top_2_accuracy", "binary_crossentropy", 1, "wants classes"),
        ("top_k_accuracy", "huber", 3, "how many are the top k"),
        ("top_0_accuracy", "huber", 3, "k must be an integer of at least 1"),
        (AUC(multi_class="ovo"), "binary_crossentropy", 1, "'ovo' is for classes"),
        (metrics.confusion_matrix, "huber", 3, "a confusion matrix is not one number"),
        (metrics.ConfusionMatrix(2), "huber", 3, "a confusion matrix is not one number"),
        (metrics.ConfusionMatrix, "huber", 3, "a confusion matrix is not one number"),
        (metrics.fbeta_score, "huber", 1, "needs its beta"),
        ("mean_absolute_eror", "huber", 1, "unknown metric .*did you mean 'mean_absolute_error'"),
        ("zzz", "huber", 1, "unknown metric 'zzz'"),
        (lambda y, p: 0.0, "huber", 1, "has no name for the result"),
    ],
)
def test_get_refuses_what_does_not_fit(given, loss_name, outputs, words):
    with pytest.raises(ValueError, match=words):
        metrics.get(given, loss_name=loss_name, outputs=outputs)


def test_get_refuses_what_is_no_metric():
    for wrong, words in (
        (None, "a metric must be a name, a function or a Metric, got None"),
        (3, "a metric must be a name"),
        (Precision, r"must not be a class, .*give an object, Precision\(\.\.\.\)"),
        (max, "cannot tell which arguments max takes"),
        (abs, "must take"),
    ):
        with pytest.raises(TypeError, match=words):
            metrics.get(wrong, **FROM_LOSS)
    with pytest.raises(TypeError, match="name must be a string"):
        Precision(name=3)
