"""Models as ONNX files: valid by onnx's checker, and ONNX Runtime computes what fastnn does."""

from __future__ import annotations

import sys

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import HealthCheck, given, settings

import fastnn as fnn
import fastnn.nested
from fastnn.activations import Activation
from fastnn.interchange.onnx_out import to_onnx
from reference import graphs

NEWEST = onnx.defs.onnx_opset_version()
OPSETS = [13, 17, 18, 20, 23, 24]  # either side of each operator that is new or changes
# float32 through a few layers; ONNX Runtime's error function in float64 is float32's (1e-7).
TOLERANCE = {"rtol": 1e-5, "atol": 1e-5}

onnxruntime.set_default_logger_severity(4)


def checked(model, opset=17):
    """The model as ONNX, checked with the inference of shapes."""
    proto = to_onnx(model, opset=opset)
    onnx.checker.check_model(proto, full_check=True)
    return proto


def run(proto, **inputs):
    """What ONNX Runtime computes, by the names of the outputs."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        proto.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, inputs), strict=True))


def agree(model, x, opset=17):
    """ONNX Runtime and fastnn give the same; return the ONNX model."""
    proto = checked(model, opset)
    (found,) = run(proto, **{model.input_names[0]: x}).values()
    np.testing.assert_allclose(found, model.predict(x), **TOLERANCE)
    return proto


def rows(n, cols, dtype="float32"):
    return (3 * np.random.default_rng([n, cols]).normal(size=(n, cols))).astype(dtype)


def stirred(model, seed=0):
    """The model with parameters and moments that are all different."""
    rng = np.random.default_rng(seed)
    for values in (*model.parameters.values(), *model.state.values()):
        values[...] = rng.uniform(0.2, 1.2, values.shape)
    return model


# ---- activations --------------------------------------------------------------------------------


@pytest.mark.parametrize("opset", OPSETS)
def test_every_activation_agrees(opset, dtype):
    x = fnn.Input(5, name="x")
    names = {cls.tag for cls in Activation.table.values()}
    assert len(names) >= 28
    outputs = {name: fnn.Dense(6, name)(x) for name in sorted(names)}
    model = fnn.Model(x, outputs, seed=1, dtype=dtype)
    given = rows(9, 5, dtype)
    found = run(checked(model, opset), x=given)
    for name, values in model.predict(given).items():
        np.testing.assert_allclose(found[name], values, **TOLERANCE, err_msg=name)


@pytest.mark.parametrize(
    "activation",
    [
        *(fnn.activations.LeakyReLU(0.3), fnn.activations.ELU(0.5), fnn.activations.CELU(0.4)),
        *(fnn.activations.Squareplus(2.0), fnn.activations.SoftShrink(0.2)),
        *(fnn.activations.HardShrink(1.5), fnn.activations.LeakyReLU(1.5)),
    ],
    ids=repr,
)
def test_numbers_of_activations_are_written(activation, dtype):
    agree(
        fnn.Sequential([fnn.Input(5), fnn.Activation(activation)], dtype=dtype), rows(9, 5, dtype)
    )


def test_softplus_and_its_kin_do_not_overflow_in_float64():
    for name in ("softplus", "log_sigmoid", "mish", "elu", "celu", "selu"):
        model = fnn.Sequential([fnn.Input(1), fnn.Activation(name)], dtype="float64")
        x = np.array([[-1000.0], [1000.0]])
        (found,) = run(checked(model), input_0=x).values()
        np.testing.assert_allclose(found, model.predict(x), **TOLERANCE)


# ---- layers -------------------------------------------------------------------------------------


def chain(*layers, inputs=6, dtype="float32"):
    return stirred(fnn.Sequential([fnn.Input(inputs), *layers], seed=0, dtype=dtype))


LAYERS = {
    "dense": lambda: [fnn.Dense(4, use_bias=False), fnn.Dense(3)],
    "maxout": lambda: [fnn.Maxout(4, 3), fnn.Maxout(2, 1, use_bias=False)],
    "prelu": lambda: [fnn.PReLU(), fnn.Dense(2)],
    "batch_norm": lambda: [fnn.BatchNormalization(), fnn.BatchNormalization(scale=False)],
    "batch_norm, nothing trained": lambda: [fnn.BatchNormalization(center=False, scale=False)],
    "layer_norm": lambda: [fnn.LayerNormalization(), fnn.Dense(4), fnn.LayerNormalization(1e-5)],
    "layer_norm, parts": lambda: [
        fnn.LayerNormalization(center=False),
        fnn.LayerNormalization(scale=False),
        fnn.LayerNormalization(center=False, scale=False),
    ],
    "rms_norm": lambda: [fnn.RMSNormalization(), fnn.RMSNormalization(0.1)],
    "normalization": lambda: [fnn.Normalization(), fnn.Dense(3), fnn.Normalization(invert=True)],
    "split": lambda: [fnn.Flatten(), fnn.ActivityRegularization(l1=0.1), fnn.Dense(2)],
    "noise": lambda: [
        fnn.Dropout(0.5),
        fnn.AlphaDropout(0.5),
        fnn.GaussianDropout(0.5),
        fnn.GaussianNoise(1.0),
    ],
}


@pytest.mark.parametrize("opset", [13, 17, 18, 23])
@pytest.mark.parametrize("name", LAYERS)
def test_layer_agrees(name, opset, dtype):
    agree(chain(*LAYERS[name](), dtype=dtype), rows(7, 6, dtype), opset)


@pytest.mark.parametrize("opset", [13, 18])
def test_bilinear_agrees(opset, dtype):
    a, b = fnn.Input(3, name="a"), fnn.Input(4, name="b")
    model = stirred(fnn.Model([a, b], fnn.Bilinear(5, "tanh")(a, b), dtype=dtype))
    x = {"a": rows(6, 3, dtype), "b": rows(6, 4, dtype)}
    (found,) = run(checked(model, opset), **x).values()
    np.testing.assert_allclose(found, model.predict(x), **TOLERANCE)


def test_embedding_agrees():
    x = fnn.Input(3)
    codes, degrees = fnn.Split([2, 1])(x)
    found = fnn.Embedding([60, 7], [4, 3])(codes)
    model = fnn.Model(x, fnn.Dense(2)(fnn.Concatenate()([found, degrees])), seed=0)
    given = np.array([[0, 0, 1.5], [59, 6, -2], [17, 3, 0]], np.float32)
    agree(model, given)


@pytest.mark.parametrize("count", [2, 3, 5])
def test_combining_layers_agree(count, dtype):
    xs = [fnn.Input(4, name=f"x{i}") for i in range(count)]
    outputs = {
        "sum": fnn.Add()(xs),
        "difference": fnn.Subtract()(xs[:2]),
        "product": fnn.Multiply()(xs),
        "mean": fnn.Average()(xs),
        "largest": fnn.Maximum()(xs),
        "beside": fnn.Concatenate()(xs),
    }
    model = fnn.Model(xs, outputs, dtype=dtype)
    x = {f"x{i}": rows(5 + i, 4, dtype)[:5] for i in range(count)}
    found = run(checked(model), **x)
    assert list(found) == list(outputs)
    for name, values in model.predict(x).items():
        np.testing.assert_allclose(found[name], values, **TOLERANCE)


def test_shared_and_nested_layers_have_one_set_of_weights():
    inner = fnn.Sequential([fnn.Input(3), fnn.Dense(3, "relu")], name="inner", seed=0)
    x = fnn.Input(3)
    side, whole = fnn.Dense(3, name="side"), fnn.nested.ModelLayer(inner)
    h = fnn.Add()([side(x), side(whole(x)), whole(side(x))])
    model = fnn.Model(x, h, seed=1)
    proto = agree(model, rows(5, 3))
    names = sorted(tensor.name for tensor in proto.graph.initializer)
    assert names == sorted(model.parameters)
    assert "inner/dense_0/kernel" in names


same_each_time = settings(
    derandomize=True,
    deadline=None,
    database=None,
    max_examples=40,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@same_each_time
@given(recipe=graphs.recipes())
def test_random_graph_goes_out_and_comes_back(recipe):
    """Several inputs and outputs, shared layers, everything that draws no noise; float64."""
    model = graphs.build(recipe)
    proto = checked(model)
    x = {
        name: np.random.default_rng(i).normal(size=(4, cols))
        for i, (name, cols) in enumerate(zip(model.input_names, model.input_cols, strict=True))
    }
    want = model.predict(list(x.values()) if len(x) > 1 else x["in0"])
    want = want if isinstance(want, list) else [want]
    found = list(run(proto, **x).values())
    again = fnn.from_onnx(proto)
    back = again.predict(x if len(again.input_names) > 1 else next(iter(x.values())))
    back = list(back.values()) if isinstance(back, dict) else [back]
    for one, two, three in zip(want, found, back, strict=True):
        np.testing.assert_allclose(two, one, **TOLERANCE)
        np.testing.assert_allclose(three, one, rtol=1e-9, atol=1e-9)  # float64, sums alike


# ---- names, shapes, the file --------------------------------------------------------------------


def test_inputs_and_outputs_keep_their_names_and_any_number_of_rows():
    x = fnn.Input(3, name="car")
    model = fnn.Model(x, {"mpg": fnn.Dense(1)(x), "car": fnn.Dense(2)(x)})
    graph = checked(model).graph
    shapes = {
        value.name: [axis.dim_param or axis.dim_value for axis in value.type.tensor_type.shape.dim]
        for value in (*graph.input, *graph.output)
    }
    # An output may not have the name of an input.
    assert shapes == {"car": ["batch", 3], "mpg": ["batch", 1], "car_output": ["batch", 2]}


def test_the_file_says_who_wrote_it():
    proto = to_onnx(fnn.Sequential([fnn.Input(2), fnn.Dense(1)], name="cars"))
    assert (proto.producer_name, proto.producer_version) == ("fastnn", fnn.__version__)
    assert proto.graph.name == "cars"
    assert [(one.domain, one.version) for one in proto.opset_import] == [("", 17)]


def test_no_rows_one_row_many_rows():
    model = chain(fnn.Dense(4, "gelu"), fnn.LayerNormalization(), fnn.Dense(2))
    for count in (1, 300):
        agree(model, rows(count, 6))
    (found,) = run(checked(model), input_0=rows(0, 6)).values()
    assert found.shape == (0, 2)


def test_an_input_may_be_an_output_and_an_output_may_be_there_twice():
    x = fnn.Input(2, name="x")
    h = fnn.Dense(2)(x)
    model = fnn.Model(x, {"same": x, "one": h, "other": h}, seed=0)
    found = run(checked(model), x=rows(3, 2))
    for name, values in model.predict(rows(3, 2)).items():
        np.testing.assert_allclose(found[name], values, **TOLERANCE)


def test_a_model_of_sparse_rows_takes_dense_ones():
    from scipy.sparse import csr_array

    model = fnn.Sequential([fnn.Input(6), fnn.Dense(3, "relu"), fnn.Dense(1)], seed=0)
    x = rows(5, 6) * (rows(5, 6) > 0)
    (found,) = run(checked(model), input_0=x).values()
    np.testing.assert_allclose(found, model.predict(csr_array(x)), **TOLERANCE)


def test_export_writes_what_a_trained_model_is_now(tmp_path):
    model = fnn.Sequential(
        [fnn.Input(3), fnn.Normalization(), fnn.Dense(4, "relu"), fnn.BatchNormalization(),
         fnn.Dense(1), fnn.Normalization(invert=True)],
        seed=0,
    )  # fmt: skip
    x, y = 100 + rows(64, 3), 5000 + 100 * rows(64, 1)
    model.adapt(x, y)
    fnn.Trainer(model, "mse").fit(x, y, epochs=3, verbose=0)
    model.export_onnx(tmp_path / "m.onnx", opset=15)
    proto = onnx.load(tmp_path / "m.onnx")
    assert proto.opset_import[0].version == 15
    (found,) = run(proto, input_0=x).values()
    np.testing.assert_allclose(found, model.predict(x), rtol=1e-5)


# ---- what cannot be written ---------------------------------------------------------------------


class Doubled(fnn.layers.Layer):
    """A layer of a person's own."""

    __slots__ = ()
    tag = "doubled"

    def __init__(self):
        self._set(name=None)

    def lower(self, to, inputs):
        return (to.combine((inputs[0], inputs[0]), 0),)


def test_layers_that_onnx_cannot_express_are_all_named():
    inner = fnn.Sequential([fnn.Input(2), fnn.Lambda(np.square, name="square")], name="inner")
    model = fnn.Sequential([fnn.Input(2), Doubled(), fnn.nested.ModelLayer(inner), fnn.Dense(1)])
    with pytest.raises(ValueError, match="'inner/square', a Lambda") as error:
        to_onnx(model)
    assert "'doubled_0': Doubled is a class of your own" in str(error.value)


def test_an_activation_of_ones_own_is_named():
    class Mine(fnn.activations.ReLU):
        __slots__ = ()
        tag = "mine"

    model = fnn.Sequential([fnn.Input(2), fnn.Dense(1, Mine(), name="last")])
    with pytest.raises(ValueError, match=r"'last': its activation Mine\(\)"):
        to_onnx(model)


@pytest.mark.parametrize("opset", [12, NEWEST + 1, "17", True])
def test_unknown_opset_is_refused(opset):
    with pytest.raises((TypeError, ValueError), match="export_onnx: opset must be an integer"):
        to_onnx(fnn.Sequential([fnn.Input(2), fnn.Dense(1)]), opset=opset)


def test_a_failed_export_leaves_the_old_file(tmp_path):
    path = tmp_path / "m.onnx"
    path.write_bytes(b"old")
    model = fnn.Sequential([fnn.Input(2), fnn.Lambda(np.square)])
    with pytest.raises(ValueError, match="Lambda"):
        model.export_onnx(path)
    assert path.read_bytes() == b"old"
    assert [one.name for one in tmp_path.iterdir()] == ["m.onnx"]


def test_without_onnx_the_error_names_the_extra(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "onnx", None)
    model = fnn.Sequential([fnn.Input(2), fnn.Dense(1)])
    with pytest.raises(ImportError, match=r'pip install "fastnn-core\[onnx\]"'):
        model.export_onnx(tmp_path / "m.onnx")
    with pytest.raises(ImportError, match=r"from_onnx needs .* \"fastnn-core\[onnx\]\""):
        fnn.from_onnx(tmp_path / "m.onnx")
