"""Optimizers: frozen specs; their state belongs to whoever uses them.

A `Trainer` keeps its optimizer's state itself.  ``optimizer.step(model)`` uses a state that is
bound to that pair of optimizer and model.

Every optimizer takes, by name, the arguments that `Optimizer` lists: weight decay, multipliers of
the learning rate, clipping, accumulation, noise, averages.  What happens in which order stands in
docs/numerics.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, ClassVar, TypedDict, Unpack

from fastnn import schedules
from fastnn._spec import Spec, check_bool, check_float, check_int, describe, resolve
from fastnn.schedules import Schedule

if TYPE_CHECKING:
    from typing import Protocol

    class Trainable(Protocol):
        """What `Optimizer.step` asks of a model."""

        def apply_gradients(self, optimizer: Optimizer, /) -> None: ...


__all__ = [
    "SGD",
    "AdaBelief",
    "Adadelta",
    "Adafactor",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Lamb",
    "Lion",
    "Muon",
    "Nadam",
    "Optimizer",
    "RAdam",
    "RMSprop",
    "Rprop",
    "ScheduleFreeAdamW",
    "Yogi",
    "get",
]

# Where the names of an optimizer's state stand; None: it keeps nothing there.
Slots = tuple[str | None, str | None, str | None]
NO_SLOTS: Slots = (None, None, None)


class Common(TypedDict, total=False):
    """The arguments that every optimizer takes by name; `Optimizer` says what they are."""

    multipliers: Mapping[str, float]
    clip_value: float | None
    clip_norm: float | None
    global_clip_norm: float | None
    centralize: bool
    accumulate_steps: int
    noise: float
    noise_decay: float
    lookahead_steps: int | None
    lookahead_alpha: float
    ema: float | None


class Decaying(Common, total=False):
    """These, and those that AdamW has a place for."""

    weight_decay: float
    exclude: Sequence[str]


class Optimizer(Spec):
    """Base of the optimizers.

    Parameters
    ----------
    weight_decay : float, default 0.0
        Decoupled from the gradient: parameters are multiplied by
        ``1 - learning_rate * weight_decay`` before the step.
    exclude : sequence of str, default ()
        Patterns of parameter names that do not decay, such as ``"*/bias"`` (see `fnmatch`).
    multipliers : mapping of str to float, default {}
        Factors of the learning rate by patterns of parameter names, such as
        ``{"dense_0/*": 0.1}``; the first pattern that fits a name counts.
    clip_value : float, optional
        Each element of the gradients is brought within it and its negative.
    clip_norm : float, optional
        A parameter's gradient of a larger norm is scaled down to it.
    global_clip_norm : float, optional
        The same for the norm of all gradients together.
    centralize : bool, default False
        Take away the mean over a kernel's inputs from its gradient (Yong et al. 2020).
    accumulate_steps : int, default 1
        Update once every so many batches, from the mean of their gradients.
    noise, noise_decay : float, default 0.0 and 0.55
        Adds normal noise of variance ``noise / t**noise_decay`` to the gradients of update t
        (Neelakantan et al. 2015), drawn from the model's seed.
    lookahead_steps : int, optional
        Every so many updates go back to a point between there and here (Zhang et al. 2019) ...
    lookahead_alpha : float, default 0.5
        ... this share of the way; above 0, at most 1.
    ema : float, optional
        Keep a running mean of the parameters, of which an update keeps this share; above 0, below
        1.  After a fit the model has these averages, and the next fit goes on from where the last
        one was.

    Attributes
    ----------
    kind : int
        Number of the kernel, as in csrc/include/fastnn/optimizer.h.
    name : str
    slots : int
        How many arrays of state there are.
    learning_rate : float or Schedule
    """

    __slots__ = (
        "__weakref__",  # models remember their state of it
        "accumulate_steps",
        "centralize",
        "clip_norm",
        "clip_value",
        "ema",
        "exclude",
        "global_clip_norm",
        "learning_rate",
        "lookahead_alpha",
        "lookahead_steps",
        "multipliers",
        "noise",
        "noise_decay",
        "weight_decay",
    )
    code: ClassVar[int]
    learning_rate: float | Schedule
    weight_decay: float
    exclude: tuple[str, ...]
    multipliers: Mapping[str, float]
    clip_value: float | None
    clip_norm: float | None
    global_clip_norm: float | None
    centralize: bool
    accumulate_steps: int
    noise: float
    noise_decay: float
    lookahead_steps: int | None
    lookahead_alpha: float
    ema: float | None

    def _set_common(
        self,
        learning_rate: float | Schedule,
        *,
        weight_decay: float = 0.0,
        exclude: Sequence[str] = (),
        multipliers: Mapping[str, float] | None = None,
        clip_value: float | None = None,
        clip_norm: float | None = None,
        global_clip_norm: float | None = None,
        centralize: bool = False,
        accumulate_steps: int = 1,
        noise: float = 0.0,
        noise_decay: float = 0.55,
        lookahead_steps: int | None = None,
        lookahead_alpha: float = 0.5,
        ema: float | None = None,
    ) -> None:
        who = type(self).__name__
        if not isinstance(exclude, (tuple, list)) or not all(isinstance(p, str) for p in exclude):
            raise TypeError(
                f"{who}: exclude must be a list or tuple of patterns such as '*/bias', "
                f"got {describe(exclude)}"
            )
        given: Any = {} if multipliers is None else multipliers
        if not isinstance(given, Mapping) or not all(isinstance(p, str) for p in given):
            raise TypeError(
                f"{who}: multipliers must map patterns such as 'dense_0/*' to numbers, "
                f"got {describe(multipliers)}"
            )
        self._set(
            learning_rate=_learning_rate(who, learning_rate),
            weight_decay=check_float(who, "weight_decay", weight_decay, at_least=0),
            exclude=tuple(exclude),
            multipliers={
                pattern: check_float(who, f"multipliers[{pattern!r}]", value, at_least=0)
                for pattern, value in given.items()
            },
            clip_value=_optional(who, "clip_value", clip_value, above=0),
            clip_norm=_optional(who, "clip_norm", clip_norm, above=0),
            global_clip_norm=_optional(who, "global_clip_norm", global_clip_norm, above=0),
            centralize=check_bool(who, "centralize", centralize),
            accumulate_steps=check_int(who, "accumulate_steps", accumulate_steps),
            noise=check_float(who, "noise", noise, at_least=0),
            noise_decay=check_float(who, "noise_decay", noise_decay, at_least=0),
            lookahead_steps=(
                None
                if lookahead_steps is None
                else check_int(who, "lookahead_steps", lookahead_steps)
            ),
            lookahead_alpha=check_float(who, "lookahead_alpha", lookahead_alpha, above=0),
            ema=_optional(who, "ema", ema, above=0, below=1),
        )
        if self.lookahead_alpha > 1:
            raise ValueError(f"{who}: lookahead_alpha must be at most 1, got {lookahead_alpha}")
        rate = self.learning_rate
        peak = rate.peak if isinstance(rate, Schedule) else rate
        peak *= max([1.0, *self.multipliers.values()])
        if peak * self.weight_decay >= 1:
            raise ValueError(
                f"{who}: learning_rate * weight_decay must be below 1, got {peak} * "
                f"{self.weight_decay}; a step would take away more than the whole weight"
            )

    @classmethod
    def _arguments(cls) -> dict[str, bool]:
        """Return the constructor's arguments, the common ones by name."""
        from inspect import Parameter, signature

        found: dict[str, bool] = {}
        for name, argument in signature(cls).parameters.items():
            if argument.kind is Parameter.VAR_KEYWORD:
                found |= {
                    common: False for common in Decaying.__annotations__ if common not in found
                }
            else:
                found[name] = argument.default is Parameter.empty
        return found

    @property
    def kind(self) -> int:
        """Number of the kernel, as in csrc/include/fastnn/optimizer.h."""
        return self.code

    @property
    def name(self) -> str:
        """The name in messages, files and result keys."""
        return self.tag

    @property
    def slot_names(self) -> Slots:
        """Names of the arrays of state, as a saved state has them."""
        return NO_SLOTS

    @property
    def slots(self) -> int:
        """How many arrays of state there are."""
        return sum(name is not None for name in self.slot_names)

    def decays(self, parameter: str) -> bool:
        """Tell whether weight decay applies to the parameter of this name."""
        return self.weight_decay > 0 and not _any_fits(parameter, self.exclude)

    def multiplier(self, parameter: str) -> float:
        """Return the factor of the learning rate for the parameter of this name."""
        for pattern, factor in self.multipliers.items():
            if fnmatchcase(parameter, pattern):
                return factor
        return 1.0

    def check_names(self, parameters: Sequence[str]) -> None:
        """Refuse multipliers for parameters that a model does not have.

        Raises
        ------
        ValueError
            The message lists the names that there are.
        """
        for pattern in self.multipliers:
            if not any(fnmatchcase(name, pattern) for name in parameters):
                raise ValueError(
                    f"{type(self).__name__}: multipliers: no parameter is named {pattern!r}; "
                    f"there are: {', '.join(parameters) or 'none'}"
                )

    def hidden_kernels(self, kernels: Sequence[str]) -> set[str]:
        """Return which of the kernels are trained by the rule for hidden ones: Muon's."""
        return set()

    def settings(self) -> dict[str, Any]:
        """Return the numbers that a state of this optimizer needs, by name."""
        rate = self.learning_rate
        return {
            "kind": self.kind,
            "slots": self.slot_names,
            "learning_rate": 0.0 if isinstance(rate, Schedule) else rate,
            "schedule": rate.numbers() if isinstance(rate, Schedule) else None,
            "weight_decay": self.weight_decay,
            "clip_value": self.clip_value or 0.0,
            "clip_norm": self.clip_norm or 0.0,
            "global_clip_norm": self.global_clip_norm or 0.0,
            "centralize": self.centralize,
            "accumulate_steps": self.accumulate_steps,
            "noise": self.noise,
            "noise_decay": self.noise_decay,
            "lookahead_steps": self.lookahead_steps or 0,
            "lookahead_alpha": self.lookahead_alpha,
            "ema": self.ema or 0.0,
        }

    def step(self, model: Trainable) -> None:
        """Update ``model.parameters`` once from ``model.gradients``.

        The moments and the step count are kept for this pair of optimizer and model, and go on
        from the call before.  Clipping and the like overwrite the gradients.

        Parameters
        ----------
        model : Sequential

        Raises
        ------
        TypeError
            If `model` is not a model.
        FloatingPointError
            If a norm that is to be clipped is not finite; nothing has changed.
        """
        apply = getattr(model, "apply_gradients", None)
        if apply is None:
            raise TypeError(f"{type(self).__name__}.step: want a model, got {describe(model)}")
        apply(self)


def _learning_rate(who: str, value: object) -> float | Schedule:
    if isinstance(value, (Schedule, Mapping)):
        return schedules.get(value, f"{who}: learning_rate")
    return check_float(who, "learning_rate", value, above=0)


def _optional(
    who: str, name: str, value: object, *, above: float, below: float | None = None
) -> float | None:
    return None if value is None else check_float(who, name, value, above=above, below=below)


def _any_fits(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


class SGD(Optimizer):
    """Gradient descent, with momentum in PyTorch's form.

    ``v = momentum * v + g``, then ``p -= learning_rate * v``, or with Nesterov's look ahead
    ``p -= learning_rate * (g + momentum * v)``.

    Parameters
    ----------
    learning_rate : float or Schedule, default 0.01
        Above 0.
    momentum : float, default 0.0
        Within [0, 1).
    nesterov : bool, default False
        Needs a momentum above 0.
    **common
        As `Optimizer`.

    References
    ----------
    Sutskever, Martens, Dahl and Hinton (2013), On the importance of initialization and momentum
    in deep learning.  Equal to PyTorch's SGD.

    Examples
    --------
    >>> SGD(0.1, momentum=0.9)
    SGD(learning_rate=0.1, momentum=0.9)
    """

    __slots__ = ("momentum", "nesterov")
    tag = "sgd"
    code = 0
    momentum: float
    nesterov: bool

    def __init__(
        self,
        learning_rate: float | Schedule = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
        **common: Unpack[Decaying],
    ) -> None:
        who = type(self).__name__
        self._set_common(learning_rate, **common)
        self._set(
            momentum=check_float(who, "momentum", momentum, at_least=0, below=1),
            nesterov=check_bool(who, "nesterov", nesterov),
        )
        if self.nesterov and self.momentum == 0:
            raise ValueError(f"{who}: nesterov=True needs a momentum above 0, got momentum=0.0")

    @property
    def slot_names(self) -> Slots:
        """Names of the arrays of state, as a saved state has them."""
        return ("velocity", None, None) if self.momentum > 0 else NO_SLOTS

    def settings(self) -> dict[str, Any]:
        """Return the numbers that a state of this optimizer needs, by name."""
        return super().settings() | {"momentum": self.momentum, "nesterov": self.nesterov}


class _Moments(Optimizer):
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


class Adam(_Moments):
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


class Nadam(_Moments):
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


class RAdam(_Moments):
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


class Adamax(_Moments):
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


class AdaBelief(_Moments):
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


class Yogi(_Moments):
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


class Lamb(_Moments):
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


class Lion(Optimizer):
    """Steps of one size along the sign of a mean of gradients.

    ``p -= learning_rate * sign(beta_1 * m + (1 - beta_1) * g)``, then
    ``m = beta_2 * m + (1 - beta_2) * g``.

    Parameters
    ----------
    learning_rate : float or Schedule, default 1e-4
        A third to a tenth of Adam's, as a rule.
    beta_1, beta_2 : float, default 0.9 and 0.99
    **common
        As `Optimizer`; a `weight_decay` three to ten times as large as AdamW's.

    References
    ----------
    Chen et al. (2023), Symbolic discovery of optimization algorithms, arXiv:2302.06675.

    Examples
    --------
    >>> Lion(weight_decay=0.1)
    Lion(weight_decay=0.1)
    """

    __slots__ = ("beta_1", "beta_2")
    tag = "lion"
    code = 8
    beta_1: float
    beta_2: float

    def __init__(
        self,
        learning_rate: float | Schedule = 1e-4,
        beta_1: float = 0.9,
        beta_2: float = 0.99,
        **common: Unpack[Decaying],
    ) -> None:
        self._set_common(learning_rate, **common)
        self._set(
            beta_1=check_float("Lion", "beta_1", beta_1, at_least=0, below=1),
            beta_2=check_float("Lion", "beta_2", beta_2, at_least=0, below=1),
        )

    @property
    def slot_names(self) -> Slots:
        """Names of the arrays of state, as a saved state has them."""
        return ("m", None, None)

    def settings(self) -> dict[str, Any]:
        """Return the numbers that a state of this optimizer needs, by name."""
        return super().settings() | {"beta_1": self.beta_1, "beta_2": self.beta_2}


class Adagrad(Optimizer):
    """Steps scaled by the root of the sum of all squared gradients so far.

    ``s += g**2``, then ``p -= learning_rate * g / (sqrt(s) + epsilon)``.

    Parameters
    ----------
    learning_rate : float or Schedule, default 0.01
    initial_accumulator_value : float, default 0.0
        What s begins at.
    epsilon : float, default 1e-10
    **common
        As `Optimizer`.

    References
    ----------
    Duchi, Hazan and Singer (2011), Adaptive subgradient methods for online learning and stochastic
    optimization.  Equal to PyTorch's Adagrad.

    Examples
    --------
    >>> Adagrad(0.1)
    Adagrad(learning_rate=0.1)
    """

    __slots__ = ("epsilon", "initial_accumulator_value")
    tag = "adagrad"
    code = 9
    initial_accumulator_value: float
    epsilon: float

    def __init__(
        self,
        learning_rate: float | Schedule = 0.01,
        initial_accumulator_value: float = 0.0,
        epsilon: float = 1e-10,
        **common: Unpack[Decaying],
    ) -> None:
        who = "Adagrad"
        self._set_common(learning_rate, **common)
        self._set(
            initial_accumulator_value=check_float(
                who, "initial_accumulator_value", initial_accumulator_value, at_least=0
            ),
            epsilon=check_float(who, "epsilon", epsilon, at_least=1e-30),
        )

    @property
    def slot_names(self) -> Slots:
        """Names of the arrays of state, as a saved state has them."""
        return ("s", None, None)

    def settings(self) -> dict[str, Any]:
        """Return the numbers that a state of this optimizer needs, by name."""
        return super().settings() | {
            "epsilon": self.epsilon,
            "initial": (self.initial_accumulator_value, 0.0, 0.0),
        }


class Adadelta(Optimizer):
    """Steps in the units of the parameters: the root of past steps over that of past gradients.

    ``s = rho * s + (1 - rho) * g**2``, ``x = sqrt(d + epsilon) / sqrt(s + epsilon) * g``,
    ``d = rho * d + (1 - rho) * x**2``, then ``p -= learning_rate * x``.

    Parameters
    ----------
    learning_rate : float or Schedule, default 1.0
    rho : float, default 0.9
    epsilon : float, default 1e-6
    **common
        As `Optimizer`.

    References
    ----------
    Zeiler (2012), ADADELTA: an adaptive learning rate method, arXiv:1212.5701.  Equal to PyTorch's
    Adadelta.

    Examples
    --------
    >>> Adadelta(rho=0.95)
    Adadelta(rho=0.95)
    """

    __slots__ = ("epsilon", "rho")
    tag = "adadelta"
    code = 10
    rho: float
    epsilon: float

    def __init__(
        self,
        learning_rate: float | Schedule = 1.0,
        rho: float = 0.9,
        epsilon: float = 1e-6,
        **common: Unpack[Decaying],
    ) -> None:
        self._set_common(learning_rate, **common)
        self._set(
            rho=check_float("Adadelta", "rho", rho, at_least=0, below=1),
            epsilon=check_float("Adadelta", "epsilon", epsilon, at_least=1e-30),
        )

    @property
    def slot_names(self) -> Slots:
        """Names of the arrays of state, as a saved state has them."""
        return ("s", "d", None)

    def settings(self) -> dict[str, Any]:
        """Return the numbers that a state of this optimizer needs, by name."""
        return super().settings() | {"beta_2": self.rho, "epsilon": self.epsilon}


class RMSprop(Optimizer):
    """Steps scaled by a running mean of the squared gradients.

    ``s = rho * s + (1 - rho) * g**2``; centred, the square of a running mean of g is taken away
    from s (no further than to 0).  ``p -= learning_rate * g / (sqrt(s) + epsilon)``, or with
    momentum ``v = momentum * v + g / (sqrt(s) + epsilon)``, then ``p -= learning_rate * v``.

    Parameters
    ----------
    learning_rate : float or Schedule, default 0.01
    rho : float, default 0.99
    momentum : float, default 0.0
    epsilon : float, default 1e-8
    centered : bool, default False
    **common
        As `Optimizer`.

    References
    ----------
    Hinton (2012), Neural networks for machine learning, lecture 6e; centred: Graves (2013),
    Generating sequences with recurrent neural networks, arXiv:1308.0850.  Equal to PyTorch's
    RMSprop.

    Examples
    --------
    >>> RMSprop(1e-3, momentum=0.9)
    RMSprop(learning_rate=0.001, momentum=0.9)
    """

    __slots__ = ("centered", "epsilon", "momentum", "rho")
    tag = "rmsprop"
    code = 11
    rho: float
    momentum: float
    epsilon: float
    centered: bool

    def __init__(
        self,
        learning_rate: float | Schedule = 0.01,
        rho: float = 0.99,
        momentum: float = 0.0,
        epsilon: float = 1e-8,
        centered: bool = False,
        **common: Unpack[Decaying],
    ) -> None:
        who = "RMSprop"
        self._set_common(learning_rate, **common)
        self._set(
            rho=check_float(who, "rho", rho, at_least=0, below=1),
            momentum=check_float(who, "momentum", momentum, at_least=0, below=1),
            epsilon=check_float(who, "epsilon", epsilon, at_least=1e-30),
            centered=check_bool(who, "centered", centered),
        )

    @property
    def slot_names(self) -> Slots:
        """Names of the arrays of state, as a saved state has them."""
        mean = "mean" if self.centered else None
        return ("s", mean, "velocity" if self.momentum > 0 else None)

    def settings(self) -> dict[str, Any]:
        """Return the numbers that a state of this optimizer needs, by name."""
        return super().settings() | {
            "beta_2": self.rho,
            "momentum": self.momentum,
            "epsilon": self.epsilon,
        }


class Rprop(Optimizer):
    """Steps whose lengths follow how often the gradient's sign changes; for full batches.

    Where a gradient keeps its sign the step grows by ``etas[1]``, where it changes it shrinks by
    ``etas[0]`` and the gradient counts as 0 once.

    Parameters
    ----------
    learning_rate : float, default 0.01
        The first length of each step; no schedule.
    etas : tuple of float, default (0.5, 1.2)
        Within (0, 1), and above 1.
    step_sizes : tuple of float, default (1e-6, 50.0)
        The least and the greatest length.
    **common
        As `Optimizer`.

    References
    ----------
    Riedmiller and Braun (1993), A direct adaptive method for faster backpropagation learning: the
    RPROP algorithm.  Equal to PyTorch's Rprop.

    Examples
    --------
    >>> Rprop(etas=(0.6, 1.1))
    Rprop(etas=(0.6, 1.1))
    """

    __slots__ = ("etas", "step_sizes")
    tag = "rprop"
    code = 12
    etas: tuple[float, float]
    step_sizes: tuple[float, float]

    def __init__(
        self,
        learning_rate: float = 0.01,
        etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50.0),
        **common: Unpack[Decaying],
    ) -> None:
        who = "Rprop"
        if isinstance(learning_rate, (Schedule, Mapping)):
            raise TypeError(
                f"{who}: learning_rate must be a number, got {describe(learning_rate)}; "
                f"it is only the first length of the steps"
            )
        self._set_common(learning_rate, **common)
        pairs: tuple[tuple[str, Any], ...] = (("etas", etas), ("step_sizes", step_sizes))
        for name, given in pairs:
            if not isinstance(given, (tuple, list)) or len(given) != 2:
                raise TypeError(f"{who}: {name} must be two numbers, got {describe(given)}")
        self._set(
            etas=(
                check_float(who, "etas[0]", etas[0], above=0, below=1),
                check_float(who, "etas[1]", etas[1], above=1),
            ),
            step_sizes=(
                check_float(who, "step_sizes[0]", step_sizes[0], at_least=0),
                check_float(who, "step_sizes[1]", step_sizes[1], above=0),
            ),
        )
        if self.step_sizes[0] > self.step_sizes[1]:
            raise ValueError(f"{who}: step_sizes must rise, got {self.step_sizes}")

    @property
    def slot_names(self) -> Slots:
        """Names of the arrays of state, as a saved state has them."""
        return ("before", "length", None)

    def settings(self) -> dict[str, Any]:
        """Return the numbers that a state of this optimizer needs, by name."""
        return super().settings() | {
            "shrink": self.etas[0],
            "grow": self.etas[1],
            "least": self.step_sizes[0],
            "most": self.step_sizes[1],
            "initial": (0.0, self.learning_rate, 0.0),
        }


class ScheduleFreeAdamW(_Moments):
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


class Adafactor(Optimizer):
    """Adam's scale from sums over rows and columns: a kernel's state is a row and a column.

    Parameters
    ----------
    learning_rate : float or Schedule, default 0.01
        Times the root mean square of the parameter; a step t takes at most ``1 / sqrt(t)``.
    beta_2_decay : float, default -0.8
        Running means of step t keep ``1 - t**beta_2_decay``; below 0.
    epsilon_1 : float, optional
        Least root of a second moment; by default the type's machine epsilon.
    epsilon_2 : float, default 1e-3
        Least scale of a parameter.
    clip_threshold : float, default 1.0
        Most root mean square of a step, before the learning rate.
    **common
        As `Optimizer`.

    References
    ----------
    Shazeer and Stern (2018), Adafactor: adaptive learning rates with sublinear memory cost,
    arXiv:1804.04235.  Equal to PyTorch's Adafactor.

    Examples
    --------
    >>> Adafactor(clip_threshold=2.0)
    Adafactor(clip_threshold=2.0)
    """

    __slots__ = ("beta_2_decay", "clip_threshold", "epsilon_1", "epsilon_2")
    tag = "adafactor"
    code = 15
    beta_2_decay: float
    epsilon_1: float | None
    epsilon_2: float
    clip_threshold: float

    def __init__(
        self,
        learning_rate: float | Schedule = 0.01,
        beta_2_decay: float = -0.8,
        epsilon_1: float | None = None,
        epsilon_2: float = 1e-3,
        clip_threshold: float = 1.0,
        **common: Unpack[Decaying],
    ) -> None:
        who = "Adafactor"
        self._set_common(learning_rate, **common)
        self._set(
            beta_2_decay=check_float(who, "beta_2_decay", beta_2_decay, below=0),
            epsilon_1=_optional(who, "epsilon_1", epsilon_1, above=0),
            epsilon_2=check_float(who, "epsilon_2", epsilon_2, above=0),
            clip_threshold=check_float(who, "clip_threshold", clip_threshold, above=0),
        )

    @property
    def slot_names(self) -> Slots:
        """Names of the arrays of state, as a saved state has them."""
        return ("factors", None, None)

    def settings(self) -> dict[str, Any]:
        """Return the numbers that a state of this optimizer needs, by name."""
        return super().settings() | {
            "beta_2_decay": self.beta_2_decay,
            "epsilon": self.epsilon_1 or 0.0,
            "epsilon_2": self.epsilon_2,
            "threshold": self.clip_threshold,
        }


class Muon(_Moments):
    """Momentum made orthogonal for hidden kernels, AdamW for all other parameters.

    ``m = momentum * m + (1 - momentum) * g`` (and once more towards g with Nesterov), brought
    near the orthogonal factor of its polar decomposition by `ns_steps` iterations of Newton and
    Schulz, then ``p -= learning_rate * sqrt(max(1, units / inputs)) * m``.

    Parameters
    ----------
    learning_rate : float or Schedule, default 0.02
        Of hidden kernels.
    momentum : float, default 0.95
    nesterov : bool, default True
    ns_steps : int, default 5
        At most 20.
    kernels : sequence of str, optional
        Patterns of the kernels that count as hidden; by default all but a model's first and last.
    adam_ratio : float, default 0.015
        The learning rate of all others over that of hidden kernels: 3e-4 beside 0.02.
    beta_1, beta_2, epsilon : float, default 0.9, 0.999 and 1e-8
        Of all others.
    **common
        As `Optimizer`.

    References
    ----------
    Jordan et al. (2024), Muon: an optimizer for hidden layers in neural networks.  PyTorch's Muon
    is equal but for its products, which it computes in bfloat16; others: PyTorch's AdamW.

    Examples
    --------
    >>> Muon(0.01).hidden_kernels(["dense_0/kernel", "dense_1/kernel", "dense_2/kernel"])
    {'dense_1/kernel'}
    """

    __slots__ = ("adam_ratio", "kernels", "momentum", "nesterov", "ns_steps")
    tag = "muon"
    code = 16
    momentum: float
    nesterov: bool
    ns_steps: int
    kernels: tuple[str, ...] | None
    adam_ratio: float

    def __init__(
        self,
        learning_rate: float | Schedule = 0.02,
        momentum: float = 0.95,
        nesterov: bool = True,
        ns_steps: int = 5,
        kernels: Sequence[str] | None = None,
        adam_ratio: float = 0.015,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        **common: Unpack[Decaying],
    ) -> None:
        who = "Muon"
        self._set_common(learning_rate, **common)
        self._set_moments(beta_1, beta_2, epsilon)
        given: Any = () if kernels is None else kernels
        if not isinstance(given, (tuple, list)) or not all(isinstance(p, str) for p in given):
            raise TypeError(
                f"{who}: kernels must be a list or tuple of patterns such as 'dense_1/kernel', "
                f"got {describe(kernels)}"
            )
        self._set(
            momentum=check_float(who, "momentum", momentum, at_least=0, below=1),
            nesterov=check_bool(who, "nesterov", nesterov),
            ns_steps=check_int(who, "ns_steps", ns_steps, 1, 20),
            kernels=None if kernels is None else tuple(kernels),
            adam_ratio=check_float(who, "adam_ratio", adam_ratio, above=0),
        )

    def hidden_kernels(self, kernels: Sequence[str]) -> set[str]:
        """Return which of the kernels are hidden.

        Raises
        ------
        ValueError
            If none is.
        """
        patterns = self.kernels
        if patterns is None:
            found = set(kernels[1:-1])
        else:
            found = {name for name in kernels if _any_fits(name, patterns)}
        if not found:
            raise ValueError(
                f"Muon: the model has no hidden kernel; name some with kernels=[...], "
                f"there are: {', '.join(kernels) or 'none'}"
            )
        return found

    def settings(self) -> dict[str, Any]:
        """Return the numbers that a state of this optimizer needs, by name."""
        return super().settings() | {
            "momentum": self.momentum,
            "nesterov": self.nesterov,
            "ns_steps": self.ns_steps,
            "adam_ratio": self.adam_ratio,
        }


_ALL: tuple[type[Optimizer], ...] = (
    *(SGD, Adam, AdamW, Nadam, RAdam, Adamax, AdaBelief, Yogi, Lamb, Lion, Adagrad, Adadelta),
    *(RMSprop, Rprop, Adafactor, ScheduleFreeAdamW, Muon),
)
Optimizer.table = {cls.tag: cls for cls in _ALL}


def get(optimizer: object, where: str = "Trainer") -> Optimizer:
    """Return the optimizer that a name, a spec or a config stands for.

    Parameters
    ----------
    optimizer : str, Optimizer or mapping
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
    >>> get("adam")
    Adam()
    """
    return resolve(Optimizer, optimizer, where)
