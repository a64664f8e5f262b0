"""ONNX Runtime: inference on a graph of Gemm nodes, by ``run`` and by a binding of both ends."""

from __future__ import annotations

import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from .child import Ways
from .workloads import Task

_threads = 1


def set_up(use: str, threads: int) -> dict[str, str]:
    global _threads
    _threads = threads
    return {"ONNX Runtime": onnxruntime.__version__}


def _graph(task: Task) -> bytes:
    net, nodes, value = task.net, [], "x"
    layers = len(net.units) - 1
    for i in range(layers):
        last = i + 1 == layers
        names = [value, f"kernel{i}", f"bias{i}"]
        value = "y" if last and not net.labels else f"z{i}"
        nodes.append(helper.make_node("Gemm", names, [value]))
        if not last:
            kind = "Tanh" if net.hidden == "tanh" else "Relu"
            nodes.append(helper.make_node(kind, [value], [f"a{i}"]))
            value = f"a{i}"
    if net.labels:
        nodes.append(helper.make_node("Softmax", [value], ["y"], axis=1))
    names = [f"{kind}{i}" for i in range(layers) for kind in ("kernel", "bias")]
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["rows", net.units[0]])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["rows", net.units[-1]])],
        [numpy_helper.from_array(w, name) for w, name in zip(task.weights, names, strict=True)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def predictions(task: Task) -> Ways:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = _threads
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    session = onnxruntime.InferenceSession(
        _graph(task), options, providers=["CPUExecutionProvider"]
    )
    (out,) = session.run(None, {"x": task.x})
    x, y = map(onnxruntime.OrtValue.ortvalue_from_numpy, (task.x, out))
    binding = session.io_binding()
    binding.bind_ortvalue_input("x", x)
    binding.bind_ortvalue_output("y", y)
    names = {"run": session.run, "x": task.x, "outputs": ["y"], "y": y, "binding": binding}
    names["bound"] = session.run_with_iobinding
    return {
        "run": ("run(outputs, {'x': x})[0]", names),
        "io_binding": ("bound(binding); y", names),
    }
