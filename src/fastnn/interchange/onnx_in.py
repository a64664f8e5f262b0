"""ONNX files as models: dense networks that PyTorch, Keras, scikit-learn and others wrote."""

from __future__ import annotations

import os
import warnings
from typing import TYPE_CHECKING, Any

from fastnn.errors import FastnnWarning
from fastnn.interchange.onnx_build import build
from fastnn.interchange.onnx_file import WHERE, read_file
from fastnn.interchange.onnx_operators import HANDLERS
from fastnn.interchange.onnx_reader import Reader
from fastnn.interchange.onnx_tidy import live_ops, tidy
from fastnn.interchange.onnx_values import Label, Pending, Ref, Rows
from fastnn.model import DEFAULT_NAME, Model

if TYPE_CHECKING:
    import onnx

__all__ = ["from_onnx"]


def from_onnx(source: str | os.PathLike[str] | bytes | onnx.ModelProto) -> Model:
    """Read an ONNX file of a dense network, whoever wrote it.

    Operators become layers: a product and a sum one `Dense`, the operators that spell out a
    ``gelu`` its activation.  The model can be trained further.

    Parameters
    ----------
    source : path, bytes or onnx.ModelProto
        Of opset 11 or later.  The first axis of its inputs is the batch; other axes are laid flat,
        as columns.

    Returns
    -------
    Model
        A `Sequential` if it is a chain.  Several inputs or outputs go in and come out in dicts
        with the file's names.

    Raises
    ------
    ImportError
        If the package onnx is not installed.
    TypeError, ValueError
        If it is no ONNX file, broken or too new; if it has operators that no layer computes (all
        are named); if weights are NaN or infinite.
    OSError
        If the file cannot be read.

    Warns
    -----
    FastnnWarning
        If outputs are class labels: they are left out, and the probabilities are given.  If an
        output stacks the columns of its rows: they stay columns.

    Examples
    --------
    >>> import fastnn as fnn
    >>> from fastnn.interchange.onnx_out import to_onnx
    >>> model = fnn.Sequential([fnn.Input(2), fnn.Dense(4, "gelu"), fnn.Dense(1)], seed=0)
    >>> fnn.from_onnx(to_onnx(model)).layers
    (Input(2), Dense(4, activation='gelu'), Dense(1))
    """
    proto, name = read_file(source)
    reader = Reader(proto, name, HANDLERS)
    reader.read()
    found = _outputs(reader, name)
    if reader.problems:
        count = len(reader.problems)
        lines = "".join(f"\n  {who}: {why}" for who, why in reader.problems.items())
        raise ValueError(
            f"{WHERE}: {name} has {count} node{'' if count == 1 else 's'} that no layer of a "
            f"dense network computes:{lines}"
        )
    ends = dict(zip(found, tidy(list(found.values())), strict=True))
    used = {id(op) for op in live_ops(list(ends.values()))}
    starts = {key: rows.ref for key, rows in reader.inputs.items() if id(rows.ref.op) in used}
    title = proto.graph.name.replace("/", ".") if proto.graph.name.isprintable() else ""
    return build(starts, ends, title or DEFAULT_NAME, _dtype(reader), f"{WHERE}: {name}")


def _outputs(reader: Reader, name: str) -> dict[str, Ref]:
    """Return the outputs that are rows; note what is wrong with others."""
    found: dict[str, Ref] = {}
    labels: dict[str, Label] = {}
    for output in reader.model.graph.output:
        value: Any = reader.values[output.name]
        if isinstance(value, Rows):
            if value.cut:
                reader.problems.setdefault(f"the output {output.name!r}", "it holds integers")
            found[output.name] = value.ref
        elif isinstance(value, Label):
            labels[output.name] = value
        elif isinstance(value, Pending):
            reader.problems |= value.blame
        elif not reader.problems:
            raise ValueError(f"{WHERE}: {name}: the output {output.name!r} depends on no input")
    if reader.problems:
        return found
    notes = list(reader.notes)
    for key, label in labels.items():
        if label.source.ref not in found.values():
            found[key] = label.source.ref
    if labels:
        left = ", ".join(map(repr, labels))
        kept = ", ".join(map(repr, found))
        notes.append(f"{left} would be class labels; the model gives their scores: {kept}")
    for note in notes:
        warnings.warn(f"{WHERE}: {name}: {note}", FastnnWarning, stacklevel=3)
    return found


def _dtype(reader: Reader) -> str:
    """Return float64 if an output is, or if an input is and the outputs do not say."""
    double = reader.onnx.TensorProto.DOUBLE
    for infos in (reader.model.graph.output, reader.model.graph.input):
        for info in infos:
            if info.type.tensor_type.elem_type == double:
                return "float64"
    return "float32"
