"""Normalization: by moments of a batch, of a row, or of data that was there before."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt

from fastnn import initializers
from fastnn._spec import check_bool, check_float, describe
from fastnn.layers.base import Layer, Units, Weight, _check_name

if TYPE_CHECKING:
    from fastnn.lowering import Lowering

__all__ = [
    "BatchNormalization",
    "LayerNormalization",
    "Normalization",
    "RMSNormalization",
    "scales",
]


class BatchNormalization(Layer):
    """Normalizes each column by mean and variance: of the batch in training, else moving ones.

    ``out = gamma * (x - mean) / sqrt(variance + epsilon) + beta``.  After each step of a training
    ``moving = momentum * moving + (1 - momentum) * batch``; both variances are biased (divided by
    the number of rows), as in Keras.  Sample weights do not enter the moments.

    Parameters
    ----------
    momentum : float, default 0.99
        Within [0, 1).
    epsilon : float, default 1e-3
        Above 0.
    center, scale : bool, default True
        Whether there are beta and gamma.
    trainable : bool, default True
        Whether training changes beta and gamma; the moments move in any case.
    name : str, optional

    Notes
    -----
    A training step takes its whole batch at once through such a layer.

    References
    ----------
    Ioffe and Szegedy (2015), Batch normalization, arXiv:1502.03167.

    Examples
    --------
    >>> BatchNormalization().parameter_shapes(3)
    {'gamma': (3,), 'beta': (3,)}
    """

    __slots__ = ("center", "epsilon", "momentum", "scale", "trainable")
    tag = "batch_normalization"
    momentum: float
    epsilon: float
    center: bool
    scale: bool
    trainable: bool

    def __init__(
        self,
        momentum: float = 0.99,
        epsilon: float = 1e-3,
        *,
        center: bool = True,
        scale: bool = True,
        trainable: bool = True,
        name: str | None = None,
    ) -> None:
        who = type(self).__name__
        self._set(
            momentum=check_float(who, "momentum", momentum, at_least=0, below=1),
            epsilon=check_float(who, "epsilon", epsilon, at_least=1e-30),
            center=check_bool(who, "center", center),
            scale=check_bool(who, "scale", scale),
            trainable=check_bool(who, "trainable", trainable),
            name=_check_name(who, name),
        )

    def weights(self, units: Units) -> dict[str, Weight]:
        """Return gamma, beta and the moving moments."""
        zeros, ones = initializers.get("zeros"), initializers.get("ones")
        found = {}
        if self.scale:
            found["gamma"] = Weight(units, ones)
        if self.center:
            found["beta"] = Weight(units, zeros)
        found["moving_mean"] = Weight(units, zeros, trained=False)
        found["moving_variance"] = Weight(units, ones, trained=False)
        return found

    def lower(self, to: Lowering, inputs: Units) -> Units:
        """Add one op."""
        return (to.batch_norm(inputs[0], self.epsilon, self.momentum),)


class LayerNormalization(Layer):
    """Normalizes each row: ``gamma * (x - mean) / sqrt(variance + epsilon) + beta``.

    Parameters
    ----------
    epsilon : float, default 1e-3
        Above 0.
    center, scale : bool, default True
        Whether there are beta and gamma.
    trainable : bool, default True
    name : str, optional

    References
    ----------
    Ba, Kiros and Hinton (2016), Layer normalization, arXiv:1607.06450.

    Examples
    --------
    >>> LayerNormalization(center=False).parameter_shapes(3)
    {'gamma': (3,)}
    """

    __slots__ = ("center", "epsilon", "scale", "trainable")
    tag = "layer_normalization"
    epsilon: float
    center: bool
    scale: bool
    trainable: bool

    def __init__(
        self,
        epsilon: float = 1e-3,
        *,
        center: bool = True,
        scale: bool = True,
        trainable: bool = True,
        name: str | None = None,
    ) -> None:
        who = type(self).__name__
        self._set(
            epsilon=check_float(who, "epsilon", epsilon, at_least=1e-30),
            center=check_bool(who, "center", center),
            scale=check_bool(who, "scale", scale),
            trainable=check_bool(who, "trainable", trainable),
            name=_check_name(who, name),
        )

    def weights(self, units: Units) -> dict[str, Weight]:
        """Return gamma and beta."""
        found = {}
        if self.scale:
            found["gamma"] = Weight(units, initializers.get("ones"))
        if self.center:
            found["beta"] = Weight(units, initializers.get("zeros"))
        return found

    def lower(self, to: Lowering, inputs: Units) -> Units:
        """Add one op."""
        return (to.layer_norm(inputs[0], self.epsilon, rms=False),)


class RMSNormalization(Layer):
    """Normalizes each row by its root mean square: ``gamma * x / sqrt(mean(x**2) + epsilon)``.

    Parameters
    ----------
    epsilon : float, default 1e-6
        Above 0.
    trainable : bool, default True
    name : str, optional

    References
    ----------
    Zhang and Sennrich (2019), Root mean square layer normalization, arXiv:1910.07467.

    Examples
    --------
    >>> RMSNormalization().parameter_shapes(3)
    {'gamma': (3,)}
    """

    __slots__ = ("epsilon", "trainable")
    tag = "rms_normalization"
    epsilon: float
    trainable: bool

    def __init__(
        self, epsilon: float = 1e-6, *, trainable: bool = True, name: str | None = None
    ) -> None:
        who = type(self).__name__
        self._set(
            epsilon=check_float(who, "epsilon", epsilon, at_least=1e-30),
            trainable=check_bool(who, "trainable", trainable),
            name=_check_name(who, name),
        )

    def weights(self, units: Units) -> dict[str, Weight]:
        """Return gamma."""
        return {"gamma": Weight(units, initializers.get("ones"))}

    def lower(self, to: Lowering, inputs: Units) -> Units:
        """Add one op."""
        return (to.layer_norm(inputs[0], self.epsilon, rms=True),)


class Normalization(Layer):
    """Shifts and scales columns to mean 0 and variance 1, by moments that data gave.

    Parameters
    ----------
    mean, variance : sequence of float, optional
        Of each column; `adapt` finds them.  Without them the layer changes nothing until
        ``model.adapt(x, y)`` has been called.
    invert : bool, default False
        The other way: ``x * sqrt(variance) + mean``.  As the last layer, adapted to the targets,
        it gives predictions in the targets' units.
    name : str, optional

    Examples
    --------
    >>> layer = Normalization().adapt([[1.0], [3.0]])
    >>> layer.mean, layer.variance
    ((2.0,), (1.0,))
    """

    __slots__ = ("invert", "mean", "variance")
    tag = "normalization"
    mean: tuple[float, ...] | None
    variance: tuple[float, ...] | None
    invert: bool

    def __init__(
        self,
        mean: Sequence[float] | None = None,
        variance: Sequence[float] | None = None,
        *,
        invert: bool = False,
        name: str | None = None,
    ) -> None:
        who = type(self).__name__
        if (mean is None) != (variance is None):
            raise ValueError(f"{who}: give mean and variance, or neither")
        found: dict[str, tuple[float, ...] | None] = {"mean": None, "variance": None}
        for key, value in (("mean", mean), ("variance", variance)):
            if value is not None:
                numbers = np.atleast_1d(np.asarray(value))
                if numbers.ndim != 1 or numbers.dtype.kind not in "fiub":
                    raise TypeError(
                        f"{who}: {key} must be a number for each column, got {describe(value)}"
                    )
                low = {"at_least": 0.0} if key == "variance" else {}
                found[key] = tuple(check_float(who, key, one, **low) for one in numbers)
        if found["mean"] and found["variance"] and len(found["mean"]) != len(found["variance"]):
            raise ValueError(f"{who}: mean and variance differ in length")
        self._set(**found, invert=check_bool(who, "invert", invert), name=_check_name(who, name))

    def adapt(self, x: npt.ArrayLike | Iterable[Any]) -> Self:
        """Take mean and variance of the columns of `x`; a model built afterwards has them.

        This is the one thing that changes a layer after it was made, so that
        ``norm = Normalization(); norm.adapt(x)`` does what it looks like.

        Parameters
        ----------
        x : array_like, shape (n, columns), or an iterable of batches
            Read once.  A batch may be a tuple that begins with the rows.

        Returns
        -------
        Normalization
            Itself.

        Raises
        ------
        TypeError, ValueError
            If `x` holds no rows, NaN or Inf, or no real numbers.
        """
        from fastnn.moments import column_moments

        mean, variance = column_moments(x, "Normalization.adapt")
        self._set(mean=tuple(mean.tolist()), variance=tuple(variance.tolist()))
        return self

    def weights(self, units: Units) -> dict[str, Weight]:
        """Return mean and scale."""
        mean, scale = np.zeros(units), np.ones(units)
        if self.mean is not None and self.variance is not None:
            if len(self.mean) != units[0]:
                raise ValueError(
                    f"Normalization: adapted to {len(self.mean)} columns, got {units[0]}"
                )
            mean, scale = scales(np.array(self.mean), np.array(self.variance), self.invert)
        return {
            "mean": Weight(units, mean, trained=False),
            "scale": Weight(units, scale, trained=False),
        }

    def lower(self, to: Lowering, inputs: Units) -> Units:
        """Add one op."""
        return (to.scale(inputs[0], to.at("mean"), to.at("scale"), self.invert),)

    def options(self) -> dict[str, object]:
        """Return whether it goes the other way."""
        return {"invert": True} if self.invert else {}


def scales(
    mean: npt.NDArray[np.float64], variance: npt.NDArray[np.float64], invert: bool
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return mean and multiplier of a `Normalization`; a constant column is only shifted."""
    deviation = np.sqrt(variance)
    deviation[deviation == 0] = 1.0
    return mean, deviation if invert else 1.0 / deviation
