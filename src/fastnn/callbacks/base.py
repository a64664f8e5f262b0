"""What all callbacks are, and those that do nothing by themselves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, TextIO

from fastnn._own import takes
from fastnn._spec import check_bool, check_int, describe
from fastnn.events import NAMES, Event, Handler

State = dict[str, Any]


class Callback:
    """Base of the callbacks.

    Attributes
    ----------
    every : int
        Batch events come only every so many batches, counted within the epoch.
    sleeps_until : int
        Epoch events come only above this number of the epoch; a method may set it, again and again.
        Epochs that nobody listens to stay in C.
    ends_on_nan : bool
        Whether a loss that is not finite ends the fit instead of being an error.

    Examples
    --------
    >>> import fastnn as fnn
    >>> class Largest(fnn.callbacks.Callback):
    ...     def on_train_begin(self, event):
    ...         self.loss = 0.0
    ...     def on_epoch_end(self, event):
    ...         self.loss = max(self.loss, event.logs["loss"])
    >>> largest = Largest()
    >>> model = fnn.Sequential([fnn.Input(1), fnn.Dense(1)], seed=0)
    >>> history = fnn.Trainer(model, "mse").fit(
    ...     [[1.0]], [[2.0]], epochs=3, verbose=0, callbacks=[largest]
    ... )
    >>> largest.loss == max(history["loss"])
    True
    """

    every: int = 1
    sleeps_until: int = 0
    ends_on_nan: ClassVar[bool] = False
    custom_objects: Mapping[str, Any] | None = None  # for the file that `resumes_from` names

    def on_train_begin(self, event: Event) -> None:
        """Before the first step of a fit; a state from an earlier fit is to be forgotten here."""

    def on_epoch_begin(self, event: Event) -> None:
        """Before the first batch of an epoch."""

    def on_batch_begin(self, event: Event) -> None:
        """Before a batch."""

    def on_batch_end(self, event: Event) -> None:
        """After a batch."""

    def on_epoch_end(self, event: Event) -> None:
        """After an epoch and its validation."""

    def on_train_end(self, event: Event) -> None:
        """After the last epoch; not after an error."""

    def close(self) -> None:
        """Last of all, also after an error: close files."""

    def state(self) -> State:
        """Return what it must know to go on with an interrupted fit.

        Returns
        -------
        dict
            Values that JSON can hold, or NumPy arrays.
        """
        return {}

    def restore(self, state: State) -> None:
        """Take back what `state` returned; called after `on_train_begin`."""

    def handlers(self) -> list[tuple[str, Handler]]:
        """Return the events it listens to, each with its method."""
        found = []
        for name in NAMES:
            method = getattr(self, f"on_{name}")
            plain = getattr(Callback, f"on_{name}")
            if getattr(method, "__func__", method) is not plain:
                found.append((name, method))
        return found

    def resumes_from(self) -> str | None:
        """Return the file of an interrupted fit that the next fit is to go on from, if any."""
        return None


def check_callbacks(where: str, given: object) -> list[Callback]:
    """Return the callbacks of a fit as a list."""
    if given is None:
        return []
    if isinstance(given, (str, Mapping, Callback)) or not isinstance(given, Iterable):
        raise TypeError(f"{where}: callbacks must be a list of callbacks, got {describe(given)}")
    found = list(given)
    for i, one in enumerate(found):
        if not isinstance(one, Callback):
            hint = ""
            if isinstance(one, type) and issubclass(one, Callback):
                hint = f"; give an object, {one.__name__}(...)"
            elif callable(one):
                hint = "; LambdaCallback(on_epoch_end=...) makes one of a function"
            raise TypeError(
                f"{where}: callbacks[{i}] must be a Callback, got {describe(one)}{hint}"
            )
        for name, method in one.handlers():
            if _is_of_keras(method):
                raise TypeError(
                    f"{where}: callbacks[{i}].on_{name} takes an epoch or batch and logs; here it "
                    f"gets one event: def on_{name}(self, event), with event.epoch, event.batch "
                    f"and event.logs"
                )
        if any(one is other for other in found[:i]):
            raise ValueError(f"{where}: callbacks[{i}] is the same object as an earlier one")
    return found


def _is_of_keras(method: Handler) -> bool:
    """Tell whether a handler has the signature of Keras, which would take an event for a number."""
    code = getattr(getattr(method, "__func__", method), "__code__", None)
    if code is None:
        return False
    return "logs" in code.co_varnames[: code.co_argcount]


class LambdaCallback(Callback):
    """A callback from functions.

    Parameters
    ----------
    on_train_begin, on_epoch_begin, on_batch_begin, on_batch_end, on_epoch_end, on_train_end : \
callable, optional
        Each gets the event.
    every : int
        Batch events come only every so many batches, counted within the epoch.

    Examples
    --------
    >>> import fastnn as fnn
    >>> seen = []
    >>> callback = fnn.callbacks.LambdaCallback(on_epoch_end=lambda event: seen.append(event.epoch))
    >>> model = fnn.Sequential([fnn.Input(1), fnn.Dense(1)])
    >>> _ = fnn.Trainer(model, "mse").fit([[1.0]], [[2.0]], verbose=0, callbacks=[callback])
    >>> seen
    [1]
    """

    def __init__(
        self,
        *,
        on_train_begin: Handler | None = None,
        on_epoch_begin: Handler | None = None,
        on_batch_begin: Handler | None = None,
        on_batch_end: Handler | None = None,
        on_epoch_end: Handler | None = None,
        on_train_end: Handler | None = None,
        every: int = 1,
    ) -> None:
        self.every = check_int("LambdaCallback", "every", every)
        given = {
            "on_train_begin": on_train_begin,
            "on_epoch_begin": on_epoch_begin,
            "on_batch_begin": on_batch_begin,
            "on_batch_end": on_batch_end,
            "on_epoch_end": on_epoch_end,
            "on_train_end": on_train_end,
        }
        for name, function in given.items():
            if function is None:
                continue
            if not callable(function):
                raise TypeError(
                    f"LambdaCallback: {name} must be callable, got {describe(function)}"
                )
            if not takes(function, 1) and not _is_of_keras(function):  # of which a fit tells more
                raise TypeError(f"LambdaCallback: {name} must take one argument, the event")
            setattr(self, name, function)


class TerminateOnNaN(Callback):
    """Makes a loss that turns NaN or Inf the end of the fit, not an error.

    Without it that is a FloatingPointError.  Either way the update of that batch is not applied.
    The fit returns the epochs that were completed, and warns.

    Examples
    --------
    >>> import warnings
    >>> import fastnn as fnn
    >>> model = fnn.Sequential([fnn.Input(1), fnn.Dense(1)])
    >>> trainer = fnn.Trainer(model, "mse", fnn.SGD(1e10))
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore", fnn.FastnnWarning)
    ...     history = trainer.fit(
    ...         [[1.0]], [[2.0]], epochs=100, verbose=0, callbacks=[fnn.callbacks.TerminateOnNaN()]
    ...     )
    >>> len(history.epoch) < 100
    True
    """

    ends_on_nan = True


class ProgressBar(Callback):
    r"""Says how the progress is to be shown, in place of ``verbose``.

    A bar on a terminal if rich is installed (``pip install "fastnn-core[progress]"``), a plain line
    for an epoch elsewhere; at most ten times a second.  ``verbose=1`` does the same on standard
    output.

    Parameters
    ----------
    bar : bool, optional
        Draw the bar, or do not, whatever the file looks like.
    file : text file, optional
        Standard output by default.

    Examples
    --------
    >>> import fastnn as fnn, io
    >>> model = fnn.Sequential([fnn.Input(1), fnn.Dense(1, kernel_initializer="ones")])
    >>> file = io.StringIO()
    >>> _ = fnn.Trainer(model, "mse").fit(
    ...     [[1.0]], [[3.0]], callbacks=[fnn.callbacks.ProgressBar(file=file)]
    ... )
    >>> file.getvalue()
    'epoch 1/1  loss 4.0000  ... ms\n'
    """

    def __init__(self, *, bar: bool | None = None, file: TextIO | None = None) -> None:
        self.bar = None if bar is None else check_bool("ProgressBar", "bar", bar)
        if file is not None and not hasattr(file, "write"):
            raise TypeError(f"ProgressBar: file must be an open text file, got {describe(file)}")
        self.file = file
