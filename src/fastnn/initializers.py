"""Initial values of parameters: frozen specs that draw from fastnn's own random numbers.

The numbers depend on the seed and on the parameter's position in the model alone, so every CPU,
compiler and thread count starts from the same bits; but for `Orthogonal`, which rests on LAPACK,
and `Function`, which is a person's own.
"""

from __future__ import annotations

import math
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastnn import _core
from fastnn._spec import Spec, check_float, check_int, describe, resolve

__all__ = [
    "Constant",
    "Function",
    "GlorotNormal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "Identity",
    "Initializer",
    "LecunNormal",
    "LecunUniform",
    "Normal",
    "Ones",
    "Orthogonal",
    "TruncatedNormal",
    "Uniform",
    "Values",
    "VarianceScaling",
    "Zeros",
    "get",
]

# As many numbers as a config takes from an array: some 20 MB of JSON.
MAX_LISTED = 1_000_000

# Standard deviation of a standard normal cut off at -2 and 2.
_CUT_OFF_STDDEV = 0.8796256610342398


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


def _cut_off_normal(shape: tuple[int, ...], seed: int, index: int) -> NDArray[np.float64]:
    """Return the first of the stream's normals that lie within [-2, 2]; 4.6 % do not."""
    size = math.prod(shape)
    drawn = size + size // 16 + 16
    while True:
        z = _core.random_normal(seed, "init", 0, index, drawn)
        z = z[np.abs(z) <= 2.0]
        if z.size >= size:
            return z[:size].reshape(shape)
        drawn += size - z.size + 16


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


class LecunUniform(_Scaled):
    """Uniform within ``sqrt(3 / fan_in)`` of 0.

    References
    ----------
    LeCun, Bottou, Orr and Müller (1998), Efficient BackProp, section 4.6.

    Examples
    --------
    >>> kernel = LecunUniform()((3, 32), seed=0, index=0)
    >>> bool(abs(kernel).max() <= 1)
    True
    """

    __slots__ = ()
    tag = "lecun_uniform"
    gain, both, normal = 1.0, False, False


def _one_of(where: str, name: str, value: object, choices: tuple[str, ...]) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{where}: {name} must be a string, got {describe(value)}")
    if value not in choices:
        raise ValueError(f"{where}: {name} must be one of {', '.join(choices)}, got {value!r}")
    return value


class VarianceScaling(Initializer):
    """Mean 0 and variance ``scale / fan``: what Glorot's, He's and LeCun's have in common.

    Parameters
    ----------
    scale : float, default 1.0
        Above 0.
    mode : str, default "fan_in"
        What fan is: "fan_in", "fan_out", or "fan_avg", their mean.
    distribution : str, default "truncated_normal"
        "truncated_normal" (cut off at two standard deviations, then widened so that the variance
        is the one stated), "untruncated_normal" or "uniform".

    Examples
    --------
    >>> he = VarianceScaling(2.0, distribution="untruncated_normal")
    >>> bool((he((7, 32), seed=0, index=0) == HeNormal()((7, 32), seed=0, index=0)).all())
    True
    """

    __slots__ = ("distribution", "mode", "scale")
    tag = "variance_scaling"
    scale: float
    mode: str
    distribution: str

    def __init__(
        self,
        scale: float = 1.0,
        mode: str = "fan_in",
        distribution: str = "truncated_normal",
    ) -> None:
        who = type(self).__name__
        distributions = ("truncated_normal", "untruncated_normal", "uniform")
        self._set(
            scale=check_float(who, "scale", scale, above=0),
            mode=_one_of(who, "mode", mode, ("fan_in", "fan_out", "fan_avg")),
            distribution=_one_of(who, "distribution", distribution, distributions),
        )

    def draw(self, shape: tuple[int, ...], *, seed: int, index: int) -> NDArray[np.float64]:
        """Return the scaled random numbers."""
        fans = {"fan_in": shape[0], "fan_out": shape[-1], "fan_avg": (shape[0] + shape[-1]) / 2}
        variance = self.scale / fans[self.mode]
        if self.distribution == "uniform":
            return math.sqrt(3.0 * variance) * (2.0 * _uniform(shape, seed, index) - 1.0)
        if self.distribution == "untruncated_normal":
            return math.sqrt(variance) * _normal(shape, seed, index)
        return math.sqrt(variance) / _CUT_OFF_STDDEV * _cut_off_normal(shape, seed, index)


class Orthogonal(Initializer):
    """A matrix with orthonormal rows or columns (whichever are fewer), times `gain`.

    It is the Q of a QR decomposition of a matrix of normals, with signs such that it is uniformly
    distributed.  The decomposition is LAPACK's (`numpy.linalg.qr`), so its last bits may differ
    between builds of NumPy and between numbers of its threads.

    Parameters
    ----------
    gain : float, default 1.0
        Finite.

    References
    ----------
    Saxe, McClelland and Ganguli (2013), Exact solutions to the nonlinear dynamics of learning in
    deep linear neural networks, arXiv:1312.6120; Mezzadri (2006), How to generate random matrices
    from the classical compact groups, arXiv:math-ph/0609050, section 5, for the signs.

    Examples
    --------
    >>> q = Orthogonal()((4, 3), seed=0, index=0)
    >>> bool(np.allclose(q.T @ q, np.eye(3)))
    True
    """

    __slots__ = ("gain",)
    tag = "orthogonal"
    gain: float

    def __init__(self, gain: float = 1.0) -> None:
        self._set(gain=check_float(type(self).__name__, "gain", gain))

    def draw(self, shape: tuple[int, ...], *, seed: int, index: int) -> NDArray[np.float64]:
        """Return the matrix; of more than two lengths all but the last count as rows."""
        if len(shape) < 2:
            raise ValueError(
                f"{type(self).__name__}: shape must have at least 2 lengths, got {shape}; "
                f"want another initializer for a bias"
            )
        rows, cols = math.prod(shape[:-1]), shape[-1]
        tall = _normal((max(rows, cols), min(rows, cols)), seed, index)
        q, r = np.linalg.qr(tall)
        q = q * np.copysign(1.0, np.diagonal(r))
        return np.ascontiguousarray(self.gain * (q if rows >= cols else q.T)).reshape(shape)


class Identity(Initializer):
    """`gain` on the diagonal of a matrix and 0 elsewhere; the matrix need not be square.

    Parameters
    ----------
    gain : float, default 1.0
        Finite.

    Examples
    --------
    >>> Identity(2.0)((2, 3), seed=0, index=0)
    array([[2., 0., 0.],
           [0., 2., 0.]])
    """

    __slots__ = ("gain",)
    tag = "identity"
    gain: float

    def __init__(self, gain: float = 1.0) -> None:
        self._set(gain=check_float(type(self).__name__, "gain", gain))

    def draw(self, shape: tuple[int, ...], *, seed: int, index: int) -> NDArray[np.float64]:
        """Return the matrix."""
        if len(shape) != 2:
            raise ValueError(f"{type(self).__name__}: shape must have 2 lengths, got {shape}")
        return self.gain * np.eye(*shape)


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


class TruncatedNormal(Initializer):
    """Normal with the given mean and standard deviation, cut off at two of them.

    Numbers further off than two standard deviations are passed over, as in Keras, which leaves a
    standard deviation of 0.88 `stddev`.

    Parameters
    ----------
    mean : float, default 0.0
    stddev : float, default 0.05
        At least 0.

    Examples
    --------
    >>> kernel = TruncatedNormal(stddev=0.1)((7, 32), seed=0, index=0)
    >>> bool(abs(kernel).max() <= 0.2)
    True
    """

    __slots__ = ("mean", "stddev")
    tag = "truncated_normal"
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
        return self.mean + self.stddev * _cut_off_normal(shape, seed, index)


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


def _as_values(where: str, what: str, value: object) -> NDArray[np.float64]:
    """Return a fresh float64 array of finite numbers."""
    masks = sys.modules.get("numpy.ma")
    if masks is not None and isinstance(value, masks.MaskedArray):
        raise TypeError(f"{where}: {what} is a masked array; want one without a mask")
    try:
        array = np.asarray(value)
    except ValueError:  # rows of different lengths
        raise ValueError(
            f"{where}: {what} must be an array of numbers, got {describe(value)}"
        ) from None
    if array.dtype.kind not in "fiu":
        raise TypeError(
            f"{where}: {what} must be an array of real numbers, got {describe(value)} "
            f"of dtype {array.dtype}"
        )
    with np.errstate(over="ignore"):  # a long double beyond the largest double
        numbers = np.array(array, dtype=np.float64, order="C")
    if not np.isfinite(numbers).all():
        place = tuple(int(i) for i in np.argwhere(~np.isfinite(numbers))[0])
        raise ValueError(f"{where}: {what} must be finite, got {array[place]} at {place}")
    return numbers


class Values(Initializer):
    """The numbers of an array, which must have the shape of the parameter.

    ``Dense(3, kernel_initializer=array)`` means it.

    Parameters
    ----------
    values : array_like
        Finite numbers, kept as a float64 copy.  A config holds them as lists, up to a million.

    Examples
    --------
    >>> Values([[1, 2], [3, 4]])((2, 2), seed=0, index=0)
    array([[1., 2.],
           [3., 4.]])
    """

    __slots__ = ("values",)
    tag = "values"
    values: NDArray[np.float64]

    def __init__(self, values: ArrayLike) -> None:
        who = type(self).__name__
        numbers = _as_values(who, "values", values)
        if numbers.ndim == 0 or numbers.size == 0:
            raise ValueError(f"{who}: values must be a non-empty array, got shape {numbers.shape}")
        numbers.flags.writeable = False
        self._set(values=numbers)

    def draw(self, shape: tuple[int, ...], *, seed: int, index: int) -> NDArray[np.float64]:
        """Return a copy of the array."""
        if self.values.shape != shape:
            raise ValueError(
                f"{type(self).__name__}: the array has shape {self.values.shape}, "
                f"the parameter {shape}"
            )
        return self.values.copy()

    def config(self) -> dict[str, Any]:
        """Return the numbers as nested lists.

        Raises
        ------
        ValueError
            If there are more than a million.

        Examples
        --------
        >>> Values([1.0, 0.5]).config()
        {'kind': 'values', 'values': [1.0, 0.5]}
        """
        if self.values.size > MAX_LISTED:
            raise ValueError(
                f"{type(self).__name__}: an array of {self.values.size} numbers is too large for a "
                f"config, which takes {MAX_LISTED}; give the layer another initializer and the "
                f"model its weights by set_weights"
            )
        return {"kind": self.tag, "values": self.values.tolist()}

    def __repr__(self) -> str:
        return f"{type(self).__name__}(<array of shape {self.values.shape}>)"


class Function(Initializer):
    """What a person's own function returns.

    ``Dense(3, kernel_initializer=f)`` means it.  Such a model can be copied, and pickled if the
    function can; but a function cannot be written into a config, nor a model that has one be saved.
    For that, write a subclass of `Initializer` with a `draw` and name it in ``custom_objects`` when
    the model is loaded.

    Parameters
    ----------
    function : callable
        Called as ``function(shape, seed)`` if it has an argument named `seed` or two that must be
        given, else as ``function(shape)``.  `seed` is an integer below 2**32, another for every
        parameter of a model, drawn from the model's seed.  It returns an array of that shape.

    Examples
    --------
    >>> Function(lambda shape: np.full(shape, 0.5))((2,), seed=0, index=0)
    array([0.5, 0.5])
    >>> def noise(shape, seed):
    ...     return np.random.default_rng(seed).laplace(size=shape)
    >>> Function(noise)((7, 32), seed=0, index=0).shape
    (7, 32)
    """

    __slots__ = ("function",)
    tag = "function"
    function: Callable[..., Any]

    def __init__(self, function: Callable[..., Any]) -> None:
        who = type(self).__name__
        given: object = function
        if not callable(given) or isinstance(given, (Spec, type)):
            raise TypeError(f"{who}: function must be a function, got {describe(given)}")
        self._set(function=function)
        if len(self._required()) > 2:
            raise TypeError(
                f"{who}: want a function of (shape, seed) or (shape), "
                f"got one of ({', '.join(self._required())})"
            )

    def _parameters(self) -> Mapping[str, Any]:
        from inspect import signature

        try:
            return signature(self.function).parameters
        except (TypeError, ValueError):  # some functions written in C tell nothing
            return {}

    def _required(self) -> list[str]:
        return [
            name
            for name, p in self._parameters().items()
            if p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
        ]

    def draw(self, shape: tuple[int, ...], *, seed: int, index: int) -> NDArray[np.float64]:
        """Return what the function returns, checked."""
        who = type(self).__name__
        own_seed = int(_core.random_uniform(seed, "init", 0, index, 1)[0] * 2**32)
        if len(self._required()) == 2:
            result = self.function(shape, own_seed)
        elif "seed" in self._parameters():
            result = self.function(shape, seed=own_seed)
        else:
            result = self.function(shape)
        values = _as_values(who, f"the result of {self._called()}", result)
        if values.shape != shape:
            raise ValueError(
                f"{who}: {self._called()} returned an array of shape {values.shape}, want {shape}"
            )
        return values

    def _called(self) -> str:
        name: object = getattr(self.function, "__qualname__", None)
        return name if isinstance(name, str) else type(self.function).__name__

    def config(self) -> dict[str, Any]:
        """Refuse: a function cannot be written down.

        Raises
        ------
        ValueError
            Always; the message says what to do instead.
        """
        raise ValueError(
            f"{type(self).__name__}: the function {self._called()} cannot be written into a config "
            f"or a file; make it the draw method of a subclass of fastnn.initializers.Initializer, "
            f"and name that in custom_objects when loading"
        )

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._called()})"


# What a layer takes for an initializer.
InitializerLike: TypeAlias = (
    str | Initializer | NDArray[Any] | Callable[..., Any] | Mapping[str, Any]
)

Initializer.table = {
    cls.tag: cls
    for cls in (
        GlorotUniform,
        GlorotNormal,
        HeUniform,
        HeNormal,
        LecunNormal,
        LecunUniform,
        VarianceScaling,
        Orthogonal,
        Identity,
        Zeros,
        Ones,
        Constant,
        Normal,
        TruncatedNormal,
        Uniform,
        Values,
        Function,
    )
} | {
    "xavier_uniform": GlorotUniform,
    "xavier_normal": GlorotNormal,
    "random_normal": Normal,
    "random_uniform": Uniform,
}


def get(initializer: object, where: str = "Dense") -> Initializer:
    """Return the initializer that a name, a spec, a config, an array or a function stands for.

    Parameters
    ----------
    initializer : str, Initializer, mapping, ndarray or callable
        An array is `Values`, a function `Function`.
    where : str
        Who asks; begins the message of an error.

    Raises
    ------
    TypeError
        If it is none of these.
    ValueError
        If the name is unknown (the message gives the nearest) or needs arguments, or the array
        holds what is no finite number.

    Examples
    --------
    >>> get("he_normal"), get(np.eye(3))
    (HeNormal(), Values(<array of shape (3, 3)>))
    """
    if isinstance(initializer, np.ndarray):
        return Values(initializer)
    if callable(initializer) and not isinstance(initializer, (Spec, type)):
        return Function(initializer)
    return resolve(Initializer, initializer, where)  # type: ignore[type-abstract]
