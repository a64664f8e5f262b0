"""Graphs whose losses and gradients are stored as PyTorch gave them: see torch_numbers.py.

Parameters and rows are sines, so that no numbers need to be stored for them.
"""

from __future__ import annotations

import numpy as np

from reference.graphs import Recipe, Step

ROWS = 4


def dense(x, units, activation="linear", use_bias=True):
    return Step("dense", (x,), {"units": units, "activation": activation, "use_bias": use_bias})


# name: (recipe, loss); tensors are numbered as in reference.graphs
GRAPHS = {
    "residual with layer norm": (
        Recipe(
            (3,),
            [
                dense(0, 4, "gelu"),
                Step("layer_norm", (1,), {"epsilon": 1e-3}),
                dense(2, 4, "silu"),
                Step("add", (1, 3)),
                dense(4, 2),
            ],
            (5,),
            0,
        ),
        "mean_squared_error",
    ),
    "batch norm, first and hidden": (
        Recipe(
            (3,),
            [
                Step("batch_norm", (0,), {"epsilon": 1e-3}),
                dense(1, 4, "tanh", use_bias=False),
                Step("batch_norm", (2,), {"epsilon": 0.05}),
                Step("activation", (3,), {"activation": "elu"}),
                dense(4, 3),
            ],
            (5,),
            0,
        ),
        "sparse_categorical_crossentropy",
    ),
    "wide and deep": (
        Recipe(
            (4,),
            [
                dense(0, 3, "softplus"),
                Step("rms_norm", (1,), {"epsilon": 1e-3}),
                Step("maxout", (2,), {"units": 2, "pieces": 3}),
                Step("concat", (0, 3)),
                Step("prelu", (4,)),
                dense(5, 2),
            ],
            (6,),
            0,
        ),
        "binary_crossentropy",
    ),
    "factors": (
        Recipe(
            (5,),
            [
                Step("split", (0,), {"sizes": (2, 3)}),
                Step("bilinear", (1, 2), {"units": 3}),
                dense(2, 3, "sigmoid"),
                Step("multiply", (3, 4)),
                Step("maximum", (5, 3)),
                Step("activity", (6,), {"l1": 0.3, "l2": 0.2}),
                Step("normalization", (7,), {"invert": True}),
                dense(8, 2, "softmax"),
            ],
            (9,),
            0,
        ),
        "huber",
    ),
    "a shared layer": (
        Recipe(
            (3,),
            [
                dense(0, 3, "tanh"),
                Step("again", (1,), {"of": 0}),
                Step("average", (1, 2, 0)),
                Step("subtract", (3, 2)),
                dense(4, 3),
            ],
            (5,),
            0,
        ),
        "categorical_crossentropy",
    ),
}


def sines(shape, shift):
    size = int(np.prod(shape))
    return np.sin(1.3 * np.arange(size) + shift).reshape(shape)


def fill(model):
    """Set the parameters."""
    for k, view in enumerate(model.parameters.values()):
        view[...] = sines(view.shape, k)


def rows(recipe, loss, outputs):
    """Inputs and targets."""
    xs = [sines((ROWS, cols), 10.0 + k) for k, cols in enumerate(recipe.inputs)]
    y = sines((ROWS, outputs), 20.0)
    if loss == "sparse_categorical_crossentropy":
        y = np.arange(ROWS) % outputs
    elif loss == "categorical_crossentropy":
        y = y**2 / (y**2).sum(axis=1, keepdims=True)
    elif loss == "binary_crossentropy":
        y = y**2
    return xs, y
