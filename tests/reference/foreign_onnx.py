"""Writes the ONNX files of other tools that `tests/test_onnx_foreign_files.py` reads.

    python tests/reference/foreign_onnx.py tests/data/onnx

Needs PyTorch, onnxscript, Keras, scikit-learn, skl2onnx and onnx.  What each file should give comes
from the tool that wrote it, or for files of the package onnx from its reference evaluator.
``index.json`` tells the versions, ``expected.npz`` holds inputs and outputs.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np

os.environ["KERAS_BACKEND"] = "torch"
ROWS = 6
MAKERS: dict[str, Callable] = {}


def maker(function):
    """Register what returns (bytes, inputs by name, outputs by name, tool)."""
    MAKERS[function.__name__] = function
    return function


def rows(*shape, seed=0, dtype=np.float32):
    return np.random.default_rng([seed, *shape]).normal(size=shape).astype(dtype)


# ---- PyTorch ------------------------------------------------------------------------------------


def torch_file(net, given, opset, *, dynamo, inputs, outputs):
    import torch

    net = net.eval()
    tensors = tuple(torch.from_numpy(value) for value in given)
    found = net(*tensors)
    found = found if isinstance(found, tuple) else (found,)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "m.onnx")
        if dynamo:
            batch = torch.export.Dim("batch")
            more = {"external_data": False, "verbose": False}
            more["dynamic_shapes"] = tuple({0: batch} for _ in given)
        else:
            more = {"dynamic_axes": {name: {0: "batch"} for name in (*inputs, *outputs)}}
        torch.onnx.export(
            net,
            tensors,
            path,
            dynamo=dynamo,
            opset_version=opset,
            input_names=inputs,
            output_names=outputs,
            **more,
        )
        content = without_traces(path.read_bytes())
    exporter = "torch.export" if dynamo else "TorchScript"
    tool = f"PyTorch {torch.__version__}, {exporter}"
    x = dict(zip(inputs, given, strict=True))
    y = dict(zip(outputs, (value.detach().numpy() for value in found), strict=True))
    return content, x, y, tool


def without_traces(content):
    """Leave out what tells of the machine: where in whose Python each node came from."""
    import onnx

    model = onnx.load_from_string(content)
    del model.metadata_props[:]
    graph = model.graph
    for part in (graph, *graph.node, *graph.value_info, *graph.input, *graph.output):
        del part.metadata_props[:]
        part.doc_string = ""
    for tensor in graph.initializer:
        del tensor.metadata_props[:]
    return model.SerializeToString()


def seeded(seed=0):
    import torch

    torch.manual_seed(seed)
    return torch


def stack(opset, dynamo, *names, seed=0):
    """A chain of linear layers with activations between them."""
    torch = seeded(seed)
    parts = []
    for one in names:
        parts += [torch.nn.Linear(6, 6), one(torch.nn)]
    net = torch.nn.Sequential(*parts, torch.nn.Linear(6, 2))
    return torch_file(net, [3 * rows(ROWS, 6)], opset, dynamo=dynamo, inputs=["x"], outputs=["y"])


@maker
def torch_opset11_gelu_layernorm():
    return stack(11, False, lambda nn: nn.GELU(), lambda nn: nn.LayerNorm(6), lambda nn: nn.SiLU())


@maker
def torch_opset13_batchnorm_dropout():
    torch = seeded(1)
    nn = torch.nn
    norm = nn.BatchNorm1d(6)
    net = nn.Sequential(nn.Linear(6, 6), norm, nn.ReLU(), nn.Dropout(0.3), nn.Linear(6, 3))
    net.train()
    for seed in range(3):
        net(torch.from_numpy(2 + rows(32, 6, seed=seed)))  # so that the moments are some
    net.append(nn.Softmax(1))
    return torch_file(net, [rows(ROWS, 6)], 13, dynamo=False, inputs=["x"], outputs=["y"])


@maker
def torch_opset17_activations():
    return stack(
        17,
        False,
        lambda nn: nn.Mish(),
        lambda nn: nn.Hardswish(),
        lambda nn: nn.LeakyReLU(0.2),
        lambda nn: nn.PReLU(6),
        lambda nn: nn.LogSigmoid(),
        lambda nn: nn.Hardshrink(0.1),
        lambda nn: nn.GELU("tanh"),
    )


@maker
def torch_opset18_activations():
    return stack(
        18,
        True,
        lambda nn: nn.GELU(),
        lambda nn: nn.Tanhshrink(),
        lambda nn: nn.Softplus(),
        lambda nn: nn.CELU(1.3),
        lambda nn: nn.ELU(0.7),
        lambda nn: nn.Softshrink(0.1),
        lambda nn: nn.Softsign(),
    )


@maker
def torch_opset20_activations():
    return stack(
        20,
        True,
        lambda nn: nn.GELU("tanh"),
        lambda nn: nn.SELU(),
        lambda nn: nn.Hardtanh(),
        lambda nn: nn.ReLU6(),
        lambda nn: nn.Hardsigmoid(),
        lambda nn: nn.RMSNorm(6, eps=1e-5),
        lambda nn: nn.LogSoftmax(1),
    )


@maker
def torch_opset18_residual_bilinear():
    torch = seeded(2)

    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.fc1 = torch.nn.Linear(4, 4)
            self.pair = torch.nn.Bilinear(4, 4, 3)
            self.shared = torch.nn.Linear(3, 3)

        def forward(self, x):
            h = x + torch.relu(self.fc1(x))
            a, b, c = self.pair(h, x).chunk(3, 1)
            h = torch.cat([c, b, a], 1)
            return self.shared(torch.maximum(self.shared(h), h)).view(x.shape[0], -1)

    return torch_file(Net(), [rows(ROWS, 4)], 18, dynamo=True, inputs=["x"], outputs=["y"])


@maker
def torch_opset13_embedding():
    torch = seeded(3)

    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.shop = torch.nn.Embedding(5, 3)
            self.day = torch.nn.Embedding(7, 2)
            self.head = torch.nn.Linear(7, 2)

        def forward(self, x):
            found = [self.shop(x[:, 0].long()), self.day(x[:, 1].long()), x[:, 2:]]
            return self.head(torch.cat(found, 1))

    x = rows(ROWS, 4)
    x[:, 0], x[:, 1] = np.arange(ROWS) % 5, np.arange(ROWS) % 7
    return torch_file(Net(), [x], 13, dynamo=False, inputs=["x"], outputs=["y"])


@maker
def torch_opset20_two_inputs_two_outputs():
    torch = seeded(4)

    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.car = torch.nn.Linear(5, 4)
            self.driver = torch.nn.Linear(2, 4, bias=False)
            self.mpg = torch.nn.Linear(4, 1)
            self.kind = torch.nn.Linear(8, 3)

        def forward(self, car, driver):
            a, b = torch.tanh(self.car(car)), torch.sigmoid(self.driver(driver))
            return self.mpg(a * b), torch.softmax(self.kind(torch.cat([a, b], 1)), 1)

    return torch_file(
        Net(),
        [rows(ROWS, 5), rows(ROWS, 2)],
        20,
        dynamo=True,
        inputs=["car", "driver"],
        outputs=["mpg", "kind"],
    )


@maker
def torch_opset17_images_float64():
    torch = seeded(5)
    nn = torch.nn
    net = nn.Sequential(nn.Flatten(), nn.Linear(12, 5), nn.Tanh(), nn.Linear(5, 2)).double()
    x = rows(ROWS, 1, 3, 4, dtype=np.float64)
    return torch_file(net, [x], 17, dynamo=False, inputs=["image"], outputs=["y"])


@maker
def torch_opset18_gated():
    torch = seeded(6)
    nn = torch.nn
    net = nn.Sequential(nn.Linear(6, 8), nn.GLU(), nn.LayerNorm(4), nn.Linear(4, 2), nn.Hardswish())
    return torch_file(net, [rows(ROWS, 6)], 18, dynamo=True, inputs=["x"], outputs=["y"])


# ---- Keras --------------------------------------------------------------------------------------


def keras_file(model, *given):
    import keras

    found = model([*given] if len(given) > 1 else given[0])
    found = found if isinstance(found, (list, tuple)) else [found]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "m.onnx")
        model.export(path, format="onnx", verbose=False)
        content = without_traces(path.read_bytes())
    import onnx

    graph = onnx.load_from_string(content).graph
    x = dict(zip([i.name for i in graph.input], given, strict=True))
    y = dict(zip([o.name for o in graph.output], (v.detach().numpy() for v in found), strict=True))
    return content, x, y, f"Keras {keras.__version__} with the torch backend"


def keras_layers(seed=0):
    import keras

    keras.utils.set_random_seed(seed)
    return keras, keras.layers


@maker
def keras_batchnorm_softmax():
    keras, nn = keras_layers(0)
    norm = nn.BatchNormalization()
    model = keras.Sequential(
        [
            nn.Input((6,)),
            nn.Dense(8, activation="gelu"),
            norm,
            nn.Dropout(0.2),
            nn.Dense(5, activation="silu"),
            nn.Dense(3, activation="softmax"),
        ]
    )
    model(rows(32, 6), training=True)
    return keras_file(model, rows(ROWS, 6))


@maker
def keras_residual():
    keras, nn = keras_layers(1)
    x = nn.Input((6,))
    h = nn.Add()([x, nn.Dense(6, activation="relu")(x)])
    h = nn.Concatenate()([h, nn.Dense(3, activation="leaky_relu")(x)])
    return keras_file(keras.Model(x, nn.Dense(2, activation="hard_sigmoid")(h)), rows(ROWS, 6))


@maker
def keras_activations():
    keras, nn = keras_layers(2)
    names = ("mish", "celu", "squareplus", "relu6", "hard_silu", "soft_shrink", "tanh_shrink")
    model = keras.Sequential([nn.Input((6,)), *(nn.Dense(6, activation=name) for name in names)])
    model.add(nn.PReLU())
    model.add(nn.Dense(4, activation="log_softmax"))
    return keras_file(model, 3 * rows(ROWS, 6))


@maker
def keras_two_outputs():
    keras, nn = keras_layers(3)
    x = nn.Input((6,))
    a, b = nn.Dense(6, activation="elu")(x), nn.Dense(6, activation="softsign")(x)
    model = keras.Model(x, [nn.Maximum()([a, b]), nn.Average()([a, b, x])])
    return keras_file(model, rows(ROWS, 6))


# ---- scikit-learn -------------------------------------------------------------------------------


def sklearn_file(model, x, y, *, classes=False, **more):
    import skl2onnx
    import sklearn

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # few iterations
        model.fit(x, y)
    proto = skl2onnx.to_onnx(model, x[:1], **more)
    name = proto.graph.output[1 if classes else 0].name
    want = model.predict_proba(x[:ROWS]) if classes else model.predict(x[:ROWS])
    tool = f"skl2onnx {skl2onnx.__version__} of scikit-learn {sklearn.__version__}"
    found = np.asarray(want).reshape(ROWS, -1)
    return proto.SerializeToString(), {"X": x[:ROWS]}, {name: found}, tool


def network(kind, **more):
    from sklearn import neural_network

    return getattr(neural_network, kind)(
        hidden_layer_sizes=(5, 4), max_iter=30, random_state=0, **more
    )


@maker
def sklearn_regressor_float64():
    x = rows(60, 4, dtype=np.float64)
    return sklearn_file(network("MLPRegressor"), x, x[:, 0] * x[:, 1])


@maker
def sklearn_regressor_two_targets():
    x = rows(60, 4)
    return sklearn_file(network("MLPRegressor", activation="tanh"), x, x[:, :2] ** 2)


@maker
def sklearn_binary_pipeline_zipmap():
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    x = 5 + 3 * rows(60, 4)
    model = make_pipeline(StandardScaler(), network("MLPClassifier"))
    return sklearn_file(model, x, x[:, 0] > 5, classes=True)


@maker
def sklearn_multiclass():
    x = rows(60, 4)
    more = {"options": {"zipmap": False}}
    return sklearn_file(
        network("MLPClassifier", activation="logistic"), x, np.arange(60) % 3, classes=True, **more
    )


@maker
def sklearn_multilabel():
    x = rows(60, 4)
    more = {"options": {"zipmap": False}}
    return sklearn_file(
        network("MLPClassifier"), x, (x[:, :3] > 0).astype(int), classes=True, **more
    )


@maker
def sklearn_words_column_transformer():
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import MinMaxScaler, StandardScaler

    x = 5 + 3 * rows(60, 4)
    columns = ColumnTransformer([("a", StandardScaler(), [2, 0]), ("b", MinMaxScaler(), [1, 3])])
    words = np.array(["low", "middle", "high"])[np.arange(60) % 3]
    return sklearn_file(make_pipeline(columns, network("MLPClassifier")), x, words, classes=True)


# ---- the package onnx ---------------------------------------------------------------------------


def onnx_file(model, **given):
    import onnx
    from onnx.reference import ReferenceEvaluator

    onnx.checker.check_model(model, full_check=True)
    found = ReferenceEvaluator(model).run(None, given)
    y = dict(zip([o.name for o in model.graph.output], found, strict=True))
    return model.SerializeToString(), given, y, f"onnx {onnx.__version__}"


def parsed(text):
    import onnx

    return onnx.parser.parse_model(text)


def with_weights(model, **weights):
    from onnx import numpy_helper

    for name, array in weights.items():
        model.graph.initializer.append(numpy_helper.from_array(array, name))
    return model


@maker
def onnx_helper_gemm_float16():
    from onnx import TensorProto, helper, numpy_helper

    half = np.float16
    weights = {
        "W": rows(3, 4, dtype=half),
        "C": rows(1, 3, dtype=half),
        "V": rows(3, 2, dtype=half),
        "d": rows(1, seed=1, dtype=half),
    }
    graph = helper.make_graph(
        [
            helper.make_node("Gemm", ["x", "W", "C"], ["h"], alpha=0.5, beta=2.0, transB=1),
            helper.make_node("Relu", ["h"], ["r"]),
            helper.make_node("Gemm", ["r", "V", "d"], ["y"]),
        ],
        "half",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT16, ["N", 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT16, ["N", 2])],
        [numpy_helper.from_array(array, name) for name, array in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=7)
    return onnx_file(model, x=rows(ROWS, 4, dtype=half))


@maker
def onnx_parser_opset11_softmax_reshape():
    model = parsed(
        """
        <ir_version: 6, opset_import: ["": 11]>
        g (float[N,2,3] x) => (float[N,4] y)
        <int64[2] shape = {0, -1}>
        {
            flat = Reshape(x, shape)
            z = MatMul(flat, W)
            moved = Sub(z, b)
            scaled = Div(moved, s)
            column = Unsqueeze<axes = [1]>(scaled)
            p = Softmax(column)
            y = Squeeze<axes = [1]>(p)
        }
        """
    )
    model = with_weights(model, W=rows(6, 4), b=rows(4), s=1 + rows(4) ** 2)
    return onnx_file(model, x=rows(ROWS, 2, 3))


@maker
def onnx_parser_function():
    model = parsed(
        """
        <ir_version: 9, opset_import: ["": 18, "own": 1]>
        g (float[N,3] x) => (float[N,3] y)
        {
            h = MatMul(x, W)
            a = own.Smooth(h)
            b = own.Smooth(a)
            y = Sum(a, b, x)
        }
        <domain: "own", opset_import: ["": 18]>
        Smooth (x) => (y)
        {
            s = Sigmoid(x)
            y = Mul(s, x)
        }
        """
    )
    return onnx_file(with_weights(model, W=rows(3, 3)), x=rows(ROWS, 3))


@maker
def onnx_parser_opset23_norms():
    model = parsed(
        """
        <ir_version: 11, opset_import: ["": 23]>
        g (float[N,4] x, int64[N,1] shop) => (float[N,8] y)
        <int64 zero = {0}, float low = {-0.5}, float high = {2.5}>
        {
            place = Squeeze(shop)
            found = Gather<axis = 0>(table, place)
            n = RMSNormalization<axis = -1, epsilon = 0.001>(x, gamma)
            c = Clip(n, low, high)
            m = LayerNormalization<axis = 1>(found, gamma, beta)
            t = ThresholdedRelu<alpha = 0.25>(m)
            y = Concat<axis = -1>(c, t)
        }
        """
    )
    model = with_weights(model, table=rows(5, 4), gamma=1 + rows(4), beta=rows(4, seed=1))
    return onnx_file(model, x=2 * rows(ROWS, 4), shop=np.arange(ROWS, dtype=np.int64)[:, None] % 5)


@maker
def onnx_helper_odd_forms():
    """A folded transpose, Min and Max, powers, means, a slice backwards, a constant from a node."""
    model = parsed(
        """
        <ir_version: 10, opset_import: ["": 21]>
        g (float[N,4] x) => (float[N,3] y, float[N,1] z)
        <int64[1] one = {1}, int64[1] begin = {3}, int64[1] end = {0}, int64[1] back = {-1},
         float two = {2.0}, float six = {6.0}, int64[2] cut = {1, 2}>
        {
            Wt = Transpose<perm = [1, 0]>(W)
            h = MatMul(x, Wt)
            sq = Pow(h, two)
            mean = ReduceMean<keepdims = 1>(sq, one)
            z = Neg(mean)
            turned = Slice(x, begin, end, one, back)
            a, b = Split<axis = 1>(turned, cut)
            c = Constant<value_floats = [0.5, -1.0]>()
            low = Max(b, c)
            top = Min(low, six)
            wide = Concat<axis = 1>(a, top)
            y = Mean(wide, h, turned)
        }
        """
    )
    return onnx_file(with_weights(model, W=rows(3, 4)), x=2 * rows(ROWS, 4))


def main(folder: str, *only: str) -> None:
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    index, arrays = {}, {}
    for name, make in MAKERS.items():
        if only and name not in only:
            continue
        content, x, y, tool = make()
        (target / f"{name}.onnx").write_bytes(content)
        index[name] = tool
        for kind, values in (("x", x), ("y", y)):
            arrays |= {f"{name}/{kind}/{key}": value for key, value in values.items()}
        print(f"{name:45}{len(content):7} bytes  {tool}")
    (target / "index.json").write_text(json.dumps(index, indent=2) + "\n", encoding="utf-8")
    np.savez_compressed(target / "expected.npz", **arrays)


if __name__ == "__main__":
    main(*sys.argv[1:])
