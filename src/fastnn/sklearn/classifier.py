"""`MLPClassifier`."""

from __future__ import annotations

from typing import Any, ClassVar, Self, cast

import numpy as np
import numpy.typing as npt
from sklearn.base import ClassifierMixin, _fit_context
from sklearn.metrics import accuracy_score
from sklearn.utils import column_or_1d
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import (
    _check_partial_fit_first_call,
    check_classification_targets,
    type_of_target,
    unique_labels,
)

from fastnn.sklearn._estimator import BaseMLP, Floats
from fastnn.sklearn._goals import Goal, activate, classification_goal
from fastnn.sklearn._parameters import COMMON, LOSS

__all__ = ["MLPClassifier"]

KINDS = ("binary", "multiclass", "multilabel-indicator", "multiclass-multioutput")


def _has_probabilities(self: Any) -> bool:
    """Tell whether the loss is one of probabilities, for `available_if`."""
    loss = self.loss if not hasattr(self, "_goal") else self._goal.loss
    name = loss if isinstance(loss, str) else loss.name
    if "hinge" in name or "margin" in name:
        raise AttributeError(
            f"predict_proba is not available when loss={name!r}: it makes no probabilities; "
            f"decision_function has the margins"
        )
    return True


def _has_one_question(self: Any) -> bool:
    """Tell whether y is one column of classes, or labels, for `available_if`."""
    if getattr(self, "_kind", "") == "multioutput":
        raise AttributeError("decision_function is not available for several columns of classes")
    return True


class MLPClassifier(ClassifierMixin, BaseMLP):  # type: ignore[misc]  # untyped
    """A dense network for classes, in place of `sklearn.neural_network.MLPClassifier`.

    Parameters and attributes have the names, the defaults and the meaning that they have there;
    those that it shares with `MLPRegressor` are described with that.  Those after `max_fun` are
    fastnn's own.

    Parameters
    ----------
    hidden_layer_sizes, activation, solver, alpha, batch_size, learning_rate, \
learning_rate_init, power_t, max_iter, shuffle, random_state, tol, verbose, warm_start, momentum, \
nesterovs_momentum, early_stopping, validation_fraction, beta_1, beta_2, epsilon, \
n_iter_no_change, max_fun
        As of `MLPRegressor`; the score is the accuracy, of labels that of whole rows.
    loss : "log_loss", str or Loss, default "log_loss"
        scikit-learn's one, which fits one class of two or more, and labels; or a crossentropy or
        hinge of `fastnn.losses`, such as ``BinaryFocalCrossentropy()``.
    class_weight : dict, list of dict, "balanced" or None
        The weight of the rows of each class, times `sample_weight`; "balanced" makes all classes
        weigh the same.  Not of validation data.
    dropout, normalization, scale_x, callbacks, dtype, n_threads
        As of `MLPRegressor`.

    Attributes
    ----------
    classes_ : ndarray, or list of ndarray for several columns of classes
    coefs_, intercepts_, loss_, best_loss_, loss_curve_, validation_scores_, \
best_validation_score_, history_, n_iter_, t_, n_layers_, n_outputs_, out_activation_, \
n_features_in_, feature_names_in_
        As of `MLPRegressor`.

    See Also
    --------
    MLPRegressor : The same for numbers.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from fastnn.sklearn import MLPClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> model = MLPClassifier(scale_x=True, learning_rate_init=0.01, random_state=0).fit(X, y)
    >>> bool(model.score(X, y) > 0.95)
    True
    """

    classes_: Any

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **COMMON,
        "loss": LOSS,
        "class_weight": [dict, list, str, None],
    }

    def __init__(
        self,
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
        loss: Any = "log_loss",
        class_weight: Any = None,
        dropout: Any = 0.0,
        normalization: Any = None,
        scale_x: bool = False,
        callbacks: Any = None,
        dtype: str = "auto",
        n_threads: int | None = None,
    ) -> None:
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
        self.loss = loss
        self.class_weight = class_weight
        self.dropout = dropout
        self.normalization = normalization
        self.scale_x = scale_x
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
        y : array_like, shape (n_samples,) or (n_samples, k)
            Classes; k labels of 0 and 1; or k columns of classes.
        sample_weight : array_like, shape (n_samples,), optional
        validation_data : tuple (X, y) or (X, y, sample_weight), optional
            Scored after each epoch; `early_stopping` judges by it.

        Returns
        -------
        MLPClassifier
            Itself.

        Raises
        ------
        TypeError, ValueError
            If a parameter or the data does not fit, or the weights do not stay finite.
        """
        return self._fit(X, y, sample_weight, validation_data)

    @available_if(lambda self: self._check_solver())  # type: ignore[untyped-decorator]
    @_fit_context(prefer_skip_nested_validation=True)  # type: ignore[untyped-decorator]
    def partial_fit(
        self, X: Any, y: Any, sample_weight: npt.ArrayLike | None = None, classes: Any = None
    ) -> Self:
        """Train one epoch more on these rows.

        Parameters
        ----------
        X : array_like or sparse matrix, shape (n_samples, n_features)
        y : array_like, shape (n_samples,) or (n_samples, k)
        sample_weight : array_like, shape (n_samples,), optional
        classes : array_like, or list of them for several columns of classes
            All that will ever come; wanted in the first call.

        Returns
        -------
        MLPClassifier
            Itself.

        Examples
        --------
        >>> from fastnn.sklearn import MLPClassifier
        >>> model = MLPClassifier(random_state=0)
        >>> model = model.partial_fit([[0.5]], ["up"], classes=["down", "up"])
        >>> model.partial_fit([[-0.5]], ["down"]).classes_.tolist()
        ['down', 'up']
        """
        if isinstance(self.class_weight, str):
            raise ValueError(
                "class_weight='balanced' is not supported for partial_fit: the classes of all "
                "calls cannot be counted beforehand; want a dict of weights"
            )
        if isinstance(classes, (list, tuple)) and len(classes) > 0 and np.ndim(classes[0]) == 1:
            if not hasattr(self, "classes_"):
                self.classes_ = [np.unique(one) for one in classes]
        else:
            _check_partial_fit_first_call(self, classes)
        return self._fit(X, y, sample_weight, incremental=True)

    # -- predictions ------------------------------------------------------------------------------

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """Predict classes.

        Parameters
        ----------
        X : array_like or sparse matrix, shape (n_samples, n_features)

        Returns
        -------
        ndarray, shape (n_samples,) or (n_samples, k)
            Of the type of the classes; labels are integers.
        """
        codes = self._answers(self._outputs(X))
        if self._kind == "multilabel":
            return codes
        if self._kind == "multioutput":
            columns = [known[codes[:, i]] for i, known in enumerate(self.classes_)]
            return np.stack(columns, axis=1)
        return np.asarray(self.classes_[codes])

    @available_if(_has_probabilities)  # type: ignore[untyped-decorator]
    def predict_proba(self, X: Any) -> Any:
        """Return the probabilities of the classes.

        Parameters
        ----------
        X : array_like or sparse matrix, shape (n_samples, n_features)

        Returns
        -------
        float64 array, shape (n_samples, n_classes)
            In the order of `classes_`; of labels the probability of each.  For several columns of
            classes a list of such arrays.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from fastnn.sklearn import MLPClassifier
        >>> X, y = load_iris(return_X_y=True)
        >>> model = MLPClassifier(scale_x=True, learning_rate_init=0.01, random_state=0).fit(X, y)
        >>> model.predict_proba(X[:2]).round(1)
        array([[1., 0., 0.],
               [1., 0., 0.]])
        """
        return self._probabilities(self._outputs(X))

    @available_if(_has_probabilities)  # type: ignore[untyped-decorator]
    def predict_log_proba(self, X: Any) -> Any:
        """Return the logarithms of the probabilities; that of 0 is -inf.

        Parameters
        ----------
        X : array_like or sparse matrix, shape (n_samples, n_features)

        Returns
        -------
        float64 array, shape (n_samples, n_classes)
            For several columns of classes a list of such arrays.
        """
        found = self.predict_proba(X)
        with np.errstate(divide="ignore"):
            return [np.log(one) for one in found] if isinstance(found, list) else np.log(found)

    @available_if(_has_one_question)  # type: ignore[untyped-decorator]
    def decision_function(self, X: Any) -> Floats:
        """Return the logits (or margins, of the hinge losses).

        Parameters
        ----------
        X : array_like or sparse matrix, shape (n_samples, n_features)

        Returns
        -------
        float64 array, shape (n_samples,) or (n_samples, n_classes)
            Of two classes one number, above 0 for the second.
        """
        found = self._outputs(X)
        if self._kind == "binary":
            return found[:, 0] if found.shape[1] == 1 else found[:, 1] - found[:, 0]
        return found

    def score(self, X: Any, y: Any, sample_weight: npt.ArrayLike | None = None) -> float:
        """Return the accuracy; of labels and several columns of classes that of whole rows.

        Parameters
        ----------
        X : array_like or sparse matrix, shape (n_samples, n_features)
        y : array_like, shape (n_samples,) or (n_samples, k)
        sample_weight : array_like, shape (n_samples,), optional

        Returns
        -------
        float
        """
        found = self.predict(X)
        if self._kind == "multioutput":
            whole: Any = (found == np.asarray(y)).all(axis=1)
            return float(np.average(whole, weights=cast(Any, sample_weight)))
        return float(accuracy_score(y, found, sample_weight=sample_weight))

    def _probabilities(self, outputs: Floats) -> Any:
        way = self._goal.out_activation
        if self._kind == "multioutput":
            return [activate(part, way) for part in self._questions(outputs)]
        if self._kind != "multilabel" and len(self.classes_) == 1:
            return np.ones((len(outputs), 1))
        if self._kind == "binary" and way == "logistic":
            return np.hstack([activate(-outputs, way), activate(outputs, way)])
        return activate(outputs, way)

    def _questions(self, outputs: Floats) -> list[Floats]:
        """Return the outputs of each column of classes."""
        return np.split(outputs, np.cumsum(self._goal.units)[:-1], axis=1)

    def _answers(self, outputs: Floats) -> npt.NDArray[np.intp]:
        """Return the numbers of the classes that the network's outputs choose; or labels."""
        if self._kind == "multilabel":
            return (outputs > 0).astype(np.intp)
        if self._kind == "multioutput":
            return np.stack([part.argmax(axis=1) for part in self._questions(outputs)], axis=1)
        if outputs.shape[1] == 1:
            return np.minimum((outputs[:, 0] > 0).astype(np.intp), len(self.classes_) - 1)
        return np.asarray(outputs.argmax(axis=1))

    # -- what y means -----------------------------------------------------------------------------

    def _check_y(self, X: Any, y: Any, *, first: bool, incremental: bool) -> tuple[Any, Any]:
        X, y = self._check_rows(X, y, reset=first)
        y, kind = self._columns(y)
        fresh = not hasattr(self, "classes_") or not (self.warm_start or incremental)
        if fresh or not hasattr(self, "_kind"):
            known = self.classes_ if hasattr(self, "classes_") and not fresh else None
            if kind == "multilabel-indicator":
                self._kind, self.classes_ = "multilabel", np.arange(y.shape[1])
            elif kind == "multiclass-multioutput" or isinstance(known, list):
                self._kind = "multioutput"
                self.classes_ = known or [np.unique(column) for column in y.T]
            else:
                self.classes_ = np.unique(y) if known is None else known
                self._kind = "binary" if len(self.classes_) <= 2 else "multiclass"
        else:
            self._check_classes(y)
        return X, self._number_all(y)

    def _columns(self, y: Any) -> tuple[Any, str]:
        """Return dense targets, (n,) if they are one column, and what they are."""
        y = y.toarray() if hasattr(y, "toarray") else y
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        kind = type_of_target(y, input_name="y")
        if kind not in KINDS:
            check_classification_targets(y)  # knows how to say it
        return y, kind

    def _check_classes(self, y: Any) -> None:
        """Refuse classes that the fit before did not have."""
        if self._kind == "multioutput":
            return  # `_encode` looks at each column
        classes = unique_labels(y)
        if self.warm_start:
            if set(classes) != set(self.classes_):
                raise ValueError(
                    "warm_start can only be used where `y` has the same classes as in the "
                    f"previous call to fit. Previously got {self.classes_}, `y` has {classes}"
                )
        elif len(np.setdiff1d(classes, self.classes_)):
            self._refuse(classes)

    def _refuse(self, classes: Any) -> None:
        raise ValueError(
            "`y` has classes not in `self.classes_`. "
            f"`self.classes_` has {self.classes_}. 'y' has {classes}."
        )

    def _encode(self, y: Any) -> Any:
        return self._number_all(self._columns(y)[0])

    def _number_all(self, y: Any) -> Any:
        """Return numbers of classes, (n,) or (n, k); labels as 0 and 1."""
        if self._kind == "multilabel":
            if y.ndim != 2 or y.shape[1] != len(self.classes_):
                raise ValueError(
                    f"MLPClassifier: want y of shape (n, {len(self.classes_)}), the labels of the "
                    f"first fit; got {y.shape}"
                )
            return (np.asarray(y) > 0).astype(np.intp)
        if self._kind == "multioutput":
            pairs = zip(y.T, self.classes_, strict=True)
            return np.stack([self._number(column, known) for column, known in pairs], axis=1)
        return self._number(y, self.classes_)

    def _number(self, y: Any, known: npt.NDArray[Any]) -> npt.NDArray[np.intp]:
        codes: npt.NDArray[np.intp] = np.minimum(np.searchsorted(known, y), len(known) - 1)
        if y.ndim != 1 or not (known[codes] == y).all():
            self._refuse(np.unique(y))
        return codes

    def _make_goal(self) -> Goal:
        if self._kind == "multilabel":
            questions = [2] * len(self.classes_)
        elif self._kind == "multioutput":
            questions = [max(2, len(known)) for known in self.classes_]
        else:
            questions = [max(2, len(self.classes_))]
        return classification_goal(self.loss, self._kind, questions, "MLPClassifier: loss")

    def _targets(self, y: Any, *, first: bool) -> Any:
        if self._kind == "multioutput":
            return [self._of_one(y[:, i], units) for i, units in enumerate(self._goal.units)]
        return self._of_one(y, self._goal.units[0])

    def _of_one(self, y: npt.NDArray[np.intp], units: int) -> npt.NDArray[Any]:
        if self._goal.loss.integer_labels:
            return y.astype(np.int32)
        if y.ndim == 1 and units > 1:
            return np.eye(units)[y]
        return y.astype(np.float64)

    def _stratify(self, y: Any) -> Any:
        # Two classes alone, and as a column, as scikit-learn does: the same rows are set aside.
        return y.astype(bool)[:, None] if self._kind == "binary" else None

    def _class_weights(self, y: Any) -> Floats | None:
        given = self.class_weight
        if given is None:
            return None
        if y.ndim == 1:
            return self._weigh(given, y, self.classes_)
        columns = [np.arange(2)] * y.shape[1] if self._kind == "multilabel" else self.classes_
        each = [given] * len(columns) if isinstance(given, str) else given
        if not isinstance(each, (list, tuple)) or len(each) != len(columns):
            raise ValueError(
                f"MLPClassifier: class_weight must be 'balanced' or a list of {len(columns)} "
                f"dicts, one for each column of y"
            )
        parts = [
            self._weigh(one, column, known)
            for one, column, known in zip(each, y.T, columns, strict=True)
        ]
        return np.asarray(np.prod(parts, axis=0))

    def _weigh(self, given: Any, codes: npt.NDArray[np.intp], known: Any) -> Floats:
        """Return the weight of each row by its class."""
        counts = np.bincount(codes, minlength=len(known))
        if isinstance(given, dict):
            labels = np.asarray(known).tolist()
            unknown = [label for label in given if label not in labels]
            if unknown:
                raise ValueError(f"MLPClassifier: class_weight has {unknown}, y has {labels}")
            table = np.array([given.get(label, 1.0) for label in labels], np.float64)
        elif given == "balanced":
            table = len(codes) / (np.count_nonzero(counts) * np.maximum(counts, 1))
        else:
            raise ValueError(
                f"MLPClassifier: class_weight must be a dict or 'balanced', got {given!r}"
            )
        return np.asarray(table[codes])

    def _score_outputs(self, y: Any, outputs: Floats, weight: Floats | None) -> float:
        right = self._answers(outputs) == y
        if right.ndim == 2:
            right = right.all(axis=1)
        return float(np.average(right, weights=weight))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
