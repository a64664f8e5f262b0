"""One HTML file on a trained model: curves, predictions, importance, tables.

Nothing here is loaded by ``import fastnn``.  The drawings need matplotlib, of the extra "report".
"""

from __future__ import annotations

from fastnn.html_report.importance import Importance, permutation_importance
from fastnn.html_report.page import write_report

__all__ = ["Importance", "permutation_importance", "write_report"]
