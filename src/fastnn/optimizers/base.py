"""What all optimizers have in common: the arguments that each takes, and the step on a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, ClassVar, TypedDict

from fastnn import schedules
from fastnn._spec import Spec, check_bool, check_float, check_int, describe, unexpected
from fastnn.schedules import Schedule

if TYPE_CHECKING:
    from typing import Protocol

    class Trainable(Protocol):
        """What `Optimizer.step` asks of a model."""

        def apply_gradients(self, optimizer: Optimizer, /) -> None: ...


__all__ = ["NO_SLOTS", "Common", "Decaying", "Optimizer", "Slots", "fits_any", "optional_float"]

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


# What Keras and PyTorch call an argument, for the message.
_ELSEWHERE = {
    "lr": "learning_rate",
    "clipvalue": "clip_value",
    "clipnorm": "clip_norm",
    "global_clipnorm": "global_clip_norm",
    "gradient_accumulation_steps": "accumulate_steps",
    "use_ema": "ema",
    "ema_momentum": "ema",
}


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
        **unknown: object,
    ) -> None:
        who = type(self).__name__
        if unknown:
            name = next(iter(unknown))
            near = _ELSEWHERE.get(name)
            hint = f"fastnn calls it {near!r}." if near else ""
            raise unexpected(who, name, type(self)._arguments(), hint)
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
            clip_value=optional_float(who, "clip_value", clip_value, above=0),
            clip_norm=optional_float(who, "clip_norm", clip_norm, above=0),
            global_clip_norm=optional_float(who, "global_clip_norm", global_clip_norm, above=0),
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
            ema=optional_float(who, "ema", ema, above=0, below=1),
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
        return self.weight_decay > 0 and not fits_any(parameter, self.exclude)

    def multiplier(self, parameter: str) -> float:
        """Return the factor of the learning rate for the parameter of this name."""
        for pattern, factor in self.multipliers.items():
            if fnmatchcase(parameter, pattern):
                return factor
        return 1.0

    def check_names(self, parameters: Sequence[str]) -> None:
        """Refuse patterns of parameters that a model does not have.

        Raises
        ------
        ValueError
            The message lists the names that there are.
        """
        for argument in ("exclude", "multipliers", "kernels"):  # the last is Muon's
            for pattern in getattr(self, argument, None) or ():
                if not any(fnmatchcase(name, pattern) for name in parameters):
                    raise ValueError(
                        f"{type(self).__name__}: {argument}: no parameter is named {pattern!r}; "
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


def optional_float(
    who: str, name: str, value: object, *, above: float, below: float | None = None
) -> float | None:
    """Return a number that may be left out, checked."""
    return None if value is None else check_float(who, name, value, above=above, below=below)


def fits_any(name: str, patterns: Sequence[str]) -> bool:
    """Tell whether a parameter's name fits one of the patterns."""
    return any(fnmatchcase(name, pattern) for pattern in patterns)
