"""A residual MLP: how deep a dense network may be, with and without connections that skip.

The target is a smooth function of eight columns with products in it.  Networks of 2, 10 and 40
hidden layers learn it, once layer upon layer and once in blocks ``x + f(normalized x)``, which are
the identity at first.

He, Zhang, Ren and Sun (2015), Deep residual learning for image recognition, arXiv:1512.03385.
"""

from __future__ import annotations

import numpy as np

import fastnn as fnn

WIDTH = 32


def make_rows(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    x = rng.uniform(-1, 1, (n, 8))
    y = np.sin(3 * x[:, 0] * x[:, 1]) + x[:, 2] * x[:, 3] + np.abs(x[:, 4] - x[:, 5])
    return x, y - y.mean()


def plain(depth: int, seed: int) -> fnn.Sequential:
    hidden = [
        fnn.Dense(WIDTH, activation="relu", kernel_initializer="he_normal") for _ in range(depth)
    ]
    return fnn.Sequential([fnn.Input(8), *hidden, fnn.Dense(1)], seed=seed)


def residual(depth: int, seed: int) -> fnn.Model:
    x = fnn.Input(8)
    h = fnn.Dense(WIDTH)(x)
    for _ in range(depth // 2):
        f = fnn.LayerNormalization()(h)
        f = fnn.Dense(WIDTH, activation="relu", kernel_initializer="he_normal")(f)
        f = fnn.Dense(WIDTH, kernel_initializer="zeros")(f)  # the block begins as the identity
        h = fnn.Add()([h, f])
    return fnn.Model(
        x, fnn.Dense(1)(fnn.LayerNormalization(name="norm")(h)), name="Residual", seed=seed
    )


def main(seed: int = 0) -> None:
    rng = np.random.default_rng(seed)
    x, y = make_rows(2_000, rng)
    x_test, y_test = make_rows(1_000, rng)
    print(f"R² on {len(x_test)} rows that were not seen:\n")
    print("hidden layers  layer upon layer  residual")
    for depth in (2, 10, 40):
        found = []
        for build in (plain, residual):
            model = build(depth, seed)
            fnn.Trainer(model, "mse", fnn.Adam(1e-3)).fit(x, y, batch_size=32, epochs=30, verbose=0)
            found.append(fnn.metrics.r2_score(y_test, model.predict(x_test)))
        print(f"{depth:>13}  {found[0]:>16.3f}  {found[1]:>8.3f}")


if __name__ == "__main__":
    main()
