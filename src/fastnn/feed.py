"""Where the batches of a fit come from: arrays, whose epochs run whole in C, or a stream."""

from __future__ import annotations

import math
import threading
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence, Sized
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from fastnn import data
from fastnn._core import Run, random_permutation
from fastnn._spec import describe, lookup
from fastnn.heads import Head
from fastnn.inference import as_inputs, check_inputs, check_sparse
from fastnn.model import Model

__all__ = [
    "ArrayFeed",
    "EndlessFeed",
    "Feed",
    "Prefetched",
    "Rows",
    "StreamFeed",
    "Task",
    "any_weight",
    "close_stream",
    "counts_classes",
    "count_batches",
    "is_iterator",
    "is_judged",
    "judge",
    "open_stream",
    "weigh_classes",
]

Array = npt.NDArray[Any]
NO_BATCH = object()  # where a stream has ended; None is a batch, if a wrong one
Stream = Iterable[Any] | Callable[[], Iterable[Any]]


SAMPLE_ROWS = 256  # enough to tell whether a network still tells rows apart
SECONDS_ASLEEP = 0.05  # at most, while a batch is waited for: then signals are looked at
SECONDS_TO_CLOSE = 1.0  # what a stream that is still busy with a batch gets to end


class Rows(NamedTuple):
    """Checked arrays, readable by the gather."""

    x: Any  # an array, or `data.SparseRows`, or `data.Tables` of several inputs
    y: Any  # an array, or `data.Tables` for several outputs
    weight: Any  # an array, None, or `data.Tables` of weights for each output


class Task(NamedTuple):
    """What decides how data must look: the model and what its outputs are held against."""

    model: Model
    heads: tuple[Head, ...]

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
        inputs = as_inputs(model, x, where)
        rows = inputs[0] if len(inputs) == 1 else data.Tables(inputs)
        given = model._split_outputs(y, f"{where}: y") if len(self.heads) > 1 else [y]
        ys = tuple(
            head.check(where, one, len(rows)) for head, one in zip(self.heads, given, strict=True)
        )
        targets = ys[0] if len(ys) == 1 else data.Tables(ys)
        weight = self.check_weights(where, sample_weight, len(rows), all_zero=batch)
        checked = Rows(rows, targets, weight)
        if finite:
            self.check_finite(where, checked)
        elif not batch:  # numbers that no row of a table has are refused in any case
            check_inputs(model, inputs, where, finite=False)
        return checked

    def check_weights(self, where: str, given: Any, rows: int, *, all_zero: bool) -> Any:
        """Return the weights of the rows, or of those of each output, in a dict."""
        if given is None:
            return None
        dtype = self.model.dtype
        if not isinstance(given, Mapping):
            return data.as_weights(given, where=where, rows=rows, dtype=dtype, all_zero=all_zero)
        found = tuple(
            None
            if one is None
            else data.as_weights(
                one, where=f"{where}: output {name!r}", rows=rows, dtype=dtype, all_zero=all_zero
            )
            for name, one in self.each_head(where, "sample_weight", given).items()
        )
        return data.Tables(found)

    def each_head(self, where: str, what: str, given: Any) -> dict[str, Any]:
        """Return what was given by name, or in a list, for each of several outputs."""
        names = self.model.output_names
        if len(self.heads) == 1:
            raise TypeError(
                f"{where}: {what} by the names of outputs is for models with several, got "
                f"{describe(given)}"
            )
        if not isinstance(given, (Mapping, list, tuple)) or (
            isinstance(given, Mapping) and not all(isinstance(name, str) for name in given)
        ):
            raise TypeError(
                f"{where}: {what} of a model with several outputs must be a list of {len(names)} "
                f"or a dict with the keys {', '.join(names)}, got {describe(given)}"
            )
        if isinstance(given, Mapping):
            for name in given:
                lookup("output", name, dict.fromkeys(names), f"{where}: {what}")
            found = {name: given.get(name) for name in names}
        elif len(given) != len(names):
            raise ValueError(f"{where}: {what} has {len(given)} entries; want {len(names)}")
        else:
            found = dict(zip(names, given, strict=True))
        for name, head in zip(names, self.heads, strict=True):
            if found[name] is not None and head.loss is None:
                raise ValueError(f"{where}: {what} names output {name!r}, which has no loss")
        return found

    def check_finite(self, where: str, rows: Rows) -> None:
        """Refuse NaN and Inf, also those that the cast to the model's dtype would make."""
        inputs = rows.x.arrays if isinstance(rows.x, data.Tables) else (rows.x,)
        check_inputs(self.model, inputs, where)
        several = isinstance(rows.y, data.Tables)
        for head, y in zip(self.heads, rows.y.arrays if several else (rows.y,), strict=True):
            if y is not None:
                name = f"y[{head.name!r}]" if several else "y"
                data.check_finite(y, where=where, name=name, dtype=self.model.dtype)

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
        if finite:
            inputs = rows.x.arrays if isinstance(rows.x, data.Tables) else (rows.x,)
            check_sparse(self.model, inputs, where)
        run.bind(*rows, None, len(rows.x), finite)
        if judge(run, run.advance(1), where) == "input":
            self.check_finite(where, rows)


def judge(run: Run, wrong: str, where: str) -> str:
    """Return what a run reported, but raise FloatingPointError for what is not finite.

    `where` names the batch, as in "Trainer.fit: epoch 2, batch 17 of 79".
    """
    if wrong == "loss" and run.state is not None:
        raise FloatingPointError(
            f"{where}: the loss became {run.batch_loss}; the update was not applied. "
            f"Scale the inputs and targets, or lower the learning rate"
        )
    if wrong == "loss":
        raise FloatingPointError(f"{where}: the loss is {run.batch_loss}")
    if wrong == "gradient":
        raise FloatingPointError(
            f"{where}: the norm of the gradients, which is to be clipped, is not finite; "
            f"the update was not applied. Scale the inputs and targets, or lower the learning rate"
        )
    return wrong


def is_judged(error: BaseException) -> bool:
    """Tell whether it was `judge` that raised an error, and not a stream or somebody's function."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace is not None and trace.tb_frame.f_code is judge.__code__


class Feed(ABC):
    """Batches for a fit.

    Attributes
    ----------
    run : Run
    batches : int or None
        In an epoch, if known.
    done : int
        Batches of this epoch that are done.
    ended : bool
        Whether there are no more in this epoch, as far as is known.
    """

    run: Run
    batches: int | None = None

    @property
    @abstractmethod
    def done(self) -> int: ...

    @property
    @abstractmethod
    def ended(self) -> bool: ...

    @abstractmethod
    def begin(self, epoch: int) -> None:
        """Start an epoch, counted from 0."""

    @abstractmethod
    def go_on(self, step: int, sums: Sequence[npt.NDArray[np.float64]]) -> None:
        """Go on within the epoch that has begun: after `step` batches, which had these sums."""

    @abstractmethod
    def more(self) -> bool:
        """Tell whether there is another batch in this epoch."""

    @abstractmethod
    def advance(self, epoch: int, stop: int, seconds: float = math.inf) -> int:
        """Train until `stop` batches of the epoch are done, or to its end; return how many are.

        Comes back sooner after about so many `seconds`.  `epoch` is counted from 1, as people see
        it.
        """

    @abstractmethod
    def sample(self) -> tuple[Any, Any]:
        """Return x and y of some rows that were trained on, at most `SAMPLE_ROWS`."""

    @abstractmethod
    def place(self, under_way: bool) -> dict[str, Any]:
        """Return where the source is, for `seek` in a later fit on the same data.

        `under_way` tells whether an epoch has begun and is not over.
        """

    @abstractmethod
    def seek(self, place: Mapping[str, Any], source: object) -> None:
        """Go to where an earlier feed was; `source` is that feed's, or None if it is not known."""

    @property
    @abstractmethod
    def source(self) -> object:
        """The iterator that the batches come from, which a later fit may go on with; or None."""

    def close(self) -> None:
        """Let go of the data."""
        self.run.release()


class ArrayFeed(Feed):
    """Rows of arrays, in an order of their own each epoch: whole epochs run in C.

    With `chosen` (from `data.as_indices`) those rows alone, as if they lay in arrays of their own.

    Attributes
    ----------
    is_endless : bool
        Whether epochs are parts of an endless stream of the rows, not passes over them.
    """

    is_endless = False

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
        self._bound = False

    @property
    def done(self) -> int:
        return self.run.step

    @property
    def ended(self) -> bool:
        return self.run.step >= self.steps

    def _bind(self) -> None:
        if not self._bound:
            self.run.bind(*self.rows, self.order, self.batch_size, False)
            self._bound = True

    def begin(self, epoch: int) -> None:
        if self.shuffle and self.order is not None:
            random_permutation(self.seed, "shuffle", epoch, len(self.order), self.order)
            if self.chosen is not None:
                self.order[...] = self.chosen[self.order]
        self._bind()
        self.run.begin()

    def go_on(self, step: int, sums: Sequence[npt.NDArray[np.float64]]) -> None:
        if step > self.steps:
            raise ValueError(
                f"{self.where}: the fit to go on with had done {step} batches of its epoch, but "
                f"these rows make only {self.steps}; want the same data and batch_size"
            )
        self.run.go_on(step, sums)

    def more(self) -> bool:
        return not self.ended

    def advance(self, epoch: int, stop: int, seconds: float = math.inf) -> int:
        self._judge(self.run.advance(min(stop, self.steps), seconds), epoch)
        return self.run.step

    def epochs(self, epoch: int, records: npt.NDArray[np.float64]) -> None:
        """Train an epoch for each of `records`, the first counted from 0, without leaving C.

        A record takes seconds, loss and metrics; ``self.run.done`` tells how many are filled.
        """
        self._bind()
        order, chosen = (self.order, self.chosen) if self.shuffle else (None, None)
        wrong = self.run.epochs(self.seed, epoch, self.steps, order, records, chosen)
        self._judge(wrong, epoch + self.run.done + 1)

    def _judge(self, wrong: str, epoch: int) -> None:
        if not wrong:
            return
        where = f"{self.where}: epoch {epoch}, batch {self.run.step + 1} of {self.steps}"
        if judge(self.run, wrong, where) == "input":  # they were whole when the fit began
            raise ValueError(f"{where}: x has changed, to numbers that an embedding has no row for")

    @property
    def source(self) -> object:
        return None

    def place(self, under_way: bool) -> dict[str, Any]:
        return {}  # the number of the epoch says it all

    def seek(self, place: Mapping[str, Any], source: object) -> None:
        pass

    def sample(self) -> tuple[Any, Any]:
        first = slice(SAMPLE_ROWS) if self.chosen is None else self.chosen[:SAMPLE_ROWS]
        return self.rows.x[first], self.rows.y[first]


class EndlessFeed(ArrayFeed):
    """Rows of arrays as one endless stream: an epoch is the next so many batches of it, all whole.

    The stream is one order of all rows after another, those of `ArrayFeed`'s epochs.  Epoch n takes
    its n-th part, whatever was before: the number of the epoch says where that is.
    """

    is_endless = True

    def __init__(
        self,
        where: str,
        run: Run,
        rows: Rows,
        batch_size: int,
        *,
        steps: int,
        shuffle: bool,
        seed: int,
    ) -> None:
        super().__init__(
            where, run, rows, batch_size, shuffle=shuffle, drop_remainder=False, seed=seed
        )
        self.steps = self.batches = steps
        self.drawn = np.empty(steps * self.batch_size, np.uint64)
        self.all_rows = np.arange(len(rows.x), dtype=np.uint64)
        self.turn = -1  # the pass over the rows whose order is at hand

    def begin(self, epoch: int) -> None:
        n, size = len(self.all_rows), len(self.drawn)
        filled = 0
        while filled < size:
            turn, start = divmod(epoch * size + filled, n)
            part = self._order_of(turn)[start : start + size - filled]
            self.drawn[filled : filled + len(part)] = part
            filled += len(part)
        self.run.bind(*self.rows, self.drawn, self.batch_size, False)
        self.run.begin()

    def _order_of(self, turn: int) -> npt.NDArray[np.uint64]:
        if not self.shuffle or self.order is None:
            return self.all_rows
        if turn != self.turn:
            random_permutation(self.seed, "shuffle", turn, len(self.order), self.order)
            self.turn = turn
        return self.order


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
    """Batches from an iterable: one call into C for each.

    Without `steps` each epoch iterates the stream once.  With it an epoch is so many batches, and
    the next epoch goes on where this one stopped; a stream that ends is begun again.
    """

    def __init__(
        self,
        where: str,
        run: Run,
        task: Task,
        stream: Stream,
        *,
        finite: bool,
        steps: int | None = None,
        prefetch: int = 0,
        class_weight: Any = None,
    ) -> None:
        self.where = where
        self.run = run
        self.task = task
        self.stream = stream
        self.finite = finite
        self.steps = steps
        self.prefetch = prefetch
        self.class_weight = class_weight
        sized: object = stream
        self.batches = len(sized) if isinstance(sized, Sized) else None
        if steps is not None:
            self.batches = steps
        self.iterator: Iterator[Any] | None = None
        self.any_seen = False
        self.recent: deque[Rows] = deque()  # just enough for a sample
        self.recent_rows = 0
        self._epoch = 1
        self._done = 0
        self._ended = False
        self._next: list[Any] = []  # a batch that `more` has drawn
        self._start = self._count()  # of a Batches: where this epoch began; with `steps` the fit
        self._drawn = 0  # with `steps`: batches that this fit and those before it have used
        self._to_drop = 0

    @property
    def done(self) -> int:
        return self._done

    @property
    def ended(self) -> bool:
        return self._ended

    @property
    def source(self) -> object:
        return self.stream if is_iterator(self.stream) else None  # nothing else is kept alive

    def _count(self) -> int | None:
        return self.stream.epoch if isinstance(self.stream, data.Batches) else None

    def _open(self) -> Iterator[Any]:
        opened: Iterator[Any]
        if self.steps is None:
            opened = open_stream(self.where, self.stream)
        else:
            opened = _again_and_again(self.where, self.stream)
        if self.prefetch > 0:
            return Prefetched(opened, self.prefetch, self.stream)
        return opened

    def begin(self, epoch: int) -> None:
        if self.steps is None or self.iterator is None:
            self._close_iterator()
            self._start = self._count()
            self.iterator = self._open()
        self._epoch = epoch + 1
        self._done = 0
        self._ended = False
        self.run.begin()
        while self._to_drop > 0:
            self._to_drop -= 1
            self._draw()

    def go_on(self, step: int, sums: Sequence[npt.NDArray[np.float64]]) -> None:
        if self.steps is None and not self._carried_on:
            for _ in range(step):
                if self._draw() is NO_BATCH:
                    raise ValueError(
                        f"{self.where}: the fit to go on with had done {step} batches of its "
                        f"epoch, but this stream has fewer; want the same stream"
                    )
        self._done = step
        self._ended = self.steps is not None and step >= self.steps
        self.run.go_on(0, sums)

    _carried_on = False  # whether this stream is an iterator that an earlier feed has advanced

    def place(self, under_way: bool) -> dict[str, Any]:
        if self.steps is not None:
            return {"epoch": self._start, "drawn": self._drawn}
        return {"epoch": self._start if under_way else self._count(), "drawn": 0}

    def seek(self, place: Mapping[str, Any], source: object) -> None:
        self._carried_on = self.stream is source
        if isinstance(self.stream, data.Batches) and place.get("epoch") is not None:
            self.stream.epoch = place["epoch"]
            self._start = self.stream.epoch
        if self.steps is not None:
            self._drawn = place.get("drawn", 0)
            self._to_drop = 0 if self._carried_on else self._drawn

    def _draw(self) -> Any:
        """Return the next batch, or `NO_BATCH`."""
        assert self.iterator is not None
        try:
            return next(self.iterator)
        except StopIteration:
            if self.steps is not None:
                raise ValueError(
                    f"{self.where}: the stream can be read only once and ended after {self._done} "
                    f"of the steps_per_epoch={self.steps} batches of epoch {self._epoch}"
                ) from None
            return NO_BATCH

    def more(self) -> bool:
        if self._ended or (self.steps is not None and self._done >= self.steps):
            return False
        if not self._next:
            batch = self._draw()
            if batch is NO_BATCH:
                self._ended = self._done > 0
                return self._done == 0  # `advance` says what is wrong with a stream of none
            self._next.append(batch)
        return True

    def advance(self, epoch: int, stop: int, seconds: float = math.inf) -> int:
        until = time.perf_counter() + seconds
        if self.steps is not None:
            stop = min(stop, self.steps)
        while self._done < stop and not self._ended:
            where = f"{self.where}: epoch {epoch}, batch {self._done + 1}"
            batch = self._next.pop() if self._next else self._draw()
            if batch is NO_BATCH:
                if self._done == 0:
                    raise ValueError(self._no_batches(epoch)) from None
                self._ended = True
                break
            rows = self.task.check_batch(where, batch)
            if self.class_weight is not None:
                rows = weigh_classes(where, self.task, rows, self.class_weight)
            self.task.step(self.run, rows, where, finite=self.finite)
            self._remember(rows)
            self.any_seen = True
            self._done += 1
            self._drawn += 1
            if time.perf_counter() >= until:
                break
        if self.steps is not None:
            self._ended = self._done >= self.steps
        return self._done

    def _remember(self, rows: Rows) -> None:
        self.recent.append(rows)
        self.recent_rows += len(rows.x)
        while self.recent_rows - len(self.recent[0].x) >= SAMPLE_ROWS:
            self.recent_rows -= len(self.recent.popleft().x)

    def sample(self) -> tuple[Any, Any]:
        if (
            not self.recent
            or not isinstance(self.recent[0].x, np.ndarray)
            or not isinstance(self.recent[0].y, np.ndarray)
        ):
            return np.empty((0, 1)), np.empty((0, 1))
        x = np.concatenate([rows.x for rows in self.recent])
        y = np.concatenate([rows.y for rows in self.recent])
        return x[:SAMPLE_ROWS], y[:SAMPLE_ROWS]

    def _no_batches(self, epoch: int) -> str:
        if self.any_seen and is_iterator(self.stream):
            return (
                f"{self.where}: the stream is a generator, which can be read only once, and is "
                f"used up: epoch {epoch} has no batches. Pass the generator function itself "
                f"(without calling it), a list, or an object with __iter__"
            )
        return f"{self.where}: the stream yielded no batches in epoch {epoch}"

    def _close_iterator(self) -> None:
        iterator, self.iterator = self.iterator, None
        self._next.clear()
        if iterator is not None:
            close_stream(iterator, self.stream)

    def close(self) -> None:
        self._close_iterator()
        super().close()


def weigh_classes(where: str, task: Task, rows: Rows, class_weight: Any) -> Rows:
    """Return the rows with the weights of their classes, times those that they have already.

    For several outputs `class_weight` is a dict or list of what is given for one.
    """
    if len(task.heads) == 1:
        return rows._replace(weight=_weigh(where, class_weight, rows.y, task.heads[0], rows.weight))
    given = task.each_head(where, "class_weight", class_weight)
    several = isinstance(rows.weight, data.Tables)
    before = rows.weight.arrays if several else [rows.weight] * len(given)
    found = [
        weight if one is None else _weigh(f"{where}: output {name!r}", one, y, head, weight)
        for (name, one), y, head, weight in zip(
            given.items(), rows.y.arrays, task.heads, before, strict=True
        )
    ]
    return rows._replace(weight=data.Tables(tuple(found)))


def _weigh(where: str, class_weight: Any, y: Array, head: Head, before: Array | None) -> Array:
    weight = data.class_weights(where, class_weight, y, max(2, head.outputs))
    return weight if before is None else weight * before


def any_weight(weight: Any) -> bool:
    """Tell whether weights, of rows or of each output, count some row for each that has them."""
    parts = weight.arrays if isinstance(weight, data.Tables) else (weight,)
    return all(part is None or bool(part.any()) for part in parts)


def counts_classes(class_weight: Any) -> bool:
    """Tell whether weights are to be "balanced", for one output or some of several."""
    parts: Iterable[Any] = (class_weight,)
    if isinstance(class_weight, Mapping):
        parts = class_weight.values()
    elif isinstance(class_weight, (list, tuple)):
        parts = class_weight
    return any(isinstance(part, str) for part in parts)


# ---- streams ------------------------------------------------------------------------------------


def open_stream(where: str, stream: Stream) -> Iterator[Any]:
    """Return an iterator over the batches of one epoch."""
    made = stream() if callable(stream) else stream
    if not hasattr(made, "__iter__"):
        raise TypeError(
            f"{where}: want an iterable of batches, the function returned {describe(made)}"
        )
    return iter(made)


def is_iterator(stream: Stream) -> bool:
    """Tell whether it can be read only once, as a generator, and goes on where it is."""
    return isinstance(stream, Iterator)


def close_stream(iterator: Iterator[Any], stream: Stream) -> None:
    """Close an iterator that `open_stream` made; a person's own generator stays open."""
    close = getattr(iterator, "close", None)
    if close is not None and iterator is not stream:
        close()


def _again_and_again(where: str, stream: Stream) -> Generator[Any, None, None]:
    """Yield the batches of a stream, and begin it again when it ends, if that is possible."""
    while True:
        iterator = open_stream(where, stream)
        empty = True
        try:
            for batch in iterator:
                empty = False
                yield batch
        finally:
            close_stream(iterator, stream)
        if is_iterator(stream):
            return
        if empty:
            raise ValueError(f"{where}: the stream yielded no batches")


class Prefetched(Iterator[Any]):
    """An iterator that a thread of its own keeps some batches ahead.

    What the stream raises comes out of `next` with its own traceback, after the batches before it.

    Parameters
    ----------
    iterator : iterator
        Advanced by the thread alone, and closed by it.
    size : int
        Batches ahead at most.
    stream : iterable or callable
        What the iterator is of; if it is the iterator itself it is not closed.
    """

    def __init__(self, iterator: Iterator[Any], size: int, stream: Stream) -> None:
        self._iterator = iterator
        self._stream = stream
        self._size = size
        self._waiting: deque[Any] = deque()
        self._changed = threading.Condition()
        self._over = False  # no more will come
        self._closed = False
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._pull, name="fastnn-prefetch", daemon=True)
        self._thread.start()

    def _pull(self) -> None:
        error: BaseException | None = None
        try:
            while self._has_room():
                batch = next(self._iterator)
                with self._changed:
                    self._waiting.append(batch)
                    self._changed.notify_all()
            close_stream(self._iterator, self._stream)
        except StopIteration:
            pass
        except BaseException as raised:
            error = raised
        with self._changed:
            self._error = error
            self._over = True
            self._changed.notify_all()
        del error  # its traceback holds this frame

    def _has_room(self) -> bool:
        """Wait for room for another batch; False if none is wanted any more."""
        with self._changed:
            while len(self._waiting) >= self._size and not self._closed:
                self._changed.wait()
            return not self._closed

    def __next__(self) -> Any:
        with self._changed:
            while not self._waiting and not self._over:
                self._changed.wait(SECONDS_ASLEEP)
            if self._waiting:
                batch = self._waiting.popleft()
                self._changed.notify_all()
                return batch
            error, self._error = self._error, None
        if error is None:
            raise StopIteration
        try:
            raise error
        finally:
            del error  # its traceback holds this frame

    def close(self) -> None:
        """End the thread; batches that it was ahead are lost."""
        with self._changed:
            self._closed = True
            self._waiting.clear()
            self._changed.notify_all()
        self._thread.join(SECONDS_TO_CLOSE)
