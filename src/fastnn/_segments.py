"""The parameters of a model as an optimizer's state and a run take them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from fastnn.constraints import Constraint
    from fastnn.optimizers import Optimizer
    from fastnn.regularizers import Regularizer

__all__ = ["Segment", "describe_penalties", "describe_segments"]

# (offset, rows, cols, matrix, trainable, hidden, decay, multiplier, l1, l2, constraint, least,
# most, rate)
Description = tuple[
    int, int, int, bool, bool, bool, float, float, float, float, int, float, float, float
]


class Segment(NamedTuple):
    """One parameter in the arena.

    Examples
    --------
    >>> Segment("dense_0/kernel", 0, (7, 32)).trainable
    True
    """

    name: str
    offset: int  # elements
    shape: tuple[int, ...]
    trainable: bool = True
    regularizer: Regularizer | None = None
    constraint: Constraint | None = None


def describe_segments(segments: Sequence[Segment], optimizer: Optimizer) -> list[Description]:
    """Return the segments, in rising order, as `OptimizerState` takes them.

    The last dimension of a shape is its columns.

    Raises
    ------
    ValueError
        If `optimizer` names parameters that are not there.

    Examples
    --------
    >>> from fastnn.optimizers import SGD
    >>> (kernel,) = describe_segments([Segment("dense_0/kernel", 0, (7, 32))], SGD())
    >>> kernel[:5]
    (0, 7, 32, True, True)
    """
    names = [segment.name for segment in segments]
    optimizer.check_names(names)
    # Frozen ones too: what is frozen must not change the rule that trains another layer.
    hidden = optimizer.hidden_kernels(
        [segment.name for segment in segments if len(segment.shape) > 1]
    )
    found: list[Description] = []
    for segment in segments:
        name, shape = segment.name, segment.shape
        matrix = len(shape) > 1
        cols = shape[-1] if matrix else 1
        regularizer, constraint = segment.regularizer, segment.constraint
        found.append(
            (
                segment.offset,
                math.prod(shape) // cols,
                cols,
                matrix,
                segment.trainable,
                name in hidden,
                float(optimizer.decays(name)),
                optimizer.multiplier(name),
                regularizer.l1 if regularizer is not None else 0.0,
                regularizer.l2 if regularizer is not None else 0.0,
                constraint.kind if constraint is not None else 0,
                *(constraint.bounds if constraint is not None else (0.0, 0.0, 1.0)),
            )
        )
    return found


def describe_penalties(segments: Sequence[Segment]) -> tuple[tuple[int, int, float, float], ...]:
    """Return (offset, size, l1, l2) of each trained parameter that has a regularizer.

    Examples
    --------
    >>> from fastnn.regularizers import L2
    >>> describe_penalties([Segment("dense_0/kernel", 0, (7, 32), regularizer=L2(0.1))])
    ((0, 224, 0.0, 0.1),)
    """
    return tuple(
        (segment.offset, math.prod(segment.shape), segment.regularizer.l1, segment.regularizer.l2)
        for segment in segments
        if segment.trainable and segment.regularizer is not None
    )
