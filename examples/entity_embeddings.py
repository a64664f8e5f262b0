"""Entity embeddings: what a network finds out about shops and weekdays by itself.

Sales of 60 shops.  Each shop is of one of three kinds (an office canteen, a market stall, a shop
like any other), which nobody tells the network: it sees a number.  The kind decides on which days
people come.  A table of a few columns for each category, trained with the rest, shows it.

Guo and Berkhahn (2016), Entity embeddings of categorical variables, arXiv:1604.06737.
"""

from __future__ import annotations

import numpy as np

import fastnn as fnn
from fastnn.graph import Tensor

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


def hidden(h: Tensor | fnn.Input) -> Tensor:
    """Add what both networks have in common; the last layer undoes the scaling of the sales."""
    h = fnn.Dense(32, activation="relu")(h)
    h = fnn.Dense(16, activation="relu")(h)
    return fnn.Normalization(invert=True, name="sales")(fnn.Dense(1)(h))


def plain(seed: int) -> fnn.Model:
    x = fnn.Input(SHOPS + DAYS + 1, name="one_hot")
    return fnn.Model(x, hidden(x), seed=seed)


def network(seed: int) -> fnn.Model:
    x = fnn.Input(3, name="row")
    codes, degrees = fnn.Split([2, 1], name="cut")(x)
    entity = fnn.Embedding([SHOPS, DAYS], [4, 3], name="entity")(codes)
    warmth = fnn.Normalization(mean=[15], variance=[64], name="warmth")(degrees)
    h = fnn.Concatenate(name="all")([entity, warmth])
    return fnn.Model(x, hidden(h), name="Entity embeddings", seed=seed)


def main(seed: int = 0) -> None:
    rng = np.random.default_rng(seed)
    x, y = make_rows(6_000, rng)
    x_test, y_test = make_rows(2_000, rng)
    scores = {}

    columns = np.c_[one_hot(x), np.ones(len(x))]
    weights = np.linalg.lstsq(columns, y, rcond=None)[0]
    found = np.c_[one_hot(x_test), np.ones(len(x_test))] @ weights
    scores["linear regression, one-hot"] = fnn.metrics.r2_score(y_test, found), weights.size

    model = network(seed)
    print(model.summary())
    for name, net, rows, rows_test in (
        ("network, one-hot", plain(seed), one_hot(x), one_hot(x_test)),
        ("network, embeddings", model, x, x_test),
    ):
        net.adapt(rows, y)  # degrees and sales: the network computes with means 0, variances 1
        fnn.Trainer(net, "mse", fnn.Adam(3e-3)).fit(rows, y, batch_size=64, epochs=40, verbose=0)
        r2 = fnn.metrics.r2_score(y_test, net.predict(rows_test))
        scores[name] = r2, net.count_parameters()

    print(f"\nR² on {len(x_test)} days that were not seen:\n")
    for name, (r2, size) in scores.items():
        print(f"{name:>26}  {r2:.3f}  with {size:,} parameters")

    # The nearest shop in the table that the network has made: is it of the same kind?
    table = model.parameters["entity/embeddings_0"]
    unit = table / np.linalg.norm(table, axis=1, keepdims=True)
    likeness = unit @ unit.T - 2 * np.eye(SHOPS)
    same = (KIND[likeness.argmax(axis=1)] == KIND).mean()
    chance = (SHOPS / 3 - 1) / (SHOPS - 1)
    print(f"\nThe shop most like it is of the same kind for {same:.0%} (by chance {chance:.0%})")


if __name__ == "__main__":
    main()
