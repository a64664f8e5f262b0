"""Tensors brought together and columns moved, against float64 twins, for every ISA and type."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from each import each
from fastnn import kernels
from guard import guarded
from reference import combine as twin

SIZES = [0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 100, 130]
SHAPES = [(rows, cols) for rows in (0, 1, 3) for cols in (0, 1, 2, 3, 5, 7, 8, 9, 16, 17, 33)]


def sample(n_in, shape, dtype, seed=0):
    rng = np.random.default_rng([n_in, seed, *np.atleast_1d(shape)])
    return [rng.normal(0, 2, shape).astype(dtype) for _ in range(n_in)]


def counts(kind):
    return [2] if kind == "subtract" else [1, 2, 3, 5]


CASES = [(kind, n) for kind in twin.KINDS for n in counts(kind)]


@each("size", SIZES)
@pytest.mark.parametrize("kind, n_in", CASES)
def test_combine_matches_reference(isa, dtype, kind, n_in, size):
    inputs = sample(n_in, size, dtype)
    for array in inputs[1:]:  # some of the largest are equal
        array[::3] = inputs[0][::3]
    out = np.full(size, -7, dtype)
    assert kernels.combine(inputs, kind, out=out) is out
    # n_in roundings of partial sums no larger than the sum of sizes; of a product
    size_sum = sum(np.abs(x.astype(np.float64)) for x in inputs)
    eps = float(np.finfo(dtype).eps)
    want = twin.combine(inputs, kind)
    reach = np.abs(want) if kind in ("multiply", "maximum") else size_sum
    assert (np.abs(out - want) <= n_in * eps * reach).all()
    dy = sample(1, size, dtype, seed=1)[0]
    for which in range(n_in):
        dx = np.full(size, -7, dtype)
        assert kernels.combine_grad(inputs, which, out, dy, kind, out=dx) is dx
        want = twin.combine_grad(inputs, which, dy, kind)
        assert (np.abs(dx - want) <= n_in * eps * np.abs(want)).all()


@pytest.mark.parametrize("kind", ["add", "subtract", "multiply", "maximum"])
def test_two_inputs_are_rounded_once(isa, dtype, kind):
    a, b = sample(2, 77, dtype)
    numpy = {"add": np.add, "subtract": np.subtract, "multiply": np.multiply, "maximum": np.maximum}
    np.testing.assert_array_equal(kernels.combine([a, b], kind), numpy[kind](a, b))


@pytest.mark.parametrize("kind, n_in", CASES)
def test_gradient_matches_central_differences(isa, kind, n_in):
    inputs = sample(n_in, 21, np.float64)
    dy = sample(1, 21, np.float64, seed=2)[0]
    out = kernels.combine(inputs, kind)
    step = 1e-5
    for which in range(n_in):
        up, down = list(inputs), list(inputs)
        up[which], down[which] = inputs[which] + step, inputs[which] - step
        numeric = (kernels.combine(up, kind) - kernels.combine(down, kind)) / (2 * step) * dy
        got = kernels.combine_grad(inputs, which, out, dy, kind)
        np.testing.assert_allclose(got, numeric, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("which", [0, 1, 2])
@pytest.mark.parametrize("kind", ["add", "multiply", "average", "maximum"])
def test_nan_in_gives_nan_out(isa, dtype, kind, which):
    for size, place in itertools.product((1, 16, 70), (0, -1)):
        inputs = sample(3, size, dtype)
        inputs[which][place] = np.nan
        got = np.isnan(kernels.combine(inputs, kind))
        assert got[place]
        assert got.sum() == 1


def test_first_of_the_largest_takes_all_even_of_nan(isa, dtype):
    one, two = np.array([1, np.nan, 0, -0.0], dtype), np.array([1, 3, np.nan, 0], dtype)
    out = kernels.combine([one, two], "maximum")
    dy = np.full(4, 5, dtype)
    for which, want in enumerate(([5, 5, 5, 5], [0, 0, 0, 0])):
        got = kernels.combine_grad([one, two], which, out, dy, "maximum")
        np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("kind", twin.KINDS)
def test_combine_bits_do_not_depend_on_the_place(isa, dtype, kind):
    inputs = sample(2, 97, dtype)
    whole = kernels.combine(inputs, kind)
    dy = sample(1, 97, dtype, seed=3)[0]
    slopes = kernels.combine_grad(inputs, 1, whole, dy, kind)
    for start in range(1, 20):
        part = [x[start:].copy() for x in inputs]
        out = kernels.combine(part, kind)
        np.testing.assert_array_equal(out, whole[start:])
        got = kernels.combine_grad(part, 1, out, dy[start:], kind)
        np.testing.assert_array_equal(got, slopes[start:])


@each("before", [False, True])
@each("size", [1, 5, 16, 17, 70])
@pytest.mark.parametrize("kind", twin.KINDS)
def test_combine_stays_inside_its_arrays(isa, dtype, kind, size, before):
    inputs = sample(2, size, dtype)
    walled = [guarded(x, before=before) for x in inputs]
    out = guarded(np.zeros(size, dtype), before=before)
    dx = guarded(np.zeros(size, dtype), before=before)
    kernels.combine(walled, kind, out=out)
    np.testing.assert_array_equal(out, kernels.combine(inputs, kind))
    kernels.combine_grad(walled, 0, out, walled[1], kind, out=dx)
    for array, same in zip(walled, inputs, strict=True):
        np.testing.assert_array_equal(array, same)
    total = guarded(inputs[0], before=before)
    kernels.add_to(total, walled[1])
    np.testing.assert_array_equal(total, inputs[0] + inputs[1])


@pytest.mark.parametrize("size", SIZES)
def test_add_to(isa, dtype, size):
    out, x = sample(2, size, dtype)
    want = out + x
    assert kernels.add_to(out, x) is out
    np.testing.assert_array_equal(out, want)


@pytest.mark.parametrize("add", [False, True])
@each("rows, cols", SHAPES)
def test_columns_move_and_leave_others_alone(isa, dtype, rows, cols, add):
    (x,) = sample(1, (rows, cols + 5), dtype)
    out = np.full((rows, cols + 4), -7, dtype)
    want = out.copy()
    function = kernels.add_columns if add else kernels.copy_columns
    assert function(x, 2, 2 + cols, out=out, at=3) is out
    want[:, 3 : 3 + cols] = x[:, 2 : 2 + cols] - (7 if add else 0)
    np.testing.assert_array_equal(out, want)
    if not add:
        np.testing.assert_array_equal(kernels.copy_columns(x, 1), x[:, 1:])


@each(
    "rows, widths",
    [(3, [5]), (2, [1, 0, 17]), (4, [33, 8, 128]), (0, [2, 3]), (2, [0]), (3, [2] * 70)],
)
def test_concatenate(isa, dtype, rows, widths):
    inputs = [sample(1, (rows, width), dtype, seed=k)[0] for k, width in enumerate(widths)]
    want = np.concatenate(inputs, axis=1)
    out = np.full_like(want, -7)
    assert kernels.concatenate(inputs, out=out) is out
    np.testing.assert_array_equal(out, want)
    for before in (False, True):
        walled = [guarded(x, before=before) for x in inputs]
        got = kernels.concatenate(walled, out=guarded(out, before=before))
        np.testing.assert_array_equal(got, want)


def test_concatenate_of_columns_of_its_result(isa, dtype):
    (x,) = sample(1, (4, 6), dtype)
    want = np.concatenate([x[:2, 3:], x[:2, :3]], axis=1)
    inside = x[:2].copy()
    np.testing.assert_array_equal(
        kernels.concatenate([inside[:, 3:], inside[:, :3]], out=inside), want
    )
    flat = x.reshape(-1)[:12].copy()
    halves = flat[:6].reshape(2, 3), flat[6:].reshape(2, 3)
    want = np.concatenate(halves, axis=1)
    np.testing.assert_array_equal(kernels.concatenate(halves, out=flat.reshape(2, 6)), want)


@each("rows, cols", SHAPES)
def test_columns_are_scaled_and_moved(isa, dtype, rows, cols):
    (x,) = sample(1, (rows, cols), dtype)
    shift, scale = sample(2, cols, dtype, seed=4)
    out = np.full((rows, cols), -7, dtype)
    assert kernels.affine_columns(x, scale, shift, out=out) is out
    np.testing.assert_array_equal(out, (x - shift) * scale)
    np.testing.assert_array_equal(kernels.affine_columns(x, scale), x * scale)
    # one rounding or two of a product, one of the sum
    want = x.astype(np.float64) * scale + shift
    reach = np.abs(x.astype(np.float64) * scale) + np.abs(want)
    got = kernels.affine_back(x, scale, shift)
    assert (np.abs(got - want) <= np.finfo(dtype).eps * reach).all()
    np.testing.assert_array_equal(kernels.affine_back(x.copy(), scale, shift, out=x), got)


@pytest.mark.parametrize("before", [False, True])
@pytest.mark.parametrize("rows, cols", [(1, 1), (3, 7), (2, 16), (2, 33)])
def test_column_kernels_stay_inside_their_arrays(isa, dtype, rows, cols, before):
    (x,) = sample(1, (rows, cols), dtype)
    scale = sample(1, cols, dtype)[0]
    wall = [guarded(a, before=before) for a in (x, scale, x)]
    out = wall[2]
    np.testing.assert_array_equal(
        kernels.affine_columns(wall[0], wall[1], wall[1], out=out),
        kernels.affine_columns(x, scale, scale),
    )
    np.testing.assert_array_equal(
        kernels.affine_back(wall[0], wall[1], wall[1], out=out),
        kernels.affine_back(x, scale, scale),
    )
    np.testing.assert_array_equal(kernels.copy_columns(wall[0], out=out), x)
    np.testing.assert_array_equal(kernels.add_columns(wall[0], out=out), x + x)


def test_what_combine_refuses():
    a, b = np.ones(3), np.ones(4)
    with pytest.raises(ValueError, match="kind must be one of add, subtract"):
        kernels.combine([a, a], "sum")
    with pytest.raises(ValueError, match="subtract takes two inputs, got 3"):
        kernels.combine([a, a, a], "subtract")
    with pytest.raises(ValueError, match=r"inputs\[1\] has shape \(4,\), want \(3,\)"):
        kernels.combine([a, b])
    with pytest.raises(TypeError, match=r"inputs\[1\] must be float64"):
        kernels.combine([a, a.astype(np.float32)])
    with pytest.raises(ValueError, match="inputs is empty"):
        kernels.combine([])
    with pytest.raises(TypeError, match="inputs must be a list of arrays, got ndarray"):
        kernels.combine(np.ones((2, 3)))
    rows = np.ones((2, 3))
    with pytest.raises(
        TypeError, match="concatenate: inputs must be a list of arrays, got ndarray"
    ):
        kernels.concatenate(rows)
    with pytest.raises(ValueError, match="concatenate: inputs is empty"):
        kernels.concatenate([])
    with pytest.raises(ValueError, match=r"inputs\[1\] has shape \(3, 3\), want 2 rows"):
        kernels.concatenate([rows, np.ones((3, 3))])
    with pytest.raises(ValueError, match=r"inputs\[0\] must be 2-D, got shape \(3,\)"):
        kernels.concatenate([a, a])
    with pytest.raises(ValueError, match=r"inputs\[1\] has shape \(3,\), want 2 rows"):
        kernels.concatenate([rows, a])
    with pytest.raises(TypeError, match=r"inputs\[1\] must be float64 like the first argument"):
        kernels.concatenate([rows, rows.astype(np.float32)])
    with pytest.raises(ValueError, match=r"out has shape \(2, 5\), want \(2, 6\)"):
        kernels.concatenate([rows, rows], out=np.ones((2, 5)))
    with pytest.raises(ValueError, match=r"which must be in 0 \.\. 1, got 2"):
        kernels.combine_grad([a, a], 2, a, a)
    with pytest.raises(ValueError, match="do not lie in order within x's 3 columns"):
        kernels.copy_columns(np.ones((2, 3)), 1, 4)
    with pytest.raises(ValueError, match="want 2 rows and at least 4 columns"):
        kernels.copy_columns(np.ones((2, 3)), out=np.ones((2, 3)), at=1)
    with pytest.raises(TypeError, match="add_columns: out must be an array"):
        kernels.add_columns(np.ones((2, 3)), out=None)
    with pytest.raises(ValueError, match=r"scale has shape \(2,\), want \(3,\)"):
        kernels.affine_columns(np.ones((2, 3)), np.ones(2))
    with pytest.raises(TypeError, match="shift must be an array, got NoneType"):
        kernels.affine_back(np.ones((2, 3)), np.ones(3), None)
    with pytest.raises(TypeError, match="add_to: out must be an array"):
        kernels.add_to(None, a)
