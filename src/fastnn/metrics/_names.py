"""Metrics by name, and which way is better."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from fastnn._spec import describe, lookup
from fastnn.metrics import _answers, _areas, _confusion, _counts, _regression
from fastnn.metrics._base import Metric
from fastnn.metrics._own import FunctionMetric

MEMBERS: tuple[type[Metric], ...] = (
    _regression.MeanAbsoluteError,
    _regression.MeanSquaredError,
    _regression.RootMeanSquaredError,
    _regression.MeanAbsolutePercentageError,
    _regression.MeanPinballLoss,
    _regression.MaxError,
    _regression.R2,
    _regression.ExplainedVariance,
    _answers.Accuracy,
    _answers.BinaryAccuracy,
    _answers.CategoricalAccuracy,
    _answers.SparseCategoricalAccuracy,
    _answers.TopK,
    _answers.LogLoss,
    _counts.Precision,
    _counts.Recall,
    _counts.Specificity,
    _counts.F1,
    _counts.FBeta,
    _counts.BalancedAccuracy,
    _counts.MatthewsCorrcoef,
    _areas.AUC,
)

Metric.table = {member.tag: member for member in MEMBERS}

_ALIASES = {
    "mae": "mean_absolute_error",
    "mse": "mean_squared_error",
    "rmse": "root_mean_squared_error",
    "mape": "mean_absolute_percentage_error",
    "pinball": "mean_pinball_loss",
    "r2": "r2_score",
    "explained_variance_score": "explained_variance",
    "acc": "accuracy",
    "precision_score": "precision",
    "recall_score": "recall",
    "sensitivity": "recall",
    "specificity_score": "specificity",
    "f1_score": "f1",
    "balanced_accuracy_score": "balanced_accuracy",
    "mcc": "matthews_corrcoef",
    "matthews": "matthews_corrcoef",
    "roc_auc": "auc",
    "roc_auc_score": "auc",
    "pr_auc": "average_precision",
    "average_precision_score": "average_precision",
}

_TOP = "how many are the top k? Name it 'top_5_accuracy', or give fastnn.metrics.TopK(5)"
# Names that do not say enough, and what is wanted.
_UNSAID = {
    "top_k": _TOP,
    "top_k_accuracy": _TOP,
    "top_k_accuracy_score": _TOP,
    "top_k_categorical_accuracy": _TOP,
    "sparse_top_k_categorical_accuracy": _TOP,
    "fbeta": "which beta? Give fastnn.metrics.FBeta(2.0)",
    "f_beta": "which beta? Give fastnn.metrics.FBeta(2.0)",
    "confusion_matrix": "a confusion matrix is no single number; after the fit call "
    "fastnn.metrics.confusion_matrix(y, model.predict(x))",
}

_FUNCTIONS: Mapping[Callable[..., Any], Callable[[], Metric]] = {
    _regression.mean_absolute_error: _regression.MeanAbsoluteError,
    _regression.mean_squared_error: _regression.MeanSquaredError,
    _regression.root_mean_squared_error: _regression.RootMeanSquaredError,
    _regression.mean_absolute_percentage_error: _regression.MeanAbsolutePercentageError,
    _regression.mean_pinball_loss: _regression.MeanPinballLoss,
    _regression.max_error: _regression.MaxError,
    _regression.r2_score: _regression.R2,
    _regression.explained_variance_score: _regression.ExplainedVariance,
    _answers.accuracy: _answers.Accuracy,
    _answers.binary_accuracy: _answers.BinaryAccuracy,
    _answers.categorical_accuracy: _answers.CategoricalAccuracy,
    _answers.sparse_categorical_accuracy: _answers.SparseCategoricalAccuracy,
    _answers.top_k_accuracy_score: lambda: _answers.TopK(2),  # the function's own k
    _answers.log_loss: _answers.LogLoss,
    _counts.precision_score: _counts.Precision,
    _counts.recall_score: _counts.Recall,
    _counts.specificity_score: _counts.Specificity,
    _counts.f1_score: _counts.F1,
    _counts.balanced_accuracy_score: _counts.BalancedAccuracy,
    _counts.matthews_corrcoef: _counts.MatthewsCorrcoef,
    _areas.roc_auc_score: _areas.AUC,
    _areas.average_precision_score: lambda: _areas.AUC("PR"),
}


def _named() -> dict[str, Callable[[], Metric]]:
    """Makers of the metrics that a name says enough about, under their long names."""
    table: dict[str, Callable[[], Metric]] = {
        member.tag: member for member in MEMBERS if member not in (_answers.TopK, _counts.FBeta)
    }
    table["average_precision"] = lambda: _areas.AUC("PR")
    table["auc_ovo"] = lambda: _areas.AUC(multi_class="ovo")
    for average in ("micro", "macro", "weighted"):
        for counts in (_counts.Precision, _counts.Recall, _counts.Specificity, _counts.F1):
            table[f"{counts.tag}_{average}"] = lambda c=counts, a=average: c(average=a)  # type: ignore[misc]
    for average in ("micro", "weighted"):
        for name, curve in (("auc", "ROC"), ("average_precision", "PR")):
            table[f"{name}_{average}"] = lambda c=curve, a=average: _areas.AUC(c, average=a)  # type: ignore[misc]
    return table


_NAMED = _named()


def _by_name(name: str) -> Metric:
    top = re.fullmatch(r"top_(\d+)(?:_categorical)?_accuracy", name)
    if top:
        return _answers.TopK(int(top[1]))
    if name in _UNSAID:
        raise ValueError(f"metrics: {_UNSAID[name]}")
    makers = {**_NAMED, **{short: _NAMED[long] for short, long in _ALIASES.items()}}
    return lookup("metric", name, makers, where="metrics")()


def get(
    metric: str | Callable[..., float] | Metric | Mapping[str, Any],
    *,
    loss_name: str,
    outputs: int,
) -> Metric:
    """The spec of a metric, checked against the loss that it is to be shown beside.

    Parameters
    ----------
    metric : str, function, Metric or mapping
        A long name ("mean_absolute_error", "f1_macro", "top_5_accuracy"), a short one ("mae",
        "mse", "rmse", "mape", "r2", "acc", "mcc", "roc_auc", "pr_auc"), a function of this module,
        a function of one's own (see `FunctionMetric`), a spec, or the config of one.
    loss_name : str
        Long name of the loss.  It says what the targets are: labels of classes, one-hot rows, or
        answers; with any loss that does not say, answers for one output, else one-hot rows.
    outputs : int
        Number of columns of the network's output.

    Returns
    -------
    Metric

    Raises
    ------
    ValueError
        If the name is unknown, or the metric does not fit targets and outputs.
    TypeError
        If `metric` is none of the above.

    Examples
    --------
    >>> from fastnn import metrics
    >>> metrics.get("acc", loss_name="binary_crossentropy", outputs=1)
    Accuracy()
    >>> metrics.get(metrics.r2_score, loss_name="huber", outputs=3).name
    'r2_score'
    """
    found = _find(metric)
    found.bind(loss_name, outputs)
    return found


def _find(metric: object) -> Metric:
    if isinstance(metric, Metric):
        return metric
    if isinstance(metric, str):
        return _by_name(metric)
    if isinstance(metric, Mapping):
        return Metric.from_config(metric)
    matrix = _confusion.ConfusionMatrix
    if isinstance(metric, matrix) or metric is matrix or metric is _confusion.confusion_matrix:
        raise ValueError(
            "metrics: a confusion matrix is not one number; call "
            "fastnn.metrics.confusion_matrix(y, model.predict(x))"
        )
    if metric is _counts.fbeta_score:
        raise ValueError("metrics: fbeta_score needs its beta; give fastnn.metrics.FBeta(beta)")
    if isinstance(metric, type):
        hint = ""
        if issubclass(metric, Metric):
            hint = f"; give an object, {metric.__name__}(...)"
        raise TypeError(f"metrics: a metric must not be a class, got {metric!r}{hint}")
    if callable(metric):
        maker = next((spec for own, spec in _FUNCTIONS.items() if own is metric), None)
        return FunctionMetric(metric) if maker is None else maker()
    raise TypeError(
        f"metrics: a metric must be a name, a function or a Metric, got {describe(metric)}"
    )


def higher_is_better(name: str) -> bool | None:
    """Which way is better of a result, by its name.

    Parameters
    ----------
    name : str
        A key of a history: "loss", a metric's name, or one of them behind ``"val_"`` or
        ``"held_out_"``.

    Returns
    -------
    bool or None
        None if the name says nothing, as that of a person's own metric.

    Examples
    --------
    >>> from fastnn.metrics import higher_is_better
    >>> higher_is_better("val_auc"), higher_is_better("val_loss"), higher_is_better("profit")
    (True, False, None)
    """
    plain = name.removeprefix("held_out_").removeprefix("val_")
    if plain == "loss" or plain.endswith("_loss"):
        return False
    if re.fullmatch(r"f\d+(\.\d+)?(_(micro|macro|weighted))?", plain):
        return True
    base = re.sub(r"(?<=auc)_ovo(?=_weighted$)", "", plain)
    known = base in _NAMED or base in _ALIASES or re.fullmatch(r"top_\d+_accuracy", base)
    return _by_name(base).higher_is_better if known else None
