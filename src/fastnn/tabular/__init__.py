"""Networks that learn from tables: Polars, DuckDB, pandas, PyArrow, CSV, Parquet.

A column is a number, a boolean, a category, a date or a time; numbers are standardised, categories
embedded, missing values imputed and marked.  One file holds network, columns, categories and
ranges, and refuses a table that does not fit.  It needs pyarrow:
``pip install "fastnn-core[tabular]"``.
"""

from __future__ import annotations

from fastnn.tabular.encode import Counts, OutOfRangeWarning
from fastnn.tabular.estimators import TabularClassifier, TabularRegressor, load
from fastnn.tabular.schema import Column
from fastnn.tabular.sources import Source, open_table

__all__ = [
    "Column",
    "Counts",
    "OutOfRangeWarning",
    "Source",
    "TabularClassifier",
    "TabularRegressor",
    "load",
    "open_table",
]
