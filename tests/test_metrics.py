"""Metrics: streamed in uneven batches and as functions, against scikit-learn and the twins."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn import metrics as sk

from fastnn import metrics
from fastnn._core import MetricState
from guard import guarded
from reference import metric as twin

REGRESSION = {
    "mean_absolute_error": sk.mean_absolute_error,
    "mean_squared_error": sk.mean_squared_error,
    "root_mean_squared_error": sk.root_mean_squared_error,
    "r2_score": sk.r2_score,
}
ACCURACY = {
    "binary_accuracy": twin.binary_accuracy,
    "categorical_accuracy": twin.categorical_accuracy,
    "sparse_categorical_accuracy": twin.sparse_accuracy,
}
KINDS = {  # fnn_metric_t
    "mean_absolute_error": 0,
    "mean_squared_error": 1,
    "root_mean_squared_error": 2,
    "r2_score": 3,
    "binary_accuracy": 4,
    "categorical_accuracy": 5,
    "sparse_categorical_accuracy": 6,
}
BATCHES = (1, 32, 1, 7, 0, 100, 2)  # uneven, one of them empty
ROWS = sum(BATCHES)

# Sums of some hundred products in float64, here and there in another order.
EXACT = 1e-12


def problem(name, cols, rows=ROWS):
    rng = np.random.default_rng([KINDS[name], cols])
    weight = rng.integers(0, 5, rows) / 4.0
    p = rng.random((rows, cols))
    if name == "sparse_categorical_accuracy":
        return rng.integers(0, cols, rows).astype(np.int32), p, weight
    if name == "categorical_accuracy":
        return np.eye(cols)[rng.integers(0, cols, rows)], p, weight
    if name == "binary_accuracy":
        return rng.integers(0, 2, (rows, cols)).astype(float), p, weight
    y = rng.normal(5, 2, (rows, cols))
    return y, y + rng.normal(0, 0.7, y.shape), weight


def expected(name, y, p, weight):
    if name in REGRESSION:
        return REGRESSION[name](y, p, sample_weight=weight)
    return ACCURACY[name](y, p, weight)


def streamed(name, y, p, weight, batches=BATCHES):
    state = MetricState(KINDS[name], p.shape[1])
    start = 0
    for rows in batches:
        part = slice(start, start + rows)
        state.update(p[part], y[part], None if weight is None else weight[part])
        start += rows
    assert start == len(p)
    return state.result()


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize("cols", [1, 2, 5])
@pytest.mark.parametrize("name", KINDS)
def test_streamed_metric_matches_reference(dtype, name, cols, weighted):
    y, p, weight = problem(name, cols)
    weight = weight if weighted else None
    if dtype is np.float32:  # exact in float64, where the reference computes
        y = y if y.dtype == np.int32 else y.astype(dtype)
        p, weight = p.astype(dtype), None if weight is None else weight.astype(dtype)
    want = expected(
        name,
        y if y.dtype == np.int32 else y.astype(np.float64),
        p.astype(np.float64),
        None if weight is None else weight.astype(np.float64),
    )
    assert streamed(name, y, p, weight) == pytest.approx(want, rel=EXACT)
    assert streamed(name, y, p, weight, [1] * len(p)) == pytest.approx(want, rel=EXACT)


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize("cols", [1, 3])
@pytest.mark.parametrize("name", KINDS)
def test_function_matches_reference(name, cols, weighted):
    if name == "categorical_accuracy" and cols == 1:
        cols = 2  # one column is refused
    y, p, weight = problem(name, cols)
    weight = weight if weighted else None
    function, want = getattr(metrics, name), expected(name, y, p, weight)
    assert type(function(y, p, weight)) is float
    assert function(y, p, weight) == pytest.approx(want, rel=EXACT)
    lists = y.tolist(), p.tolist(), None if weight is None else weight.tolist()
    assert function(*lists) == function(y, p, weight)
    if cols == 1 and name != "sparse_categorical_accuracy":
        assert function(y.ravel(), p) == function(y, p.ravel()) == function(y, p)
    strided = np.repeat(p, 2, axis=1)[:, ::2]
    assert function(y, strided, sample_weight=weight) == function(y, p, weight)
    assert function(y.astype(">f8"), np.asfortranarray(p), weight) == function(y, p, weight)


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize("origin", [0.0, 1e8, -1e8])
def test_r2_keeps_its_digits_with_a_huge_mean(origin, weighted):
    rng = np.random.default_rng(5)
    y = origin + rng.standard_normal((ROWS, 2))
    p = y + 0.3 * rng.standard_normal(y.shape)
    weight = rng.random(len(y)) if weighted else None
    want = sk.r2_score(y, p, sample_weight=weight)
    assert streamed("r2_score", y, p, weight) == pytest.approx(want, rel=EXACT)
    assert streamed("r2_score", y, p, weight, [1] * len(y)) == pytest.approx(want, rel=EXACT)


@pytest.mark.parametrize("batches", [[6], [1] * 6, [2, 1, 3]])
def test_r2_of_a_constant_column_follows_scikit_learn(batches):
    y = np.full((6, 1), 0.1)  # whose mean, summed naively, is not 0.1
    missed = y.copy()
    missed[2] = 0.5
    assert streamed("r2_score", y, y, None, batches) == sk.r2_score(y, y) == 1.0
    assert streamed("r2_score", y, missed, None, batches) == 0.0
    varied = np.arange(6.0)[:, None]
    both = np.hstack([y, varied]), np.hstack([missed, varied])
    assert streamed("r2_score", *both, None, batches) == 0.5  # (0 + 1) / 2


def test_r2_of_fewer_than_two_rows_is_nan():
    assert math.isnan(metrics.r2_score([1.0], [1.0]))
    state = MetricState(KINDS["r2_score"], 1)
    row = np.ones((1, 1))
    state.update(row, row)
    assert math.isnan(state.result())
    state.update(row, row)
    assert state.result() == 1.0


@pytest.mark.parametrize("name", KINDS)
def test_state_is_nan_before_any_weight_and_after_reset(name):
    y, p, _ = problem(name, 2)
    state = MetricState(KINDS[name], 2)
    assert math.isnan(state.result())
    state.update(p, y, np.zeros(len(p)))
    assert math.isnan(state.result())
    state.update(p, y)
    first = state.result()
    assert not math.isnan(first)
    state.reset()
    assert math.isnan(state.result())
    state.update(p, y)
    assert state.result() == first


@pytest.mark.parametrize("name", KINDS)
def test_result_does_not_end_the_stream(name):
    y, p, weight = problem(name, 3)
    state = MetricState(KINDS[name], 3)
    state.update(p[:50], y[:50], weight[:50])
    state.result()
    state.update(p[50:], y[50:], weight[50:])
    assert state.result() == pytest.approx(expected(name, y, p, weight), rel=EXACT)


def merged(name, y, p, weight, shards):
    """The result of `shards` states of some batches each, added one to the other."""
    total = MetricState(KINDS[name], p.shape[1])
    for rows in np.array_split(np.arange(len(p)), shards):
        state = MetricState(KINDS[name], p.shape[1])
        for part in np.array_split(rows, 3):
            state.update(p[part], y[part], None if weight is None else weight[part])
        before = state.result()
        total.merge(state)
        assert state.result() == before or math.isnan(before)
    return total.result()


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize("shards", [1, 2, 7, ROWS + 3])  # the last three have seen nothing
@pytest.mark.parametrize("cols", [1, 3])
@pytest.mark.parametrize("name", KINDS)
def test_merged_states_have_seen_what_both_saw(name, cols, shards, weighted):
    y, p, weight = problem(name, cols)
    weight[:20] = 0  # a shard of many has rows, but no weight
    weight = weight if weighted else None
    want = expected(name, y, p, weight)
    assert merged(name, y, p, weight, shards) == pytest.approx(want, rel=EXACT)
    assert streamed(name, y, p, weight) == pytest.approx(want, rel=EXACT)


def test_merged_r2_far_from_zero_loses_no_digits():
    """Shards whose first values, the origins, lie apart; sums of squares would cancel."""
    rng = np.random.default_rng(5)
    near = rng.normal(0, 1, (ROWS, 2))
    y = near + np.linspace(0, 50, ROWS)[:, None]
    p = y + rng.normal(0, 0.3, y.shape)
    # Moving both by 2**40 keeps 12 bits behind the point: compare with the values so rounded.
    far = 2.0**40
    moved = y + far, p + far
    want = sk.r2_score(moved[0] - far, moved[1] - far)
    assert merged("r2_score", *moved, None, 7) == pytest.approx(want, rel=EXACT)


def test_merged_r2_of_a_constant_column():
    y = np.full((30, 1), 0.1)
    p = y.copy()
    p[17] += 1
    assert merged("r2_score", y, y, None, 4) == 1.0
    assert merged("r2_score", y, p, None, 4) == 0.0  # by scikit-learn's rule: no spread


def test_merged_r2_counts_rows_without_weight():
    name = "r2_score"
    states = [MetricState(KINDS[name], 1) for _ in range(2)]
    row = np.ones((1, 1))
    states[0].update(row, row)
    states[1].update(row, row, np.zeros(1))
    states[0].merge(states[1])
    assert states[0].result() == 1.0  # two rows, one of them of weight zero


def test_states_of_different_metrics_do_not_merge():
    for other in (MetricState(1, 2), MetricState(0, 3)):
        with pytest.raises(ValueError, match=r"MetricState.merge: got kind \d of \d columns"):
            MetricState(0, 2).merge(other)


@pytest.mark.parametrize("name", KINDS)
def test_row_of_weight_zero_counts_for_nothing(name):
    y, p, _ = problem(name, 3)
    weight = np.ones(len(p))
    weight[[0, 40]] = 0  # the first row too, whose y would be r2's origin
    keep = weight != 0
    p[~keep] = np.nan
    if name != "sparse_categorical_accuracy":
        y[~keep] = np.nan
    want = expected(name, y[keep], p[keep], None)
    assert streamed(name, y, p, weight) == pytest.approx(want, rel=EXACT)


@pytest.mark.parametrize("before", [False, True])
@pytest.mark.parametrize("name", KINDS)
def test_update_stays_inside_its_arrays(dtype, name, before):
    y, p, weight = problem(name, 5, rows=3)
    y = y if y.dtype == np.int32 else y.astype(dtype)
    p, weight = p.astype(dtype), np.ones(3, dtype)
    walled = [guarded(a, before=before) for a in (y, p, weight)]
    assert streamed(name, *walled, batches=[3]) == streamed(name, y, p, weight, batches=[3])


def test_accuracy_ties_take_the_first_largest():
    tied = [[0.4, 0.4, 0.2], [0.2, 0.4, 0.4], [0.3, 0.3, 0.3]]
    assert metrics.sparse_categorical_accuracy([0, 1, 0], tied) == 1.0
    assert metrics.sparse_categorical_accuracy([1, 2, 2], tied) == 0.0
    assert metrics.categorical_accuracy([[1, 1, 0], [0, 1, 1], [1, 1, 1]], tied) == 1.0
    assert metrics.categorical_accuracy([[0, 1, 0], [0, 0, 1], [0, 0, 1]], tied) == 0.0


def test_binary_accuracy_counts_one_half_as_below():
    assert metrics.binary_accuracy([0, 1], [0.5, 0.5]) == 0.5
    assert metrics.binary_accuracy([0.5, 0.5], [0.4, 0.6]) == 0.5
    assert metrics.binary_accuracy([[0, 1], [1, 0]], [[0.1, 0.9], [0.2, 0.3]]) == 0.75


def test_accuracy_goes_by_the_shapes():
    p = np.array([[0.1, 0.7, 0.2], [0.8, 0.1, 0.1]])
    for labels in ([1, 2], [[1], [2]], [1.0, 2.0], np.array([1, 2], np.uint8)):
        assert metrics.accuracy(labels, p) == 0.5
    assert metrics.accuracy([[0, 1, 0], [0, 0, 1]], p) == 0.5
    assert metrics.accuracy([True, False], [0.7, 0.6]) == 0.5
    assert metrics.accuracy([[1], [0]], [0.7, 0.6], sample_weight=[3, 1]) == 0.75


@pytest.mark.parametrize("name", KINDS)
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
    with pytest.raises(error, match=f"^{name}: .*{words}"):
        getattr(metrics, name)(**(given | change))


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
    "given, long",
    [
        ("mae", "mean_absolute_error"),
        ("mse", "mean_squared_error"),
        ("rmse", "root_mean_squared_error"),
        ("r2", "r2_score"),
        ("binary_accuracy", "binary_accuracy"),
    ],
)
def test_get_takes_names_functions_and_specs(given, long):
    settings = {"loss_name": "mean_squared_error", "outputs": 1}
    spec = metrics.get(given, **settings)
    assert (spec.name, spec.kind) == (long, KINDS[long])
    for same in (long, getattr(metrics, long), spec):
        assert metrics.get(same, **settings) == spec
    with pytest.raises(AttributeError):
        spec.kind = 3


@pytest.mark.parametrize("given", ["accuracy", "acc", metrics.accuracy])
@pytest.mark.parametrize(
    "loss_name, outputs, kind",
    [
        ("binary_crossentropy", 1, "binary_accuracy"),
        ("binary_crossentropy", 4, "binary_accuracy"),
        ("categorical_crossentropy", 3, "categorical_accuracy"),
        ("sparse_categorical_crossentropy", 3, "sparse_categorical_accuracy"),
        ("mean_squared_error", 1, "binary_accuracy"),
        ("mean_squared_error", 3, "categorical_accuracy"),
    ],
)
def test_get_resolves_accuracy_by_the_loss(given, loss_name, outputs, kind):
    spec = metrics.get(given, loss_name=loss_name, outputs=outputs)
    assert (spec.name, spec.kind) == ("accuracy", KINDS[kind])


@pytest.mark.parametrize("name", [n for n in KINDS if n != "sparse_categorical_accuracy"])
def test_get_refuses_metrics_that_cannot_read_labels(name):
    with pytest.raises(ValueError, match=f"{name} needs targets of the shape of the outputs"):
        metrics.get(name, loss_name="sparse_categorical_crossentropy", outputs=3)


def test_get_refuses_what_does_not_fit():
    with pytest.raises(ValueError, match="sparse_categorical_accuracy needs class labels"):
        metrics.get("sparse_categorical_accuracy", loss_name="mean_squared_error", outputs=3)
    with pytest.raises(ValueError, match="needs 2 or more, got 1; for one output use"):
        metrics.get("categorical_accuracy", loss_name="mean_squared_error", outputs=1)
    wrong = metrics.Metric("r2_score", KINDS["r2_score"])
    with pytest.raises(ValueError, match="r2_score needs targets"):
        metrics.get(wrong, loss_name="sparse_categorical_crossentropy", outputs=3)


def test_get_suggests_the_nearest_name():
    settings = {"loss_name": "mean_squared_error", "outputs": 1}
    with pytest.raises(ValueError, match=r"unknown metric .*did you mean 'mean_absolute_error'"):
        metrics.get("mean_absolute_eror", **settings)
    with pytest.raises(ValueError, match="unknown metric 'zzz'"):
        metrics.get("zzz", **settings)
    for wrong in (None, 3, max, sk.r2_score, np.mean):
        with pytest.raises(TypeError, match="a metric must be a name, a function"):
            metrics.get(wrong, **settings)
