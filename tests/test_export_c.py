"""`Model.export_c`: the C file is compiled and asked, for every layer and every activation."""

from __future__ import annotations

import ctypes
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest

import fastnn as fnn
from fastnn.interchange import c_functions
from fastnn.interchange.c_source import STACK_BYTES, write_source

WARNINGS = ["-std=c99", "-Wall", "-Wextra", "-pedantic", "-Wshadow", "-Wconversion", "-Werror"]
ALPHAS = {"leaky_relu", "elu", "celu", "squareplus", "soft_shrink", "hard_shrink"}
KINDS = {cls.tag for cls in fnn.activations.Activation.table.values()}


def activations(dtype):
    """Every activation, half of them in a dense layer."""
    x = fnn.Input(6)
    ends = {}
    for i, name in enumerate(sorted(KINDS)):
        spec = fnn.activations.get(name)
        if name in ALPHAS:
            spec = type(spec)(0.3)
        ends[name] = (fnn.Activation(spec) if i % 2 else fnn.Dense(8, spec))(x)
    return fnn.Model(x, ends, seed=1, dtype=dtype, name='all */ of ??/ "them" \\')


def layers(dtype):
    """Every layer; several inputs and outputs; a model in a model; values that are read twice."""
    inner = fnn.Sequential(
        [
            fnn.Input(5),
            fnn.Dense(4, "tanh"),
            fnn.BatchNormalization(scale=False),
            fnn.PReLU("ones"),
        ],
        name="inner",
        seed=3,
    )
    numbers, codes = fnn.Input(5, name="int"), fnn.Input(3, name="über codes")
    h = fnn.Normalization([1, 2, 3, 4, 5], [1, 4, 9, 16, 0], name="norm")(numbers)
    first, second = fnn.Split([2, 3])(h)
    weekday, month = fnn.Split([1, 2])(codes)
    found = fnn.Embedding([7, 12], [3, 2], name="tables")(month)
    one = fnn.Embedding(9, 4)(weekday)
    wide = fnn.Concatenate()([first, found, one, inner(h)])
    wide = fnn.LayerNormalization(name="ln")(wide)
    wide = fnn.LayerNormalization(center=False, scale=False)(wide)
    noisy = fnn.GaussianNoise(0.1)(fnn.Dropout(0.5)(wide))
    noisy = fnn.ActivityRegularization(0.1)(fnn.Flatten()(noisy))
    a = fnn.Maxout(6, pieces=3)(noisy)
    b = fnn.Bilinear(6, "relu", bias_initializer="ones")([second, noisy])
    c = fnn.Dense(12, "glu", use_bias=False)(noisy)
    d = fnn.Average()([a, b, c])
    e = fnn.Maximum()([fnn.Multiply()([a, d, c]), fnn.Subtract()([b, a]), d])
    f = fnn.Add()([a, a, b, e])
    f = fnn.Multiply()([f, e, f])  # whose first input may not be overwritten before the last
    f = fnn.RMSNormalization()(fnn.Add()([f, f]))
    side = fnn.Dense(6, "gelu", name="twice")
    f = fnn.BatchNormalization(center=False)(fnn.Concatenate()([side(f), side(e)]))
    price = fnn.Normalization([20.0], [9.0], invert=True)(fnn.Dense(1)(f))
    chances = fnn.Dense(3, "softmax")(f)
    return fnn.Model([numbers, codes], [price, chances, chances, f, numbers], seed=2, dtype=dtype)


def large(dtype):
    """Too much for the stack."""
    return fnn.Sequential(
        [fnn.Input(4), fnn.Dense(1100, "relu"), fnn.Dense(5, "silu"), fnn.Dense(2)],
        seed=4,
        dtype=dtype,
    )


def plain(dtype):
    """The README's."""
    return fnn.Sequential(
        [fnn.Input(7), fnn.Dense(32, "relu"), fnn.Dense(8, "relu"), fnn.Dense(1)],
        seed=0,
        dtype=dtype,
    )


def single(dtype):
    """No layer but one without arrays, no buffer."""
    return fnn.Sequential([fnn.Input(3), fnn.Flatten()], dtype=dtype)


def rows_of(model, n, seed=0):
    rng = np.random.default_rng(seed)
    rows = [2 * rng.standard_normal((n, cols)) for cols in model.input_cols]
    for number, column, size in model._tables:
        rows[number][:, column] = rng.integers(0, size, n)
    return [array.astype(model.dtype) for array in rows]


def with_random_weights(model):
    """Biases, gammas and moments that are not 0 and 1."""
    rng = np.random.default_rng(5)
    for name, values in (*model.parameters.items(), *model.state.items()):
        noise = 0.3 * rng.standard_normal(values.shape)
        values += np.abs(noise) if name.endswith(("variance", "scale")) else noise
    return model


MAKERS = {
    "acts": activations,
    "everything": layers,
    "large": large,
    "plain": plain,
    "single": single,
}
MODELS = {
    f"{name}_{bits}": with_random_weights(make(f"float{bits}"))
    for name, make in MAKERS.items()
    for bits in (32, 64)
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with the files of all models, and a library of them."""
    path = tmp_path_factory.mktemp("c")
    for name, model in MODELS.items():
        model.export_c(path / f"{name}.c", name=name)
    files = [f"{name}.c" for name in MODELS]
    command = ["cc", *WARNINGS, "-O1", "-fPIC", "-shared", *files, "-o", "all.so", "-lm"]
    subprocess.run(command, cwd=path, check=True)
    return path


def call(folder, name, rows):
    """What the C function returns, and the outputs."""
    model = MODELS[name]
    library = ctypes.CDLL(str(folder / "all.so"))
    outs = [np.full((len(rows[0]), cols), np.nan, model.dtype) for cols in model.output_cols]
    arguments = [array.ctypes.data_as(ctypes.c_void_p) for array in (*rows, *outs)]
    arguments.append(ctypes.c_size_t(len(rows[0])))
    text = (folder / f"{name}.c").read_text()
    needed = re.search(rf"#define {name.upper()}_SCRATCH (\d+)", text)
    if needed:
        scratch = np.full(int(needed[1]), np.nan, model.dtype)
        arguments.append(scratch.ctypes.data_as(ctypes.c_void_p))
    return library[f"{name}_predict_rows"](*arguments), outs


def outputs_of(model, rows):
    outs = [np.empty((len(rows[0]), cols), model.dtype) for cols in model.output_cols]
    model.run_predict(tuple(rows), tuple(outs), 64, True)
    return outs


def test_table_covers_every_layer_and_activation():
    used = {layer.tag for model in MODELS.values() for layer in model.layers}
    used |= {layer.tag for layer in layers("float32")["inner"].model.layers}
    # What is left out in predictions is lowered as the noises above are; a function is refused.
    assert set(fnn.layers.Layer.table) - used == {"alpha_dropout", "gaussian_dropout", "lambda"}
    assert len(KINDS) == 28


@pytest.mark.parametrize("name", MODELS)
def test_c_agrees_with_predict(folder, name):
    model = MODELS[name]
    rows = rows_of(model, 50)
    _, found = call(folder, name, rows)
    # Of the largest value of the output, or four times what rounding to float32 does to it:
    # products may be rounded by themselves, sums have another order, libm is not ours.
    wanted = outputs_of(model, rows)
    twin = outputs_of(model.as_dtype("float64"), rows)
    for got, want, exact in zip(found, wanted, twin, strict=True):
        tolerance = max(
            4 * np.abs(exact - want).max()
            if name in ("acts_32", "everything_32", "large_32")
            else 0,
            np.abs(want).max() * (1e-6 if model.dtype == "float32" else 1e-14),
        )
        np.testing.assert_allclose(got, want, rtol=0, atol=tolerance)


@pytest.mark.parametrize(
    "name", [f"{one}_{bits}" for one in ("acts", "plain") for bits in (32, 64)]
)
def test_c_takes_extreme_values(folder, name):
    model = MODELS[name]
    rows = [np.full((4, cols), 1.0, model.dtype) for cols in model.input_cols]
    for array in rows:
        array *= np.array([[0.0], [-0.0], [300.0], [-300.0]], model.dtype)
    _, found = call(folder, name, rows)
    for key, got, want in zip(model.output_names, found, outputs_of(model, rows), strict=True):
        # What is looked for is Inf, NaN and wrong branches, not roundings of sums of 300s.
        atol = 1e-6 * np.abs(want[np.isfinite(want)]).max()
        np.testing.assert_allclose(got, want, rtol=1e-4, atol=atol, err_msg=key)


@pytest.mark.parametrize("bits", [32, 64])
@pytest.mark.parametrize("code", [-1.0, 7.0, 2.5, np.nan, np.inf])
def test_c_refuses_codes_that_no_table_has(folder, bits, code):
    name = f"everything_{bits}"
    rows = rows_of(MODELS[name], 2)
    assert call(folder, name, rows)[0] == 0
    rows[1][0, 1] = code
    status, found = call(folder, name, rows)
    assert status == -1
    assert all(np.isnan(one).all() for one in found)  # as they were


def test_c_passes_nan_on(folder):
    model = MODELS["acts_32"]
    rows = [np.full((1, 6), np.nan, np.float32)]
    _, found = call(folder, "acts_32", rows)
    for name, values in zip(model.output_names, found, strict=True):
        assert np.isnan(values).all(), name


def compilers():
    found = [("cc", [], ["-O2"])]
    if shutil.which("clang"):
        found.append(("clang", [], ["-O1"]))
    if shutil.which("aarch64-linux-gnu-gcc") and shutil.which("qemu-aarch64"):
        found.append(("aarch64-linux-gnu-gcc", ["qemu-aarch64"], ["-O1", "-static"]))
    return found


@pytest.mark.parametrize("compiler, emulator, flags", compilers(), ids=lambda one: str(one))
@pytest.mark.parametrize("name", ["everything_32", "acts_64"])
def test_file_checks_itself(folder, tmp_path, compiler, emulator, flags, name):
    program = str(tmp_path / "check")
    define = f"-D{name.upper()}_MAIN"
    command = [compiler, *WARNINGS, *flags, define, f"{name}.c", "-o", program, "-lm"]
    subprocess.run(command, cwd=folder, check=True)
    done = subprocess.run([*emulator, program], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert done.stdout.count("as wanted") == len(MODELS[name].output_cols)


def test_check_fails_where_a_weight_is_wrong(tmp_path):
    model = fnn.Sequential([fnn.Input(2), fnn.Dense(3, "relu"), fnn.Dense(1)], seed=0)
    text = write_source(model, name="net")
    begin = text.index("dense_1_bias[1] = {")
    wrong = text[:begin] + text[begin:].replace("    0,", "    0.001f,", 1)
    for source, code in ((text, 0), (wrong, 1)):
        (tmp_path / "net.c").write_text(source)
        command = ["cc", "-std=c99", "-DNET_MAIN", "net.c", "-o", "net", "-lm"]
        subprocess.run(command, cwd=tmp_path, check=True)
        done = subprocess.run([tmp_path / "net"], capture_output=True, text=True)
        assert done.returncode == code
        assert ("WRONG" in done.stdout) == bool(code)


def test_check_rows_may_be_given():
    model = fnn.Sequential([fnn.Input(2), fnn.Dense(1)], seed=0)
    text = write_source(model, x=[[0.5, 0.25]])
    assert "given_x[2] = {\n    0x1p-1f, 0x1p-2f,\n}" in text
    assert "given_x[128]" in write_source(model, x=np.ones((1000, 2)))
    with pytest.raises(ValueError, match=r"export_c: x has shape \(1, 3\)"):
        write_source(model, x=[[0.5, 0.25, 1.0]])


def test_weights_are_exact():
    model = fnn.Sequential([fnn.Input(3), fnn.Dense(50)], seed=0, dtype="float64")
    text = write_source(model)
    inside = re.search(r"dense_0_kernel\[150\] = \{(.*?)\}", text, re.S)[1]
    numbers = [float.fromhex(word) for word in inside.replace(",", " ").split()]
    np.testing.assert_array_equal(numbers, model.parameters["dense_0/kernel"].ravel())


def test_file_needs_libm_alone_and_keeps_no_state(folder):
    for name in MODELS:
        text = (folder / f"{name}.c").read_text()
        before, main = text.split(f"#ifdef {name.upper()}_MAIN")
        assert re.findall(r"#include (\S+)", before) == ["<math.h>", "<stddef.h>"]
        assert re.findall(r"#include (\S+)", main) == ["<stdio.h>"]
        assert "alloc" not in text
        assert not re.findall(r"^static (?!const\b).*[;=]$", before, re.M)  # no variables
        assert max(map(len, text.splitlines())) <= 100
        assert text.isascii()


@pytest.mark.parametrize("name", c_functions.NAMES)
def test_functions_bring_what_they_call_and_no_more(name):
    text = re.sub(r"/\*.*?\*/", "", c_functions.source([name]), flags=re.DOTALL)
    defined = re.findall(r"^(?:static \w+|#define) (\w+)\(", text, re.MULTILINE)
    assert name in defined
    for other in defined:
        assert other == name or text.count(f"{other}(") - defined.count(other) >= 1


def test_stack_is_used_up_to_a_limit(folder):
    for units, on_stack in ((STACK_BYTES // 4, True), (STACK_BYTES // 4 + 1, False)):
        model = fnn.Sequential([fnn.Input(1), fnn.Dense(units), fnn.Dense(1)])
        text = write_source(model)
        assert ("SCRATCH" not in text) == on_stack
        assert ("bytes of stack" in text) == on_stack


def test_values_share_buffers():
    model = fnn.Sequential([fnn.Input(4), *(fnn.Dense(16, "relu") for _ in range(9))])
    text = write_source(model)
    assert "values_0[16]" in text
    assert "values_1[16]" in text
    assert "values_2" not in text


def test_values_that_nobody_reads_are_not_computed():
    x = fnn.Input(4)
    first, _ = fnn.Split([1, 3])(fnn.Dense(4)(x))
    assert re.findall(r"^    copy\(.*", write_source(fnn.Model(x, fnn.Dense(1)(first))), re.M) == [
        "    copy(values_0, values_1, 1);"
    ]


class Doubled(fnn.layers.Layer):
    """A layer of a person's own that is made of ops."""

    __slots__ = ()
    tag = "doubled"

    def __init__(self, *, name=None):
        self._set(name=name)

    def lower(self, to, inputs):
        return (to.combine((inputs[0], inputs[0]), fnn.Add.variant),)


def test_own_layers_of_known_ops_are_exported():
    text = write_source(fnn.Sequential([fnn.Input(4), Doubled(name="mine")]))
    assert "    /* mine */\n    add(x, x, y, 4);" in text


def test_check_rows_are_in_the_units_of_the_data():
    model = fnn.Sequential([fnn.Input(1), fnn.Normalization([1000.0], [1.0]), fnn.Dense(1)], seed=0)
    given = re.search(r"given_x\[4\] = \{(.*?)\}", write_source(model), re.S)[1]
    rows = [float.fromhex(word.strip().rstrip("f")) for word in given.split(",")[:4]]
    assert all(990 < one < 1010 for one in rows)


def test_names_do_not_clash(tmp_path):
    names = ["float", "exp", "found_y", "n", "dense", "values_0", "0 zero", "net_predict", "***"]
    inputs = [fnn.Input(2, name=name) for name in names]
    h = fnn.Dense(3, "exp", name="exp(")(fnn.Concatenate(name="a*")(inputs))
    ends = {name: fnn.Dense(2, name=f"end {name}")(h) for name in names}
    model = fnn.Model(inputs, ends, seed=0, name="*/ int main;\n#error")
    model.export_c(tmp_path / "net.c", name="net")
    command = ["cc", *WARNINGS, "-DNET_MAIN", "net.c", "-o", "net", "-lm"]
    subprocess.run(command, cwd=tmp_path, check=True)
    subprocess.run([tmp_path / "net"], check=True, capture_output=True)


def test_refusals_leave_the_file(tmp_path):
    path = tmp_path / "net.c"
    path.write_text("old")
    good = fnn.Sequential([fnn.Input(2), fnn.Dense(1)])
    for name in ("", "2x", "a b", "int", "_x", "größe", "x" * 41):
        with pytest.raises(ValueError, match="export_c: name begins the names of the C functions"):
            good.export_c(path, name=name)
    with pytest.raises(TypeError, match="export_c: name must be a string, got 3"):
        good.export_c(path, name=3)
    own = fnn.Sequential([fnn.Input(2), fnn.Lambda(np.square, name="squares"), fnn.Dense(1)])
    with pytest.raises(ValueError, match="export_c: the layer 'squares' is a Python function"):
        own.export_c(path)
    good.parameters["dense_0/bias"][0] = np.nan
    with pytest.raises(ValueError, match="export_c: dense_0/bias has NaN or Inf"):
        good.export_c(path)
    assert path.read_text() == "old"
    assert [one.name for one in tmp_path.iterdir()] == ["net.c"]
    with pytest.raises(OSError, match="nowhere"):
        MODELS["single_32"].export_c(tmp_path / "nowhere" / "net.c")


def test_import_of_fastnn_loads_no_interchange():
    script = "import sys, fastnn; fastnn.Model; sys.exit('fastnn.interchange' in sys.modules)"
    subprocess.run([sys.executable, "-c", script], check=True)


def test_other_dtype_has_the_same_weights():
    model = MODELS["everything_32"]
    twin = model.as_dtype("float64")
    assert twin.dtype == "float64"
    for key, values in {**model.parameters, **model.state}.items():
        np.testing.assert_array_equal({**twin.parameters, **twin.state}[key], values)
    back = twin.as_dtype(np.float32)
    np.testing.assert_array_equal(back.parameter_arena, model.parameter_arena)
    with pytest.raises(ValueError, match=r"Model.as_dtype: dtype must be float32 or float64"):
        model.as_dtype("float16")
