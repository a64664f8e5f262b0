"""A matplotlib figure as SVG to stand inside a page, in the colours of the page.

The figure is drawn in colours that stand for a role (`INK`, `FIRST`, ...); in the SVG each becomes
a CSS variable, so that one drawing serves the light and the dark page.  Text stays text.
"""

from __future__ import annotations

import io
import re
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["FIRST", "INK", "QUIET", "SECOND", "cycle", "inline", "new_figure"]

# Colours that nothing else has, and the variables of style.css that they become.
INK, QUIET, GRID, FIRST, SECOND = (f"#0a0b0{i}" for i in range(1, 6))
_MORE = tuple(f"#0a0c0{i}" for i in range(1, 7))  # of further classes
VARIABLES = {
    INK: "--ink",
    QUIET: "--quiet",
    GRID: "--line",
    FIRST: "--first",
    SECOND: "--second",
    **{colour: f"--class-{i}" for i, colour in enumerate(_MORE, 3)},
}

WIDTH, HEIGHT = 4.6, 3.3  # inches: the text is of the page's size where two stand side by side

SETTINGS: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "fastnn",  # the same file for the same numbers
    "font.family": "sans-serif",
    "font.size": 9.5,
    "text.color": INK,
    "text.parse_math": False,  # a column may be called "$"
    "axes.edgecolor": QUIET,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.formatter.use_mathtext": False,
    "axes.unicode_minus": True,
    "grid.color": GRID,
    "grid.linewidth": 0.7,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
}


def cycle(place: int) -> str:
    """Return the colour of one class of several."""
    colours = (FIRST, SECOND, *_MORE)
    return colours[place % len(colours)]


def new_figure() -> tuple[Figure, Axes]:
    """Return an empty figure and its axes; used and written under `SETTINGS`.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError(
            f"an HTML report needs matplotlib, which cannot be imported ({error}); "
            f'pip install "fastnn-core[report]"'
        ) from None
    figure = Figure(figsize=(WIDTH, HEIGHT), layout="constrained")
    return figure, figure.add_subplot()


def inline(figure: Figure, name: str, title: str) -> str:
    """Return the figure as an ``<svg>`` element whose ids begin with `name`."""
    content = io.BytesIO()
    metadata = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    figure.savefig(content, format="svg", transparent=True, metadata=metadata)
    text = content.getvalue().decode()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>\s*", "", text, flags=re.DOTALL)
    view = re.search(r'viewBox="[^"]+"', text)
    assert view is not None  # matplotlib always writes one
    text = re.sub(
        r"<svg[^>]*>",
        f'<svg {view[0]} role="img" aria-labelledby="{name}-title">'
        f'<title id="{name}-title">{escape(title)}</title>',
        text,
        count=1,
    )
    # Ids are unique in a page; matplotlib numbers them anew in each figure.
    text = re.sub(r'(?<= id=")(?!' + re.escape(name) + r'-title")', f"{name}-", text)
    text = re.sub(r'(xlink:href="#|url\(#)', rf"\g<1>{name}-", text).replace("xlink:href", "href")
    text = re.sub(r"(?<=[\"' ;])(font: [^;\"]*?)'[^\"]*?sans-serif", r"\1sans-serif", text)
    for colour, variable in VARIABLES.items():
        text = text.replace(colour, f"var({variable})")
    return text.strip()
