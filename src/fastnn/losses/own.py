"""A person's own loss, in Python or C."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastnn._own import Noted, c_kind, takes
from fastnn._spec import check_int, describe
from fastnn.losses.base import Loss

__all__ = ["FunctionLoss", "custom"]


_OF_CTYPES = (
    "; ctypes is told so by function.restype = None and function.argtypes = "
    "[POINTER(c_double)] * 4 + [c_size_t] * 2 + [c_void_p]"
)


class FunctionLoss(Loss):
    """A person's own loss; `custom` makes one.

    Parameters
    ----------
    function : callable, scipy.LowLevelCallable or PyCapsule
        See `custom`.
    name : str, optional
    y_columns : int, optional

    Notes
    -----
    A loss that shall be written to files and read again is a subclass without such arguments, which
    the reader gets in ``custom_objects``.

    Examples
    --------
    >>> class Fourth(FunctionLoss):
    ...     def __init__(self):
    ...         super().__init__(lambda y, p: (((p - y) ** 4).mean(axis=1), 4 * (p - y) ** 3))
    >>> Fourth().config()
    {'kind': 'Fourth'}
    >>> Loss.from_config({"kind": "Fourth"}, custom_objects={"Fourth": Fourth}).name
    'Fourth'
    """

    __slots__ = ("function", "name", "y_columns")
    tag = "custom"
    kind = 23
    function: Any
    name: str
    y_columns: int | None

    def __init__(
        self, function: Any, name: str | None = None, y_columns: int | None = None
    ) -> None:
        from fastnn._core import own_loss_type

        where = "losses.custom" if type(self) is FunctionLoss else type(self).__name__
        if isinstance(function, type):
            raise TypeError(f"{where}: function must be a function, got the class {function!r}")
        home = c_kind(function)
        if home is not None:
            given = "function.ctypes" if home == "numba" else "function"
            raise TypeError(
                f"{where}: function is a bare C function of {home}; want "
                f"scipy.LowLevelCallable({given}), of the signature 'void (double *, double *, "
                f"double *, double *, size_t, size_t, void *)', or float for double: "
                f"y_pred, y_true, value, gradient, rows, columns, user_data"
                + (_OF_CTYPES if home == "ctypes" else "")
            )
        if own_loss_type(where, function) == "python" and not takes(function, 2):
            raise TypeError(f"{where}: function must take (y_true, y_pred)")
        if name is None:
            name = getattr(function, "__name__", "") if type(self) is FunctionLoss else self.tag
            name = name if name.isidentifier() else "custom"
        if not isinstance(name, str):
            raise TypeError(f"{where}: name must be a string, got {describe(name)}")
        if y_columns is not None:
            y_columns = check_int(where, "y_columns", y_columns)
        self._set(function=function, name=name, y_columns=y_columns)

    @property
    def settings(self) -> dict[str, Any]:
        """The function, and what the kernel must know of it."""
        function = self.function
        if callable(function):  # no C function
            function = Noted(function, f"the loss {self.name!r}")
        return {
            "function": function,
            "name": self.name,
            "target_columns": self.y_columns or 0,
        }

    def target_columns(self, outputs: int) -> int:
        """Return how many columns targets have: `y_columns`, by default as many as outputs."""
        return outputs if self.y_columns is None else self.y_columns

    def check_outputs(self, outputs: int, activation: str) -> None:
        """Refuse targets that are wider than the output."""
        if self.target_columns(outputs) > outputs:
            raise ValueError(
                f"{self.name}: y_columns is {self.y_columns}, but the network has {outputs} "
                f"outputs; want at most as many columns of y as outputs"
            )

    def config(self) -> dict[str, Any]:
        """Return all fields as a dict, for a subclass whose arguments JSON can hold.

        Raises
        ------
        TypeError
            For a loss that is made of a function: no file can hold that.

        Examples
        --------
        >>> custom(lambda y, p: (p[:, 0], p)).config()
        Traceback (most recent call last):
            ...
        TypeError: the loss 'custom' is made of a function, which no file can hold; make it a \
subclass of FunctionLoss whose __init__ takes no function, and give that in custom_objects
        """
        if "function" in self._arguments():
            raise TypeError(
                f"the loss {self.name!r} is made of a function, which no file can hold; make it a "
                f"subclass of FunctionLoss whose __init__ takes no function, and give that in "
                f"custom_objects"
            )
        return super().config()


def custom(
    function: Callable[..., Any] | Any, *, name: str | None = None, y_columns: int | None = None
) -> FunctionLoss:
    """Make a loss of a function that gives its values and their gradient.

    Parameters
    ----------
    function : callable, scipy.LowLevelCallable or PyCapsule
        A Python function ``f(y_true, y_pred)`` of two arrays (rows, columns) of the model's dtype;
        it returns a tuple: the loss of each row, shape (rows,), and its gradient by y_pred, shape
        (rows, outputs), nothing divided by the number of rows.  Weights and the mean over rows
        come after.

        Or a C function, which runs at full speed, without the GIL::

            void loss(const double *y_pred, const double *y_true, double *value, double *gradient,
                      size_t rows, size_t columns, void *user_data)

        with float for double if the model's dtype is float32.  It comes as a
        ``scipy.LowLevelCallable`` (SciPy makes them of ctypes, cffi and numba functions; it is not
        needed otherwise), or as a PyCapsule as SciPy describes it: its name is the signature.
    name : str, optional
        For messages; by default the function's.
    y_columns : int, optional
        Columns of y, if other than outputs; at most as many.

    Returns
    -------
    FunctionLoss

    Raises
    ------
    TypeError
        If `function` is neither, or the signature is another; a C function of ctypes, cffi or numba
        must come in a LowLevelCallable.

    Notes
    -----
    The function is called with parts of a batch, from any thread of the fit, so its rows must not
    depend on each other, and it must not use the model.  What it raises ends the fit, with a note
    that names the loss, the epoch and the batch; the step in progress is dropped before its update.
    A gradient that is not finite is an error too.

    Examples
    --------
    >>> import fastnn as fnn
    >>> def fourth_power(y_true, y_pred):
    ...     error = y_pred - y_true
    ...     return (error**4).sum(axis=1), 4 * error**3
    >>> model = fnn.Sequential([fnn.Input(1), fnn.Dense(1, kernel_initializer="ones")])
    >>> loss = fnn.losses.custom(fourth_power)
    >>> fnn.Trainer(model, loss, fnn.SGD(0.01)).train_on_batch([[2.0]], [[4.0]])
    {'loss': 16.0}
    """
    return FunctionLoss(function, name, y_columns)
