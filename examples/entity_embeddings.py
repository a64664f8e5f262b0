"""Entity embeddings: what a network finds out about shops and weekdays by itself.

Sales of 60 shops.  Each shop is of one of three kinds (an office canteen, a market stall, a shop
like any other), which nobody tells the network: it sees a number.  The kind decides on which days
people come.  A table of a few columns for each category, trained with the rest, is enough to see it.

Guo and Berkhahn (2016), Entity embeddings of categorical variables, arXiv:1604.06737.
"""

from __future__ import annotations

import numpy as np

import fastnn as fnn

SHOPS, DAYS = 60, 7
KIND = np.arange(SHOPS) % 3  # hidden
WEEK = np.array(
    [
        [1.3, 1.4, 1.4, 1.3, 1.1, 0.1, 0.0],  # canteens: Monday to Friday
        [0.0, 0.1, 1.2, 0.1, 0.2, 2.2, 0.1],  # stalls: Wednesday, and Saturday above all
        [0.8, 0.8, 0.9, 0.9, 1.2, 1.5, 0.0],  # other shops
    ]
)


def make_rows(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return rows (shop, weekday, degrees) and sales."""
    size = np.random.default_rng(1).uniform(0.5, 2.0, SHOPS)  # of a shop, hidden too
    shop, day = rng.integers(SHOPS, size=n), rng.integers(DAYS, size=n)
    degrees = rng.normal(15, 8, n)
    warm = 1 + 0.02 * (degrees - 15) * (KIND[shop] == 1)  # stalls live on the weather
    sales = 100 * size[shop] * WEEK[KIND[shop], day] * warm + rng.normal(0, 5, n)
    return np.column_stack([shop, day, degrees]), sales


def one_hot(x: np.ndarray) -> np.ndarray:
    shop, day = x[:, 0].astype(int), x[:, 1].astype(int)
    return np.hstack([np.eye(SHOPS)[shop], np.eye(DAYS)[day], (x[:, 2:] - 15) / 8])


def network(seed: int) -> fnn.Model:
    x = fnn.Input(3, name="shop_day_degrees")
    codes, degrees = fnn.Split([2, 1])(x)
    h = fnn.Concatenate()(
        [
            fnn.Embedding([SHOPS, DAYS], [4, 3], name="entity")(codes),
            fnn.Normalization(15, 64)(degrees),
        ]
    )
    h = fnn.Dense(32, activation="relu")(h)
    h = fnn.Dense(16, activation="relu")(h)
    return fnn.Model(x, fnn.Normalization(invert=True)(fnn.Dense(1)(h)), seed=seed)


def main(seed: int = 0) -> None:
    rng = np.random.default_rng(seed)
    x, y = make_rows(6_000, rng)
    x_test, y_test = make_rows(2_000, rng)
    model = network(seed)
    print(model.summary())
