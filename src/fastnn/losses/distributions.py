"""Negative logarithms of likelihoods, of a mean and sometimes a variance."""

from __future__ import annotations

from typing import Any

from fastnn._spec import check_bool, check_float, describe
from fastnn.losses.base import Loss, WithEpsilon

__all__ = ["Gamma", "GaussianNLL", "Poisson", "Tweedie", "Positive"]


class GaussianNLL(Loss):
    """The negative log likelihood of a normal distribution whose mean and variance are learned.

    ``(log(v) + (y - m)**2 / v) / 2``, the mean over rows and targets.  For k targets the network
    has 2 k outputs: k means m, then k numbers s that make the variances v.

    Parameters
    ----------
    variance : {"exp", "softplus", "linear"}, default "exp"
        ``v = exp(s) + epsilon`` (s is the logarithm of the variance); ``v = softplus(s) +
        epsilon``; or ``v = max(s, epsilon)`` for a network that gives variances itself, as in
        PyTorch: there the derivative is that of v = s below epsilon too.
    epsilon : float, default 1e-6
        Above 0.
    full : bool, default False
        Whether to add the constant ``log(2 * pi) / 2``.

    References
    ----------
    Nix and Weigend (1994), Estimating the mean and variance of the target probability distribution.

    Examples
    --------
    >>> GaussianNLL(variance="softplus").target_columns(2)
    1
    """

    __slots__ = ("epsilon", "full", "variance")
    tag = "gaussian_nll"
    kind = 10
    variance: str
    epsilon: float
    full: bool

    def __init__(self, variance: str = "exp", epsilon: float = 1e-6, full: bool = False) -> None:
        where = type(self).__name__
        if variance not in ("exp", "softplus", "linear"):
            raise ValueError(
                f"{where}: variance must be 'exp', 'softplus' or 'linear', got {describe(variance)}"
            )
        self._set(
            variance=variance,
            epsilon=check_float(where, "epsilon", epsilon, above=0),
            full=check_bool(where, "full", full),
        )

    @property
    def settings(self) -> dict[str, Any]:
        """The numbers that the kernel takes."""
        return {"variance": self.variance, "epsilon": self.epsilon, "full": self.full}

    def target_columns(self, outputs: int) -> int:
        """Return how many columns targets have: half as many as outputs."""
        return outputs // 2

    def point_columns(self, outputs: int) -> range | None:
        """Return the columns of the means."""
        return range(outputs // 2)

    def check_outputs(self, outputs: int, activation: str) -> None:
        """Refuse an odd number of outputs."""
        if outputs % 2:
            raise ValueError(
                f"{self.name}: got {outputs} output columns; want a mean and a variance for each "
                f"target, so 2 for one"
            )


class Positive(WithEpsilon):
    """Likelihoods of a mean that is positive."""

    __slots__ = ("log_input",)
    log_input: bool
    takes = "counts"

    def __init__(self, log_input: bool = False, epsilon: float = 1e-7) -> None:
        super().__init__(epsilon)
        self._set(log_input=check_bool(type(self).__name__, "log_input", log_input))

    @property
    def settings(self) -> dict[str, Any]:
        """The numbers that the kernel takes."""
        return {"log_input": self.log_input, "epsilon": self.epsilon}

    def check_outputs(self, outputs: int, activation: str) -> None:
        """Refuse an output that is certain to be the other of mean and logarithm."""
        name = type(self).__name__
        problem = f"{self.name}: the output activation is {activation!r}"
        if self.log_input and activation in ("exp", "softplus"):
            raise ValueError(
                f"{problem}, but with log_input=True the output is the logarithm of the mean; "
                f"give the last layer no activation, or use {name}(log_input=False)"
            )
        if not self.log_input and activation == "linear":
            raise ValueError(
                f"{problem}, but the output is a mean and must be positive; "
                f'give the last layer activation="exp" or "softplus", '
                f"or use {name}(log_input=True)"
            )


class Poisson(Positive):
    """``mean(p - y * log(p))``, for counts y of at least 0 and their mean p.

    The likelihood of a Poisson distribution, less what depends on y alone.

    Parameters
    ----------
    log_input : bool, default False
        Whether the output is log(p), as in PyTorch's PoissonNLLLoss; metrics see p.  Otherwise the
        network ends in an activation that is positive, such as "exp" or "softplus".
    epsilon : float, default 1e-7
        Below it the loss goes on as its tangent, so that outputs of 0 do no harm; above 0.

    Examples
    --------
    >>> Poisson(log_input=True)
    Poisson(log_input=True)
    """

    __slots__ = ()
    tag = "poisson"
    kind = 11


class Gamma(Positive):
    """``mean(log(p) + y / p)``, for targets y above 0 and their mean p.

    The likelihood of a gamma distribution, less what depends on y and its shape alone.

    Parameters
    ----------
    log_input : bool, default False
        Whether the output is log(p); metrics see p.  Otherwise the network ends in an activation
        that is positive, such as "exp" or "softplus".
    epsilon : float, default 1e-7
        Below it the loss goes on as its tangent; above 0.

    Examples
    --------
    >>> Gamma().takes
    'positive'
    """

    __slots__ = ()
    tag = "gamma"
    kind = 12
    takes = "positive"


class Tweedie(Positive):
    """``mean(p**(2 - a) / (2 - a) - y * p**(1 - a) / (1 - a))`` with a = `power`.

    The likelihood of a compound Poisson-gamma distribution with mean p and a variance in proportion
    to p**power, less what depends on y alone: for targets that are 0 or positive, such as the costs
    of insured damage.

    Parameters
    ----------
    power : float, default 1.5
        Between 1 (the Poisson loss) and 2 (the gamma loss).
    log_input : bool, default False
        Whether the output is log(p); metrics see p.  Otherwise the network ends in an activation
        that is positive, such as "exp" or "softplus".
    epsilon : float, default 1e-7
        Below it the loss goes on as its tangent; above 0.

    References
    ----------
    Jorgensen (1987), Exponential dispersion models, Journal of the Royal Statistical Society B 49.

    Examples
    --------
    >>> Tweedie(1.2)
    Tweedie(power=1.2)
    """

    __slots__ = ("power",)
    tag = "tweedie"
    kind = 13
    power: float

    def __init__(self, power: float = 1.5, log_input: bool = False, epsilon: float = 1e-7) -> None:
        super().__init__(log_input, epsilon)
        self._set(power=check_float(type(self).__name__, "power", power, above=1, below=2))

    @property
    def settings(self) -> dict[str, Any]:
        """The numbers that the kernel takes."""
        return {"power": self.power, "log_input": self.log_input, "epsilon": self.epsilon}
