"""Reads ONNX files and refuses those that are broken or too new."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import numpy.typing as npt

from fastnn._spec import describe
from fastnn.interchange.onnx_package import load_onnx

__all__ = ["array_of", "opset_of", "read_file"]

OLDEST_OPSET = 11
WHERE = "from_onnx"


def read_file(source: object) -> tuple[Any, str]:
    """Return the checked model of a path, of bytes or of a ``ModelProto``, and what to call it.

    Functions that the file defines are put in their places.

    Raises
    ------
    TypeError, ValueError
        If it is none of these, no ONNX file, broken, too new or too old.
    OSError
        If the file cannot be read.
    """
    onnx = load_onnx(WHERE, "checker", "defs", "inliner", "numpy_helper", "reference")
    name = "the model"
    if isinstance(source, onnx.ModelProto):
        model = source  # nothing below writes into it
    else:
        if isinstance(source, (str, os.PathLike)):
            name = os.fsdecode(os.path.basename(source))
        elif not isinstance(source, (bytes, bytearray, memoryview)):
            raise TypeError(f"{WHERE}: want a path, bytes or a ModelProto, got {describe(source)}")
        model = _parse(onnx, source, name)
    _check(onnx, model, name)
    if not model.functions:
        return model, name
    whole = onnx.inliner.inline_local_functions(model)
    _check_names(whole, name)  # functions may read what they are not given
    return whole, name


def _parse(onnx: Any, source: Any, name: str) -> Any:
    try:
        if isinstance(source, (str, os.PathLike)):
            return onnx.load(os.fspath(source))
        return onnx.load_from_string(bytes(source))
    except (OSError, ImportError):
        raise
    except Exception as error:  # of protobuf, of the text formats, of external data
        reason = str(error).strip().split("\n")[0]
        raise ValueError(f"{WHERE}: {name} is no ONNX file, or a broken one ({reason})") from None


def _check(onnx: Any, model: Any, name: str) -> None:
    if not model.HasField("graph") or model.ir_version == 0:
        raise ValueError(f"{WHERE}: {name} is no ONNX file: it holds no graph")
    newest = {"IR": onnx.IR_VERSION, "opset": onnx.defs.onnx_opset_version()}
    opset = opset_of(model)
    for what, version in (("IR", model.ir_version), ("opset", opset)):
        if version > newest[what]:
            raise ValueError(
                f"{WHERE}: {name} is of {what} version {version}; the onnx {onnx.__version__} "
                f"installed here knows up to {newest[what]}: a newer one wrote it"
            )
    if opset < OLDEST_OPSET:
        raise ValueError(
            f"{WHERE}: {name} is of opset version {opset}, want at least {OLDEST_OPSET}; "
            f"onnx.version_converter.convert_version makes a newer one of it"
        )
    _check_names(model, name)
    for tensor in model.graph.initializer:
        if tensor.data_location == onnx.TensorProto.EXTERNAL:
            raise ValueError(
                f"{WHERE}: {name}: the values of {tensor.name!r} lie in another file; give the "
                f"path of the model, beside which that file is"
            )
    try:
        onnx.checker.check_model(model)
    except Exception as error:
        reason = str(error).strip().split("\n")[0]
        raise ValueError(f"{WHERE}: {name} is not valid ONNX: {reason}") from None


def _check_names(model: Any, name: str) -> None:
    """Refuse names that are no text, and a node that reads what nobody made before it."""
    graph = model.graph
    strings = (one for node in graph.node for one in (node.name, *node.input, *node.output))
    if not all(isinstance(one, str) for one in (graph.name, *strings)):
        raise ValueError(f"{WHERE}: {name} is no ONNX file, or a broken one (names are no UTF-8)")
    if not graph.output:
        raise ValueError(f"{WHERE}: {name} has no outputs")
    known = {""} | {value.name for value in (*graph.input, *graph.initializer)}
    known |= {sparse.values.name for sparse in graph.sparse_initializer}
    for node in graph.node:
        for read in node.input:
            if read not in known:
                raise ValueError(
                    f"{WHERE}: {name}: the node {node.name!r} ({node.op_type}) reads {read!r}, "
                    f"which is no input, no initializer and no result of a node before it"
                )
        known.update(node.output)
    for output in graph.output:
        if output.name not in known:
            raise ValueError(f"{WHERE}: {name}: nothing makes the output {output.name!r}")


def opset_of(model: Any) -> int:
    """Return the version of the default operators; 11 if a model imports none."""
    versions = [one.version for one in model.opset_import if one.domain in ("", "ai.onnx")]
    return max(versions, default=OLDEST_OPSET)


def array_of(tensor: Any, name: str) -> npt.NDArray[Any]:
    """Return the values of an initializer; short floats become float32.

    Raises
    ------
    ValueError
        If they cannot be read.
    """
    onnx = load_onnx(WHERE, "numpy_helper")
    try:
        array = np.asarray(onnx.numpy_helper.to_array(tensor))
    except Exception as error:
        raise ValueError(
            f"{WHERE}: {name}: the values of {tensor.name!r} cannot be read ({error})"
        ) from None
    short = array.dtype == np.float16 or array.dtype.kind == "V"  # V: bfloat16, float8
    return array.astype(np.float32) if short else array
