"""Several models as one: their mean, and how far they are apart."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Literal, overload

import numpy as np
import numpy.typing as npt

from fastnn import data
from fastnn._spec import describe
from fastnn.model import Model

__all__ = ["Ensemble"]

Array = npt.NDArray[Any]

AT_ONCE = 2**20  # numbers of all members that are held: 8 MB


class Ensemble:
    """Predicts with several models: the mean of their outputs, and the spread.

    Parameters
    ----------
    models : iterable of Model
        With the same numbers of inputs and outputs; layers, seeds and dtypes may differ.  They are
        not copied.

    Attributes
    ----------
    models : tuple of Model
    inputs, outputs : int
        Columns.
    dtype : str
        Of what is returned: "float64" if that of any model is, else "float32".

    Raises
    ------
    TypeError, ValueError
        If one is no model, there are none, or their inputs or outputs differ.

    Notes
    -----
    Sums over the models are taken in float64, in the order of `models`; the result is rounded to
    `dtype` once.  Row i of many has the bits of that row alone.

    Examples
    --------
    >>> import fastnn as fnn
    >>> models = [fnn.Sequential([fnn.Input(1), fnn.Dense(1)]) for _ in range(2)]
    >>> for model, slope in zip(models, (1.0, 3.0)):
    ...     model.set_weights([[[slope]], [0.0]])
    >>> ensemble = fnn.Ensemble(models)
    >>> mean, std = ensemble.predict([[10.0]], return_std=True)
    >>> mean, std
    (array([[20.]], dtype=float32), array([[10.]], dtype=float32))
    """

    def __init__(self, models: Iterable[Model]) -> None:
        where = "Ensemble"
        given: object = models
        if isinstance(given, Model) or not isinstance(given, Iterable):
            raise TypeError(f"{where}: models must be a list of models, got {describe(given)}")
        self.models = tuple(given)
        for i, model in enumerate(self.models):
            if not isinstance(model, Model):
                raise TypeError(f"{where}: models[{i}] must be a model, got {describe(model)}")
        if not self.models:
            raise ValueError(f"{where}: models is empty; want at least one")
        first = self.models[0]
        self.inputs, self.outputs = first.inputs, first.outputs
        for i, model in enumerate(self.models):
            if (model.inputs, model.outputs) != (self.inputs, self.outputs):
                raise ValueError(
                    f"{where}: models[{i}] has {model.inputs} inputs and {model.outputs} outputs, "
                    f"models[0] {self.inputs} and {self.outputs}; want the same of all"
                )
        self.dtype = max(model.dtype for model in self.models)  # float32 < float64

    def __len__(self) -> int:
        """Return the number of models."""
        return len(self.models)

    def __iter__(self) -> Iterator[Model]:
        """Iterate over the models."""
        return iter(self.models)

    def __repr__(self) -> str:
        return f"<Ensemble: {len(self)} models, {self.inputs} inputs, {self.outputs} outputs>"

    def __call__(self, x: npt.ArrayLike, *, check_finite: bool = True) -> Array:
        """Return ``predict(x)``."""
        return self.predict(x, check_finite=check_finite)

    @overload
    def predict(
        self, x: npt.ArrayLike, *, return_std: Literal[False] = ..., check_finite: bool = ...
    ) -> Array: ...
    @overload
    def predict(
        self, x: npt.ArrayLike, *, return_std: Literal[True], check_finite: bool = ...
    ) -> tuple[Array, Array]: ...
    def predict(
        self, x: npt.ArrayLike, *, return_std: bool = False, check_finite: bool = True
    ) -> Array | tuple[Array, Array]:
        """Return the mean of the models' outputs.

        Parameters
        ----------
        x : array_like, shape (n, inputs)
        return_std : bool
            Return the spread too: the root of the mean squared distance from the mean, over the
            models there are (divided by their number, so 0 for a single one).
        check_finite : bool
            Refuse NaN and Inf.

        Returns
        -------
        mean : ndarray, shape (n, outputs)
        std : ndarray, shape (n, outputs)
            Only with `return_std`.

        Raises
        ------
        TypeError, ValueError
            If `x` does not fit the models.

        Examples
        --------
        >>> import fastnn as fnn
        >>> model = fnn.Sequential([fnn.Input(1), fnn.Dense(1, kernel_initializer="ones")])
        >>> fnn.Ensemble([model, model.copy()]).predict([[2.0], [3.0]])
        array([[2.],
               [3.]], dtype=float32)
        """
        rows = self._check(x, check_finite)
        mean: Array = np.empty((len(rows), self.outputs), self.dtype)
        std: Array = np.empty_like(mean) if return_std else mean
        block = max(1, AT_ONCE // (len(self) * self.outputs))
        for start in range(0, len(rows), block):
            here = slice(start, start + block)
            members = [model.predict(rows[here], check_finite=False) for model in self.models]
            total = np.zeros(members[0].shape)
            for member in members:
                total += member
            total /= len(self)
            mean[here] = total
            if return_std:
                squares = np.zeros_like(total)
                for member in members:
                    squares += (member - total) ** 2
                std[here] = np.sqrt(squares / len(self))
        return (mean, std) if return_std else mean

    def predict_all(self, x: npt.ArrayLike, *, check_finite: bool = True) -> Array:
        """Return the outputs of each model.

        Parameters
        ----------
        x : array_like, shape (n, inputs)
        check_finite : bool
            Refuse NaN and Inf.

        Returns
        -------
        ndarray, shape (models, n, outputs)

        Raises
        ------
        TypeError, ValueError
            As `predict`.

        Examples
        --------
        >>> import fastnn as fnn
        >>> model = fnn.Sequential([fnn.Input(1), fnn.Dense(1, kernel_initializer="ones")])
        >>> fnn.Ensemble([model, model.copy()]).predict_all([[2.0], [3.0]]).shape
        (2, 2, 1)
        """
        rows = self._check(x, check_finite)
        out: Array = np.empty((len(self), len(rows), self.outputs), self.dtype)
        for model, part in zip(self.models, out, strict=True):
            part[...] = model.predict(rows, check_finite=False)
        return out

    def _check(self, x: npt.ArrayLike, check_finite: bool) -> Array:
        """Return rows that every model can read."""
        where = "Ensemble.predict"
        rows = data.as_rows(x, where=where, name="x", columns=self.inputs)
        if check_finite:
            narrowest = min(model.dtype for model in self.models)
            data.check_finite(rows, where=where, name="x", dtype=narrowest)
        return rows
