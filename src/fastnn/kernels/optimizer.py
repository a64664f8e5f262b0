"""Optimizer steps on arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from fastnn import _core
from fastnn._spec import check_float, check_int

__all__ = [
    "sgd_step",
    "adam_step",
    "adamw_step",
]

Array = npt.NDArray[np.floating[Any]]


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
