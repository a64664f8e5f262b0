"""Callbacks: what goes along with a fit, as in ``trainer.fit(x, y, callbacks=[EarlyStopping()])``.

A callback has a method for each event and gets an `Event`; a class of your own overrides the
methods it wants.  Only those cost anything: while no method for batches is overridden, whole epochs
stay in C.
"""

from __future__ import annotations

from fastnn.callbacks.base import Callback, LambdaCallback, ProgressBar, TerminateOnNaN
from fastnn.callbacks.files import BackupAndRestore, CSVLogger, JSONLogger, ModelCheckpoint
from fastnn.callbacks.monitors import EarlyStopping, LearningRateScheduler, ReduceLROnPlateau

__all__ = [
    "BackupAndRestore",
    "CSVLogger",
    "Callback",
    "EarlyStopping",
    "JSONLogger",
    "LambdaCallback",
    "LearningRateScheduler",
    "ModelCheckpoint",
    "ProgressBar",
    "ReduceLROnPlateau",
    "TerminateOnNaN",
]
