"""Warnings of fastnn, so that a person can filter them by kind."""

from __future__ import annotations

__all__ = ["DeadNetworkWarning", "FastnnWarning"]


class FastnnWarning(UserWarning):
    """Base of all warnings of fastnn.

    Examples
    --------
    >>> import warnings
    >>> import fastnn as fnn
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("error", fnn.FastnnWarning)  # any of them becomes an error
    """


class DeadNetworkWarning(FastnnWarning):
    """A trained network gives the same output for every row.

    Usually its relu units have all died: the inputs were not scaled, or the learning rate was too
    high, and a step took every unit below 0 for all rows, where its gradient is 0 for good.

    Examples
    --------
    >>> import fastnn as fnn
    >>> issubclass(fnn.DeadNetworkWarning, fnn.FastnnWarning)
    True
    """
