"""The ONNX project's own tests of single operators, for those that fastnn reads.

The package onnx makes them.  Their first input stands for rows; weights are inputs there too, so a
case is tried twice, with the other inputs as they are and with their values written into the file.
"""

from __future__ import annotations

import importlib.util
import re
import warnings
from collections import Counter

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

import fastnn as fnn
from fastnn.interchange.onnx_operators import HANDLERS

# Modules of onnx.backend.test.case.node, as far as a release has them; all 200 take 7 seconds.
MODULES = [
    *(
        "abs",
        "add",
        "batchnorm",
        "batch_normalization",
        "cast",
        "celu",
        "clip",
        "concat",
        "div",
        "dropout",
        "elu",
        "exp",
    ),
    *("expand", "flatten", "gather", "gelu", "gemm", "hardsigmoid", "hardswish", "identity"),
    *("layernormalization", "leakyrelu", "logsoftmax", "matmul", "max", "mean", "min", "mish"),
    *("mul", "neg", "pow", "prelu", "reducemean", "reducesum", "relu", "reshape", "selu"),
    *("rmsnormalization", "shape", "shrink", "sigmoid", "slice", "softmax", "softplus", "softsign"),
    *("split", "squeeze", "sub", "sum", "swish", "tanh", "thresholdedrelu", "transpose"),
    *("unsqueeze",),
]
# Operators whose every case is refused, and why.
NONE_PASSES = {
    "Shape": "its result is no rows; a Reshape may read it",
    "Expand": "the cases repeat rows",
}
# What messages of refusal say: rows must stay rows, columns columns, weights constant.
REASONS = re.compile(
    r"is the batch|puts columns into the batch|the batch does not stay|reduces the batch"
    r"|reduces all axes|want the columns of rows|want the last|tensor of rank|tensors of rank"
    r"|differs from row to row|differ in rank|must be constant|want what depends on rows"
    r"|divides by|divides integers|two tensors that are not constant|its rows would be columns"
    r"|repeats (rows|columns)|of rows with|it mixes shapes|before the batch|order of axes"
    r"|it draws numbers|has no batch axis|how many columns|depends on no input|holds (bool|str|obj)"
    r"|wrong way round|the exponent|it makes \w+ of rows|it holds integers|is no tensor"
    r"|takes no columns|cuts the batch|want a number for each column|not all of length 1"
    r"|no layer computes this operator|lies below 0|with bias|the moments of training"
    r"|a scalar of all rows|cannot read float8|the parts|averages rows"
    r"|dtype (bfloat16|float8|float4|u?int[24])"
)


def kind_of(node):
    return node.op_type if node.domain in ("", "ai.onnx") else f"{node.domain}.{node.op_type}"


def cases():
    """Cases of which fastnn reads every operator."""
    home = importlib.import_module("onnx.backend.test.case.node")
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # of NumPy, where onnx computes with extreme values
        for name in MODULES:
            if importlib.util.find_spec(f"{home.__name__}.{name}"):
                importlib.import_module(f"{home.__name__}.{name}")
    for case in home._NodeTestCases:
        if all(kind_of(node) in HANDLERS for node in case.model.graph.node):
            yield case


def as_file(case, given, bake):
    """The case's model, with inputs after the first as constants if `bake`."""
    model = onnx.ModelProto()
    model.CopyFrom(case.model)
    for one in model.opset_import:
        if one.domain == "":
            one.version = max(one.version, 11)  # Shrink has not changed since 9
    last = model.graph.node[-1]
    if len(model.graph.node) == 1 and last.op_type != "Split":
        del model.graph.output[1:]  # masks and moments; no layer has these
    for info, array in zip(list(model.graph.input)[1:] if bake else [], given[1:], strict=False):
        model.graph.initializer.append(numpy_helper.from_array(np.asarray(array), info.name))
    return model


def run(model, names, given):
    """What fastnn makes of the inputs, laid flat, as a list."""
    network = fnn.from_onnx(model)
    x = {
        name: np.asarray(array).reshape(len(array), -1)
        for name, array in zip(names, given, strict=False)
        if name in network.input_names or len(network.input_cols) == 1
    }
    rows = x if len(network.input_cols) > 1 else next(iter(x.values()))
    y = network.predict(rows, check_finite=False)  # some cases hold Inf and NaN
    return list(y.values()) if isinstance(y, dict) else [y]


def outcome(case):
    """None if a case passes, else why it is refused; raises where values differ."""
    given, want = (
        [numpy_helper.to_array(v) if isinstance(v, onnx.TensorProto) else v for v in values]
        for values in case.data_sets[0]
    )
    names = [info.name for info in case.model.graph.input]
    why = ""
    for bake in (False, True):
        if any(not isinstance(array, (np.ndarray, np.generic)) for array in given):
            return "its inputs are no tensors; holds objects"
        model = as_file(case, given, bake)
        try:
            found = run(model, names[:1] if bake else names, given)
        except (TypeError, ValueError) as error:
            why = str(error)
            continue
        for one, other in zip(found, want, strict=False):
            other = np.asarray(other, np.float64)
            # The cases' own tolerance; float16 and float8 in them round to fewer digits.
            coarse = str(np.asarray(given[0]).dtype) not in ("float32", "float64")
            coarse = coarse or np.asarray(want[0]).dtype not in ("float32", "float64")
            rtol = 1e-2 if coarse else max(case.rtol, 1e-5)
            np.testing.assert_allclose(one, other.reshape(one.shape), rtol, 1e-5, err_msg=case.name)
        return None
    return why


def test_cases_of_the_onnx_project_pass():
    passed, refused = Counter(), {}
    for case in cases():
        why = outcome(case)
        if why is None:
            passed.update({kind_of(node) for node in case.model.graph.node})
            passed["cases"] += 1
        else:
            refused[case.name] = why
    unknown = {name: why for name, why in refused.items() if not REASONS.search(why)}
    assert not unknown
    assert passed["cases"] >= 200
    own = {name for name in HANDLERS if not name.startswith("ai.onnx.ml.")}
    assert own - passed.keys() == set(NONE_PASSES)


def test_a_wrong_operator_is_seen(monkeypatch):
    """The comparison above is not idle."""
    case = next(case for case in cases() if case.name == "test_elu")
    assert outcome(case) is None
    monkeypatch.setitem(HANDLERS, "Elu", HANDLERS["Relu"])
    with pytest.raises(AssertionError, match="test_elu"):
        outcome(case)
