"""Adam and its relatives: steps by running moments of the gradient."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Unpack

from fastnn._spec import check_bool, check_float
from fastnn.optimizers.base import Common, Decaying, Optimizer, Slots
from fastnn.schedules import Schedule

__all__ = [
    "AdaBelief",
    "Adam",
    "AdamW",
    "Adamax",
    "Lamb",
    "Nadam",
    "RAdam",
    "ScheduleFreeAdamW",
    "Yogi",
    "Moments",
]


class Moments(Optimizer):
    """Optimizers with running means of the gradient and of something squared."""

    __slots__ = ("beta_1", "beta_2", "epsilon")
    beta_1: float
    beta_2: float
    epsilon: float

    def _set_moments(self, beta_1: float, beta_2: float, epsilon: float) -> None:
        who = type(self).__name__
        self._set(
            beta_1=check_float(who, "beta_1", beta_1, at_least=0, below=1),
            beta_2=check_float(who, "beta_2", beta_2, at_least=0, below=1),
            # a smaller one would be 0 in float32, and the step of an unused weight 0 / 0
            epsilon=check_float(who, "epsilon", epsilon, at_least=1e-30),
        )

    @property
    def slot_names(self) -> Slots:
        """Names of the arrays of state, as a saved state has them."""
        return ("m", "v", None)

    def settings(self) -> dict[str, Any]:
        """Return the numbers that a state of this optimizer needs, by name."""
        return super().settings() | {
            "beta_1": self.beta_1,
            "beta_2": self.beta_2,
            "epsilon": self.epsilon,
        }


class Adam(Moments):
    """Adam: steps scaled by running means of the gradient and of its square.

    Parameters
    ----------
    learning_rate : float or Schedule, default 0.001
        Above 0.
    beta_1, beta_2 : float, default 0.9 and 0.999
        How much of the running means a step keeps; within [0, 1).
    epsilon : float, default 1e-8
        Added to the corrected root ``sqrt(v / (1 - beta_2**t))``; at least 1e-30.
    amsgrad : bool, default False
        Scale by the largest ``v`` so far (Reddi et al. 2018).
    **common
        As `Optimizer`.

    References
    ----------
    Kingma and Ba (2015), Adam: a method for stochastic optimization, arXiv:1412.6980, Algorithm 1.
    Equal to PyTorch's Adam.

    Examples
    --------
    >>> Adam(learning_rate=0.01)
    Adam(learning_rate=0.01)
    """

    __slots__ = ("amsgrad",)
    tag = "adam"
    code = 1
    amsgrad: bool

    def __init__(
        self,
        learning_rate: float | Schedule = 1e-3,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        amsgrad: bool = False,
        **common: Unpack[Decaying],
    ) -> None:
        self._set_common(learning_rate, **common)
        self._set_moments(beta_1, beta_2, epsilon)
        self._set(amsgrad=check_bool(type(self).__name__, "amsgrad", amsgrad))

    @property
    def kind(self) -> int:
        """Number of the kernel, as in csrc/include/fastnn/optimizer.h."""
        return 2 if self.amsgrad else 1

    @property
    def slot_names(self) -> Slots:
        """Names of the arrays of state, as a saved state has them."""
        return ("m", "v", "v_max") if self.amsgrad else ("m", "v", None)


class AdamW(Adam):
    """Adam with weight decay apart from the gradient.

    Before each step the parameters are multiplied by ``1 - learning_rate * weight_decay``.

    Parameters
    ----------
    learning_rate, beta_1, beta_2, epsilon, amsgrad
        As in `Adam`.
    weight_decay : float, default 0.01
        At least 0, and below ``1 / learning_rate``.
    exclude : sequence of str, default ()
        Patterns of parameter names that do not decay, such as ``"*/bias"`` (see `fnmatch`).
        Every other trainable parameter does.
    **common
        As `Optimizer`.

    References
    ----------
    Loshchilov and Hutter (2019), Decoupled weight decay regularization, arXiv:1711.05101.  Equal
    to PyTorch's AdamW.

    Examples
    --------
    >>> optimizer = AdamW(exclude=["*/bias"])
    >>> optimizer.decays("dense_0/kernel"), optimizer.decays("dense_0/bias")
    (True, False)
    """

    __slots__ = ()
    tag = "adamw"

    def __init__(
        self,
        learning_rate: float | Schedule = 1e-3,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        weight_decay: float = 0.01,
        exclude: Sequence[str] = (),
        amsgrad: bool = False,
        **common: Unpack[Common],
    ) -> None:
        super().__init__(
            *(learning_rate, beta_1, beta_2, epsilon, amsgrad),
            weight_decay=weight_decay,
            exclude=exclude,
            **common,
        )


class Nadam(Moments):
    """Adam with Nesterov's momentum, which grows over the steps.

    ``mu_t = beta_1 * (1 - 0.96**(t * momentum_decay) / 2)``; the step goes along
    ``(1 - mu_t) / (1 - prod(mu)) * g + mu_{t+1} / (1 - prod(mu) * mu_{t+1}) * m``.

    Parameters
    ----------
    learning_rate : float or Schedule, default 0.002
    beta_1, beta_2 : float, default 0.9 and 0.999
    epsilon : float, default 1e-8
    momentum_decay : float, default 4e-3
    **common
        As `Optimizer`.

    References
    ----------
    Dozat (2016), Incorporating Nesterov momentum into Adam.  Equal to PyTorch's NAdam.

    Examples
    --------
    >>> Nadam(1e-3)
    Nadam(learning_rate=0.001)
    """

    __slots__ = ("momentum_decay",)
    tag = "nadam"
    code = 3
    momentum_decay: float

    def __init__(
        self,
        learning_rate: float | Schedule = 2e-3,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        momentum_decay: float = 4e-3,
        **common: Unpack[Decaying],
    ) -> None:
        self._set_common(learning_rate, **common)
        self._set_moments(beta_1, beta_2, epsilon)
        self._set(momentum_decay=check_float("Nadam", "momentum_decay", momentum_decay, at_least=0))

    def settings(self) -> dict[str, Any]:
        """Return the numbers that a state of this optimizer needs, by name."""
        return super().settings() | {"momentum_decay": self.momentum_decay}


class RAdam(Moments):
    """Adam without the adaptive scale while its variance is not to be had.

    The factor r of ``learning_rate * r * m / (sqrt(v) + epsilon)`` comes from how many gradients v
    has seen; in the first steps it is plain momentum.  `epsilon` is added to the raw root.

    Parameters
    ----------
    learning_rate : float or Schedule, default 1e-3
    beta_1, beta_2 : float, default 0.9 and 0.999
    epsilon : float, default 1e-8
    **common
        As `Optimizer`.

    References
    ----------
    Liu et al. (2020), On the variance of the adaptive learning rate and beyond, arXiv:1908.03265.
    Equal to PyTorch's RAdam.

    Examples
    --------
    >>> RAdam(0.01)
    RAdam(learning_rate=0.01)
    """

    __slots__ = ()
    tag = "radam"
    code = 4

    def __init__(
        self,
        learning_rate: float | Schedule = 1e-3,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        **common: Unpack[Decaying],
    ) -> None:
        self._set_common(learning_rate, **common)
        self._set_moments(beta_1, beta_2, epsilon)


class Adamax(Moments):
    """Adam with the largest gradient of late in place of the root of the squares.

    ``u = max(beta_2 * u, abs(g) + epsilon)``, then
    ``p -= learning_rate / (1 - beta_1**t) * m / u``.

    Parameters
    ----------
    learning_rate : float or Schedule, default 2e-3
    beta_1, beta_2 : float, default 0.9 and 0.999
    epsilon : float, default 1e-8
    **common
        As `Optimizer`.

    References
    ----------
    Kingma and Ba (2015), Adam: a method for stochastic optimization, arXiv:1412.6980, section 7.1.
    Equal to PyTorch's Adamax.

    Examples
    --------
    >>> Adamax(0.01)
    Adamax(learning_rate=0.01)
    """

    __slots__ = ()
    tag = "adamax"
    code = 5

    def __init__(
        self,
        learning_rate: float | Schedule = 2e-3,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        **common: Unpack[Decaying],
    ) -> None:
        self._set_common(learning_rate, **common)
        self._set_moments(beta_1, beta_2, epsilon)

    @property
    def slot_names(self) -> Slots:
        """Names of the arrays of state, as a saved state has them."""
        return ("m", "u", None)


class AdaBelief(Moments):
    """Adam scaled by how far gradients are from what was expected.

    ``s = beta_2 * s + (1 - beta_2) * (g - m)**2 + epsilon``, then as Adam with s in place of v.

    Parameters
    ----------
    learning_rate : float or Schedule, default 1e-3
    beta_1, beta_2 : float, default 0.9 and 0.999
    epsilon : float, default 1e-16
    **common
        As `Optimizer`.

    References
    ----------
    Zhuang et al. (2020), AdaBelief optimizer: adapting stepsizes by the belief in observed
    gradients, arXiv:2010.07468, Algorithm 2 with its epsilon in both places.

    Examples
    --------
    >>> AdaBelief(0.01)
    AdaBelief(learning_rate=0.01)
    """

    __slots__ = ()
    tag = "adabelief"
    code = 6

    def __init__(
        self,
        learning_rate: float | Schedule = 1e-3,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-16,
        **common: Unpack[Decaying],
    ) -> None:
        self._set_common(learning_rate, **common)
        self._set_moments(beta_1, beta_2, epsilon)

    @property
    def slot_names(self) -> Slots:
        """Names of the arrays of state, as a saved state has them."""
        return ("m", "s", None)


class Yogi(Moments):
    """Adam whose squares change by additions of bounded size.

    ``v -= (1 - beta_2) * sign(v - g**2) * g**2``, then
    ``p -= learning_rate * m / (sqrt(v) + epsilon)``: no bias is corrected.

    Parameters
    ----------
    learning_rate : float or Schedule, default 0.01
    beta_1, beta_2 : float, default 0.9 and 0.999
    epsilon : float, default 1e-3
    **common
        As `Optimizer`.

    References
    ----------
    Zaheer, Reddi, Sachan, Kale and Kumar (2018), Adaptive methods for nonconvex optimization,
    Algorithm 2.

    Examples
    --------
    >>> Yogi(0.01)
    Yogi()
    """

    __slots__ = ()
    tag = "yogi"
    code = 7

    def __init__(
        self,
        learning_rate: float | Schedule = 0.01,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-3,
        **common: Unpack[Decaying],
    ) -> None:
        self._set_common(learning_rate, **common)
        self._set_moments(beta_1, beta_2, epsilon)


class Lamb(Moments):
    """Adam whose step is scaled to the size of each parameter, for large batches.

    ``u = m_hat / (sqrt(v_hat) + epsilon) + weight_decay * p``, then
    ``p -= learning_rate * norm(p) / norm(u) * u``; the ratio is 1 where a norm is 0.

    Parameters
    ----------
    learning_rate : float or Schedule, default 1e-3
    beta_1, beta_2 : float, default 0.9 and 0.999
    epsilon : float, default 1e-6
    **common
        As `Optimizer`.

    References
    ----------
    You et al. (2020), Large batch optimization for deep learning: training BERT in 76 minutes,
    arXiv:1904.00962, with bias corrections, as Optax's lamb.

    Examples
    --------
    >>> Lamb(0.01)
    Lamb(learning_rate=0.01)
    """

    __slots__ = ()
    tag = "lamb"
    code = 14

    def __init__(
        self,
        learning_rate: float | Schedule = 1e-3,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-6,
        **common: Unpack[Decaying],
    ) -> None:
        self._set_common(learning_rate, **common)
        self._set_moments(beta_1, beta_2, epsilon)


class ScheduleFreeAdamW(Moments):
    """AdamW that needs no decaying schedule: it averages its iterates instead.

    Gradients are taken at ``y``, between the point ``z`` that they move and the average ``x`` of
    all ``z``; `beta_1` says how near to x.  After a fit the model has the parameters x, and the
    next fit goes on from y.  A warm-up helps: ``schedules.Warmup(0.0025, steps=...)``.

    Parameters
    ----------
    learning_rate : float or Schedule, default 0.0025
    beta_1, beta_2 : float, default 0.9 and 0.999
        `beta_1` above 0.
    epsilon : float, default 1e-8
    **common
        As `Optimizer`, but without `ema` and lookahead; decay is applied at y.

    References
    ----------
    Defazio et al. (2024), The road less scheduled, arXiv:2405.15682, with weights proportional to
    the square of the largest learning rate so far, as in the authors' code.

    Examples
    --------
    >>> ScheduleFreeAdamW(weight_decay=0.01)
    ScheduleFreeAdamW(weight_decay=0.01)
    """

    __slots__ = ()
    tag = "schedule_free_adamw"
    code = 13

    def __init__(
        self,
        learning_rate: float | Schedule = 0.0025,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        **common: Unpack[Decaying],
    ) -> None:
        who = "ScheduleFreeAdamW"
        self._set_common(learning_rate, **common)
        self._set_moments(check_float(who, "beta_1", beta_1, above=0, below=1), beta_2, epsilon)
        for name in ("ema", "lookahead_steps"):
            if getattr(self, name) is not None:
                raise ValueError(f"{who}: {name} cannot be combined with its own averages")

    @property
    def slot_names(self) -> Slots:
        """Names of the arrays of state, as a saved state has them."""
        return ("z", "v", None)
