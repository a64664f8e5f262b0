"""The Python face of the kernels: what it takes, what it refuses, what it leaves alone."""

from __future__ import annotations

import inspect
import sys

import numpy as np
import pytest

from each import each
from fastnn import _core, activations, kernels, losses
from guard import guarded
from reference import loss as twin

ACTIVATIONS = (
    *("linear", "relu", "leaky_relu", "elu", "gelu"),
    *("sigmoid", "tanh", "softmax", "silu", "softplus", "exp"),
    *("relu6", "hard_sigmoid", "hard_tanh", "hard_silu", "selu", "celu", "gelu_tanh", "mish"),
    *("softsign", "squareplus", "log_sigmoid", "log_softmax", "tanh_shrink", "soft_shrink"),
    *("hard_shrink", "sparsemax"),
)
NARROW = ("gaussian_nll", "margin_ranking")  # whose targets are not as wide as the outputs
SPARSE = "sparse_categorical_crossentropy"
ALL_LOSSES = (*(name for name in twin.NAMES if name != SPARSE), SPARSE)
LOSSES = tuple(name for name in ALL_LOSSES if name not in NARROW)
OPTIMIZERS = ("sgd_step", "adam_step", "adamw_step")
COMBINE = (
    *("add_to", "combine", "combine_grad", "concatenate"),
    *("copy_columns", "add_columns"),
    *("affine_columns", "affine_back"),
)
NORM = (
    *("layer_norm", "layer_norm_grad", "layer_norm_param_grad", "layer_norm_backward"),
    *("column_moments", "batch_norm", "batch_norm_sums", "batch_norm_grad"),
)
NOISE = ("dropout", "alpha_dropout", "gaussian_dropout", "gaussian_noise", "noise_grad")
UNITS = (
    *("prelu", "prelu_grad", "prelu_param_grad", "maxout", "maxout_grad", "glu", "glu_grad"),
    *("bilinear_out", "bilinear_grad", "activity_penalty"),
)
TABLES = ("embedding", "embedding_grad", "csr_dense", "csr_dense_grad")


def row(a, cols=None):
    """A vector as long as the rows of `a`."""
    return np.linspace(0.5, 1.5, cols or a.shape[1]).astype(a.dtype)


def pairs(a):
    """Rows with an even number of columns."""
    return a[:, : a.shape[1] // 2 * 2]


FIRST_INPUTS = {  # every function that takes arrays of any layout, as a function of the first
    "matmul": lambda a, **out: kernels.matmul(a, np.ones((a.shape[1], 4), a.dtype), **out),
    "column_sum": kernels.column_sum,
    "dense_forward": lambda a, **out: kernels.dense_forward(
        a, np.ones((a.shape[1], 4), a.dtype), **out
    ),
    **{name: getattr(kernels, name) for name in ACTIVATIONS},
    **{
        f"{name}_grad": lambda a, name=name, **out: getattr(kernels, f"{name}_grad")(
            a, np.ones(a.shape, a.dtype), **out
        )
        for name in ACTIVATIONS
    },
    **{
        f"{name}_grad": lambda a, name=name, **out: getattr(kernels, f"{name}_grad")(
            a, targets(name, len(a), a.shape[1], a.dtype), **out
        )
        for name in LOSSES
    },
    "combine": lambda a, **out: kernels.combine([a, np.ones(a.shape, a.dtype)], **out),
    "combine_grad": lambda a, **out: kernels.combine_grad(
        [a, np.ones(a.shape, a.dtype)], 1, np.ones(a.shape, a.dtype), a, "multiply", **out
    ),
    "affine_columns": lambda a, **out: kernels.affine_columns(a, row(a), row(a), **out),
    "affine_back": lambda a, **out: kernels.affine_back(a, row(a), row(a), **out),
    "layer_norm": lambda a, **out: kernels.layer_norm(a, row(a), row(a), **out)[0],
    "layer_norm_grad": lambda a, **out: kernels.layer_norm_grad(
        a, row(a), np.ones((len(a), 2), a.dtype), np.ones(a.shape, a.dtype), **out
    ),
    "layer_norm_backward": lambda a, **out: kernels.layer_norm_backward(
        a, row(a), np.ones((len(a), 2), a.dtype), np.ones(a.shape, a.dtype), **out
    )[0],
    "batch_norm": lambda a, **out: kernels.batch_norm(a, row(a), row(a), row(a), **out),
    "batch_norm_grad": lambda a, **out: kernels.batch_norm_grad(
        a, row(a), row(a), row(a), row(a), row(a), np.ones(a.shape, a.dtype), **out
    ),
    "dropout": lambda a, **out: kernels.dropout(a, 0.5, seed=1, **out)[0],
    "gaussian_noise": lambda a, **out: kernels.gaussian_noise(a, 0.5, seed=1, **out),
    "noise_grad": lambda a, **out: kernels.noise_grad(np.ones(a.shape, a.dtype), a, **out),
    "prelu": lambda a, **out: kernels.prelu(a, row(a), **out),
    "prelu_grad": lambda a, **out: kernels.prelu_grad(a, row(a), np.ones(a.shape, a.dtype), **out),
    "maxout": lambda a, **out: kernels.maxout(a, 1, **out),
    "maxout_grad": lambda a, **out: kernels.maxout_grad(
        a, np.ones(a.shape, a.dtype), np.ones(a.shape, a.dtype), 1, **out
    ),
    "glu": lambda a, **out: kernels.glu(pairs(a), **out),
}


def targets(name, rows, cols, dtype):
    if name.startswith("sparse"):
        return np.arange(rows) % cols
    return np.linspace(0, 1, rows * cols, dtype=np.float64).reshape(rows, cols).astype(dtype)


def sample(rows=3, cols=5, dtype=np.float32):
    return np.random.default_rng([rows, cols]).standard_normal((rows, cols)).astype(dtype)


# ---- the list of functions ----------------------------------------------------------------------


def test_every_name_is_there_and_nothing_else():
    wanted = {"matmul", "column_sum", "dense_forward", "dense_backward", *OPTIMIZERS}
    wanted |= {*ACTIVATIONS, *(f"{name}_grad" for name in ACTIVATIONS)}
    wanted |= {*ALL_LOSSES, *(f"{name}_grad" for name in ALL_LOSSES)}
    wanted |= {*COMBINE, *NORM, *NOISE, *UNITS, *TABLES}
    wanted |= {"optimizer_state", "optimizer_step"}
    assert set(kernels.__all__) == wanted
    assert len(kernels.__all__) == len(wanted)


@pytest.mark.parametrize("name", kernels.__all__)
def test_docstrings_name_every_argument(name):
    function = getattr(kernels, name)
    text = function.__doc__
    assert ">>>" in text
    parameters = text[text.index("Parameters") : text.index("Raises")]
    for argument in inspect.signature(function).parameters:
        assert argument in parameters


def test_kinds_are_those_of_the_specs():
    """A kernel's name and a spec's name give the same numbers."""
    z, one = sample(), np.ones((3, 5), np.float32)
    for name in ACTIVATIONS:
        spec = activations.get(name)
        want = _core.activation("test", spec.kind, z, spec.alpha, None)
        np.testing.assert_array_equal(getattr(kernels, name)(z), want)
        want = _core.activation_grad("test", spec.kind, z, one, spec.alpha, None)
        np.testing.assert_array_equal(getattr(kernels, f"{name}_grad")(z, one), want)
    for name in LOSSES:
        spec, y = losses.get(name), targets(name, 3, 5, np.float32)
        want = _core.loss("test", spec.kind, z, y, None, spec.settings, False, None)
        assert getattr(kernels, name)(z, y) == want


# ---- what works ---------------------------------------------------------------------------------


def layouts(array):
    """Equal arrays that lie differently in memory."""
    rows, cols = array.shape
    wide = np.zeros((2 * rows, 3 * cols), array.dtype)
    wide[::2, ::3] = array
    raw = np.zeros(array.nbytes + 1, np.uint8)
    odd = raw[1:].view(array.dtype).reshape(array.shape)
    odd[...] = array
    locked = array.copy()
    locked.flags.writeable = False
    return {
        "strided": wide[::2, ::3],
        "fortran": np.asfortranarray(array),
        "backwards": array[::-1, ::-1].copy()[::-1, ::-1],
        "big-endian": array.astype(array.dtype.newbyteorder(">")),
        "misaligned": odd,
        "read-only": locked,
        "guarded": guarded(array),
    }


@pytest.mark.parametrize("name", FIRST_INPUTS)
def test_any_layout_gives_the_same_bits(dtype, name):
    function, array = FIRST_INPUTS[name], sample(dtype=dtype)
    want = function(array)
    assert want.dtype == dtype
    for layout, same in layouts(array).items():
        np.testing.assert_array_equal(function(same), want, err_msg=layout)
        np.testing.assert_array_equal(same, array, err_msg=f"{layout} was changed")


@pytest.mark.parametrize("layout", layouts(sample()))
def test_any_layout_of_the_other_inputs(dtype, layout):
    a, w = sample(3, 5, dtype), sample(5, 4, dtype)
    bias = sample(1, 4, dtype)
    other = {id(array): layouts(array)[layout] for array in (a, w, bias)}
    got = kernels.matmul(a, other[id(w)], bias=other[id(bias)][0])
    np.testing.assert_array_equal(got, kernels.matmul(a, w, bias=bias[0]))
    got = kernels.relu_grad(a, other[id(a)])
    np.testing.assert_array_equal(got, kernels.relu_grad(a, a))
    weight = layouts(np.abs(a[:, :1]))[layout][:, 0]
    got = kernels.huber_grad(a, other[id(a)], weight)
    np.testing.assert_array_equal(got, kernels.huber_grad(a, a, np.abs(a[:, 0])))
    p, q = np.ones(4, dtype), np.ones(4, dtype)
    kernels.sgd_step(p, other[id(bias)][0], learning_rate=0.5)
    kernels.sgd_step(q, bias[0], learning_rate=0.5)
    np.testing.assert_array_equal(p, q)


def test_lists_of_floats_are_float64():
    assert kernels.matmul([[1.0, 2.0]], [[3.0], [4.0]]).tolist() == [[11.0]]
    assert kernels.relu([-1.0, 2.0]).dtype == np.float64
    assert kernels.mean_squared_error([[1.0]], [[3.0]], [2.0]) == 4.0
    assert kernels.sparse_categorical_crossentropy([[0.0, 0.0]], [1]) == pytest.approx(np.log(2))


@pytest.mark.parametrize("name", FIRST_INPUTS)
def test_out_is_written_and_returned(dtype, name):
    function, array = FIRST_INPUTS[name], sample(dtype=dtype)
    want = function(array)
    room = np.full(want.size + 2, -77, dtype)
    out = room[1:-1].reshape(want.shape)
    assert function(array, out=out) is out
    np.testing.assert_array_equal(out, want)
    assert room[0] == room[-1] == -77


@each("shift", [-7, -1, 0, 1, 4])
@pytest.mark.parametrize(
    "name", [name for name in FIRST_INPUTS if name not in ("column_sum", "glu")]
)
def test_out_may_overlap_the_input(isa, dtype, name, shift):
    """Wherever it lies, the result is that of separate arrays."""
    function, array = FIRST_INPUTS[name], sample(5, 4, dtype)
    want = function(array)
    memory = np.zeros(40, dtype)
    a, out = memory[8:28].reshape(5, 4), memory[8 + shift : 28 + shift].reshape(5, 4)
    a[...] = array
    assert function(a, out=out) is out
    np.testing.assert_array_equal(out, want)


def test_out_may_be_any_input(isa, dtype):
    a, b, row = sample(4, 4, dtype), sample(4, 5, dtype)[:, :4].copy(), sample(1, 4, dtype)[0]
    square = kernels.matmul(a, b)
    for i in range(2):
        pair = [a.copy(), b.copy()]
        np.testing.assert_array_equal(kernels.matmul(*pair, out=pair[i]), square)
    both = a.copy()
    np.testing.assert_array_equal(kernels.matmul(both, both, out=both), kernels.matmul(a, a))
    one, bias = a[:1].copy(), row.copy()
    want = kernels.matmul(one, b, bias=bias)
    np.testing.assert_array_equal(kernels.matmul(one, b, bias=bias, out=bias[None]), want)
    inside = a.copy()
    want = kernels.column_sum(a)
    np.testing.assert_array_equal(kernels.column_sum(inside, out=inside[1]), want)
    inside = a.copy()
    want = kernels.column_sum(a, accumulate=True, out=a[2].copy())
    np.testing.assert_array_equal(kernels.column_sum(inside, accumulate=True, out=inside[2]), want)
    for name in ACTIVATIONS:
        gradient = getattr(kernels, f"{name}_grad")
        want, saved = gradient(a, b), a.copy()
        np.testing.assert_array_equal(gradient(saved, b, out=saved), want)
    y = np.abs(b)
    for name in LOSSES[:-1]:
        gradient = getattr(kernels, f"{name}_grad")
        weight, target = np.abs(row), y.copy()
        want = gradient(a, y, weight)
        np.testing.assert_array_equal(gradient(a, target, weight, out=target), want)
        out = np.zeros((4, 4), dtype)
        out[3] = weight
        np.testing.assert_array_equal(gradient(a, y, out[3], out=out), want)


EMPTY = [(0, 0), (0, 5), (5, 0)]


@pytest.mark.parametrize("shape", EMPTY)
def test_empty_arrays(dtype, shape):
    rows, cols = shape
    a = np.empty(shape, dtype)
    assert kernels.matmul(a, np.empty((cols, 3), dtype)).tolist() == np.zeros((rows, 3)).tolist()
    assert kernels.matmul(np.empty((2, rows), dtype), a).tolist() == np.zeros((2, cols)).tolist()
    assert kernels.column_sum(a).tolist() == [0.0] * cols
    out = np.full(cols, 3, dtype)
    assert kernels.column_sum(a, accumulate=True, out=out).tolist() == [3.0] * cols
    for name in ACTIVATIONS:
        assert getattr(kernels, name)(a).shape == shape
        assert getattr(kernels, f"{name}_grad")(a, a, out=a) is a
    for name in LOSSES:
        y = np.zeros(rows, int) if name.startswith("sparse") else a
        for function in (getattr(kernels, name), getattr(kernels, f"{name}_grad")):
            with pytest.raises(ValueError, match=rf"{name}.*no rows .* \({rows}, {cols}\)"):
                function(a, y)


def test_empty_parameters(dtype):
    p, g, m, v = (np.empty(0, dtype) for _ in range(4))
    kernels.sgd_step(p, g, m, learning_rate=0.1, momentum=0.9)
    kernels.adam_step(p, g, m, v, t=1)
    kernels.adamw_step(p, g, m, v, t=1)


@pytest.mark.parametrize("labels", ["i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "?", ">i4"])
def test_labels_of_any_integer_type(isa, dtype, labels):
    z = sample(4, 3, dtype)
    y = np.array([0, 1, 1, 0])
    want = kernels.sparse_categorical_crossentropy_grad(z, y)
    got = kernels.sparse_categorical_crossentropy_grad(z, y.astype(labels))
    np.testing.assert_array_equal(got, want)


# ---- what is refused ----------------------------------------------------------------------------

NOT_REAL = {
    "int64": np.ones((2, 2), np.int64),
    "bool": np.ones((2, 2), bool),
    "complex64": np.ones((2, 2), np.complex64),
    "complex128": np.ones((2, 2), np.complex128),
    "object": np.ones((2, 2), object),
    "float16": np.ones((2, 2), np.float16),
    "str": np.array([["a", "b"], ["c", "d"]]),
    "list of ints": [[1, 2], [3, 4]],
    "None": None,
    "masked": np.ma.masked_array(np.ones((2, 2)), mask=np.eye(2)),
}
if np.dtype(np.longdouble).itemsize > 8:
    NOT_REAL["longdouble"] = np.ones((2, 2), np.longdouble)
GOOD = np.ones((2, 2))
ROW = np.ones(2)
# Calls with one argument left open, and what a message calls it.
OPEN = {
    "matmul a": lambda x: kernels.matmul(x, GOOD),
    "matmul b": lambda x: kernels.matmul(GOOD, x),
    "matmul bias": lambda x: kernels.matmul(GOOD, GOOD, bias=x if x is not None else [None]),
    "column_sum a": kernels.column_sum,
    "dense_forward x": lambda x: kernels.dense_forward(x, GOOD),
    "dense_forward kernel": lambda x: kernels.dense_forward(GOOD, x),
    "dense_backward x": lambda x: kernels.dense_backward(x, GOOD, GOOD, GOOD),
    "dense_backward kernel": lambda x: kernels.dense_backward(GOOD, x, GOOD, GOOD),
    "dense_backward saved": lambda x: kernels.dense_backward(GOOD, GOOD, x, GOOD),
    "dense_backward dy": lambda x: kernels.dense_backward(GOOD, GOOD, GOOD, x),
    **{f"{name} z": getattr(kernels, name) for name in ACTIVATIONS},
    "tanh_grad saved": lambda x: kernels.tanh_grad(x, GOOD),
    "tanh_grad dy": lambda x: kernels.tanh_grad(GOOD, x),
    **{f"{name} z": lambda x, name=name: getattr(kernels, name)(x, GOOD) for name in LOSSES},
    **{f"{name} y": lambda x, name=name: getattr(kernels, name)(GOOD, x) for name in LOSSES[:-1]},
    "huber_grad z": lambda x: kernels.huber_grad(x, GOOD),
    "huber_grad y": lambda x: kernels.huber_grad(GOOD, x),
    "huber sample_weight": lambda x: kernels.huber(GOOD, GOOD, x if x is not None else [None]),
    "sgd_step param": lambda x: kernels.sgd_step(x, ROW, learning_rate=0.1),
    "sgd_step grad": lambda x: kernels.sgd_step(ROW.copy(), x, learning_rate=0.1),
    "adam_step param": lambda x: kernels.adam_step(x, ROW, ROW.copy(), ROW.copy(), t=1),
    "adam_step m": lambda x: kernels.adam_step(ROW.copy(), ROW, x, ROW.copy(), t=1),
    "adamw_step v": lambda x: kernels.adamw_step(ROW.copy(), ROW, ROW.copy(), x, t=1),
}


@each("kind", NOT_REAL)
@pytest.mark.parametrize("call", OPEN)
def test_only_float32_and_float64(call, kind):
    function, argument = call.split()
    with pytest.raises(TypeError, match=rf"^{function}: {argument} (must be|is) .*"):
        OPEN[call](NOT_REAL[kind])


def test_types_are_named():
    with pytest.raises(TypeError, match=r"matmul: a must be a float32 or float64 array, got int64"):
        kernels.matmul(np.ones((2, 2), np.int64), GOOD)
    with pytest.raises(TypeError, match=r"matmul: a is a masked array; want one without a mask"):
        kernels.matmul(np.ma.masked_array(GOOD), GOOD)
    with pytest.raises(TypeError, match=r"y must be integer labels, got float64"):
        kernels.sparse_categorical_crossentropy(GOOD, ROW)


def test_masks_are_looked_for_only_where_numpy_ma_is_loaded(monkeypatch):
    monkeypatch.delitem(sys.modules, "numpy.ma")
    np.testing.assert_array_equal(kernels.relu(GOOD), GOOD)


MIXED = [  # a and p are of one type, b and q of the other
    ("matmul(a, b)", "b"),
    ("matmul(a, a, bias=q)", "bias"),
    ("dense_forward(a, b)", "kernel"),
    ("dense_forward(a, a, q)", "bias"),
    ("dense_backward(a, b, a, a)", "kernel"),
    ("dense_backward(b, a, a, a)", "dy"),
    ("dense_backward(a, a, a, b)", "dy"),
    *((f"{name}_grad(a, b)", "dy") for name in ACTIVATIONS),
    *((f"{name}(a, b)", "y") for name in LOSSES[:-1]),
    *((f"{name}_grad(a, a, q)", "sample_weight") for name in LOSSES[:-1]),
    ("sparse_categorical_crossentropy(a, [0, 1], q)", "sample_weight"),
    ("sgd_step(p, q, learning_rate=0.1)", "grad"),
    ("sgd_step(p, p.copy(), q, learning_rate=0.1)", "velocity"),
    ("adam_step(p, p.copy(), q, p.copy(), t=1)", "m"),
    ("adamw_step(p, p.copy(), p.copy(), q, t=1)", "v"),
]


@pytest.mark.parametrize("expression, argument", MIXED)
def test_types_are_not_mixed(dtype, expression, argument):
    other = np.float64 if dtype == np.float32 else np.float32
    arrays = {"a": GOOD.astype(dtype), "p": ROW.astype(dtype)}
    arrays |= {"b": GOOD.astype(other), "q": ROW.astype(other)}
    function = expression.partition("(")[0]
    with pytest.raises(TypeError, match=rf"^{function}: {argument} must be float(32|64).* got fl"):
        eval(expression, vars(kernels) | arrays)


WRONG_SHAPES = [  # expression, message
    ("matmul(f(2, 3), f(2, 3))", r"matmul: a \(2, 3\) and b \(2, 3\) do not fit"),
    ("matmul(f(2, 3), f(3, 2), transpose_a=True)", r"a \(2, 3\) transposed and b \(3, 2\) do not"),
    ("matmul(f(2, 3), f(3, 2), transpose_b=True)", r"a \(2, 3\) and b \(3, 2\) transposed do not"),
    ("matmul(f(2, 2), f(2, 2), transpose_a=True, transpose_b=True)", r"only one of a and b"),
    ("matmul(f(3), f(3, 2))", r"matmul: a must be 2-D, got shape \(3,\)"),
    ("matmul(f(1, 2, 3), f(3, 2))", r"matmul: a must be 2-D, got shape \(1, 2, 3\)"),
    ("matmul(f(2, 3), f(3))", r"matmul: b must be 2-D"),
    ("matmul(f(), f(3, 2))", r"matmul: a must be 2-D, got shape \(\)"),
    ("matmul(f(2, 3), f(3, 2), bias=f(3))", r"matmul: bias has shape \(3,\), want \(2,\)"),
    ("matmul(f(2, 3), f(3, 2), bias=f(1, 2))", r"matmul: bias has shape \(1, 2\), want \(2,\)"),
    ("matmul(f(2, 3), f(3, 2), bias=f(2), accumulate=True, out=f(2, 2))", r"exclude each other"),
    ("matmul(f(2, 3), f(3, 2), accumulate=True)", r"matmul: accumulate adds to out, which is None"),
    ("column_sum(f(3))", r"column_sum: a must be 2-D"),
    ("column_sum(f(3, 2), accumulate=True)", r"column_sum: accumulate adds to out, which is None"),
    (
        "dense_forward(f(2, 3), f(2, 3))",
        r"x \(2, 3\) and kernel \(2, 3\) do not fit",
    ),
    ("dense_forward(f(3), f(3, 2))", r"dense_forward: x must be 2-D"),
    ("dense_forward(f(2, 3), f(3, 2), f(3))", r"dense_forward: bias has shape \(3,\), want \(2,\)"),
    ("dense_backward(f(2, 3), f(3, 4), f(2, 4), f(3, 4))", r"dy has shape \(3, 4\), want saved's"),
    ("dense_backward(f(2, 3), f(3, 4), f(2, 3), f(2, 3))", r"dy \(2, 3\) and kernel \(3, 4\) tran"),
    (
        "dense_backward(f(3, 3), f(3, 4), f(2, 4), f(2, 4))",
        r"x \(3, 3\) transposed and dy \(2, 4",
    ),
    ("dense_backward(f(2, 3), f(3, 4), f(4), f(4))", r"dense_backward: dy must be 2-D"),
    ("relu(f(2, 2, 2))", r"relu: z must be 1-D or 2-D, got shape \(2, 2, 2\)"),
    ("relu(f())", r"relu: z must be 1-D or 2-D, got shape \(\)"),
    ("relu_grad(f(2, 2, 2), f(2, 2, 2))", r"relu_grad: saved must be 1-D or 2-D"),
    ("relu_grad(f(2, 3), f(3, 2))", r"relu_grad: dy has shape \(3, 2\), want saved's \(2, 3\)"),
    ("relu_grad(f(2, 3), f(6))", r"relu_grad: dy has shape \(6,\), want saved's \(2, 3\)"),
    ("huber(f(3), f(3))", r"huber: z must be 2-D"),
    ("huber(f(3, 1), f(3))", r"huber: y has shape \(3,\), want z's \(3, 1\)"),
    ("huber_grad(f(3, 1), f(3, 2))", r"huber_grad: y has shape \(3, 2\), want z's \(3, 1\)"),
    ("huber(f(3, 1), f(3, 1), f(3, 1))", r"sample_weight has shape \(3, 1\), want \(3,\)"),
    ("huber(f(3, 1), f(3, 1), f(1))", r"sample_weight has shape \(1,\), want \(3,\)"),
    (
        "sparse_categorical_crossentropy(f(3, 2), np.ones((3, 1), int))",
        r"y has shape \(3, 1\)",
    ),
    (
        "sparse_categorical_crossentropy(f(3, 2), np.ones(2, int))",
        r"y has shape \(2,\), want \(3,\)",
    ),
    ("sgd_step(f(2, 2), f(2, 2), learning_rate=0.1)", r"sgd_step: param must be 1-D"),
    ("sgd_step(f(3), f(2), learning_rate=0.1)", r"sgd_step: grad has shape \(2,\), want \(3,\)"),
    ("sgd_step(f(3), f(3), f(2), learning_rate=0.1)", r"velocity has shape \(2,\), want \(3,\)"),
    ("adam_step(f(3), f(3), f(2), f(3), t=1)", r"adam_step: m has shape \(2,\), want \(3,\)"),
    (
        "adamw_step(f(3), f(3), f(3), f(3, 1), t=1)",
        r"adamw_step: v has shape \(3, 1\)",
    ),
]


@pytest.mark.parametrize("expression, message", WRONG_SHAPES)
def test_shapes_that_do_not_fit(dtype, expression, message):
    names = {**vars(kernels), "np": np, "f": lambda *shape: np.ones(shape, dtype)}
    with pytest.raises(ValueError, match=message):
        eval(expression, names)


@pytest.mark.parametrize("name", FIRST_INPUTS)
def test_out_must_fit_exactly(dtype, name):
    function, array = FIRST_INPUTS[name], sample(dtype=dtype)
    want = function(array)
    other = np.float64 if dtype == np.float32 else np.float32
    locked = np.empty_like(want)
    locked.flags.writeable = False
    wide = np.zeros((2, *want.shape[1:], want.shape[0] * 2), dtype)
    strided = wide.reshape(-1)[: 2 * want.size].reshape(*want.shape[:-1], -1)[..., ::2]
    cases = [
        (np.empty(want.shape, other), TypeError, f"out must be {np.dtype(dtype)}, got"),
        (np.empty(want.shape, np.dtype(dtype).newbyteorder(">")), TypeError, "out must be"),
        (want.tolist(), TypeError, "out must be an array, got list"),
        (np.empty((*want.shape[:-1], want.shape[-1] + 1), dtype), ValueError, "out has shape"),
        (np.empty((1, *want.shape), dtype), ValueError, "out has shape"),
        (locked, ValueError, "out must be C-contiguous, aligned and writable"),
        (strided, ValueError, "out must be C-contiguous, aligned and writable"),
    ]
    for out, error, message in cases:
        before = np.array(out)
        with pytest.raises(error, match=f"{name}: {message}"):
            function(array, out=out)
        np.testing.assert_array_equal(np.array(out), before)


def test_labels_out_of_range(dtype):
    z = sample(3, 4, dtype)
    message = r"sparse_categorical_crossentropy: y has labels from (-1|0) to (2|4|\d+), want 0 to 3"
    for y in ([0, 1, 4], [-1, 0, 2], np.array([0, 1, 2**64 - 1], np.uint64)):
        with pytest.raises(ValueError, match=message):
            kernels.sparse_categorical_crossentropy(z, y)


@pytest.mark.parametrize("name", LOSSES)
def test_weights_that_sum_to_zero(dtype, name):
    z, y = sample(2, 3, dtype), targets(name, 2, 3, dtype)
    for weight in (np.zeros(2, dtype), np.array([1, -1], dtype)):
        for function in (getattr(kernels, name), getattr(kernels, f"{name}_grad")):
            with pytest.raises(ValueError, match=rf"{name}.*: sample_weight sums to 0"):
                function(z, y, weight)


@pytest.mark.parametrize(
    "expression, error, message",
    [
        ("leaky_relu(ROW, -0.1)", ValueError, r"leaky_relu: alpha must be .* at least 0, got -0.1"),
        ("elu_grad(ROW, ROW, np.nan)", ValueError, r"elu_grad: alpha must be a finite number"),
        ("elu(ROW, '1')", TypeError, r"elu: alpha must be a finite number"),
        ("dense_forward(GOOD, GOOD, None, 'elu', alpha=-1)", ValueError, r"dense_forward: alpha"),
        ("dense_forward(GOOD, GOOD, None, 'rely')", ValueError, r"dense_forward: .*'rely'.*relu"),
        ("dense_backward(GOOD, GOOD, GOOD, GOOD, 'rely')", ValueError, r"dense_backward: .*'relu'"),
        ("dense_forward(GOOD, GOOD, None, 7)", TypeError, r"dense_forward: .*7"),
        ("huber(GOOD, GOOD, delta=0)", ValueError, r"huber: delta must be .* above 0"),
        ("huber_grad(GOOD, GOOD, delta=np.inf)", ValueError, r"huber_grad: delta must be a finite"),
        ("sgd_step(p, ROW, learning_rate=np.nan)", ValueError, r"sgd_step: learning_rate"),
        ("sgd_step(p, ROW, learning_rate=0.1, momentum=0.5)", ValueError, r"needs a velocity"),
        ("sgd_step(p, ROW, q, learning_rate=0.1, momentum=1)", ValueError, r"momentum .* below 1"),
        ("adam_step(p, ROW, q, r, t=0)", ValueError, r"adam_step: t must be .* at least 1, got 0"),
        ("adam_step(p, ROW, q, r, t=1.5)", TypeError, r"adam_step: t must be an integer"),
        ("adam_step(p, ROW, q, r, t=1, beta_1=1)", ValueError, r"adam_step: beta_1 .* below 1"),
        ("adam_step(p, ROW, q, r, t=1, beta_2=-0.1)", ValueError, r"adam_step: beta_2 .* at least"),
        ("adam_step(p, ROW, q, r, t=1, epsilon=-1)", ValueError, r"adam_step: epsilon"),
        ("adamw_step(p, ROW, q, r, t=0)", ValueError, r"adamw_step: t must be"),
        ("adamw_step(p, ROW, q, r, t=1, weight_decay=-1)", ValueError, r"adamw_step: weight_decay"),
        ("sgd_step([1.0, 2.0], ROW, learning_rate=0.1)", TypeError, r"param must be an array"),
        ("sgd_step(p, [1.0, 2.0], learning_rate=0.1)", TypeError, r"grad must be an array, got li"),
        ("adam_step(p, ROW, None, r, t=1)", TypeError, r"adam_step: m must be an array, got NoneT"),
        ("sgd_step(p.astype('>f8'), ROW, learning_rate=0.1)", TypeError, r"param must .* got >f8"),
        ("sgd_step(p[::-1], ROW, learning_rate=0.1)", ValueError, r"param must be C-contiguous"),
        ("sgd_step(locked, ROW, learning_rate=0.1)", ValueError, r"param must be .* writable"),
        ("sgd_step(p, p, learning_rate=0.1)", ValueError, r"grad shares memory with another"),
        ("adam_step(p, ROW, p, r, t=1)", ValueError, r"adam_step: m shares memory with another"),
        ("adam_step(p, ROW, both[:2], both[1:], t=1)", ValueError, r"adam_step: v shares memory"),
    ],
)
def test_values_out_of_range(expression, error, message):
    locked = ROW.copy()
    locked.flags.writeable = False
    arrays = {name: np.ones(2) for name in "pqr"} | {"locked": locked, "both": np.ones(3)}
    names = {**vars(kernels), **arrays, "np": np, "ROW": ROW, "GOOD": GOOD}
    with pytest.raises(error, match=message):
        eval(expression, names)
    for array in arrays.values():  # nothing was written
        assert np.all(array == 1)


def test_steps_leave_the_gradient_alone(isa, dtype):
    gradient = sample(1, 9, dtype)[0]
    before = gradient.copy()
    p, m, v = (np.ones(9, dtype) for _ in range(3))
    kernels.sgd_step(p, gradient, m, learning_rate=0.1, momentum=0.5, nesterov=True)
    kernels.adam_step(p, gradient, m, v, t=1)
    kernels.adamw_step(p, gradient, m, v, t=2)
    np.testing.assert_array_equal(gradient, before)


def test_arguments_after_the_star_have_names():
    for call in (
        lambda: kernels.matmul(GOOD, GOOD, True),
        lambda: kernels.relu(ROW, ROW),
        lambda: kernels.adam_step(ROW, ROW, ROW, ROW, 1),
    ):
        with pytest.raises(TypeError, match="positional"):
            call()
