"""A model as a layer of another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn._spec import describe
from fastnn.layers import Layer, Units, Weight, _check_name
from fastnn.model import DEFAULT_NAME, Model

if TYPE_CHECKING:
    from fastnn.lowering import Lowering

__all__ = ["ModelLayer"]


class ModelLayer(Layer):
    """A copy of a model in a larger one; calling a model on symbolic tensors makes one.

    The larger model begins with the parameters that the inner one has when it is built, under
    names such as ``"encoder/dense_0/kernel"``.

    Parameters
    ----------
    model : Model, or its config
    name : str, optional
        By default the model's, if it was given one.

    Examples
    --------
    >>> import fastnn as fnn
    >>> encoder = fnn.Sequential([fnn.Input(4), fnn.Dense(2)], name="encoder", seed=0)
    >>> x = fnn.Input(4)
    >>> whole = fnn.Model(x, fnn.Dense(1)(encoder(x)), seed=1)
    >>> list(whole.parameters)[0]
    'encoder/dense_0/kernel'
    """

    __slots__ = ("model",)
    tag = "model"
    model: Model

    def __init__(self, model: Model | Mapping[str, Any], *, name: str | None = None) -> None:
        who = type(self).__name__
        given: object = model
        if isinstance(given, Mapping):
            given = Model.from_config(given)
        if not isinstance(given, Model):
            raise TypeError(f"{who}: model must be a Model, got {describe(given)}")
        if name is None and given.name != DEFAULT_NAME:
            name = given.name
        self._set(model=given, name=_check_name(who, name))

    @property
    def fewest_inputs(self) -> int:  # type: ignore[override]
        """The number of its inputs."""
        return len(self.model.input_cols)

    most_inputs = fewest_inputs

    def connect(self, units: Units) -> Units:
        """Return the columns of the model's outputs."""
        if units != self.model.input_cols:
            raise ValueError(
                f"Model {self.model.name!r}: its inputs have "
                f"{', '.join(map(str, self.model.input_cols))} columns, it is called on "
                f"{', '.join(map(str, units))}"
            )
        outs: Units = self.model.output_cols
        return outs

    def weights(self, units: Units) -> dict[str, Weight]:
        """Return all arrays of the model, as they are now."""
        values = {**self.model.parameters, **self.model.state}
        return {
            slot.name: Weight(
                slot.weight.shape,
                np.array(values[slot.name]),
                slot.weight.trained,
                self.model._is_trained(slot.name),
                slot.weight.regularizer,
                slot.weight.constraint,
            )
            for slot in self.model._slots
        }

    def lower(self, to: Lowering, inputs: Units) -> Units:
        """Add the ops of the model."""
        return self.model._lower(to, to.layer + "/", inputs)

    def options(self) -> dict[str, object]:
        """Return the number of its layers."""
        return {"layers": len(self.model)}

    def config(self) -> dict[str, Any]:
        """Return the model's config."""
        return {"kind": self.tag, "model": self.model.config(), "name": self.name}

    def __repr__(self) -> str:
        return f"ModelLayer({self.model.name!r})"


Layer.table = {**Layer.table, ModelLayer.tag: ModelLayer}
