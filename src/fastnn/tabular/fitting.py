"""A fit of an estimator: first pass, network, rows, training, what is left behind."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from fastnn import data, optimizers
from fastnn.callbacks import Callback, EarlyStopping
from fastnn.history import History
from fastnn.losses import Loss
from fastnn.model import Model
from fastnn.tabular import network
from fastnn.tabular.arrow import columns_of
from fastnn.tabular.encode import Encoder
from fastnn.tabular.rows import MOST_HELD_OUT, HeldOut, Rows, Shuffled, Supply, gather
from fastnn.tabular.schema import Column
from fastnn.tabular.sources import Source
from fastnn.tabular.survey import LARGEST_READ, CategoryStatistics, choose, start, survey
from fastnn.tabular.target import ClassTarget, NumberTarget
from fastnn.trainer import Trainer

__all__ = ["Head", "Result", "Surveyed", "look", "train"]

Array = npt.NDArray[Any]
BUFFER_BYTES = 2**26  # of the buffer that mixes the rows of a stream
PREFETCH = 8  # batches of a stream that a thread draws ahead


class Head(NamedTuple):
    """What the network ends in."""

    outputs: int
    activation: str
    loss: Loss
    metrics: tuple[str, ...]
    start: float  # bias of the output before training
    scale: tuple[float, float] | None  # mean and deviation of the target


class _TableTrainer(Trainer):
    """A trainer whose callbacks write the whole model, with the target's scale."""

    _finish: Callable[[], Model] | None = None

    def _model_to_save(self) -> Model:
        return self.model if self._finish is None else self._finish()


class Surveyed(NamedTuple):
    """What the first pass has found."""

    source: Source
    columns: tuple[Column, ...]
    left_out: dict[str, str]  # columns, and why
    counts: list[list[int]]  # of the categories, for each column of them
    rows: int
    weight: str | Array | None


class Result(NamedTuple):
    """What a fit leaves behind."""

    model: Model
    history: History
    held_out: Any  # a function that yields batches of (x, y) to judge `model` by, or None


def look(
    source: Source,
    target: NumberTarget | ClassTarget,
    *,
    weight: Any,
    columns: Sequence[str] | None,
    drop: Sequence[str],
    kinds: Mapping[str, str],
    missing: str,
    dtype: str,
    where: str,
) -> Surveyed:
    """Make the first pass over a table."""
    schema = source.schema
    weight_name = weight if isinstance(weight, str) else None
    names = choose(
        schema, target=target.name, weight=weight_name, columns=columns, drop=drop, where=where
    )
    statistics, left_out = start(
        schema,
        names,
        kinds,
        largest=LARGEST_READ[dtype],
        asked=columns is not None,
        where=where,
    )
    rows = 0
    for batch in source.batches([*statistics, target.name]):
        rows += batch.num_rows
        arrays = columns_of(batch)
        target.update(arrays[target.name])
        for name, one in statistics.items():
            one.update(arrays[name])
    if rows == 0:
        raise ValueError(f"{where}: the table has no rows")
    found, useless = survey(statistics, schema, kinds)
    left_out |= useless
    if not found:
        raise ValueError(f"{where}: no column is of use ({describe_left_out(left_out)})")
    if missing == "error":
        for column in found:
            if column.missing:
                raise ValueError(
                    f"{where}: column {column.name!r} is missing in {column.missing} of {rows} "
                    f"rows; missing='impute' allows that"
                )
    if weight is not None and weight_name is None:
        weight = data.as_weights(weight, where=where, rows=rows)
    counts = [
        [one.counts[value] for value in column.categories[: column.kept]]
        for column in found
        if isinstance(one := statistics[column.name], CategoryStatistics)
    ]
    return Surveyed(source, found, left_out, counts, rows, weight)


def describe_left_out(left_out: Mapping[str, str]) -> str:
    """Return columns and why they are left out."""
    return "; ".join(f"{name!r}: {why}" for name, why in left_out.items())


def train(
    seen: Surveyed,
    head: Head,
    encode_target: Any,
    *,
    options: Mapping[str, Any],
    seed: int,
    validation: Any,
    max_memory: int,
    class_weight: Mapping[int, float] | None,
    where: str,
) -> Result:
    """Train a network on a table that was looked at.

    `validation` is a `Supply` of a table of its own, or None.
    """
    encoder = Encoder(
        seen.columns,
        options["dtype"],
        missing=options["missing"],
        out_of_range="count",
        where=where,
        training=True,
        standardise=True,
    )
    trained, whole = network.build(
        seen.columns,
        head.outputs,
        head.activation,
        hidden=options["hidden"],
        activation=options["activation"],
        dropout=options["dropout"],
        dtype=options["dtype"],
        seed=seed,
        start=head.start,
        scale=head.scale,
    )
    optimizer = options["optimizer"]
    if optimizer is None or isinstance(optimizer, str):
        optimizer = optimizers.get(optimizer or "adam", where)
        if options["learning_rate"] is not None:
            optimizer = optimizer.replace(learning_rate=options["learning_rate"])

    def finish() -> Model:
        whole.set_weights(dict(trained.parameters))
        network.fill_unknown(whole, seen.columns, seen.counts)
        return whole

    trainer = _TableTrainer(trained, head.loss, optimizer, list(head.metrics), seed=seed)
    trainer._finish = finish
    supply = Supply(seen.source, encoder, options["target"], encode_target, seen.weight)
    batch_size = options["batch_size"] or usual_batch_size(seen.rows)
    share = 0.0 if validation is not None else options["validation_split"]
    row_bytes = (encoder.width + 1) * encoder.dtype.itemsize
    streams = seen.rows * row_bytes > max_memory
    if streams:
        share = min(share, MOST_HELD_OUT / seen.rows)
    held_out = HeldOut(seen.rows, share, seed)
    rows: Rows | None = None
    held: Rows | None = None
    if not streams or held_out:
        rows, held = gather(supply, held_out, train=not streams)
    held_data: Any = None if held is None else held.arguments()
    if validation is not None:
        held_data = validation.batches
    callbacks: list[Callback] = list(options["callbacks"])
    if held_data is not None and options["patience"] is not None:
        callbacks.insert(0, EarlyStopping("val_loss", patience=options["patience"]))
    common: dict[str, Any] = {
        "epochs": options["epochs"],
        "validation_data": held_data,
        "callbacks": callbacks,
        "verbose": options["verbose"],
        "class_weight": class_weight,
    }
    if streams:
        stream = Shuffled(
            supply,
            held_out,
            rows=seen.rows - held_out.total(),
            batch_size=batch_size,
            buffer_rows=BUFFER_BYTES // row_bytes,
            seed=seed,
        )
        trainer.fit(stream, prefetch=PREFETCH, **common)
    else:
        assert rows is not None
        trainer.fit(rows.x, rows.y, sample_weight=rows.weight, batch_size=batch_size, **common)

    def judge() -> Iterator[tuple[Array, ...]]:
        """Yield the rows to validate with and their targets, neither of them standardised."""
        mean, deviation = head.scale or (0.0, 1.0)
        for x, y, *weight in held_data() if held is None else [held_data]:
            y = y if head.scale is None else y.astype(np.float64) * deviation + mean
            yield (encoder.restore(x), y, *weight)

    return Result(finish(), trainer.history, None if held_data is None else judge)


def usual_batch_size(rows: int) -> int:
    """Return a power of two that grows with the table, within 32 and 512."""
    return int(2 ** min(9, max(5, round(math.log2(max(1, rows) / 1000)))))
