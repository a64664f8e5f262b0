"""Tables whose rows are looked up by integer columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fastnn import constraints, initializers, regularizers
from fastnn._spec import MAX_UNITS, check_bool, check_int
from fastnn.layers.base import Layer, Units, Weight, _check_name

if TYPE_CHECKING:
    from fastnn.lowering import Lowering

__all__ = ["Embedding"]


class Embedding(Layer):
    """Rows of tables that are looked up by integer columns, side by side.

    Parameters
    ----------
    input_dim : int, or sequence of int
        How many values the column, or each of several columns, may have: 0 .. input_dim - 1.
    output_dim : int, or sequence of int
        Columns of the output for each column of the input.
    embeddings_initializer : str, Initializer, array or callable
        By default "uniform".
    embeddings_regularizer : str or Regularizer, optional
    embeddings_constraint : str or Constraint, optional
    trainable : bool, default True
    name : str, optional

    Notes
    -----
    The input must be an `Input`, or a `Split` of one: what comes in is refused if it is no whole
    number within the table.  A float32 network counts exactly up to 2**24.

    Examples
    --------
    >>> layer = Embedding([7, 12], [3, 5])  # weekday and month
    >>> layer.output_units(2), layer.parameter_shapes(2)
    (8, {'embeddings_0': (7, 3), 'embeddings_1': (12, 5)})
    """

    __slots__ = (
        "embeddings_constraint",
        "embeddings_initializer",
        "embeddings_regularizer",
        "input_dim",
        "output_dim",
        "trainable",
    )
    tag = "embedding"
    input_dim: int | tuple[int, ...]
    output_dim: int | tuple[int, ...]
    embeddings_initializer: initializers.Initializer
    embeddings_regularizer: regularizers.Regularizer | None
    embeddings_constraint: constraints.Constraint | None
    trainable: bool

    def __init__(
        self,
        input_dim: int | Sequence[int],
        output_dim: int | Sequence[int],
        *,
        embeddings_initializer: str | initializers.Initializer = "uniform",
        embeddings_regularizer: str | regularizers.Regularizer | None = None,
        embeddings_constraint: str | constraints.Constraint | None = None,
        trainable: bool = True,
        name: str | None = None,
    ) -> None:
        who = type(self).__name__
        given: dict[str, int | tuple[int, ...]] = {}
        for key, value, most in (
            ("input_dim", input_dim, 2**24),
            ("output_dim", output_dim, MAX_UNITS),
        ):
            if isinstance(value, (list, tuple)):
                if not value:
                    raise ValueError(f"{who}: {key} is empty; want a number for each column")
                given[key] = tuple(
                    check_int(who, f"{key}[{i}]", one, 1, most) for i, one in enumerate(value)
                )
            else:
                given[key] = check_int(who, key, value, 1, most)
        self._set(
            **given,
            embeddings_initializer=initializers.get(embeddings_initializer, who),
            embeddings_regularizer=regularizers.get(embeddings_regularizer, who),
            embeddings_constraint=constraints.get(embeddings_constraint, who),
            trainable=check_bool(who, "trainable", trainable),
            name=_check_name(who, name),
        )
        columns = [value for value in given.values() if isinstance(value, tuple)]
        if len({len(value) for value in columns}) > 1:
            raise ValueError(
                f"{who}: input_dim names {len(columns[0])} columns, output_dim {len(columns[1])}; "
                f"want as many"
            )

    def tables(self) -> list[tuple[int, int]]:
        """Return rows and columns of each table."""
        counts = [len(d) for d in (self.input_dim, self.output_dim) if isinstance(d, tuple)]
        n = counts[0] if counts else 1
        rows = self.input_dim if isinstance(self.input_dim, tuple) else (self.input_dim,) * n
        cols = self.output_dim if isinstance(self.output_dim, tuple) else (self.output_dim,) * n
        return list(zip(rows, cols, strict=True))

    def output_units(self, fan_in: int) -> int:
        """Return the columns of the output."""
        tables = self.tables()
        if fan_in != len(tables):
            raise ValueError(
                f"Embedding: got {fan_in} input columns for {len(tables)} tables; want as many"
            )
        return sum(cols for _, cols in tables)

    def weights(self, units: Units) -> dict[str, Weight]:
        """Return the tables."""
        tables = self.tables()
        names = (
            ["embeddings"] if len(tables) == 1 else [f"embeddings_{i}" for i in range(len(tables))]
        )
        return {
            name: Weight(
                shape,
                self.embeddings_initializer,
                regularizer=self.embeddings_regularizer,
                constraint=self.embeddings_constraint,
            )
            for name, shape in zip(names, tables, strict=True)
        }

    def lower(self, to: Lowering, inputs: Units) -> Units:
        """Add an op for each table, and one that puts their values side by side."""
        tables = self.tables()
        names = list(self.weights(()))
        found = tuple(
            to.embedding(inputs[0], column, rows, cols, to.at(name))
            for column, ((rows, cols), name) in enumerate(zip(tables, names, strict=True))
        )
        return found if len(found) == 1 else (to.concat(found),)
