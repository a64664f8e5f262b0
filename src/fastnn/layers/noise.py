"""Noise: what is drawn anew at each step of a training."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from fastnn._spec import check_float
from fastnn.layers.base import Layer, Units, _check_name

if TYPE_CHECKING:
    from fastnn.lowering import Lowering

__all__ = ["AlphaDropout", "Dropout", "GaussianDropout", "GaussianNoise"]


class _Noise(Layer):
    """What is drawn anew at each step of a training, and leaves predictions alone."""

    __slots__ = ("rate",)
    variant: ClassVar[int]
    rate: float

    def __init__(self, rate: float, *, name: str | None = None) -> None:
        who = type(self).__name__
        self._set(
            rate=check_float(who, "rate", rate, at_least=0, below=1), name=_check_name(who, name)
        )

    def lower(self, to: Lowering, inputs: Units) -> Units:
        """Add one op, or none where there is no noise."""
        if self._amount() == 0:
            return inputs
        return (to.noise(inputs[0], self.variant, self._amount()),)

    def _amount(self) -> float:
        return self.rate

    def options(self) -> dict[str, object]:
        """Return the rate."""
        return {"rate": self._amount()}


class Dropout(_Noise):
    """Zeroes a share of the values in training, and scales the others by ``1 / (1 - rate)``.

    Parameters
    ----------
    rate : float
        The share, within [0, 1).
    name : str, optional

    References
    ----------
    Srivastava, Hinton, Krizhevsky, Sutskever and Salakhutdinov (2014), Dropout: a simple way to
    prevent neural networks from overfitting.

    Examples
    --------
    >>> Dropout(0.5)
    Dropout(0.5)
    """

    __slots__ = ()
    tag = "dropout"
    variant = 0


class AlphaDropout(_Noise):
    """Dropout that keeps mean and variance of values that come from `selu`.

    Parameters
    ----------
    rate : float
        The share of values that are set to selu's lower limit; within [0, 1).
    name : str, optional

    References
    ----------
    Klambauer, Unterthiner, Mayr and Hochreiter (2017), Self-normalizing neural networks,
    arXiv:1706.02515.

    Examples
    --------
    >>> AlphaDropout(0.1).rate
    0.1
    """

    __slots__ = ()
    tag = "alpha_dropout"
    variant = 1


class GaussianDropout(_Noise):
    """Multiplies values in training by normal numbers of mean 1 and variance rate / (1 - rate).

    Parameters
    ----------
    rate : float
        Within [0, 1).
    name : str, optional

    References
    ----------
    Srivastava et al. (2014), section 10.

    Examples
    --------
    >>> GaussianDropout(0.1)
    GaussianDropout(0.1)
    """

    __slots__ = ()
    tag = "gaussian_dropout"
    variant = 2


class GaussianNoise(_Noise):
    """Adds normal noise in training.

    Parameters
    ----------
    stddev : float
        Its standard deviation, at least 0.
    name : str, optional

    Examples
    --------
    >>> GaussianNoise(0.1)
    GaussianNoise(0.1)
    """

    __slots__ = ("stddev",)
    tag = "gaussian_noise"
    variant = 3
    stddev: float

    def __init__(self, stddev: float, *, name: str | None = None) -> None:
        who = type(self).__name__
        self._set(
            stddev=check_float(who, "stddev", stddev, at_least=0), name=_check_name(who, name)
        )

    def _amount(self) -> float:
        return self.stddev

    def options(self) -> dict[str, object]:
        """Return the standard deviation."""
        return {"stddev": self.stddev}
