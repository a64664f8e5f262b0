"""What the estimators share: options, fit, predict, evaluate, the file."""

from __future__ import annotations

import os
import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from fastnn import activations, data, losses, optimizers
from fastnn._spec import Spec, check_float, check_int, describe, lookup, unexpected
from fastnn.errors import FastnnWarning
from fastnn.history import History
from fastnn.losses import Loss
from fastnn.model import Model
from fastnn.tabular import file
from fastnn.tabular.csvfile import csv_types
from fastnn.tabular.encode import Counts, Encoder, check_policies
from fastnn.tabular.fitting import Head, describe_left_out, look, train
from fastnn.tabular.rows import Supply
from fastnn.tabular.schema import Column, match
from fastnn.tabular.sources import Source, open_table
from fastnn.tabular.target import ClassTarget, NumberTarget

__all__ = ["Tabular"]

Array = npt.NDArray[Any]


class Tabular(ABC):
    """What the estimators share."""

    _metrics: tuple[str, ...]

    def __init__(
        self,
        hidden: Sequence[int] = (64, 32),
        activation: Any = "relu",
        dropout: float = 0.0,
        loss: Any = None,
        optimizer: Any = None,
        *,
        epochs: int = 200,
        batch_size: int | None = None,
        learning_rate: float | None = None,
        validation_split: float = 0.1,
        patience: int | None = 20,
        missing: str = "impute",
        out_of_range: str = "warn",
        columns: Sequence[str] | None = None,
        drop: Sequence[str] = (),
        kinds: Mapping[str, str] | None = None,
        seed: int | None = None,
        dtype: str = "float32",
        verbose: int = 0,
        callbacks: Sequence[Any] = (),
        **unknown: object,
    ) -> None:
        where = type(self).__name__
        for name in unknown:
            from inspect import signature

            raise unexpected(where, name, list(signature(Tabular).parameters)[:-1])
        if isinstance(hidden, int):
            hidden = (hidden,)
        self.hidden = tuple(check_int(where, "hidden", units) for units in hidden)
        self.activation = activations.get(activation, where)
        self.dropout = check_float(where, "dropout", dropout, at_least=0, below=1)
        self.loss: Loss | None = None if loss is None else losses.get(loss, where)
        self.optimizer = None if optimizer is None else optimizers.get(optimizer, where)
        if self.optimizer is not None and learning_rate is not None:
            if not isinstance(optimizer, str):
                raise ValueError(
                    f"{where}: want learning_rate, or an optimizer that has one, not both"
                )
            self.optimizer = self.optimizer.replace(learning_rate=learning_rate)
        self.epochs = check_int(where, "epochs", epochs)
        self.batch_size = None if batch_size is None else check_int(where, "batch_size", batch_size)
        self.learning_rate = (
            None
            if learning_rate is None
            else check_float(where, "learning_rate", learning_rate, above=0)
        )
        self.validation_split = check_float(
            where, "validation_split", validation_split, at_least=0, below=1
        )
        self.patience = None if patience is None else check_int(where, "patience", patience)
        check_policies(where, missing, out_of_range)
        self.missing = missing
        self.out_of_range = out_of_range
        for name, given in (("columns", columns), ("drop", drop)):
            if isinstance(given, str):
                raise TypeError(f"{where}: {name} must be a list of names, got {describe(given)}")
        self.columns = None if columns is None else tuple(columns)
        self.drop = tuple(drop)
        self.kinds = dict(kinds or {})
        self.seed = None if seed is None else data.as_seed(seed, where=where)
        self.dtype = lookup("dtype", dtype, {"float32": "float32", "float64": "float64"}, where)
        self.verbose = verbose
        self.callbacks = tuple(callbacks)

    model_: Model
    history_: History
    schema_: tuple[Column, ...]
    metrics_: dict[str, float]
    counts_: Counts
    seed_: int
    rows_: int
    target_: NumberTarget | ClassTarget

    # -- what differs -----------------------------------------------------------------------------

    @abstractmethod
    def _make_target(self, name: str, data_type: Any, where: str) -> NumberTarget | ClassTarget: ...

    @abstractmethod
    def _head(self, where: str) -> Head:
        """Judge the target, and return what the network ends in."""

    @abstractmethod
    def _encode_target(self, array: Any, where: str, *, scaled: bool) -> Array:
        """Return the column as a network is trained on it, or as it is judged by."""

    @abstractmethod
    def _answers(self, outputs: Array) -> Array:
        """Return predictions from the outputs of the network."""

    # -- fitting ----------------------------------------------------------------------------------

    def fit(
        self,
        table: Any,
        target: str,
        *,
        sample_weight: Any = None,
        class_weight: Any = None,
        validation_data: Any = None,
        max_memory: int = 2**30,
    ) -> Self:
        """Learn to predict a column from the others.

        Parameters
        ----------
        table : object
            Anything that `open_table` takes.
        target : str
            The column to predict.
        sample_weight : str or array_like of shape (n,), optional
            A column of weights, or a weight for each row.
        class_weight : mapping of class to float, or "balanced", optional
            For a classifier.
        validation_data : object, optional
            A table to validate with, in place of a share of the rows.
        max_memory : int
            Bytes.  Encoded rows that take more are not held in memory: the table is read again
            each epoch, and a buffer mixes its rows.

        Returns
        -------
        self

        Raises
        ------
        TypeError, ValueError
            If the table, a column or the target cannot be learnt from.

        Notes
        -----
        The table is read twice: first for the kinds, moments, ranges and categories of all its
        columns, those of the rows to validate with included, then for the rows.
        """
        before = dict(vars(self))
        try:
            left_out = self._fit(
                table, target, sample_weight, class_weight, validation_data, max_memory
            )
        except BaseException:  # what was learnt before stays
            vars(self).clear()
            vars(self).update(before)
            raise
        if left_out:
            warnings.warn(
                f"{type(self).__name__}.fit: columns that were left out: "
                f"{describe_left_out(left_out)}",
                FastnnWarning,
                stacklevel=2,
            )
        return self

    def _fit(
        self,
        table: Any,
        target: str,
        sample_weight: Any,
        class_weight: Any,
        validation_data: Any,
        max_memory: int,
    ) -> dict[str, str]:
        """Fit; return the columns that were left out, and why."""
        where = f"{type(self).__name__}.fit"
        if not isinstance(target, str):
            raise TypeError(f"{where}: target must be the name of a column, got {describe(target)}")
        check_int(where, "max_memory", max_memory, 0)
        source = open_table(table).for_fit()
        if target not in source.schema.names:
            lookup("column", target, dict.fromkeys(source.schema.names), f"{where}: target")
        if source.rows == 0:
            raise ValueError(f"{where}: the table has no rows")
        index = source.schema.names.index(target)
        self.target_ = self._make_target(target, source.schema.field(index).type, where)
        seen = look(
            source,
            self.target_,
            weight=sample_weight,
            columns=self.columns,
            drop=self.drop,
            kinds=self.kinds,
            missing=self.missing,
            dtype=self.dtype,
            where=where,
        )
        head = self._head(where)
        self.schema_, self.rows_ = seen.columns, seen.rows
        self.seed_ = data.as_seed(self.seed, where=where)
        judged: Supply | None = None
        if validation_data is not None:
            at = f"{where}: validation_data"
            judged = self._supply(validation_data, at, "count", None, scaled=True)
            judged.source = judged.source.for_fit() if not judged.source.again else judged.source
            found = judged.source.batches([target])
            if not any(batch.num_rows for batch in found):  # as a rule the first one has some
                raise ValueError(f"{at}: the table has no rows")
        result = train(
            seen,
            head,
            lambda array: self._encode_target(array, where, scaled=True),
            options={**vars(self), "target": target},
            seed=self.seed_,
            validation=judged,
            max_memory=max_memory,
            class_weight=self._class_weight(class_weight, where),
            where=where,
        )
        self.model_, self.history_ = result.model, result.history
        self.counts_ = Counts()
        self.metrics_ = {}
        if result.held_out is not None:
            self.metrics_ = self._judge(result.held_out)
        return seen.left_out

    def _class_weight(self, given: Any, where: str) -> dict[int, float] | None:
        if given is not None:
            raise ValueError(f"{where}: class_weight is for classifiers; want sample_weight")
        return None

    def _check_fitted(self, method: str) -> str:
        where = f"{type(self).__name__}.{method}"
        if not hasattr(self, "model_"):
            raise RuntimeError(f"{where}: this estimator has learnt nothing yet; call fit first")
        return where

    # -- predicting -------------------------------------------------------------------------------

    def _open(self, table: Any, where: str, names: Sequence[str] = ()) -> Source:
        """Open a table and hold it against the columns of training."""
        types = csv_types(self.schema_)
        if names:
            types[self.target_.name] = self.target_.csv_type()
        source = open_table(table).typed(types)
        schema = source.schema
        match(self.schema_, schema, where)
        for name in names:
            if name not in schema.names:
                raise ValueError(
                    f"{where}: the table has no column {name!r}; it has {', '.join(schema.names)}"
                )
        return source

    def _encoder(
        self, where: str, out_of_range: str | None, *, standardise: bool = False
    ) -> Encoder:
        policy = self.out_of_range if out_of_range is None else out_of_range
        check_policies(where, self.missing, policy)
        return Encoder(
            self.schema_,
            self.dtype,
            missing=self.missing,
            out_of_range=policy,
            where=where,
            standardise=standardise,
        )

    def _outputs(self, table: Any, where: str, out_of_range: str | None) -> Iterator[Array]:
        """Yield the network's outputs for each batch."""
        encoder = self._encoder(where, out_of_range)
        source = self._open(table, where)
        self.counts_ = encoder.counts
        for batch in source.batches([column.name for column in self.schema_]):
            if batch.num_rows:
                yield self.model_.predict(encoder.encode(batch))

    def _all_outputs(self, table: Any, where: str, out_of_range: str | None) -> Array:
        parts = list(self._outputs(table, where, out_of_range))
        if not parts:
            raise ValueError(f"{where}: the table has no rows")
        return np.concatenate(parts)

    def predict(self, table: Any, *, out_of_range: str | None = None) -> Array:
        """Predict the target of each row.

        Parameters
        ----------
        table : object
            Anything that `open_table` takes.  Columns are found by name; others are ignored.
        out_of_range : {"warn", "count", "clip", "raise"}, optional
            In place of the estimator's own.

        Returns
        -------
        ndarray, shape (n,)
            float64, or the classes.

        Raises
        ------
        ValueError
            If a column is missing or holds other kinds of values than in training, and by policy.
        """
        where = self._check_fitted("predict")
        outputs = self._all_outputs(table, where, out_of_range)
        self.counts_.warn(where)
        return self._answers(outputs)

    def predict_batches(self, table: Any, *, out_of_range: str | None = None) -> Iterator[Array]:
        """Predict in constant memory: yield an array for each batch of the table.

        Parameters
        ----------
        table, out_of_range
            As `predict`.

        Yields
        ------
        ndarray, shape (rows of the batch,)
        """
        where = self._check_fitted("predict_batches")
        for outputs in self._outputs(table, where, out_of_range):
            yield self._answers(outputs)
        self.counts_.warn(where)

    def evaluate(
        self, table: Any, *, sample_weight: Any = None, out_of_range: str | None = None
    ) -> dict[str, float]:
        """Return how good predictions are, over a table that has the target.

        Parameters
        ----------
        table : object
            Anything that `open_table` takes; it is read batch by batch.
        sample_weight : str or array_like of shape (n,), optional
        out_of_range : {"warn", "count", "clip", "raise"}, optional
            In place of the estimator's own.

        Returns
        -------
        dict of str to float
        """
        where = self._check_fitted("evaluate")
        weight = sample_weight
        if weight is not None and not isinstance(weight, str):
            weight = data.as_weights(weight, where=where, rows=len(weight))
        supply = self._supply(table, where, out_of_range, weight, scaled=False)
        self.counts_ = supply.encoder.counts
        found = self._judge(supply.batches)
        self.counts_.warn(where)
        return found

    def _supply(
        self, table: Any, where: str, out_of_range: str | None, weight: Any, *, scaled: bool
    ) -> Supply:
        """Return rows and targets as they are, or `scaled` for the network that is trained."""
        names = [self.target_.name, *([weight] if isinstance(weight, str) else [])]
        return Supply(
            self._open(table, where, names),
            self._encoder(where, out_of_range, standardise=scaled),
            self.target_.name,
            lambda array: self._encode_target(array, where, scaled=scaled),
            weight,
        )

    @abstractmethod
    def _judge(self, batches: Any) -> dict[str, float]:
        """Return the metrics over batches of (x, y) or (x, y, weight)."""

    # -- telling and keeping ----------------------------------------------------------------------

    def summary(self) -> str:
        """Return the columns, the metrics and the network, for people."""
        self._check_fitted("summary")
        lines = [f"{type(self).__name__}: {self.target_.name} from {self.rows_} rows", ""]
        table = [("column", "kind", "values in training", "missing", "numbers")]
        for column in self.schema_:
            width = column.units if column.is_category else column.width
            table.append(
                (
                    column.name,
                    column.kind,
                    column.describe_range(),
                    str(column.missing or ""),
                    str(width),
                )
            )
        widths = [max(len(row[i]) for row in table) for i in range(len(table[0]))]
        for row in table:
            cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
            lines.append("  ".join(cells).rstrip())
        if self.metrics_:
            lines += ["", "On rows held out of training:"]
            longest = max(map(len, self.metrics_))
            lines += [f"  {name:{longest}}  {v:.6g}" for name, v in self.metrics_.items()]
        return "\n".join([*lines, "", str(self.model_.summary())])

    def __repr__(self) -> str:
        """Show what it is and whether it has learnt."""
        if not hasattr(self, "model_"):
            return f"{type(self).__name__}(hidden={self.hidden})"
        return (
            f"<{type(self).__name__}: {self.target_.name} from "
            f"{', '.join(column.name for column in self.schema_)}>"
        )

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write one file: network, scaler, columns, categories, ranges, metrics, versions.

        `fastnn.tabular.load` reads it, and `fastnn.load` the bare network.

        Parameters
        ----------
        path : str or path-like
            Replaced only once the new file is whole.

        Raises
        ------
        OSError
            If the file cannot be written; an old one stays as it was.
        """
        self._check_fitted("save")
        file.write(self.model_, self._facts(), path)

    def _facts(self) -> dict[str, Any]:
        options = {
            name: value.config() if isinstance(value, Spec) else value
            for name, value in vars(self).items()
            if not name.endswith("_") and name not in ("callbacks", "verbose")
        }
        if isinstance(self.optimizer, Spec):
            options["learning_rate"] = None  # the optimizer has it
        return {
            "kind": type(self).__name__,
            "options": options,
            "columns": [column.config() for column in self.schema_],
            "target": self.target_.config(),
            "rows": self.rows_,
            "seed": self.seed_,
            "metrics": self.metrics_,
            "history": {
                "epoch": self.history_.epoch,
                "seconds": self.history_.seconds,
                "stopped": self.history_.stopped,
                "values": dict(self.history_),
            },
            "versions": file.versions(),
        }
