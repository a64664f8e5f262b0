"""Learning-rate schedules: frozen specs, evaluated in C before each step of a fit.

A schedule maps the number of updates done so far to a rate: the first step of a fit has the rate of
step 0.  ``optimizer=Adam(learning_rate=Cosine(1e-3, steps=1000))`` uses one; calling it with a step
gives the rate, by the same C function.  A rate that is a function of one's own is set from a
handler or a callback, between epochs or batches.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import ClassVar

from fastnn._spec import Spec, check_bool, check_float, check_int, describe, resolve

__all__ = [
    "Constant",
    "Cosine",
    "CosineDecay",
    "CosineDecayRestarts",
    "CosineRestarts",
    "Exponential",
    "ExponentialDecay",
    "InverseTime",
    "InverseTimeDecay",
    "Linear",
    "OneCycle",
    "Piecewise",
    "PiecewiseConstantDecay",
    "Polynomial",
    "PolynomialDecay",
    "Schedule",
    "Warmup",
    "get",
]

# (kind, rate, steps, a, b, c, flag, warm-up steps, warm-up start, table) of schedule.h
Numbers = tuple[int, float, float, float, float, float, bool, float, float, tuple[float, ...]]


class Schedule(Spec):
    """Base of the schedules.

    Attributes
    ----------
    kind : int
        Number of the formula, as in csrc/include/fastnn/schedule.h.
    peak : float
        The largest rate of any step.
    """

    __slots__ = ()
    kind: ClassVar[int]

    @property
    def peak(self) -> float:
        """The largest rate of any step."""
        raise TypeError(f"{type(self).__name__} is no schedule by itself")

    def numbers(self) -> Numbers:
        """Return what the C function takes."""
        raise TypeError(f"{type(self).__name__} is no schedule by itself")

    def __call__(self, step: int) -> float:
        """Return the rate of the step that comes after `step` updates.

        Parameters
        ----------
        step : int
            At least 0.

        Examples
        --------
        >>> Linear(0.1, steps=10)(5)
        0.05
        """
        from fastnn._core import schedule_at

        return schedule_at(self.numbers(), check_int(type(self).__name__, "step", step, 0))


def _rate(who: str, name: str, value: object, *, above: float | None = None) -> float:
    return check_float(who, name, value, above=above, at_least=0 if above is None else None)


class Constant(Schedule):
    """The same rate at every step.

    Parameters
    ----------
    learning_rate : float
        At least 0.

    Examples
    --------
    >>> Constant(0.1)(1000)
    0.1
    """

    __slots__ = ("learning_rate",)
    tag = "constant"
    kind = 0
    learning_rate: float

    def __init__(self, learning_rate: float) -> None:
        self._set(learning_rate=_rate("Constant", "learning_rate", learning_rate))

    @property
    def peak(self) -> float:
        """The largest rate of any step."""
        return self.learning_rate

    def numbers(self) -> Numbers:
        """Return what the C function takes."""
        return (self.kind, self.learning_rate, 1.0, 0.0, 0.0, 0.0, False, 0.0, 0.0, ())


class Linear(Schedule):
    """A line from one rate to another, which then stays.

    Parameters
    ----------
    learning_rate : float
        At step 0; at least 0.
    steps : int
        Until `end` is reached.
    end : float, default 0.0
        At least 0.

    Examples
    --------
    >>> schedule = Linear(1.0, steps=4, end=0.5)
    >>> [schedule(step) for step in (0, 2, 4, 6)]
    [1.0, 0.75, 0.5, 0.5]
    """

    __slots__ = ("end", "learning_rate", "steps")
    tag = "linear"
    kind = 1
    learning_rate: float
    steps: int
    end: float

    def __init__(self, learning_rate: float, steps: int, end: float = 0.0) -> None:
        self._set(
            learning_rate=_rate("Linear", "learning_rate", learning_rate),
            steps=check_int("Linear", "steps", steps),
            end=_rate("Linear", "end", end),
        )

    @property
    def peak(self) -> float:
        """The largest rate of any step."""
        return max(self.learning_rate, self.end)

    def numbers(self) -> Numbers:
        """Return what the C function takes."""
        return (self.kind, self.learning_rate, self.steps, self.end, 0.0, 0.0, False, 0.0, 0.0, ())


class Exponential(Schedule):
    """``learning_rate * decay_rate**(step / steps)``; Keras's ExponentialDecay.

    Parameters
    ----------
    learning_rate : float
        Above 0.
    steps : int
        In which the rate falls by the factor `decay_rate`.
    decay_rate : float
        Above 0 and at most 1, so that the rate stays finite.
    staircase : bool, default False
        Round the exponent down to whole numbers.

    Examples
    --------
    >>> schedule = Exponential(1.0, steps=10, decay_rate=0.25)
    >>> [schedule(step) for step in (0, 5, 10)]
    [1.0, 0.5, 0.25]
    """

    __slots__ = ("decay_rate", "learning_rate", "staircase", "steps")
    tag = "exponential"
    kind = 2
    learning_rate: float
    steps: int
    decay_rate: float
    staircase: bool

    def __init__(
        self, learning_rate: float, steps: int, decay_rate: float, staircase: bool = False
    ) -> None:
        who = "Exponential"
        self._set(
            learning_rate=_rate(who, "learning_rate", learning_rate, above=0),
            steps=check_int(who, "steps", steps),
            decay_rate=check_float(who, "decay_rate", decay_rate, above=0),
            staircase=check_bool(who, "staircase", staircase),
        )
        if self.decay_rate > 1:
            raise ValueError(
                f"{who}: decay_rate must be at most 1, got {self.decay_rate}; "
                f"the rate would grow without end"
            )

    @property
    def peak(self) -> float:
        """The largest rate of any step."""
        return self.learning_rate

    def numbers(self) -> Numbers:
        """Return what the C function takes."""
        rate, steps, factor = self.learning_rate, self.steps, self.decay_rate
        return (self.kind, rate, steps, factor, 0.0, 0.0, self.staircase, 0.0, 0.0, ())


class Cosine(Schedule):
    """Half a cosine from `learning_rate` down to `alpha` times it; Keras's CosineDecay.

    ``learning_rate * ((1 - alpha) * (1 + cos(pi * min(step / steps, 1))) / 2 + alpha)``

    Parameters
    ----------
    learning_rate : float
        At step 0; above 0.
    steps : int
        Until the end is reached, where the rate stays.
    alpha : float, default 0.0
        The last rate as a share of the first; within 0 and 1.

    References
    ----------
    Loshchilov and Hutter (2017), SGDR: stochastic gradient descent with warm restarts,
    arXiv:1608.03983.

    Examples
    --------
    >>> schedule = Cosine(1.0, steps=100)
    >>> [round(schedule(step), 6) for step in (0, 50, 100, 200)]
    [1.0, 0.5, 0.0, 0.0]
    """

    __slots__ = ("alpha", "learning_rate", "steps")
    tag = "cosine"
    kind = 3
    learning_rate: float
    steps: int
    alpha: float

    def __init__(self, learning_rate: float, steps: int, alpha: float = 0.0) -> None:
        self._set(
            learning_rate=_rate("Cosine", "learning_rate", learning_rate, above=0),
            steps=check_int("Cosine", "steps", steps),
            alpha=_share("Cosine", "alpha", alpha),
        )

    @property
    def peak(self) -> float:
        """The largest rate of any step."""
        return self.learning_rate

    def numbers(self) -> Numbers:
        """Return what the C function takes."""
        rate, steps = self.learning_rate, self.steps
        return (self.kind, rate, steps, self.alpha, 0.0, 0.0, False, 0.0, 0.0, ())


class CosineRestarts(Schedule):
    """Cosines that begin anew, over ever longer periods; Keras's CosineDecayRestarts.

    Parameters
    ----------
    learning_rate : float
        At step 0; above 0.
    steps : int
        Of the first period.
    t_mul : float, default 2.0
        How many times as long each period is as the one before; at least 1.
    m_mul : float, default 1.0
        How many times as high; within 0 and 1.
    alpha : float, default 0.0
        The lowest rate as a share of `learning_rate`; within 0 and 1.

    References
    ----------
    Loshchilov and Hutter (2017), SGDR: stochastic gradient descent with warm restarts,
    arXiv:1608.03983.

    Examples
    --------
    >>> schedule = CosineRestarts(1.0, steps=10)
    >>> [round(schedule(step), 6) for step in (0, 5, 10, 20, 30)]
    [1.0, 0.5, 1.0, 0.5, 1.0]
    """

    __slots__ = ("alpha", "learning_rate", "m_mul", "steps", "t_mul")
    tag = "cosine_restarts"
    kind = 4
    learning_rate: float
    steps: int
    t_mul: float
    m_mul: float
    alpha: float

    def __init__(
        self,
        learning_rate: float,
        steps: int,
        t_mul: float = 2.0,
        m_mul: float = 1.0,
        alpha: float = 0.0,
    ) -> None:
        who = "CosineRestarts"
        self._set(
            learning_rate=_rate(who, "learning_rate", learning_rate, above=0),
            steps=check_int(who, "steps", steps),
            t_mul=check_float(who, "t_mul", t_mul, at_least=1),
            m_mul=_share(who, "m_mul", m_mul),
            alpha=_share(who, "alpha", alpha),
        )

    @property
    def peak(self) -> float:
        """The largest rate of any step."""
        return self.learning_rate

    def numbers(self) -> Numbers:
        """Return what the C function takes."""
        rate, steps = self.learning_rate, self.steps
        return (
            *(self.kind, rate, steps, self.alpha, self.t_mul, self.m_mul, False, 0.0, 0.0),
            (),
        )


class Polynomial(Schedule):
    """``(learning_rate - end) * (1 - step / steps)**power + end``; Keras's PolynomialDecay.

    Parameters
    ----------
    learning_rate : float
        At step 0; at least 0.
    steps : int
        Until `end` is reached.
    end : float, default 1e-4
        At least 0.
    power : float, default 1.0
        Above 0.
    cycle : bool, default False
        After `steps` begin anew over twice as many, then three times, from where such a longer
        decay is by then; else the rate stays at `end`.

    Examples
    --------
    >>> schedule = Polynomial(1.0, steps=10, end=0.0, power=2.0)
    >>> [schedule(step) for step in (0, 5, 10)]
    [1.0, 0.25, 0.0]
    """

    __slots__ = ("cycle", "end", "learning_rate", "power", "steps")
    tag = "polynomial"
    kind = 5
    learning_rate: float
    steps: int
    end: float
    power: float
    cycle: bool

    def __init__(
        self,
        learning_rate: float,
        steps: int,
        end: float = 1e-4,
        power: float = 1.0,
        cycle: bool = False,
    ) -> None:
        who = "Polynomial"
        self._set(
            learning_rate=_rate(who, "learning_rate", learning_rate),
            steps=check_int(who, "steps", steps),
            end=_rate(who, "end", end),
            power=check_float(who, "power", power, above=0),
            cycle=check_bool(who, "cycle", cycle),
        )

    @property
    def peak(self) -> float:
        """The largest rate of any step."""
        return max(self.learning_rate, self.end)

    def numbers(self) -> Numbers:
        """Return what the C function takes."""
        rate, steps = self.learning_rate, self.steps
        return (self.kind, rate, steps, self.end, self.power, 0.0, self.cycle, 0.0, 0.0, ())


class InverseTime(Schedule):
    """``learning_rate / (1 + decay_rate * step / steps)``; Keras's InverseTimeDecay.

    Parameters
    ----------
    learning_rate : float
        At step 0; above 0.
    steps : int
    decay_rate : float
        At least 0.
    staircase : bool, default False
        Round ``step / steps`` down to whole numbers.

    Examples
    --------
    >>> schedule = InverseTime(1.0, steps=10, decay_rate=1.0)
    >>> [schedule(step) for step in (0, 10, 30)]
    [1.0, 0.5, 0.25]
    """

    __slots__ = ("decay_rate", "learning_rate", "staircase", "steps")
    tag = "inverse_time"
    kind = 6
    learning_rate: float
    steps: int
    decay_rate: float
    staircase: bool

    def __init__(
        self, learning_rate: float, steps: int, decay_rate: float, staircase: bool = False
    ) -> None:
        who = "InverseTime"
        self._set(
            learning_rate=_rate(who, "learning_rate", learning_rate, above=0),
            steps=check_int(who, "steps", steps),
            decay_rate=check_float(who, "decay_rate", decay_rate, at_least=0),
            staircase=check_bool(who, "staircase", staircase),
        )

    @property
    def peak(self) -> float:
        """The largest rate of any step."""
        return self.learning_rate

    def numbers(self) -> Numbers:
        """Return what the C function takes."""
        rate, steps, factor = self.learning_rate, self.steps, self.decay_rate
        return (self.kind, rate, steps, factor, 0.0, 0.0, self.staircase, 0.0, 0.0, ())


class Piecewise(Schedule):
    """A constant rate between boundaries; Keras's PiecewiseConstantDecay.

    Parameters
    ----------
    boundaries : sequence of int
        Rising; the first rate holds up to and including the first of them.
    values : sequence of float
        Rates, one more than there are boundaries; each at least 0.

    Examples
    --------
    >>> schedule = Piecewise([100, 200], [0.1, 0.01, 0.001])
    >>> [schedule(step) for step in (0, 100, 101, 201)]
    [0.1, 0.1, 0.01, 0.001]
    """

    __slots__ = ("boundaries", "values")
    tag = "piecewise"
    kind = 7
    boundaries: tuple[int, ...]
    values: tuple[float, ...]

    def __init__(self, boundaries: Sequence[int], values: Sequence[float]) -> None:
        who = "Piecewise"
        for name, given in (("boundaries", boundaries), ("values", values)):
            if isinstance(given, (str, bytes)) or not isinstance(given, Sequence):
                raise TypeError(f"{who}: {name} must be a list or tuple, got {describe(given)}")
        ends = tuple(
            check_int(who, f"boundaries[{i}]", value, 0) for i, value in enumerate(boundaries)
        )
        rates = tuple(_rate(who, f"values[{i}]", value) for i, value in enumerate(values))
        if len(rates) != len(ends) + 1:
            raise ValueError(
                f"{who}: want one more value than boundaries, "
                f"got {len(rates)} values and {len(ends)} boundaries"
            )
        if any(later <= earlier for earlier, later in pairwise(ends)):
            raise ValueError(f"{who}: boundaries must rise, got {list(ends)}")
        self._set(boundaries=ends, values=rates)

    @property
    def peak(self) -> float:
        """The largest rate of any step."""
        return max(self.values)

    def numbers(self) -> Numbers:
        """Return what the C function takes."""
        table = (*map(float, self.boundaries), *self.values)
        return (self.kind, self.values[0], 1.0, 0.0, 0.0, 0.0, False, 0.0, 0.0, table)


class OneCycle(Schedule):
    """Up to a peak and down again over the whole training, along cosines.

    As PyTorch's OneCycleLR with its defaults; after the last step the rate stays.

    Parameters
    ----------
    learning_rate : float
        The peak; above 0.
    steps : int
        Of the whole training; at least 2.
    pct_start : float, default 0.3
        The share of the steps that goes up; more than one step's, below 1.
    div_factor : float, default 25.0
        The peak over the first rate; at least 1.
    final_div_factor : float, default 1e4
        The first rate over the last; at least 1.

    References
    ----------
    Smith and Topin (2019), Super-convergence: very fast training of neural networks using large
    learning rates, arXiv:1708.07120.

    Examples
    --------
    >>> schedule = OneCycle(1.0, steps=101, pct_start=51 / 101)
    >>> [round(schedule(step), 6) for step in (0, 50, 100)]
    [0.04, 1.0, 4e-06]
    """

    __slots__ = ("div_factor", "final_div_factor", "learning_rate", "pct_start", "steps")
    tag = "one_cycle"
    kind = 8
    learning_rate: float
    steps: int
    pct_start: float
    div_factor: float
    final_div_factor: float

    def __init__(
        self,
        learning_rate: float,
        steps: int,
        pct_start: float = 0.3,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
    ) -> None:
        who = "OneCycle"
        self._set(
            learning_rate=_rate(who, "learning_rate", learning_rate, above=0),
            steps=check_int(who, "steps", steps, 2),
            pct_start=check_float(who, "pct_start", pct_start, above=0, below=1),
            div_factor=check_float(who, "div_factor", div_factor, at_least=1),
            final_div_factor=check_float(who, "final_div_factor", final_div_factor, at_least=1),
        )
        if self.pct_start * self.steps <= 1:
            raise ValueError(
                f"{who}: pct_start * steps must be above 1, got {self.pct_start} * {self.steps}; "
                f"the way up needs at least a step"
            )

    @property
    def peak(self) -> float:
        """The largest rate of any step."""
        return self.learning_rate

    def numbers(self) -> Numbers:
        """Return what the C function takes."""
        rate, steps, part = self.learning_rate, self.steps, self.pct_start
        return (
            *(self.kind, rate, steps, part, self.div_factor, self.final_div_factor),
            *(False, 0.0, 0.0, ()),
        )


class Warmup(Schedule):
    """A line from `start` to where another schedule begins, then that schedule.

    Parameters
    ----------
    schedule : Schedule or float
        What follows; its step 0 is step `steps` here.
    steps : int
        Of the warm-up.
    start : float, default 0.0
        The rate of step 0; at least 0.

    Examples
    --------
    >>> schedule = Warmup(Cosine(1.0, steps=100), steps=10)
    >>> [round(schedule(step), 6) for step in (0, 5, 10, 60, 110)]
    [0.0, 0.5, 1.0, 0.5, 0.0]
    """

    __slots__ = ("schedule", "start", "steps")
    tag = "warmup"
    schedule: Schedule
    steps: int
    start: float

    def __init__(self, schedule: Schedule | float, steps: int, start: float = 0.0) -> None:
        inner = schedule if not isinstance(schedule, (int, float)) else Constant(schedule)
        self._set(
            schedule=resolve(Schedule, inner, "Warmup"),
            steps=check_int("Warmup", "steps", steps),
            start=_rate("Warmup", "start", start),
        )
        if isinstance(self.schedule, Warmup):
            raise ValueError("Warmup: schedule is a Warmup itself; one can stand in front of any")

    @property
    def peak(self) -> float:
        """The largest rate of any step."""
        return max(self.start, self.schedule.peak)

    def numbers(self) -> Numbers:
        """Return what the C function takes."""
        numbers = self.schedule.numbers()
        return (*numbers[:7], float(self.steps), self.start, numbers[9])


def _share(who: str, name: str, value: object) -> float:
    share = check_float(who, name, value, at_least=0)
    if share > 1:
        raise ValueError(f"{who}: {name} must be within 0 and 1, got {share}")
    return share


ExponentialDecay = Exponential
CosineDecay = Cosine
CosineDecayRestarts = CosineRestarts
PolynomialDecay = Polynomial
InverseTimeDecay = InverseTime
PiecewiseConstantDecay = Piecewise

_ALL: tuple[type[Schedule], ...] = (
    *(Constant, Linear, Exponential, Cosine, CosineRestarts, Polynomial, InverseTime, Piecewise),
    *(OneCycle, Warmup),
)
Schedule.table = {cls.tag: cls for cls in _ALL}


def get(schedule: object, where: str = "schedules.get") -> Schedule:
    """Return the schedule that a rate, a spec or a config stands for.

    Parameters
    ----------
    schedule : float, Schedule or mapping
    where : str
        Who asks; begins the message of an error.

    Raises
    ------
    TypeError, ValueError
        If it is none of these.

    Examples
    --------
    >>> get(0.1)
    Constant(0.1)
    >>> get({"kind": "cosine", "learning_rate": 1.0, "steps": 10})
    Cosine(1.0, 10)
    """
    if isinstance(schedule, (int, float)) and not isinstance(schedule, bool):
        return Constant(schedule)
    return resolve(Schedule, schedule, where)
