"""Rows of a table by number, against plain indexing, for every ISA and type."""

from __future__ import annotations

import numpy as np
import pytest

from each import each
from fastnn import kernels
from guard import guarded
from reference import lookup as twin

DIMS = [0, 1, 2, 3, 5, 7, 8, 9, 15, 16, 17, 33, 70]


def problem(rows, dim, dtype, vocabulary=11):
    rng = np.random.default_rng([rows, dim])
    shape = (rows, 2, dim)
    return (
        rng.integers(0, vocabulary, (rows, 2)),
        rng.normal(0, 1, (vocabulary, dim)).astype(dtype),
        rng.integers(-8, 9, shape).astype(dtype),  # whole numbers: sums are exact in any order
    )


@each("rows", [0, 1, 3, 40])
@each("dim", DIMS)
def test_embedding_matches_reference(isa, dtype, rows, dim):
    index, table, dy = problem(rows, dim, dtype)
    for columns, slopes in ((index, dy), (index[:, 0], dy[:, 0]), (index[:, 1], dy[:, 1])):
        want = twin.embedding(columns, table)
        out = np.full(want.shape, -7, dtype)
        assert kernels.embedding(columns, table, out=out) is out
        np.testing.assert_array_equal(out, want)
        dtable = np.ones_like(table)
        assert kernels.embedding_grad(columns, slopes, dtable) is dtable
        want = twin.embedding_grad(columns, slopes, np.ones_like(table))
        np.testing.assert_array_equal(dtable, want)


def test_gradient_adds_in_the_order_of_the_rows(isa, dtype):
    """Only this order gives these bits: a large number comes and goes in between."""
    big = dtype(1 / np.finfo(dtype).eps)
    dy = np.array([[0.25], [big], [0.25], [-big], [0.25]], dtype)
    want = dtype(0)
    for value in dy[:, 0]:
        want += value
    got = kernels.embedding_grad(np.zeros(5, int), dy, np.zeros((1, 1), dtype))
    assert got[0, 0] == want == 0.25 + (0 if want == 0.25 else want - 0.25)


@pytest.mark.parametrize("kind", ["i1", "i4", "i8", "u1", "u2", "u8", "f4", "f8", ">i4"])
def test_indices_of_any_type(isa, dtype, kind):
    index, table, _ = problem(20, 4, dtype)
    want = twin.embedding(index, table)
    np.testing.assert_array_equal(kernels.embedding(index.astype(kind), table), want)
    strided = np.zeros((40, 6), kind)
    strided[::2, ::3] = index
    np.testing.assert_array_equal(kernels.embedding(strided[::2, ::3], table), want)


@pytest.mark.parametrize("bad", [-1, 11, 0.5, np.nan, np.inf, -np.inf, 1e30])
def test_bad_indices_are_named(isa, dtype, bad):
    index, table, dy = problem(9, 4, dtype)
    index = index.astype(np.float64)
    index[6, 1] = bad
    with pytest.raises(ValueError, match=r"index\[6, 1\] is .* want a whole number from 0 to 10"):
        kernels.embedding(index, table)
    dtable = np.zeros_like(table)
    with pytest.raises(ValueError, match=r"embedding_grad: index\[6\] is"):
        kernels.embedding_grad(index[:, 1], dy[:, 1], dtable)
    assert not dtable.any()


@pytest.mark.parametrize(
    "kind, bad",
    [("i1", -1), ("i4", 11), ("i8", 2**40), ("i8", -(2**63)), ("u8", 2**64 - 1), ("u2", 11)],
)
def test_bad_whole_numbers_are_named(isa, dtype, kind, bad):
    index, table, dy = problem(9, 4, dtype)
    index = index.astype(kind)
    index[6, 1] = bad
    with pytest.raises(
        ValueError, match=rf"index\[6, 1\] is {bad}, want a whole number from 0 to 10"
    ):
        kernels.embedding(index, table)
    dtable = np.zeros_like(table)
    with pytest.raises(ValueError, match=rf"embedding_grad: index\[6\] is {bad},"):
        kernels.embedding_grad(index[:, 1], dy[:, 1], dtable)
    assert not dtable.any()


def test_a_float64_table_may_have_more_rows_than_an_int_has_bits_for():
    table = np.zeros((2**21 + 1, 1))
    table[-1] = 5
    assert kernels.embedding([2**21], table) == 5


def test_nan_of_the_table_is_looked_up(isa, dtype):
    _, table, _ = problem(3, 19, dtype)
    table[2, 18] = np.nan
    got = kernels.embedding([2, 1], table)
    np.testing.assert_array_equal(np.isnan(got), np.isnan(table[[2, 1]]))


@pytest.mark.parametrize("before", [False, True])
@pytest.mark.parametrize("dim", [1, 5, 16, 33])
def test_embedding_stays_inside_its_arrays(isa, dtype, dim, before):
    index, table, dy = problem(13, dim, dtype)
    index[0, 0], index[-1, -1] = 0, 10  # the table's ends
    walled = [guarded(a, before=before) for a in (table, dy)]
    out = guarded(np.zeros_like(dy), before=before)
    kernels.embedding(index, walled[0], out=out)
    np.testing.assert_array_equal(out, twin.embedding(index, table))
    dtable = guarded(np.zeros_like(table), before=before)
    kernels.embedding_grad(index, walled[1], dtable)
    np.testing.assert_array_equal(dtable, twin.embedding_grad(index, dy, np.zeros_like(table)))
    np.testing.assert_array_equal(walled[0], table)


def test_what_lookup_refuses():
    table = np.ones((4, 3))
    with pytest.raises(TypeError, match="index must hold whole numbers, got <U1"):
        kernels.embedding(["a"], table)
    with pytest.raises(ValueError, match=r"index must be 1-D or 2-D, got shape \(1, 1, 1\)"):
        kernels.embedding([[[1]]], table)
    with pytest.raises(ValueError, match=r"dy has shape \(2, 2\), want \(2, 3\)"):
        kernels.embedding_grad([0, 1], np.ones((2, 2)), table)
    with pytest.raises(TypeError, match="dtable must be a 2-D array, got list"):
        kernels.embedding_grad([0], np.ones((1, 3)), [[0.0]])
    with pytest.raises(TypeError, match="index is a masked array"):
        kernels.embedding(np.ma.masked_array([0, 1], [False, True]), table)
    wide = np.broadcast_to(np.float32(0), (2**24 + 1, 1))
    with pytest.raises(ValueError, match="16777217 rows is more than float32 can number"):
        kernels.embedding([0], wide)
