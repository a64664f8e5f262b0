"""Losses: frozen specs; the numbers are in `fastnn.kernels`.

Every loss is a mean, weighted if samples are.  Most are means over rows and columns; those that
judge a row as a whole are means over rows: the categorical ones, kl_divergence, cosine_similarity,
margin_ranking and a person's own (`custom`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from fastnn._spec import Spec, check_bool, check_float, check_int, describe, resolve

__all__ = [
    "BinaryCrossentropy",
    "BinaryFocalCrossentropy",
    "CategoricalCrossentropy",
    "CategoricalFocalCrossentropy",
    "CategoricalHinge",
    "CosineSimilarity",
    "FunctionLoss",
    "Gamma",
    "GaussianNLL",
    "Hinge",
    "Huber",
    "KLDivergence",
    "LogCosh",
    "Loss",
    "MarginRanking",
    "MeanAbsoluteError",
    "MeanAbsolutePercentageError",
    "MeanSquaredError",
    "MeanSquaredLogarithmicError",
    "Poisson",
    "Quantile",
    "SoftMargin",
    "SparseCategoricalCrossentropy",
    "SquaredHinge",
    "Tweedie",
    "check_head",
    "custom",
    "get",
]

MOST_QUANTILES = 128  # as in csrc/include/fastnn/loss.h


class Loss(Spec):
    """Base of the losses.

    Attributes
    ----------
    kind : int
        Number of the kernel, as in csrc/include/fastnn/loss.h.
    name : str
    settings : dict
        The numbers that the kernel takes, by the names of the header.
    from_logits : bool
        Whether the network's output comes before the activation the loss would fuse with.
    fuses : {None, "sigmoid", "softmax"}
        The output activation that the loss's kernel applies itself.
    integer_labels : bool
        Whether targets are class numbers, one a row.
    takes : {"reals", "unit", "counts", "positive", "signs"}
        What targets may be: any number, within 0 and 1, at least 0, above 0, or labels -1 and 1 (or
        0 and 1).
    """

    __slots__ = ()
    kind: ClassVar[int]
    fuses: ClassVar[str | None] = None
    integer_labels: ClassVar[bool] = False
    takes: ClassVar[str] = "reals"

    @property
    def name(self) -> str:
        """The name in messages, files and result keys."""
        return self.tag

    @property
    def settings(self) -> dict[str, Any]:
        """The numbers that the kernel takes."""
        return {}

    @property
    def from_logits(self) -> bool:
        """Whether the output comes before the activation to fuse with."""
        return False

    def target_columns(self, outputs: int) -> int:
        """Return how many columns targets have for `outputs` columns of the network's output.

        Examples
        --------
        >>> Quantile([0.1, 0.5, 0.9]).target_columns(6)
        2
        """
        return outputs

    def point_columns(self, outputs: int) -> range | None:
        """Return the columns of the output that metrics compare with the targets, one each.

        All of them, where there are as many targets; the means of `GaussianNLL`, the medians of
        `Quantile`; None where no columns are predictions of the targets.

        Examples
        --------
        >>> GaussianNLL().point_columns(4), Quantile([0.1, 0.5, 0.9]).point_columns(6)
        (range(0, 2), range(1, 6, 3))
        """
        same = self.integer_labels or self.target_columns(outputs) == outputs
        return range(outputs) if same else None

    def check_outputs(self, outputs: int, activation: str) -> None:
        """Refuse an output that the loss cannot take; `check_head` asks."""


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
    >>> Huber(delta=2).settings
    {'delta': 2.0}
    """

    __slots__ = ("delta",)
    tag = "huber"
    kind = 2
    delta: float

    def __init__(self, delta: float = 1.0) -> None:
        self._set(delta=check_float(type(self).__name__, "delta", delta, above=0))

    @property
    def settings(self) -> dict[str, Any]:
        """The numbers that the kernel takes."""
        return {"delta": self.delta}


class _WithEpsilon(Loss):
    __slots__ = ("epsilon",)
    epsilon: float

    def __init__(self, epsilon: float = 1e-7) -> None:
        self._set(epsilon=check_float(type(self).__name__, "epsilon", epsilon, above=0))

    @property
    def settings(self) -> dict[str, Any]:
        """The numbers that the kernel takes."""
        return {"epsilon": self.epsilon}


class MeanAbsolutePercentageError(_WithEpsilon):
    """``mean(100 * abs(p - y) / max(abs(y), epsilon))``, as Keras.

    Parameters
    ----------
    epsilon : float, default 1e-7
        What a smaller target counts as; above 0.

    Examples
    --------
    >>> get("mape").name
    'mean_absolute_percentage_error'
    """

    __slots__ = ()
    tag = "mean_absolute_percentage_error"
    kind = 6


class MeanSquaredLogarithmicError(_WithEpsilon):
    """``mean((log(1 + p) - log(1 + y))**2)`` for targets of at least 0, as Keras.

    Outputs and targets below `epsilon` count as `epsilon`; there the derivative is 0, so give the
    last layer an activation that is positive.

    Parameters
    ----------
    epsilon : float, default 1e-7
        Above 0.

    Examples
    --------
    >>> get("msle").takes
    'counts'
    """

    __slots__ = ()
    tag = "mean_squared_logarithmic_error"
    kind = 7
    takes = "counts"


class LogCosh(Loss):
    """``mean(log(cosh(p - y)))``: a parabola near 0, a line far out, smooth in between.

    Examples
    --------
    >>> LogCosh().name
    'log_cosh'
    """

    __slots__ = ()
    tag = "log_cosh"
    kind = 8


class Quantile(Loss):
    """The pinball loss, ``q * max(y - p, 0) + (1 - q) * max(p - y, 0)``.

    Its mean is least where p is the quantile q of y.  The mean goes over rows, targets and
    quantiles; the derivative where p = y is 0.

    Parameters
    ----------
    quantiles : float or sequence of float, default 0.5
        One quantile, or several (at most 128), each between 0 and 1.  With several, each target has
        as many outputs, side by side: for targets a, b and quantiles 0.1, 0.9 the outputs are a's
        0.1, a's 0.9, b's 0.1, b's 0.9.

    References
    ----------
    Koenker and Bassett (1978), Regression quantiles, Econometrica 46.

    Examples
    --------
    >>> Quantile([0.1, 0.5, 0.9])
    Quantile(quantiles=(0.1, 0.5, 0.9))
    >>> Quantile(0.9).target_columns(1), Quantile([0.1, 0.5, 0.9]).target_columns(3)
    (1, 1)
    """

    __slots__ = ("quantiles",)
    tag = "quantile"
    kind = 9
    quantiles: float | tuple[float, ...]

    def __init__(self, quantiles: float | Sequence[float] = 0.5) -> None:
        where = type(self).__name__
        listed = hasattr(quantiles, "__len__") and not isinstance(quantiles, str)
        found = tuple(quantiles) if listed else (quantiles,)  # type: ignore[arg-type]
        if not 1 <= len(found) <= MOST_QUANTILES:
            raise ValueError(
                f"{where}: quantiles must be 1 to {MOST_QUANTILES} numbers, got {len(found)}"
            )
        found = tuple(check_float(where, "quantiles", q, above=0, below=1) for q in found)
        self._set(quantiles=found if listed else found[0])

    @property
    def settings(self) -> dict[str, Any]:
        """The numbers that the kernel takes."""
        several = isinstance(self.quantiles, tuple)
        return {"quantiles": self.quantiles if several else (self.quantiles,)}

    def target_columns(self, outputs: int) -> int:
        """Return how many columns targets have: one for each `quantiles` outputs."""
        return outputs // len(self.settings["quantiles"])

    def point_columns(self, outputs: int) -> range | None:
        """Return the columns of the medians; None if 0.5 is not among several quantiles."""
        quantiles = self.settings["quantiles"]
        if len(quantiles) == 1:
            return range(outputs)
        if 0.5 not in quantiles:
            return None
        return range(quantiles.index(0.5), outputs, len(quantiles))

    def check_outputs(self, outputs: int, activation: str) -> None:
        """Refuse outputs that are no whole number of quantiles."""
        count = len(self.settings["quantiles"])
        if outputs % count:
            raise ValueError(
                f"{self.name}: got {outputs} output columns for {count} quantiles; "
                f"want {count} for each target"
            )


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


class _Positive(_WithEpsilon):
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


class Poisson(_Positive):
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


class Gamma(_Positive):
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


class Tweedie(_Positive):
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


class _FromLogits(Loss):
    __slots__ = ("from_logits",)
    takes = "unit"
    from_logits: bool

    def __init__(self, from_logits: bool = False) -> None:
        self._set(from_logits=check_bool(type(self).__name__, "from_logits", from_logits))


class _Crossentropy(_FromLogits):
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


class BinaryCrossentropy(_Crossentropy):
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


class CategoricalCrossentropy(_Crossentropy):
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


class SparseCategoricalCrossentropy(_Crossentropy):
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


class BinaryFocalCrossentropy(_Crossentropy):
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


class CategoricalFocalCrossentropy(_Crossentropy):
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


class KLDivergence(_FromLogits):
    """``sum(y * (log(y) - log(p)))`` over the columns, for targets that are distributions.

    Its gradient is that of the categorical crossentropy; its value is 0 where p = y.

    Parameters
    ----------
    from_logits : bool, default False
        False: the network ends in a softmax.  True: it ends in a linear layer.

    Examples
    --------
    >>> get("kld").name
    'kl_divergence'
    """

    __slots__ = ()
    tag = "kl_divergence"
    kind = 16
    fuses = "softmax"


class Hinge(Loss):
    """``mean(max(0, 1 - s * p))`` for labels s of -1 and 1; 0 counts as -1, as in Keras.

    Examples
    --------
    >>> Hinge().takes
    'signs'
    """

    __slots__ = ()
    tag = "hinge"
    kind = 17
    takes = "signs"


class SquaredHinge(Loss):
    """``mean(max(0, 1 - s * p)**2)`` for labels s of -1 and 1; 0 counts as -1.

    Examples
    --------
    >>> SquaredHinge().name
    'squared_hinge'
    """

    __slots__ = ()
    tag = "squared_hinge"
    kind = 18
    takes = "signs"


class CategoricalHinge(Loss):
    """``max(0, 1 + max((1 - y) * p) - sum(y * p))`` over the columns, for one-hot rows y.

    Examples
    --------
    >>> CategoricalHinge().takes
    'unit'
    """

    __slots__ = ()
    tag = "categorical_hinge"
    kind = 19
    takes = "unit"

    def check_outputs(self, outputs: int, activation: str) -> None:
        """Refuse a single class."""
        if outputs < 2:
            raise ValueError(
                f"{self.name}: got {outputs} output column, want at least 2 (one for each class); "
                f"hinge is for one"
            )


class SoftMargin(Loss):
    """``mean(log(1 + exp(-s * p)))`` for labels s of -1 and 1; 0 counts as -1.

    p are scores, so the network ends in a linear layer; the predictions are scores too.

    Examples
    --------
    >>> SoftMargin().name
    'soft_margin'
    """

    __slots__ = ()
    tag = "soft_margin"
    kind = 20
    takes = "signs"


class CosineSimilarity(_WithEpsilon):
    """Minus the cosine of the angle between the rows of p and y, as Keras: -1 is best, 1 worst.

    Parameters
    ----------
    epsilon : float, default 1e-7
        The least length that a row counts with; above 0.

    Examples
    --------
    >>> CosineSimilarity().name
    'cosine_similarity'
    """

    __slots__ = ()
    tag = "cosine_similarity"
    kind = 21


class MarginRanking(Loss):
    """``max(0, margin - s * (p[0] - p[1]))`` for two outputs, of which s names the larger one.

    Parameters
    ----------
    margin : float, default 0.0
        By how much; at least 0.

    Notes
    -----
    A target s is one column: 1 where the first output shall be larger, -1 (or 0) where the second.
    A margin that is just met has the derivative of one that is not, as in PyTorch.

    Examples
    --------
    >>> MarginRanking(margin=0.5).target_columns(2)
    1
    """

    __slots__ = ("margin",)
    tag = "margin_ranking"
    kind = 22
    takes = "signs"
    margin: float

    def __init__(self, margin: float = 0.0) -> None:
        self._set(margin=check_float(type(self).__name__, "margin", margin, at_least=0))

    @property
    def settings(self) -> dict[str, Any]:
        """The numbers that the kernel takes."""
        return {"margin": self.margin}

    def target_columns(self, outputs: int) -> int:
        """Return how many columns targets have: one."""
        return 1

    def check_outputs(self, outputs: int, activation: str) -> None:
        """Refuse all but two outputs."""
        if outputs != 2:
            raise ValueError(
                f"{self.name}: got {outputs} output columns; want the 2 that are compared"
            )


class FunctionLoss(Loss):
    """A person's own loss; `custom` makes one.

    Parameters
    ----------
    function : callable, scipy.LowLevelCallable or PyCapsule
        See `custom`.
    name : str, optional
    y_columns : int, optional

    Notes
    -----
    A loss that shall be written to files and read again is a subclass without such arguments, which
    the reader gets in ``custom_objects``.

    Examples
    --------
    >>> class Fourth(FunctionLoss):
    ...     def __init__(self):
    ...         super().__init__(lambda y, p: (((p - y) ** 4).mean(axis=1), 4 * (p - y) ** 3))
    >>> Fourth().config()
    {'kind': 'Fourth'}
    >>> Loss.from_config({"kind": "Fourth"}, custom_objects={"Fourth": Fourth}).name
    'Fourth'
    """

    __slots__ = ("function", "name", "y_columns")
    tag = "custom"
    kind = 23
    function: Any
    name: str
    y_columns: int | None

    def __init__(
        self, function: Any, name: str | None = None, y_columns: int | None = None
    ) -> None:
        from fastnn._core import own_loss_type

        where = "losses.custom" if type(self) is FunctionLoss else type(self).__name__
        if isinstance(function, type):
            raise TypeError(f"{where}: function must be a function, got the class {function!r}")
        own_loss_type(where, function)
        if name is None:
            name = getattr(function, "__name__", "") if type(self) is FunctionLoss else self.tag
            name = name if name.isidentifier() else "custom"
        if not isinstance(name, str):
            raise TypeError(f"{where}: name must be a string, got {describe(name)}")
        if y_columns is not None:
            y_columns = check_int(where, "y_columns", y_columns)
        self._set(function=function, name=name, y_columns=y_columns)

    @property
    def settings(self) -> dict[str, Any]:
        """The function, and what the kernel must know of it."""
        return {
            "function": self.function,
            "name": self.name,
            "target_columns": self.y_columns or 0,
        }

    def target_columns(self, outputs: int) -> int:
        """Return how many columns targets have: `y_columns`, by default as many as outputs."""
        return outputs if self.y_columns is None else self.y_columns

    def check_outputs(self, outputs: int, activation: str) -> None:
        """Refuse targets that are wider than the output."""
        if self.target_columns(outputs) > outputs:
            raise ValueError(
                f"{self.name}: y_columns is {self.y_columns}, but the network has {outputs} "
                f"outputs; want at most as many columns of y as outputs"
            )

    def config(self) -> dict[str, Any]:
        """Return all fields as a dict, for a subclass whose arguments JSON can hold.

        Raises
        ------
        TypeError
            For a loss that is made of a function: no file can hold that.

        Examples
        --------
        >>> custom(lambda y, p: (p[:, 0], p)).config()
        Traceback (most recent call last):
            ...
        TypeError: the loss 'custom' is made of a function, which no file can hold; make it a \
subclass of FunctionLoss whose __init__ takes no function, and give that in custom_objects
        """
        if "function" in self._arguments():
            raise TypeError(
                f"the loss {self.name!r} is made of a function, which no file can hold; make it a "
                f"subclass of FunctionLoss whose __init__ takes no function, and give that in "
                f"custom_objects"
            )
        return super().config()


def custom(
    function: Callable[..., Any] | Any, *, name: str | None = None, y_columns: int | None = None
) -> FunctionLoss:
    """Make a loss of a function that gives its values and their gradient.

    Parameters
    ----------
    function : callable, scipy.LowLevelCallable or PyCapsule
        A Python function ``f(y_true, y_pred)`` of two arrays (rows, columns) of the model's dtype;
        it returns a tuple: the loss of each row, shape (rows,), and its gradient by y_pred, shape
        (rows, outputs), nothing divided by the number of rows.  Weights and the mean over rows
        come after.

        Or a C function, which runs at full speed, without the GIL::

            void loss(const double *y_pred, const double *y_true, double *value, double *gradient,
                      size_t rows, size_t columns, void *user_data)

        with float for double if the model's dtype is float32.  It comes as a
        ``scipy.LowLevelCallable`` (SciPy makes them of ctypes, cffi and numba functions; it is not
        needed otherwise), or as a PyCapsule as SciPy describes it: its name is the signature.
    name : str, optional
        For messages; by default the function's.
    y_columns : int, optional
        Columns of y, if other than outputs; at most as many.

    Returns
    -------
    FunctionLoss

    Raises
    ------
    TypeError
        If `function` is neither, or the signature is another.

    Notes
    -----
    The function is called with parts of a batch, from any thread of the fit, so its rows must not
    depend on each other, and it must not use the model.  What it raises ends the fit; the step in
    progress is dropped before its update.  A gradient that is not finite is an error too.

    Examples
    --------
    >>> import fastnn as fnn
    >>> def fourth_power(y_true, y_pred):
    ...     error = y_pred - y_true
    ...     return (error**4).sum(axis=1), 4 * error**3
    >>> model = fnn.Sequential([fnn.Input(1), fnn.Dense(1, kernel_initializer="ones")])
    >>> loss = fnn.losses.custom(fourth_power)
    >>> fnn.Trainer(model, loss, fnn.SGD(0.01)).train_on_batch([[2.0]], [[4.0]])
    {'loss': 16.0}
    """
    return FunctionLoss(function, name, y_columns)


Loss.table = {
    cls.tag: cls
    for cls in (
        MeanSquaredError,
        MeanAbsoluteError,
        Huber,
        BinaryCrossentropy,
        CategoricalCrossentropy,
        SparseCategoricalCrossentropy,
        MeanAbsolutePercentageError,
        MeanSquaredLogarithmicError,
        LogCosh,
        Quantile,
        GaussianNLL,
        Poisson,
        Gamma,
        Tweedie,
        BinaryFocalCrossentropy,
        CategoricalFocalCrossentropy,
        KLDivergence,
        Hinge,
        SquaredHinge,
        CategoricalHinge,
        SoftMargin,
        CosineSimilarity,
        MarginRanking,
    )
} | {
    "mse": MeanSquaredError,
    "mae": MeanAbsoluteError,
    "mape": MeanAbsolutePercentageError,
    "msle": MeanSquaredLogarithmicError,
    "logcosh": LogCosh,
    "pinball": Quantile,
    "bce": BinaryCrossentropy,
    "cce": CategoricalCrossentropy,
    "scce": SparseCategoricalCrossentropy,
    "kld": KLDivergence,
}


_FOCAL = (BinaryFocalCrossentropy, CategoricalFocalCrossentropy)


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
        True if the loss's kernel is to be given logits and applies ``loss.fuses`` itself (the last
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
    loss.check_outputs(outputs, output_activation_name)
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
        elif output_activation_name in ("softmax", "sigmoid"):
            other = "categorical" if output_activation_name == "softmax" else "binary"
            focal = "focal_" if isinstance(loss, _FOCAL) else ""
            fix += f", or use {other}_{focal}crossentropy"
    raise ValueError(f"{problem}; {fix}")
