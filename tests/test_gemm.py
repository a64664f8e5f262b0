"""Products, column sums and dense layers against float64, for every ISA and type."""

from __future__ import annotations

import itertools
from functools import cache

import numpy as np
import pytest

from each import each
from fastnn import kernels
from guard import guarded
from reference import dense as twin

FORMS = ["nn", "tn", "nt"]
STARTS = ["plain", "bias", "accumulate"]

# Lists that hold either side of every size at which csrc/kernels/gemm*.inc change its way.  A tile
# has at most 3, 6, 8 or 12 rows; a vector has VL = 2, 4, 8 or 16 lanes; a tile half a vector, 1, 2
# or 4.  Up to half a vector of columns, 4 or 8 rows are computed at once.
ROWS = [*range(14), 24, 25]
COLS = [0, 1, 2, 3, 4, 5, 7, 8, 9, 11, 15, 16, 17, 19, 31, 32, 33, 35, 63, 64, 65, 67]
# k is dealt to at most 4 sums, from k = 9 on, in blocks of 512; in narrow products to 1 or 2
# vectors.  Elsewhere its blocks are 1024 in float32, 512 in float64, and 8 for one row of a large
# matrix.
DEPTHS = [0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 72]
DEPTHS += [256, 257, 511, 512, 513, 1023, 1024, 1025]
SHAPES = {
    "tiles": list(itertools.product(ROWS, COLS, [1, 2, 5])),
    "depths": list(itertools.product([1, 2, 3, 7, 13], [1, 3, 8, 9, 17, 40], DEPTHS)),
    # a^T b with few columns is computed as its transpose, where k is large enough; blocks of rows
    # are 96, or 144 if they are all
    "tall": list(
        itertools.product(
            [15, 17, 33, 65, 95, 96, 97, 143, 144, 145, 193], [1, 2, 9, 17], [1, 3, 20]
        )
    ),
    "tall and deep": [(97, 70, 513), (145, 70, 513), (145, 70, 1025)],
    # one row goes through a matrix beyond the nearest cache in blocks of 8 of k
    "rows": [(1, n, k) for n in (67, 130, 257) for k in (129, 260)],
    # for more than 144 rows, panels of the transposed b are packed 1024 columns at a time
    "wide": [(m, n, 9) for m in (1, 7) for n in (1023, 1024, 1025, 2049)] + [(145, 1025, 9)],
}
# From 2.4 MB of b, or where rows lie a page apart, both sides are packed, given 32 rows and a k of
# 128.  Nothing here is a whole block.
PACKED = {
    np.float32: [(32, 601, 1000), (151, 1030, 600)],
    np.float64: [(32, 301, 1000), (151, 1030, 400)],
}
NOT_PACKED = {
    np.float32: [(31, 601, 1000), (32, 599, 1000)],
    np.float64: [(31, 301, 1000), (32, 299, 1000)],
}
PAGES_APART = [(33, 70, 1024), (150, 35, 1024), (33, 1024, 130), (33, 1024, 128), (33, 1024, 127)]
PAGES_APART += [(33, 70, 2048), (150, 35, 2048), (130, 200, 1024)]
# On vectors of 32 bytes and less b alone is packed from 128 KiB and a k of 64 on: for 32 rows if
# its own rows cross lines (n here is odd), else for 96.  In a^T b a is too where its rows lie a
# quarter of a page apart, given a k of 128.  Fewer than 32 rows go through a b of 1 MB in blocks of
# 128 of k.
COPIED = [(m, n, k) for m in (31, 32, 33) for n, k in ((513, 63), (513, 64), (511, 64), (257, 64))]
COPIED += [(33, 35, 1000), (33, 35, 2050), (97, 67, 1030), (150, 1025, 64)]
COPIED += [(m, 1000, k) for m in (2, 31) for k in (255, 257)]
COPIED += list(itertools.product([95, 96, 97, 256], [256], [64, 127, 128, 129]))


@cache
def operands(m, n, k):
    """The largest operands of a list, in float64 but exact in float32; others are their corners."""
    rng = np.random.default_rng([m, n, k])
    shapes = [(m, k), (k, n), (n,), (m, n)]
    arrays = [rng.standard_normal(s).astype(np.float32).astype(np.float64) for s in shapes]
    for array in arrays:
        array.flags.writeable = False
    return arrays


@cache
def wanted(m, n, k, start):
    """The product of the corners of depth k, and the sum of the sizes of its terms.

    `m` and `n` are the largest of a list: an element depends on its row and column alone.
    """
    a, b, bias, c = operands(m, n, k)
    first = {"plain": np.zeros(n), "bias": bias, "accumulate": c}[start]
    return a @ b + first, np.abs(a) @ np.abs(b) + np.abs(first)


class Room:
    """Memory before an unreadable page, of which each array takes the end."""

    def __init__(self, size, dtype, fill=np.nan):
        self.memory = guarded(np.full(size + 64, fill, dtype))

    def put(self, source):
        """A C-ordered copy whose last byte is the last before the page."""
        view = self.memory[self.memory.size - source.size :].reshape(source.shape)
        view[...] = source
        return view

    def before(self, view):
        """What lies before an array."""
        return self.memory[: self.memory.size - view.size]


SENTINEL = -77.0


def check(form, start, relu, dtype, shapes):
    """Compare with float64, inputs and output ending at pages that may not be touched."""
    most = [max(shape[i] for shape in shapes) for i in range(3)]
    sizes = (most[0] * most[2], most[1] * most[2], most[1])
    rooms = [Room(size, dtype) for size in sizes]
    out_room = Room(most[0] * most[1], dtype, SENTINEL)
    eps = float(np.finfo(dtype).eps)
    for m, n, k in shapes:
        a, b, bias, c = operands(most[0], most[1], k)
        want, size = wanted(most[0], most[1], k, start)
        want, size, a, b = want[:m, :n], size[:m, :n], a[:m], b[:, :n]
        a = rooms[0].put(a.T if form == "tn" else a)
        b = rooms[1].put(b.T if form == "nt" else b)
        out = out_room.put(c[:m, :n])
        got = kernels.matmul(
            a,
            b,
            transpose_a=form == "tn",
            transpose_b=form == "nt",
            bias=rooms[2].put(bias[:n]) if start == "bias" else None,
            relu=relu,
            accumulate=start == "accumulate",
            out=out,
        )
        assert got is out
        # Higham (2002), section 3.1: whatever the order, a sum of k products and a start errs by
        # at most (k + 2) u times the sum of the sizes of its terms.  eps is 2 u: one for the
        # kernel, one for the float64 it is compared with.  max(0, .) makes no error larger.
        error = np.abs(out - (np.maximum(want, 0) if relu else want))
        allowed = (k + 2) * eps * size
        if not np.all(error <= allowed):  # a NaN is no pass
            i, j = np.argwhere(~(error <= allowed))[0]
            pytest.fail(f"{(m, n, k)}: element {(i, j)} is {out[i, j]}, want {want[i, j]}")
        rest = out_room.before(out)
        assert np.all(rest[-64:] == SENTINEL), (m, n, k)
        rest[...] = SENTINEL
        out[...] = SENTINEL


@pytest.mark.parametrize("shapes", SHAPES)
@pytest.mark.parametrize("relu", [False, True], ids=["", "relu"])
@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("form", FORMS)
def test_matmul_matches_float64(isa, dtype, form, start, relu, shapes):
    check(form, start, relu, dtype, SHAPES[shapes])


@pytest.mark.parametrize("start, relu", [("bias", True), ("accumulate", False)])
@pytest.mark.parametrize("form", FORMS)
def test_large_matmul_matches_float64(isa, dtype, form, start, relu):
    for shape in (*PACKED[dtype], *NOT_PACKED[dtype], *PAGES_APART, *COPIED):
        check(form, start, relu, dtype, [shape])


def product(form, a, b, **settings):
    """``a @ b``, computed in one of the forms."""
    if form == "tn":
        return kernels.matmul(a.T.copy(), b, transpose_a=True, **settings)
    if form == "nt":
        return kernels.matmul(a, b.T.copy(), transpose_b=True, **settings)
    return kernels.matmul(a, b, **settings)


@each("n", COLS[1:])
def test_a_row_of_a_batch_has_the_bits_it_has_alone(isa, dtype, n):
    """In the forward product; the other two may take another order for a single row."""
    rng = np.random.default_rng(n)
    for k in (1, 2, 3, 17, 64, 513, 1024, 1030):
        x = rng.standard_normal((40, k)).astype(dtype)
        w, bias = rng.standard_normal((k, n)).astype(dtype), rng.standard_normal(n).astype(dtype)
        for settings in ({}, {"bias": bias}, {"relu": True}, {"bias": bias, "relu": True}):
            alone = np.concatenate([kernels.matmul(x[i : i + 1], w, **settings) for i in range(40)])
            for m in (2, 3, 4, 5, 6, 7, 8, 11, 12, 13, 25, 40):
                np.testing.assert_array_equal(kernels.matmul(x[:m], w, **settings), alone[:m])
            other = rng.permutation(40)
            np.testing.assert_array_equal(kernels.matmul(x[other], w, **settings), alone[other])


@pytest.mark.parametrize(
    "shape",
    [
        (151, 1030, 600),
        (40, 1024, 130),
        (40, 70, 1024),
        (40, 70, 2048),
        (40, 35, 1000),
        (99, 256, 140),
    ],
    ids=str,
)
def test_packing_changes_no_bit(isa, dtype, shape):
    x, w, bias, _ = (array.astype(dtype) for array in operands(*shape))
    whole = kernels.matmul(x, w, bias=bias)
    m = len(x)
    for rows in (slice(0, 1), slice(m - 8, m - 1), slice(m - 31, m), slice(5, 37)):  # 31: unpacked
        np.testing.assert_array_equal(kernels.matmul(x[rows], w, bias=bias), whole[rows])


# FNN_GEMM_ROWS_ALIKE and its like: parts of a result with as many rows have the bits of the whole
ALIKE = {"nn": 1, "tn": 64, "nt": 16}
# every depth with a row too many for a block of 144, some with one more tile and with more blocks
ALIKE_SIZES = [(145, k) for k in (1, 2, 9, 16, 33, 129, 513)]
ALIKE_SIZES += [(128, k) for k in (9, 513)] + [(331, k) for k in (2, 33, 129)]


@pytest.mark.parametrize("form", FORMS)
@each("n", [n for n in (*COLS[1:], 130) if n not in (5, 11, 19, 35, 67)])
def test_parts_of_a_result_have_the_bits_of_the_whole(isa, dtype, form, n):
    """Threads take parts of the rows."""
    rng, least = np.random.default_rng(n), ALIKE[form]
    for m, k in ALIKE_SIZES:
        a, b = rng.standard_normal((m, k)).astype(dtype), rng.standard_normal((k, n)).astype(dtype)
        start = rng.standard_normal((m, n)).astype(dtype)
        sizes = [(s, m - s) for s in (least, 65, 100, m // 2) if m - s >= least]
        sizes += [(least,) * (m // least - 1) + (m % least + least,)]
        for accumulate in (False, True):
            whole = product(form, a, b, accumulate=accumulate, out=start.copy())
            for part in sizes:
                got, first = start.copy(), 0
                for last in itertools.accumulate(part):
                    rows = slice(first, last)
                    product(form, a[rows], b, accumulate=accumulate, out=got[rows])
                    first = last
                np.testing.assert_array_equal(got, whole, err_msg=f"{(m, n, k)} in {part}")


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("shape", [(1, 1, 700), (5, 9, 33), (145, 40, 600), (40, 601, 1000)])
def test_matmul_is_deterministic(isa, dtype, form, shape):
    """Wherever the arrays lie in memory."""
    a, b, bias, _ = (array.astype(dtype) for array in operands(*shape))
    for settings in ({}, {"bias": bias, "relu": True}):
        first = product(form, a, b, **settings)
        out = np.empty(first.size + 1, dtype)[1:].reshape(first.shape)
        product(form, guarded(a), guarded(b), out=out, **settings)
        np.testing.assert_array_equal(out, first)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("shape", [(1, 9, 7), (3, 1, 9), (7, 5, 3), (14, 70, 20), (33, 70, 1024)])
def test_nan_and_inf_go_through(isa, dtype, form, shape):
    m, n, k = shape
    a, b, bias, _ = (array.astype(dtype) for array in operands(*shape))
    a[m - 1, k - 1] = np.nan
    a[0, 0] = np.inf
    b[k - 1, n - 1] = np.inf
    b[0, n // 2] = 0  # meets Inf
    bias[0] = -np.inf
    for settings in ({}, {"bias": bias}):
        with np.errstate(invalid="ignore"):
            want = a.astype(np.float64) @ b + settings.get("bias", 0)
        got = product(form, a, b, **settings)
        np.testing.assert_array_equal(np.isnan(got), np.isnan(want))
        special = ~np.isfinite(want)
        np.testing.assert_array_equal(got[special], want[special])
        rectified = product(form, a, b, relu=True, **settings)
        np.testing.assert_array_equal(np.isnan(rectified), np.isnan(want))
        np.testing.assert_array_equal(rectified[special], np.where(want < 0, 0, want)[special])
        assert np.isnan(want[m - 1]).all()


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("shape", [(5, 9, 1), (5, 9, 3), (40, 70, 20)])
def test_finite_rows_stay_finite(isa, dtype, form, shape):
    """A NaN or Inf touches its own row and column only, not the lanes beside them."""
    m, n, _ = shape
    a, b, _, _ = (array.astype(dtype) for array in operands(*shape))
    clean = product(form, a, b)
    a[1], b[:, 2] = np.inf, np.nan
    got = product(form, a, b)
    assert not np.isfinite(got[1]).any()
    assert np.isnan(got[:, 2]).all()
    rows, cols = np.arange(m) != 1, np.arange(n) != 2
    np.testing.assert_array_equal(got[np.ix_(rows, cols)], clean[np.ix_(rows, cols)])


def test_no_depth_leaves_the_start(isa, dtype):
    a, b = np.empty((3, 0), dtype), np.empty((0, 4), dtype)
    bias = np.array([1, -2, 3, -4], dtype)
    np.testing.assert_array_equal(kernels.matmul(a, b), np.zeros((3, 4)))
    np.testing.assert_array_equal(kernels.matmul(a, b, bias=bias), np.tile(bias, (3, 1)))
    got = kernels.matmul(a, b, bias=bias, relu=True)
    np.testing.assert_array_equal(got, np.tile(np.maximum(bias, 0), (3, 1)))
    out = np.full((3, 4), 7, dtype)
    np.testing.assert_array_equal(
        kernels.matmul(a, b, accumulate=True, out=out), np.full((3, 4), 7)
    )


# ---- column sums --------------------------------------------------------------------------------


@each("cols", COLS)
@pytest.mark.parametrize("accumulate", [False, True])
def test_column_sum_matches_float64(isa, dtype, accumulate, cols):
    rng = np.random.default_rng(cols)
    room, out_room = Room(300 * cols, dtype), Room(cols, dtype, SENTINEL)
    for rows in (0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 33, 300):
        a = rng.standard_normal((rows, cols)).astype(dtype)
        start = rng.standard_normal(cols).astype(dtype)
        got = kernels.column_sum(room.put(a), accumulate=accumulate, out=out_room.put(start))
        first = start.astype(np.float64) if accumulate else 0
        want = a.sum(axis=0, dtype=np.float64) + first
        # rows + 1 additions, of the kernel and of the float64 sum; see check()
        allowed = (
            (rows + 1) * np.finfo(dtype).eps * (np.abs(a.astype(float)).sum(axis=0) + np.abs(first))
        )
        assert np.all(np.abs(got - want) <= allowed), rows
        assert np.all(out_room.before(got)[-64:] == SENTINEL)
        np.testing.assert_array_equal(kernels.column_sum(a), kernels.column_sum(a))


def test_column_sum_lets_nan_and_inf_through(isa, dtype):
    for cols in (1, 3, 40):
        a = np.ones((9, cols), dtype)
        a[8, cols - 1] = np.nan
        a[0, 0] = np.inf
        with np.errstate(invalid="ignore"):
            np.testing.assert_array_equal(kernels.column_sum(a), a.sum(axis=0))


# ---- dense layers -------------------------------------------------------------------------------

ACTIVATIONS: dict[str, dict[str, float]] = {
    "linear": {},
    "relu": {},
    "leaky_relu": {"alpha": 0.25},  # exact in float32
    "elu": {"alpha": 1.5},
    "gelu": {},
    "sigmoid": {},
    "tanh": {},
    "softmax": {},
    "silu": {},
    "softplus": {},
    **{name: {} for name in ("relu6", "hard_sigmoid", "hard_tanh", "hard_silu", "selu")},
    "celu": {"alpha": 0.5},
    **{name: {} for name in ("gelu_tanh", "mish", "softsign", "squareplus", "log_sigmoid")},
    **{name: {} for name in ("log_softmax", "tanh_shrink", "soft_shrink", "hard_shrink")},
    "sparsemax": {},
}
SAVE_INPUT = ("gelu", "silu", "hard_silu", "gelu_tanh", "mish", "softsign", "tanh_shrink")


def layer(rows, fan_in, units, dtype):
    rng = np.random.default_rng([rows, fan_in, units])
    shapes = [(rows, fan_in), (fan_in, units), (units,), (rows, units)]
    return [rng.standard_normal(shape).astype(dtype) for shape in shapes]


def kernel_error(a, b, start, dtype):
    """The bound of check() for the product of `a` and `b`, as one number."""
    size = np.abs(a.astype(np.float64)) @ np.abs(b) + np.abs(start)
    return (a.shape[1] + 2) * float(np.finfo(dtype).eps) * size.max(initial=0)


@each("shape", [(1, 1, 1), (5, 7, 3), (13, 9, 17), (30, 20, 33)])
@each("use_bias", [True, False])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_dense_matches_its_twin(isa, dtype, name, use_bias, shape):
    x, kernel, bias, dy = layer(*shape, dtype)
    bias = bias if use_bias else None
    settings = ACTIVATIONS[name]
    eps = float(np.finfo(dtype).eps)
    z = twin.affine(x, kernel, bias)
    z_error = kernel_error(x, kernel, 0 if bias is None else bias, dtype)
    assert np.abs(z).min() > z_error  # nobody is on another side of a kink

    y = kernels.dense_forward(x, kernel, bias, name, **settings)
    want = twin.dense_forward(x, kernel, bias, name, **settings)
    # No activation here is steeper than 2 (selu 1.76, log_softmax in the sum of its inputs' errors
    # 2); its own error is below 16 ulp (tests/test_activation.py) of an output of this size.
    allowed = 2 * z_error + 16 * eps * np.abs(want).max()
    np.testing.assert_allclose(y, want, rtol=0, atol=allowed)

    saved = kernels.dense_forward(x, kernel, bias) if name in SAVE_INPUT else y
    before = dy.copy()
    dx, dkernel, dbias = kernels.dense_backward(x, kernel, saved, dy, name, **settings)
    np.testing.assert_array_equal(dy, before)
    want_dx, want_dkernel, want_dbias = twin.dense_backward(x, kernel, bias, dy, name, **settings)
    # Second derivatives are below 2, so dz errs by at most 2 dy z_error and 16 ulp, for softmax
    # by twice that (its dy less a mean of dy); then by the sums it goes into.
    dz_error = 4 * np.abs(dy).max() * (z_error + 16 * eps)
    dz = np.abs(dy) * 2
    for got, want, left, right in (
        (dx, want_dx, dz, kernel.T),
        (dkernel, want_dkernel, x.T, dz),
        (dbias, want_dbias[None], np.ones((1, len(x)), dtype), dz),
    ):
        other = np.abs(right if left is dz else left)
        along = other.sum(axis=0 if left is dz else 1).max()
        allowed = dz_error * along + kernel_error(left, right, 0, dtype)
        assert got.dtype == dtype
        np.testing.assert_allclose(np.atleast_2d(got), want, rtol=0, atol=allowed)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_dense_is_product_then_activation(isa, dtype, name):
    """Bit for bit, the fused relu too; a spec stands for its name, alpha goes before its own."""
    from fastnn import activations

    x, kernel, bias, _ = layer(9, 5, 21, dtype)
    settings = ACTIVATIONS[name]
    want = getattr(kernels, name)(kernels.matmul(x, kernel, bias=bias), **settings)
    out = np.empty_like(want)
    assert kernels.dense_forward(x, kernel, bias, name, out=out, **settings) is out
    np.testing.assert_array_equal(out, want)
    if settings:
        spec = activations.Activation.table[name](**settings)
        other = activations.Activation.table[name](alpha=3.0)
        np.testing.assert_array_equal(kernels.dense_forward(x, kernel, bias, spec), want)
        got = kernels.dense_forward(x, kernel, bias, other, **settings)
        np.testing.assert_array_equal(got, want)


def test_dense_refuses_an_activation_that_halves(dtype):
    x, kernel, bias, dy = layer(2, 3, 4, dtype)
    message = "activation 'glu' halves the columns"
    with pytest.raises(ValueError, match=f"dense_forward: {message}"):
        kernels.dense_forward(x, kernel, bias, "glu")
    with pytest.raises(ValueError, match=f"dense_backward: {message}"):
        kernels.dense_backward(x, kernel, dy, dy, "glu")


def test_dense_checks_the_number_it_is_given(dtype):
    x, kernel, bias, _ = layer(2, 3, 4, dtype)
    with pytest.raises(
        ValueError, match="dense_forward: alpha must be a finite number, at least 0"
    ):
        kernels.dense_forward(x, kernel, bias, "elu", alpha=-1)
    with pytest.raises(ValueError, match="CELU: alpha must be a finite number, at least 1e-30"):
        kernels.dense_forward(x, kernel, bias, "celu", alpha=0)
    got = kernels.dense_forward(x, kernel, bias, "squareplus", alpha=9)  # which has no alpha
    np.testing.assert_array_equal(got, kernels.dense_forward(x, kernel, bias, "squareplus"))


@each("shape", [(0, 3, 2), (4, 0, 3), (4, 3, 0), (0, 0, 0)])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_empty_dense(isa, dtype, name, shape):
    x, kernel, bias, dy = layer(*shape, dtype)
    y = kernels.dense_forward(x, kernel, bias, name)
    assert y.shape == dy.shape
    dx, dkernel, dbias = kernels.dense_backward(x, kernel, y, dy, name)
    assert (dx.shape, dkernel.shape, dbias.shape) == (x.shape, kernel.shape, bias.shape)
    if shape[0] == 0:
        assert not dkernel.any()
        assert not dbias.any()
    if shape[2] == 0:
        assert not dx.any()
