"""Estimators that learn from tables: `TabularRegressor` and `TabularClassifier`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from fastnn import activations, losses, optimizers
from fastnn._spec import describe
from fastnn.history import History
from fastnn.tabular import file
from fastnn.tabular.base import Tabular
from fastnn.tabular.encode import Counts
from fastnn.tabular.fitting import Head
from fastnn.tabular.schema import Column
from fastnn.tabular.target import ClassTarget, NumberTarget
from fastnn.trainer import Trainer

__all__ = ["TabularClassifier", "TabularRegressor", "load"]

Array = npt.NDArray[Any]


class TabularRegressor(Tabular):
    """Learns to predict a number from the other columns of a table.

    Parameters
    ----------
    hidden : sequence of int
        Units of the hidden layers.
    activation : str or Activation
        Of the hidden layers.
    dropout : float
        Share of the values dropped after each of them.
    loss : str or Loss, optional
        "mean_squared_error" by default.  A loss of counts or of numbers above 0
        (Poisson, Gamma, Tweedie) sees the target as it is; any other the target with mean 0 and
        variance 1, so that the delta of a Huber loss counts deviations.
    optimizer : str or Optimizer, optional
        Adam by default.
    epochs : int
        At most so many.
    batch_size : int, optional
        By default a thousandth of the rows, as a power of two within 32 and 512.
    learning_rate : float, optional
        Of an optimizer that is given by name.
    validation_split : float
        Share of the rows, drawn at random, to validate with instead of training; 0 for none.
    patience : int or None
        The fit ends when the loss of the validation rows has not improved for so many epochs, and
        the best weights come back; None trains all epochs.
    missing : {"impute", "error"}
        What to do with missing values (null, and NaN in floats).  "impute" puts the mean in their
        place, with a further number that tells the network so; categories have a value for it.
    out_of_range : {"warn", "count", "clip", "raise"}
        What `predict` does with numbers outside the range of training, and categories that were
        not there: they are counted in ``counts_`` in any case.  "clip" also brings numbers into
        the range.
    columns : sequence of str, optional
        To learn from; by default all but the target.
    drop : sequence of str
        Columns to leave out.
    kinds : mapping of str to str, optional
        Kinds of columns where the usual one is not meant: ``{"modelyear": "category"}``.
    seed : int, optional
        Of weights, order and split; drawn if not given.
    dtype : {"float32", "float64"}
    verbose : int
        As in `Trainer.fit`.
    callbacks : sequence of Callback
        See `fastnn.callbacks`; they see the network that learns, which reads standardised numbers
        and gives a scaled target.  What ModelCheckpoint writes has both scales.

    Attributes
    ----------
    model_ : Model
        The network; it takes rows as the columns encode them.
    history_ : History
        Of the fit.  Its losses are those of the scaled target; R² has no unit.
    schema_ : tuple of Column
        The columns it learnt from.
    metrics_ : dict of str to float
        As `evaluate`, over the validation rows; empty without them.
    counts_ : Counts
        Missing, unseen and out-of-range values of the last prediction or evaluation.
    seed_, rows_ : int
        The seed that was used, and the rows of the table.

    Examples
    --------
    >>> from fastnn.tabular import TabularRegressor
    >>> cars = TabularRegressor(seed=0, drop=["passedemissions"]).fit("auto-mpg", target="mpg")
    >>> cars.metrics_["r2_score"] > 0.8
    True
    >>> cars.predict("auto-mpg").shape
    (392,)
    """

    def _make_target(self, name: str, data_type: Any, where: str) -> NumberTarget:
        return NumberTarget(name, data_type, where, self.dtype)

    def _head(self, where: str) -> Head:
        target = self.target_
        assert isinstance(target, NumberTarget)
        loss = losses.get(self.loss or "mean_squared_error", where)
        if loss.takes == "signs" or loss.integer_labels or loss.target_columns(1) != 1:
            raise ValueError(f"{where}: {loss.name} is no loss for one number")
        activation = {"unit": "sigmoid", "counts": "exponential", "positive": "exponential"}.get(
            loss.takes, "linear"
        )
        target.finish(scaled=activation == "linear")
        one = target.statistics
        start = 0.0
        if activation == "exponential":
            start = float(np.log(max(one.moments[0].mean(), 1e-6)))
        scale = (target.mean, target.deviation) if activation == "linear" else None
        return Head(1, activation, loss, ("r2_score",), start, scale)

    def _encode_target(self, array: Any, where: str, *, scaled: bool) -> Array:
        assert isinstance(self.target_, NumberTarget)
        return self.target_.encode(array, self.dtype, where, scaled=scaled)

    def _answers(self, outputs: Array) -> Array:
        return outputs[:, 0].astype(np.float64)

    def _judge(self, batches: Any) -> dict[str, float]:
        names = ["root_mean_squared_error", "mean_absolute_error", "r2_score"]
        found = Trainer(self.model_, "mean_squared_error", metrics=names).evaluate(batches)
        return {"mean_squared_error": found.pop("loss"), **found}


class TabularClassifier(Tabular):
    """Learns to predict a class from the other columns of a table.

    Parameters
    ----------
    loss : str or Loss, optional
        A crossentropy by default: the binary one for two classes, else the sparse categorical one.
    hidden, activation, dropout, optimizer, epochs, batch_size, learning_rate, validation_split, \
patience, missing, out_of_range, columns, drop, kinds, seed, dtype, verbose, callbacks
        As `TabularRegressor` has them.

    Attributes
    ----------
    classes_ : ndarray, shape (classes,)
        In ascending order.
    model_, history_, schema_, metrics_, counts_, seed_, rows_
        As `TabularRegressor` has them.

    Examples
    --------
    >>> from fastnn.tabular import TabularClassifier
    >>> cars = TabularClassifier(seed=0, drop=["mpg"]).fit("auto-mpg", target="passedemissions")
    >>> cars.classes_
    array([False,  True])
    >>> cars.metrics_["accuracy"] > 0.8
    True
    """

    @property
    def classes_(self) -> Array:
        """The classes, in ascending order."""
        self._check_fitted("classes_")
        assert isinstance(self.target_, ClassTarget)
        return np.array(self.target_.classes)

    def _make_target(self, name: str, data_type: Any, where: str) -> ClassTarget:
        return ClassTarget(name, data_type, where)

    def _head(self, where: str) -> Head:
        target = self.target_
        assert isinstance(target, ClassTarget)
        target.finish()
        classes = len(target.classes)
        if classes == 2 and (self.loss is None or not self.loss.integer_labels):
            loss = losses.get(self.loss or "binary_crossentropy", where)
            return Head(1, "sigmoid", loss, ("accuracy",), 0.0, None)
        loss = losses.get(self.loss or "sparse_categorical_crossentropy", where)
        if not loss.integer_labels:
            raise ValueError(
                f"{where}: {loss.name} is no loss for {classes} classes; "
                f"want sparse_categorical_crossentropy"
            )
        return Head(classes, "softmax", loss, ("accuracy",), 0.0, None)

    def _class_weight(self, given: Any, where: str) -> dict[int, float] | None:
        if given is None:
            return None
        assert isinstance(self.target_, ClassTarget)
        classes, counts = self.target_.classes, self.target_.statistics.counts
        if given == "balanced":
            rows = sum(counts.values())
            return {i: rows / (len(classes) * counts[one]) for i, one in enumerate(classes)}
        if not isinstance(given, Mapping):
            raise TypeError(
                f"{where}: class_weight must be 'balanced' or a mapping, got {describe(given)}"
            )
        unknown = [one for one in given if one not in classes]
        if unknown or len(given) < len(classes):
            raise ValueError(
                f"{where}: class_weight has {', '.join(map(repr, given))}; want a weight for each "
                f"of {', '.join(map(repr, classes))}"
            )
        return {i: given[one] for i, one in enumerate(classes)}

    def _encode_target(self, array: Any, where: str, *, scaled: bool) -> Array:
        assert isinstance(self.target_, ClassTarget)
        return self.target_.encode(array, where)

    def _probabilities(self, outputs: Array) -> Array:
        outputs = outputs.astype(np.float64)
        if outputs.shape[1] == 1:
            return np.concatenate([1 - outputs, outputs], axis=1)
        return outputs

    def _answers(self, outputs: Array) -> Array:
        binary = outputs.shape[1] == 1
        best = outputs[:, 0] > 0.5 if binary else outputs.argmax(axis=1)
        found: Array = self.classes_[best.astype(np.intp)]
        return found

    def predict_proba(self, table: Any, *, out_of_range: str | None = None) -> Array:
        """Return the probability of each class.

        Parameters
        ----------
        table, out_of_range
            As `predict`.

        Returns
        -------
        ndarray of float64, shape (n, classes)
            In the order of ``classes_``.
        """
        where = self._check_fitted("predict_proba")
        outputs = self._all_outputs(table, where, out_of_range)
        self.counts_.warn(where)
        return self._probabilities(outputs)

    def _judge(self, batches: Any) -> dict[str, float]:
        binary = self.model_.output_cols[0] == 1
        loss = "binary_crossentropy" if binary else "sparse_categorical_crossentropy"
        names = ["accuracy", "balanced_accuracy", *(["auc"] if binary else [])]
        found = Trainer(self.model_, loss, metrics=names).evaluate(batches)
        return {"log_loss": found.pop("loss"), **found}


_KINDS: dict[str, type[Tabular]] = {
    "TabularRegressor": TabularRegressor,
    "TabularClassifier": TabularClassifier,
}


def load(path: str | os.PathLike[str]) -> TabularRegressor | TabularClassifier:
    """Read an estimator that its `save` wrote.

    Parameters
    ----------
    path : str or path-like

    Returns
    -------
    TabularRegressor or TabularClassifier

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If it is broken, holds no estimator, or a newer fastnn wrote it.

    Examples
    --------
    >>> import os, tempfile
    >>> from fastnn.tabular import TabularRegressor, load
    >>> cars = TabularRegressor(epochs=2, seed=0).fit("auto-mpg", target="mpg")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     cars.save(os.path.join(folder, "cars.safetensors"))
    ...     again = load(os.path.join(folder, "cars.safetensors"))
    >>> bool((again.predict("auto-mpg") == cars.predict("auto-mpg")).all())
    True
    """
    model, facts = file.read(path)
    try:
        kind = _KINDS[facts["kind"]]
        options = dict(facts["options"])
        families: dict[str, Any] = {
            "activation": activations.Activation,
            "loss": losses.Loss,
            "optimizer": optimizers.Optimizer,
        }
        for name, family in families.items():
            if isinstance(options[name], Mapping):
                options[name] = family.from_config(options[name])
        found = kind(**options)
        found.model_ = model
        found.schema_ = tuple(Column.from_config(one) for one in facts["columns"])
        found.rows_, found.seed_ = facts["rows"], facts["seed"]
        found.metrics_ = facts["metrics"]
        found.counts_ = Counts()
        target = NumberTarget if kind is TabularRegressor else ClassTarget
        found.target_ = target.from_config(facts["target"])
        found.history_ = _history(facts["history"])
        width = sum(column.width for column in found.schema_)
        if model.input_cols != (width,) and list(model.input_cols) != [width]:
            raise ValueError(f"the network reads {model.input_cols}, the columns make {width}")
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ValueError(
            f"fastnn.tabular.load: {os.fsdecode(path)} describes no estimator of this fastnn: "
            f"{error!r}"
        ) from error
    assert isinstance(found, TabularRegressor | TabularClassifier)
    return found


def _history(facts: Mapping[str, Any]) -> History:
    history = History()
    columns = facts["values"]
    for i, (epoch, seconds) in enumerate(zip(facts["epoch"], facts["seconds"], strict=True)):
        history.append(epoch, seconds, {name: values[i] for name, values in columns.items()})
    history.stopped = facts["stopped"]
    return history
