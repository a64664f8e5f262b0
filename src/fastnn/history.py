"""What a fit leaves behind: the numbers of each epoch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt

__all__ = ["History"]


class History(Mapping[str, list[float]]):
    """Loss and metrics of each epoch of a fit, as a mapping of name to list.

    Attributes
    ----------
    history : dict of str to list of float
        "loss", the metrics, and with validation data the same again under ``val_``; one number an
        epoch.
    epoch : list of int
        The number of each epoch, from 1; a second fit goes on where the first stopped.
    seconds : list of float
        How long each epoch took, validation included.

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

    def __init__(self) -> None:
        self._parts: list[tuple[int, Sequence[str], npt.NDArray[np.float64]]] = []
        self._filled = (0, 0)  # parts and epochs that the lists hold
        self._history: dict[str, list[float]] = {}
        self._epoch: list[int] = []
        self._seconds: list[float] = []

    def append(self, epoch: int, seconds: float, logs: Mapping[str, float]) -> None:
        """Add an epoch."""
        self.extend(epoch, tuple(logs), np.array([[seconds, *logs.values()]]))

    def extend(self, first: int, names: Sequence[str], records: npt.NDArray[np.float64]) -> None:
        """Add the epochs from `first` on; a record is seconds and a number for each name."""
        if len(records) > 0:
            self._parts.append((first, names, records))

    def _fill(self) -> None:
        while self._filled[0] < len(self._parts):
            done, start = self._filled
            first, names, records = self._parts[done]
            self._epoch[start:] = range(first, first + len(records))
            self._seconds[start:] = records[:, 0].tolist()
            for name, values in zip(names, records[:, 1:].T.tolist(), strict=True):
                self._history.setdefault(name, [])[start:] = values
            self._filled = done + 1, start + len(records)

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
