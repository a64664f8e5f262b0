"""Predictions of 7-32-8-1: one row, where the call is what counts, and 1000."""

from __future__ import annotations

import numpy as np
import pytest

import cases
import numpy_net


@pytest.mark.parametrize("by", ["fastnn", "fastnn_out", "predictor", "predictor_into", "numpy"])
@pytest.mark.parametrize("rows", [1, 1000])
def bench_predict(measure, rows, by):
    model = cases.auto_mpg().model()
    by_hand = numpy_net.Network(model.get_weights())
    x = np.random.default_rng(0).standard_normal((rows, 7), dtype=np.float32)
    y = np.empty((rows, 1), np.float32)

    def into_y(x):
        return model.predict(x, out=y)

    predictor = model.predictor()

    def predictor_into_y(x):
        return predictor.predict_into(x, y)

    functions = {
        "fastnn": model.predict,
        "fastnn_out": into_y,
        "predictor": predictor,
        "predictor_into": predictor_into_y,
        "numpy": by_hand.predict,
    }
    got = measure(f"predict 7-32-8-1, {rows} rows", functions[by], x, rows=rows)
    want = (by_hand if by != "numpy" else model).predict(x)
    # some dozen roundings of sums of terms of size 1
    np.testing.assert_allclose(got, want, rtol=0, atol=1e-5)
