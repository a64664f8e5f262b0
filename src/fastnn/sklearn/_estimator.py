"""What `MLPRegressor` and `MLPClassifier` share: fitting, predicting, pickling."""

from __future__ import annotations

import sys
import warnings
from abc import abstractmethod
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from fastnn import lbfgs
from fastnn._spec import describe
from fastnn.callbacks.base import check_callbacks
from fastnn.history import History
from fastnn.model import Model
from fastnn.optimizers import Optimizer
from fastnn.sklearn._goals import Goal
from fastnn.sklearn._network import Plan, build, deploy, initialize, of_rows, views
from fastnn.sklearn._parameters import COMMON
from fastnn.sklearn._training import Follower, is_lbfgs, optimizer_of, own_threads
from fastnn.trainer import Trainer

__all__ = ["BaseMLP"]

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]

MOST_COPIED = 1 << 26  # bytes of rows that are copied for a fit


class Rows(NamedTuple):
    """Rows to train on or to score: checked, y as the subclass encodes it."""

    x: Any
    y: Any
    weight: Floats | None


def _as_trained_on(x: Any, dtype: str) -> Any:
    """Return rows as the network takes them, which is quicker than to convert them in each epoch.

    Large ones stay as they are: they would be in memory twice.
    """
    plain = not isinstance(x, np.ndarray) or (x.dtype == dtype and x.flags.c_contiguous)
    if plain or x.size * np.dtype(dtype).itemsize > MOST_COPIED:
        return x
    with np.errstate(over="ignore"):  # the loss tells
        return x.astype(dtype, order="C")


class Progress(NamedTuple):
    """What a pickle keeps of a trainer, so that `partial_fit` can go on."""

    optimizer: Any
    arrays: dict[str, Array]
    steps: int
    epochs: int
    seed: int


class BaseMLP(BaseEstimator):  # type: ignore[misc]  # untyped
    """Base of the estimators; they say what y means."""

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = COMMON

    coefs_: list[Array]
    intercepts_: list[Array]

    # -- what the subclasses say ------------------------------------------------------------------

    @abstractmethod
    def _check_y(self, X: Any, y: Any, *, first: bool, incremental: bool) -> tuple[Any, Any]:
        """Return checked rows and encoded targets; sets what is known of the targets."""

    @abstractmethod
    def _encode(self, y: Any) -> Any:
        """Return checked targets of validation data, encoded as those of `_check_y`."""

    @abstractmethod
    def _make_goal(self) -> Goal:
        """Return what the network learns, after `_check_y`."""

    @abstractmethod
    def _targets(self, y: Any, *, first: bool) -> Any:
        """Return encoded targets as the network's loss takes them."""

    @abstractmethod
    def _score_outputs(self, y: Any, outputs: Floats, weight: Floats | None) -> float:
        """Return the score of the network's outputs."""

    def _output_scale(self) -> tuple[Floats, Floats] | None:
        """Return what each output is shifted by and, before, multiplied by; None for nothing."""
        return None

    def _stratify(self, y: Any) -> Any:
        """Return the groups that the validation data has in proportion."""
        return None

    def _class_weights(self, y: Any) -> Floats | None:
        """Return the weights of the rows by their classes."""
        return None

    def _loss_shift(self, rows: Rows) -> float:
        """Return what scikit-learn's loss is above ours, whatever the network says."""
        return 0.0

    # -- fitting ----------------------------------------------------------------------------------

    def _fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any,
        validation_data: Any = None,
        *,
        incremental: bool = False,
    ) -> Self:
        where = f"{type(self).__name__}.{'partial_fit' if incremental else 'fit'}"
        stochastic = not is_lbfgs(self)
        optimizer = optimizer_of(self) if stochastic else "sgd"  # lbfgs takes no notice of it
        if incremental and self.early_stopping:
            raise ValueError("partial_fit does not support early_stopping=True")
        callbacks = check_callbacks(type(self).__name__, self.callbacks)
        if callbacks and not stochastic:
            raise ValueError(f"{where}: callbacks need epochs, and solver='lbfgs' has none")
        dtype = self.dtype
        if dtype == "auto":
            dtype = "float32" if stochastic else "float64"  # a line search needs the digits
        plan = Plan.of(self, dtype)
        if not stochastic and any(plan.dropout):
            raise ValueError(
                f"{where}: solver='lbfgs' cannot search along a loss that dropout changes at each "
                f"look; want 'adam' or another optimizer"
            )
        first = not hasattr(self, "coefs_") or not (self.warm_start or incremental)
        X, y = self._check_y(X, y, first=first, incremental=incremental)
        weight = None if sample_weight is None else _check_sample_weight(sample_weight, X)
        held_out = self._check_validation(where, validation_data)
        random = check_random_state(self.random_state)
        self._goal = self._make_goal()
        old_plan, self._plan = getattr(self, "_plan", plan), plan
        if first or not hasattr(self, "_network"):
            self._begin(X, plan, random, first=first)
        elif old_plan != plan:
            self._rebuild(where, X.shape[1], plan)
        rows = Rows(X, y, weight)
        if self.early_stopping and stochastic and held_out is None:
            rows, held_out = self._split(rows, random)
        by_class = self._class_weights(rows.y)
        if by_class is not None:
            rows = rows._replace(weight=by_class * (1.0 if rows.weight is None else rows.weight))
        if first and self.scale_x:
            self._network.adapt(rows.x)
        self._take_coefs()
        targets = self._targets(rows.y, first=first)
        if not incremental:
            rows = rows._replace(x=_as_trained_on(rows.x, dtype))
        with own_threads(self.n_threads):
            if stochastic:
                trainer = self._make_trainer(optimizer, random, keep=incremental)
                self._fit_epochs(trainer, rows, targets, held_out, callbacks, incremental)
            else:
                self._fit_lbfgs(self._make_trainer(optimizer, random, keep=False), rows, targets)
        return self

    def _check_validation(self, where: str, given: Any) -> Rows | None:
        if given is None:
            return None
        if not isinstance(given, (tuple, list)) or len(given) not in (2, 3):
            raise ValueError(
                f"{where}: validation_data must be (X, y) or (X, y, sample_weight), "
                f"got {describe(given)}"
            )
        X, y = self._check_rows(given[0], given[1], reset=False)
        weight = _check_sample_weight(given[2], X) if len(given) == 3 else None
        return Rows(X, self._encode(y), weight)

    def _check_rows(self, X: Any, y: Any = "no_validation", *, reset: bool, **more: Any) -> Any:
        """Return checked rows, and checked targets if there are any."""
        if not isinstance(y, str):
            more = {"multi_output": True, **more}
        checked = validate_data(
            self,
            X,
            y,
            accept_sparse=["csr", "csc"],
            dtype=(np.float64, np.float32),
            reset=reset,
            **more,
        )
        rows = checked if isinstance(y, str) else checked[0]
        if hasattr(rows, "tocsr"):
            rows = rows.tocsr()  # of CSC; nothing becomes dense
            if self.scale_x:
                raise ValueError(
                    f"{type(self).__name__}: scale_x would make sparse rows dense; scale them "
                    f"before, with MaxAbsScaler or StandardScaler(with_mean=False)"
                )
        return rows if isinstance(y, str) else (rows, checked[1])

    def _begin(self, X: Any, plan: Plan, random: np.random.RandomState, *, first: bool) -> None:
        """Make a network, and what is counted over all fits."""
        goal = self._goal
        network = build(plan, X.shape[1], goal, scaled=bool(self.scale_x), seed=0)
        self._trainer: Trainer | Progress | None = None
        if first:
            initialize(network, plan, random)
            self.t_ = 0
            self.n_outputs_ = sum(goal.units)
            self.n_layers_ = len(plan.sizes) + 2
            self.out_activation_ = goal.out_activation
            self._set_network(network)
            if not is_lbfgs(self):
                self._no_improvement_count = 0
                self.loss_curve_: list[float] = []
                self.best_loss_ = None if self.early_stopping else np.inf
                self.validation_scores_: list[float] | None = None
                self.best_validation_score_: float | None = None
        else:  # somebody has set coefs_ and intercepts_
            coefs, intercepts = self.coefs_, self.intercepts_
            self._set_network(network)
            self.coefs_, self.intercepts_ = list(coefs), list(intercepts)

    def _set_network(self, network: Model) -> None:
        self._network = of_rows(network)
        self.coefs_, self.intercepts_ = views(network)

    def _rebuild(self, where: str, features: int, plan: Plan) -> None:
        """Make the network anew after parameters were changed, with its weights."""
        self._take_coefs()
        old = self._network
        network = build(plan, features, self._goal, scaled=bool(self.scale_x), seed=0)
        if {k: v.shape for k, v in old.parameters.items()} != {
            k: v.shape for k, v in network.parameters.items()
        }:
            raise ValueError(
                f"{where}: the network has other layers than hidden_layer_sizes="
                f"{self.hidden_layer_sizes} and normalization={self.normalization!r} now say; "
                f"fit with warm_start=False to begin anew"
            )
        for theirs, own in ((old.parameters, network.parameters), (old.state, network.state)):
            for name, array in theirs.items():
                own[name][...] = array
        if isinstance(self._trainer, Trainer):
            self._trainer = self._progress(self._trainer)
        self._set_network(network)

    def _take_coefs(self) -> None:
        """Take what somebody has put into coefs_ and intercepts_ in place of the model's views."""
        for given, own in zip((self.coefs_, self.intercepts_), views(self._network), strict=True):
            for i, view in enumerate(own):
                if given[i] is not view and not np.shares_memory(given[i], view):
                    view[...] = given[i]
                    given[i] = view

    def _split(self, rows: Rows, random: np.random.RandomState) -> tuple[Rows, Rows]:
        """Set rows aside for the validation, as scikit-learn does."""
        given = [rows.x, rows.y] if rows.weight is None else list(rows)
        parts = train_test_split(
            *given,
            random_state=random,
            test_size=self.validation_fraction,
            stratify=self._stratify(rows.y),
        )
        if parts[1].shape[0] < 2:
            raise ValueError(
                "The validation set is too small. Increase 'validation_fraction' or the size of "
                "your dataset."
            )
        weights = parts[4:] or [None, None]
        return Rows(parts[0], parts[2], weights[0]), Rows(parts[1], parts[3], weights[1])

    def _fit_epochs(
        self,
        trainer: Trainer,
        rows: Rows,
        targets: Any,
        held_out: Rows | None,
        callbacks: list[Any],
        incremental: bool,
    ) -> None:
        n = rows.x.shape[0]
        size = min(200, n) if isinstance(self.batch_size, str) else self.batch_size
        if size > n:
            warnings.warn(
                f"batch_size={size} is more than the {n} rows; all of them make a batch",
                stacklevel=5,
            )
            size = n
        score = None
        if held_out is not None:
            score = self._scorer(held_out)
            if self.validation_scores_ is None:
                self.validation_scores_ = []
                self.best_validation_score_ = -np.inf
        shift = self._loss_shift(rows)
        halves = self.n_outputs_ - 1 if "mean_squared_error" in trainer._names else 0

        def losses() -> list[float]:
            found = trainer.history["loss"] if trainer.history else []
            if halves:  # the gradient is that of the sum over columns, the number that of the mean
                errors = trainer.history["mean_squared_error"]
                return [a - 0.5 * halves * b for a, b in zip(found, errors, strict=True)]
            return [loss + shift for loss in found] if shift else found

        follower = Follower(self, trainer, n, losses, score, only_once=incremental)
        validation = None
        if held_out is not None and callbacks:  # for "val_loss"
            y = self._targets(held_out.y, first=False)
            validation = tuple(
                part for part in (held_out.x, y, held_out.weight) if part is not None
            )
        self.n_iter_ = 0
        try:
            trainer.fit(
                rows.x,
                targets,
                sample_weight=rows.weight,
                batch_size=int(size),
                epochs=1 if incremental else int(self.max_iter),
                shuffle=bool(self.shuffle),
                validation_data=validation,
                callbacks=[follower, *callbacks],
                verbose=0,
                check_finite=False,  # scikit-learn's check has been; NaN shows in the loss
            )
        except FloatingPointError as error:
            if not self.early_stopping or score is None:
                raise ValueError(
                    "Solver produced non-finite parameter weights. The input data may contain "
                    f"large values and need to be preprocessed. ({error})"
                ) from error
            follower.take_score(np.nan)
            warnings.warn(f"the fit was ended: {error}", ConvergenceWarning, stacklevel=5)
        except KeyboardInterrupt:
            warnings.warn("Training interrupted by user.", stacklevel=5)
        finally:
            follower.catch_up()
            self.history_: History = trainer.history
        ended = follower.ended or trainer.history.stopped is not None or incremental
        if self.n_iter_ == self.max_iter and not ended:
            warnings.warn(
                f"Stochastic Optimizer: Maximum iterations ({self.max_iter}) reached and the "
                "optimization hasn't converged yet.",
                ConvergenceWarning,
                stacklevel=5,
            )
        if self.early_stopping:
            follower.restore_best()

    def _make_trainer(
        self, optimizer: str | Optimizer, random: np.random.RandomState, *, keep: bool
    ) -> Trainer:
        """Return the trainer of the fit before, or a new one."""
        old = getattr(self, "_trainer", None)
        if keep and isinstance(old, Trainer):
            return old
        goal = self._goal
        halved = isinstance(self.loss, str) and self.loss == "squared_error"
        seed = int(random.randint(np.iinfo(np.int32).max))
        trainer = Trainer(
            self._network,
            goal.loss if len(goal.units) == 1 else [goal.loss] * len(goal.units),
            optimizer,
            ["mean_squared_error"] if halved and self.n_outputs_ > 1 else (),
            loss_weights=goal.weight if len(goal.units) == 1 else None,
            seed=seed,
        )
        if keep and isinstance(old, Progress):
            for name, array in trainer._state.arrays().items():
                array[...] = old.arrays[name]
            trainer._set_optimizer(old.optimizer)
            trainer._state.t, trainer.epochs, trainer.seed = old.steps, old.epochs, old.seed
        self._trainer = trainer
        return trainer

    def _scorer(self, rows: Rows) -> Any:
        """Return a function that scores the network on validation data."""

        def score() -> float:
            outputs = self._raw(rows.x, check_finite=False)
            if not np.isfinite(outputs).all():
                return np.nan
            return self._score_outputs(rows.y, outputs, rows.weight)

        return score

    def _fit_lbfgs(self, trainer: Trainer, rows: Rows, targets: Any) -> None:
        found = lbfgs.minimize(
            trainer,
            rows.x,
            targets,
            sample_weight=rows.weight,
            max_iter=int(self.max_iter),
            tol=2.220446049250313e-09,  # SciPy's own, which scikit-learn leaves as it is
            gradient_tol=float(self.tol),
            max_evaluations=int(self.max_fun),
        )
        self._trainer = None
        self.n_iter_ = min(found.iterations, int(self.max_iter))
        self.loss_ = found.loss + self._loss_shift(rows)
        self.history_ = found.history
        if self.verbose:
            losses = found.history["loss"] if found.iterations else []
            for i, loss in enumerate(losses, 1):
                sys.stdout.write(f"Iteration {i}, loss = {loss:.8f}\n")
        if not found.converged:
            warnings.warn(
                f"lbfgs failed to converge after {self.n_iter_} iterations and "
                f"{found.evaluations} passes over the data: {found.message}. Increase max_iter or "
                f"max_fun, or scale the data",
                ConvergenceWarning,
                stacklevel=5,
            )

    # -- predicting -------------------------------------------------------------------------------

    def _raw(self, X: Any, *, check_finite: bool = True) -> Floats:
        """Return the network's outputs of checked rows, those of all its questions side by side."""
        found: Any = self._network.predict(X, check_finite=check_finite)
        if isinstance(found, list):
            found = np.concatenate(found, axis=1)
        return np.asarray(found, np.float64)

    def _outputs(self, X: Any) -> Floats:
        """Return the network's outputs, in float64."""
        check_is_fitted(self)
        X = self._check_rows(X, reset=False)
        self._take_coefs()
        with own_threads(self.n_threads):
            return self._raw(X)

    def to_model(self) -> Model:
        """Return a network of its own from raw rows to predictions.

        It holds the scaling of x and y and the activation of the output, so that it can be saved,
        exported or served without scikit-learn.

        Returns
        -------
        Model
            From (n, ``n_features_in_``) to (n, ``n_outputs_``): predictions, or probabilities (with
            two classes one column: that of the second).  A list of outputs for several questions
            of classes.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from fastnn.sklearn import MLPClassifier
        >>> X, y = load_iris(return_X_y=True)
        >>> fitted = MLPClassifier(scale_x=True, learning_rate_init=0.01, random_state=0).fit(X, y)
        >>> model = fitted.to_model()
        >>> [type(layer).__name__ for layer in model.layers]
        ['Input', 'Normalization', 'Dense', 'Dense', 'Activation']
        >>> model.predict(X).argmax(axis=1)[:3]
        array([0, 0, 0])
        """
        check_is_fitted(self)
        self._take_coefs()
        return deploy(self._network, self._plan, self._goal, self._output_scale())

    # -- for scikit-learn -------------------------------------------------------------------------

    @property
    def _optimizer(self) -> Trainer | Progress | None:
        """What has the learning rate, under the name that it has in scikit-learn."""
        return self._trainer

    def _check_solver(self) -> bool:
        if is_lbfgs(self):
            raise AttributeError(
                "partial_fit is only available for stochastic optimizers. lbfgs is not stochastic."
            )
        return True

    def _progress(self, trainer: Trainer) -> Progress:
        return Progress(
            trainer.optimizer,
            {name: array.copy() for name, array in trainer._state.arrays().items()},
            trainer.steps,
            trainer.epochs,
            trainer.seed,
        )

    def __getstate__(self) -> dict[str, Any]:
        state = dict(super().__getstate__())
        if "_network" in state:
            self._take_coefs()
            state.pop("coefs_"), state.pop("intercepts_")  # they lie in the network
        if isinstance(state.get("_trainer"), Trainer):
            state["_trainer"] = self._progress(state["_trainer"])
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if "_network" in state:
            self._set_network(self._network)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_network")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.target_tags.multi_output = True
        return tags
