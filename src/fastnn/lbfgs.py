"""L-BFGS for small data: SciPy's minimizer over the compiled loss and gradient.

A full-batch method with a line search: for networks of up to some thousand parameters on data that
fits in a few batches it often needs the fewest passes.  Needs SciPy (``pip install scipy``).
"""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from fastnn._spec import check_float, check_int
from fastnn.feed import judge
from fastnn.history import History

if TYPE_CHECKING:
    from fastnn.trainer import Trainer

__all__ = ["Minimum", "minimize"]

NON_NEGATIVE = 2  # a constraint's number that bounds can hold


class Minimum(NamedTuple):
    """What `minimize` found.

    Attributes
    ----------
    history : History
        The loss after each iteration.
    loss : float
        The last, penalties included.
    iterations, evaluations : int
        Steps taken, and passes over the data.
    converged : bool
        Whether a tolerance was reached, rather than a limit.
    message : str
        SciPy's reason for stopping.
    """

    history: History
    loss: float
    iterations: int
    evaluations: int
    converged: bool
    message: str


def minimize(
    trainer: Trainer,
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    *,
    sample_weight: npt.ArrayLike | None = None,
    max_iter: int = 200,
    tol: float = 1e-8,
    gradient_tol: float | None = None,
    max_evaluations: int = 15_000,
    history_size: int = 10,
) -> Minimum:
    """Minimize the loss of a trainer's model over all rows at once.

    The model's parameters end at the best point found; the trainer's optimizer takes no part.

    Parameters
    ----------
    trainer : Trainer
        Brings the model and the loss; its penalties count.
    x : array_like, shape (n, inputs)
    y : array_like, shape (n, outputs)
    sample_weight : array_like, shape (n,), optional
    max_iter : int, default 200
        Iterations at most; an iteration takes one or more passes over the data.
    tol : float, default 1e-8
        Stops where the loss falls by less than this share of itself, or no element of the
        gradient is larger than it.
    gradient_tol : float, optional
        The limit of the gradient, where it is another.
    max_evaluations : int, default 15000
        Passes over the data at most, but for those of the last line search.
    history_size : int, default 10
        Steps that the method remembers of the curvature.

    Returns
    -------
    Minimum

    Raises
    ------
    ImportError
        Without SciPy.
    TypeError, ValueError
        If the data does not fit, or a constraint is none of NonNegative: no norms can be kept.
    FloatingPointError
        If the loss is NaN or Inf at the start.
    RuntimeError
        If the model is being fitted already.

    Notes
    -----
    Float64 networks reach smaller gradients than float32 ones.  Layers that draw random numbers,
    such as dropout, give each pass another loss, with which a line search cannot work.

    References
    ----------
    Byrd, Lu, Nocedal and Zhu (1995), A limited memory algorithm for bound constrained
    optimization, as ``scipy.optimize.minimize(method="L-BFGS-B")``.

    Examples
    --------
    >>> import fastnn as fnn
    >>> from fastnn import lbfgs
    >>> model = fnn.Sequential([fnn.Input(1), fnn.Dense(1)], seed=0, dtype="float64")
    >>> trainer = fnn.Trainer(model, "mse")
    >>> found = lbfgs.minimize(trainer, [[0.0], [1.0], [2.0]], [1.0, 3.0, 5.0])
    >>> found.converged, bool(found.loss < 1e-12)
    (True, True)
    """
    where = "lbfgs.minimize"
    check_int(where, "max_iter", max_iter)
    check_float(where, "tol", tol, at_least=0)
    least = tol if gradient_tol is None else gradient_tol
    check_float(where, "gradient_tol", least, at_least=0)
    check_int(where, "max_evaluations", max_evaluations)
    check_int(where, "history_size", history_size)
    try:
        from scipy.optimize import minimize as scipy_minimize
    except ImportError as error:
        raise ImportError(f"{where}: needs SciPy; pip install scipy") from error
    rows = trainer._task.check(where, x, y, sample_weight, finite=True)
    model = trainer.model
    state = model._gradient_state()
    index, bounds = _trained(where, state.trained)
    run = trainer._run(len(rows.x), training=True, state=state)
    arena = model.snapshot()
    best = arena[index].astype(np.float64)
    history = History()
    evaluations = 0
    began = time.perf_counter()

    def evaluate(point: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]:
        nonlocal evaluations
        evaluations += 1
        arena[index] = point
        model.restore(arena)
        run.bind(*rows, None, len(rows.x), False)
        run.begin()
        wrong = run.advance(1)
        if wrong and evaluations == 1:
            judge(run, wrong, where)
        if wrong:  # the line search goes back
            return math.inf, np.zeros(len(index))
        return run.loss, model.gradient_arena[index].astype(np.float64)

    def note(intermediate_result: Any) -> None:
        nonlocal best
        best = np.array(intermediate_result.x)
        seconds = time.perf_counter() - began
        history.append(len(history.epoch) + 1, seconds, {"loss": float(intermediate_result.fun)})

    model.begin_fit()
    try:
        found = scipy_minimize(
            evaluate,
            best,
            jac=True,
            method="L-BFGS-B",
            bounds=bounds,
            callback=note,
            options={
                "maxiter": max_iter,
                "maxfun": max_evaluations,
                "ftol": tol,
                "gtol": least,
                "maxcor": history_size,
            },
        )
        best = np.array(found.x)
    finally:
        arena[index] = best
        model.restore(arena)
        model.end_fit()
        run.release()
    return Minimum(
        history=history,
        loss=float(found.fun),
        iterations=int(found.nit),
        evaluations=evaluations,
        converged=bool(found.success),
        message=str(found.message),
    )


def _trained(
    where: str, segments: tuple[tuple[int, int, int], ...]
) -> tuple[npt.NDArray[np.intp], list[tuple[float | None, None]]]:
    """Return the places of the trained elements in the arena, and the bounds of each."""
    places: list[npt.NDArray[np.intp]] = [np.empty(0, np.intp)]
    bounds: list[tuple[float | None, None]] = []
    for offset, size, constraint in segments:
        if constraint not in (0, NON_NEGATIVE):
            raise ValueError(
                f"{where}: a parameter has a constraint on its norm; only NonNegative can be kept"
            )
        places.append(np.arange(offset, offset + size))
        bounds += [(0.0 if constraint == NON_NEGATIVE else None, None)] * size
    return np.concatenate(places), bounds
