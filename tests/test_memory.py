"""What the core holds: counted to the byte, so that the promise about a fit's peak is one.

Above the model (parameters and gradients) and the data, a fit holds at most: the optimizer's slots,
gradients of shards where the network is small, values and gradients of a block of rows for each
thread, and 8 bytes a row for their order.  The bound below says it in numbers.  What Python and
NumPy hold is counted by tracemalloc, what the core holds by itself; the sum of the two peaks is at
least the peak of the sum.
"""

from __future__ import annotations

import gc
import tracemalloc

import numpy as np
import pytest

import fastnn as fnn
from fastnn import _core

SHARDS, SHARD_PARAMETERS = 15, 16_384  # with a gradient of their own: docs/architecture.md
SLACK = 200_000  # objects of Python, rounding of arenas; less than the smallest copy tested for


def network(*units, inputs, dtype="float32"):
    layers = [fnn.Dense(n, "gelu") for n in units[:-1]]  # keeps its inputs too: the most of all
    return fnn.Sequential([fnn.Input(inputs), *layers, fnn.Dense(units[-1])], seed=0, dtype=dtype)


def bound(model, rows, batch, *, slots, threads):
    """Bytes that a fit may hold above the model and the data."""
    element = model.parameter_arena.itemsize
    parameters = model.parameter_arena.size * element
    widths = [model.inputs, *(kernel.shape[-1] for kernel in model.get_weights())]
    block = min(batch, model.block_rows()) * (3 * sum(widths) + model.outputs + 1) * element
    panels = (512 * (min(max(widths), 1024) + 32) + 512 * 144) * element  # packed, of a product
    shards = SHARDS * parameters if model.parameter_arena.size <= SHARD_PARAMETERS else 0
    return slots * parameters + shards + threads * (block + panels) + 8 * rows + SLACK


def peak_of(function):
    """Bytes held at most while `function` runs, above what was held before."""
    gc.collect()
    before = _core.allocated_bytes()
    _core.peak_bytes(restart=True)
    tracemalloc.start()
    try:
        function()
        python = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    return python + _core.peak_bytes() - before


# ---- the count ----------------------------------------------------------------------------------


def test_allocated_bytes_go_up_and_down_again():
    gc.collect()
    before = _core.allocated_bytes()
    model = network(100, 1, inputs=50)
    arenas = 2 * model.parameter_arena.nbytes
    assert _core.allocated_bytes() - before >= arenas
    del model
    gc.collect()
    assert _core.allocated_bytes() == before


def test_the_peak_outlives_what_made_it_until_it_is_restarted():
    before = _core.allocated_bytes()
    _core.peak_bytes(restart=True)
    assert _core.peak_bytes() == before
    network(1000, 1, inputs=100)
    gc.collect()
    assert _core.allocated_bytes() == before
    assert _core.peak_bytes() - before >= 2 * 4 * 100_000
    assert _core.peak_bytes(restart=True) > before  # tells the old one
    assert _core.peak_bytes() == before


def test_scratch_is_counted_and_given_back():
    a, b = np.zeros((200, 300), np.float32), np.zeros((300, 300), np.float32)
    before = _core.allocated_bytes()
    _core.peak_bytes(restart=True)
    fnn.kernels.matmul(a, b)
    assert _core.allocated_bytes() == before
    assert _core.peak_bytes() - before >= b.nbytes  # packed


# ---- a fit --------------------------------------------------------------------------------------

ROWS, COLUMNS = 200_000, 16


def table(kind):
    """(ROWS, COLUMNS) of an element type, or in an unusual layout."""
    if kind == "fortran":
        return np.ones((ROWS, COLUMNS), np.float32, order="F")
    if kind == "strided":
        return np.ones((2 * ROWS, COLUMNS + 3), np.float32)[::2, ::-1][:, :COLUMNS]
    if kind == "unaligned":
        packed = np.ones(ROWS, [("flag", np.int8), ("values", np.float32, (COLUMNS,))])
        return packed["values"]
    return np.ones((ROWS, COLUMNS), kind)


KINDS = ["bool", "int8", "uint16", "int64", "float16", "float32", "float64"]
LAYOUTS = ["fortran", "strided", "unaligned"]


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("kind", KINDS + LAYOUTS)
def test_a_fit_does_not_copy_its_rows(kind, shuffle):
    x, y = table(kind), np.zeros(ROWS, kind if kind in KINDS else np.float32)
    model = network(32, 1, inputs=COLUMNS)
    trainer = fnn.Trainer(model, "mse")
    trainer.fit(x[:100], y[:100], verbose=0)  # loads what is loaded late

    def fit():
        fnn.Trainer(model, "mse").fit(x, y, batch_size=4096, epochs=2, shuffle=shuffle, verbose=0)

    rows = ROWS if shuffle else 0
    with fnn.threads(2):
        peak = peak_of(fit)
    allowed = bound(model, rows, 4096, slots=2, threads=2)
    copy = ROWS * COLUMNS  # bytes of the smallest copy, of int8
    assert allowed < copy + 8 * rows  # the bound would see it
    assert 8 * rows < peak <= allowed


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    "optimizer, slots",
    [(fnn.SGD(), 0), (fnn.SGD(0.01, momentum=0.9), 1), (fnn.Adam(), 2), (fnn.AdamW(), 2)],
    ids=["sgd", "momentum", "adam", "adamw"],
)
def test_a_large_network_holds_its_slots_and_no_more(optimizer, slots, dtype):
    model = network(1500, 1, inputs=2000, dtype=dtype)
    x, y = np.ones((7, 2000), np.float32), np.zeros(7, np.float32)  # too few for a look at the end
    fnn.Trainer(model, "mse", optimizer).fit(x, y, verbose=0)

    def fit():
        fnn.Trainer(model, "mse", optimizer).fit(x, y, batch_size=4, epochs=2, verbose=0)

    with fnn.threads(2):
        peak = peak_of(fit)
    allowed = bound(model, 7, 4, slots=slots, threads=2)
    parameters = model.parameter_arena.nbytes
    assert slots * parameters <= peak <= allowed
    assert allowed < (slots + 1) * parameters  # one arena more would show


def test_a_wide_table_is_taken_in_blocks():
    columns = 20_000
    model = network(4, 1, inputs=columns)
    x = np.ones((1000, columns), np.int8)
    y = np.zeros(1000, np.float32)

    def fit():
        fnn.Trainer(model, "mse").fit(x, y, batch_size=1000, verbose=0)

    with fnn.threads(2):
        peak = peak_of(fit)
    allowed = bound(model, 1000, 1000, slots=2, threads=2)
    assert peak <= allowed


@pytest.mark.parametrize("kind", KINDS + LAYOUTS)
def test_predict_and_evaluate_hold_a_block(kind):
    x, y = table(kind), np.zeros(ROWS, np.float32)
    model = network(32, 1, inputs=COLUMNS)
    trainer = fnn.Trainer(model, "mse")
    out = np.empty((ROWS, 1), np.float32)
    model.predict(x[:100])
    trainer.evaluate(x[:100], y[:100])
    with fnn.threads(2):
        for function in (lambda: model.predict(x, out=out), lambda: trainer.evaluate(x, y)):
            peak = peak_of(function)
            assert peak <= bound(model, 0, ROWS, slots=0, threads=2)
