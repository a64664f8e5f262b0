"""The activation that has a trained parameter for each column."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastnn import initializers
from fastnn._spec import check_bool
from fastnn.layers.base import Layer, Units, Weight, _check_name

if TYPE_CHECKING:
    from fastnn.lowering import Lowering

__all__ = ["PReLU"]


class PReLU(Layer):
    """``x`` where x > 0, else ``alpha * x`` with an alpha for each column, which is trained.

    Parameters
    ----------
    alpha_initializer : str, Initializer, array or callable
        By default "zeros", as in Keras.
    trainable : bool, default True
    name : str, optional

    References
    ----------
    He, Zhang, Ren and Sun (2015), Delving deep into rectifiers, arXiv:1502.01852.

    Examples
    --------
    >>> PReLU().parameter_shapes(4)
    {'alpha': (4,)}
    """

    __slots__ = ("alpha_initializer", "trainable")
    tag = "prelu"
    alpha_initializer: initializers.Initializer
    trainable: bool

    def __init__(
        self,
        alpha_initializer: str | initializers.Initializer = "zeros",
        *,
        trainable: bool = True,
        name: str | None = None,
    ) -> None:
        who = type(self).__name__
        self._set(
            alpha_initializer=initializers.get(alpha_initializer, who),
            trainable=check_bool(who, "trainable", trainable),
            name=_check_name(who, name),
        )

    def weights(self, units: Units) -> dict[str, Weight]:
        """Return alpha."""
        return {"alpha": Weight(units, self.alpha_initializer)}

    def lower(self, to: Lowering, inputs: Units) -> Units:
        """Add one op."""
        return (to.prelu(inputs[0], to.at("alpha")),)
