"""Where the batches of a fit come from: arrays, whose epochs run whole in C, or a stream."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sized
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from fastnn import data
from fastnn._core import Run, random_permutation
from fastnn._spec import describe
from fastnn.losses import Loss
from fastnn.model import Model

__all__ = [
    "ArrayFeed",
    "Feed",
    "Rows",
    "StreamFeed",
    "Task",
    "count_batches",
    "judge",
    "open_stream",
]

Array = npt.NDArray[Any]
Stream = Iterable[Any] | Callable[[], Iterable[Any]]


SAMPLE_ROWS = 256  # enough to tell whether a network still tells rows apart


class Rows(NamedTuple):
    """Checked arrays, readable by the gather."""

    x: Array
    y: Array
    weight: Array | None


class Task(NamedTuple):
    """What decides how data must look: the model and the loss."""

    model: Model
    loss: Loss

    def check(
        self,
        where: str,
        x: Any,
        y: Any,
        sample_weight: Any,
        *,
        finite: bool,
        batch: bool = False,
    ) -> Rows:
        """Return the arrays in the shapes that a run takes.

        `finite` refuses NaN and Inf.  A single `batch` may have weights that are all zero: it is
        skipped.
        """
        model = self.model
        if y is None:
            raise TypeError(f"{where}: y is None; want targets, or a stream of batches as x")
        rows = data.as_rows(x, where=where, name="x", columns=model.inputs)
        targets = data.as_targets(
            y,
            where=where,
            rows=len(rows),
            outputs=model.outputs,
            integer_labels=self.loss.integer_labels,
        )
        weight = None
        if sample_weight is not None:
            weight = data.as_weights(
                sample_weight, where=where, rows=len(rows), dtype=model.dtype, all_zero=batch
            )
        checked = Rows(rows, targets, weight)
        if finite:
            self.check_finite(where, checked)
        elif not batch:  # numbers that no row of a table has are refused in any case
            model.check_inputs((rows,), where, finite=False)
        return checked

    def check_finite(self, where: str, rows: Rows) -> None:
        """Refuse NaN and Inf, also those that the cast to the model's dtype would make."""
        self.model.check_inputs((rows.x,), where)
        data.check_finite(rows.y, where=where, name="y", dtype=self.model.dtype)

    def check_batch(self, where: str, batch: Any) -> Rows:
        """Return the arrays of a stream's batch; whether they are finite shows in the gather."""
        if not isinstance(batch, (tuple, list)) or len(batch) not in (2, 3):
            got = f"a {type(batch).__name__}"
            if isinstance(batch, (tuple, list)):
                got += f" of {len(batch)}"
            raise TypeError(f"{where}: a stream yields (x, y) or (x, y, sample_weight), got {got}")
        return self.check(where, *batch, *[None] * (3 - len(batch)), finite=False, batch=True)

    def step(self, run: Run, rows: Rows, where: str, *, finite: bool) -> None:
        """Take one step (or evaluate) on one batch."""
        run.bind(*rows, None, len(rows.x), finite)
        if judge(run, run.advance(1), where) == "input":
            self.check_finite(where, rows)


def judge(run: Run, wrong: str, where: str) -> str:
    """Return what a run reported, but raise FloatingPointError for a loss that is not finite.

    `where` names the batch, as in "Trainer.fit: epoch 2, batch 17 of 79".
    """
    if wrong == "loss" and run.state is not None:
        raise FloatingPointError(
            f"{where}: the loss became {run.batch_loss}; the update was not applied. "
            f"Scale the inputs and targets, or lower the learning rate"
        )
    if wrong == "loss":
        raise FloatingPointError(f"{where}: the loss is {run.batch_loss}")
    return wrong


class Feed(ABC):
    """Batches for a fit.

    Attributes
    ----------
    run : Run
    batches : int or None
        In an epoch, if known.
    """

    run: Run
    batches: int | None = None

    @abstractmethod
    def begin(self, epoch: int) -> None:
        """Start an epoch, counted from 0."""

    @abstractmethod
    def advance(self, epoch: int, stop: int) -> int:
        """Train until `stop` batches of the epoch are done, or to its end; return how many are.

        `epoch` is counted from 1, as people see it.
        """

    @abstractmethod
    def sample(self) -> tuple[Array, Array]:
        """Return x and y of some rows that were trained on, at most `SAMPLE_ROWS`."""

    def close(self) -> None:
        """Let go of the data."""
        self.run.release()


class ArrayFeed(Feed):
    """Rows of arrays, in an order of their own each epoch: whole epochs run in C.

    With `chosen` (from `data.as_indices`) those rows alone, as if they lay in arrays of their own.
    """

    def __init__(
        self,
        where: str,
        run: Run,
        rows: Rows,
        batch_size: int,
        *,
        shuffle: bool,
        drop_remainder: bool,
        seed: int,
        chosen: npt.NDArray[np.uint64] | None = None,
    ) -> None:
        n = len(rows.x) if chosen is None else len(chosen)
        self.where = where
        self.run = run
        self.rows = rows
        self.batch_size = min(batch_size, n)
        self.steps = count_batches(where, n, batch_size, drop_remainder=drop_remainder)
        self.batches = self.steps
        self.chosen = chosen
        shuffle = shuffle and batch_size < n  # within a batch of all rows no order matters
        self.order = np.empty(n, np.uint64) if shuffle else chosen
        self.shuffle = shuffle
        self.seed = seed

    def begin(self, epoch: int) -> None:
        if self.shuffle and self.order is not None:
            random_permutation(self.seed, "shuffle", epoch, len(self.order), self.order)
            if self.chosen is not None:
                self.order[...] = self.chosen[self.order]
        self.run.bind(*self.rows, self.order, self.batch_size, False)
        self.run.begin()

    def advance(self, epoch: int, stop: int) -> int:
        stop = min(stop, self.steps)
        self._judge(self.run.advance(stop), epoch)
        return stop

    def epochs(self, epoch: int, records: npt.NDArray[np.float64]) -> None:
        """Train an epoch for each of `records`, the first counted from 0, without leaving C.

        A record takes seconds, loss and metrics; ``self.run.done`` tells how many are filled.
        """
        self.run.bind(*self.rows, self.order, self.batch_size, False)
        order, chosen = (self.order, self.chosen) if self.shuffle else (None, None)
        wrong = self.run.epochs(self.seed, epoch, self.steps, order, records, chosen)
        self._judge(wrong, epoch + self.run.done + 1)

    def _judge(self, wrong: str, epoch: int) -> None:
        where = f"{self.where}: epoch {epoch}, batch {self.run.step + 1} of {self.steps}"
        if judge(self.run, wrong, where) == "input":  # they were whole when the fit began
            raise ValueError(f"{where}: x has changed, to numbers that an embedding has no row for")

    def sample(self) -> tuple[Array, Array]:
        first = slice(SAMPLE_ROWS) if self.chosen is None else self.chosen[:SAMPLE_ROWS]
        return self.rows.x[first], self.rows.y[first]


def count_batches(where: str, rows: int, batch_size: int, *, drop_remainder: bool) -> int:
    """Return the number of batches in an epoch; none are an error."""
    count = rows // batch_size if drop_remainder else -(-rows // batch_size)
    if count == 0:
        raise ValueError(
            f"{where}: {rows} rows make no batch of {batch_size}; "
            f"want a smaller batch_size or drop_remainder=False"
        )
    return count


class StreamFeed(Feed):
    """Batches from an iterable: one call into C for each."""

    def __init__(self, where: str, run: Run, task: Task, stream: Stream, *, finite: bool) -> None:
        self.where = where
        self.run = run
        self.task = task
        self.stream = stream
        self.finite = finite
        sized: object = stream
        self.batches = len(sized) if isinstance(sized, Sized) else None
        self.iterator: Iterator[Any] = iter(())
        self.done = 0
        self.any_seen = False
        self.recent: deque[Rows] = deque()  # just enough for a sample
        self.recent_rows = 0

    def begin(self, epoch: int) -> None:
        self.iterator = open_stream(self.where, self.stream)
        self.done = 0
        self.run.begin()

    def advance(self, epoch: int, stop: int) -> int:
        while self.done < stop:
            where = f"{self.where}: epoch {epoch}, batch {self.done + 1}"
            try:
                batch = next(self.iterator)
            except StopIteration:
                if self.done == 0:
                    raise ValueError(self._no_batches(epoch)) from None
                return self.done
            rows = self.task.check_batch(where, batch)
            self.task.step(self.run, rows, where, finite=self.finite)
            self._remember(rows)
            self.any_seen = True
            self.done += 1
        return self.done

    def _remember(self, rows: Rows) -> None:
        self.recent.append(rows)
        self.recent_rows += len(rows.x)
        while self.recent_rows - len(self.recent[0].x) >= SAMPLE_ROWS:
            self.recent_rows -= len(self.recent.popleft().x)

    def sample(self) -> tuple[Array, Array]:
        if not self.recent:
            return np.empty((0, 1)), np.empty((0, 1))
        x = np.concatenate([rows.x for rows in self.recent])
        y = np.concatenate([rows.y for rows in self.recent])
        return x[:SAMPLE_ROWS], y[:SAMPLE_ROWS]

    def _no_batches(self, epoch: int) -> str:
        if self.any_seen and self.iterator is self.stream:
            return (
                f"{self.where}: the stream is a generator, which can be read only once, and is "
                f"used up: epoch {epoch} has no batches. Pass the generator function itself "
                f"(without calling it), a list, or an object with __iter__"
            )
        return f"{self.where}: the stream yielded no batches in epoch {epoch}"


def open_stream(where: str, stream: Stream) -> Iterator[Any]:
    """Return an iterator over the batches of one epoch."""
    made = stream() if callable(stream) else stream
    if not hasattr(made, "__iter__"):
        raise TypeError(
            f"{where}: want an iterable of batches, the function returned {describe(made)}"
        )
    return iter(made)
