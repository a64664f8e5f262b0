"""The page of a report: what is said in which order, in one file that needs nothing else."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from html import escape
from importlib.resources import files

import numpy as np
import numpy.typing as npt

from fastnn import __version__, _core
from fastnn._spec import lookup
from fastnn.history import History
from fastnn.html_report import markup, plots, svg
from fastnn.html_report.importance import Importance
from fastnn.io import _write_whole
from fastnn.metrics import confusion_matrix
from fastnn.model import Model

__all__ = ["write_report"]

TASKS = ("regression", "classification")
MOST_CLASSES = 30  # of a confusion matrix in full
MOST_CONFUSIONS = 15  # that are listed beyond that
MOST_LEARNING_CURVES = 4

Numbers = Mapping[str, float]


def write_report(
    path: str | os.PathLike[str],
    *,
    title: str,
    task: str,
    targets: npt.ArrayLike,
    predictions: npt.ArrayLike,
    target: str = "target",
    lead: str = "",
    classes: Sequence[object] | None = None,
    metrics: Numbers | None = None,
    baseline: Numbers | None = None,
    baseline_name: str = "baseline",
    history: History | None = None,
    importance: Sequence[Importance] = (),
    importance_of: str = "score",
    model: Model | None = None,
    schema: Sequence[Mapping[str, object]] = (),
    settings: Mapping[str, object] | None = None,
) -> None:
    """Write a report on a model as one HTML file that loads nothing else.

    It has a light and a dark side, prints, and says in words what its drawings show.

    Parameters
    ----------
    path : str or path-like
        Replaced only once the new file is whole.
    title : str
    task : {"regression", "classification"}
    targets : array-like, shape (n,)
        Of rows that the model has not learnt from: numbers, or places of classes from 0.
    predictions : array-like, shape (n,) or (n, classes)
        Numbers; or the probability of each class, or of the second of two.
    target : str
        What is predicted, for the axes.
    lead : str
        A sentence under the title.
    classes : sequence, optional
        Names of the classes; their places by default.
    metrics : mapping of str to float, optional
        Shown large.
    baseline : mapping of str to float, optional
        The same metrics of something simpler, called `baseline_name`.
    history : History, optional
        Of the fit: its curves.
    importance : sequence of Importance
        See `permutation_importance`; `importance_of` names the score.
    model : Model, optional
        Its table is shown.
    schema : sequence of mappings
        A row for each column of the data.
    settings : mapping, optional
        What the fit was told.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    OSError
        If the file cannot be written; an old one stays as it was.
    ValueError
        If shapes do not fit, there are no rows, numbers are not finite or the task is unknown.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from fastnn.html_report import write_report
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "report.html")
    ...     write_report(
    ...         path, title="Cars", task="regression", targets=[21, 30], predictions=[20.5, 31]
    ...     )
    ...     path.read_text(encoding="utf-8")[:15]
    '<!doctype html>'
    """
    where = "write_report"
    lookup("task", task, dict.fromkeys(TASKS), where)
    y, p, names = _checked(where, task, targets, predictions, classes)
    try:
        import matplotlib as mpl
    except ImportError:
        svg.new_figure()  # which says what is missing
        raise
    with mpl.rc_context():
        mpl.rcdefaults()  # a person's own style is not that of the page
        mpl.rcParams.update(svg.SETTINGS)
        training = _training(history)
        if task == "regression":
            outcome = markup.section("predictions", "Predictions", _regression(y, p, target))
        else:
            outcome = markup.section("predictions", "Predictions", _classification(y, p, names))
    parts = {
        "Predictions": outcome,
        "Training": markup.section("training", "Training", training),
        "Importance": markup.section(
            "importance", "What it leans on", _leaning(importance, importance_of)
        ),
        "Model": markup.section(
            "model", "Model", "" if model is None else markup.model_table(model.summary())
        ),
        "Data": markup.section("data", "Data", markup.records(schema, "Columns of the table")),
        "Settings": markup.section("settings", "Settings and versions", _settings(settings)),
    }
    links = "".join(
        f'<li><a href="#{part.split(chr(34), 2)[1]}">{name}</a></li>'
        for name, part in parts.items()
        if part
    )
    head = markup.cards(metrics or {}, baseline or {}, baseline_name)
    text = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="fastnn {__version__}">
<title>{escape(title)}</title>
<style>
{files("fastnn.html_report").joinpath("style.css").read_text(encoding="utf-8")}</style>
</head>
<body>
<header>
<h1>{escape(title)}</h1>
{f'<p class="lead">{escape(lead)}</p>' if lead else ""}
{head}
<nav aria-label="Contents"><ul>{links}</ul></nav>
</header>
<main>
{chr(10).join(part for part in parts.values() if part)}
</main>
<footer><p>Written by fastnn {__version__}.</p></footer>
</body>
</html>
"""
    _write_whole(path, text.encode())


def _checked(
    where: str,
    task: str,
    targets: npt.ArrayLike,
    predictions: npt.ArrayLike,
    classes: Sequence[object] | None,
) -> tuple[plots.Reals, plots.Reals, list[str]]:
    """Return targets (n,), predictions (n,) or probabilities (n, classes), names of classes."""
    y, p = np.asarray(targets, np.float64), np.asarray(predictions, np.float64)
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if p.ndim == 2 and p.shape[1] == 1:
        p = p[:, 0]
    if y.ndim != 1 or len(y) == 0 or p.shape[:1] != y.shape or p.ndim > 2:
        raise ValueError(
            f"{where}: targets and predictions must have one row each for at least one row, "
            f"got shapes {y.shape} and {p.shape}"
        )
    if not (np.isfinite(y).all() and np.isfinite(p).all()):
        raise ValueError(f"{where}: targets and predictions must be finite")
    if task == "regression":
        if p.ndim != 1:
            raise ValueError(f"{where}: predictions must be of shape (n,), got {p.shape}")
        return y, p, []
    if p.ndim == 1:
        p = np.column_stack([1 - p, p])
    k = p.shape[1]
    names = [str(name) for name in (range(k) if classes is None else classes)]
    if len(names) != k:
        raise ValueError(f"{where}: got {len(names)} classes for {k} columns of predictions")
    if not np.isin(y, np.arange(k)).all():
        raise ValueError(f"{where}: targets must be places of classes, 0 .. {k - 1}")
    return y, p, names


def _training(history: History | None) -> str:
    if history is None or not history.epoch:
        return ""
    names = [name for name, _ in history._curves()][:MOST_LEARNING_CURVES]
    drawings = [plots.learning_curve(history, name, place) for place, name in enumerate(names)]
    count, seconds = len(history.epoch), sum(history.seconds)
    told = f"{count:,} epoch{'' if count == 1 else 's'} in {seconds:.3g} s."
    if history.stopped is not None:
        told += f" Stopped: {history.stopped}."
    return f"<p>{escape(told)}</p>{markup.figures(drawings)}"


def _rows(y: plots.Reals) -> str:
    return f"On {len(y):,} row{'' if len(y) == 1 else 's'} that it has not seen."


def _regression(y: plots.Reals, p: plots.Reals, target: str) -> str:
    drawings = [
        plots.actual_against_predicted(y, p, target),
        plots.residuals(y, p, target),
        plots.residual_histogram(y, p),
        plots.share_within(y, p, target),
    ]
    return f"<p>{_rows(y)}</p>{markup.figures(drawings)}"


def _classification(y: plots.Reals, p: plots.Reals, names: Sequence[str]) -> str:
    guess = p.argmax(axis=1)
    matrix = confusion_matrix(y, guess, labels=list(range(len(names))))
    told = f"<p>{_rows(y)}</p>"
    if len(names) <= MOST_CLASSES:
        told += (
            "<h3>Confusion matrix</h3>"
            '<p class="note">A row for each actual class, a column for each predicted one; '
            f"per cent of the row.</p>{markup.confusion(matrix, names)}"
        )
    else:
        told += markup.records(_confusions(matrix, names), "The classes most often confused")
    curves = [plots.roc_curves(y, p, names), plots.precision_recall_curves(y, p, names)]
    return (
        told
        + markup.records(_by_class(matrix, names), "Each class by itself")
        + markup.figures(curves)
    )


def _confusions(matrix: npt.NDArray[np.int64], names: Sequence[str]) -> list[dict[str, object]]:
    wrong = matrix.copy()
    np.fill_diagonal(wrong, 0)
    order = np.argsort(-wrong, axis=None, kind="stable")[:MOST_CONFUSIONS]
    places = np.column_stack(np.unravel_index(order, wrong.shape)).tolist()
    return [
        {"actual": names[a], "predicted": names[b], "rows": int(wrong[a, b])}
        for a, b in places
        if wrong[a, b] > 0
    ]


def _by_class(matrix: npt.NDArray[np.int64], names: Sequence[str]) -> list[dict[str, object]]:
    """Precision, recall and F1; NaN, shown as a dash, where they are not defined."""
    rows: list[dict[str, object]] = []
    for place, name in enumerate(names):
        right, actual, said = matrix[place, place], matrix[place].sum(), matrix[:, place].sum()
        with np.errstate(invalid="ignore"):
            values = right / said, right / actual, 2 * right / (actual + said)
        rows.append(
            {
                "class": name,
                "rows": int(actual),
                **dict(zip(("precision", "recall", "F1"), map(float, values), strict=True)),
            }
        )
    return rows


def _leaning(importance: Sequence[Importance], score: str) -> str:
    if not importance:
        return ""
    return markup.bars(importance, score) + (
        '<p class="note">A column that repeats another one looks unimportant: '
        "the model still has the other.</p>"
    )


def _settings(settings: Mapping[str, object] | None) -> str:
    versions = {
        "fastnn": __version__,
        "instruction set": _core.current_isa(),
        "Python": f"{platform.python_version()} ({platform.system()}, {platform.machine()})",
        "NumPy": np.__version__,
    }
    tables = [markup.pairs(settings, "Settings")] if settings else []
    tables.append(markup.pairs(versions, "Versions"))
    return f'<div class="pair">{"".join(f"<div>{one}</div>" for one in tables)}</div>'
