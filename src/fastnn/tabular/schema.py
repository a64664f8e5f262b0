"""Columns: what each column of a table is, and how many numbers a network gets of it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from fastnn.tabular.arrow import category_type, kind_of

__all__ = [
    "VALUES",
    "Column",
    "is_integer_like",
    "match",
    "moments_of_numbers",
    "parts_of_numbers",
    "periods",
]

Floats = npt.NDArray[np.float64]

VALUES = {"string": "strings", "int64": "whole numbers", "bool": "booleans"}
YEAR, WEEK, DAY = 365.2425, 7.0, 1.0  # in days

# Besides the number itself, on which circles it lies; a time of the day lies on its circle alone.
_PERIODS = {"date": (YEAR, WEEK), "timestamp": (YEAR, WEEK, DAY), "time": (DAY,)}

# What a column may be now, by what it was in training.
_TAKES = {
    "number": {"number"},
    "boolean": {"boolean"},
    "category": {"category"},
    "date": {"date", "timestamp"},
    "timestamp": {"date", "timestamp"},
    "time": {"time"},
    "duration": {"duration"},
}


@dataclass(frozen=True)
class Column:
    """A column that a network reads, as it was in training.

    Attributes
    ----------
    name : str
    kind : str
        "number", "boolean", "category", "date", "timestamp", "time" or "duration".
    type : str
        Its Arrow type in training.
    missing : int
        Missing values in training.
    minimum, maximum : float or None
        The range in training, None for categories.  Of dates and timestamps in days since 1970,
        of times in days, of durations in seconds.
    origin : float
        Taken off in double precision before a number becomes one of the network's type.
    means, variances : tuple of float
        Of each of the numbers that the column becomes, the origin taken off.
    value_type : str or None
        What categories are: "string", "int64" or "bool".
    categories : tuple
        The values in training, the commonest first.
    kept : int
        So many of them have a row of their own in the embedding; the others, which occur once,
        share row 0 with values that were never seen.
    units : int
        Columns of the embedding.

    Examples
    --------
    >>> column = Column("weight", "number", "double", minimum=1.6, maximum=5.1)
    >>> column.width, column.describe_range()
    (1, '1.6 .. 5.1')
    """

    name: str
    kind: str
    type: str
    missing: int = 0
    minimum: float | None = None
    maximum: float | None = None
    origin: float = 0.0
    means: tuple[float, ...] = ()
    variances: tuple[float, ...] = ()
    value_type: str | None = None
    categories: tuple[Any, ...] = ()
    kept: int = 0
    units: int = 0

    @property
    def is_category(self) -> bool:
        """Whether it is embedded."""
        return self.kind == "category"

    @property
    def width(self) -> int:
        """Numbers that the network reads of it; a missing value has one of its own."""
        return 1 if self.is_category else len(self.means or (0,)) + (self.missing > 0)

    @property
    def table_rows(self) -> int:
        """Rows of its embedding: what is unknown, the values, and a missing one."""
        return 1 + self.kept + (self.missing > 0)

    @property
    def missing_code(self) -> int:
        """The row of a missing value."""
        return self.kept + 1 if self.missing else 0

    @property
    def zone(self) -> str | None:
        """The time zone of a timestamp that has one."""
        _, found, zone = self.type.rstrip("]").partition("tz=")
        return zone if found else None

    def describe_range(self) -> str:
        """Return the range, or the categories, for people."""
        if self.is_category:
            shown = ", ".join(str(one) for one in self.categories[:3])
            more = ", ..." if len(self.categories) > 3 else ""
            return f"{len(self.categories)} values: {shown}{more}"
        if self.minimum is None or self.maximum is None:
            return ""
        return f"{self.describe(self.minimum)} .. {self.describe(self.maximum)}"

    def describe(self, value: float) -> str:
        """Return a value for people: a date as a date."""
        if self.kind == "date" and abs(value) < 3e6:
            return str(np.datetime64("1970-01-01") + math.floor(value))
        if self.kind in ("timestamp", "time") and abs(value) < 3e6:
            text = str(np.datetime64("1970-01-01T00:00:00") + round(value * 86_400))
            return text[11:] if self.kind == "time" else text.replace("T", " ")
        if self.kind == "boolean":
            return str(bool(value))
        return f"{value:.6g}"

    def config(self) -> dict[str, Any]:
        """Return it as JSON holds it, without what has its usual value."""
        usual = {field.name: field.default for field in fields(self)}
        return {name: value for name, value in asdict(self).items() if value != usual[name]}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Column:
        """Build what `config` described."""
        known: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in config.items()
        }
        return cls(**known)


def periods(kind: str) -> tuple[float, ...]:
    """Return the circles that numbers of a kind lie on, in days."""
    return _PERIODS.get(kind, ())


def parts_of_numbers(numbers: Floats, kind: str) -> list[Floats]:
    """Return the numbers that a column becomes: itself, and its place on each circle."""
    parts = [] if kind == "time" else [numbers]
    for period in periods(kind):
        angle = (2 * math.pi / period) * (numbers % period)  # % first: whole days give exactly 0
        parts += [np.sin(angle), np.cos(angle)]
    return parts


def moments_of_numbers(columns: Sequence[Column]) -> tuple[list[float], list[float]]:
    """Return mean and variance of each number that the network reads; 0 and 1 for "is missing".

    Parameters
    ----------
    columns : sequence of Column
        Those of categories are passed over.

    Examples
    --------
    >>> gaps = Column("gaps", "number", "double", missing=2, means=(4.0,), variances=(9.0,))
    >>> moments_of_numbers([gaps])
    ([4.0, 0.0], [9.0, 1.0])
    """
    means: list[float] = []
    variances: list[float] = []
    for column in columns:
        if not column.is_category:
            extra = column.width - len(column.means)
            means += [*column.means, *[0.0] * extra]
            variances += [*column.variances, *[1.0] * extra]
    return means, variances


def is_integer_like(data_type: Any) -> bool:
    """Tell whether a column of this Arrow type may be read as categories that are whole numbers."""
    return kind_of(data_type) == "number" and not str(data_type).startswith("decimal")


def match(columns: Sequence[Column], schema: Any, where: str) -> None:
    """Refuse a table that lacks a column, has it twice, or with another kind of values.

    Parameters
    ----------
    columns : sequence of Column
        As they were in training.
    schema : pyarrow.Schema
        Of the table; its other columns are ignored.
    where : str
        Who asks; begins the messages of errors.
    """
    names = schema.names
    missing = [column.name for column in columns if column.name not in names]
    if missing:
        raise ValueError(
            f"{where}: the table lacks the column{'s' if len(missing) > 1 else ''} "
            f"{', '.join(map(repr, missing))}; it has {', '.join(map(repr, names)) or 'none'}"
        )
    for column in columns:
        if names.count(column.name) > 1:
            raise ValueError(
                f"{where}: the table has {names.count(column.name)} columns {column.name!r}; "
                f"want one"
            )
        data_type = schema.field(column.name).type
        if not _fits(column, data_type):
            was = column.kind
            if column.is_category:
                was = f"categories that are {VALUES[column.value_type or 'string']}"
            raise ValueError(
                f"{where}: column {column.name!r} is {data_type} now, but was {column.type} "
                f"({was}) in training; want the same kind of values"
            )


def _fits(column: Column, data_type: Any) -> bool:
    kind = kind_of(data_type)
    if kind == "empty":
        return True
    if column.is_category:
        if column.value_type == "string":
            return kind == "category" and category_type(data_type) == "string"
        whole = "number" if column.value_type == "int64" else "boolean"
        return kind in ("category", whole) and category_type(data_type) == column.value_type
    if column.kind == "number" and category_type(data_type) == "int64":
        return True  # categories that are whole numbers, read as numbers
    has_zone = kind == "timestamp" and "tz=" in str(data_type)
    return kind in _TAKES[column.kind] and has_zone == (column.zone is not None)
