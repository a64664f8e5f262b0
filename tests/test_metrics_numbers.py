"""Metrics against numbers stored from scikit-learn 1.9.1: first without weights, then with."""

from __future__ import annotations

import numpy as np
import pytest

from fastnn import metrics

# Small fractions, so that the data is exact everywhere.
_ROW = np.arange(60)
WEIGHT = (_ROW * 5 % 7) / 4.0
ANSWER = (_ROW * 7 % 11 < 5).astype(int)
SHARE = (_ROW * 37 % 64 + 16 * ANSWER) / 96.0
LABEL = _ROW * _ROW % 4 % 3 + (_ROW % 5 == 0)
_RAW = np.stack([_ROW * k % 32 + 1 + 12 * (k - 5 == LABEL) for k in (5, 6, 7)], axis=1)
PROBABILITY = _RAW / _RAW.sum(axis=1, keepdims=True)
TARGET = (_ROW * 29 % 31) / 8.0 + 1
GUESS = TARGET + (_ROW * 13 % 17 - 7) / 16.0

# fmt: off
STORED = {
    "mean_absolute_error": (0.26875, 0.268361581920904),
    "mean_squared_error": (0.096875, 0.09613347457627118),
    "root_mean_squared_error": (0.3112474899497183, 0.3100539865511669),
    "mean_absolute_percentage_error": (0.1117242373805498, 0.1047190225667269),
    "r2_score": (0.9201785254484594, 0.9197457050568371),
    "explained_variance_score": (0.9222384344691443, 0.9240774959217712),
    "mean_pinball_loss": (0.134375, 0.134180790960452),
    "precision_score binary": (0.7, 0.6818181818181818),
    "precision_score micro": (0.6666666666666666, 0.632768361581921),
    "precision_score macro": (0.5709876543209876, 0.4819196626923938),
    "precision_score weighted": (0.6925925925925926, 0.6308413406444209),
    "recall_score binary": (0.5185185185185185, 0.5769230769230769),
    "recall_score micro": (0.6666666666666666, 0.632768361581921),
    "recall_score macro": (0.5833333333333333, 0.4861111111111111),
    "recall_score weighted": (0.6666666666666666, 0.632768361581921),
    "f1_score binary": (0.5957446808510638, 0.625),
    "f1_score micro": (0.6666666666666666, 0.632768361581921),
    "f1_score macro": (0.5728070175438597, 0.4832019341953117),
    "f1_score weighted": (0.6775438596491229, 0.6307516743368129),
    "balanced_accuracy_score": (0.5833333333333333, 0.4861111111111111),
    "matthews_corrcoef": (0.4464955939561271, 0.3717731158799381),
    "top_k_accuracy_score": (0.9, 0.903954802259887),
    "log_loss binary": (0.5685719875848213, 0.5484217757658884),
    "log_loss classes": (0.7911469483919367, 0.8321595907132913),
    "roc_auc_score binary": (0.7598204264870931, 0.785029785029785),
    "average_precision_score binary": (0.7665986615087135, 0.7877089613054085),
    "roc_auc_score micro": (0.8523611111111111, 0.8227840020428357),
    "average_precision_score micro": (0.7834159842633652, 0.7442617257490527),
    "roc_auc_score macro": (0.8209773662551441, 0.7658319936567605),
    "average_precision_score macro": (0.6984244157068072, 0.6269245899328755),
    "roc_auc_score weighted": (0.8593209876543211, 0.8264264309995042),
    "average_precision_score weighted": (0.8171963964387821, 0.7788531169660398),
}
# fmt: on
OF_CLASSES = {"balanced_accuracy_score", "matthews_corrcoef", "top_k_accuracy_score"}


@pytest.mark.parametrize("case", STORED)
def test_function_gives_the_stored_number(case):
    name, _, how = case.partition(" ")
    if how == "binary":
        y, p = ANSWER, SHARE
    elif how or name in OF_CLASSES:
        y, p = LABEL, PROBABILITY
    else:
        y, p = TARGET, GUESS
    more = {"average": how} if how in ("micro", "macro", "weighted") else {}
    function = getattr(metrics, name)
    got = function(y, p, **more), function(y, p, WEIGHT, **more)
    assert got == pytest.approx(STORED[case], rel=1e-12)
    single = [function(y, p.astype(np.float32), weight, **more) for weight in (None, WEIGHT)]
    assert single == pytest.approx(STORED[case], rel=2e-6)
