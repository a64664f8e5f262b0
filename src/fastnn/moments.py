"""Means and variances of columns, in one piece or in batches; a model adapted to them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from fastnn import data
from fastnn._core import ColumnMoments
from fastnn.forms import first_of, is_stream, parts_of
from fastnn.inference import as_inputs
from fastnn.layers import Input, Normalization, scales

if TYPE_CHECKING:
    from fastnn.model import Model

__all__ = ["adapt", "column_moments"]


def column_moments(
    x: npt.ArrayLike | Iterable[Any], where: str
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return mean and (biased) variance of each column, in one pass.

    Parameters
    ----------
    x : array_like, shape (n, columns) or (n,), or an iterable of batches
        A batch may be a tuple that begins with the rows.
    where : str
        Who asks; begins the message of an error.

    Raises
    ------
    TypeError, ValueError
        If there are no rows, they hold NaN or Inf, or widths differ.

    Examples
    --------
    >>> column_moments([[1.0, 5.0], [3.0, 5.0]], "me")
    (array([2., 5.]), array([1., 0.]))
    """
    batches: Iterable[Any] = x if is_stream(x) else [x]
    sums: ColumnMoments | None = None
    cols = 0
    for number, batch in enumerate(batches):
        rows = data.as_array(first_of(batch, number), where=where, name="x")
        rows = rows.reshape(len(rows), -1)
        if sums is None:
            cols = rows.shape[1]
            sums = ColumnMoments(cols)
        if rows.shape[1] != cols:
            raise ValueError(f"{where}: batch {number} has {rows.shape[1]} columns, want {cols}")
        data.check_finite(rows, where=where, name="x", dtype="float64")
        sums.update(rows)
    if sums is None or not sums.count().any():
        raise ValueError(f"{where}: x has no rows")
    return sums.mean(), sums.variance()


def adapt(model: Model, x: Any, y: Any) -> None:
    """Adapt the `Normalization` layers of a model; as `Model.adapt`."""
    where = f"{type(model).__name__}.adapt"
    found: dict[str, npt.NDArray[Any]] = {}
    tables = as_inputs(model, x, where)
    for use in model._uses:
        layer, name = model.layers[use.layer], model.layer_names[use.layer]
        if not isinstance(layer, Normalization) or layer.invert:
            continue
        node, _ = use.inputs[0]
        if isinstance(model.layers[model._uses[node].layer], Input):
            mean, scale = scales(*column_moments(tables[node], where), False)
            found[f"{name}/mean"], found[f"{name}/scale"] = mean, scale
    if y is not None:
        for (node, _), target in zip(
            model._ends, parts_of(y, model._output_form, len(model._ends), where), strict=True
        ):
            use = model._uses[node]
            layer, name = model.layers[use.layer], model.layer_names[use.layer]
            if isinstance(layer, Normalization) and layer.invert:
                rows = data.as_rows(
                    target, where=where, name="y", columns=use.units[0], allow_1d=True
                )
                mean, scale = scales(*column_moments(rows, where), True)
                found[f"{name}/mean"], found[f"{name}/scale"] = mean, scale
    if not found:
        raise ValueError(
            f"{where}: no Normalization reads an input"
            f"{'' if y is None else ', and none with invert=True makes an output'}"
        )
    arena = model.snapshot()
    views = model._views(arena, trained=False)
    for name, values in found.items():
        views[name][...] = values
    model.restore(arena)
