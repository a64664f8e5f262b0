"""What the activations share: the numbers of the kernels."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.floating[Any]]

# Numbers of the kernels, as in csrc/include/fastnn/activation.h.
(
    LINEAR,
    RELU,
    LEAKY_RELU,
    ELU,
    GELU,
    SIGMOID,
    TANH,
    SOFTMAX,
    SILU,
    SOFTPLUS,
    EXP,
    RELU6,
    HARD_SIGMOID,
    HARD_TANH,
    HARD_SILU,
    SELU,
    CELU,
    GELU_TANH,
    MISH,
    SOFTSIGN,
    SQUAREPLUS,
    LOG_SIGMOID,
    LOG_SOFTMAX,
    TANH_SHRINK,
    SOFT_SHRINK,
    HARD_SHRINK,
    SPARSEMAX,
) = range(27)

# Less would be 0 in float32, or its inverse infinite.
LEAST = 1e-30
