"""Rows read from a person's arrays: csrc/source.c against NumPy's own casts."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from each import each
from fastnn._core import first_nonfinite, gather
from guard import guarded

SOURCES = [
    *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    *("float16", "float32", "float64"),
]


def extremes(source):
    """Values of a type that are easily cast wrongly, all finite in that type."""
    kind = np.dtype(source)
    if kind.kind == "b":
        return np.array([False, True])
    if kind.kind in "iu":
        info = np.iinfo(kind)
        # Neighbours of 2**24 and 2**53 are rounded on the way to float32 and float64.
        wanted = [info.min, info.min + 1, 0, 1, 2**24 + 1, 2**24 + 3, 2**53 + 1, 2**53 + 3]
        # Rounded to float64 first, the next would be a tie for float32 and go the wrong way.
        wanted += [2**60 + 2**36 + 1, info.max - 1, info.max, info.max // 3]
        return np.array([v for v in wanted if info.min <= v <= info.max], kind)
    info = np.finfo(kind)
    values = [0.0, -0.0, 1.0, -1 / 3, float(info.max), float(info.min), float(info.tiny)]
    values += [float(info.smallest_subnormal), -3 * float(info.smallest_subnormal), 0.1]
    return np.array(values, kind)


def rows_of(source, rows=7, cols=5):
    values = extremes(source)
    rng = np.random.default_rng(SOURCES.index(source))
    return rng.choice(values, (rows, cols))


def cast(array, dtype):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # float64 beyond the largest float32
        return array.astype(dtype)


def first_bad(wanted):
    bad = ~np.isfinite(wanted).all(axis=1)
    return int(np.argmax(bad)) if bad.any() else -1


def check(array, dtype, order=None):
    """The rows, the first bad one among them, and with every row as it lies the same again."""
    wanted = cast(array, dtype)
    if wanted.ndim == 1:
        wanted = wanted[:, None]
    before = np.array(array)
    assert first_nonfinite(array, dtype) == first_bad(wanted)
    if order is not None:
        wanted = wanted[order]
    got, bad = gather(array, dtype, order)
    assert got.dtype == dtype
    np.testing.assert_array_equal(got, wanted)
    finite = ~np.isnan(wanted)  # NumPy leaves the sign of a NaN open
    np.testing.assert_array_equal(np.signbit(got[finite]), np.signbit(wanted[finite]))
    assert bad == first_bad(wanted)
    np.testing.assert_array_equal(array, before)


@pytest.mark.parametrize("source", SOURCES)
def test_every_value_is_cast_as_numpy_does(dtype, source):
    values = extremes(source)
    check(values, dtype)
    check(values[None, :], dtype)
    check(values[:, None], dtype)
    check(rows_of(source), dtype)


def test_every_half_is_exact(dtype):
    """All 65536: zeros, subnormals, normals, infinities and NaNs."""
    halves = np.arange(2**16, dtype=np.uint16).view(np.float16)
    check(halves, dtype)
    check(halves[np.isfinite(halves)], dtype)
    check(halves.reshape(256, 256), dtype)


def layouts(array):
    """Equal arrays that lie differently in memory."""
    rows, cols = array.shape
    wide = np.zeros((2 * rows, 3 * cols), array.dtype)
    wide[::2, ::3] = array
    raw = np.zeros(array.nbytes + 1, np.uint8)
    odd = raw[1:].view(array.dtype).reshape(array.shape)
    odd[...] = array
    padded = np.zeros((rows, array.dtype.itemsize * cols + 1), np.uint8)  # rows of odd length
    uneven = np.ndarray(
        array.shape, array.dtype, padded, 0, (padded.strides[0], array.dtype.itemsize)
    )
    uneven[...] = array
    locked = array.copy()
    locked.flags.writeable = False
    return {
        "plain": array.copy(),
        "every other": wide[::2, ::3],
        "fortran": np.asfortranarray(array),
        "backwards": array[::-1, ::-1].copy()[::-1, ::-1],
        "backward rows": array[::-1].copy()[::-1],
        "one row": np.broadcast_to(array[0], array.shape),
        "one column": np.broadcast_to(array[:, :1], array.shape),
        "one value": np.broadcast_to(array[0, 0], array.shape),
        "misaligned": odd,
        "uneven": uneven,
        "read-only": locked,
        "guarded": guarded(array),
        "guarded before": guarded(array, before=True),
    }


@pytest.mark.parametrize("source", SOURCES)
@each("layout", layouts(np.zeros((1, 1))))
def test_rows_of_any_layout_in_any_order(dtype, source, layout):
    array = layouts(rows_of(source))[layout]
    check(array, dtype)
    for order in ([6, 5, 4, 3, 2, 1, 0], [3, 3, 0, 6, 3, 3, 1, 0, 2, 2], [4], []):
        check(array, dtype, np.array(order, np.uint64))
    check(array[:, 1], dtype, np.array([5, 5, 0], np.uint64))  # a vector, maybe strided
    check(array[:, 1], dtype)


@pytest.mark.parametrize("source", SOURCES)
def test_rows_of_every_width_end_where_they_should(dtype, source):
    """Vectors, their last one reaching back, and single elements; nothing is read outside."""
    for cols in (*range(1, 36), 63, 64, 65, 130):
        array = rows_of(source, 3, cols)
        for before in (False, True):
            given = guarded(array, before=before)
            check(given, dtype)
            check(given[:1], dtype)
            check(given, dtype, np.array([2, 0, 0, 1, 2], np.uint64))
            check(given[:, ::-1], dtype, np.array([1, 2, 0], np.uint64))
            check(given[::-1], dtype)
            check(given.T, dtype)


@pytest.mark.parametrize("source", ["uint8", "int64", "float16", "float32", "float64"])
@pytest.mark.parametrize("cols", [1, 3, 5, 200])  # of which the last is fetched otherwise
def test_many_rows_in_random_order(dtype, source, cols):
    """More than are fetched ahead, from both ends of what may be read."""
    array = guarded(rows_of(source, 200, cols))
    order = np.random.default_rng(cols).integers(0, 200, 500).astype(np.uint64)
    order[[0, 499, 250]] = 0, 199, 199
    for layout in (array, array[:, ::-1], np.asfortranarray(array), array[::2]):
        check(layout, dtype, order % np.uint64(len(layout)))
        for n in (1, 2, 11, 12, 13, 14):
            check(layout, dtype, order[:n] % np.uint64(len(layout)))


@pytest.mark.parametrize("source", SOURCES)
@each("shape", [(0, 0), (0, 5), (5, 0), (0,), (1, 1), (1,)])
def test_small_and_empty_arrays(dtype, source, shape):
    array = guarded(np.ones(shape, source))
    check(array, dtype)
    check(array, dtype, np.arange(len(array), dtype=np.uint64)[::-1])


@pytest.mark.parametrize("source", ["float16", "float32", "float64"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_nonfinite_values_are_found_anywhere(dtype, source, value):
    for rows, cols in ((1, 1), (4, 1), (1, 7), (5, 6)):
        for place in range(rows * cols):
            array = np.ones((rows, cols), source)
            array.flat[place] = value
            assert first_nonfinite(array, dtype) == place // cols
            check(array, dtype)
            check(np.asfortranarray(array)[::-1], dtype)
    array = np.ones((6, 2), source)
    array[[2, 4], [1, 0]] = value
    assert first_nonfinite(array, dtype) == 2
    assert gather(array, dtype, [0, 5, 4, 2])[1] == 2  # the place in the order, not the row
    assert gather(array, dtype, [0, 5, 1])[1] == -1


@pytest.mark.parametrize("source", ["float16", "float32", "float64"])
def test_nonfinite_values_are_found_in_every_lane(dtype, source):
    order = np.array([1, 0], np.uint64)
    for cols in (*range(1, 20), 33):
        for column in range(cols):
            array = np.ones((2, cols), source)
            array[1, column] = np.nan
            for given in (array, guarded(array), np.asfortranarray(array), array[:, ::-1]):
                assert first_nonfinite(given, dtype) == 1
                assert gather(given, dtype)[1] == 1
                assert gather(given, dtype, order)[1] == 0
                assert gather(given[::-1], dtype)[1] == 0


@pytest.mark.parametrize("source", ["float16", "float32", "float64"])
@pytest.mark.parametrize("cols", [1, 7, 10_000])
def test_the_first_of_many_rows_is_found(dtype, source, cols):
    """Rows are looked at some thousand elements at a time, then one by one."""
    n = 20_000 // cols + 3
    array = np.ones((n, cols), source)
    wide = np.ones((n, cols + 1), source)[:, :-1]
    for row in {0, 1, n // 3, n // 2, n - 2, n - 1}:
        for later in {row, n - 1}:
            for given in (array, np.asfortranarray(array), wide, array[::-1]):
                given[later, -1] = np.inf
                given[row, 0] = -np.inf
                assert first_nonfinite(given, dtype) == row
                assert gather(given, dtype)[1] == row
                given[[row, later]] = 1
    assert first_nonfinite(array, dtype) == first_nonfinite(wide, dtype) == -1


@pytest.mark.parametrize("cols", [1, 2, 3, 5, 8])
def test_float64_beyond_float32_is_found_in_every_lane(cols):
    halfway = np.ldexp(2 - 2.0**-24, 127)
    for column in range(cols):
        for value, found in ((halfway, 1), (-halfway, 1), (np.nextafter(halfway, 0), -1)):
            array = np.ones((2, cols))
            array[1, column] = value
            check(array, np.float32)
            check(array, np.float64)
            check(np.asfortranarray(array), np.float32, np.array([0, 1], np.uint64))
            assert first_nonfinite(array, np.float32) == found


def test_opposite_infinities_do_not_cancel(dtype):
    assert first_nonfinite(np.array([[1.0, 2.0], [np.inf, -np.inf]]), dtype) == 1


def test_float64_beyond_float32_counts_as_not_finite():
    largest = float(np.finfo(np.float32).max)
    # Halfway to 2**128 and above rounds to infinity (IEEE 754, round to nearest even).
    halfway = np.ldexp(2 - 2.0**-24, 127)
    array = np.array([[largest], [np.nextafter(halfway, 0)], [-1e300], [halfway], [np.inf]])
    check(array, np.float32)
    check(array, np.float64)
    assert first_nonfinite(array, np.float32) == 2
    assert first_nonfinite(array, np.float64) == 4
    assert first_nonfinite(-array[3:4], np.float32) == 0
    assert first_nonfinite(array[:2], np.float32) == -1
    assert gather(array, np.float32, [0, 1, 3])[1] == 2
    tiny = np.array([1e-50, -1e-320])  # these become 0, which is finite
    assert first_nonfinite(tiny, np.float32) == -1


def test_what_cannot_be_read_is_refused():
    bad = [np.ones(2, complex), np.ones(2, object), np.array(["a"]), np.ones(2, "datetime64[s]")]
    bad += [np.ones(2, ">f4"), np.ones(2, ">i8")]
    if np.dtype(np.longdouble).itemsize > 8:
        bad.append(np.ones(2, np.longdouble))
    for array in bad:
        for read in (first_nonfinite, gather):
            with pytest.raises(TypeError, match=r"cannot read .* rows; want"):
                read(array, np.float32)
    for dtype in (np.float16, np.int32, np.complex64, ">f4"):
        for read in (first_nonfinite, gather):
            with pytest.raises(TypeError, match="compute in float32 or float64, got"):
                read(np.ones(2), dtype)
    for shape in ((), (1, 1, 1)):
        with pytest.raises(ValueError, match="dimensions, want 1 or 2"):
            first_nonfinite(np.ones(shape), np.float32)


def test_order_must_stay_inside():
    array = np.ones((4, 2))
    for order in ([4], [0, 2**63], [0, 1, 2, 3, 4]):
        with pytest.raises(ValueError, match=r"gather: order reaches row \d+ of 4"):
            gather(array, np.float32, np.array(order, np.uint64))
