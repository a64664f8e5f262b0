"""Files of models: those that know their table, and plain networks."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fastnn.model import Model
    from fastnn.tabular import TabularClassifier, TabularRegressor

    Estimator = TabularClassifier | TabularRegressor

__all__ = ["load_any", "load_estimator"]


def load_any(path: str) -> tuple[Model, Estimator | None]:
    """Return the network of a file, and the estimator if the file knows its table."""
    from fastnn import io

    _check_file(path)
    model, _, entries = io.read(path, None)
    if "fastnn.tabular" not in entries:  # fastnn.tabular.file.KEY, without its imports
        return model, None
    estimator = load_estimator(path)
    return estimator.model_, estimator


def load_estimator(path: str) -> Estimator:
    """Return the estimator of a file."""
    from fastnn import tabular

    _check_file(path)
    try:
        return tabular.load(path)
    except ValueError as error:
        if "not the columns of a table" not in str(error):
            raise
        raise ValueError(
            f"{path} is a plain network that knows no columns; train one with "
            f"fastnn train DATA --target COLUMN --out {path}"
        ) from None


def _check_file(path: str) -> None:
    if os.path.isdir(path):
        raise ValueError(f"MODEL: want a file that fastnn has saved, {path!r} is a folder")
