"""ONNX files as models: forms of operators, patterns, refusals.  What is right comes from ONNX's
reference evaluator."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

import fastnn as fnn
from fastnn.activations import Activation
from fastnn.interchange.onnx_out import to_onnx


def graph(body, *, inputs="float[N,4] x", outputs="float[N,k] y", opset=17, ir=8, domains="", **w):
    """A model of nodes in ONNX's text form, with weights by name."""
    model = onnx.parser.parse_model(
        f'<ir_version: {ir}, opset_import: ["": {opset}{domains}]>\n'
        f"g ({inputs}) => ({outputs}) {{ {body} }}"
    )
    for name, array in w.items():
        model.graph.initializer.append(numpy_helper.from_array(np.asarray(array), name))
    return model


def rows(*shape, seed=0, dtype=np.float32):
    return (2 * np.random.default_rng([seed, *shape]).normal(size=shape)).astype(dtype)


def agree(model, **x):
    """The imported model computes what the reference does; return the model."""
    network = fnn.from_onnx(model)
    want = ReferenceEvaluator(model).run(None, x)
    flat = {name: array.reshape(len(array), -1) for name, array in x.items()}
    found = network.predict(flat if len(flat) > 1 else next(iter(flat.values())))
    found = list(found.values()) if isinstance(found, dict) else [found]
    assert len(found) == len(want)
    for one, other in zip(found, want, strict=True):
        np.testing.assert_allclose(one, other.reshape(one.shape), rtol=1e-5, atol=1e-5)
    return network


def kinds(network):
    return [layer.kind for layer in network.layers[1:]]


# ---- affine maps --------------------------------------------------------------------------------


@pytest.mark.parametrize("trans", [0, 1])
@pytest.mark.parametrize("alpha, beta", [(1.0, 1.0), (0.5, 1.0), (1.0, 2.0), (-2.0, 0.0)])
@pytest.mark.parametrize("shape", [None, (), (1,), (3,), (1, 3), (1, 1)])
def test_gemm(trans, alpha, beta, shape):
    w = rows(3, 4) if trans else rows(4, 3)
    settings = f"<alpha = {alpha}, beta = {beta}, transB = {trans}>"
    body = f"y = Gemm {settings} (x, W{'' if shape is None else ', C'})"
    more = {} if shape is None else {"C": rows(*shape)}
    network = agree(graph(body, W=w, **more), x=rows(5, 4))
    assert kinds(network) == ["dense"]
    assert network.layers[1].use_bias == (shape is not None and beta != 0)


def test_gemm_adds_what_is_not_constant():
    network = agree(
        graph("r = Relu(x) y = Gemm <beta = 0.5> (x, W, r)", W=rows(4, 4)), x=rows(5, 4)
    )
    assert "add" in kinds(network)


@pytest.mark.parametrize(
    "body", ["y = Add(h, b)", "y = Add(b, h)", "y = Sub(h, b)", "y = Sum(h, b)"]
)
def test_a_product_and_a_sum_are_one_layer(body):
    model = graph(f"h = MatMul(x, W) {body}", W=rows(4, 3), b=rows(3))
    assert kinds(agree(model, x=rows(5, 4))) == ["dense"]


def test_a_transposed_weight_is_folded():
    model = graph("T = Transpose(W) h = MatMul(x, T) y = Tanh(h)", W=rows(3, 4))
    network = agree(model, x=rows(5, 4))
    assert network.layers[1].activation.name == "tanh"


def test_a_product_that_others_read_keeps_its_own_layer():
    model = graph("h = MatMul(x, W) a = Relu(h) y = Add(a, h)", W=rows(4, 3))
    assert kinds(agree(model, x=rows(5, 4))) == ["dense", "activation", "add"]


def test_matmul_with_a_vector_and_with_rows_in_an_axis_of_one():
    agree(graph("y = MatMul(x, w)", outputs="float[N] y", w=rows(4)), x=rows(5, 4))
    model = graph(
        "y = MatMul(x, W)", inputs="float[N,1,4] x", outputs="float[N,1,3] y", W=rows(4, 3)
    )
    agree(model, x=rows(5, 1, 4))


def test_half_double_and_bfloat16_weights():
    half = graph("h = MatMul(x, W) y = Add(h, b)", inputs="float16[N,4] x",
                 outputs="float16[N,3] y", W=rows(4, 3, dtype=np.float16),
                 b=rows(3, dtype=np.float16))  # fmt: skip
    assert fnn.from_onnx(half).dtype == "float32"
    double = graph("y = MatMul(x, W)", inputs="double[N,4] x", outputs="double[N,3] y",
                   W=rows(4, 3, dtype=np.float64))  # fmt: skip
    network = agree(double, x=rows(5, 4, dtype=np.float64))
    assert network.dtype == "float64"
    bits = helper.make_tensor("W", TensorProto.BFLOAT16, [4, 3], np.arange(12) / 8)
    model = graph("C = Cast <to = 1> (W) y = MatMul(x, C)")
    model.graph.initializer.append(bits)
    kernel = fnn.from_onnx(model).parameters["dense_0/kernel"]
    np.testing.assert_array_equal(kernel.ravel(), np.arange(12) / 8)


def test_weights_in_another_file(tmp_path):
    model = graph("h = MatMul(x, W) y = Add(h, b)", W=rows(4, 300), b=rows(300))
    plain = fnn.from_onnx(model)
    onnx.save(model, tmp_path / "m.onnx", save_as_external_data=True, location="m.weights",
              size_threshold=100)  # fmt: skip
    network = fnn.from_onnx(tmp_path / "m.onnx")
    np.testing.assert_array_equal(network.parameter_arena, plain.parameter_arena)
    with pytest.raises(ValueError, match="'W' lie in another file; give the path"):
        fnn.from_onnx((tmp_path / "m.onnx").read_bytes())
    (tmp_path / "m.weights").unlink()
    with pytest.raises((OSError, ValueError), match=r"m\.weights|m\.onnx"):
        fnn.from_onnx(tmp_path / "m.onnx")


# ---- elementwise --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        *("y = Mul(x, c)", "y = Div(x, c)", "y = Sub(c, x)", "y = Max(x, c)", "y = Min(c, x)"),
        *("y = Neg(x)", "y = Abs(x)", "y = Pow(x, three)", "y = PRelu(x, c)", "y = Max(x, x, c)"),
        *("y = Clip(x, low, high)", "y = Clip(x, low)", "y = Clip(x, , high)", "y = Clip(x)"),
        "y = HardSigmoid <alpha = 0.3, beta = 0.4> (x)",
        "y = HardSigmoid (x)",
        "y = Selu <alpha = 1.5, gamma = 0.5> (x)",
        "y = LeakyRelu <alpha = -0.2> (x)",
        "y = ThresholdedRelu <alpha = 0.5> (x)",
        "y = Shrink <lambd = 0.5, bias = 0.5> (x)",
        "y = ReduceSum(x, axis)",
        "y = ReduceSum <keepdims = 0> (x, axis)",
        "s = ReduceMean <axes = [1]> (x) y = Sub(x, s)",
        "a = Exp(x) s = ReduceSum(a, axis) y = Div(a, s)",
        "n = Neg(x) y = Min(n, x)",
        "y = Mean(x, x, x)",
        "d, mask = Dropout(x) y = Relu(d)",
        "one = Unsqueeze(x, axis) y = Squeeze(one, axis)",
        "one = Identity(x) two = Cast <to = 1> (one) y = Flatten(two)",
    ],
)
def test_form_of_an_operator(body):
    model = graph(
        body,
        c=np.array([0.5, -1, 2, 3], np.float32),
        low=np.float32(-0.5),
        high=np.float32(1.5),
        three=np.float32(3),
        axis=np.array([1]),
    )
    agree(model, x=rows(6, 4))


def test_swish_with_a_slope():
    agree(graph("y = Swish <alpha = 1.7> (x)", opset=24, ir=11), x=rows(6, 4))


def test_older_forms_of_operators():
    """Axes, limits and ratios that were attributes once."""
    body = """
        u = Unsqueeze <axes = [1]> (x)
        p = Softmax (u)
        s = Squeeze <axes = [1]> (p)
        a, b = Split <axis = 1, split = [1, 3]> (s)
        d = Dropout <ratio = 0.25> (b)
        r = ReduceSum <axes = [1], keepdims = 1> (d)
        y = Concat <axis = 1> (a, r, d)
    """
    network = agree(graph(body, opset=11, ir=6), x=rows(5, 4))
    assert network[kinds(network).index("dropout") + 1].rate == 0.25


def test_softmax_of_opset_11_takes_all_axes_from_its_own():
    model = graph("y = Softmax (x)", inputs="float[N,2,3] x", outputs="float[N,2,3] y", opset=11)
    x = rows(4, 2, 3)
    session = onnxruntime.InferenceSession(
        model.SerializeToString()
    )  # the reference has the new one
    found = fnn.from_onnx(model).predict(x.reshape(4, 6))
    np.testing.assert_allclose(found, session.run(None, {"x": x})[0].reshape(4, 6), rtol=1e-5)
    with pytest.raises(ValueError, match="Softmax"):
        fnn.from_onnx(graph("y = Softmax (x)", inputs="float[N,2,3] x", opset=13))


# ---- shapes -------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [[0, -1], [-1, 12], [5, 12], [0, 3, 4], [-1, 1, 12]])
def test_reshape_keeps_rows(shape):
    model = graph("f = Reshape(x, s) y = Relu(f)", inputs="float[N,3,4] x", s=np.array(shape))
    agree(model, x=rows(5, 3, 4))


def test_reshape_to_a_shape_that_is_computed():
    body = """
        s = Shape(x)
        n = Gather(s, zero)
        v = Unsqueeze(n, axis)
        t = Concat <axis = 0> (v, minus)
        f = Reshape(x, t)
        y = MatMul(f, W)
    """
    model = graph(
        body,
        inputs="float[N,3,4] x",
        zero=np.array(0),
        axis=np.array([0]),
        minus=np.array([-1]),
        W=rows(12, 2),
    )
    assert kinds(agree(model, x=rows(5, 3, 4))) == ["dense"]


def test_slices_and_places_of_columns():
    body = """
        a = Slice(x, one, three, one)
        b = Gather <axis = 1> (x, places)
        c = Gather <axis = 1> (x, last)
        d = Unsqueeze(c, one)
        y = Concat <axis = 1> (a, b, d)
    """
    model = graph(body, one=np.array([1]), three=np.array([3]), places=np.array([3, 0, 1]),
                  last=np.array(-1))  # fmt: skip
    agree(model, x=rows(5, 4))


def test_embeddings_of_integers_and_of_floats():
    table, other = rows(5, 3), rows(7, 2)
    body = """
        i = Squeeze(shop, axis)
        a = Gather(table, i)
        f = Gather <axis = 1> (x, zero)
        j = Cast <to = 7> (f)
        b = Gather(other, j)
        y = Concat <axis = 1> (a, b)
    """
    model = graph(
        body,
        inputs="int64[N,1] shop, float[N,2] x",
        table=table,
        other=other,
        axis=np.array([1]),
        zero=np.array(0),
    )
    x = rows(6, 2)
    x[:, 0] = np.arange(6)
    network = agree(model, shop=np.arange(6)[:, None] % 5, x=x)
    assert [kind for kind in kinds(network) if kind == "embedding"] == ["embedding"] * 2
    with pytest.raises(ValueError, match="embedding of 7 rows"):
        network.predict({"shop": np.zeros((6, 1)), "x": x + 9})


def test_a_table_for_several_columns_is_one_layer_used_twice():
    model = graph("e = Gather(table, x) y = Flatten(e)", inputs="int64[N,2] x", table=rows(5, 3))
    network = agree(model, x=np.array([[0, 4], [1, 1], [3, 2]]))
    assert list(network.parameters) == ["embedding_0/embeddings"]


# ---- whole graphs -------------------------------------------------------------------------------


def test_shared_weights_stay_shared():
    body = "a = Gemm(x, W, b) r = Relu(a) c = Gemm(r, W, b) d = Relu(c) y = Add(r, d)"
    network = agree(graph(body, W=rows(4, 4), b=rows(4)), x=rows(5, 4))
    assert network.count_parameters() == 20


def test_several_inputs_and_outputs_come_and_go_by_name():
    body = "h = Add(a, b) p = Relu(h) q = Sub(a, b)"
    model = graph(body, inputs="float[N,2] a, float[N,2] b", outputs="float[N,2] p, float[N,2] q")
    network = agree(model, a=rows(3, 2), b=rows(3, 2, seed=1))
    assert network.input_names == ("a", "b")
    assert network.output_names == ("p", "q")


def test_nodes_that_no_output_needs_are_left_alone():
    network = fnn.from_onnx(graph("y = Relu(x) z = NonZero(x) w = Tan(x)"))
    assert kinds(network) == ["activation"]


def test_initializers_may_be_listed_as_inputs():
    model = graph("y = MatMul(x, W)", inputs="float[N,4] x, float[4,3] W", W=rows(4, 3))
    assert fnn.from_onnx(model).input_cols == (4,)


def test_batch_norm_can_be_trained_further():
    body = "y = BatchNormalization <epsilon = 0.01, momentum = 0.8> (x, g, b, m, v)"
    model = graph(body, g=rows(4), b=rows(4), m=rows(4, seed=1), v=1 + rows(4) ** 2)
    layer = agree(model, x=rows(5, 4)).layers[1]
    assert (layer.momentum, layer.epsilon) == (0.8, 0.01)


def test_class_labels_are_left_out_with_a_warning():
    model = graph("p = Softmax(x) y = ArgMax <axis = 1, keepdims = 0> (p)", outputs="int64[N] y")
    with pytest.warns(fnn.FastnnWarning, match="'y' would be class labels.*scores: 'y'"):
        network = fnn.from_onnx(model)
    np.testing.assert_allclose(network.predict(rows(3, 4)).sum(axis=1), 1, rtol=1e-6)


# ---- what fastnn wrote itself -------------------------------------------------------------------


@pytest.mark.parametrize("opset", [13, 17, 20, 23])
def test_round_trip_keeps_the_layers(opset, dtype):
    """Each activation, norms, units; but celu(1) is elu(1), and linear activations vanish."""
    names = sorted({cls.tag for cls in Activation.table.values()} - {"linear", "celu"})
    layers = [fnn.Input(6), fnn.Normalization()]
    layers += [fnn.Dense(6, name) for name in names]
    layers += [fnn.Dense(6, fnn.activations.CELU(0.5)), fnn.LayerNormalization(), fnn.Dense(4)]
    layers += [fnn.RMSNormalization(), fnn.BatchNormalization(), fnn.PReLU(), fnn.Maxout(3, 2)]
    layers += [fnn.Dense(2, use_bias=False), fnn.Normalization(invert=True)]
    model = fnn.Sequential(layers, seed=0, dtype=dtype)
    rng = np.random.default_rng(0)
    for values in model.state.values():
        values[...] = rng.uniform(0.5, 2, values.shape)
    again = fnn.from_onnx(to_onnx(model, opset=opset))
    assert type(again) is fnn.Sequential
    assert again.layer_names == model.layer_names
    assert [repr(layer) for layer in again] == [repr(layer) for layer in model]
    for mine, theirs in ((model.parameters, again.parameters), (model.state, again.state)):
        assert list(mine) == list(theirs)
        for name, values in mine.items():
            np.testing.assert_array_equal(theirs[name], values, err_msg=name)


def test_round_trip_of_a_graph():
    a, b = fnn.Input(3, name="a"), fnn.Input(4, name="b")
    codes, rest = fnn.Split([2, 2])(b)
    found = fnn.Embedding([5, 6], [2, 3], name="entity")(codes)
    pair = fnn.Bilinear(4, "relu")(a, rest)
    h = fnn.Dense(4, name="shared")(fnn.Concatenate()([found, fnn.Average()([pair, pair, pair])]))
    model = fnn.Model(
        {"a": a, "b": b}, {"low": fnn.Dense(1)(h), "high": fnn.Multiply()([h, pair])}, seed=0
    )
    again = fnn.from_onnx(to_onnx(model))
    assert sorted(layer.kind for layer in again) == sorted(layer.kind for layer in model)
    assert {"entity", "shared"} <= set(again.layer_names)
    x = {"a": rows(3, 3), "b": np.array([[0, 1, 2, 3], [4, 5, 6, 7], [1, 1, 1, 1]], np.float32)}
    for name, values in model.predict(x).items():
        np.testing.assert_allclose(again.predict(x)[name], values, rtol=1e-6, atol=1e-6)


# ---- what is refused ----------------------------------------------------------------------------


def refused(model, *words):
    with pytest.raises(ValueError, match="from_onnx: ") as error:
        fnn.from_onnx(model)
    for word in words:
        assert word in str(error.value), str(error.value)
    return str(error.value)


def test_all_unsupported_nodes_are_named_in_one_error():
    body = """
        c = Conv (x, K)
        r = Relu (c)
        d = ConvTranspose (r, K)
        f = Flatten (d)
        s = Sin (f)
        y = Det (s)
    """
    model = graph(body, inputs="float[N,1,4,4] x", K=rows(1, 1, 2, 2))
    text = refused(model, "4 nodes", "Conv 'c'", "ConvTranspose 'd'", "Sin 's'", "Det 'y'")
    assert "Relu" not in text
    assert "Flatten" not in text


@pytest.mark.parametrize(
    "body, why",
    [
        ("y = Gemm <transA = 1> (x, W)", "transA"),
        ("y = MatMul(W, x)", "'W' is a constant"),
        ("t = Transpose(x) y = Relu(t)", "order of axes"),
        ("y = Concat <axis = 0> (x, x)", "axis 0 is the batch"),
        ("y = Softmax <axis = 0> (x)", "axis 0 is the batch"),
        ("y = Div(x, x)", "divides by a tensor"),
        ("y = Erf(x)", "no layer computes"),
        ("y = Sqrt(x)", "no layer computes"),
        ("y = Add(x, many)", "differs from row to row"),
        ("y = ReduceSum(x)", "reduces all axes"),
        ("y = RandomUniformLike(x)", "no layer computes"),
        ("a = RandomNormal <shape = [1, 4]> () y = Add(a, x)", "no layer computes"),
        ("i = Cast <to = 7> (x) y = Cast <to = 1> (i)", "cut off to integers"),
        ("i = Cast <to = 7> (x) y = Relu(i)", "cut off to integers"),
        ("a = Relu(x) i = Cast <to = 7> (a) y = Gather(W, i)", "want columns of an input"),
        ("y = LayerNormalization <axis = 0> (x, W)", "axis 0 is the batch"),
        ("y = Cast <to = 7> (x)", "'y': it holds integers"),
        ("a = Sin(x) b = Cos(x) y = Add(a, b)", "2 nodes"),
        ("d, m = Dropout(x) f = Cast <to = 1> (m) y = Mul(d, f)", "further result 'm'"),
    ],
)
def test_operators_that_would_change_the_meaning_of_rows_are_refused(body, why):
    refused(graph(body, W=rows(4, 4), many=rows(5, 4)), why)


def softplus(beta, threshold, divisor):
    """As PyTorch writes nn.Softplus(beta, threshold)."""
    return graph(
        "b = Mul(x, beta) s = Softplus(b) d = Div(s, divisor) g = Greater(b, t) y = Where(g, x, d)",
        beta=np.float32(beta),
        divisor=np.float32(divisor),
        t=np.float32(threshold),
    )


def threshold(edge, floor, compare="LessOrEqual"):
    """As PyTorch writes nn.Threshold(edge, floor)."""
    body = f"low = {compare}(x, edge) y = Where(low, floor, x)"
    return graph(body, edge=np.float32(edge), floor=np.float32(floor))


@pytest.mark.parametrize("beta", [2.0, 0.3, 5.0])
def test_softplus_of_another_sharpness(beta):
    network = agree(softplus(beta, 20, beta), x=rows(40, 4))
    assert kinds(network) == ["normalization", "activation", "normalization"]
    assert network.layers[2].activation.name == "softplus"


@pytest.mark.parametrize(
    "edge, floor, layers",
    [
        (0.5, 0.5, ["normalization", "activation", "normalization"]),
        (-0.5, -0.5, ["normalization", "activation", "normalization"]),
        (0.4, 0.0, ["activation", "activation"]),
        (0.0, -1.5, ["normalization", "activation", "activation", "normalization"]),
        (0.75, -1.5, ["normalization", "activation", "activation", "normalization"]),
    ],
)
def test_threshold(edge, floor, layers):
    x = rows(40, 4)
    x[0] = edge
    assert kinds(agree(threshold(edge, floor), x=x)) == layers


def test_thresholds_and_softplus_that_no_layers_compute_are_refused():
    refused(threshold(0.1, 20.0), "LessOrEqual")  # jumps down
    refused(threshold(0.4, 0.0, "Less"), "Less")  # 0.4 itself stays
    refused(softplus(0.5, 5, 0.5), "Greater")  # changes over where the two differ
    refused(softplus(2.0, 20, 2.1), "Greater")


def test_a_piece_that_is_nearly_a_known_function_is_not_taken_for_it():
    """gelu with 0.6 for 0.5, leaky relu whose slope bends, a layer norm by another power."""
    for body in (
        "d = Div(x, root) e = Erf(d) a = Add(e, one) m = Mul(x, a) y = Mul(m, wrong)",
        "e = Sqrt(x) y = Mul(e, e)",
        "s = Mul(x, x) m = ReduceMean <axes = [1]> (s) r = Sqrt(m) q = Sqrt(r) y = Div(x, q)",
    ):
        constants = {
            "root": np.float32(np.sqrt(2)),
            "one": np.float32(1),
            "wrong": np.float32(0.6),
        }
        refused(graph(body, **constants), "no layer")


def test_files_that_are_none(tmp_path):
    model = to_onnx(fnn.Sequential([fnn.Input(4), fnn.Dense(3)])).SerializeToString()
    for name, content in {
        "empty": b"",
        "words": b"this is no model at all",
        "numbers": bytes(range(256)),
        "half": model[: len(model) // 2],
        "one byte less": model[:-1],
    }.items():
        path = tmp_path / f"{name}.onnx"
        path.write_bytes(content)
        assert f"{name}.onnx" in refused(path)
        refused(content)


def test_paths_and_kinds_that_are_none(tmp_path):
    with pytest.raises(OSError, match="no such"):
        fnn.from_onnx(tmp_path / "no such.onnx")
    with pytest.raises(TypeError, match="want a path, bytes or a ModelProto, got 7"):
        fnn.from_onnx(7)


def test_a_model_that_is_read_stays_as_it_was():
    model = graph("h = MatMul(x, W) y = Relu(h)", W=rows(4, 3))
    before = model.SerializeToString()
    fnn.from_onnx(model)
    assert model.SerializeToString() == before


def test_newer_and_older_versions():
    model = graph("y = Relu(x)")
    model.ir_version = onnx.IR_VERSION + 1
    refused(model, "IR version", "a newer one wrote it")
    model = graph("y = Relu(x)")
    model.opset_import[0].version = onnx.defs.onnx_opset_version() + 1
    refused(model, "opset version", "a newer one wrote it")
    model.opset_import[0].version = 10
    refused(model, "opset version 10, want at least 11", "version_converter")


def test_numbers_that_do_not_fit():
    """The checker looks at no values."""
    for body, why in (
        ("y = Gather <axis = 1> (x, big)", "columns that are not there; there are 4"),
        ("y = Unsqueeze(x, big)", "none of a tensor of rank 3"),
        ("y = Cast <to = 99> (x)", "do not fit"),
        ("y = MatMul(x, W)", "5 rows of weights for 4 columns"),
    ):
        refused(graph(body, big=np.array([9]), W=rows(5, 3)), why)


def test_damaged_files_are_value_errors():
    """A few hundred files with a byte changed, lost or put in."""
    content = graph("h = MatMul(x, W) a = Add(h, b) r = Relu(a) y = Softmax(r)", W=rows(4, 3),
                    b=rows(3)).SerializeToString()  # fmt: skip
    rng = np.random.default_rng(0)
    refusals = []
    for _ in range(400):
        damaged = bytearray(content)
        place = int(rng.integers(len(damaged)))
        if rng.random() < 0.7:
            damaged[place] = int(rng.integers(256))
        else:
            del damaged[place]
        try:
            fnn.from_onnx(bytes(damaged))  # a changed weight is a weight
        except ValueError as error:
            refusals.append(str(error))
    assert 100 < len(refusals) < 400
    assert all(one.startswith("from_onnx: ") for one in refusals)


def test_graphs_with_holes():
    model = graph("h = MatMul(x, W) y = Relu(h)", W=rows(4, 3))
    del model.graph.initializer[:]
    refused(model, "(MatMul) reads 'W', which is no input")
    turned = graph("h = Relu(x) y = Tanh(h)")
    turned.graph.node.reverse()
    refused(turned, "(Tanh) reads 'h'")
    lost = graph("y = Relu(x)")
    lost.graph.output[0].name = "z"
    refused(lost, "nothing makes the output 'z'")
    none = graph("y = Relu(x)")
    del none.graph.output[:]
    refused(none, "has no outputs")
    unknown = graph("y = own.Thing(x)", domains=', "own": 1')
    refused(unknown, "own.Thing 'y'")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_weights_that_are_no_numbers(value):
    w = rows(4, 3)
    w[2, 1] = value
    refused(graph("y = MatMul(x, W)", W=w), "weights 'W' hold NaN or Inf")


@pytest.mark.parametrize(
    "inputs, why",
    [
        ("float[N,M] x", "how many columns"),
        ("string[N,4] x", "want numbers"),
        ("seq(float[N,4]) x", "no tensor"),
    ],
)
def test_inputs_that_are_no_rows(inputs, why):
    refused(graph("y = Identity(x)", inputs=inputs), why, "'x'")


def test_an_input_without_a_batch():
    model = graph("y = Identity(x)")
    del model.graph.input[0].type.tensor_type.shape.dim[:]
    refused(model, "'x' has no batch axis")


def test_fresh_weights_are_weights():
    """Biases of 0, gammas of 1: nothing is left out because it does nothing yet."""
    for units in (1, 3):
        model = graph(
            "h = MatMul(x, W) a = Add(h, b) n = Mul(a, g) r = Relu(n) y = Mul(r, g)",
            W=rows(4, units),
            b=np.zeros(units, np.float32),
            g=np.ones(units, np.float32),
        )
        network = agree(model, x=rows(5, 4))
        assert kinds(network)[:2] == ["dense", "normalization"]
        assert network.layers[1].use_bias


def test_an_output_of_constants_alone():
    refused(graph("z = Relu(x) y = Identity(W)", W=rows(4, 3)), "'y' depends on no input")
