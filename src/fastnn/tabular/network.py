"""The networks of an estimator: the one that is kept, and the one that is trained."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fastnn.initializers import Constant
from fastnn.layers import (
    Concatenate,
    Dense,
    Dropout,
    Embedding,
    Input,
    Normalization,
    Split,
)
from fastnn.model import Model
from fastnn.tabular.schema import Column, moments_of_numbers

__all__ = ["build", "fill_unknown"]

EMBEDDING = "categories"


def build(
    columns: Sequence[Column],
    outputs: int,
    output_activation: str,
    *,
    hidden: Sequence[int],
    activation: Any,
    dropout: float,
    dtype: str,
    seed: int,
    start: float = 0.0,
    scale: tuple[float, float] | None = None,
) -> tuple[Model, Model]:
    """Return the network to train and the whole one, with the same weights.

    The whole one standardises numbers, embeds categories, and brings the target back to its units
    at the end.  The one to train lacks both scales: it reads rows that are standardised already,
    and learns a target that is.  A scale costs a step more than to do it once for each row.

    Parameters
    ----------
    columns : sequence of Column
    outputs : int
    output_activation : str
    hidden, activation, dropout, dtype, seed
        As the estimator has them.
    start : float
        Bias of the output before training.
    scale : (float, float), optional
        Mean and deviation of the target.

    Returns
    -------
    trained, whole : Model
        Each has parameters of its own.
    """
    means, variances = moments_of_numbers(columns)
    categories = [column for column in columns if column.is_category]

    def connect(*, scales: bool) -> Model:
        inputs = Input(len(means) + len(categories), name="table")
        parts: list[Any] = []
        if categories and means:
            numbers, codes = Split([len(means), len(categories)], name="split")(inputs)
        else:
            numbers = codes = inputs
        if means:
            scaled = Normalization(means, variances, name="scaler")(numbers) if scales else numbers
            parts.append(scaled)
        if categories:
            parts.append(
                Embedding(
                    [column.table_rows for column in categories],
                    [column.units for column in categories],
                    name=EMBEDDING,
                )(codes)
            )
        h = parts[0] if len(parts) == 1 else Concatenate(name="columns")(parts)
        for i, units in enumerate(hidden):
            h = Dense(units, activation, name=f"hidden_{i}")(h)
            if dropout:
                h = Dropout(dropout, name=f"dropout_{i}")(h)
        bias: Any = Constant(start) if start else "zeros"
        h = Dense(outputs, output_activation, bias_initializer=bias, name="output")(h)
        if scales and scale is not None:
            mean, deviation = scale
            h = Normalization([mean], [deviation**2], invert=True, name="target")(h)
        return Model(inputs, h, dtype=dtype, seed=seed)

    trained, whole = connect(scales=False), connect(scales=True)
    trained.set_weights({name: whole.parameters[name] for name in trained.parameters})
    return trained, whole


def fill_unknown(model: Model, columns: Sequence[Column], counts: Sequence[Sequence[int]]) -> None:
    """Give values that were never seen the mean of those that were, where training had none.

    Where values occur that share the row of the unknown, training has found it.

    Parameters
    ----------
    model : Model
        Trained.
    columns : sequence of Column
    counts : sequence of sequence of int
        For each column of categories, how often each value occurred.
    """
    tables = [view for name, view in model.parameters.items() if name.startswith(f"{EMBEDDING}/")]
    categories = [column for column in columns if column.is_category]
    for column, table, count in zip(categories, tables, counts, strict=True):
        if 0 < column.kept == len(column.categories):
            table[0] = np.average(table[1 : column.kept + 1], axis=0, weights=count)
