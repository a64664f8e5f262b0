"""Rows, targets and batches: what a person passes in, checked and made readable for the kernels.

The gather in C casts rows on the way into the network.  It reads bool, every integer of 8 to 64
bits, float16, float32 and float64 in native byte order, at any strides and any alignment, so
arrays of those types are passed on without a copy; everything else is converted here once or
refused.  Every error names the function, the argument, what came and what was wanted.
"""

from __future__ import annotations

import operator
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any, SupportsIndex

import numpy as np
import numpy.typing as npt

from fastnn._core import csr_bad_row, first_nonfinite, random_permutation

__all__ = ["Batches", "batches"]

Array = npt.NDArray[Any]

# Sizes in bytes, as eight-byte reals, stay below 2**62, so that no sum or product of two of them
# overflows in C.
MAX_ELEMENTS = 2**59
CHECKED_AT_ONCE = 2**23  # elements: some 10 ms, between which Ctrl-C is answered

NUMBERS = "bool, integer, float16, float32 or float64 numbers"


def as_array(value: object, *, where: str, name: str) -> Array:
    """Return `value` as an array that the gather can read, without a copy where it can be.

    Parameters
    ----------
    value : array_like
        An array, nested lists, or anything with ``__dlpack__`` on the CPU (a tensor that requires
        a gradient is read without it), ``__array__``, ``__array_interface__`` or a buffer.
    where, name : str
        The function and the argument, for error messages.

    Returns
    -------
    ndarray
        Of a bool, integer, float16, float32 or float64 type in native byte order.

    Raises
    ------
    TypeError
        If `value` holds no real numbers: None, strings, objects, complex numbers, dates; or lies on
        another device.
    ValueError
        If it is masked or ragged.
    """
    ma = sys.modules.get("numpy.ma")  # not loaded: then `value` is no masked array
    if ma is not None and isinstance(value, ma.MaskedArray):
        raise ValueError(
            f"{where}: {name} is a masked array; want one without a mask: fill it first, "
            f"as in {name}.filled(0.0)"
        )
    if value is None:
        raise TypeError(f"{where}: {name} is None; want {NUMBERS}")
    if hasattr(value, "toarray"):
        raise TypeError(
            f"{where}: {name} is a sparse {type(value).__name__}; want a dense array: "
            f"{name}.toarray()"
        )
    array = _shared(value, where=where, name=name)
    if array.dtype.kind not in "biuf":
        got = f"an array of dtype {array.dtype}"
        if array.dtype.kind == "O" and not isinstance(value, np.ndarray):
            got = f"a {type(value).__name__} that NumPy reads as objects"
        raise TypeError(f"{where}: {name} is {got}; want {NUMBERS}")
    if array.size > MAX_ELEMENTS:
        raise ValueError(
            f"{where}: {name} has shape {array.shape}, {array.size} elements; "
            f"want at most {MAX_ELEMENTS}"
        )
    if array.dtype.kind == "f" and array.dtype.itemsize > 8:
        with np.errstate(over="ignore"):  # becomes Inf, which check_finite names
            return array.astype(np.float64)
    return array.astype(array.dtype.newbyteorder("="), copy=False)


ON_CPU = (1, 3, 11, 13)  # of DLPack's devices: plain memory, pinned by CUDA or ROCm, managed


def _shared(value: Any, *, where: str, name: str) -> Array:
    """Return `value` as an array, in the same memory where it has one."""
    if not isinstance(value, np.ndarray) and hasattr(value, "__dlpack__"):
        at = "another device"
        try:
            kind, number = map(int, value.__dlpack_device__())
            at += f" (DLPack's number {kind}:{number})"
        except (AttributeError, BufferError, RuntimeError, ValueError) as error:
            kind, at = -1, f"a device that DLPack does not know ({error})"
        if kind not in ON_CPU:
            raise TypeError(
                f"{where}: {name} is a {type(value).__name__} on {at}; want it in the memory of "
                f"the CPU, as by {name}.cpu()"
            )
        if hasattr(value, "detach"):  # PyTorch refuses what requires a gradient
            value = value.detach()
        try:
            return np.from_dlpack(value)
        except (BufferError, RuntimeError, TypeError, ValueError):
            pass  # a type, or nulls, that DLPack has no word for; NumPy may read it by other ways
    try:
        return np.asarray(value)
    except ValueError as error:
        raise ValueError(
            f"{where}: {name} is ragged; want rows of one length, or one shape ({error})"
        ) from None
    except (BufferError, RuntimeError, TypeError) as error:
        kind_of = getattr(value, "dtype", None)
        of = "" if kind_of is None else f" of {kind_of}"
        raise TypeError(
            f"{where}: {name} is a {type(value).__name__}{of} that NumPy cannot read ({error}); "
            f"want {NUMBERS}"
        ) from None


def as_rows(
    value: object, *, where: str, name: str, columns: int | None = None, allow_1d: bool = False
) -> Array:
    """Return `value` as a two-dimensional array with at least one row and one column.

    Parameters
    ----------
    value : array_like, shape (rows, columns)
    where, name : str
        The function and the argument, for error messages.
    columns : int, optional
        The number of columns wanted; any by default.
    allow_1d : bool
        Whether shape (rows,) is taken as (rows, 1).

    Returns
    -------
    ndarray, shape (rows, columns)
        Readable by the gather (see `as_array`); a view of `value` where it can be.

    Raises
    ------
    TypeError, ValueError
        As `as_array`, and for a wrong rank, a wrong number of columns, no rows or no columns.
    """
    array = as_array(value, where=where, name=name)
    want = "(rows, columns)" if columns is None else f"(rows, {columns})"
    if array.ndim == 1 and allow_1d:
        array = array[:, np.newaxis]
    if array.ndim == 1:
        raise ValueError(
            f"{where}: {name} has shape {array.shape}; want {want}: {name}.reshape(-1, 1) makes "
            f"one column of it, {name}[None, :] one row"
        )
    if array.ndim != 2:
        raise ValueError(f"{where}: {name} has shape {array.shape}; want {want}")
    if columns is not None and array.shape[1] != columns:
        raise ValueError(
            f"{where}: {name} has shape {array.shape}, {array.shape[1]} columns; want {want}"
        )
    if array.size == 0:
        raise ValueError(
            f"{where}: {name} has shape {array.shape}; want at least one row and one column"
        )
    return array


def check_finite(array: Array, *, where: str, name: str, dtype: npt.DTypeLike) -> None:
    """Refuse an array with a value that is NaN or Inf once it is cast to `dtype`.

    Parameters
    ----------
    array : ndarray, shape (rows,) or (rows, columns)
        From `as_array` or `as_rows`.
    where, name : str
        The function and the argument, for the error message.
    dtype : float32 or float64
        The type the network computes in.

    Raises
    ------
    ValueError
        Names the first such row, its column and the value.
    """
    target = np.dtype(dtype)
    table = array if array.ndim == 2 else array[:, np.newaxis]
    step = max(1, CHECKED_AT_ONCE // max(1, table.shape[1]))
    for start in range(0, len(table), step):
        found = first_nonfinite(table[start : start + step], target.name)
        if found >= 0:
            break
    else:
        return
    row = start + found
    with np.errstate(over="ignore"):  # the overflow is what is looked for
        column = int(np.argmin(np.isfinite(table[row].astype(target))))
    value = table[row, column]
    at = f"row {row}, column {column}" if array.ndim == 2 else f"row {row}"
    if np.isfinite(value):
        raise ValueError(
            f"{where}: {name} has {value} at {at}, which overflows {target.name}; "
            f"want values within {np.finfo(target).max}"
        )
    raise ValueError(f"{where}: {name} has {value} at {at}; want finite values")


def check_indices(array: Array, *, where: str, name: str, below: int) -> None:
    """Refuse a column with a value that is no whole number within [0, below).

    Parameters
    ----------
    array : ndarray, shape (rows,)
    where, name : str
        The function and the argument, for the error message.
    below : int
        Rows of the table that the numbers are looked up in.

    Raises
    ------
    ValueError
        Names the first such row and the value.
    """
    for start in range(0, len(array), CHECKED_AT_ONCE):
        part = array[start : start + CHECKED_AT_ONCE]
        wrong = ~((part >= 0) & (part < below))  # NaN is neither
        if part.dtype.kind == "f":
            wrong |= part != np.floor(part)
        if wrong.any():
            row = int(np.argmax(wrong))
            raise ValueError(
                f"{where}: {name} has {part[row]} at row {start + row}; want whole numbers "
                f"within 0 and {below - 1}, for an embedding of {below} rows"
            )


class SparseRows:
    """Rows of a CSR matrix, for a network whose first layer reads them without making them dense.

    Attributes
    ----------
    matrix : scipy.sparse matrix or array in CSR format
    indptr, indices : int32 or int64 array
    values : array of the network's dtype
    shape : tuple of int
    """

    __slots__ = ("indices", "indptr", "matrix", "shape", "values")

    def __init__(self, matrix: Any, dtype: npt.DTypeLike) -> None:
        self.matrix = matrix
        wide = np.int64 if np.int64 in (matrix.indices.dtype, matrix.indptr.dtype) else np.int32
        self.indptr = np.ascontiguousarray(matrix.indptr, wide)
        self.indices = np.ascontiguousarray(matrix.indices, wide)
        with np.errstate(over="ignore"):  # becomes Inf, which is refused by name
            self.values = np.ascontiguousarray(matrix.data, dtype)
        self.shape: tuple[int, int] = matrix.shape

    def __len__(self) -> int:
        """Return the number of rows."""
        return self.shape[0]

    def __getitem__(self, rows: Any) -> SparseRows:
        """Return some of the rows."""
        return SparseRows(self.matrix[rows], self.values.dtype)


def as_sparse_rows(
    value: Any, *, where: str, name: str, columns: int, dtype: npt.DTypeLike
) -> SparseRows:
    """Return a scipy.sparse matrix as rows that the core can read; only other dtypes are copied.

    Raises
    ------
    TypeError, ValueError
        If it has another number of columns or no rows, holds no real numbers, or contradicts
        itself.
    """
    matrix = value.tocsr()
    if len(matrix.shape) != 2 or matrix.shape[1] != columns or matrix.shape[0] == 0:
        raise ValueError(
            f"{where}: {name} has shape {tuple(matrix.shape)}; want ({columns} columns, "
            f"at least one row)"
        )
    if matrix.data.dtype.kind not in "biuf":
        raise TypeError(f"{where}: {name} is a matrix of {matrix.data.dtype}; want {NUMBERS}")
    rows = SparseRows(matrix, dtype)
    bad = csr_bad_row(rows.indptr, rows.indices, columns)
    if bad >= 0 or len(rows.indptr) != len(rows) + 1 or len(rows.indices) != len(rows.values):
        raise ValueError(f"{where}: {name} is a broken CSR matrix at row {max(bad, 0)}")
    return rows


def check_sparse_finite(rows: SparseRows, *, where: str, name: str) -> None:
    """Refuse NaN and Inf among the entries."""
    if not np.isfinite(rows.values).all():
        entry = int(np.argmin(np.isfinite(rows.values)))
        row = int(np.searchsorted(rows.indptr, entry, side="right")) - 1
        raise ValueError(
            f"{where}: {name} has {rows.matrix.data[entry]} at row {row}, column "
            f"{rows.indices[entry]}; want finite values that {rows.values.dtype} can hold"
        )


class Tables:
    """Arrays of as many rows, one for each input or output of a model.

    Attributes
    ----------
    arrays : tuple of ndarray, or None where an output has no targets
    """

    __slots__ = ("arrays",)

    def __init__(self, arrays: tuple[Any, ...]) -> None:
        self.arrays = arrays

    def __len__(self) -> int:
        """Return the number of rows."""
        return next(len(array) for array in self.arrays if array is not None)

    def __getitem__(self, rows: Any) -> Tables:
        """Return the same rows of each."""
        return Tables(tuple(None if array is None else array[rows] for array in self.arrays))


def check_lengths(rows: int, other: int, *, where: str, name: str) -> None:
    """Refuse an argument that has not one entry for each row of x."""
    if rows != other:
        raise ValueError(f"{where}: x has {rows} rows and {name} {other}; want as many of both")


def as_targets(
    y: object,
    *,
    where: str,
    rows: int,
    outputs: int,
    integer_labels: bool = False,
    dtype: npt.DTypeLike | None = None,
    takes: str = "reals",
    loss: str = "the loss",
) -> Array:
    """Return targets in the shape that a loss over `outputs` columns wants.

    Parameters
    ----------
    y : array_like
        Shape (rows, outputs); (rows,) too for one output.  Class labels: (rows,) or (rows, 1),
        integers, bools or whole floats in [0, outputs).
    where : str
        The function, for error messages.
    rows, outputs : int
        Rows of x, and columns that targets have: mostly those of the network's output.
    integer_labels : bool
        Whether the loss takes one class label a row.
    dtype : float32 or float64, optional
        When given, targets must be finite in that type (labels always are).
    takes, loss : str
        What the loss takes (see `fastnn.losses.Loss.takes`), and its name for messages.

    Returns
    -------
    ndarray
        Labels: int32, shape (rows,).  Otherwise as `as_rows`, shape (rows, outputs).
    """
    try:
        array = as_array(y, where=where, name="y")
    except TypeError:
        if not (integer_labels and _holds_names(y)):
            raise
        raise TypeError(
            f"{where}: y holds names of classes; want their numbers 0 .. {outputs - 1}: "
            f"names, y = np.unique(y, return_inverse=True)"
        ) from None
    if array.ndim == 0:
        raise ValueError(f"{where}: y has shape (); want {rows} rows")
    check_lengths(rows, array.shape[0], where=where, name="y")
    if integer_labels:
        return _as_labels(array, where=where, outputs=outputs)
    if array.ndim == 1 and outputs != 1:
        raise ValueError(
            f"{where}: y has shape {array.shape}; want ({rows}, {outputs}); "
            f"labels 0 .. {outputs - 1} need the loss sparse_categorical_crossentropy"
        )
    array = as_rows(array, where=where, name="y", columns=outputs, allow_1d=True)
    check_targets(array, where=where, takes=takes, loss=loss)
    if dtype is not None:
        check_finite(array, where=where, name="y", dtype=dtype)
    return array


def _holds_names(y: Any) -> bool:
    return isinstance(next(iter(np.ravel(y)), None), str)


# What a loss takes: whether a value is wrong, and what to write instead.  NaN is left to the check
# for finite values.
_WRONG: dict[str, tuple[Callable[[Array], Array], str]] = {
    "unit": (lambda y: (y < 0) | (y > 1), "values within 0 and 1"),
    "counts": (lambda y: y < 0, "values of at least 0"),
    "positive": (lambda y: y <= 0, "values above 0"),
    "signs": (
        lambda y: (y != 1) & (y != 0) & (y != -1) & (y == y),
        "labels -1 and 1, or 0 and 1",
    ),
    "shares": (lambda y: ((y < 0) & (y != -1)) | (y > 1), "one-hot rows, values within 0 and 1"),
}


def check_targets(array: Array, *, where: str, takes: str, loss: str) -> None:
    """Refuse targets that a loss cannot take.

    Parameters
    ----------
    array : ndarray, shape (rows, columns)
    where : str
        The function, for the error message.
    takes : {"reals", "unit", "counts", "positive", "signs", "shares"}
        See `fastnn.losses.Loss.takes`; "shares" is for metrics.
    loss : str
        Its name, or the metric's, for the error message.

    Raises
    ------
    ValueError
        Names the first such row, its column and the value.
    """
    if takes == "reals":
        return
    is_wrong, wanted = _WRONG[takes]
    step = max(1, CHECKED_AT_ONCE // array.shape[1])
    zero = negative = False
    for start in range(0, len(array), step):
        part = array[start : start + step]
        wrong = is_wrong(part)
        if wrong.any():
            row, column = (int(i) for i in np.argwhere(wrong)[0])
            raise ValueError(
                f"{where}: y has {part[row, column]} at row {start + row}, column {column}; "
                f"{loss} takes {wanted}"
            )
        if takes == "signs":
            zero = zero or bool((part == 0).any())
            negative = negative or bool((part < 0).any())
    if zero and negative:
        raise ValueError(f"{where}: y has labels -1 and 0; {loss} takes {wanted}")


def class_weights(
    where: str, class_weight: Mapping[int, float] | str, y: Array, classes: int
) -> npt.NDArray[np.float64]:
    """Return the weight of each row from those of the classes.

    Parameters
    ----------
    where : str
        The function, for error messages.
    class_weight : mapping of int to float, or "balanced"
        The weight of each class that `y` has; "balanced" weighs a class with
        ``n / (k * rows of the class)`` for n rows and k classes that occur, as scikit-learn does.
    y : ndarray
        Checked targets: labels (n,) or (n, 1) from 0, with -1 and 1 for classes 0 and 1 too; or
        one-hot rows (n, classes).
    classes : int
        How many there are; 2 for a single column of 0 and 1.

    Returns
    -------
    ndarray of float64, shape (n,)

    Raises
    ------
    TypeError, ValueError
        If the targets are no classes, or a weight is missing, negative, not finite, or of a class
        that there is not.

    Examples
    --------
    >>> import numpy as np
    >>> class_weights("fit", {0: 1.0, 1: 5.0}, np.array([0, 1, 1]), 2)
    array([1., 5., 5.])
    >>> class_weights("fit", "balanced", np.array([[0], [1], [1], [1]]), 2).round(3)
    array([2.   , 0.667, 0.667, 0.667])
    """
    labels = _classes_of(where, y, classes)
    if isinstance(class_weight, str):
        if class_weight != "balanced":
            raise ValueError(
                f"{where}: class_weight is {class_weight!r}; want 'balanced', or a mapping of "
                f"classes to weights"
            )
        counts = np.bincount(labels, minlength=classes)
        present = counts > 0
        table = np.zeros(classes)
        table[present] = len(labels) / (present.sum() * counts[present])
        return table[labels]
    if not isinstance(class_weight, Mapping):
        raise TypeError(
            f"{where}: class_weight is a {type(class_weight).__name__}; want 'balanced', or a "
            f"mapping of classes to weights"
        )
    table = np.full(classes, np.nan)
    for key, value in class_weight.items():
        if isinstance(key, bool | np.bool_) or not hasattr(key, "__index__"):
            raise TypeError(f"{where}: class_weight has the key {key!r}; want class numbers")
        label = operator.index(key)
        if not 0 <= label < classes:
            raise ValueError(
                f"{where}: class_weight names class {label}; want classes 0 .. {classes - 1}"
            )
        try:
            weight = float(value)
        except (TypeError, ValueError):
            weight = np.nan
        if not (np.isfinite(weight) and weight >= 0):
            raise ValueError(
                f"{where}: class_weight of class {label} is {value!r}; "
                f"want a finite number of at least 0"
            )
        table[label] = weight
    weights = table[labels]
    if (missing := np.isnan(weights)).any():
        label = int(labels[np.argmax(missing)])
        raise ValueError(f"{where}: class_weight has no weight for class {label}, which y has")
    if not weights.any():
        raise ValueError(f"{where}: class_weight is zero for all classes that y has")
    return weights


def _classes_of(where: str, y: Array, classes: int) -> npt.NDArray[np.intp]:
    """Return the class of each row."""
    if y.ndim == 2 and y.shape[1] > 1:
        if not (((y == 0) | (y == 1)).all() and (y.sum(axis=1) == 1).all()):
            raise ValueError(
                f"{where}: class_weight needs one class a row, but y has rows that are not one-hot"
            )
        return np.asarray(np.argmax(y, axis=1), np.intp)
    flat = y.reshape(-1)
    if classes == 2 and ((flat == -1) | (flat == 1)).all():
        return (flat > 0).astype(np.intp)
    wrong = (flat != np.floor(flat)) | (flat < 0) | (flat >= classes)
    if wrong.any():
        value = flat[np.argmax(wrong)]
        raise ValueError(
            f"{where}: class_weight needs classes 0 .. {classes - 1}, but y has {value}"
        )
    return flat.astype(np.intp)


def _as_labels(array: Array, *, where: str, outputs: int) -> Array:
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        hint = ""
        if array.ndim == 2 and array.shape[1] == outputs:
            hint = "; one column a class needs the loss categorical_crossentropy"
        raise ValueError(
            f"{where}: y has shape {array.shape}; want one integer label a row, "
            f"shape ({array.shape[0]},){hint}"
        )
    if array.size == 0:
        raise ValueError(f"{where}: y has shape {array.shape}; want at least one row")
    if array.dtype.kind == "f" and (fractional := array != np.floor(array)).any():  # NaN too
        row = int(np.argmax(fractional))
        raise ValueError(f"{where}: y[{row}] is {array[row]}; want an integer label")
    if array.min() < 0 or array.max() >= outputs:
        row = int(np.argmax((array < 0) | (array >= outputs)))
        raise ValueError(
            f"{where}: y[{row}] is {array[row]}; want a label in 0 .. {outputs - 1}, "
            f"as the network has {outputs} outputs"
        )
    return array.astype(np.int32)


def as_weights(
    sample_weight: object,
    *,
    where: str,
    rows: int,
    dtype: npt.DTypeLike = np.float64,
    all_zero: bool = False,
) -> Array:
    """Return one weight a row: finite, none negative, not all zero.

    Parameters
    ----------
    sample_weight : array_like, shape (rows,) or (rows, 1)
    where : str
        The function, for error messages.
    rows : int
        Rows of x.
    dtype : float32 or float64
        The type in which they must be finite.
    all_zero : bool
        Whether all may be zero after all.

    Returns
    -------
    ndarray, shape (rows,)
        Readable by the gather (see `as_array`); a view of `sample_weight` where it can be.
    """
    array = as_array(sample_weight, where=where, name="sample_weight")
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise ValueError(f"{where}: sample_weight has shape {array.shape}; want ({rows},)")
    check_lengths(rows, array.shape[0], where=where, name="sample_weight")
    check_finite(array, where=where, name="sample_weight", dtype=dtype)
    if (negative := array < 0).any():
        row = int(np.argmax(negative))
        raise ValueError(f"{where}: sample_weight[{row}] is {array[row]}; want no negative weight")
    if not (all_zero or array.any()):
        raise ValueError(f"{where}: sample_weight is zero in all {rows} rows; want some above zero")
    return array


def as_indices(value: object, *, where: str, name: str, rows: int) -> npt.NDArray[np.uint64]:
    """Return row numbers as the gather takes them, always a copy.

    Parameters
    ----------
    value : array_like, shape (k,)
        Integers in [0, rows), in any order and as often as you like; or one bool for each row.
    where, name : str
        The function and the argument, for error messages.
    rows : int
        Rows there are.

    Returns
    -------
    ndarray of uint64, shape (k,)

    Raises
    ------
    TypeError, ValueError
        If it is no vector of integers or bools, names a row that is not there, or names none.
        Negative numbers are refused too: they are more often a search that found nothing than
        rows counted from the end.
    """
    array = as_array(value, where=where, name=name)
    if array.ndim != 1:
        raise ValueError(f"{where}: {name} has shape {array.shape}; want one row number each")
    if array.dtype.kind == "b":
        check_lengths(rows, len(array), where=where, name=name)
        array = np.flatnonzero(array)
    if array.size == 0:
        raise ValueError(f"{where}: {name} names no rows; want at least one")
    if array.dtype.kind == "f":
        raise TypeError(f"{where}: {name} is {array.dtype}; want integers, or a bool for each row")
    if array.min() < 0 or array.max() >= rows:
        place = int(np.argmax((array < 0) | (array >= rows)))
        raise ValueError(
            f"{where}: {name}[{place}] is {array[place]}; want a row in 0 .. {rows - 1}"
        )
    return array.astype(np.uint64)


def as_count(value: SupportsIndex, *, where: str, name: str) -> int:
    """Return an integer of at least one."""
    if isinstance(value, bool | np.bool_) or not hasattr(value, "__index__"):
        raise TypeError(f"{where}: {name} is {value!r}; want an integer of at least 1")
    count = operator.index(value)
    if count < 1:
        raise ValueError(f"{where}: {name} is {count}; want at least 1")
    return count


def as_seed(seed: SupportsIndex | None, *, where: str) -> int:
    """Return the seed as an integer of 64 bits; None draws one from the system."""
    if seed is None:
        return int.from_bytes(os.urandom(8), "little")
    if isinstance(seed, bool | np.bool_) or not hasattr(seed, "__index__"):
        raise TypeError(f"{where}: seed is {seed!r}; want an integer in [0, 2**64) or None")
    number = operator.index(seed)
    if not 0 <= number < 2**64:
        raise ValueError(f"{where}: seed is {number}; want an integer in [0, 2**64) or None")
    return number


class Batches:
    """A re-iterable of batches; `batches` makes one.

    Every iteration is a new epoch: with ``shuffle=True`` each has its own order of the rows, which
    depends on the seed and the number of the epoch alone.

    Attributes
    ----------
    x, y : ndarray
        All rows.
    sample_weight : ndarray or None
    batch_size : int
    drop_remainder, shuffle : bool
    seed : int
        The one given, or the one drawn.
    epoch : int
        How many iterations have begun; the next one has this number in the order of the rows.
        Setting it repeats or skips epochs.

    Examples
    --------
    >>> from fastnn.data import Batches
    >>> stream = Batches([[1.0], [2.0], [3.0]], [10, 20, 30], batch_size=2)
    >>> for x, y in stream:
    ...     print(x.ravel(), y)
    [1. 2.] [10 20]
    [3.] [30]
    >>> len(stream), stream.epoch
    (2, 1)
    """

    def __init__(
        self,
        x: npt.ArrayLike,
        y: npt.ArrayLike,
        batch_size: int = 32,
        *,
        sample_weight: npt.ArrayLike | None = None,
        drop_remainder: bool = False,
        shuffle: bool = False,
        seed: int | None = None,
    ) -> None:
        where = "batches"
        self.x = as_rows(x, where=where, name="x")
        self.y = as_array(y, where=where, name="y")
        if self.y.ndim not in (1, 2):
            raise ValueError(
                f"{where}: y has shape {self.y.shape}; want (rows,) or (rows, outputs)"
            )
        rows = len(self.x)
        check_lengths(rows, len(self.y), where=where, name="y")
        if self.y.size == 0:
            raise ValueError(f"{where}: y has shape {self.y.shape}; want at least one column")
        self.sample_weight: Array | None = None
        if sample_weight is not None:
            self.sample_weight = as_weights(sample_weight, where=where, rows=rows)
        self.batch_size = as_count(batch_size, where=where, name="batch_size")
        self.drop_remainder = bool(drop_remainder)
        if self.drop_remainder and rows < self.batch_size:
            raise ValueError(
                f"{where}: {rows} rows make no batch of {self.batch_size}; "
                f"want a smaller batch_size or drop_remainder=False"
            )
        self.shuffle = bool(shuffle)
        self.seed = as_seed(seed, where=where)
        self.epoch = 0

    def __len__(self) -> int:
        """Return the number of batches in an epoch."""
        whole, rest = divmod(len(self.x), self.batch_size)
        return whole if self.drop_remainder or rest == 0 else whole + 1

    def __iter__(self) -> Iterator[tuple[Array, ...]]:
        """Begin an epoch; it yields (x, y) or (x, y, sample_weight)."""
        epoch, self.epoch = self.epoch, self.epoch + 1
        return self._batches_of(epoch)

    def _batches_of(self, epoch: int) -> Iterator[tuple[Array, ...]]:
        arrays = [self.x, self.y]
        if self.sample_weight is not None:
            arrays.append(self.sample_weight)
        rows = len(self.x)
        order = None
        if self.shuffle:
            order = random_permutation(self.seed, "shuffle", epoch, rows)
        for start in range(0, len(self) * self.batch_size, self.batch_size):
            stop = min(start + self.batch_size, rows)
            taken = slice(start, stop) if order is None else order[start:stop]
            yield tuple(array[taken] for array in arrays)

    def __repr__(self) -> str:
        """Show sizes and options."""
        options = [f"{len(self.x)} rows", f"batch_size={self.batch_size}"]
        if self.sample_weight is not None:
            options.append("weighted")
        if self.drop_remainder:
            options.append("drop_remainder=True")
        if self.shuffle:
            options.append(f"shuffle=True, seed={self.seed}")
        return f"<Batches: {len(self)} batches of x {self.x.shape}, y {self.y.shape}; " + (
            ", ".join(options) + ">"
        )


def batches(
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    batch_size: int = 32,
    *,
    sample_weight: npt.ArrayLike | None = None,
    drop_remainder: bool = False,
    shuffle: bool = False,
    seed: int | None = None,
) -> Batches:
    """Cut arrays into batches: a stream that can be iterated again and again.

    Parameters
    ----------
    x : array_like, shape (rows, columns)
        Numbers of any real type.
    y : array_like, shape (rows,) or (rows, outputs)
        Targets, one row for each row of `x`.
    batch_size : int
        Rows in a batch; the last one may be shorter.
    sample_weight : array_like, shape (rows,), optional
        One weight a row: finite, none negative, not all zero.
    drop_remainder : bool
        Whether a shorter last batch is left out.
    shuffle : bool
        Whether every iteration has its own random order of the rows.
    seed : int, optional
        In [0, 2**64); the same seed gives the same orders.  None draws one from the system, which
        stands in the result's `seed`.

    Returns
    -------
    Batches
        Each iteration yields tuples (x, y) or (x, y, sample_weight).  Without `shuffle` they are
        views of the arrays, with it they are copies.

    Raises
    ------
    TypeError
        If an argument is of a wrong kind: None, strings, objects, complex numbers.
    ValueError
        If lengths differ, there are no rows, or a number is out of its range.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn.data import batches
    >>> x = np.arange(10.0).reshape(5, 2)
    >>> y = np.arange(5.0)
    >>> stream = batches(x, y, batch_size=2)
    >>> stream
    <Batches: 3 batches of x (5, 2), y (5,); 5 rows, batch_size=2>
    >>> [len(part) for part, _ in stream]
    [2, 2, 1]
    >>> shuffled = batches(x, y, batch_size=5, shuffle=True, seed=0)
    >>> for batch_x, batch_y in shuffled:
    ...     print(sorted(batch_y.tolist()))
    [0.0, 1.0, 2.0, 3.0, 4.0]
    """
    return Batches(
        x,
        y,
        batch_size,
        sample_weight=sample_weight,
        drop_remainder=drop_remainder,
        shuffle=shuffle,
        seed=seed,
    )
