"""Layers: frozen specs that answer questions about shape and say what ops they become.

The model owns the arrays.  A layer may be called on symbolic tensors, which makes a graph:

>>> import fastnn as fnn
>>> x = fnn.Input(7)
>>> h = fnn.Dense(32, "relu")(x)
>>> model = fnn.Model(x, fnn.Dense(1)(fnn.Concatenate()([x, h])), seed=0)
>>> model.outputs
1
"""

from __future__ import annotations

from fastnn.layers.base import Input, Layer, Weight
from fastnn.layers.base import Units as Units
from fastnn.layers.base import _check_name as _check_name
from fastnn.layers.dense import Activation, Bilinear, Dense, Maxout
from fastnn.layers.functions import ActivityRegularization, Lambda
from fastnn.layers.lookup import Embedding
from fastnn.layers.merging import (
    Add,
    Average,
    Concatenate,
    Flatten,
    Maximum,
    Multiply,
    Split,
    Subtract,
)
from fastnn.layers.noise import AlphaDropout, Dropout, GaussianDropout, GaussianNoise
from fastnn.layers.normalization import (
    BatchNormalization,
    LayerNormalization,
    Normalization,
    RMSNormalization,
)
from fastnn.layers.normalization import scales as scales
from fastnn.layers.prelu import PReLU

__all__ = [
    "Activation",
    "ActivityRegularization",
    "Add",
    "AlphaDropout",
    "Average",
    "BatchNormalization",
    "Bilinear",
    "Concatenate",
    "Dense",
    "Dropout",
    "Embedding",
    "Flatten",
    "GaussianDropout",
    "GaussianNoise",
    "Input",
    "Lambda",
    "Layer",
    "LayerNormalization",
    "Maximum",
    "Maxout",
    "Multiply",
    "Normalization",
    "PReLU",
    "RMSNormalization",
    "Split",
    "Subtract",
    "Weight",
]


Layer.table = {
    cls.tag: cls
    for cls in (
        Input,
        Dense,
        Activation,
        Dropout,
        AlphaDropout,
        GaussianDropout,
        GaussianNoise,
        BatchNormalization,
        LayerNormalization,
        RMSNormalization,
        Embedding,
        Normalization,
        PReLU,
        Maxout,
        Bilinear,
        Add,
        Subtract,
        Multiply,
        Average,
        Maximum,
        Concatenate,
        Split,
        Flatten,
        Lambda,
        ActivityRegularization,
    )
}
