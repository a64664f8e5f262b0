"""Probabilities of classes, also from logits."""

from __future__ import annotations

from typing import Any

from fastnn._spec import check_bool, check_float
from fastnn.losses.base import FromLogits

__all__ = [
    "BinaryCrossentropy",
    "BinaryFocalCrossentropy",
    "CategoricalCrossentropy",
    "CategoricalFocalCrossentropy",
    "KLDivergence",
    "SparseCategoricalCrossentropy",
    "Crossentropy",
]


class Crossentropy(FromLogits):
    """A crossentropy, with smoothed labels if asked for."""

    __slots__ = ("label_smoothing",)
    label_smoothing: float

    def __init__(self, from_logits: bool = False, label_smoothing: float = 0.0) -> None:
        super().__init__(from_logits)
        self._set_smoothing(label_smoothing)

    def _set_smoothing(self, label_smoothing: float) -> None:
        where = type(self).__name__
        value = check_float(where, "label_smoothing", label_smoothing, at_least=0)
        if value > 1:
            raise ValueError(f"{where}: label_smoothing must be within 0 and 1, got {value}")
        self._set(label_smoothing=value)

    @property
    def settings(self) -> dict[str, Any]:
        """The numbers that the kernel takes."""
        return {"smoothing": self.label_smoothing}


class BinaryCrossentropy(Crossentropy):
    """``-(y log p + (1 - y) log(1 - p))`` for targets within [0, 1]; on k columns, k labels.

    Parameters
    ----------
    from_logits : bool, default False
        False: the network ends in a sigmoid.  True: it ends in a linear layer.  The kernel works
        from the values before the sigmoid either way, so no logarithm of 0 is ever taken.
    label_smoothing : float, default 0.0
        s within 0 and 1: a target y counts as ``y * (1 - s) + s / 2``, as in Keras.

    Examples
    --------
    >>> BinaryCrossentropy(from_logits=True)
    BinaryCrossentropy(from_logits=True)
    """

    __slots__ = ()
    tag = "binary_crossentropy"
    kind = 3
    fuses = "sigmoid"


class CategoricalCrossentropy(Crossentropy):
    """``-sum(y * log(p))`` over the columns, for targets that are distributions (one-hot rows).

    Parameters
    ----------
    from_logits : bool, default False
        False: the network ends in a softmax.  True: it ends in a linear layer.
    label_smoothing : float, default 0.0
        s within 0 and 1: with k classes a target y counts as ``y * (1 - s) + s / k``.

    Examples
    --------
    >>> CategoricalCrossentropy().fuses
    'softmax'
    """

    __slots__ = ()
    tag = "categorical_crossentropy"
    kind = 4
    fuses = "softmax"


class SparseCategoricalCrossentropy(Crossentropy):
    """``-log(p[y])`` for targets that are class numbers from 0.

    Parameters
    ----------
    from_logits : bool, default False
        False: the network ends in a softmax.  True: it ends in a linear layer.
    label_smoothing : float, default 0.0
        s within 0 and 1: as for `CategoricalCrossentropy` with one-hot rows.

    Examples
    --------
    >>> SparseCategoricalCrossentropy().integer_labels
    True
    """

    __slots__ = ()
    tag = "sparse_categorical_crossentropy"
    kind = 5
    fuses = "softmax"
    integer_labels = True


class BinaryFocalCrossentropy(Crossentropy):
    """Binary crossentropy times ``(1 - p_t)**gamma``, with p_t the probability of the right answer.

    What is right already counts for less.  Arguments and their defaults are those of Keras.

    Parameters
    ----------
    apply_class_balancing : bool, default False
        Whether targets of 1 weigh `alpha` and targets of 0 weigh 1 - alpha.
    alpha : float, default 0.25
        Within 0 and 1.
    gamma : float, default 2.0
        At least 0; 0 is the binary crossentropy.
    from_logits : bool, default False
        False: the network ends in a sigmoid.  True: it ends in a linear layer.
    label_smoothing : float, default 0.0
        As for `BinaryCrossentropy`.

    References
    ----------
    Lin, Goyal, Girshick, He and Dollar (2017), Focal loss for dense object detection,
    arXiv:1708.02002.

    Examples
    --------
    >>> BinaryFocalCrossentropy(gamma=1).gamma
    1.0
    """

    __slots__ = ("alpha", "apply_class_balancing", "gamma")
    tag = "binary_focal_crossentropy"
    kind = 14
    fuses = "sigmoid"
    apply_class_balancing: bool
    alpha: float
    gamma: float

    def __init__(
        self,
        apply_class_balancing: bool = False,
        alpha: float = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(from_logits, label_smoothing)
        where = type(self).__name__
        self._set(
            apply_class_balancing=check_bool(where, "apply_class_balancing", apply_class_balancing),
            alpha=check_float(where, "alpha", alpha, at_least=0),
            gamma=check_float(where, "gamma", gamma, at_least=0),
        )
        if self.alpha > 1:
            raise ValueError(f"{where}: alpha must be within 0 and 1, got {self.alpha}")

    @property
    def settings(self) -> dict[str, Any]:
        """The numbers that the kernel takes."""
        return {
            "balance": self.apply_class_balancing,
            "alpha": self.alpha,
            "gamma": self.gamma,
            "smoothing": self.label_smoothing,
        }


class CategoricalFocalCrossentropy(Crossentropy):
    """``-alpha * sum(y * (1 - p)**gamma * log(p))`` over the columns.

    Arguments and their defaults are those of Keras; mind that alpha scales the whole loss.

    Parameters
    ----------
    alpha : float, default 0.25
        Above 0.
    gamma : float, default 2.0
        At least 0.
    from_logits : bool, default False
        False: the network ends in a softmax.  True: it ends in a linear layer.
    label_smoothing : float, default 0.0
        As for `CategoricalCrossentropy`.

    References
    ----------
    Lin, Goyal, Girshick, He and Dollar (2017), Focal loss for dense object detection,
    arXiv:1708.02002.

    Examples
    --------
    >>> CategoricalFocalCrossentropy(alpha=1.0)
    CategoricalFocalCrossentropy(alpha=1.0)
    """

    __slots__ = ("alpha", "gamma")
    tag = "categorical_focal_crossentropy"
    kind = 15
    fuses = "softmax"
    alpha: float
    gamma: float

    def __init__(
        self,
        alpha: float = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(from_logits, label_smoothing)
        where = type(self).__name__
        self._set(
            alpha=check_float(where, "alpha", alpha, above=0),
            gamma=check_float(where, "gamma", gamma, at_least=0),
        )

    @property
    def settings(self) -> dict[str, Any]:
        """The numbers that the kernel takes."""
        return {"alpha": self.alpha, "gamma": self.gamma, "smoothing": self.label_smoothing}


class KLDivergence(FromLogits):
    """``sum(y * (log(y) - log(p)))`` over the columns, for targets that are distributions.

    Its gradient is that of the categorical crossentropy; its value is 0 where p = y.

    Parameters
    ----------
    from_logits : bool, default False
        False: the network ends in a softmax.  True: it ends in a linear layer.

    Examples
    --------
    >>> from fastnn.losses import get
    >>> get("kld").name
    'kl_divergence'
    """

    __slots__ = ()
    tag = "kl_divergence"
    kind = 16
    fuses = "softmax"
