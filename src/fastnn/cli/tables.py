"""Tables of the command line: opened, split, and asked what there is to predict."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn._spec import lookup
from fastnn.tabular import Source, open_table
from fastnn.tabular.arrow import kind_of, to_numbers
from fastnn.tabular.rows import HeldOut
from fastnn.tabular.sources import Piece

if TYPE_CHECKING:
    import numpy.typing as npt

    from fastnn.cli.models import Estimator

__all__ = ["Keeping", "Part", "find_task", "open_data", "read_all", "split", "targets_of"]

MOST_CLASSES = 10  # whole numbers with so few different values are taken for classes
LOOKED_AT = 100_000  # rows, for that
NOT_THE_SEED_OF_THE_FIT = 0x5DEECE66D  # else the same numbers would choose its validation rows


def open_data(name: str) -> Source:
    """Open a table; what is none is told from a misspelt name."""
    if name not in ("auto-mpg", "-") and not os.path.exists(name) and not os.path.splitext(name)[1]:
        near = get_close_matches(name.lower(), ["auto-mpg"], n=1, cutoff=0.4)
        hint = f"did you mean {near[0]}? Want" if near else "want"
        raise ValueError(
            f"unknown data set {name!r}; {hint} a file (.csv, .parquet, .arrow), a folder of "
            f"Parquet, - for standard input, or the data that come with fastnn: auto-mpg"
        )
    return open_table(name)


def find_task(source: Source, target: str) -> tuple[str, str]:
    """Return "regression" or "classification", and why."""
    names = source.schema.names
    lookup("column", target, dict.fromkeys(names), "--target")
    kind = kind_of(source.schema.field(target).type)
    if kind in ("category", "boolean"):
        return "classification", "its values are categories"
    if kind != "number":
        return "regression", f"its values are of type {source.schema.field(target).type}"
    seen: set[float] = set()
    rows = 0
    for batch in source.batches([target]):
        numbers = to_numbers(batch.column(0), "number")
        seen.update(np.unique(numbers[np.isfinite(numbers)]).tolist())
        rows += len(numbers)
        if len(seen) > MOST_CLASSES or not all(map(float.is_integer, seen)):
            return "regression", "its values are numbers"
        if rows >= LOOKED_AT:
            break
    count = len(seen)
    what = "are all the same number" if count == 1 else f"are {count} different whole numbers"
    return "classification", f"its values {what}"


class Part(Source):
    """Some rows of a table, the same ones each time that it is read."""

    def __init__(self, source: Source, held_out: HeldOut, *, wanted: bool) -> None:
        self.source, self.held_out, self.wanted = source, held_out, wanted
        self.name, self.again = source.name, source.again
        if held_out.count is not None:
            self.rows = held_out.count if wanted else held_out.rows - held_out.count

    @property
    def schema(self) -> Any:
        """The pyarrow.Schema."""
        return self.source.schema

    def batches(self, columns: Sequence[str]) -> Iterator[Any]:
        """Read the rows that belong to it."""
        return self._chosen(Piece(0, self.source.batches), columns)

    def pieces(self) -> Sequence[Piece]:
        """Cut it where the whole table can be cut."""
        whole = self.source.pieces()
        ends = [*(piece.first for piece in whole[1:]), self.held_out.rows]
        found, first = [], 0
        for piece, end in zip(whole, ends, strict=True):
            found.append(Piece(first, partial(self._chosen, piece)))
            mask = self.held_out.mask(piece.first, end - piece.first)
            first += int(np.count_nonzero(mask == self.wanted))
        return found

    def _chosen(self, piece: Piece, columns: Sequence[str]) -> Iterator[Any]:
        start = piece.first
        for batch in piece.batches(columns):
            mask = self.held_out.mask(start, batch.num_rows)
            start += batch.num_rows
            yield batch.take(np.flatnonzero(mask == self.wanted))

    def typed(self, types: Mapping[str, Any]) -> Source:
        """Return it with the types of training."""
        return Part(self.source.typed(types), self.held_out, wanted=self.wanted)


def split(source: Source, share: float, seed: int, target: str) -> tuple[Source, Source]:
    """Return a table to train on and one of held-out rows; `source` can be read again."""
    rows = source.rows
    if rows is None:
        rows = sum(batch.num_rows for batch in source.batches([target]))
    if rows == 0:
        raise ValueError(f"{source.name} has no rows")
    held_out = HeldOut(rows, share, seed ^ NOT_THE_SEED_OF_THE_FIT)
    parts = Part(source, held_out, wanted=False), Part(source, held_out, wanted=True)
    if parts[1].rows == 0 or parts[0].rows == 0:
        raise ValueError(
            f"--test-size: {share:g} of the {rows} rows of {source.name} leaves no rows on one "
            f"side; give another share, 0 for no test, or a table with --test"
        )
    return parts


def read_all(source: Source, columns: Sequence[str], most: int | None = None) -> Any:
    """Return a pyarrow.Table of these columns, of the first rows if `most` is given."""
    import pyarrow as pa

    batches, rows = [], 0
    for batch in source.batches(columns):
        batches.append(batch)
        rows += batch.num_rows
        if most is not None and rows >= most:
            break
    schema = pa.schema([source.schema.field(name) for name in columns])
    return pa.Table.from_batches(batches, None if batches else schema).slice(0, most)


def targets_of(estimator: Estimator, table: Any) -> npt.NDArray[Any]:
    """Return the numbers to predict, or the places of the classes, shape (n,)."""
    from fastnn.tabular import TabularClassifier

    array = table.column(estimator.target_.name).combine_chunks()
    if isinstance(estimator, TabularClassifier):
        return estimator._encode_target(array, "target", scaled=False)
    return to_numbers(array, "number")


class Keeping(Source):
    """A table of which some columns are kept aside, batch by batch, as it is read."""

    def __init__(self, source: Source, keep: Sequence[str], kept: deque[Any] | None = None) -> None:
        self.source, self.keep = source, list(keep)
        self.kept: deque[Any] = deque() if kept is None else kept
        self.name, self.rows, self.again = source.name, source.rows, source.again

    @property
    def schema(self) -> Any:
        """The pyarrow.Schema."""
        return self.source.schema

    def batches(self, columns: Sequence[str]) -> Iterator[Any]:
        """Read them, and keep what is asked for of each batch that has rows."""
        for batch in self.source.batches(list(dict.fromkeys([*columns, *self.keep]))):
            if batch.num_rows:
                self.kept.append(batch.select(self.keep))
                yield batch.select(list(columns))

    def typed(self, types: Mapping[str, Any]) -> Source:
        """Return it with the types of training; what is kept of a text file stays text."""
        import pyarrow as pa

        source = self.source.typed({**dict.fromkeys(self.keep, pa.string()), **types})
        return Keeping(source, self.keep, self.kept)
