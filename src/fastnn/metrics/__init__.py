"""Metrics: functions on whole arrays, and the specs that a trainer measures.

Both are computed by the same code, in float64 over any number of batches, never as averages of
averages.  The functions take ``(y_true, y_pred, sample_weight=None)`` as scikit-learn's do, and
agree with them.

>>> import fastnn as fnn
>>> fnn.metrics.mean_absolute_error([1.0, 2.0, 4.0], [1.0, 3.0, 2.0])
1.0
>>> model = fnn.Sequential([fnn.Input(2), fnn.Dense(3, "softmax")])
>>> trainer = fnn.Trainer(
...     model,
...     "sparse_categorical_crossentropy",
...     metrics=["accuracy", "auc", fnn.metrics.F1(average="macro"), fnn.metrics.TopK(2)],
... )
>>> [metric.name for metric in trainer.metrics]
['accuracy', 'auc', 'f1_macro', 'top_2_accuracy']
"""

from __future__ import annotations

from fastnn.metrics._answers import (
    Accuracy,
    BinaryAccuracy,
    CategoricalAccuracy,
    LogLoss,
    SparseCategoricalAccuracy,
    TopK,
    accuracy,
    binary_accuracy,
    categorical_accuracy,
    log_loss,
    sparse_categorical_accuracy,
    top_k_accuracy_score,
)
from fastnn.metrics._areas import AUC, average_precision_score, roc_auc_score
from fastnn.metrics._base import Metric
from fastnn.metrics._confusion import ConfusionMatrix, confusion_matrix
from fastnn.metrics._counts import (
    F1,
    BalancedAccuracy,
    FBeta,
    MatthewsCorrcoef,
    Precision,
    Recall,
    Specificity,
    balanced_accuracy_score,
    f1_score,
    fbeta_score,
    matthews_corrcoef,
    precision_score,
    recall_score,
    specificity_score,
)
from fastnn.metrics._names import get, higher_is_better
from fastnn.metrics._own import FunctionMetric
from fastnn.metrics._regression import (
    R2,
    ExplainedVariance,
    MaxError,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanPinballLoss,
    MeanSquaredError,
    RootMeanSquaredError,
    explained_variance_score,
    max_error,
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_pinball_loss,
    mean_squared_error,
    r2_score,
    root_mean_squared_error,
)

__all__ = [
    "AUC",
    "Accuracy",
    "BalancedAccuracy",
    "BinaryAccuracy",
    "CategoricalAccuracy",
    "ConfusionMatrix",
    "ExplainedVariance",
    "F1",
    "FBeta",
    "FunctionMetric",
    "LogLoss",
    "MatthewsCorrcoef",
    "MaxError",
    "MeanAbsoluteError",
    "MeanAbsolutePercentageError",
    "MeanPinballLoss",
    "MeanSquaredError",
    "Metric",
    "Precision",
    "R2",
    "Recall",
    "RootMeanSquaredError",
    "SparseCategoricalAccuracy",
    "Specificity",
    "TopK",
    "accuracy",
    "average_precision_score",
    "balanced_accuracy_score",
    "binary_accuracy",
    "categorical_accuracy",
    "confusion_matrix",
    "explained_variance_score",
    "f1_score",
    "fbeta_score",
    "get",
    "higher_is_better",
    "log_loss",
    "matthews_corrcoef",
    "max_error",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_pinball_loss",
    "mean_squared_error",
    "precision_score",
    "r2_score",
    "recall_score",
    "roc_auc_score",
    "root_mean_squared_error",
    "sparse_categorical_accuracy",
    "specificity_score",
    "top_k_accuracy_score",
]
