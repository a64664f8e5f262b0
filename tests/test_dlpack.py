"""Arrays of other libraries as input: by DLPack, NumPy's protocols or a buffer, without a copy."""

from __future__ import annotations

import array
import ctypes

import numpy as np
import pytest

import fastnn as fnn
from fastnn import data
from fastnn.forms import is_stream

ROWS = np.random.default_rng(0).standard_normal((40, 3))


class Tensor:
    """What DLPack alone can read, as arrays of other libraries are."""

    def __init__(self, values, device=None):
        self.values, self.device = values, device
        self.ndim, self.dtype = values.ndim, values.dtype
        self.exports = 0

    def __dlpack__(self, **options):
        self.exports += 1
        return self.values.__dlpack__(**options)

    def __dlpack_device__(self):
        return self.device or self.values.__dlpack_device__()

    def __iter__(self):
        return iter(self.values)

    def __len__(self):
        return len(self.values)


class Interface:
    """What has ``__array_interface__`` alone."""

    def __init__(self, values):
        self.values = values

    @property
    def __array_interface__(self):
        return self.values.__array_interface__

    def __iter__(self):
        return iter(self.values)


class Convertible(Interface):
    """What has ``__array__`` too."""

    def __array__(self, dtype=None, copy=None):
        return self.values


@pytest.fixture(params=[Tensor, Interface, Convertible, memoryview])
def wrap(request):
    return request.param


def model_of(**options):
    return fnn.Sequential([fnn.Input(3), fnn.Dense(4, "tanh"), fnn.Dense(1)], seed=0, **options)


@pytest.mark.parametrize(
    "values",
    [
        ROWS,
        ROWS.astype(np.float32),
        ROWS.astype(np.float16),
        ROWS.astype(np.int8),
        (ROWS > 0),
        np.asfortranarray(ROWS),
        np.repeat(ROWS, 2, axis=1)[::2, ::2],
    ],
    ids=["float64", "float32", "float16", "int8", "bool", "fortran", "strided"],
)
def test_rows_share_memory(wrap, values):
    found = data.as_rows(wrap(values), where="fit", name="x", columns=3)
    assert np.shares_memory(found, values)
    assert found.strides == values.strides
    np.testing.assert_array_equal(found, values)


def test_fit_predict_and_evaluate_take_them_as_they_lie(wrap):
    x, y = ROWS, ROWS.sum(axis=1)
    twin = fnn.Trainer(model_of(), "mse", seed=1)
    twin.fit(x, y, epochs=2, verbose=0)
    trainer = fnn.Trainer(model_of(), "mse", seed=1)
    rows = trainer._task.check("fit", wrap(x), wrap(y), None, finite=True)
    assert np.shares_memory(rows.x, x)
    assert np.shares_memory(rows.y, y)
    trainer.fit(wrap(x), wrap(y), sample_weight=wrap(np.ones(40)), epochs=2, verbose=0)
    np.testing.assert_array_equal(trainer.model.predict(wrap(x)), twin.model.predict(x))
    assert trainer.evaluate(wrap(x), wrap(y)) == twin.evaluate(x, y)
    np.testing.assert_array_equal(twin.model.predictor()(wrap(x)), twin.model.predict(x))


def test_fit_validates_on_them(wrap):
    trainer = fnn.Trainer(model_of(), "mse")
    y = ROWS.sum(axis=1)
    history = trainer.fit(
        wrap(ROWS), wrap(y), validation_data=(wrap(ROWS), wrap(y)), epochs=2, verbose=0
    )
    assert len(history["val_loss"]) == 2


def test_tensor_is_exported_once_a_call():
    x = Tensor(ROWS)
    model_of().predict(x)
    assert x.exports == 1


def test_several_inputs_and_a_stream_of_them():
    a, b = fnn.Input(3), fnn.Input(3)
    model = fnn.Model([a, b], fnn.Dense(1)(fnn.Concatenate()([a, b])), seed=0)
    x = Tensor(ROWS)
    np.testing.assert_array_equal(model.predict([x, x]), model.predict([ROWS, ROWS]))
    single = model_of()
    np.testing.assert_array_equal(
        single.predict([Tensor(ROWS[:30]), Tensor(ROWS[30:])]), single.predict(ROWS)
    )
    batches = [[Tensor(ROWS[i : i + 10]), Tensor(ROWS[i : i + 10, :1])] for i in (0, 10, 20, 30)]
    plain = [(ROWS[i : i + 10], ROWS[i : i + 10, :1]) for i in (0, 10, 20, 30)]
    found = fnn.Trainer(model_of(), "mse").fit(batches, epochs=2, verbose=0)
    assert found.history == fnn.Trainer(model_of(), "mse").fit(plain, epochs=2, verbose=0).history


def test_buffers_are_rows_and_generators_are_streams():
    numbers = array.array("d", [1.0, 2.0])
    grid = (ctypes.c_double * 3 * 2)((1, 2, 3), (4, 5, 6))
    for value in (numbers, grid, Tensor(ROWS), Interface(ROWS), b"12", "12", ROWS, {"a": ROWS}):
        assert not is_stream(value)
    for value in ([ROWS], (Tensor(ROWS),), [(ROWS, ROWS)], iter([ROWS]), (one for one in [ROWS])):
        assert is_stream(value)
    rows = data.as_rows(grid, where="fit", name="x")
    grid[1][2] = 7
    assert rows.tolist() == [[1, 2, 3], [4, 5, 7]]


@pytest.mark.parametrize("kind", [2, 4, 8, 10])
def test_other_devices_are_refused(kind):
    x = Tensor(ROWS, (kind, 1))
    text = rf"predict: x is a Tensor on another device \(DLPack's number {kind}:1\); want it in"
    with pytest.raises(TypeError, match=text):
        model_of().predict(x)
    with pytest.raises(TypeError, match=r"Trainer.fit: y is a Tensor on another device"):
        fnn.Trainer(model_of(), "mse").fit(ROWS, Tensor(ROWS[:, :1], (kind, 1)))
    assert x.exports == 0


def test_pinned_memory_is_read():
    np.testing.assert_array_equal(
        model_of().predict(Tensor(ROWS, (3, 0))), model_of().predict(ROWS)
    )


def test_what_cannot_be_exported_is_read_another_way_or_refused():
    class Strange(Tensor):
        def __dlpack__(self, **options):
            raise BufferError("no such type")

    class Readable(Strange):
        def __array__(self, dtype=None, copy=None):
            return self.values

    class Unreadable(Strange):
        def __array__(self, dtype=None, copy=None):
            raise TypeError("Implicit conversion to a NumPy array is not allowed")

    np.testing.assert_array_equal(model_of().predict(Readable(ROWS)), model_of().predict(ROWS))
    with pytest.raises(TypeError, match=r"x is a Unreadable of float64 that NumPy cannot read \(I"):
        model_of().predict(Unreadable(ROWS))
    with pytest.raises(TypeError, match="predict: x is an array of dtype complex128"):
        model_of().predict(Tensor(ROWS + 1j))
    with pytest.raises(ValueError, match=r"predict: x has shape \(40, 2\), 2 columns"):
        model_of().predict(Tensor(ROWS[:, :2].copy()))
