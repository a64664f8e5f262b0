"""How a fit of an estimator goes: the rule that ends it, learning rates, scores, what is printed.

These are scikit-learn's rules, on fastnn's loop: a `Follower` is the callback that applies them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy.typing as npt

from fastnn import optimizers, parallel
from fastnn._spec import lookup
from fastnn.callbacks import Callback
from fastnn.events import Event
from fastnn.optimizers import SGD, Adam, Optimizer
from fastnn.trainer import Trainer

__all__ = ["Follower", "is_lbfgs", "optimizer_of", "own_threads"]

LEAST_RATE = 1e-6  # of the adaptive learning rate


def is_lbfgs(estimator: Any) -> bool:
    """Tell whether the solver is L-BFGS, which knows no batches."""
    return isinstance(estimator.solver, str) and estimator.solver == "lbfgs"


def optimizer_of(estimator: Any) -> Optimizer:
    """Return the optimizer that an estimator's parameters describe."""
    solver, rate = estimator.solver, float(estimator.learning_rate_init)
    if solver == "sgd":
        momentum = float(estimator.momentum)
        nesterov = bool(estimator.nesterovs_momentum) and momentum > 0
        return SGD(rate, momentum=momentum, nesterov=nesterov)
    if solver == "adam":
        return Adam(rate, estimator.beta_1, estimator.beta_2, max(estimator.epsilon, 1e-30))
    if isinstance(solver, Optimizer):
        return solver
    where = type(estimator).__name__
    lookup("solver", solver, {**Optimizer.table, "lbfgs": None}, where)
    return optimizers.get(solver, where).replace(learning_rate=rate)


def own_threads(wanted: int | None) -> AbstractContextManager[None]:
    """Return a block with the threads of one estimator.

    Those asked for; in a worker of joblib one, unless somebody has asked for more there: the
    workers take the cores.
    """
    if wanted is not None:
        return parallel.threads(wanted)
    if parallel.source_of_num_threads() in ("cores", "CPU quota") and _in_worker():
        return parallel.threads(1)
    return nullcontext()


def _in_worker() -> bool:
    from joblib.parallel import get_active_backend

    return bool(getattr(get_active_backend()[0], "nesting_level", 0))


class Follower(Callback):
    """Follows a fit of `MLPRegressor` or `MLPClassifier` and ends it by scikit-learn's rule.

    Parameters
    ----------
    estimator : estimator
        Its fitted attributes are kept up to date.
    trainer : Trainer
    rows : int
        That are trained on in an epoch.
    losses : callable
        Returns the loss of each epoch of this fit, in scikit-learn's terms.
    score : callable, optional
        Returns the score of the validation data.
    only_once : bool
        Whether it is `partial_fit`, which no rule ends.
    """

    def __init__(
        self,
        estimator: Any,
        trainer: Trainer,
        rows: int,
        losses: Callable[[], list[float]],
        score: Callable[[], float] | None,
        *,
        only_once: bool = False,
    ) -> None:
        self.estimator = estimator
        self.trainer = trainer
        self.rows = rows
        self.losses = losses
        self.score = score
        self.only_once = only_once
        self.ended = False  # by the rule
        self.schedule = estimator.learning_rate if estimator.solver == "sgd" else "constant"
        self.best: npt.NDArray[Any] | None = None
        if estimator.early_stopping:
            self.best = trainer.model.snapshot()

    def on_epoch_end(self, event: Event) -> None:
        """Judge the epochs since the last look, and set the next learning rate."""
        est = self.estimator
        self.catch_up()
        if self.schedule == "invscaling":
            self.set_rate(event, est.learning_rate_init / (est.t_ + 1) ** est.power_t)
        if est._no_improvement_count > est.n_iter_no_change:
            self.end(event)
        if self.score is None and not est.verbose and self.schedule != "invscaling":
            # The rule cannot end the fit before so many more epochs: they stay in C.
            wait = est.n_iter_no_change - est._no_improvement_count
            self.sleeps_until = event.epoch + int(max(0, min(wait, est.max_iter)))

    def catch_up(self) -> None:
        """Write down the epochs that have been, as far as that is not done."""
        for loss in self.losses()[self.estimator.n_iter_ :]:
            self.take_loss(loss)

    def take_loss(self, loss: float) -> None:
        """Write an epoch down."""
        est = self.estimator
        est.n_iter_ += 1
        est.loss_ = loss
        est.t_ += self.rows
        est.loss_curve_.append(loss)
        if est.verbose:
            self.say(f"Iteration {est.n_iter_}, loss = {loss:.8f}")
        if self.score is not None:
            self.take_score(self.score())
        if not est.early_stopping:
            self.count(loss > est.best_loss_ - est.tol)
            est.best_loss_ = min(est.best_loss_, loss)

    def take_score(self, score: float) -> None:
        """Write a score of the validation data down, and judge by it if that is asked for."""
        est = self.estimator
        est.validation_scores_.append(score)
        if est.verbose:
            self.say(f"Validation score: {score:f}")
        if est.early_stopping:
            self.count(score < est.best_validation_score_ + est.tol)
        if score > est.best_validation_score_:
            est.best_validation_score_ = score
            if est.early_stopping:
                self.best = self.trainer.model.snapshot(self.best)

    def count(self, without_improvement: bool) -> None:
        """Count the epochs in a row without an improvement."""
        est = self.estimator
        est._no_improvement_count = est._no_improvement_count + 1 if without_improvement else 0

    def end(self, event: Event) -> None:
        """End the fit, or go on more slowly."""
        est = self.estimator
        what = "Validation score" if est.early_stopping else "Training loss"
        text = (
            f"{what} did not improve more than tol={est.tol:f} for {est.n_iter_no_change} "
            f"consecutive epochs."
        )
        if self.schedule == "adaptive":
            if event.learning_rate > LEAST_RATE:
                self.set_rate(event, event.learning_rate / 5)
                est._no_improvement_count = 0
                if est.verbose:
                    self.say(f"{text} Setting learning rate to {event.learning_rate:f}")
                return
            text += " Learning rate too small."
        if est.verbose:
            self.say(f"{text} Stopping.")
        if not self.only_once:
            self.ended = True
            event.stop()

    def set_rate(self, event: Event, rate: float) -> None:
        """Set the learning rate; the velocity goes on as it was.

        In scikit-learn's form of momentum the velocity holds the learning rate of its steps; in
        fastnn's it does not, so it is brought to where the next step makes the same of it.
        """
        velocity = self.trainer._state.arrays().get("velocity")
        if velocity is not None:
            velocity *= event.learning_rate / rate
        event.learning_rate = rate

    def restore_best(self) -> None:
        """Bring back the parameters of the best score."""
        if self.best is not None:
            self.trainer.model.restore(self.best)

    def say(self, text: str) -> None:
        """Print a line."""
        sys.stdout.write(f"{text}\n")
