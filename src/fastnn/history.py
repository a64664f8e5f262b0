"""What a fit leaves behind: the numbers of each epoch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

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

    def __init__(self) -> None:
        self.history: dict[str, list[float]] = {}
        self.epoch: list[int] = []
        self.seconds: list[float] = []

    def append(self, epoch: int, seconds: float, logs: Mapping[str, float]) -> None:
        """Add an epoch."""
        self.epoch.append(epoch)
        self.seconds.append(seconds)
        for name, value in logs.items():
            self.history.setdefault(name, []).append(value)

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
