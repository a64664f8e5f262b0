"""Optimizer steps on arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from fastnn import _core
from fastnn._spec import check_float, check_int

if TYPE_CHECKING:
    from fastnn.optimizers import Optimizer

__all__ = [
    "optimizer_state",
    "optimizer_step",
    "sgd_step",
    "adam_step",
    "adamw_step",
]

Array = npt.NDArray[np.floating[Any]]
SCALARS = 4  # FNN_UPDATE_SCALARS of csrc/include/fastnn/update.h


def optimizer_state(optimizer: str | Optimizer, param: Array) -> dict[str, Array]:
    """What an optimizer remembers of one parameter before its first step.

    Parameters
    ----------
    optimizer : str or Optimizer
        Such as "yogi", ``fastnn.optimizers.Lamb(weight_decay=0.01)``.
    param : ndarray, shape (n,) or (rows, columns)
        Only its shape, dtype and (for averages and lookahead) values count.

    Returns
    -------
    dict of str to ndarray
        What `optimizer_step` overwrites: the optimizer's arrays under their names, such as "m" and
        "v", mostly of the shape of `param`; "ema", "slow" and "accumulated" where it is to average,
        look ahead, accumulate; and "scalars", a few numbers of float64.

    Raises
    ------
    TypeError, ValueError
        If the optimizer is unknown, or `param` is no array of float32 or float64.

    Examples
    --------
    >>> state = optimizer_state("adam", np.zeros((2, 3)))
    >>> {name: array.shape for name, array in state.items()}
    {'m': (2, 3), 'v': (2, 3), 'scalars': (4,)}
    """
    where = "optimizer_state"
    spec, settings = _settings(where, optimizer)
    given: object = param
    if not isinstance(given, np.ndarray) or given.dtype not in (np.float32, np.float64):
        got = given.dtype if isinstance(given, np.ndarray) else type(given).__name__
        raise TypeError(f"{where}: param must be an array of float32 or float64, got {got}")
    shape: tuple[int, ...] = param.shape
    if spec.tag == "adafactor":
        shape = (param.size // param.shape[-1] + param.shape[-1],) if param.ndim > 1 else shape
    state: dict[str, Array] = {}
    first = settings.get("initial", (0.0, 0.0, 0.0))
    for name, value in zip(settings["slots"], first, strict=True):
        if name is not None:
            state[name] = np.full(shape, value, param.dtype)
    for name, wanted in (
        ("ema", spec.ema is not None),
        ("slow", spec.lookahead_steps is not None),
        ("accumulated", spec.accumulate_steps > 1),
    ):
        if wanted:
            state[name] = np.zeros_like(param, order="C")
    state["scalars"] = np.zeros(SCALARS)
    return state


def optimizer_step(
    optimizer: str | Optimizer,
    param: Array,
    grad: Array,
    state: dict[str, Array],
    *,
    t: int,
    seed: int = 0,
) -> bool:
    """One step of any optimizer on one parameter, written into `param` and `state`.

    All that the optimizer's arguments ask for is done: schedules, decay, clipping, accumulation.
    A `Trainer` does the same over all parameters of a model, in one call.  Averages are kept in
    `state`, not written into `param`: "ema", and those of `ScheduleFreeAdamW`, whose `param` is
    the point where gradients are taken.

    Parameters
    ----------
    optimizer : str or Optimizer
        Without patterns of names (`exclude`, `multipliers`): there is one parameter.
    param : ndarray, shape (n,) or (rows, columns), C order
        Overwritten.  A matrix is a kernel to those that care: `Adafactor`, `Muon`, centralization.
    grad : ndarray, shape of `param`
        Gradient of the mean loss; read only.
    state : dict of str to ndarray
        From `optimizer_state`; overwritten.
    t : int
        Number of this step, counted from 1.
    seed : int, default 0
        Of noise.

    Returns
    -------
    bool
        Whether `param` was updated: not if the gradient was only added up.

    Raises
    ------
    TypeError, ValueError
        If the optimizer is unknown, `t` is below 1, or arrays do not go together or share memory.
    FloatingPointError
        If a norm that is to be clipped is not finite; nothing has changed.

    Examples
    --------
    >>> from fastnn.optimizers import Lion
    >>> lion, param = Lion(0.5), np.array([1.0, 2.0])
    >>> state = optimizer_state(lion, param)
    >>> optimizer_step(lion, param, np.array([3.0, -0.1]), state, t=1)
    True
    >>> param
    array([0.5, 2.5])
    """
    where = "optimizer_step"
    spec, settings = _settings(where, optimizer)
    if spec.exclude or spec.multipliers:
        raise ValueError(f"{where}: exclude and multipliers name parameters of a model; want none")
    check_int(where, "t", t)
    check_int(where, "seed", seed, 0)
    wanted = optimizer_state(spec, param)
    given: object = state
    if not isinstance(given, dict) or set(given) != set(wanted):
        got = ", ".join(given) if isinstance(given, dict) else type(given).__name__
        raise ValueError(f"{where}: state must hold {', '.join(wanted)}, got {got}")
    for name, array in wanted.items():
        if np.shape(state[name]) != array.shape:
            raise ValueError(
                f"{where}: state[{name!r}] has shape {np.shape(state[name])}, want {array.shape}"
            )
    return _core.optimizer_step(where, settings, param, grad, state, t, seed)


def _settings(where: str, optimizer: str | Optimizer) -> tuple[Optimizer, dict[str, Any]]:
    from fastnn import optimizers

    spec = optimizers.get(optimizer, where)
    return spec, spec.settings()


def sgd_step(
    param: Array,
    grad: Array,
    velocity: Array | None = None,
    *,
    learning_rate: float,
    momentum: float = 0.0,
    nesterov: bool = False,
) -> None:
    """One step of stochastic gradient descent, written into `param` and `velocity`.

    ``velocity = momentum * velocity + grad``, then ``param -= learning_rate * velocity``, or with
    `nesterov` ``param -= learning_rate * (grad + momentum * velocity)``.  The learning rate is not
    part of the velocity, as in PyTorch.

    Parameters
    ----------
    param : ndarray, shape (n,), C order
        Parameters; overwritten.
    grad : ndarray, shape (n,)
        Gradient of the mean loss; read only.
    velocity : ndarray, shape (n,), C order, optional
        Overwritten; zeros before the first step.  None where `momentum` is 0.
    learning_rate : float
    momentum : float, default 0.0
        Within 0 and 1.
    nesterov : bool, default False

    Raises
    ------
    ValueError
        If the lengths differ, a number is out of range, two arrays share memory, or `momentum`
        comes without `velocity`.
    TypeError
        If an argument is no array, or dtypes differ.

    References
    ----------
    Polyak (1964), Some methods of speeding up the convergence of iteration methods; Sutskever,
    Martens, Dahl and Hinton (2013), On the importance of initialization and momentum in deep
    learning, for Nesterov's form.

    Examples
    --------
    >>> param = np.array([1.0, 2.0])
    >>> sgd_step(param, np.array([1.0, -1.0]), learning_rate=0.5)
    >>> param
    array([0.5, 2.5])
    """
    where = "sgd_step"
    learning_rate = check_float(where, "learning_rate", learning_rate)
    momentum = check_float(where, "momentum", momentum, at_least=0, below=1)
    _core.sgd_step(where, param, grad, velocity, learning_rate, momentum, nesterov)


def adam_step(
    param: Array,
    grad: Array,
    m: Array,
    v: Array,
    *,
    t: int,
    learning_rate: float = 1e-3,
    beta_1: float = 0.9,
    beta_2: float = 0.999,
    epsilon: float = 1e-8,
) -> None:
    """One Adam step, written into `param`, `m` and `v`.

    Parameters
    ----------
    param, m, v : ndarray, shape (n,), C order
        Parameters, first and second moments; all three are overwritten.  The moments are zeros
        before the first step.
    grad : ndarray, shape (n,)
        Gradient of the mean loss; read only.
    t : int
        Number of this step, counted from 1.
    learning_rate : float
    beta_1, beta_2 : float
        Within 0 and 1.
    epsilon : float
        Added to sqrt(v / (1 - beta_2**t)), not to sqrt(v).

    Raises
    ------
    ValueError
        If the lengths differ, `t` is below 1, a number is out of range, or two arrays share memory.
    TypeError
        If an argument is no array, or dtypes differ.

    References
    ----------
    Kingma and Ba (2015), Adam: a method for stochastic optimization, arXiv:1412.6980, Algorithm 1.

    Examples
    --------
    >>> param, m, v = np.array([1.0, 2.0]), np.zeros(2), np.zeros(2)
    >>> adam_step(param, np.array([3.0, -0.1]), m, v, t=1, learning_rate=0.5)
    >>> param.round(6)
    array([0.5, 2.5])
    """
    _adam("adam_step", param, grad, m, v, t, learning_rate, beta_1, beta_2, epsilon, 0.0)


def adamw_step(
    param: Array,
    grad: Array,
    m: Array,
    v: Array,
    *,
    t: int,
    learning_rate: float = 1e-3,
    beta_1: float = 0.9,
    beta_2: float = 0.999,
    epsilon: float = 1e-8,
    weight_decay: float = 0.01,
) -> None:
    """One AdamW step: ``param *= 1 - learning_rate * weight_decay``, then an Adam step.

    Parameters
    ----------
    param, grad, m, v, t, learning_rate, beta_1, beta_2, epsilon
        As for `adam_step`.
    weight_decay : float, default 0.01
        At least 0; the moments do not see it.

    Raises
    ------
    ValueError, TypeError
        As for `adam_step`.

    References
    ----------
    Loshchilov and Hutter (2019), Decoupled weight decay regularization, arXiv:1711.05101,
    Algorithm 2.

    Examples
    --------
    >>> param, m, v = np.array([1.0, 2.0]), np.zeros(2), np.zeros(2)
    >>> adamw_step(param, np.zeros(2), m, v, t=1, learning_rate=0.5, weight_decay=0.1)
    >>> param
    array([0.95, 1.9 ])
    """
    weight_decay = check_float("adamw_step", "weight_decay", weight_decay, at_least=0)
    _adam("adamw_step", param, grad, m, v, t, learning_rate, beta_1, beta_2, epsilon, weight_decay)


def _adam(
    where: str,
    param: Array,
    grad: Array,
    m: Array,
    v: Array,
    t: int,
    learning_rate: float,
    beta_1: float,
    beta_2: float,
    epsilon: float,
    weight_decay: float,
) -> None:
    t = check_int(where, "t", t)
    learning_rate = check_float(where, "learning_rate", learning_rate)
    beta_1 = check_float(where, "beta_1", beta_1, at_least=0, below=1)
    beta_2 = check_float(where, "beta_2", beta_2, at_least=0, below=1)
    epsilon = check_float(where, "epsilon", epsilon, at_least=0)
    _core.adam_step(
        where, param, grad, m, v, t, learning_rate, beta_1, beta_2, epsilon, weight_decay
    )
