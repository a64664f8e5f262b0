"""The column to predict: its moments or classes, and what a network is trained on."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from fastnn.tabular.arrow import category_type, kind_of, need_arrow, to_codes, to_numbers
from fastnn.tabular.survey import LARGEST_PREDICTED, CategoryStatistics, NumberStatistics

__all__ = ["ClassTarget", "NumberTarget"]

Array = npt.NDArray[Any]


def missing_error(where: str, name: str, missing: int, rows: int) -> ValueError:
    """Return the error for a target that is not known in all rows."""
    if missing == rows:
        return ValueError(f"{where}: the target {name!r} has no value in any of {rows} rows")
    return ValueError(
        f"{where}: the target {name!r} is missing (null or NaN) in {missing} of {rows} rows; "
        f"leave those rows out first"
    )


class NumberTarget:
    """A number to predict.

    Attributes
    ----------
    name, type : str
        Of the column.
    mean, deviation : float
        What it is scaled by for training; 0 and 1 if the loss wants it as it is.
    minimum, maximum : float
        The range in training.
    """

    def __init__(self, name: str, data_type: Any, where: str, dtype: str = "float64") -> None:
        kind = kind_of(data_type)
        if kind not in ("number", "boolean", "empty"):
            other = "; TabularClassifier predicts categories" if kind == "category" else ""
            raise ValueError(f"{where}: the target {name!r} is {data_type}; want numbers{other}")
        self.name = name
        self.type = str(data_type)
        self.statistics = NumberStatistics(name, kind, where, LARGEST_PREDICTED[dtype])
        self.mean, self.deviation = 0.0, 1.0
        self.minimum = self.maximum = 0.0
        self.where = where

    def update(self, array: Any) -> None:
        """Add a batch of the first pass."""
        self.statistics.update(array)

    def finish(self, scaled: bool) -> None:
        """Judge the column, once all batches were seen."""
        one = self.statistics
        if one.missing:
            raise missing_error(self.where, self.name, one.missing, one.rows)
        if one.low == one.high:
            raise ValueError(
                f"{self.where}: the target {self.name!r} is {one.low:.6g} in all {one.rows} rows; "
                f"there is nothing to learn"
            )
        self.minimum, self.maximum = one.low, one.high
        if scaled:
            self.mean = one.moments[0].mean()
            self.deviation = math.sqrt(one.moments[0].variance()) or 1.0

    def csv_type(self) -> Any:
        """Return the type that it is read with from a file that does not say its own."""
        pa = need_arrow()
        return pa.bool_() if self.type == "bool" else pa.float64()

    def config(self) -> dict[str, Any]:
        """Return it as JSON holds it."""
        return {
            "name": self.name,
            "type": self.type,
            "mean": self.mean,
            "deviation": self.deviation,
            "minimum": self.minimum,
            "maximum": self.maximum,
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> NumberTarget:
        """Build what `config` described."""
        found = cls(config["name"], need_arrow().float64(), "load")
        found.type = config["type"]
        found.mean, found.deviation = config["mean"], config["deviation"]
        found.minimum, found.maximum = config["minimum"], config["maximum"]
        return found

    def encode(self, array: Any, dtype: npt.DTypeLike, where: str, *, scaled: bool = True) -> Array:
        """Return what a network is trained on, shape (n,)."""
        if kind_of(array.type) not in ("number", "boolean", "empty"):
            raise ValueError(f"{where}: the target {self.name!r} is {array.type}; want numbers")
        numbers = to_numbers(array, "number")
        if (lost := np.isnan(numbers)).any():
            raise missing_error(where, self.name, int(lost.sum()), len(numbers))
        if scaled:
            numbers = (numbers - self.mean) / self.deviation
        return numbers.astype(dtype)


class ClassTarget:
    """A class to predict.

    Attributes
    ----------
    name, type, value_type : str
        Of the column.
    classes : list
        In ascending order.
    """

    def __init__(self, name: str, data_type: Any, where: str) -> None:
        if kind_of(data_type) not in ("number", "boolean", "category", "empty"):
            raise ValueError(
                f"{where}: the target {name!r} is {data_type}; "
                f"want strings, whole numbers, booleans or categories"
            )
        self.name = name
        self.type = str(data_type)
        self.value_type = category_type(data_type)
        self.statistics = CategoryStatistics(name, self.value_type, where)
        self.where = where
        self.classes: list[Any] = []

    def update(self, array: Any) -> None:
        """Add a batch of the first pass."""
        try:
            self.statistics.update(array)
        except ValueError:
            raise ValueError(
                f"{self.where}: the target {self.name!r} has numbers that are not whole; "
                f"TabularRegressor predicts numbers"
            ) from None

    def finish(self) -> None:
        """Judge the column, once all batches were seen."""
        one = self.statistics
        if one.missing:
            raise missing_error(self.where, self.name, one.missing, one.rows)
        self.classes = sorted(one.counts)
        if len(self.classes) == 1:
            raise ValueError(
                f"{self.where}: the target {self.name!r} is {self.classes[0]!r} in all {one.rows} "
                f"rows; want at least two classes"
            )
        if one.too_many or (len(self.classes) >= 20 and 2 * len(self.classes) > one.rows):
            raise ValueError(
                f"{self.where}: the target {self.name!r} has {len(self.classes)} different values "
                f"in {one.rows} rows; want classes, TabularRegressor predicts numbers"
            )

    def csv_type(self) -> Any:
        """Return the type that it is read with from a file that does not say its own."""
        pa = need_arrow()
        if self.value_type == "int64":  # floats take "1.0", too
            return pa.float64() if self.type in ("float", "double") else pa.int64()
        return {"string": pa.string(), "bool": pa.bool_()}[self.value_type]

    def config(self) -> dict[str, Any]:
        """Return it as JSON holds it."""
        return {
            "name": self.name,
            "type": self.type,
            "value_type": self.value_type,
            "classes": self.classes,
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> ClassTarget:
        """Build what `config` described."""
        found = cls(config["name"], need_arrow().string(), "load")
        found.type, found.value_type = config["type"], config["value_type"]
        found.classes = config["classes"]
        return found

    def encode(self, array: Any, where: str) -> npt.NDArray[np.int32]:
        """Return the number of the class of each row."""
        try:
            values, places = to_codes(array, self.value_type)
        except ValueError as error:
            raise ValueError(f"{where}: the target {self.name!r} is no class: {error}") from None
        if (lost := int((places < 0).sum())) > 0:
            raise missing_error(where, self.name, lost, len(places))
        known = {value: code for code, value in enumerate(self.classes)}
        for value in values:
            if value not in known:
                raise ValueError(
                    f"{where}: the target {self.name!r} has the class {value!r}, "
                    f"which training never saw"
                )
        table = np.array([known[value] for value in values], np.int32)
        return table[places]
