"""Encoded rows to train on: all of them in memory, or drawn from a stream that is read again."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from fastnn._core import random_permutation
from fastnn.tabular.encode import Encoder
from fastnn.tabular.sources import Piece, Source

__all__ = ["HeldOut", "Rows", "Shuffled", "Supply", "gather"]

Array = npt.NDArray[Any]
MOST_HELD_OUT = 100_000  # rows of a stream that are kept in memory to validate with
PIECES = 1 << 62  # in a seed: orders of pieces are none of those of rows
EXACT_BELOW = 2**24  # rows; of more of them the share that is held out is only nearly the one asked


class Rows(NamedTuple):
    """Rows as a trainer takes them."""

    x: Array
    y: Array
    weight: Array | None

    def arguments(self) -> tuple[Array, ...]:
        """Return (x, y) or (x, y, weight)."""
        return (self.x, self.y) if self.weight is None else (self.x, self.y, self.weight)


class HeldOut:
    """Which rows are held out: a draw for each row's number, so every pass holds out the same.

    Parameters
    ----------
    rows : int
        Of the table.
    share : float
    seed : int
    """

    def __init__(self, rows: int, share: float, seed: int) -> None:
        self.rows = rows
        self.seed = seed
        self.limit = np.uint64(min(int(share * 2.0**64), 2**64 - 1))
        self.count: int | None = None
        if rows <= EXACT_BELOW:
            self.count = round(share * rows)
            draws = self._draw(0, rows)
            # A few more than the share: to part them from the others is quicker than to part all.
            few = draws[draws < np.uint64(min(int(1.1 * share * 2.0**64), 2**64 - 1))]
            among = few if len(few) > self.count else draws
            least = np.partition(among, self.count)[self.count] if self.count < rows else 2**64 - 1
            self.limit = np.uint64(least)

    def __bool__(self) -> bool:
        """Tell whether any are."""
        return bool(self.limit > 0) and self.count != 0

    def total(self) -> int:
        """Return how many are."""
        if self.count is None:
            self.count = sum(
                int(self.mask(start, min(EXACT_BELOW, self.rows - start)).sum())
                for start in range(0, self.rows, EXACT_BELOW)
            )
        return self.count

    def mask(self, start: int, count: int) -> npt.NDArray[np.bool_]:
        """Return for each row whether it is held out."""
        return np.asarray(self._draw(start, count) < self.limit)

    def _draw(self, start: int, count: int) -> npt.NDArray[np.uint64]:
        """Return 64 bits for each row: splitmix64 of its number (Steele et al., 2014)."""
        with np.errstate(over="ignore"):
            z = np.arange(start + 1, start + count + 1, dtype=np.uint64)
            z = z * np.uint64(0x9E3779B97F4A7C15) + np.uint64(self.seed)
            z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            return z ^ (z >> np.uint64(31))


class Supply:
    """A table, and how its batches become rows of x, y and weights.

    Parameters
    ----------
    source : Source
    encoder : Encoder
    target : str
        Column to predict.
    encode_target : callable
        From an Arrow array to the numbers that a network is trained on.
    weight : str, array or None
        A column of weights, or a weight for each row.
    """

    def __init__(
        self,
        source: Source,
        encoder: Encoder,
        target: str,
        encode_target: Callable[[Any], Array],
        weight: str | Array | None,
    ) -> None:
        self.source = source
        self.encoder = encoder
        self.target = target
        self.encode_target = encode_target
        self.weight = weight
        names = [column.name for column in encoder.columns] + [target]
        if isinstance(weight, str):
            names.append(weight)
        self.names = list(dict.fromkeys(names))
        self._pieces: Sequence[Piece] | None = None

    def __iter__(self) -> Iterator[Rows]:
        """Read the table once, batch by batch."""
        return (rows for _, rows in self._read(Piece(0, self.source.batches)))

    def batches(self) -> Iterator[tuple[Array, ...]]:
        """Yield the rows as a trainer takes them; a table without rows is an error."""
        empty = True
        for rows in self:
            empty = False
            yield rows.arguments()
        if empty:
            raise ValueError(f"{self.encoder.where}: the table has no rows")

    def mixed(self, seed: int, epoch: int) -> Iterator[tuple[int, Rows]]:
        """Read the table once, its pieces in an order of the epoch.

        Yields
        ------
        tuple of int and Rows
            The number of the batch's first row in the table, and the rows.
        """
        if self._pieces is None:
            self._pieces = self.source.pieces()
        for i in random_permutation(seed, "shuffle", epoch, len(self._pieces)):
            yield from self._read(self._pieces[i])

    def _read(self, piece: Piece) -> Iterator[tuple[int, Rows]]:
        start = piece.first
        for batch in piece.batches(self.names):
            if batch.num_rows == 0:
                continue
            weight: Array | None = None
            if isinstance(self.weight, str):
                weight = weights_of(batch.column(self.weight), self.weight, self.encoder.where)
            elif self.weight is not None:
                weight = self.weight[start : start + batch.num_rows]
            encoded = self.encoder.encode(batch)
            yield start, Rows(encoded, self.encode_target(batch.column(self.target)), weight)
            start += batch.num_rows


def weights_of(array: Any, name: str, where: str) -> Array:
    """Return a column of weights."""
    from fastnn.tabular.arrow import kind_of, to_numbers

    if kind_of(array.type) not in ("number", "boolean"):
        raise ValueError(f"{where}: sample_weight {name!r} is {array.type}; want numbers")
    weights = to_numbers(array, "number")
    if not np.isfinite(weights).all() or (weights < 0).any():
        raise ValueError(
            f"{where}: sample_weight {name!r} has missing, negative or infinite values"
        )
    return weights


class _Growing:
    """Arrays that rows are added to; they have room for all of them."""

    def __init__(self, count: int, encoder: Encoder) -> None:
        self.done = 0
        self.x = np.empty((count, encoder.width), encoder.dtype)
        self.y: Array | None = None
        self.weight: Array | None = None

    def add(self, rows: Rows, chosen: Array | None = None) -> None:
        """Add rows, or those `chosen` by a mask; there is no more room than for those wanted."""
        if self.y is None:
            self.y = np.empty(len(self.x), rows.y.dtype)
            self.weight = None if rows.weight is None else np.empty(len(self.x))
        places = np.arange(len(rows.x)) if chosen is None else np.flatnonzero(chosen)
        places = places[: len(self.x) - self.done]
        room = slice(self.done, self.done + len(places))
        # mode="clip" writes into `out` at once; the places are all inside.
        np.take(rows.x, places, axis=0, out=self.x[room], mode="clip")
        self.y[room] = rows.y[places]
        if self.weight is not None and rows.weight is not None:
            self.weight[room] = rows.weight[places]
        self.done = room.stop

    def rows(self) -> Rows | None:
        """Return them; None if there are none."""
        return None if self.y is None or self.done == 0 else Rows(self.x, self.y, self.weight)


def gather(supply: Supply, held_out: HeldOut, *, train: bool = True) -> tuple[Rows, Rows | None]:
    """Return the rows to train on and those that are held out, in arrays of their own.

    Parameters
    ----------
    supply : Supply
    held_out : HeldOut
    train : bool
        False leaves the rows to train on where they are; an array without rows stands for them.
    """
    encoder = supply.encoder
    out = held_out.total()
    kept = _Growing(held_out.rows - out if train else 0, encoder)
    held = _Growing(out, encoder)
    start = 0
    for rows in supply:
        n = len(rows.x)
        if out == 0:
            kept.add(rows)
        else:
            chosen = held_out.mask(start, n)
            held.add(rows, chosen)
            if train:
                kept.add(rows, ~chosen)
        start += n
    if start != held_out.rows:
        raise ValueError(
            f"{encoder.where}: the table had {held_out.rows} rows at first, and {start} when it "
            f"was read again; want one that stays as it is"
        )
    return kept.rows() or Rows(kept.x, np.empty(0), None), held.rows()


def _choose(rows: Rows, chosen: Array) -> Rows:
    weight = None if rows.weight is None else rows.weight[chosen]
    return Rows(rows.x[chosen], rows.y[chosen], weight)


class Shuffled:
    """Batches of a table that is read anew each epoch, through a buffer that mixes its rows.

    The table's pieces (files, row groups) come in another order each epoch.  The buffer is filled,
    mixed, and one half of it given away; then it is filled again.  Its order depends on the seed,
    the number of the epoch and the table alone.

    Parameters
    ----------
    supply : Supply
    held_out : HeldOut
        Rows to leave out.
    rows : int
        Rows that are left.
    batch_size : int
    buffer_rows : int
        At least two batches.
    seed : int
    """

    def __init__(
        self,
        supply: Supply,
        held_out: HeldOut,
        *,
        rows: int,
        batch_size: int,
        buffer_rows: int,
        seed: int,
    ) -> None:
        self.supply = supply
        self.held_out = held_out
        self.rows = rows
        self.batch_size = batch_size
        self.seed = seed
        self.epoch = 0
        size = max(2 * batch_size, min(buffer_rows, rows))
        encoder = supply.encoder
        self._x = np.empty((size, encoder.width), encoder.dtype)
        self._y: Array | None = None
        self._weight: Array | None = None

    def __len__(self) -> int:
        """Return the batches of an epoch."""
        return math.ceil(self.rows / self.batch_size)

    def __iter__(self) -> Iterator[tuple[Array, ...]]:
        """Begin an epoch."""
        self.epoch += 1
        return self._batches(self.epoch - 1)

    def _batches(self, epoch: int) -> Iterator[tuple[Array, ...]]:
        size, draws, filled = len(self._x), 0, 0
        for start, rows in self.supply.mixed(self.seed ^ PIECES, epoch):
            if self.held_out:
                rows = _choose(rows, ~self.held_out.mask(start, len(rows.x)))
            done = 0
            while done < len(rows.x):
                taken = min(size - filled, len(rows.x) - done)
                self._put(filled, rows, done, taken)
                filled, done = filled + taken, done + taken
                if filled == size:
                    yield from self._give(self._order(epoch, draws, size), last=False)
                    draws += 1
                    filled = self._left
        if filled:
            yield from self._give(self._order(epoch, draws, filled), last=True)

    _left = 0  # rows that the buffer holds after giving

    def _order(self, epoch: int, draws: int, rows: int) -> npt.NDArray[np.uint64]:
        return random_permutation(self.seed ^ (draws << 32), "shuffle", epoch, rows)

    def _put(self, at: int, rows: Rows, first: int, count: int) -> None:
        if self._y is None:
            self._y = np.empty(len(self._x), rows.y.dtype)
            self._weight = None if rows.weight is None else np.empty(len(self._x))
        self._x[at : at + count] = rows.x[first : first + count]
        self._y[at : at + count] = rows.y[first : first + count]
        if self._weight is not None and rows.weight is not None:
            self._weight[at : at + count] = rows.weight[first : first + count]

    def _give(self, order: npt.NDArray[np.uint64], *, last: bool) -> Iterator[tuple[Array, ...]]:
        """Yield batches in this order, half of them unless they are the last; keep the rest."""
        assert self._y is not None
        step = self.batch_size
        given = len(order) if last else max(1, len(order) // 2 // step) * step
        for start in range(0, given, step):
            chosen = order[start : min(start + step, given)]
            batch = (self._x[chosen], self._y[chosen])
            yield batch if self._weight is None else (*batch, self._weight[chosen])
        rest = order[given:]
        self._left = len(rest)
        self._x[: len(rest)] = self._x[rest]
        self._y[: len(rest)] = self._y[rest]
        if self._weight is not None:
            self._weight[: len(rest)] = self._weight[rest]
