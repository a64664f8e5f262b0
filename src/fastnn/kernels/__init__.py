"""The compiled kernels as functions on NumPy arrays.

The same code that trains and runs networks, for a person who builds something else from it.

Rules for all functions:

- Arrays are float32 or float64; all arrays of a call have one dtype, and the result has it too.
- Inputs are read only.  Any strides, byte order and alignment will do: what is not C-contiguous is
  copied first.  Lists of floats are float64 arrays; integers and masked arrays are refused.
- ``out=`` is written and returned; None makes a new array.  It must have the very dtype and shape,
  be C-contiguous, aligned and writable; it may overlap any input.
- Empty arrays work wherever the result is defined.  NaN in gives NaN out.
- Errors come before anything is written: `TypeError` for the wrong kind of argument, `ValueError`
  for shapes that do not fit and numbers out of range.

``dense_forward`` and ``dense_backward`` are composed of ``matmul``, ``column_sum`` and the
activations, so they have the same digits.  What each digit is worth stands in docs/numerics.md.
"""

from __future__ import annotations

from fastnn.kernels.activation import (
    elu,
    elu_grad,
    exp,
    exp_grad,
    gelu,
    gelu_grad,
    leaky_relu,
    leaky_relu_grad,
    linear,
    linear_grad,
    relu,
    relu_grad,
    sigmoid,
    sigmoid_grad,
    silu,
    silu_grad,
    softmax,
    softmax_grad,
    softplus,
    softplus_grad,
    tanh,
    tanh_grad,
)
from fastnn.kernels.combine import (
    add_columns,
    add_to,
    affine_back,
    affine_columns,
    combine,
    combine_grad,
    copy_columns,
)
from fastnn.kernels.dense import (
    column_sum,
    dense_backward,
    dense_forward,
    matmul,
)
from fastnn.kernels.lookup import (
    embedding,
    embedding_grad,
)
from fastnn.kernels.loss import (
    binary_crossentropy,
    binary_crossentropy_grad,
    categorical_crossentropy,
    categorical_crossentropy_grad,
    huber,
    huber_grad,
    mean_absolute_error,
    mean_absolute_error_grad,
    mean_squared_error,
    mean_squared_error_grad,
    sparse_categorical_crossentropy,
    sparse_categorical_crossentropy_grad,
)
from fastnn.kernels.noise import (
    alpha_dropout,
    dropout,
    gaussian_dropout,
    gaussian_noise,
    noise_grad,
)
from fastnn.kernels.norm import (
    batch_norm,
    batch_norm_grad,
    batch_norm_sums,
    column_moments,
    layer_norm,
    layer_norm_backward,
    layer_norm_grad,
    layer_norm_param_grad,
)
from fastnn.kernels.optimizer import (
    adam_step,
    adamw_step,
    sgd_step,
)
from fastnn.kernels.sparse import (
    csr_dense,
    csr_dense_grad,
)
from fastnn.kernels.units import (
    activity_penalty,
    bilinear_grad,
    bilinear_out,
    glu,
    glu_grad,
    maxout,
    maxout_grad,
    prelu,
    prelu_grad,
    prelu_param_grad,
)

__all__ = [
    "matmul",
    "column_sum",
    "dense_forward",
    "dense_backward",
    "linear",
    "linear_grad",
    "relu",
    "relu_grad",
    "leaky_relu",
    "leaky_relu_grad",
    "elu",
    "elu_grad",
    "gelu",
    "gelu_grad",
    "sigmoid",
    "sigmoid_grad",
    "tanh",
    "tanh_grad",
    "softmax",
    "softmax_grad",
    "silu",
    "silu_grad",
    "softplus",
    "softplus_grad",
    "exp",
    "exp_grad",
    "mean_squared_error",
    "mean_squared_error_grad",
    "mean_absolute_error",
    "mean_absolute_error_grad",
    "huber",
    "huber_grad",
    "binary_crossentropy",
    "binary_crossentropy_grad",
    "categorical_crossentropy",
    "categorical_crossentropy_grad",
    "sparse_categorical_crossentropy",
    "sparse_categorical_crossentropy_grad",
    "sgd_step",
    "adam_step",
    "adamw_step",
    "add_to",
    "combine",
    "combine_grad",
    "copy_columns",
    "add_columns",
    "affine_columns",
    "affine_back",
    "layer_norm",
    "layer_norm_grad",
    "layer_norm_param_grad",
    "layer_norm_backward",
    "column_moments",
    "batch_norm",
    "batch_norm_sums",
    "batch_norm_grad",
    "dropout",
    "alpha_dropout",
    "gaussian_dropout",
    "gaussian_noise",
    "noise_grad",
    "prelu",
    "prelu_grad",
    "prelu_param_grad",
    "maxout",
    "maxout_grad",
    "glu",
    "glu_grad",
    "bilinear_out",
    "bilinear_grad",
    "activity_penalty",
    "embedding",
    "embedding_grad",
    "csr_dense",
    "csr_dense_grad",
]
