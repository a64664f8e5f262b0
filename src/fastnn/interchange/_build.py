"""What all converters share: layers with their arrays become a model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from fastnn.interchange.weights import fill

if TYPE_CHECKING:
    from fastnn.layers import Layer
    from fastnn.model import Model, Use

__all__ = ["Converted", "chain_of", "fill_layers", "missing", "name_for", "refuse", "wider_dtype"]

Array = npt.NDArray[Any]


class Converted(NamedTuple):
    """A layer, and the arrays that it shall have.

    Attributes
    ----------
    layer : Layer
    arrays : dict of str to ndarray
        Parameters and state by their own names, such as "kernel".
    """

    layer: Layer
    arrays: dict[str, Array]


def fill_layers(model: Model, converted: Sequence[Converted], where: str) -> None:
    """Give the layers of a model the arrays that they were converted with."""
    names = {id(layer): name for layer, name in zip(model.layers, model.layer_names, strict=True)}
    fill(
        model,
        {
            f"{names[id(one.layer)]}/{key}": array
            for one in converted
            for key, array in one.arrays.items()
        },
        where,
    )


def name_for(theirs: str, taken: set[str]) -> str | None:
    """Return a layer's name from that which it had elsewhere; None leaves it to the model.

    Numbers alone, as PyTorch counts modules, are no names.

    Examples
    --------
    >>> name_for("0.2", set()), name_for("encoder/fc1", set())
    (None, 'encoder.fc1')
    """
    name = theirs.replace("/", ".")
    plain = not name.isprintable() or name == "state" or name in taken
    if plain or not any(letter.isalpha() for letter in name):
        return None
    taken.add(name)
    return name


def refuse(where: str, problems: Sequence[str], knows: str) -> None:
    """Raise one error that lists all that cannot be converted, if there is any."""
    if problems:
        raise ValueError(f"{where}: {'; '.join(problems)}.  {knows}")


def missing(where: str, library: str, extra: str) -> ImportError:
    """Return the error that says which extra brings a library."""
    return ImportError(f'{where} needs {library}: pip install "fastnn-core[{extra}]"')


def wider_dtype(arrays: Sequence[Array]) -> str:
    """Return "float64" if an array is, else "float32"."""
    return "float64" if any(array.dtype == np.float64 for array in arrays) else "float32"


def chain_of(model: Model, where: str) -> list[tuple[str, Layer]]:
    """Return names and layers of a model that is a chain, the input left out.

    Raises
    ------
    ValueError
        If it has several inputs or outputs, or a layer reads anything but the one before.
    """
    uses: Sequence[Use] = model._uses
    ends = len(model.input_cols) == len(model.output_cols) == 1
    if (
        not ends
        or model._ends != ((len(uses) - 1, 0),)
        or any(use.inputs != ((i, 0),) for i, use in enumerate(uses[1:]))
    ):
        raise ValueError(
            f"{where}: the model is a graph; want a chain of layers, each reading the one before"
        )
    return [(model.layer_names[use.layer], model.layers[use.layer]) for use in uses[1:]]
