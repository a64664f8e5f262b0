"""A dense layer and its gradients in float64, the oracle of csrc/kernels/gemm.inc.

Written from the chain rule for ``y = f(z)``, ``z = x @ kernel + bias`` and a loss with the
derivative `dy` by y.  `bias` may be None.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from reference.activation import BACKWARD, FORWARD

Array = npt.NDArray[np.float64]


def affine(x: npt.ArrayLike, kernel: npt.ArrayLike, bias: npt.ArrayLike | None = None) -> Array:
    """``x @ kernel + bias``, before the activation."""
    z = np.asarray(x, np.float64) @ np.asarray(kernel, np.float64)
    return z if bias is None else z + np.asarray(bias, np.float64)


def dense_forward(
    x: npt.ArrayLike,
    kernel: npt.ArrayLike,
    bias: npt.ArrayLike | None,
    activation: str,
    **settings: float,
) -> Array:
    return FORWARD[activation](affine(x, kernel, bias), **settings)


def dense_backward(
    x: npt.ArrayLike,
    kernel: npt.ArrayLike,
    bias: npt.ArrayLike | None,
    dy: npt.ArrayLike,
    activation: str,
    **settings: float,
) -> tuple[Array, Array, Array]:
    """The derivatives by x, kernel and bias."""
    x, kernel = np.asarray(x, np.float64), np.asarray(kernel, np.float64)
    z = affine(x, kernel, bias)
    dz = BACKWARD[activation](z, np.asarray(dy, np.float64), **settings)
    return dz @ kernel.T, x.T @ dz, dz.sum(axis=0)
