"""How much a model leans on each column: the loss of score as that column is shuffled."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from fastnn._spec import check_int

__all__ = ["Importance", "permutation_importance"]

Columns = Mapping[str, Any]  # arrays with a length and take(), of NumPy or Arrow


class Importance(NamedTuple):
    """What shuffling one column costs.

    Attributes
    ----------
    feature : str
    mean, deviation : float
        Of the score lost, over the repeats; `deviation` is 0 with one.
    """

    feature: str
    mean: float
    deviation: float


def permutation_importance(
    score: Callable[[Columns], float],
    columns: Columns,
    *,
    names: Iterable[str] | None = None,
    repeats: int = 5,
    seed: int = 0,
) -> list[Importance]:
    """Measure how much of a score is lost as one column at a time is shuffled.

    A column that says what another one says too looks unimportant: the model still has the other.

    Parameters
    ----------
    score : callable
        Takes columns like `columns`, returns a number of which more is better, such as R² or
        accuracy.  It predicts with whatever model it likes.
    columns : mapping of str to array of NumPy or Arrow, shape (n,)
        Rows that the model has not learnt from.  They are left as they are.
    names : iterable of str, optional
        The columns to shuffle; all by default.
    repeats : int
        Shuffles of each column.
    seed : int
        Of the shuffles; the same seed gives the same numbers.

    Returns
    -------
    list of Importance
        The column with the largest mean first.

    Raises
    ------
    TypeError, ValueError
        If `repeats` or `seed` is no such number, `columns` is empty, of several lengths, or lacks
        one of `names`.

    References
    ----------
    Breiman (2001), Random Forests, Machine Learning 45, section 10.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn.html_report import permutation_importance
    >>> rows = {"used": np.arange(8.0), "unused": np.ones(8)}
    >>> found = permutation_importance(
    ...     lambda rows: -float(np.mean((rows["used"] - np.arange(8.0)) ** 2)), rows
    ... )
    >>> found[0].feature, found[0].mean > 1, found[1].mean == 0
    ('used', True, True)
    """
    where = "permutation_importance"
    check_int(where, "repeats", repeats)
    check_int(where, "seed", seed, 0)
    lengths = {len(column) for column in columns.values()}
    if len(lengths) != 1:
        raise ValueError(f"{where}: columns must be some of one length, got {sorted(lengths)}")
    (rows,) = lengths
    wanted = list(columns if names is None else names)
    for name in wanted:
        if name not in columns:
            raise ValueError(f"{where}: there is no column {name!r}; known: {', '.join(columns)}")
    whole = score(columns)
    found = []
    for place, name in enumerate(wanted):
        rng = np.random.default_rng([seed, place])
        lost = [
            whole - score({**columns, name: columns[name].take(rng.permutation(rows))})
            for _ in range(repeats)
        ]
        found.append(Importance(name, float(np.mean(lost)), float(np.std(lost))))
    return sorted(found, key=lambda one: -one.mean)
