"""Initial values of parameters: frozen specs that draw from fastnn's own random numbers.

The numbers depend on the seed and on the parameter's position in the model alone, so every CPU,
compiler and thread count starts from the same bits.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from fastnn import _core
from fastnn._spec import Spec, check_float, check_int, describe, resolve

__all__ = [
    "Constant",
    "GlorotNormal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "Initializer",
    "LecunNormal",
    "Normal",
    "Ones",
    "Uniform",
    "Zeros",
    "get",
]


class Initializer(Spec, ABC):
    """Base of the initializers."""

    __slots__ = ()

    @property
    def name(self) -> str:
        """The name in messages, files and result keys."""
        return self.tag

    @abstractmethod
    def draw(self, shape: tuple[int, ...], *, seed: int, index: int) -> NDArray[np.float64]:
        """Return the values of a parameter of this shape; `__call__` has checked the arguments."""

    def __call__(self, shape: Sequence[int], *, seed: int, index: int) -> NDArray[np.float64]:
        """Return the initial values of a parameter.

        Parameters
        ----------
        shape : sequence of int
            The parameter's shape, every length at least 1.  For the scaled initializers fan_in is
            the first length and fan_out the last.
        seed : int
            The model's seed, within [0, 2**64).
        index : int
            Position of the parameter in the model, counted from 0, below 2**32.

        Returns
        -------
        float64 array of that shape, C order

        Raises
        ------
        TypeError, ValueError
            If an argument is not of that kind or not within its bounds.

        Examples
        --------
        >>> Ones()((2, 3), seed=0, index=0)
        array([[1., 1., 1.],
               [1., 1., 1.]])
        """
        who = type(self).__name__
        if not isinstance(shape, (tuple, list)) or not shape:
            raise TypeError(f"{who}: shape must be a tuple of integers, got {describe(shape)}")
        return self.draw(
            tuple(check_int(who, "each length of shape", length) for length in shape),
            seed=check_int(who, "seed", seed, 0, 2**64 - 1),
            index=check_int(who, "index", index, 0, 2**32 - 1),
        )


def _uniform(shape: tuple[int, ...], seed: int, index: int) -> NDArray[np.float64]:
    return _core.random_uniform(seed, "init", 0, index, math.prod(shape)).reshape(shape)


def _normal(shape: tuple[int, ...], seed: int, index: int) -> NDArray[np.float64]:
    return _core.random_normal(seed, "init", 0, index, math.prod(shape)).reshape(shape)


class _Scaled(Initializer):
    """Mean 0 and variance ``gain / fan``; ``fan`` is fan_in, or the mean of fan_in and fan_out."""

    __slots__ = ()
    gain: ClassVar[float]
    both: ClassVar[bool]
    normal: ClassVar[bool]

    def draw(self, shape: tuple[int, ...], *, seed: int, index: int) -> NDArray[np.float64]:
        """Return the scaled random numbers."""
        fan = (shape[0] + shape[-1]) / 2 if self.both else shape[0]
        variance = self.gain / fan
        if self.normal:
            return math.sqrt(variance) * _normal(shape, seed, index)
        return math.sqrt(3.0 * variance) * (2.0 * _uniform(shape, seed, index) - 1.0)


class GlorotUniform(_Scaled):
    """Uniform within ``sqrt(6 / (fan_in + fan_out))`` of 0; the default of kernels.

    References
    ----------
    Glorot and Bengio (2010), Understanding the difficulty of training deep feedforward neural
    networks.

    Examples
    --------
    >>> kernel = GlorotUniform()((7, 32), seed=0, index=0)
    >>> bool(abs(kernel).max() <= (6 / 39) ** 0.5)
    True
    """

    __slots__ = ()
    tag = "glorot_uniform"
    gain, both, normal = 1.0, True, False


class GlorotNormal(_Scaled):
    """Normal with standard deviation ``sqrt(2 / (fan_in + fan_out))``.

    A plain normal, as in PyTorch; Keras cuts it off at two standard deviations.

    References
    ----------
    Glorot and Bengio (2010), Understanding the difficulty of training deep feedforward neural
    networks.

    Examples
    --------
    >>> GlorotNormal()((7, 32), seed=0, index=0).shape
    (7, 32)
    """

    __slots__ = ()
    tag = "glorot_normal"
    gain, both, normal = 1.0, True, True


class HeUniform(_Scaled):
    """Uniform within ``sqrt(6 / fan_in)`` of 0; made for relu.

    References
    ----------
    He, Zhang, Ren and Sun (2015), Delving deep into rectifiers, arXiv:1502.01852.

    Examples
    --------
    >>> kernel = HeUniform()((6, 32), seed=0, index=0)
    >>> bool(abs(kernel).max() <= 1)
    True
    """

    __slots__ = ()
    tag = "he_uniform"
    gain, both, normal = 2.0, False, False


class HeNormal(_Scaled):
    """Normal with standard deviation ``sqrt(2 / fan_in)``; made for relu.

    A plain normal, as in PyTorch; Keras cuts it off at two standard deviations.

    References
    ----------
    He, Zhang, Ren and Sun (2015), Delving deep into rectifiers, arXiv:1502.01852.

    Examples
    --------
    >>> HeNormal()((7, 32), seed=0, index=0).shape
    (7, 32)
    """

    __slots__ = ()
    tag = "he_normal"
    gain, both, normal = 2.0, False, True


class LecunNormal(_Scaled):
    """Normal with standard deviation ``sqrt(1 / fan_in)``.

    A plain normal; Keras cuts it off at two standard deviations.

    References
    ----------
    LeCun, Bottou, Orr and Müller (1998), Efficient BackProp, section 4.6.

    Examples
    --------
    >>> LecunNormal()((7, 32), seed=0, index=0).shape
    (7, 32)
    """

    __slots__ = ()
    tag = "lecun_normal"
    gain, both, normal = 1.0, False, True


class Zeros(Initializer):
    """All 0; the default of biases."""

    __slots__ = ()
    tag = "zeros"

    def draw(self, shape: tuple[int, ...], *, seed: int, index: int) -> NDArray[np.float64]:
        """Return zeros."""
        return np.zeros(shape)


class Ones(Initializer):
    """All 1."""

    __slots__ = ()
    tag = "ones"

    def draw(self, shape: tuple[int, ...], *, seed: int, index: int) -> NDArray[np.float64]:
        """Return ones."""
        return np.ones(shape)


class Constant(Initializer):
    """All of one value.

    Parameters
    ----------
    value : float
        Any finite number.

    Examples
    --------
    >>> Constant(0.5)((2,), seed=0, index=0)
    array([0.5, 0.5])
    """

    __slots__ = ("value",)
    tag = "constant"
    value: float

    def __init__(self, value: float) -> None:
        self._set(value=check_float(type(self).__name__, "value", value))

    def draw(self, shape: tuple[int, ...], *, seed: int, index: int) -> NDArray[np.float64]:
        """Return the constant."""
        return np.full(shape, self.value)


class Normal(Initializer):
    """Normal with the given mean and standard deviation.

    Parameters
    ----------
    mean : float, default 0.0
    stddev : float, default 0.05
        At least 0.

    Examples
    --------
    >>> Normal(stddev=0.1)((7, 32), seed=0, index=0).shape
    (7, 32)
    """

    __slots__ = ("mean", "stddev")
    tag = "normal"
    mean: float
    stddev: float

    def __init__(self, mean: float = 0.0, stddev: float = 0.05) -> None:
        who = type(self).__name__
        self._set(
            mean=check_float(who, "mean", mean),
            stddev=check_float(who, "stddev", stddev, at_least=0),
        )

    def draw(self, shape: tuple[int, ...], *, seed: int, index: int) -> NDArray[np.float64]:
        """Return the random numbers."""
        return self.mean + self.stddev * _normal(shape, seed, index)


class Uniform(Initializer):
    """Uniform between two bounds.

    Parameters
    ----------
    minval, maxval : float, default -0.05 and 0.05
        `minval` is below `maxval`.

    Examples
    --------
    >>> kernel = Uniform(0, 2)((7, 32), seed=0, index=0)
    >>> bool(kernel.min() >= 0), bool(kernel.max() <= 2)
    (True, True)
    """

    __slots__ = ("maxval", "minval")
    tag = "uniform"
    minval: float
    maxval: float

    def __init__(self, minval: float = -0.05, maxval: float = 0.05) -> None:
        who = type(self).__name__
        self._set(
            minval=check_float(who, "minval", minval), maxval=check_float(who, "maxval", maxval)
        )
        if self.minval >= self.maxval:
            raise ValueError(
                f"{who}: minval must be below maxval, got minval={self.minval}, "
                f"maxval={self.maxval}"
            )

    def draw(self, shape: tuple[int, ...], *, seed: int, index: int) -> NDArray[np.float64]:
        """Return the random numbers."""
        u = _uniform(shape, seed, index)
        return self.minval * (1.0 - u) + self.maxval * u  # maxval - minval could overflow


Initializer.table = {
    cls.tag: cls
    for cls in (
        GlorotUniform,
        GlorotNormal,
        HeUniform,
        HeNormal,
        LecunNormal,
        Zeros,
        Ones,
        Constant,
        Normal,
        Uniform,
    )
} | {
    "xavier_uniform": GlorotUniform,
    "xavier_normal": GlorotNormal,
    "random_normal": Normal,
    "random_uniform": Uniform,
}


def get(initializer: object, where: str = "Dense") -> Initializer:
    """Return the initializer that a name, a spec or a config stands for.

    Parameters
    ----------
    initializer : str, Initializer or mapping
    where : str
        Who asks; begins the message of an error.

    Raises
    ------
    TypeError
        If it is none of these.
    ValueError
        If the name is unknown (the message gives the nearest) or needs arguments.

    Examples
    --------
    >>> get("he_normal")
    HeNormal()
    """
    return resolve(Initializer, initializer, where)  # type: ignore[type-abstract]
