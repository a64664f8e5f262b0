"""Sparse rows into the first dense layer: the same as dense ones, in every entry point."""

from __future__ import annotations

import numpy as np
import pytest

import fastnn as fnn

sparse = pytest.importorskip("scipy.sparse")

COLS = 300


def network(dtype="float32", activation="relu", seed=0):
    return fnn.Sequential(
        [fnn.Input(COLS), fnn.Dense(24, activation), fnn.Dense(5, "tanh"), fnn.Dense(1)],
        seed=seed,
        dtype=dtype,
    )


def rows(n, seed=0, dtype=np.float64):
    rng = np.random.default_rng(seed)
    matrix = sparse.random(n, COLS, density=0.03, format="csr", random_state=rng, dtype=dtype)
    return matrix, np.asarray(matrix.sum(axis=1)) - 3.0


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("activation", ["linear", "relu", "gelu", "softmax"])
def test_predictions_are_those_of_dense_rows(dtype, activation):
    matrix, _ = rows(70)
    model = network(dtype, activation)
    found = model.predict(matrix)
    tolerance = 1e-5 if dtype == "float32" else 1e-13
    np.testing.assert_allclose(found, model.predict(matrix.toarray()), atol=tolerance)
    for i in (0, 3, 69):  # a row has the bits that it has alone
        np.testing.assert_array_equal(found[i : i + 1], model.predict(matrix[i : i + 1]))


@pytest.mark.parametrize("kind", ["csr_matrix", "csr_array", "csc_matrix", "coo_matrix"])
def test_other_formats_and_types_are_read(kind):
    matrix, _ = rows(20, dtype=np.float32)
    model = network("float64")
    want = model.predict(matrix)
    np.testing.assert_array_equal(model.predict(getattr(sparse, kind)(matrix)), want)
    wide = matrix.copy()
    wide.indices, wide.indptr = wide.indices.astype(np.int64), wide.indptr.astype(np.int64)
    np.testing.assert_array_equal(model.predict(wide), want)
    counts = (matrix * 10).astype(np.int32)
    np.testing.assert_array_equal(model.predict(counts), model.predict(counts.astype(np.float64)))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("n, batch_size", [(40, 1), (40, 7), (900, 300), (900, 900)])
def test_fits_are_those_of_dense_rows_at_any_number_of_threads(dtype, n, batch_size):
    matrix, y = rows(n)
    weight = np.linspace(0.5, 1.5, n)
    found = []
    for threads, x in ((1, matrix), (2, matrix), (3, matrix), (1, matrix.toarray())):
        with fnn.threads(threads):
            trainer = fnn.Trainer(network(dtype), "mse", fnn.SGD(0.05), metrics=["mae"])
            history = trainer.fit(
                x, y, sample_weight=weight, batch_size=batch_size, epochs=2, verbose=0
            )
            found.append((trainer.model.snapshot(), history["loss"], trainer.evaluate(x, y)))
    for other in found[1:3]:
        assert other[0].tobytes() == found[0][0].tobytes()
        assert other[1:] == found[0][1:]
    tolerance = 2e-4 if dtype == "float32" else 1e-10
    np.testing.assert_allclose(found[3][0], found[0][0], atol=tolerance)
    assert found[3][2] == pytest.approx(found[0][2], rel=tolerance)


def test_gradients_of_several_layers_and_a_stream():
    matrix, y = rows(30)
    x = fnn.Input(COLS)
    h = fnn.Add()([fnn.Dense(4, "tanh")(x), fnn.Dense(4)(x)])
    models = [fnn.Model(x, fnn.Dense(1)(h), seed=3, dtype="float64") for _ in range(2)]
    for model, given in zip(models, (matrix, matrix.toarray()), strict=True):
        batches = [(given[:10], y[:10]), (given[10:], y[10:])]
        fnn.Trainer(model, "mse", fnn.SGD(0.1)).fit(batches, epochs=3, verbose=0)
    np.testing.assert_allclose(*(model.parameter_arena for model in models), atol=1e-12)


def test_a_matrix_with_no_entries_and_doubled_ones():
    model = network("float64")
    empty = sparse.csr_matrix((3, COLS))
    np.testing.assert_allclose(model.predict(empty), model.predict(np.zeros((3, COLS))))
    doubled = sparse.csr_matrix((np.ones(2), np.array([4, 4]), np.array([0, 2])), (1, COLS))
    np.testing.assert_allclose(model.predict(doubled), model.predict(doubled.toarray()))


def test_only_dense_layers_read_sparse_rows():
    matrix, _ = rows(4)
    for layer in (fnn.Normalization(), fnn.Activation("relu"), fnn.Dropout(0.5)):
        model = fnn.Sequential([fnn.Input(COLS), layer, fnn.Dense(1)])
        with pytest.raises(TypeError, match=r"predict: x is a sparse .*only Dense.*toarray\(\)"):
            model.predict(matrix)


def broken(change):
    matrix, _ = rows(4)
    change(matrix)
    return matrix


def spoil(matrix):
    matrix.data[2] = np.nan


def reach_out(matrix):
    matrix.indices[1] = COLS


def go_back(matrix):
    matrix.indptr[1] = 10**6


@pytest.mark.parametrize(
    "change, words",
    [(spoil, "x has nan at row 0"), (reach_out, "broken CSR"), (go_back, "broken CSR")],
)
def test_bad_matrices_are_refused_and_nothing_changes(change, words):
    matrix, y = broken(change), np.zeros(4)
    model = network()
    trainer = fnn.Trainer(model, "mse")
    before = model.snapshot()
    for call in (
        lambda: model.predict(matrix),
        lambda: trainer.fit(matrix, y, verbose=0),
        lambda: trainer.evaluate(matrix, y),
        lambda: model.forward(matrix, training=True),
    ):
        with pytest.raises(ValueError, match=words):
            call()
    assert model.snapshot().tobytes() == before.tobytes()


def test_widths_are_checked():
    with pytest.raises(ValueError, match=r"predict: x has shape \(4, 7\)"):
        network().predict(sparse.csr_matrix((4, 7)))
