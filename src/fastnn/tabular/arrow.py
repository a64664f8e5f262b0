"""Arrow arrays as NumPy arrays: what kind of column a type is, its numbers, its values."""

from __future__ import annotations

import shutil
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = [
    *("category_type", "columns_of", "kind_of", "need_arrow", "read_to_end", "to_codes"),
    "to_numbers",
]

Floats = npt.NDArray[np.float64]

# Of a day, by the unit of a type: what a count is divided by.
_UNITS_A_DAY = {"s": 86_400, "ms": 86_400_000, "us": 86_400_000_000, "ns": 86_400_000_000_000}


def need_arrow() -> Any:
    """Return the module pyarrow, or say how to get it."""
    try:
        import pyarrow
        import pyarrow.compute
    except ImportError:
        raise ImportError(
            'fastnn.tabular reads tables with pyarrow: pip install "fastnn-core[tabular]"'
        ) from None
    return pyarrow


def read_to_end(stream: Any) -> Any:
    """Return what is left of a binary file, as a buffer in memory of Arrow's.

    Arrow's threads may drop it as late as the process ends, when bytes of Python's can no longer be
    dropped by another thread: the process would be aborted, now and then.

    Examples
    --------
    >>> import io
    >>> read_to_end(io.BytesIO(b"a,b")).to_pybytes()
    b'a,b'
    """
    sink = need_arrow().BufferOutputStream()
    shutil.copyfileobj(stream, sink, 2**20)
    return sink.getvalue()


def kind_of(data_type: Any) -> str:
    """Return which kind of column an Arrow type is.

    Returns
    -------
    str
        "number", "boolean", "category", "date", "timestamp", "time" (of the day), "duration",
        "empty" (a column of nulls alone), or "other", of which no numbers can be made.

    Examples
    --------
    >>> import pyarrow as pa
    >>> kind_of(pa.int8()), kind_of(pa.string()), kind_of(pa.list_(pa.int8()))
    ('number', 'category', 'other')
    """
    types = need_arrow().types
    if types.is_dictionary(data_type):
        inner = kind_of(data_type.value_type)
        whole = types.is_integer(data_type.value_type)
        return "category" if whole or inner in ("category", "boolean", "empty") else inner
    for kind, tests in {
        "number": (types.is_integer, types.is_floating, types.is_decimal),
        "boolean": (types.is_boolean,),
        "category": (types.is_string, types.is_large_string, types.is_string_view),
        "date": (types.is_date,),
        "timestamp": (types.is_timestamp,),
        "time": (types.is_time,),
        "duration": (types.is_duration,),
        "empty": (types.is_null,),
    }.items():
        if any(test(data_type) for test in tests):
            return kind
    return "other"


def category_type(data_type: Any) -> str:
    """Return what the values of a column of categories are: "string", "int64" or "bool".

    A column of numbers has "int64", also one of floats: pandas makes floats of whole numbers
    among which some are missing.
    """
    types = need_arrow().types
    if types.is_dictionary(data_type):
        data_type = data_type.value_type
    if types.is_boolean(data_type):
        return "bool"
    return "int64" if kind_of(data_type) == "number" else "string"


def columns_of(batch: Any) -> dict[str, Any]:
    """Return the columns of a record batch by name; one by one each takes twice as long."""
    return dict(zip(batch.schema.names, batch.columns, strict=True))


def to_numbers(array: Any, kind: str, zone: str | None = None) -> Floats:
    """Return the numbers of a column, NaN where there is none.

    Parameters
    ----------
    array : pyarrow.Array
        Of a type of this kind, or of nulls alone.
    kind : str
        See `kind_of`.  Dates and timestamps become days since 1970, times of the day a share of
        it, durations seconds, booleans 0 and 1.
    zone : str, optional
        Where the local time of timestamps that have a zone is taken; their own by default.

    Returns
    -------
    float64 array, shape (n,)
        Perhaps a view, read only.
    """
    pa = need_arrow()
    compute, types, data_type = pa.compute, pa.types, array.type
    if types.is_null(data_type):
        return np.full(len(array), np.nan)
    if types.is_dictionary(data_type):
        array = array.dictionary_decode()
        data_type = array.type
    divisor = 1.0
    if kind in ("date", "timestamp") and types.is_date(data_type):
        array = array.cast(pa.date32()).cast(pa.int32())
    elif kind in ("date", "timestamp", "time", "duration"):
        divisor = _UNITS_A_DAY[data_type.unit]
        if kind == "duration":
            divisor /= 86_400
        if types.is_timestamp(data_type) and data_type.tz is not None:
            if zone is not None and zone != data_type.tz:
                array = array.cast(pa.timestamp(data_type.unit, zone))
            array = compute.local_timestamp(array)
        array = array.cast(pa.int32() if data_type.bit_width == 32 else pa.int64())
    if not types.is_float64(array.type):  # a cast to the same type takes as long as a pass over it
        array = compute.cast(array, pa.float64(), safe=False)
    if array.null_count:
        array = compute.fill_null(array, np.nan)
    found: Floats = array.to_numpy(zero_copy_only=False)
    return found if divisor == 1.0 else found / divisor


def to_codes(array: Any, value_type: str) -> tuple[list[Any], npt.NDArray[np.int64]]:
    """Return the values that occur in a column of categories, and for each row the place of its.

    Parameters
    ----------
    array : pyarrow.Array
    value_type : {"string", "int64", "bool"}
        See `category_type`.

    Returns
    -------
    values : list
    codes : int64 array, shape (n,)
        -1 for a missing value.

    Raises
    ------
    pyarrow.ArrowInvalid
        If a value cannot be one of this type, as 1.5 no whole number.

    Examples
    --------
    >>> import pyarrow as pa
    >>> to_codes(pa.array(["b", None, "a", "b"]), "string")
    (['b', 'a'], array([ 0, -1,  1,  0]))
    """
    pa = need_arrow()
    wanted = {"string": pa.string(), "int64": pa.int64(), "bool": pa.bool_()}[value_type]
    if pa.types.is_null(array.type):
        return [], np.full(len(array), -1, np.int64)
    if pa.types.is_dictionary(array.type):
        dictionary, indices = array.dictionary.cast(wanted), array.indices
        values = dictionary.to_pylist()
    else:
        if pa.types.is_floating(array.type):  # NaN is missing, too
            array = pa.compute.if_else(pa.compute.is_nan(array), None, array)
        encoded = array.cast(wanted).dictionary_encode()
        values, indices = encoded.dictionary.to_pylist(), encoded.indices
    codes = pa.compute.fill_null(indices.cast(pa.int64()), -1).to_numpy(zero_copy_only=False)
    if None in values:  # a dictionary may have a null among its values
        codes = np.where(codes == values.index(None), -1, codes)
    return values, codes
