"""From batches of Arrow columns to the rows that a network reads, and what was odd on the way."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from fastnn._spec import lookup
from fastnn.errors import FastnnWarning
from fastnn.layers.normalization import scales
from fastnn.tabular.arrow import columns_of, to_codes, to_numbers
from fastnn.tabular.schema import VALUES, Column, moments_of_numbers, parts_of_numbers

__all__ = ["Counts", "Encoder", "OutOfRangeWarning"]

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]
POLICIES = ("warn", "count", "clip", "raise")


class OutOfRangeWarning(FastnnWarning):
    """Values of a table lie outside what the network has seen in training.

    Examples
    --------
    >>> import fastnn as fnn
    >>> issubclass(OutOfRangeWarning, fnn.FastnnWarning)
    True
    """


class Counts:
    """How many values were missing, outside the range, or never seen, by column.

    Attributes
    ----------
    rows : int
        Rows that were read.
    missing, out_of_range, unseen : dict of str to int
        Only of columns that have such values.

    Examples
    --------
    >>> counts = Counts()
    >>> counts.unseen["origin"] = 2
    >>> counts
    Counts(rows=0, missing={}, out_of_range={}, unseen={'origin': 2})
    """

    def __init__(self) -> None:
        self.rows = 0
        self.missing: dict[str, int] = {}
        self.out_of_range: dict[str, int] = {}
        self.unseen: dict[str, int] = {}
        self._odd: dict[tuple[str, bool], str] = {}  # what a warning says of a column

    def add(self, what: str, column: Column, count: int, example: str = "") -> None:
        """Count values of a column; `example` is what a warning is to show."""
        known = getattr(self, what)
        known[column.name] = known.get(column.name, 0) + count
        if example:
            self._odd.setdefault((column.name, what == "missing"), example)

    def __repr__(self) -> str:
        """Show all."""
        return (
            f"Counts(rows={self.rows}, missing={self.missing}, "
            f"out_of_range={self.out_of_range}, unseen={self.unseen})"
        )

    def warn(self, where: str) -> None:
        """Warn once, of all columns that had values unlike those in training.

        To be called by the method that the person has called: the warning shows their line.
        """
        if not self._odd:
            return
        told = []
        for (name, is_missing), example in self._odd.items():
            odd = self.out_of_range.get(name, 0) + self.unseen.get(name, 0)
            count = self.missing[name] if is_missing else odd
            told.append(f"{name!r} in {count} of {self.rows} ({example})")
        warnings.warn(
            f"{where}: values unlike those in training: {'; '.join(told)}",
            OutOfRangeWarning,
            stacklevel=3,
        )


class Encoder:
    """Turns record batches into rows of numbers, as the network's input wants them.

    Numbers come first, in the order of the columns: the value less its origin, or a date's days
    and its places on circles, then 1 where the value is missing if it was so in training.  Then
    come the categories, as rows of their embeddings.

    Parameters
    ----------
    columns : sequence of Column
    dtype : {"float32", "float64"}
    missing : {"impute", "error"}
    out_of_range : {"warn", "count", "clip", "raise"}
    where : str
        Who asks; begins the messages of errors.
    training : bool
        Whether the rows are those that the columns were found by: nothing is counted then.
    standardise : bool
        Whether numbers are to have mean 0 and variance 1, as the network that is trained reads
        them; the whole network does that itself.
    """

    def __init__(
        self,
        columns: Sequence[Column],
        dtype: str,
        *,
        missing: str,
        out_of_range: str,
        where: str,
        training: bool = False,
        standardise: bool = False,
    ) -> None:
        self.columns = columns
        self.dtype = np.dtype(dtype)
        self.missing = missing
        self.out_of_range = out_of_range
        self.where = where
        self.training = training
        self.counts = Counts()
        self.standardise = standardise
        means, variances = moments_of_numbers(columns)
        self.means, self.scales = scales(np.array(means), np.array(variances), invert=False)
        self.numbers = len(self.means)
        self.width = sum(column.width for column in columns)
        self._codes = {
            column.name: {
                value: code + 1 if code < column.kept else 0
                for code, value in enumerate(column.categories)
            }
            for column in columns
            if column.is_category
        }

    def encode(self, batch: Any) -> Array:
        """Return the rows of a record batch, a new array of shape (n, width)."""
        # A line each number: to write along lines and to turn them at the end takes less time than
        # to write down the columns of the rows.
        lines = np.empty((self.width, batch.num_rows), self.dtype)
        arrays = columns_of(batch)
        number, category = 0, self.numbers
        for column in self.columns if batch.num_rows else ():
            array = arrays[column.name]
            if column.is_category:
                lines[category] = self._encode_category(column, array)
                category += 1
            else:
                self._encode_numbers(column, array, lines, number)
                number += column.width
        self.counts.rows += batch.num_rows
        return np.ascontiguousarray(lines.T)

    def _encode_numbers(self, column: Column, array: Any, lines: Array, first: int) -> None:
        """Write the lines of a column, from line `first` on."""
        numbers = to_numbers(array, column.kind, column.zone)
        lost: Array | None = None
        # In training the first pass has told which columns have NaN, and the range.  Should a table
        # that is read again have others, the trainer refuses them.
        if column.missing or not self.training:
            lost, numbers = self._look(column, numbers)
        if column.origin:
            numbers = numbers - column.origin
        parts = parts_of_numbers(numbers, column.kind)
        for i, part in enumerate(parts, first):
            if self.standardise:
                part = part - self.means[i]
                part *= self.scales[i]
            with np.errstate(over="ignore"):  # becomes Inf, which the network refuses
                lines[i] = part
            if lost is not None:
                lines[i, lost] = 0 if self.standardise else self.means[i]
        if column.missing:
            lines[first + len(parts)] = 0 if lost is None else lost

    def _look(self, column: Column, numbers: Floats) -> tuple[Array | None, Floats]:
        """Return where numbers are missing, if they are, and those that the policy leaves."""
        low = numbers.min()
        lost: Array | None = None
        if np.isnan(low):
            lost = np.isnan(numbers)
            self._miss(column, lost)
        assert column.minimum is not None
        assert column.maximum is not None
        if not self.training:
            high = numbers.max()
            if lost is not None:
                with np.errstate(invalid="ignore"):
                    low, high = np.fmin.reduce(numbers), np.fmax.reduce(numbers)
            # A batch without a single value has NaN here, which is neither.
            if low < column.minimum or high > column.maximum:
                numbers = self._judge(column, numbers)
        return lost, numbers

    def restore(self, rows: Array) -> Array:
        """Return standardised rows as the whole network reads them, in double precision."""
        found = rows.astype(np.float64)
        numbers = found[:, : self.numbers]
        numbers /= self.scales
        numbers += self.means
        return found

    def _encode_category(self, column: Column, array: Any) -> Array:
        try:
            values, places = to_codes(array, column.value_type or "string")
        except ValueError:
            raise ValueError(
                f"{self.where}: column {column.name!r} has values that are no "
                f"{VALUES[column.value_type or 'string']}, which it had in training"
            ) from None
        known = self._codes[column.name]
        # One more row at the end: place -1 is a missing value.
        table = np.array([*(known.get(value, -1) for value in values), column.missing_code])
        codes = table[places]
        if (lost := places < 0).any():
            self._miss(column, lost)
        if (table < 0).any() and (unseen := codes < 0).any():
            row = int(np.argmax(unseen))
            value = values[places[row]]
            self._complain(
                column, "unseen", int(unseen.sum()), row, repr(value), "which training never saw"
            )
            codes = np.maximum(codes, 0)
        return codes

    def _miss(self, column: Column, lost: Array) -> None:
        count = int(lost.sum())
        if self.missing == "error":
            raise ValueError(
                f"{self.where}: column {column.name!r} has {count} missing "
                f"value{'' if count == 1 else 's'}, the first at row "
                f"{self.counts.rows + int(np.argmax(lost))}; missing='impute' allows them"
            )
        new = column.missing == 0 and not self.training and self.out_of_range == "warn"
        self.counts.add("missing", column, count, "missing, none were in training" if new else "")

    def _judge(self, column: Column, numbers: Floats) -> Floats:
        assert column.minimum is not None
        assert column.maximum is not None
        wrong = (numbers < column.minimum) | (numbers > column.maximum)
        row = int(np.argmax(wrong))
        if self.out_of_range != "clip" and np.isinf(numbers).any():
            row = int(np.argmax(np.isinf(numbers)))
            raise ValueError(
                f"{self.where}: column {column.name!r} has {numbers[row]} at row "
                f"{self.counts.rows + row}; want finite numbers"
            )
        self._complain(
            column,
            "out_of_range",
            int(wrong.sum()),
            row,
            column.describe(float(numbers[row])),
            f"training had {column.describe_range()}",
        )
        if self.out_of_range != "clip":
            return numbers
        return np.clip(numbers, column.minimum, column.maximum)

    def _complain(
        self, column: Column, what: str, count: int, row: int, value: str, why: str
    ) -> None:
        if self.out_of_range == "raise":
            raise ValueError(
                f"{self.where}: column {column.name!r} has {value} at row "
                f"{self.counts.rows + row}, {why}; out_of_range='warn', 'count' or 'clip' allows it"
            )
        show = f"such as {value}, {why}" if self.out_of_range == "warn" else ""
        self.counts.add(what, column, count, show)


def check_policies(where: str, missing: object, out_of_range: object) -> None:
    """Refuse what is no policy."""
    lookup("missing", missing, dict.fromkeys(("impute", "error")), where)
    lookup("out_of_range", out_of_range, dict.fromkeys(POLICIES), where)
