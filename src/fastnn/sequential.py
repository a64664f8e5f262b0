"""A model that is a chain of layers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy.typing as npt

from fastnn._spec import describe
from fastnn.graph import Tensor, apply, as_tensor
from fastnn.layers import Input, Layer
from fastnn.model import DEFAULT_NAME, Model
from fastnn.nested import ModelLayer

__all__ = ["Sequential"]


class Sequential(Model):
    """Layers one after another.

    Parameters
    ----------
    layers : sequence of Layer
        An `Input` first.  Each object once: layers are frozen, ``layer.replace()`` copies one.
        A model may be one of them.
    name : str
        Title of the summary.
    seed : int, optional
        Of the initial weights, in [0, 2**64).  None draws one from the system; ``model.seed``
        tells which.  The same seed gives the same weights everywhere.
    dtype : {"float32", "float64"}
        What the parameters are and everything is computed in.

    Attributes
    ----------
    layers : tuple of Layer
    layer_names : tuple of str
        The name of each layer: its own, or its kind and a number from 0.
    parameters, gradients : mapping of str to ndarray
        Views into the arenas, such as ``model.parameters["dense_0/kernel"]`` (fan_in, fan_out):
        writing into one changes the model.
    seed : int
    dtype : str

    Raises
    ------
    TypeError, ValueError
        If a layer is none, the first is no `Input`, names repeat, or a size overflows.

    Examples
    --------
    >>> import fastnn as fnn
    >>> model = fnn.Sequential([
    ...     fnn.Input(7, name="car_features"),
    ...     fnn.Dense(32, activation="relu"),
    ...     fnn.Dense(8, activation="relu"),
    ...     fnn.Dense(1),
    ... ], seed=0)
    >>> model
    Sequential(
      inputs: {'car_features': (None, 7)}
      outputs: 'dense_2'
      nodes: 4
    )
    >>> model.parameters["dense_0/kernel"].shape
    (7, 32)
    """

    def __init__(
        self,
        layers: Sequence[Layer],
        *,
        name: str = DEFAULT_NAME,
        seed: int | None = None,
        dtype: npt.DTypeLike = "float32",
    ) -> None:
        found = _check_layers(layers)
        start = value = as_tensor(found[0], "Sequential")
        for layer in found[1:]:
            value = apply(layer, (value,))
            if not isinstance(value, Tensor):
                raise ValueError(
                    f"Sequential: {layer!r} has several outputs; use Model for such a graph"
                )
        self._input_form = self._output_form = None
        self._assemble([start], [value], name, seed, dtype)

    def config(self) -> dict[str, Any]:
        """Return the architecture as a dict that JSON can hold.

        Examples
        --------
        >>> import fastnn as fnn
        >>> config = fnn.Sequential([fnn.Input(2), fnn.Dense(1)], seed=1).config()
        >>> fnn.Sequential.from_config(config).seed
        1
        """
        config = {
            "kind": "sequential",
            "name": self.name,
            "seed": self.seed,
            "dtype": self.dtype,
            "layers": [layer.config() for layer in self.layers],
        }
        return config | ({"frozen": sorted(self._frozen)} if self._frozen else {})


def _check_layers(layers: object) -> tuple[Layer, ...]:
    where = "Sequential"
    if (
        isinstance(layers, (str, Layer))
        or not isinstance(layers, Iterable)
        or isinstance(layers, Model)
    ):
        raise TypeError(f"{where}: layers must be a list of layers, got {describe(layers)}")
    found: list[Layer] = []
    for i, layer in enumerate(layers):
        if isinstance(layer, Model):
            layer = ModelLayer(layer)
        if not isinstance(layer, Layer):
            hint = ""
            if isinstance(layer, type) and issubclass(layer, Layer):
                hint = f"; give an object, {layer.__name__}(...)"
            raise TypeError(f"{where}: layers[{i}] must be a layer, got {describe(layer)}{hint}")
        if isinstance(layer, Input) != (i == 0):
            raise ValueError(
                f"{where}: want an Input first and only there, got {layer!r} at layers[{i}]"
            )
        if any(layer is other for other in found):
            raise ValueError(
                f"{where}: layers[{i}] is the same object as an earlier layer; "
                f"each needs its own, layer.replace() copies one"
            )
        found.append(layer)
    if len(found) < 2:
        raise ValueError(f"{where}: want an Input and at least one more layer, got {len(found)}")
    return tuple(found)
