"""Losses: frozen specs; the numbers are in `fastnn.kernels`.

Every loss is a mean, weighted if samples are.  Most are means over rows and columns; those that
judge a row as a whole are means over rows: the categorical ones, kl_divergence, cosine_similarity,
margin_ranking and a person's own (`custom`).
"""

from __future__ import annotations

from fastnn._spec import resolve
from fastnn.losses.base import Loss
from fastnn.losses.crossentropy import (
    BinaryCrossentropy,
    BinaryFocalCrossentropy,
    CategoricalCrossentropy,
    CategoricalFocalCrossentropy,
    KLDivergence,
    SparseCategoricalCrossentropy,
)
from fastnn.losses.distributions import Gamma, GaussianNLL, Poisson, Tweedie
from fastnn.losses.margins import (
    CategoricalHinge,
    CosineSimilarity,
    Hinge,
    MarginRanking,
    SoftMargin,
    SquaredHinge,
)
from fastnn.losses.own import FunctionLoss, custom
from fastnn.losses.regression import (
    Huber,
    LogCosh,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    Quantile,
)

__all__ = [
    "BinaryCrossentropy",
    "BinaryFocalCrossentropy",
    "CategoricalCrossentropy",
    "CategoricalFocalCrossentropy",
    "CategoricalHinge",
    "CosineSimilarity",
    "FunctionLoss",
    "Gamma",
    "GaussianNLL",
    "Hinge",
    "Huber",
    "KLDivergence",
    "LogCosh",
    "Loss",
    "MarginRanking",
    "MeanAbsoluteError",
    "MeanAbsolutePercentageError",
    "MeanSquaredError",
    "MeanSquaredLogarithmicError",
    "Poisson",
    "Quantile",
    "SoftMargin",
    "SparseCategoricalCrossentropy",
    "SquaredHinge",
    "Tweedie",
    "check_head",
    "custom",
    "get",
]

Loss.table = {
    cls.tag: cls
    for cls in (
        MeanSquaredError,
        MeanAbsoluteError,
        Huber,
        BinaryCrossentropy,
        CategoricalCrossentropy,
        SparseCategoricalCrossentropy,
        MeanAbsolutePercentageError,
        MeanSquaredLogarithmicError,
        LogCosh,
        Quantile,
        GaussianNLL,
        Poisson,
        Gamma,
        Tweedie,
        BinaryFocalCrossentropy,
        CategoricalFocalCrossentropy,
        KLDivergence,
        Hinge,
        SquaredHinge,
        CategoricalHinge,
        SoftMargin,
        CosineSimilarity,
        MarginRanking,
    )
} | {
    "mse": MeanSquaredError,
    "mae": MeanAbsoluteError,
    "mape": MeanAbsolutePercentageError,
    "msle": MeanSquaredLogarithmicError,
    "logcosh": LogCosh,
    "pinball": Quantile,
    "bce": BinaryCrossentropy,
    "cce": CategoricalCrossentropy,
    "scce": SparseCategoricalCrossentropy,
    "kld": KLDivergence,
}


_FOCAL = (BinaryFocalCrossentropy, CategoricalFocalCrossentropy)


def get(loss: object, where: str = "Trainer") -> Loss:
    """Return the loss that a name, a spec or a config stands for.

    Parameters
    ----------
    loss : str, Loss or mapping
    where : str
        Who asks; begins the message of an error.

    Raises
    ------
    TypeError
        If it is none of these.
    ValueError
        If the name is unknown; the message gives the nearest.

    Examples
    --------
    >>> get("mse").name
    'mean_squared_error'
    """
    try:
        return resolve(Loss, loss, where)
    except TypeError as error:
        if callable(loss) and not isinstance(loss, type):
            raise TypeError(f"{error}; a function goes in FunctionLoss(function)") from None
        raise


def check_head(loss: Loss, output_activation_name: str, outputs: int) -> bool:
    """Tell whether `loss` works from the values before the network's last activation.

    Parameters
    ----------
    loss : Loss
    output_activation_name : str
        The activation of the network's output.
    outputs : int
        How many columns the output has.

    Returns
    -------
    bool
        True if the loss's kernel is to be given logits and applies ``loss.fuses`` itself (the last
        activation of the network is that one, or linear); False if it takes the output as it is.

    Raises
    ------
    ValueError
        If loss and output do not fit; the message names the fix.

    Examples
    --------
    >>> check_head(get("bce"), "sigmoid", 1), check_head(get("mse"), "linear", 1)
    (True, False)
    >>> check_head(get("bce"), "linear", 1)
    Traceback (most recent call last):
        ...
    ValueError: binary_crossentropy: the output activation is 'linear', want 'sigmoid'; give the \
last layer activation="sigmoid", or use BinaryCrossentropy(from_logits=True)
    """
    loss.check_outputs(outputs, output_activation_name)
    if loss.fuses is None:
        return False
    if loss.fuses == "softmax" and outputs < 2:
        raise ValueError(
            f"{loss.name}: got {outputs} output column, want at least 2 (one for each class); "
            f"use binary_crossentropy with a sigmoid, or 2 outputs"
        )
    name = type(loss).__name__
    want = "linear" if loss.from_logits else loss.fuses
    if output_activation_name == want:
        return True
    problem = f"{loss.name}: the output activation is {output_activation_name!r}, want {want!r}"
    if loss.from_logits:
        problem += " because of from_logits=True"
        fix = "give the last layer no activation"
        if output_activation_name == loss.fuses:
            fix += f", or use {name}(from_logits=False)"
    else:
        fix = f'give the last layer activation="{loss.fuses}"'
        if output_activation_name == "linear":
            fix += f", or use {name}(from_logits=True)"
        elif output_activation_name in ("softmax", "sigmoid"):
            other = "categorical" if output_activation_name == "softmax" else "binary"
            focal = "focal_" if isinstance(loss, _FOCAL) else ""
            fix += f", or use {other}_{focal}crossentropy"
    raise ValueError(f"{problem}; {fix}")
