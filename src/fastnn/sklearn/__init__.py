"""scikit-learn's face of fastnn: `MLPRegressor` and `MLPClassifier`, for pipelines and searches.

They take the parameters of scikit-learn's estimators of these names, mean by them what those mean,
and have their attributes; and they take what those refuse.  Needs the extra "sklearn".
"""

from __future__ import annotations

try:
    import sklearn  # noqa: F401  # the library; this package is fastnn.sklearn
except ImportError as error:
    raise ImportError(
        'fastnn.sklearn needs scikit-learn: pip install "fastnn-core[sklearn]"'
    ) from error

from fastnn.sklearn.classifier import MLPClassifier
from fastnn.sklearn.regressor import MLPRegressor

__all__ = ["MLPClassifier", "MLPRegressor"]
