"""The first pass over a table: what its columns are, their moments, ranges and categories."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from fastnn._spec import lookup
from fastnn.tabular.arrow import category_type, kind_of, to_codes, to_numbers
from fastnn.tabular.schema import VALUES, Column, is_integer_like, parts_of_numbers

__all__ = [
    "LARGEST_PREDICTED",
    "LARGEST_READ",
    "CategoryStatistics",
    "NumberStatistics",
    "choose",
    "start",
    "survey",
]

MOST_CATEGORIES = 100_000  # more are an id
ID_FROM = 20  # values that are nearly all different are an id from so many on
ID_SHARE = 0.5  # of the rows
MOST_UNITS = 32  # columns of an embedding
# What a network reads as it is, and what it predicts, whose errors are squared in its own type.
LARGEST_READ = {"float32": 1e38, "float64": 1e150}
LARGEST_PREDICTED = {"float32": 1e18, "float64": 1e150}
LONGEST_PRODUCT = 8192  # a longer one OpenBLAS shares with threads, and waits where others compute
FAR = 1000.0  # deviations from 0, from which on an origin is taken off


class Moments:
    """Mean and variance of numbers that come in batches.

    Sums of what lies above the first batch's mean, and of its squares: three passes that NumPy
    makes fast.  The shift is the mean of a part of the numbers, which bounds what cancels.
    """

    def __init__(self) -> None:
        self.count = 0
        self.shift = self.sum = self.squares = 0.0

    def update(self, numbers: npt.NDArray[np.float64]) -> None:
        """Add a batch without NaN."""
        if len(numbers) == 0:
            return
        if self.count == 0:
            self.shift = float(numbers.mean())
        above = numbers - self.shift
        self.count += len(numbers)
        self.sum += float(above.sum())
        for start in range(0, len(above), LONGEST_PRODUCT):
            part = above[start : start + LONGEST_PRODUCT]
            self.squares += float(part @ part)

    def mean(self) -> float:
        """Return the mean."""
        return self.shift + self.sum / self.count

    def variance(self) -> float:
        """Return the variance; less than a double's digits can tell from a constant is 0."""
        above, least = self.sum / self.count, 1e-12 * self.mean()
        found = max(0.0, self.squares / self.count - above * above)
        return 0.0 if found <= least * least + 1e-300 else found


class NumberStatistics:
    """Moments, range and missing values of a column that becomes numbers.

    Numbers beyond `largest` are refused, and columns that differ by less than ``1 / largest`` are
    of no use.
    """

    def __init__(self, name: str, kind: str, where: str, largest: float) -> None:
        self.name = name
        self.kind = kind
        self.where = where
        self.largest = largest
        self.moments: list[Moments] = []
        self.low, self.high = np.inf, -np.inf
        self.origin: float | None = None  # of dates and timestamps; numbers find theirs at the end
        self.missing = self.rows = 0

    def update(self, array: Any) -> None:
        """Add a batch."""
        numbers = to_numbers(array, self.kind)
        if len(numbers) == 0:
            return
        low, high = numbers.min(), numbers.max()
        if np.isnan(low):
            known = numbers[~np.isnan(numbers)]
            self.missing += len(numbers) - len(known)
            low, high = (known.min(), known.max()) if len(known) else (np.inf, -np.inf)
        else:
            known = numbers
        if max(-low, high) > self.largest:
            row = int(np.argmax(np.abs(numbers) > self.largest))
            raise ValueError(
                f"{self.where}: column {self.name!r} has {numbers[row]} at row {self.rows + row}; "
                f"want finite numbers, within {self.largest:g} of 0"
            )
        self.low, self.high = min(self.low, float(low)), max(self.high, float(high))
        if self.kind in ("date", "timestamp") and len(known):
            if self.origin is None:  # a first day, however the table is cut into batches
                self.origin = math.floor(known[0])
            known = known - self.origin
        parts = parts_of_numbers(known, self.kind)
        if not self.moments:
            self.moments = [Moments() for _ in parts]
        for moments, part in zip(self.moments, parts, strict=True):
            moments.update(part)
        self.rows += len(numbers)

    def useless(self) -> str | None:
        """Return why the column says nothing, if so."""
        if self.missing == self.rows:
            return "no values"
        if self.low == self.high and not self.missing:
            return "constant"
        if 0 < self.high - self.low < 1 / self.largest:
            return f"its values differ by less than {1 / self.largest:g}"
        return None

    def column(self, data_type: str) -> Column:
        """Return what was found."""
        means = [moments.mean() for moments in self.moments]
        variances = [moments.variance() for moments in self.moments]
        origin = float(self.origin or 0)
        if self.kind not in ("date", "timestamp", "time"):
            if abs(means[0]) > FAR * math.sqrt(variances[0]):
                origin = float(round(means[0]))
            means[0] -= origin
        return Column(
            self.name,
            self.kind,
            data_type,
            missing=self.missing,
            minimum=self.low,
            maximum=self.high,
            origin=origin,
            means=tuple(means),
            variances=tuple(variances),
        )


class CategoryStatistics:
    """How often each value of a column occurs."""

    def __init__(self, name: str, value_type: str, where: str) -> None:
        self.name = name
        self.value_type = value_type
        self.where = where
        self.counts: dict[Any, int] = {}
        self.missing = self.rows = 0
        self.too_many = False

    def update(self, array: Any) -> None:
        """Add a batch."""
        self.rows += len(array)
        if self.too_many:
            return
        try:
            values, codes = to_codes(array, self.value_type)
        except ValueError:
            raise ValueError(
                f"{self.where}: column {self.name!r} cannot be read as categories: it has values "
                f"that are no {VALUES[self.value_type]}"
            ) from None
        counts = np.bincount(codes + 1, minlength=len(values) + 1)
        self.missing += int(counts[0])
        for value, count in zip(values, counts[1:].tolist(), strict=True):
            if count:
                self.counts[value] = self.counts.get(value, 0) + count
        self.too_many = len(self.counts) > MOST_CATEGORIES

    def useless(self, forced: bool) -> str | None:
        """Return why the column says nothing, if so; `forced` if a person wants it as it is."""
        known = self.rows - self.missing
        different = len(self.counts)
        if known == 0:
            return "no values"
        if self.too_many:
            return f"looks like an id: more than {MOST_CATEGORIES} different values"
        if different == 1 and not self.missing:
            return "constant"
        if not forced and different >= ID_FROM and different > ID_SHARE * known:
            return f"looks like an id: {different} different values in {known} rows"
        return None

    def column(self, data_type: str) -> Column:
        """Return what was found."""
        ordered = sorted(self.counts.items(), key=lambda item: (-item[1], str(item[0])))
        kept = sum(count > 1 for _, count in ordered)
        rows = 1 + kept + (self.missing > 0)
        return Column(
            self.name,
            "category",
            data_type,
            missing=self.missing,
            value_type=self.value_type,
            categories=tuple(value for value, _ in ordered),
            kept=kept,
            units=min(MOST_UNITS, max(1, round(1.6 * rows**0.56))),
        )


Statistics = NumberStatistics | CategoryStatistics


def choose(
    schema: Any,
    *,
    target: str,
    weight: str | None,
    columns: Sequence[str] | None,
    drop: Iterable[str],
    where: str,
) -> list[str]:
    """Return the names of the columns to learn from, in the order of the table.

    Raises
    ------
    ValueError
        If a name is not in the table, or is there twice, or no column is left.
    """
    names = schema.names
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(
            f"{where}: the table has more than one column {', '.join(map(repr, twice))}; "
            f"want names that differ"
        )
    for given in (target, weight, *(columns or ()), *drop):
        if given is not None:
            lookup("column", given, dict.fromkeys(names), where)
    left_out = {target, weight, *drop}
    if columns is not None and target in columns:
        raise ValueError(f"{where}: the target {target!r} is among columns, too")
    found = [
        name for name in names if name not in left_out and (columns is None or name in columns)
    ]
    if not found:
        raise ValueError(f"{where}: no columns are left beside the target {target!r}")
    return found


def start(
    schema: Any,
    names: Sequence[str],
    kinds: Mapping[str, str],
    *,
    largest: float,
    asked: bool,
    where: str,
) -> tuple[dict[str, Statistics], dict[str, str]]:
    """Return statistics to be filled for each column, and why others are left out.

    `asked` tells that a person has named the columns: one that cannot be read is an error then.
    """
    for name in kinds:
        lookup("column", name, dict.fromkeys(schema.names), f"{where}: kinds")
    found: dict[str, Statistics] = {}
    left_out: dict[str, str] = {}
    for name in names:
        data_type = schema.field(name).type
        kind = kind_of(data_type)
        wanted = kinds.get(name, kind)
        if kind == "empty":
            left_out[name] = "no values"
        elif kind == "other":
            if asked:
                raise ValueError(
                    f"{where}: column {name!r} is {data_type}; want numbers, booleans, strings, "
                    f"dates or times"
                )
            left_out[name] = f"{data_type}, of which no numbers can be made"
        elif wanted == "category":
            if kind not in ("category", "boolean") and not is_integer_like(data_type):
                raise ValueError(f"{where}: kinds: column {name!r} is {data_type}, no categories")
            found[name] = CategoryStatistics(name, category_type(data_type), where)
        elif wanted == "number" and category_type(data_type) == "int64":
            found[name] = NumberStatistics(name, "number", where, largest)
        elif wanted == kind:
            found[name] = NumberStatistics(name, kind, where, largest)
        else:
            raise ValueError(
                f"{where}: kinds: column {name!r} is {data_type}, which can be "
                f"{kind!r}{' or ' + repr('category') if kind == 'number' else ''}, not {wanted!r}"
            )
    return found, left_out


def survey(
    statistics: Mapping[str, Statistics], schema: Any, kinds: Mapping[str, str]
) -> tuple[tuple[Column, ...], dict[str, str]]:
    """Return the columns that are of use, and why others are not, once all batches were seen."""
    columns: list[Column] = []
    left_out: dict[str, str] = {}
    for name, one in statistics.items():
        if isinstance(one, CategoryStatistics):
            reason = one.useless(forced=kinds.get(name) == "category")
        else:
            reason = one.useless()
        if reason is None:
            columns.append(one.column(str(schema.field(name).type)))
        else:
            left_out[name] = reason
    return tuple(columns), left_out
