"""Pieces of HTML: everything that comes from data is escaped here."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from html import escape

import numpy as np
import numpy.typing as npt

from fastnn.html_report.importance import Importance
from fastnn.html_report.plots import Drawing
from fastnn.summary import HEADER, Summary

__all__ = [
    "bars",
    "cards",
    "confusion",
    "figures",
    "model_table",
    "number",
    "pairs",
    "records",
    "section",
]

Counts = npt.NDArray[np.int64]


def number(value: object) -> str:
    """Return a number as people read it: four digits, and a dash for NaN and None.

    Examples
    --------
    >>> number(0.83777), number(12560), number(float("nan")), number("relu")
    ('0.8378', '12,560', '–', 'relu')
    """
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "–"
    if isinstance(value, bool) or not isinstance(value, (int, float, np.number)):
        return str(value)
    if isinstance(value, (int, np.integer)):
        return f"{value:,}"
    real = float(value)
    if real == 0 or 1e-3 <= abs(real) < 1e6:
        return f"{real:,.4g}" if abs(real) < 1e4 else f"{real:,.0f}"
    return f"{real:.3e}"


def section(name: str, title: str, content: str) -> str:
    """Return a part of the page with its heading; nothing without content."""
    if not content:
        return ""
    return f'<section id="{name}" aria-labelledby="{name}-h">' + (
        f'<h2 id="{name}-h">{escape(title)}</h2>{content}</section>'
    )


def cards(metrics: Mapping[str, object], beside: Mapping[str, object], label: str) -> str:
    """Return the metrics as large numbers, each with that of something simpler beside it."""
    items = []
    for name, value in metrics.items():
        other = beside.get(name)
        below = (
            "" if other is None else (f'<dd class="beside">{escape(label)}: {number(other)}</dd>')
        )
        items.append(f"<div><dt>{escape(name)}</dt><dd>{number(value)}</dd>{below}</div>")
    return f'<dl class="metrics">{"".join(items)}</dl>' if items else ""


def figures(drawings: Iterable[Drawing]) -> str:
    """Return drawings side by side where there is room, each with heading and caption."""
    parts = [
        f"<figure><h3>{escape(one.title)}</h3>{one.svg}"
        f"<figcaption>{escape(one.caption)}</figcaption></figure>"
        for one in drawings
    ]
    return f'<div class="plots">{"".join(parts)}</div>' if parts else ""


def _scroll(table: str, label: str, kind: str = "") -> str:
    """Return a table that scrolls by itself where the page is narrow, with the keyboard too."""
    name = escape(label, quote=True)
    return f'<div class="scroll{kind}" role="region" aria-label="{name}" tabindex="0">{table}</div>'


def records(rows: Sequence[Mapping[str, object]], caption: str) -> str:
    """Return a table of mappings: a column for each key, in the order they come."""
    if not rows:
        return ""
    keys = list(dict.fromkeys(key for row in rows for key in row))
    numeric = {
        key
        for key in keys
        if all(isinstance(row.get(key, 0.0), (int, float, type(None))) for row in rows)
    }
    head = "".join(_cell("th", key, key in numeric, ' scope="col"') for key in keys)
    body = "".join(
        "<tr>"
        + "".join(
            _cell("th", row.get(key, ""), key in numeric, ' scope="row"')
            if key == keys[0]
            else _cell("td", row.get(key, ""), key in numeric)
            for key in keys
        )
        + "</tr>"
        for row in rows
    )
    table = (
        f"<table><caption>{escape(caption)}</caption>"
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    )
    return _scroll(table, caption)


def _cell(tag: str, value: object, numeric: bool, more: str = "") -> str:
    kind = "number" if numeric else "words"
    return f'<{tag} class="{kind}"{more}>{escape(number(value))}</{tag}>'


def pairs(values: Mapping[str, object], caption: str) -> str:
    """Return a table of names and values."""
    rows = "".join(
        f'<tr><th scope="row">{escape(name)}</th>'
        f'<td class="words">{escape(number(value))}</td></tr>'
        for name, value in values.items()
    )
    return f"<table><caption>{escape(caption)}</caption><tbody>{rows}</tbody></table>"


def bars(found: Sequence[Importance], score: str) -> str:
    """Return importances as a table with a bar in each row."""
    longest = max((one.mean for one in found), default=0.0)
    rows = []
    for one in found:
        share = max(one.mean, 0.0) / longest if longest > 0 else 0.0
        kind = "" if one.mean > 0 else ' class="none"'
        rows.append(
            f'<tr><th scope="row">{escape(one.feature)}</th>'
            f'<td class="bar"><span class="track" aria-hidden="true">'
            f'<span{kind} style="--share:{share:.4f}"></span></span></td>'
            f'<td class="number">{one.mean:.4f} ± {one.deviation:.4f}</td></tr>'
        )
    lost = f"{escape(score)} lost"
    table = (
        "<table><thead><tr><th scope='col'>column</th>"
        "<th scope='col'><span class='note'>share of the largest</span></th>"
        f"<th scope='col' class='number'>{lost}</th></tr></thead>"
        f"<tbody>{''.join(rows)}</tbody></table>"
    )
    told = (
        f"{lost[0].upper()}{lost[1:]} as one column of the held-out rows is shuffled: "
        f"mean ± deviation."
    )
    return f'<p class="note">{told}</p>{_scroll(table, "Permutation importance", " bars")}'


def confusion(matrix: Counts, classes: Sequence[str]) -> str:
    """Return a confusion matrix as a table, each cell as dark as its share of the row."""
    totals = matrix.sum(axis=1, keepdims=True)
    shares = np.divide(matrix, totals, out=np.zeros(matrix.shape), where=totals > 0)
    names = [escape(str(name)) for name in classes]
    head = "".join(f'<th scope="col">{name}</th>' for name in names)
    rows = []
    for name, counts, row in zip(names, matrix.tolist(), shares.tolist(), strict=True):
        cells = "".join(
            f'<td style="--share:{share:.3f}">{count:,}<small>{share:.0%}</small></td>'
            for count, share in zip(counts, row, strict=True)
        )
        rows.append(f'<tr><th scope="row">{name}</th>{cells}</tr>')
    table = f"<table><thead><tr><td></td>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    return _scroll(table, "Confusion matrix", " confusion")


def model_table(summary: Summary) -> str:
    """Return a model's summary."""

    def cell(text: str) -> str:
        return "<br>".join(escape(line) for line in text.split("\n"))

    head = "".join(f'<th scope="col">{name}</th>' for name in HEADER)
    body = "".join(
        f'<tr><th scope="row">{cell(first)}</th>'
        + "".join(f'<td class="code">{cell(text)}</td>' for text in rest)
        + "</tr>"
        for first, *rest in summary.rows
    )
    caption = f"{summary.total_parameters:,} parameters, {summary.total_bytes:,} bytes"
    table = (
        f"<table><caption>{caption}</caption><thead><tr>{head}</tr></thead>"
        f"<tbody>{body}</tbody></table>"
    )
    return _scroll(table, "The layers of the model")
