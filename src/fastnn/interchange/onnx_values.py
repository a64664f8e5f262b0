"""What flows through an ONNX graph while it is read: constants, rows, and what layers they need.

An `Op` is a layer to be: it knows what it reads and its constants.  `onnx_tidy` merges ops,
`onnx_build` makes layers of them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = [
    "BATCH",
    "Broken",
    "Const",
    "Label",
    "Op",
    "Pending",
    "Ref",
    "Rows",
    "Sizes",
    "Unsupported",
    "neat",
]

Array = npt.NDArray[Any]


class Unsupported(Exception):
    """A node that cannot become layers; the message says why."""


class _Batch:
    """The number of rows, which is not known."""

    def __repr__(self) -> str:
        return "batch"


BATCH = _Batch()


@dataclass(eq=False)
class Const:
    """A constant.  Two are the same weights only if they are the same object."""

    array: Array
    name: str


@dataclass(eq=False)
class Op:
    """A layer to be.

    Attributes
    ----------
    kind : str
        Names the maker in `onnx_build`.
    inputs : tuple of Ref
    units : tuple of int
        Columns of each output.
    consts : dict of str to Const
        Arrays under the layer's own names and in its shapes.
    settings : dict of str to object
    """

    kind: str
    inputs: tuple[Ref, ...]
    units: tuple[int, ...]
    consts: dict[str, Const] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)


class Ref(NamedTuple):
    """An output of an op."""

    op: Op
    output: int = 0

    @property
    def units(self) -> int:
        """Its columns."""
        return self.op.units[self.output]


@dataclass(eq=False)
class Rows:
    """A tensor whose first axis is the batch.

    Attributes
    ----------
    ref : Ref
        Who makes it.
    dims : tuple of int
        The other axes in ONNX; here they lie flat, as columns.
    integer : bool
        Whether it holds integers.
    cut : bool
        Whether numbers were cut off to integers: only embeddings may read it.
    """

    ref: Ref
    dims: tuple[int, ...]
    integer: bool = False
    cut: bool = False

    @property
    def rank(self) -> int:
        """Axes in ONNX, the batch too."""
        return 1 + len(self.dims)


@dataclass(eq=False)
class Sizes:
    """Integers computed from shapes: an array of int and `BATCH`."""

    items: npt.NDArray[np.object_]


@dataclass(eq=False)
class Label:
    """Class labels, or what was computed from them, and the rows they were made of."""

    source: Rows


@dataclass(eq=False)
class Pending:
    """No layer computes this, but it may be part of something that one does.

    Attributes
    ----------
    blame : dict of str to str
        Which nodes are to be named if not, and why.
    """

    blame: dict[str, str]


class Broken:
    """What comes after a node that was refused."""


def neat(value: float) -> float:
    """Return a number that was stored in float32 as people write it: 0.2, not 0.20000000298.

    Examples
    --------
    >>> import numpy as np
    >>> neat(float(np.float32(0.2))), neat(0.1)
    (0.2, 0.1)
    """
    short = np.float32(value)
    return float(str(short)) if float(short) == value else float(value)
