"""Rows into a model and predictions out of it: one table or several, streams, sparse rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from fastnn import data
from fastnn.forms import check_out, close_form, each_part, first_of, is_stream, parts_of
from fastnn.graph import is_symbolic

if TYPE_CHECKING:
    from fastnn.model import Model

__all__ = ["as_inputs", "check_inputs", "check_sparse", "predict_rows", "predict_served"]

Array = npt.NDArray[Any]


def as_inputs(model: Model, x: Any, where: str) -> tuple[Any, ...]:
    """Return the rows of each input, checked but for NaN, as arrays that the core can read.

    Parameters
    ----------
    x : array_like, or a list or dict for several inputs
    where : str
        Who asks; begins the message of an error.
    """
    model.block_rows()  # says so if there is no network yet
    if len(model.input_cols) == 1 and not isinstance(model._input_form, tuple):
        given: list[Any] = [x]
        if model._input_form == "list" and isinstance(x, (list, tuple)) and len(x) == 1:
            given = list(x) if np.ndim(x[0]) == 2 else given
    else:
        form = model.input_names if isinstance(x, Mapping) else model._input_form
        given = parts_of(x, form or model.input_names, len(model.input_cols), where)
    single = len(given) == 1
    found: list[Any] = []
    for i, (value, name, cols) in enumerate(
        zip(given, model.input_names, model.input_cols, strict=True)
    ):
        if hasattr(value, "tocsr"):
            found.append(_as_sparse(model, value, i, where, "x" if single else f"x[{name!r}]"))
            continue
        if isinstance(value, data.SparseRows):  # from here, checked before
            found.append(value)
            continue
        rows = data.as_rows(
            value,
            where=where,
            name="x" if single else f"x[{name!r}]",
            columns=cols,
            allow_1d=not single,
        )
        if found and len(rows) != len(found[0]):
            raise ValueError(
                f"{where}: x[{name!r}] has {len(rows)} rows, x[{model.input_names[0]!r}] "
                f"{len(found[0])}; want as many"
            )
        found.append(rows)
    return tuple(found)


def _as_sparse(model: Model, value: Any, i: int, where: str, name: str) -> data.SparseRows:
    if not model._reads_sparse[i]:
        raise TypeError(
            f"{where}: {name} is a sparse {type(value).__name__}; only Dense layers read "
            f"sparse rows: {name}.toarray() makes them dense"
        )
    return data.as_sparse_rows(
        value, where=where, name=name, columns=model.input_cols[i], dtype=model.dtype
    )


def check_sparse(model: Model, rows: Sequence[Any], where: str) -> None:
    """Refuse NaN and Inf in sparse rows, which the core does not look at."""
    for array, name in zip(rows, model.input_names, strict=True):
        if isinstance(array, data.SparseRows):
            name = "x" if len(rows) == 1 else f"x[{name!r}]"
            data.check_sparse_finite(array, where=where, name=name)


def check_inputs(model: Model, rows: Sequence[Any], where: str, *, finite: bool = True) -> None:
    """Refuse NaN and Inf, and numbers that no row of an `Embedding` has."""
    names = ["x"] if len(rows) == 1 else [f"x[{name!r}]" for name in model.input_names]
    if finite:
        for array, name in zip(rows, names, strict=True):
            if isinstance(array, data.SparseRows):
                data.check_sparse_finite(array, where=where, name=name)
                continue
            data.check_finite(array, where=where, name=name, dtype=model.dtype)
    for number, column, size in model._tables:
        data.check_indices(
            rows[number][:, column],
            where=where,
            name=names[number] + (f"[:, {column}]" if rows[number].shape[1] > 1 else ""),
            below=size,
        )


def predict_rows(model: Model, x: Any, batch_size: int | None, out: Any, check_finite: bool) -> Any:
    """Predict from anything `predict` takes.

    The compiled `predict` passes on to here what is not a small plain array.
    """
    where = "predict"
    block = model.block_rows()
    if is_symbolic(x):
        raise TypeError(
            f"{where}: x is symbolic, without values; call the model itself, model(x), to make "
            f"it part of another"
        )
    plain = len(model.input_cols) == 1 and model._input_form is None
    if is_stream(x) and (plain or not isinstance(x, (list, tuple, Mapping))):
        if out is not None:
            raise ValueError(f"{where}: out needs an array x, got a stream")
        parts = [
            predict_rows(model, first_of(batch, i), batch_size, None, check_finite)
            for i, batch in enumerate(x)
        ]
        if not parts:
            raise ValueError(f"{where}: the stream yielded no batches")
        if isinstance(parts[0], dict):
            return {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
        if isinstance(parts[0], list):
            return [np.concatenate(pieces) for pieces in zip(*parts, strict=True)]
        return np.concatenate(parts)
    if batch_size is not None:
        block = data.as_count(batch_size, where=where, name="batch_size")
    return _predict_tables(model, x, out, where, block, check_finite)


def _predict_tables(
    model: Model, x: Any, out: Any, where: str, block: int, check_finite: bool
) -> Any:
    """Predict from arrays."""
    rows = as_inputs(model, x, where)
    if check_finite:
        check_sparse(model, rows, where)
    n = len(rows[0])
    shapes = [(n, cols) for cols in model.output_cols]
    outs: list[Array]
    if out is None:
        outs = [np.empty(shape, model.dtype) for shape in shapes]
    else:
        outs = parts_of(out, model._output_form, len(shapes), f"{where}: out")
        for one, shape in zip(outs, shapes, strict=True):
            check_out(one, where, shape, model.dtype)
        rows = tuple(
            array.copy()
            if isinstance(array, np.ndarray)
            and any(np.may_share_memory(one, array) for one in outs)
            else array
            for array in rows
        )
    if model.run_predict(rows, tuple(outs), block, check_finite) >= 0:
        check_inputs(model, rows, where, finite=check_finite)
    return close_form(outs, model._output_form)


def predict_served(model: Model, x: Any, out: Any, where: str, check_finite: bool) -> Any:
    """Predict for a `Predictor` of several inputs or outputs: a table each, or a row each."""
    parts = [x]
    several = len(model.input_cols) > 1 or isinstance(model._input_form, tuple)
    if several:
        form = model.input_names if isinstance(x, Mapping) else model._input_form
        parts = parts_of(x, form, len(model.input_cols), where)
    if [np.shape(part) for part in parts] != [(cols,) for cols in model.input_cols]:
        return _predict_tables(model, x, out, where, model.block_rows(), check_finite)
    tables = [np.asarray(part)[None] for part in parts]
    to = None if out is None else each_part(lambda part: np.asarray(part)[None], out)
    result = _predict_tables(
        model, tables if several else tables[0], to, where, model.block_rows(), check_finite
    )
    return each_part(lambda part: part[0], result) if out is None else out
