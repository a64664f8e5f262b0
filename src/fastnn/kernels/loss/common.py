"""What the losses share: the numbers of the kernels, and checks of settings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastnn._spec import check_float, describe

INF = float("inf")

# Numbers of the kernels, as in csrc/include/fastnn/loss.h.
(
    MSE,
    MAE,
    HUBER,
    BINARY,
    CATEGORICAL,
    SPARSE,
    MAPE,
    MSLE,
    LOG_COSH,
    QUANTILE,
    GAUSSIAN,
    POISSON,
    GAMMA,
    TWEEDIE,
    BINARY_FOCAL,
    CATEGORICAL_FOCAL,
    KL,
    HINGE,
    SQUARED_HINGE,
    CATEGORICAL_HINGE,
    SOFT_MARGIN,
    COSINE,
    MARGIN_RANKING,
) = range(23)


def above(where: str, name: str, value: float) -> float:
    """Return a number above 0."""
    if type(value) is float and 0 < value < INF:  # as it should be
        return value
    return check_float(where, name, value, above=0)


def share(where: str, name: str, value: float) -> float:
    """Return a number within 0 and 1."""
    if type(value) is float and 0 <= value <= 1:  # as it should be
        return value
    number = check_float(where, name, value, at_least=0)
    if number > 1:
        raise ValueError(f"{where}: {name} must be within 0 and 1, got {number}")
    return number


def quantile_list(where: str, value: float | Sequence[float]) -> tuple[float, ...]:
    """Return quantiles, one or several, as a tuple."""
    listed: Any = value if hasattr(value, "__len__") else (value,)
    return tuple(check_float(where, "quantiles", q, above=0, below=1) for q in listed)


def variance_kind(where: str, value: str) -> str:
    """Return the name of a way to make variances."""
    if value not in ("exp", "softplus", "linear"):
        raise ValueError(
            f"{where}: variance must be 'exp', 'softplus' or 'linear', got {describe(value)}"
        )
    return value
