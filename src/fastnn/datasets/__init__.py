"""Small data sets that come with fastnn."""

from __future__ import annotations

import math
import os
from typing import Any

import numpy as np
import numpy.typing as npt

from fastnn._core import random_permutation
from fastnn.data import as_rows, as_seed, check_lengths

__all__ = ["Dataset", "load_auto_mpg"]

_AUTO_MPG_COLUMNS = (
    "passedemissions",
    "cylinders",
    "horsepower",
    "displacement",
    "weight",
    "acceleration",
    "modelyear",
)

_AUTO_MPG_DESCRIPTION = """\
Auto MPG: fuel economy of 392 cars of the model years 1970 to 1982.

passedemissions  1 where mpg is above 18, else 0
cylinders        number of cylinders
horsepower       engine power, hp
displacement     engine displacement, cubic inches
weight           short tons (pounds / 2000)
acceleration     seconds from 0 to 60 miles an hour
modelyear        year of the model, 70 to 82
mpg              the target: miles per US gallon

passedemissions is made from the target, so it leaks it: a model that sees it knows on which side
of 18 the answer lies. Dataset.drop("passedemissions") leaves it out.

Source: Donoho and Ramos (1982), CRCARS, as used in the 1983 Data Exposition of the American
Statistical Association and kept by StatLib; the 392 of its 406 rows that are complete, in their
original order. Taken from the PyPI package bokeh_sampledata, which records it as CC0 1.0."""


class Dataset:
    """A table of inputs and targets with the names of its columns.

    Parameters
    ----------
    x : array_like, shape (rows, features)
    y : array_like, shape (rows,) or (rows, 1)
    feature_names : sequence of str
        One for each column of `x`.
    target_name : str
    name : str
        What the data are called.
    description : str
        Meaning of the columns, source, licence.

    Attributes
    ----------
    x : ndarray, shape (rows, features)
    y : ndarray, shape (rows, 1)
    feature_names : tuple of str
    target_name, name, description : str
    seed : int or None
        Seed of the shuffled `split` that made this part.

    Examples
    --------
    >>> from fastnn.datasets import Dataset
    >>> Dataset([[1.0, 2.0]], [3.0], ["width", "height"], "area")
    <Dataset: 1 row, x float64 (1, 2): width, height; y float64 (1, 1): area>
    """

    def __init__(
        self,
        x: npt.ArrayLike,
        y: npt.ArrayLike,
        feature_names: tuple[str, ...] | list[str],
        target_name: str,
        *,
        name: str = "",
        description: str = "",
    ) -> None:
        where = "Dataset"
        self.feature_names = tuple(feature_names)
        self.x = as_rows(x, where=where, name="x", columns=len(self.feature_names))
        self.y = as_rows(y, where=where, name="y", columns=1, allow_1d=True)
        check_lengths(len(self.x), len(self.y), where=where, name="y")
        self.target_name = target_name
        self.name = name
        self.description = description
        self.seed: int | None = None

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.x)

    def __repr__(self) -> str:
        """Show sizes, types and names."""
        rows = f"{len(self)} row{'' if len(self) == 1 else 's'}"
        return (
            f"<Dataset{self.name and ' ' + self.name}: {rows}, "
            f"x {self.x.dtype} {self.x.shape}: {', '.join(self.feature_names)}; "
            f"y {self.y.dtype} {self.y.shape}: {self.target_name}>"
        )

    def _with(self, x: npt.NDArray[Any], y: npt.NDArray[Any], names: tuple[str, ...]) -> Dataset:
        return Dataset(x, y, names, self.target_name, name=self.name, description=self.description)

    def split(
        self, fraction: float, seed: int | None = None, *, shuffle: bool = True
    ) -> tuple[Dataset, Dataset]:
        """Split the rows into a part to train on and a part to test on.

        Parameters
        ----------
        fraction : float
            Share of the rows in the first part, above 0 and below 1; the number is rounded up.
        seed : int, optional
            In [0, 2**64); decides which rows go where.  None draws one from the system.  It stands
            in the `seed` of both parts.
        shuffle : bool
            False keeps the order: the first rows, and the rest.

        Returns
        -------
        train, test : Dataset
            With arrays of their own.

        Raises
        ------
        ValueError
            If a part would have no rows.

        Examples
        --------
        >>> import fastnn as fnn
        >>> train, test = fnn.datasets.load_auto_mpg().split(0.8, seed=0)
        >>> len(train), len(test)
        (314, 78)
        """
        where = "Dataset.split"
        if not 0.0 < fraction < 1.0:
            raise ValueError(f"{where}: fraction is {fraction}; want it above 0 and below 1")
        rows = len(self)
        count = math.ceil(round(fraction * rows, 6))  # 0.07 * 100 is 7.000000000000001, want 7
        if not 0 < count < rows:
            raise ValueError(
                f"{where}: fraction {fraction} of {rows} rows is {count}, which leaves a part empty"
            )
        if shuffle:
            number = as_seed(seed, where=where)
            order = random_permutation(number, "split", 0, rows)
        else:
            number = None
            order = np.arange(rows, dtype=np.uint64)
        first, second = (
            self._with(self.x[part], self.y[part], self.feature_names)
            for part in (order[:count], order[count:])
        )
        first.seed = second.seed = number
        return first, second

    def drop(self, name: str) -> Dataset:
        """Return the data without the feature `name`, with arrays of their own.

        Parameters
        ----------
        name : str
            One of `feature_names`.

        Returns
        -------
        Dataset

        Raises
        ------
        ValueError
            If there is no such feature, or no other.

        Examples
        --------
        >>> import fastnn as fnn
        >>> fnn.datasets.load_auto_mpg().drop("passedemissions").x.shape
        (392, 6)
        """
        where = "Dataset.drop"
        if name not in self.feature_names:
            raise ValueError(
                f"{where}: there is no feature {name!r}; want one of "
                f"{', '.join(self.feature_names)}"
            )
        if len(self.feature_names) == 1:
            raise ValueError(f"{where}: {name!r} is the only feature; want one left")
        column = self.feature_names.index(name)
        names = self.feature_names[:column] + self.feature_names[column + 1 :]
        part = self._with(np.delete(self.x, column, axis=1), self.y.copy(), names)
        part.seed = self.seed
        return part


def load_auto_mpg(dtype: npt.DTypeLike = np.float64) -> Dataset:
    """Load Auto MPG: 392 cars, seven features, and the miles per gallon to predict.

    Parameters
    ----------
    dtype : float32 or float64
        Type of the arrays.  float64 by default: the values are decimals such as 18.1, which no
        float32 holds to all digits, and a float32 network rounds rows itself as it reads them.

    Returns
    -------
    Dataset
        x of shape (392, 7), y of shape (392, 1), new arrays at each call.  The column
        passedemissions leaks the target; the description says how.

    Raises
    ------
    ValueError
        For another dtype.

    Examples
    --------
    >>> import fastnn as fnn
    >>> cars = fnn.datasets.load_auto_mpg()
    >>> cars.x.shape, cars.y.shape
    ((392, 7), (392, 1))
    >>> for name, value in zip(cars.feature_names, cars.x[0].tolist(), strict=True):
    ...     print(name, value)
    passedemissions 0.0
    cylinders 8.0
    horsepower 130.0
    displacement 307.0
    weight 1.752
    acceleration 12.0
    modelyear 70.0
    """
    kind = np.dtype(dtype)
    if kind not in (np.float32, np.float64):
        raise ValueError(f"load_auto_mpg: dtype is {kind}; want float32 or float64")
    path = os.path.join(os.path.dirname(__file__), "auto_mpg.csv")
    table = np.loadtxt(path, delimiter=",", dtype=np.float64)
    columns = len(_AUTO_MPG_COLUMNS)
    return Dataset(
        table[:, :columns].astype(kind, order="C"),
        table[:, columns:].astype(kind, order="C"),
        _AUTO_MPG_COLUMNS,
        "mpg",
        name="auto-mpg",
        description=_AUTO_MPG_DESCRIPTION,
    )
