"""What a network is to learn: its loss, the columns of its outputs, what they stand for.

Networks end in logits, and their losses take logits; what turns those into probabilities or means
is applied to float64 afterwards (`activate`), so that probabilities sum to one.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import expit, softmax

from fastnn import losses
from fastnn._spec import describe, lookup
from fastnn.losses import Loss

__all__ = ["Goal", "activate", "classification_goal", "regression_goal"]

Array = npt.NDArray[Any]
MOST_PER_TARGET = 128  # outputs that a loss may want for a target: as many as quantiles


class Goal(NamedTuple):
    """What a network is to learn.

    Attributes
    ----------
    loss : Loss
    weight : float
        What the loss is multiplied by: fastnn's losses are means over columns, those of
        scikit-learn are sums (as their gradients show), and its squared error is halved.
    units : tuple of int
        Columns of each output of the network; more than one for several questions of classes.
    out_activation : str
        What turns the network's outputs into predictions, by scikit-learn's name.
    last : str
        Activation of the network's last layer.
    """

    loss: Loss
    weight: float
    units: tuple[int, ...]
    out_activation: str
    last: str = "linear"


def regression_goal(loss: object, targets: int, where: str) -> Goal:
    """Return what a regressor learns."""
    if loss == "squared_error":
        return Goal(losses.MeanSquaredError(), 0.5 * targets, (targets,), "identity")
    if loss == "poisson":
        return Goal(losses.Poisson(log_input=True), float(targets), (targets,), "exp")
    found = _loss_of(loss, "squared_error", where)
    if found.fuses is not None or found.takes == "signs" or found.integer_labels:
        raise ValueError(f"{where}: {found.name} is a loss of classes; want one of numbers")
    units = next(
        (
            n
            for n in range(targets, MOST_PER_TARGET * targets + 1, targets)
            if _fits(found, n, targets)
        ),
        None,
    )
    if units is None:
        raise ValueError(f"{where}: {found.name} takes no {targets} targets")
    if hasattr(found, "log_input"):
        return Goal(found.replace(log_input=True), 1.0, (units,), "exp")
    if isinstance(found, losses.MeanSquaredLogarithmicError):  # its outputs must be positive
        return Goal(found, 1.0, (units,), "identity", "softplus")
    return Goal(found, 1.0, (units,), "identity")


def _loss_of(loss: object, default: str, where: str) -> Loss:
    """Return one of fastnn's losses; an unknown name is held against scikit-learn's too."""
    if isinstance(loss, str):
        lookup("loss", loss, {default: None, **Loss.table}, where)
    return losses.get(loss, where)


def _fits(loss: Loss, units: int, targets: int) -> bool:
    try:
        return loss.target_columns(units) == targets
    except ValueError:
        return False


def classification_goal(loss: object, kind: str, classes: list[int], where: str) -> Goal:
    """Return what a classifier learns.

    Parameters
    ----------
    loss : str or Loss
    kind : {"binary", "multiclass", "multilabel", "multioutput"}
    classes : list of int
        Of each question: labels are questions of two classes each.
    where : str
    """
    if loss == "log_loss":
        if kind in ("binary", "multilabel"):
            found: Loss = losses.BinaryCrossentropy(from_logits=True)
            return Goal(found, float(len(classes)), (len(classes),), "logistic")
        found = losses.SparseCategoricalCrossentropy(from_logits=True)
        return Goal(found, 1.0, tuple(classes), "softmax")
    found = _loss_of(loss, "log_loss", where)
    if found.fuses is not None and not found.from_logits:
        found = found.replace(from_logits=True)
    if found.fuses == "sigmoid" or found.takes == "signs":
        if kind not in ("binary", "multilabel"):
            raise ValueError(
                f"{where}: {found.name} is a loss of two classes, y is {kind}; "
                f'loss="log_loss" takes either'
            )
        return Goal(
            found, 1.0, (len(classes),), "logistic" if found.fuses is not None else "identity"
        )
    if found.fuses == "softmax" or isinstance(found, losses.CategoricalHinge):
        if kind == "multilabel":
            raise ValueError(
                f"{where}: {found.name} chooses one class, y has several labels; "
                f'loss="log_loss" takes either'
            )
        return Goal(
            found, 1.0, tuple(classes), "softmax" if found.fuses is not None else "identity"
        )
    raise ValueError(
        f"{where}: {found.name} is no loss of classes; want 'log_loss', or a crossentropy or hinge "
        f"of fastnn.losses, got {describe(loss)}"
    )


def activate(logits: npt.NDArray[np.float64], name: str) -> npt.NDArray[np.float64]:
    """Return what the logits of one output stand for."""
    if name == "logistic":
        return np.asarray(expit(logits))
    if name == "softmax":
        return np.asarray(softmax(logits, axis=1))
    return np.exp(logits) if name == "exp" else logits
