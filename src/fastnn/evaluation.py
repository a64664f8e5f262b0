"""Loss and metrics without training: of rows, of a stream, of what a fit is validated with."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from fastnn._spec import check_float, check_int, describe
from fastnn.feed import Rows, any_weight, close_stream, is_iterator, judge, open_stream
from fastnn.forms import is_stream

if TYPE_CHECKING:
    from fastnn.trainer import Trainer

__all__ = ["Evaluation", "StreamEvaluation", "check_freq", "split_rows", "split_validation"]


class Evaluation:
    """Loss and metrics over checked rows, as often as it is called.

    With `chosen` (from `data.as_indices`) over those rows alone.
    """

    def __init__(
        self,
        trainer: Trainer,
        where: str,
        rows: Rows,
        chosen: npt.NDArray[np.uint64] | None = None,
    ) -> None:
        self.trainer = trainer
        self.where = where
        count = len(rows.x) if chosen is None else len(chosen)
        block = min(count, trainer.model.block_rows())
        self.run = trainer._run(block, training=False)
        self.steps = self.run.bind(*rows, chosen, block, False)

    def __call__(self) -> dict[str, float]:
        """Return loss and metrics over the rows."""
        run = self.run
        run.begin()
        wrong = run.advance(self.steps)
        if wrong:
            judge(run, wrong, self.where)
        return self.trainer._logs(run)


class StreamEvaluation:
    """Loss and metrics over a stream, as often as it is called."""

    def __init__(
        self, trainer: Trainer, where: str, stream: Any, finite: bool, steps: int | None = None
    ) -> None:
        self.trainer = trainer
        self.where = where
        self.stream = stream
        self.finite = finite
        self.steps = steps

    def __call__(self) -> dict[str, float]:
        """Return loss and metrics over the stream."""
        trainer, where = self.trainer, self.where
        run = trainer._run(1, training=False)
        run.begin()
        count = 0
        iterator = open_stream(where, self.stream)
        try:
            for batch in islice(iterator, self.steps):
                count += 1
                at = f"{where}: batch {count}"
                trainer._task.step(
                    run, trainer._task.check_batch(at, batch), at, finite=self.finite
                )
        finally:
            close_stream(iterator, self.stream)
        if count == 0:
            hint = ""
            if is_iterator(self.stream):
                hint = (
                    "; it is a generator, which can be read only once: "
                    "pass the generator function itself, or a list"
                )
            raise ValueError(f"{where}: the stream yielded no batches{hint}")
        if self.steps is not None and count < self.steps:
            raise ValueError(
                f"{where}: the stream ended after {count} batches; want validation_steps of "
                f"{self.steps}, or a smaller number"
            )
        return trainer._logs(run)


def split_validation(where: str, given: Any) -> tuple[Any, Any, Any]:
    """Return x, y and weights; y None for a stream."""
    pairs = isinstance(given, tuple) and given and isinstance(given[0], (tuple, list))
    if isinstance(given, tuple) and not (pairs and is_stream(given)):
        if len(given) not in (2, 3):
            raise ValueError(
                f"{where}: validation_data must be (x, y) or (x, y, sample_weight), "
                f"got a tuple of {len(given)}"
            )
        return given[0], given[1], given[2] if len(given) == 3 else None
    if isinstance(given, Mapping) or not (callable(given) or is_stream(given)):
        raise TypeError(
            f"{where}: validation_data must be (x, y), (x, y, sample_weight) or a stream, "
            f"got {describe(given)}"
        )
    return given, None, None


def split_rows(where: str, rows: Rows, share: float) -> tuple[Rows, Rows]:
    """Return the rows to train with, and the last ones, to validate with."""
    share = check_float(where, "validation_split", share, above=0, below=1)
    count = math.floor(len(rows.x) * (1 - share))
    if count in (0, len(rows.x)):
        raise ValueError(
            f"{where}: validation_split={share} of {len(rows.x)} rows leaves {count} to train and "
            f"{len(rows.x) - count} to validate with; want some of both"
        )
    first, last = slice(count), slice(count, None)
    parts = []
    for part in (first, last):
        weight = None if rows.weight is None else rows.weight[part]
        if weight is not None and not any_weight(weight):
            raise ValueError(
                f"{where}: sample_weight is zero in all rows of a part that validation_split makes"
            )
        parts.append(Rows(rows.x[part], rows.y[part], weight))
    return parts[0], parts[1]


def check_freq(where: str, freq: object) -> int | Collection[int]:
    """Return the epochs that are validated: every so many, or a set of their numbers."""
    if isinstance(freq, Collection) and not isinstance(freq, (str, bytes)):
        return frozenset(check_int(where, "validation_freq", one) for one in freq)
    return check_int(where, "validation_freq", freq)
