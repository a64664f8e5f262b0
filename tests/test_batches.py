"""Batches, and the intake of arrays that the model and the trainer share."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.sparse import eye_array

from fastnn import data
from fastnn.data import as_rows, as_targets, as_weights, batches, check_finite

NATIVE = [
    np.bool_,
    *(np.int8, np.int16, np.int32, np.int64),
    *(np.uint8, np.uint16, np.uint32, np.uint64),
    *(np.float16, np.float32, np.float64),
]


def misaligned(array):
    raw = bytearray(array.nbytes + 1)
    view = np.ndarray(array.shape, array.dtype, buffer=raw, offset=1)
    view[...] = array
    assert not view.flags.aligned or array.itemsize == 1
    return view


LAYOUTS = {
    "C": np.ascontiguousarray,
    "Fortran": np.asfortranarray,
    "strided": lambda a: np.repeat(np.repeat(a, 2, axis=0), 3, axis=1)[::2, ::3],
    "reversed": lambda a: a[::-1, ::-1].copy()[::-1, ::-1],
    "misaligned": misaligned,
}


# ---- arrays -------------------------------------------------------------------------------------


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", NATIVE)
def test_as_rows_does_not_copy_what_the_gather_reads(dtype, layout):
    source = LAYOUTS[layout](np.arange(12).reshape(4, 3).astype(dtype))
    source.flags.writeable = False
    rows = as_rows(source, where="f", name="x", columns=3)
    assert np.shares_memory(rows, source)
    assert rows.dtype == dtype
    assert rows.strides == source.strides


@pytest.mark.parametrize("dtype", [t for t in NATIVE if np.dtype(t).itemsize > 1])
def test_as_rows_swaps_foreign_bytes(dtype):
    source = np.arange(12).reshape(4, 3).astype(np.dtype(dtype).newbyteorder("S"))
    rows = as_rows(source, where="f", name="x")
    assert rows.dtype == dtype
    assert rows.dtype.isnative
    np.testing.assert_array_equal(rows, source)


def test_as_rows_rounds_longdouble_to_float64():
    source = np.array([[1, 3]], np.longdouble) / 3
    rows = as_rows(source, where="f", name="x")
    assert rows.dtype == np.float64
    np.testing.assert_array_equal(rows, source.astype(np.float64))
    if np.finfo(np.longdouble).max > np.finfo(np.float64).max:
        huge = as_rows(np.array([[np.finfo(np.longdouble).max]]), where="f", name="x")
        assert np.isinf(huge).all()


class Wrapped:
    """What a data frame or a tensor of another library looks like to NumPy."""

    def __array__(self, dtype=None, copy=None):
        return np.array([[1.0, 2.0]])


@pytest.mark.parametrize(
    "value",
    [[[1, 2]], ((1.0, 2.0),), [np.array([1, 2], np.float32)], Wrapped(), [[True, 2]]],
)
def test_as_rows_takes_nested_sequences_and_array_likes(value):
    np.testing.assert_array_equal(as_rows(value, where="f", name="x"), [[1, 2]])


def test_as_rows_returns_a_plain_array_for_subclasses():
    class Sub(np.ndarray):
        pass

    rows = as_rows(np.ones((2, 2)).view(Sub), where="f", name="x")
    assert type(rows) is np.ndarray


@pytest.mark.parametrize(
    "value, error, words",
    [
        (None, TypeError, "is None"),
        (np.array([[None]]), TypeError, "dtype object"),
        ([[1, None]], TypeError, "a list that NumPy reads as objects"),
        ({1: 2}, TypeError, "a dict that NumPy reads as objects"),
        ([[2**70]], TypeError, "a list that NumPy reads as objects"),
        ([[1j]], TypeError, "dtype complex128"),
        ([["1"]], TypeError, "dtype <U1"),
        (np.array([[b"1"]]), TypeError, "dtype |S1"),
        (np.array([["2020-01-01"]], "M8[D]"), TypeError, "dtype datetime64[D]"),
        (np.array([[1]], "m8[s]"), TypeError, "dtype timedelta64[s]"),
        (np.zeros((1, 1), [("a", "f4")]), TypeError, "dtype [('a', '<f4')]"),
        ([[1, 2], [3]], ValueError, "ragged"),
        (np.ma.array([[1.0]], mask=[[True]]), ValueError, "masked array"),
        (np.ma.array([[1.0]]), ValueError, "x.filled(0.0)"),
    ],
)
def test_as_rows_refuses_what_is_no_table_of_numbers(value, error, words):
    with pytest.raises(error) as caught:
        as_rows(value, where="Trainer.fit", name="x")
    assert str(caught.value).startswith("Trainer.fit: x is ")
    assert words in str(caught.value)
    assert "want" in str(caught.value)


def test_as_rows_refuses_sparse_matrices():
    sparse = eye_array(3)
    with pytest.raises(TypeError, match=r"f: x is a sparse .*; want a dense array: x.toarray\(\)"):
        as_rows(sparse, where="f", name="x")


@pytest.mark.parametrize(
    "shape, columns, words",
    [
        ((), None, "has shape (); want (rows, columns)"),
        ((3,), None, "x.reshape(-1, 1) makes one column of it, x[None, :] one row"),
        ((3,), 3, "has shape (3,); want (rows, 3)"),
        ((1, 2, 3), None, "has shape (1, 2, 3); want (rows, columns)"),
        ((2, 3), 4, "has shape (2, 3), 3 columns; want (rows, 4)"),
        ((0, 3), None, "has shape (0, 3); want at least one row and one column"),
        ((3, 0), None, "has shape (3, 0); want at least one row and one column"),
        ((0,), None, "has shape (0,)"),
    ],
)
def test_as_rows_refuses_wrong_shapes(shape, columns, words):
    with pytest.raises(ValueError) as caught:
        as_rows(np.ones(shape), where="f", name="x", columns=columns)
    assert str(caught.value).startswith("f: x has shape ")
    assert words in str(caught.value)


def test_as_rows_takes_one_dimension_as_one_column_where_allowed():
    source = np.arange(3.0)
    rows = as_rows(source, where="f", name="y", columns=1, allow_1d=True)
    assert rows.shape == (3, 1)
    assert np.shares_memory(rows, source)
    with pytest.raises(ValueError, match=r"1 columns; want \(rows, 2\)"):
        as_rows(source, where="f", name="y", columns=2, allow_1d=True)
    with pytest.raises(ValueError, match="at least one row"):
        as_rows([], where="f", name="y", allow_1d=True)


def test_as_rows_refuses_sizes_that_overflow():
    huge = np.broadcast_to(np.float32(1), (2**40, 2**20))  # no memory: strides of zero
    with pytest.raises(ValueError, match=rf"{2**60} elements; want at most {2**59}"):
        as_rows(huge, where="f", name="x")


# ---- finite values ------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("row, column", [(0, 0), (2, 1), (4, 2)])
def test_check_finite_names_the_first_bad_value(dtype, value, row, column):
    table = np.ones((5, 3))
    table[row, column:] = value
    table[row + 1 :] = math.nan
    with pytest.raises(ValueError) as caught:
        check_finite(table, where="f", name="x", dtype=dtype)
    want = f"f: x has {value} at row {row}, column {column}; want finite values"
    assert str(caught.value) == want


def test_check_finite_says_when_the_cast_overflows():
    table = np.array([[1.0, 1e39], [math.nan, 0.0]])
    check_finite(table[:1], where="f", name="x", dtype="float64")
    with pytest.raises(
        ValueError, match=r"x has 1e\+39 at row 0, column 1, which overflows float32"
    ):
        check_finite(table, where="f", name="x", dtype="float32")


def test_check_finite_takes_one_dimension():
    check_finite(np.ones(3), where="f", name="w", dtype="float32")
    with pytest.raises(ValueError, match="w has nan at row 1; want finite"):
        check_finite(np.array([1, math.nan]), where="f", name="w", dtype="float32")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kind", NATIVE)
def test_check_finite_passes_every_finite_number(kind, dtype):
    info = np.iinfo(kind) if np.dtype(kind).kind in "iu" else None
    if kind is np.bool_:
        table = np.array([[False, True]])
    elif info is not None:
        table = np.array([[info.min, info.max]], kind)
    else:
        largest = min(np.finfo(kind).max, np.finfo(dtype).max)
        table = np.array([[-largest, largest]], kind)
    for layout in LAYOUTS.values():
        check_finite(layout(table), where="f", name="x", dtype=dtype)


# ---- targets ------------------------------------------------------------------------------------


@pytest.mark.parametrize("y", [[1, 2, 3], [[1], [2], [3]], np.array([1, 2, 3], np.uint8)])
def test_as_targets_makes_one_column(y):
    targets = as_targets(y, where="f", rows=3, outputs=1)
    np.testing.assert_array_equal(targets, [[1], [2], [3]])


def test_as_targets_keeps_the_width():
    y = np.eye(3)
    assert as_targets(y, where="f", rows=3, outputs=3, dtype="float32") is not None
    np.testing.assert_array_equal(as_targets(y, where="f", rows=3, outputs=3), y)


@pytest.mark.parametrize(
    "y, outputs, words",
    [
        (np.ones(78), 1, "f: x has 3 rows and y 78; want as many of both"),
        (np.ones((2, 1)), 1, "f: x has 3 rows and y 2"),
        (np.float64(1), 1, "f: y has shape (); want 3 rows"),
        (np.ones((3, 2)), 1, "f: y has shape (3, 2), 2 columns; want (rows, 1)"),
        (np.ones(3), 2, "want (3, 2); labels 0 .. 1 need the loss sparse_categorical_crossentropy"),
        (np.ones((3, 1, 1)), 1, "f: y has shape (3, 1, 1); want (rows, 1)"),
    ],
)
def test_as_targets_refuses_wrong_shapes(y, outputs, words):
    with pytest.raises(ValueError) as caught:
        as_targets(y, where="f", rows=3, outputs=outputs)
    assert words in str(caught.value)


def test_as_targets_checks_finite_only_when_told_a_dtype():
    y = [[1.0], [math.nan]]
    assert np.isnan(as_targets(y, where="f", rows=2, outputs=1)[1, 0])
    with pytest.raises(ValueError, match="f: y has nan at row 1, column 0"):
        as_targets(y, where="f", rows=2, outputs=1, dtype="float32")


@pytest.mark.parametrize("kind", NATIVE)
@pytest.mark.parametrize("shape", [(4,), (4, 1)])
def test_as_targets_makes_int32_labels(kind, shape):
    y = np.array([0, 1, 1, 0]).astype(kind).reshape(shape)
    labels = as_targets(y, where="f", rows=4, outputs=2, integer_labels=True)
    assert labels.dtype == np.int32
    assert labels.tolist() == [0, 1, 1, 0]
    assert labels.flags.c_contiguous


@pytest.mark.parametrize(
    "y, words",
    [
        ([0, 3, 7], "f: y[1] is 3; want a label in 0 .. 2, as the network has 3 outputs"),
        ([0, 1, 3], "f: y[2] is 3; want a label in 0 .. 2"),
        ([0, 1, -1], "f: y[2] is -1; want a label in 0 .. 2"),
        (np.array([0, 2**63, 1], np.uint64), "f: y[1] is 9223372036854775808; want a label"),
        ([0.0, 1e300, 1.0], "f: y[1] is 1e+300; want a label"),
        ([0.0, math.inf, 1.0], "f: y[1] is inf; want a label"),
        ([0.5, 1.0, 1.0], "f: y[0] is 0.5; want an integer label"),
        ([0.0, 1.0, math.nan], "f: y[2] is nan; want an integer label"),
        (np.eye(3), "one column a class needs the loss categorical_crossentropy"),
        (np.ones((3, 2)), "f: y has shape (3, 2); want one integer label a row, shape (3,)"),
        ([1, 2], "f: x has 3 rows and y 2"),
    ],
)
def test_as_targets_refuses_wrong_labels(y, words):
    with pytest.raises(ValueError) as caught:
        as_targets(y, where="f", rows=3, outputs=3, integer_labels=True)
    assert words in str(caught.value)


def test_as_targets_refuses_labels_that_are_no_numbers():
    with pytest.raises(TypeError, match="f: y holds names of classes; want their numbers"):
        as_targets(["cat", "dog"], where="f", rows=2, outputs=2, integer_labels=True)


# ---- weights ------------------------------------------------------------------------------------


@pytest.mark.parametrize("weights", [[0, 1, 2], [[0.0], [1.0], [2.0]], np.array([0, 1, 2], "f2")])
def test_as_weights_makes_one_dimension(weights):
    got = as_weights(weights, where="f", rows=3)
    assert got.shape == (3,)
    assert got.tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    "weights, words",
    [
        ([1, 1], "f: x has 3 rows and sample_weight 2"),
        (np.ones((3, 2)), "f: sample_weight has shape (3, 2); want (3,)"),
        (np.float64(1), "f: sample_weight has shape (); want (3,)"),
        ([1, math.nan, 1], "f: sample_weight has nan at row 1"),
        ([1, 1, math.inf], "f: sample_weight has inf at row 2"),
        ([1, -0.5, -1], "f: sample_weight[1] is -0.5; want no negative weight"),
        ([0, 0, 0], "f: sample_weight is zero in all 3 rows"),
        ([1e39, 1, 1], "overflows float32"),
    ],
)
def test_as_weights_refuses(weights, words):
    with pytest.raises(ValueError) as caught:
        as_weights(weights, where="f", rows=3, dtype="float32")
    assert words in str(caught.value)


# ---- batches ------------------------------------------------------------------------------------


def table(rows):
    x = np.arange(2.0 * rows).reshape(rows, 2)
    return x, x.sum(axis=1)


@pytest.mark.parametrize("drop_remainder", [False, True])
@pytest.mark.parametrize("batch_size", [1, 2, 3, 9, 10])
def test_batches_cut_rows_in_order(batch_size, drop_remainder):
    x, y = table(10)
    if drop_remainder:
        whole = 10 // batch_size * batch_size
        x_want, y_want = x[:whole], y[:whole]
    else:
        x_want, y_want = x, y
    stream = batches(x, y, batch_size, drop_remainder=drop_remainder)
    for _ in range(2):  # it can be iterated again
        parts = list(stream)
        assert len(parts) == len(stream)
        assert {len(part) for part, _ in parts[:-1]} <= {batch_size}
        np.testing.assert_array_equal(np.concatenate([part for part, _ in parts]), x_want)
        np.testing.assert_array_equal(np.concatenate([part for _, part in parts]), y_want)
    assert np.shares_memory(parts[0][0], x)


def test_batches_default_size_is_32():
    assert [len(x) for x, _ in batches(*table(70))] == [32, 32, 6]


def test_batches_larger_than_the_table_are_one():
    assert [len(x) for x, _ in batches(*table(3), batch_size=10**30)] == [3]


def test_batches_carry_weights():
    x, y = table(3)
    parts = list(batches(x, y, 2, sample_weight=[1, 0, 2]))
    assert [part[2].tolist() for part in parts] == [[1, 0], [2]]


def test_batches_shuffle_anew_each_epoch_and_keep_rows_together():
    x, y = table(40)
    weight = y + 1
    stream = batches(x, y, 7, sample_weight=weight, shuffle=True, seed=5)
    orders = []
    for _ in range(3):
        parts = [np.concatenate(part) for part in zip(*stream, strict=True)]
        np.testing.assert_array_equal(parts[1], parts[0].sum(axis=1))
        np.testing.assert_array_equal(parts[2], parts[1] + 1)
        assert sorted(parts[1]) == sorted(y)
        orders.append(tuple(parts[1]))
    assert len({*orders, tuple(y)}) == 4

    again = batches(x, y, 40, shuffle=True, seed=5)  # the order does not depend on the batch size
    assert [tuple(next(iter(again))[1]) for _ in range(3)] == orders
    other = batches(x, y, 40, shuffle=True, seed=6)
    assert tuple(next(iter(other))[1]) != orders[0]

    stream.epoch = 1
    assert tuple(np.concatenate([part[1] for part in stream])) == orders[1]


def test_batches_of_two_iterations_at_once_are_two_epochs():
    stream = batches(*table(30), batch_size=30, shuffle=True, seed=0)
    first, second = iter(stream), iter(stream)
    assert stream.epoch == 2
    assert next(second)[1].tolist() != next(first)[1].tolist()


def test_batches_without_a_seed_record_the_one_drawn():
    stream = batches(*table(30), batch_size=30, shuffle=True)
    again = batches(*table(30), batch_size=30, shuffle=True, seed=stream.seed)
    np.testing.assert_array_equal(next(iter(stream))[1], next(iter(again))[1])
    assert stream.seed != batches(*table(30)).seed


def test_batches_take_what_the_intake_takes():
    x = np.arange(6, dtype=">f4").reshape(3, 2)
    (part, labels), _ = batches(x, [0, 1, 2], 2)
    assert part.dtype == np.float32
    assert labels.tolist() == [0, 1]


def test_batches_repr():
    x, y = table(10)
    stream = batches(x, y, 4, sample_weight=y, drop_remainder=True, shuffle=True, seed=3)
    assert repr(stream) == (
        "<Batches: 2 batches of x (10, 2), y (10,); 10 rows, batch_size=4, weighted, "
        "drop_remainder=True, shuffle=True, seed=3>"
    )


@pytest.mark.parametrize(
    "arguments, error, words",
    [
        ({"y": [1, 2]}, ValueError, "batches: x has 3 rows and y 2"),
        ({"y": None}, TypeError, "batches: y is None"),
        ({"x": None}, TypeError, "batches: x is None"),
        ({"x": [1, 2, 3]}, ValueError, "batches: x has shape (3,)"),
        ({"x": np.ones((0, 2)), "y": []}, ValueError, "batches: x has shape (0, 2)"),
        ({"y": 1.0}, ValueError, "batches: y has shape ()"),
        ({"y": np.ones((3, 0))}, ValueError, "batches: y has shape (3, 0)"),
        ({"y": np.ones((3, 1, 1))}, ValueError, "batches: y has shape (3, 1, 1)"),
        ({"batch_size": 0}, ValueError, "batches: batch_size is 0; want at least 1"),
        ({"batch_size": -1}, ValueError, "batches: batch_size is -1"),
        ({"batch_size": 2.0}, TypeError, "batches: batch_size is 2.0; want an integer"),
        ({"batch_size": True}, TypeError, "batches: batch_size is True"),
        ({"batch_size": None}, TypeError, "batches: batch_size is None"),
        ({"batch_size": 4, "drop_remainder": True}, ValueError, "3 rows make no batch of 4"),
        ({"sample_weight": [1]}, ValueError, "batches: x has 3 rows and sample_weight 1"),
        ({"sample_weight": [0, 0, 0]}, ValueError, "batches: sample_weight is zero"),
        ({"seed": -1}, ValueError, "batches: seed is -1"),
        ({"seed": "a"}, TypeError, "batches: seed is 'a'"),
    ],
)
def test_batches_refuse(arguments, error, words):
    with pytest.raises(error) as caught:
        batches(**{"x": np.ones((3, 2)), "y": [1, 2, 3], **arguments})
    assert words in str(caught.value)


def test_seeds_and_counts_take_numpy_integers():
    assert data.as_seed(np.uint64(2**64 - 1), where="f") == 2**64 - 1
    assert data.as_count(np.int8(3), where="f", name="n") == 3
