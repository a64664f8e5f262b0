"""`MLPRegressor`."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
from scipy.special import xlogy
from sklearn.base import RegressorMixin, _fit_context
from sklearn.metrics import r2_score
from sklearn.utils import column_or_1d
from sklearn.utils.metaestimators import available_if

from fastnn import losses
from fastnn.sklearn._estimator import BaseMLP, Floats, Rows
from fastnn.sklearn._goals import Goal, activate, regression_goal
from fastnn.sklearn._parameters import COMMON, LOSS

__all__ = ["MLPRegressor"]


class MLPRegressor(RegressorMixin, BaseMLP):  # type: ignore[misc]  # untyped
    """A dense network for numbers, in place of `sklearn.neural_network.MLPRegressor`.

    Parameters and attributes have the names, the defaults and the meaning that they have there.
    Those after `max_fun` are fastnn's own.

    Parameters
    ----------
    loss : {"squared_error", "poisson"}, str or Loss, default "squared_error"
        scikit-learn's two (the squared error halved, the Poisson deviance halved), or any loss of
        numbers of `fastnn.losses`, such as "huber" or ``Quantile([0.1, 0.5, 0.9])``.
    hidden_layer_sizes : int or sequence of int, default (100,)
    activation : str, Activation, or a list of them, default "relu"
        "identity", "logistic", "tanh", "relu" or any of `fastnn.activations`; a list has one for
        each hidden layer.
    solver : {"adam", "sgd", "lbfgs"}, str or Optimizer, default "adam"
        Or any of `fastnn.optimizers`: by name with `learning_rate_init`, or an object, whose own
        arguments then count.
    alpha : float, default 0.0001
        Adds ``alpha / 2 * sum(kernels**2)``, divided by the rows of a batch (or their weights).
    batch_size : int or "auto", default "auto"
        "auto" is ``min(200, n_samples)``.
    learning_rate : {"constant", "invscaling", "adaptive"}, default "constant"
        Of solver "sgd" alone: constant; ``learning_rate_init / (samples seen + 1)**power_t``, set
        after each epoch; or a fifth each time that the rule below would end the fit, down to 1e-6.
    learning_rate_init : float, default 0.001
    power_t : float, default 0.5
    max_iter : int, default 200
        Epochs at most; of "lbfgs" iterations.
    shuffle : bool, default True
    random_state : int, RandomState or None
        Of the first weights (the same numbers as scikit-learn draws), of the validation rows (the
        same rows) and of the order of the rows (another one).
    tol : float, default 1e-4
        The fit ends when the loss, or with `early_stopping` the score, has not improved by so much
        in `n_iter_no_change` epochs in a row.
    verbose : bool, default False
    warm_start : bool, default False
        Go on from the weights of the fit before.
    momentum : float, default 0.9
    nesterovs_momentum : bool, default True
        Both of solver "sgd".
    early_stopping : bool, default False
        Judge by the score (R²) of validation data, and keep the weights of the best.
    validation_fraction : float, default 0.1
        Share of the rows that are set aside for it, unless `fit` is given validation data.
    beta_1, beta_2, epsilon : float, default 0.9, 0.999 and 1e-8
        Of solver "adam".  `epsilon` is added to the corrected root, as in the paper.
    n_iter_no_change : int or inf, default 10
    max_fun : int, default 15000
        Passes over the data of solver "lbfgs" at most.
    dropout : float or list of float, default 0.0
        After each hidden layer; a list has one rate for each.
    normalization : {None, "batch", "layer", "rms"} or a list of them, default None
        Between each hidden layer and its activation.
    scale_x, scale_y : bool, default False
        Bring the columns of X, and the targets, to mean 0 and variance 1 within the network, by the
        rows that are trained on.  Predictions are in the units of y; losses are of scaled targets.
    callbacks : list of Callback, optional
        Of `fastnn.callbacks`.  With validation data they see "val_loss".
    dtype : {"auto", "float32", "float64"}, default "auto"
        Of the network: float32, and float64 for solver "lbfgs".  Predictions are float64.
    n_threads : int, optional
        At most.  By default fastnn's number, and one in a worker of joblib.

    Attributes
    ----------
    coefs_, intercepts_ : list of ndarray
        Kernels (inputs, units) and biases of the layers: views, writing into them changes the
        network.
    loss_, best_loss_ : float
    loss_curve_ : list of float
    validation_scores_ : list of float or None
    best_validation_score_ : float or None
    history_ : History
        Of the last fit.
    n_iter_, t_, n_layers_, n_outputs_ : int
    out_activation_ : str
    n_features_in_ : int
    feature_names_in_ : ndarray of str

    See Also
    --------
    MLPClassifier : The same for classes.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from fastnn.sklearn import MLPRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = MLPRegressor(scale_x=True, scale_y=True, early_stopping=True, random_state=0)
    >>> bool(model.fit(X, y).score(X, y) > 0.4)
    True
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **COMMON,
        "loss": LOSS,
        "scale_y": ["boolean"],
    }

    def __init__(
        self,
        loss: Any = "squared_error",
        hidden_layer_sizes: Any = (100,),
        activation: Any = "relu",
        *,
        solver: Any = "adam",
        alpha: float = 0.0001,
        batch_size: Any = "auto",
        learning_rate: str = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: Any = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        max_fun: int = 15000,
        dropout: Any = 0.0,
        normalization: Any = None,
        scale_x: bool = False,
        scale_y: bool = False,
        callbacks: Any = None,
        dtype: str = "auto",
        n_threads: int | None = None,
    ) -> None:
        self.loss = loss
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t = power_t
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.n_iter_no_change = n_iter_no_change
        self.max_fun = max_fun
        self.dropout = dropout
        self.normalization = normalization
        self.scale_x = scale_x
        self.scale_y = scale_y
        self.callbacks = callbacks
        self.dtype = dtype
        self.n_threads = n_threads

    @_fit_context(prefer_skip_nested_validation=True)  # type: ignore[untyped-decorator]
    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: npt.ArrayLike | None = None,
        validation_data: Any = None,
    ) -> Self:
        """Fit the network.

        Parameters
        ----------
        X : array_like or sparse matrix, shape (n_samples, n_features)
            Sparse rows stay sparse.
        y : array_like, shape (n_samples,) or (n_samples, n_targets)
        sample_weight : array_like, shape (n_samples,), optional
        validation_data : tuple (X, y) or (X, y, sample_weight), optional
            Scored after each epoch; `early_stopping` judges by it.

        Returns
        -------
        MLPRegressor
            Itself.

        Raises
        ------
        TypeError, ValueError
            If a parameter or the data does not fit, or the weights do not stay finite.
        """
        return self._fit(X, y, sample_weight, validation_data)

    @available_if(lambda self: self._check_solver())  # type: ignore[untyped-decorator]
    @_fit_context(prefer_skip_nested_validation=True)  # type: ignore[untyped-decorator]
    def partial_fit(self, X: Any, y: Any, sample_weight: npt.ArrayLike | None = None) -> Self:
        """Train one epoch more on these rows.

        Parameters
        ----------
        X : array_like or sparse matrix, shape (n_samples, n_features)
        y : array_like, shape (n_samples,) or (n_samples, n_targets)
        sample_weight : array_like, shape (n_samples,), optional

        Returns
        -------
        MLPRegressor
            Itself.

        Examples
        --------
        >>> from fastnn.sklearn import MLPRegressor
        >>> model = MLPRegressor(solver="sgd", random_state=0)
        >>> for x in range(100):
        ...     _ = model.partial_fit([[x / 100]], [x / 100])
        >>> model.t_
        100
        """
        return self._fit(X, y, sample_weight, incremental=True)

    def predict(self, X: Any) -> Floats:
        """Predict.

        Parameters
        ----------
        X : array_like or sparse matrix, shape (n_samples, n_features)

        Returns
        -------
        float64 array, shape (n_samples,) or (n_samples, n_targets)
            With `Quantile` a column for each target's quantiles; with `GaussianNLL` the means.
        """
        found = self._units(self._outputs(X))
        return found[:, 0] if found.shape[1] == 1 else found

    def score(self, X: Any, y: Any, sample_weight: npt.ArrayLike | None = None) -> float:
        """Return R² of the predictions; of several quantiles that of the one nearest the median.

        Parameters
        ----------
        X : array_like or sparse matrix, shape (n_samples, n_features)
        y : array_like, shape (n_samples,) or (n_samples, n_targets)
        sample_weight : array_like, shape (n_samples,), optional

        Returns
        -------
        float
        """
        found = self._points(self._units(self._outputs(X)))
        return float(r2_score(y, found, sample_weight=sample_weight))

    # -- what the network's outputs mean ----------------------------------------------------------

    def _units(self, outputs: Floats) -> Floats:
        """Return outputs in the units of y."""
        found = activate(outputs, self._goal.out_activation)
        scale = self._output_scale()
        if scale is not None:
            found = found * scale[1] + scale[0]
        if isinstance(self._goal.loss, losses.GaussianNLL):
            found = found[:, : self._n_targets]
        return found

    def _output_scale(self) -> tuple[Floats, Floats] | None:
        """Return what each output is shifted by and, before, multiplied by."""
        if self._y_scale is None:
            return None
        mean, deviation = self._y_scale
        loss = self._goal.loss
        if isinstance(loss, losses.GaussianNLL):  # the variances are those of scaled targets
            if loss.variance == "exp":
                more = 2 * np.log(deviation), np.ones_like(mean)
            else:
                more = np.zeros_like(mean), deviation**2
            return np.concatenate([mean, more[0]]), np.concatenate([deviation, more[1]])
        per_target = self.n_outputs_ // len(mean)
        return np.repeat(mean, per_target), np.repeat(deviation, per_target)

    def _points(self, predictions: Floats) -> Floats:
        """Return one prediction for each target."""
        quantiles = getattr(self._goal.loss, "quantiles", 0.5)
        if isinstance(quantiles, tuple):
            middle = int(np.argmin(np.abs(np.array(quantiles) - 0.5)))
            return predictions[:, middle :: len(quantiles)]
        return predictions

    def _check_y(self, X: Any, y: Any, *, first: bool, incremental: bool) -> tuple[Any, Any]:
        X, y = self._check_rows(X, y, reset=first, y_numeric=True)
        y = self._encode(y)
        if first or not hasattr(self, "_n_targets"):
            self._n_targets = y.shape[1]
        elif y.shape[1] != self._n_targets:
            raise ValueError(
                f"MLPRegressor: y has {y.shape[1]} targets, the fit before had {self._n_targets}"
            )
        return X, y

    def _encode(self, y: Any) -> Floats:
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        return np.asarray(y, np.float64).reshape(len(y), -1)

    def _make_goal(self) -> Goal:
        goal = regression_goal(self.loss, self._n_targets, "MLPRegressor: loss")
        if self.scale_y and getattr(goal.loss, "variance", None) == "softplus":
            raise ValueError(
                "MLPRegressor: scale_y cannot be undone in the softplus of a variance; want "
                'GaussianNLL(variance="exp")'
            )
        if self.scale_y and (goal.out_activation != "identity" or goal.loss.takes != "reals"):
            raise ValueError(
                f"MLPRegressor: scale_y shifts the targets, and {goal.loss.name} takes only "
                f"those at least 0"
            )
        return goal

    def _targets(self, y: Any, *, first: bool) -> Any:
        if first:
            self._y_scale: tuple[Floats, Floats] | None = None
            if self.scale_y:
                deviation = y.std(axis=0)
                self._y_scale = y.mean(axis=0), np.where(deviation > 0, deviation, 1.0)
        return y if self._y_scale is None else (y - self._y_scale[0]) / self._y_scale[1]

    def _loss_shift(self, rows: Rows) -> float:
        if not isinstance(self.loss, str) or self.loss != "poisson":
            return 0.0
        deviance = xlogy(rows.y, rows.y) - rows.y  # of the targets alone
        return float(np.average(deviance, axis=0, weights=rows.weight).sum())

    def _score_outputs(self, y: Any, outputs: Floats, weight: Floats | None) -> float:
        found = self._points(self._units(outputs))
        w = np.ones(len(y)) if weight is None else weight
        above = w @ (y - found) ** 2
        below = w @ (y - np.average(y, axis=0, weights=w)) ** 2
        with np.errstate(divide="ignore", invalid="ignore"):
            shares = np.where(below > 0, 1 - above / below, np.where(above > 0, 0.0, 1.0))
        return float(shares.mean())
