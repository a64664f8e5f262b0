"""Losses: frozen specs; the numbers are in `fastnn.kernels`.

Every loss is the mean over rows (the first four also over columns), weighted if samples are.
"""

from __future__ import annotations

from typing import ClassVar

from fastnn._spec import Spec, check_bool, check_float, resolve

__all__ = [
    "BinaryCrossentropy",
    "CategoricalCrossentropy",
    "Huber",
    "Loss",
    "MeanAbsoluteError",
    "MeanSquaredError",
    "SparseCategoricalCrossentropy",
    "check_head",
    "get",
]


class Loss(Spec):
    """Base of the losses.

    Attributes
    ----------
    kind : int
        Number of the kernel, as in csrc/include/fastnn/loss.h.
    name : str
    param : float
        Huber's delta; 0 for the others.
    from_logits : bool
        Whether the network's output comes before the activation the loss would fuse with.
    fuses : {None, "sigmoid", "softmax"}
        The output activation that the loss's kernel applies itself.
    integer_labels : bool
        Whether targets are class numbers, one a row.
    """

    __slots__ = ()
    kind: ClassVar[int]
    fuses: ClassVar[str | None] = None
    integer_labels: ClassVar[bool] = False

    @property
    def name(self) -> str:
        """The name in messages, files and result keys."""
        return self.tag

    @property
    def param(self) -> float:
        """The number that the kernel takes."""
        return 0.0

    @property
    def from_logits(self) -> bool:
        """Whether the output comes before the activation to fuse with."""
        return False


class MeanSquaredError(Loss):
    """``mean((p - y)**2)``, without a factor 1/2."""

    __slots__ = ()
    tag = "mean_squared_error"
    kind = 0


class MeanAbsoluteError(Loss):
    """``mean(abs(p - y))``; its derivative at 0 is 0."""

    __slots__ = ()
    tag = "mean_absolute_error"
    kind = 1


class Huber(Loss):
    """``e**2 / 2`` where ``abs(e) <= delta``, else ``delta * (abs(e) - delta / 2)``; e = p - y.

    Parameters
    ----------
    delta : float, default 1.0
        Where the parabola turns into lines; finite and above 0.

    References
    ----------
    Huber (1964), Robust estimation of a location parameter, Annals of Mathematical Statistics 35.

    Examples
    --------
    >>> Huber(delta=2).param
    2.0
    """

    __slots__ = ("delta",)
    tag = "huber"
    kind = 2
    delta: float

    def __init__(self, delta: float = 1.0) -> None:
        self._set(delta=check_float(type(self).__name__, "delta", delta, above=0))

    @property
    def param(self) -> float:
        """The number that the kernel takes: delta."""
        return self.delta


class _Crossentropy(Loss):
    __slots__ = ("from_logits",)
    from_logits: bool

    def __init__(self, from_logits: bool = False) -> None:
        self._set(from_logits=check_bool(type(self).__name__, "from_logits", from_logits))


class BinaryCrossentropy(_Crossentropy):
    """``-(y log p + (1 - y) log(1 - p))`` for targets within [0, 1]; on k columns, k labels.

    Parameters
    ----------
    from_logits : bool, default False
        False: the network ends in a sigmoid.  True: it ends in a linear layer.  The kernel works
        from the values before the sigmoid either way, so no logarithm of 0 is ever taken.

    Examples
    --------
    >>> BinaryCrossentropy(from_logits=True)
    BinaryCrossentropy(from_logits=True)
    """

    __slots__ = ()
    tag = "binary_crossentropy"
    kind = 3
    fuses = "sigmoid"


class CategoricalCrossentropy(_Crossentropy):
    """``-sum(y * log(p))`` over the columns, for targets that are distributions (one-hot rows).

    Parameters
    ----------
    from_logits : bool, default False
        False: the network ends in a softmax.  True: it ends in a linear layer.

    Examples
    --------
    >>> CategoricalCrossentropy().fuses
    'softmax'
    """

    __slots__ = ()
    tag = "categorical_crossentropy"
    kind = 4
    fuses = "softmax"


class SparseCategoricalCrossentropy(_Crossentropy):
    """``-log(p[y])`` for targets that are class numbers from 0.

    Parameters
    ----------
    from_logits : bool, default False
        False: the network ends in a softmax.  True: it ends in a linear layer.

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


Loss.table = {
    cls.tag: cls
    for cls in (
        MeanSquaredError,
        MeanAbsoluteError,
        Huber,
        BinaryCrossentropy,
        CategoricalCrossentropy,
        SparseCategoricalCrossentropy,
    )
} | {
    "mse": MeanSquaredError,
    "mae": MeanAbsoluteError,
    "bce": BinaryCrossentropy,
    "cce": CategoricalCrossentropy,
    "scce": SparseCategoricalCrossentropy,
}


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
    return resolve(Loss, loss, where)


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
        True if the loss's kernel is to be given logits and applies `loss.fuses` itself (the last
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
        elif output_activation_name == "softmax":
            fix += ", or use categorical_crossentropy"
        elif output_activation_name == "sigmoid":
            fix += ", or use binary_crossentropy"
    raise ValueError(f"{problem}; {fix}")
