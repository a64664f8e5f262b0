"""What the numbers are that an exported network reads and gives, for who feeds it by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastnn.tabular.schema import Column, periods

__all__ = ["inputs_of", "outputs_of"]

UNITS = {
    "date": " in days since 1970-01-01",
    "timestamp": " in days since 1970-01-01",
    "time": " in days since midnight",
    "duration": " in seconds",
    "boolean": " as 0 or 1",
}


def inputs_of(columns: Sequence[Column]) -> list[str]:
    """Return a line for each number of a row, in the network's order.

    Parameters
    ----------
    columns : sequence of Column
        Of a fitted estimator.

    Returns
    -------
    lines : list of str

    Examples
    --------
    >>> age = Column("age", "number", "double", means=(40.0,), variances=(9.0,))
    >>> city = Column("city", "category", "string", categories=("Rome",), kept=1)
    >>> for line in inputs_of([city, age]):
    ...     print(line)
    age
    city: Rome 1, others 0
    """
    numbers = [column for column in columns if not column.is_category]
    categories = [column for column in columns if column.is_category]
    return [
        *(line for column in numbers for line in _lines_of_number(column)),
        *map(_line_of_category, categories),
    ]


def _lines_of_number(column: Column) -> list[str]:
    number = column.name + UNITS.get(column.kind, "")
    if column.origin:
        number += f" - {column.origin!r}"
    lines = [] if column.kind == "time" else [number]
    for period in periods(column.kind):
        lines += [f"{name} of 2 pi ({number}) / {period:g}" for name in ("sine", "cosine")]
    if column.missing:
        means = ", ".join(f"{mean:.9g}" for mean in column.means)
        held = "the number before is" if len(lines) == 1 else f"the {len(lines)} numbers before are"
        lines.append(f"{column.name} is missing: 1 ({held} then {means}), else 0")
    return lines


def _line_of_category(column: Column) -> str:
    known = [f"{value} {code}" for code, value in enumerate(column.categories[: column.kept], 1)]
    missing = [f"missing {column.missing_code}"] if column.missing else []
    return f"{column.name}: {', '.join([*known, *missing, 'others 0'])}"


def outputs_of(estimator: Any) -> str:
    """Return what the network gives for a row: the target, or probabilities of which classes."""
    classes = getattr(estimator, "classes_", None)
    if classes is None:
        return f"{estimator.target_.name}, in its own units"
    if estimator.model_.output_cols[0] == 1:
        return f"the probability that {estimator.target_.name} is {classes[1]}"
    return f"the probabilities that {estimator.target_.name} is {', '.join(map(str, classes))}"
