"""What a fit leaves behind: the numbers of each epoch."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from fastnn._spec import lookup

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = ["History"]

Records = Sequence[Sequence[float]] | npt.NDArray[np.float64]

MOST_POINTS = 400  # of a curve in a notebook; a longer one shows every so many
WIDTH, HEIGHT, MARGIN = 320, 160, 8  # of a drawing in a notebook, in pixels
COLOURS = ("#1f77b4", "#ff7f0e")  # training, validation


class History(Mapping[str, list[float]]):
    """Loss and metrics of each epoch of a fit, as a mapping of name to list.

    Attributes
    ----------
    history : dict of str to list of float
        "loss", the metrics, and with validation data the same again under ``val_``; one number an
        epoch, NaN for an epoch that was not validated.
    epoch : list of int
        The number of each epoch, from 1; a second fit goes on where the first stopped.
    seconds : list of float
        How long each epoch took, validation included.
    stopped : str or None
        Why the fit ended before its last epoch, where what stopped it gave a reason.

    Examples
    --------
    >>> history = History()
    >>> history.append(1, 0.5, {"loss": 2.0})
    >>> history["loss"], history.epoch
    ([2.0], [1])
    """

    # An epoch is added by one append to a list, so that Ctrl-C finds it there or not, never half.
    # The lists that people see are filled from it when they look, and it does no harm to fill in a
    # part twice: the slices are set, not added to.

    def __init__(self, higher_is_better: Mapping[str, bool | None] | None = None) -> None:
        self._parts: list[tuple[int, Sequence[str], Records]] = []
        self._filled = (0, 0)  # parts and epochs that the lists hold
        self._history: dict[str, list[float]] = {}
        self._epoch: list[int] = []
        self._seconds: list[float] = []
        self._higher_is_better = dict(higher_is_better or {})
        self.stopped: str | None = None

    def append(self, epoch: int, seconds: float, logs: Mapping[str, float]) -> None:
        """Add an epoch."""
        self._parts.append((epoch, tuple(logs), ((seconds, *logs.values()),)))

    def extend(self, first: int, names: Sequence[str], records: Records) -> None:
        """Add the epochs from `first` on; a record is seconds and a number for each name."""
        if len(records) > 0:
            self._parts.append((first, names, records))

    def last_seconds(self) -> float | None:
        """Return how long the last epoch took; None before the first."""
        return float(self._parts[-1][2][-1][0]) if self._parts else None

    def _fill(self) -> None:
        while self._filled[0] < len(self._parts):
            done, start = self._filled
            first, names, records = self._parts[done]
            columns = np.array(records, np.float64).T.tolist()
            end = start + len(records)
            self._epoch[start:] = range(first, first + len(records))
            self._seconds[start:] = columns[0]
            for name, values in zip(names, columns[1:], strict=True):
                known = self._history.setdefault(name, [])
                known[start:] = [math.nan] * (start - len(known)) + values
            for known in self._history.values():
                known[end:] = []
                known += [math.nan] * (end - len(known))
            self._filled = done + 1, end

    @property
    def history(self) -> dict[str, list[float]]:
        """The numbers by name."""
        self._fill()
        return self._history

    @property
    def epoch(self) -> list[int]:
        """The numbers of the epochs."""
        self._fill()
        return self._epoch

    @property
    def seconds(self) -> list[float]:
        """How long each epoch took."""
        self._fill()
        return self._seconds

    def __getitem__(self, name: str) -> list[float]:
        """Return the numbers of one name."""
        return self.history[name]

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names."""
        return iter(self.history)

    def __len__(self) -> int:
        """Return how many names there are."""
        return len(self.history)

    def __repr__(self) -> str:
        """Show the last epoch."""
        last = ", ".join(f"{name}={values[-1]:.6g}" for name, values in self.history.items())
        return f"<History: {len(self.epoch)} epochs{'; last: ' if last else ''}{last}>"

    def until(self, epoch: int) -> History:
        """Return a history of its own of the epochs up to and including number `epoch`.

        Examples
        --------
        >>> history = History()
        >>> history.extend(1, ["loss"], [[0.5, 3.0], [0.5, 2.0]])
        >>> history.until(1)["loss"]
        [3.0]
        """
        part = History(self._higher_is_better)
        names = tuple(self)
        columns = zip(self.epoch, self.seconds, *self.values(), strict=True)
        for number, seconds, *values in columns:
            if number <= epoch:
                part.append(number, seconds, dict(zip(names, values, strict=True)))
        return part

    def __copy__(self) -> History:
        twin = History(self._higher_is_better)
        twin._parts = list(self._parts)
        twin.stopped = self.stopped
        return twin

    # -- which epoch was best ---------------------------------------------------------------------

    def best(self, name: str | None = None, *, mode: str = "auto") -> tuple[int, float]:
        """Return the number of the best epoch and its value.

        Parameters
        ----------
        name : str, optional
            By default "val_loss", or "loss" where nothing was validated.
        mode : {"auto", "min", "max"}
            Whether less or more is better; "auto" asks the metric.

        Returns
        -------
        epoch : int
            The first of equal ones.
        value : float

        Raises
        ------
        ValueError
            If there is no such name, no epoch with a number, or no telling what is better.

        Examples
        --------
        >>> history = History()
        >>> history.extend(1, ["loss"], [[0.1, 3.0], [0.1, 1.0], [0.1, 2.0]])
        >>> history.best("loss")
        (2, 1.0)
        """
        where = "History.best"
        if name is None:
            name = "val_loss" if "val_loss" in self else "loss"
        values = np.array(lookup("name", name, self.history, where))
        lookup("mode", mode, dict.fromkeys(("auto", "min", "max")), where)
        higher = self._is_higher_better(name) if mode == "auto" else mode == "max"
        if higher is None:
            raise ValueError(
                f'{where}: it is not known whether more of {name!r} is better; give mode="min" '
                f'or mode="max"'
            )
        if not np.isfinite(values).any():
            raise ValueError(f"{where}: {name!r} has no finite number")
        finite = np.where(np.isfinite(values), values, -np.inf if higher else np.inf)
        place = int(np.argmax(finite) if higher else np.argmin(finite))
        return self.epoch[place], float(values[place])

    def _is_higher_better(self, name: str) -> bool | None:
        plain = name.removeprefix("val_")
        return False if plain == "loss" else self._higher_is_better.get(plain)

    def _curves(self) -> list[tuple[str, list[str]]]:
        """Return what belongs in one drawing: a name and the series, validation last."""
        names = [name for name in self if not (name.startswith("val_") and name[4:] in self)]
        return [(name, [one for one in (name, f"val_{name}") if one in self]) for name in names]

    def _mark(self, series: Sequence[str]) -> tuple[int, float] | None:
        """Return the best epoch of a drawing's last series, if it can be told."""
        name = series[-1]
        if self._is_higher_better(name) is None or not np.isfinite(self[name]).any():
            return None
        return self.best(name)

    # -- for other libraries ----------------------------------------------------------------------

    def to_dataframe(self) -> pd.DataFrame:
        """Return a pandas DataFrame: a row for each epoch, its number as the index.

        Returns
        -------
        pandas.DataFrame
            Columns as the names, then "seconds".

        Raises
        ------
        ImportError
            If pandas is not installed.

        Examples
        --------
        ``trainer.fit(x, y).to_dataframe()["val_loss"].min()``
        """
        try:
            import pandas as pd
        except ImportError as error:
            raise ImportError(
                f"History.to_dataframe needs pandas, which cannot be imported ({error}); "
                f"python -m pip install pandas"
            ) from None
        return pd.DataFrame(
            self.history | {"seconds": self.seconds}, index=pd.Index(self.epoch, name="epoch")
        )

    def plot(self, names: str | Sequence[str] | None = None, *, ax: Axes | None = None) -> Any:
        """Draw the curves with matplotlib: training, validation, the best epoch marked.

        Parameters
        ----------
        names : str or sequence of str, optional
            Such as "loss" or ["loss", "mean_absolute_error"]: one drawing each, with the curve of
            the validation data beside that of the training.  All by default.
        ax : matplotlib Axes, optional
            Where to draw; then there must be one name, by default "loss".

        Returns
        -------
        matplotlib Axes, or an array of them
            One for each name; ``.figure.savefig("curves.png")`` writes them.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If a name is unknown or there are no epochs.

        Examples
        --------
        ``trainer.fit(x, y, validation_split=0.2).plot("loss")``
        """
        where = "History.plot"
        known = dict(self._curves())
        if not known:
            raise ValueError(f"{where}: there are no epochs to draw")
        if names is None:
            names = ["loss"] if ax is not None and "loss" in known else list(known)
        wanted = [names] if isinstance(names, str) else list(names)
        for name in wanted:
            lookup("name", name, known, where)
        if not wanted or (ax is not None and len(wanted) != 1):
            raise ValueError(
                f"{where}: got {len(wanted)} names; want one for ax, else at least one"
            )
        try:
            import matplotlib.pyplot as plt
            from matplotlib.ticker import MaxNLocator
        except ImportError as error:
            raise ImportError(
                f"{where} needs matplotlib, which cannot be imported ({error}); "
                f"python -m pip install matplotlib"
            ) from None
        if ax is not None:
            axes = [ax]
        else:
            _, grid = plt.subplots(
                1,
                len(wanted),
                figsize=(0.5 + 4.5 * len(wanted), 3.5),
                squeeze=False,
                layout="constrained",
            )
            axes = list(grid[0])
        for axis, name in zip(axes, wanted, strict=True):
            self._draw(axis, name, known[name])
            axis.xaxis.set_major_locator(MaxNLocator(integer=True))
        if ax is not None or isinstance(names, str):
            return axes[0]
        return grid[0]

    def _draw(self, axis: Axes, name: str, series: Sequence[str]) -> None:
        marker = "o" if len(self.epoch) == 1 else None  # a single point makes no line
        for one, colour in zip(series, _colours(series), strict=True):
            label = "validation" if one.startswith("val_") else "training"
            axis.plot(self.epoch, self[one], label=label, color=colour, marker=marker)
        mark = self._mark(series)
        if mark is not None:
            epoch, value = mark
            axis.axvline(epoch, color="0.6", linewidth=0.8, linestyle="--", zorder=0)
            axis.plot(
                [epoch],
                [value],
                "o",
                color=_colours(series)[-1],
                label=f"best: {value:.5g} in epoch {epoch}",
            )
        axis.set_xlabel("epoch")
        axis.set_ylabel(name)
        axis.legend()

    # -- in notebooks -----------------------------------------------------------------------------

    def _repr_html_(self) -> str:
        """Return a table of the last and the best epoch, and small drawings of the curves."""
        from html import escape

        if not self.epoch:
            return "<p>History: no epochs</p>"
        rows = []
        for name, values in self.history.items():
            best = self._mark([name])
            shown = "" if best is None else f"{best[1]:.5g} (epoch {best[0]})"
            rows.append(
                f"<tr><th style='text-align:left'>{escape(name)}</th>"
                f"<td>{values[-1]:.5g}</td><td>{shown}</td></tr>"
            )
        count, total = len(self.epoch), sum(self.seconds)
        head = f"{count} epoch{'s' if count > 1 else ''}, {total:.3g} s"
        if self.stopped is not None:
            head += f"; stopped: {escape(self.stopped)}"
        drawings = "".join(self._svg(name, series) for name, series in self._curves())
        return (
            f"<div><p>History: {head}</p>"
            f"<table><thead><tr><th></th><th>last</th><th>best</th></tr></thead>"
            f"<tbody>{''.join(rows)}</tbody></table>{drawings}</div>"
        )

    def _svg(self, name: str, series: Sequence[str]) -> str:
        """Return a drawing of a few curves over one scale."""
        from html import escape

        step = -(-len(self.epoch) // MOST_POINTS)
        x = np.array(self.epoch, np.float64)
        values = {one: np.array(self[one]) for one in series}
        finite = np.concatenate([y[np.isfinite(y)] for y in values.values()])
        if len(finite) == 0:
            return ""
        low, high = float(finite.min()), float(finite.max())
        width, height = WIDTH - 2 * MARGIN, HEIGHT - 2 * MARGIN
        left = MARGIN + width * (x - x[0]) / max(x[-1] - x[0], 1.0)
        lines = []
        for (one, y), colour in zip(values.items(), _colours(series), strict=True):
            top = MARGIN + height * (high - y) / ((high - low) or 1.0)
            # every so many epochs, and the last
            places = np.unique(np.append(np.arange(0, len(x), step), len(x) - 1))
            points = [(left[i], top[i]) for i in places if np.isfinite(y[i])]
            lines.append(
                f"<polyline fill='none' stroke='{colour}' stroke-width='1.5' "
                f"points='{' '.join(f'{a:.1f},{b:.1f}' for a, b in points)}'>"
                f"<title>{escape(one)}</title></polyline>"
            )
            mark = self._mark(series) if one == series[-1] else None
            if mark is not None:
                i = self.epoch.index(mark[0])
                lines.append(
                    f"<circle cx='{left[i]:.1f}' cy='{top[i]:.1f}' r='3' fill='{colour}'/>"
                )
        legend = ", ".join(
            f"<span style='color:{colour}'>{escape(one)}</span>"
            for one, colour in zip(series, _colours(series), strict=True)
        )
        return (
            f"<figure style='display:inline-block;margin:4px'>"
            f"<svg role='img' aria-label='{escape(name)}' width='{WIDTH}' height='{HEIGHT}' "
            f"style='border:1px solid #8884'>{''.join(lines)}</svg>"
            f"<figcaption style='font-size:smaller'>{legend}: {low:.4g} to {high:.4g}, "
            f"epochs {self.epoch[0]} to {self.epoch[-1]}</figcaption></figure>"
        )


def _colours(series: Sequence[str]) -> list[str]:
    """Return a colour for each series: one for training, one for validation."""
    return [COLOURS[one.startswith("val_") and len(series) > 1] for one in series]
