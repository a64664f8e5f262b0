"""Monotone networks: what is known about the direction of an effect is kept, whatever the data say.

A heavier car of the same kind does not go farther on a gallon.  A network that only sees some cars
may say so all the same, between them and beyond.  Where every kernel on the way from an input is
non-negative and every activation rises, so does the output with that input: it cannot.  Of Auto
MPG, three columns may only lower mpg, the year may only raise it, the acceleration may do as it
likes.

Daniels and Velikova (2010), Monotone and partially monotone neural networks, IEEE Transactions on
Neural Networks 21.
"""

from __future__ import annotations

import numpy as np

import fastnn as fnn

COLUMNS = ["horsepower", "displacement", "weight", "modelyear", "acceleration"]
DIRECTION = np.array([-1.0, -1.0, -1.0, 1.0, 1.0])  # the last one is free: its sign means nothing
CARS = 60  # to train on: few, as where such knowledge helps
EPOCHS = 100


def rising(units: int, name: str | None = None) -> fnn.Dense:
    """Return a layer whose outputs rise with each input; tanh also bends both ways."""
    return fnn.Dense(units, activation="tanh", kernel_constraint="non_negative", name=name)


def monotone(seed: int) -> fnn.Model:
    x = fnn.Input(len(COLUMNS), name="car")
    known, free = fnn.Split([4, 1], name="cut")(x)
    free = fnn.Dense(8, activation="tanh", name="free")(free)
    h = rising(16)(fnn.Concatenate(name="all")([known, free]))
    mpg = fnn.Dense(1, kernel_constraint="non_negative", name="mpg")(rising(8)(h))
    return fnn.Model(x, fnn.Normalization(invert=True, name="units")(mpg), seed=seed)


def plain(seed: int) -> fnn.Sequential:
    hidden = [fnn.Dense(16, activation="tanh"), fnn.Dense(8, activation="tanh")]
    layers = [fnn.Input(len(COLUMNS)), *hidden, fnn.Dense(1), fnn.Normalization(invert=True)]
    return fnn.Sequential(layers, seed=seed)


def share_that_turns(model: fnn.Model, x: np.ndarray, column: int) -> float:
    """Return for how many rows mpg falls somewhere while the column alone rises."""
    steps = np.linspace(-3, 3, 61)
    rows = np.repeat(x[:, None], len(steps), axis=1)
    rows[:, :, column] = steps
    curves = model.predict(rows.reshape(-1, x.shape[1])).reshape(len(x), len(steps))
    return (np.diff(curves, axis=1) < -1e-3).any(axis=1).mean()  # a thousandth of a mile


def main(draws: int = 8) -> None:
    cars = fnn.datasets.load_auto_mpg()
    columns = cars.x[:, [cars.feature_names.index(name) for name in COLUMNS]]
    errors: dict[str, list[float]] = {"linear": [], "plain": [], "monotone": []}
    turns: dict[str, list[list[float]]] = {"plain": [], "monotone": []}
    for seed in range(draws):
        order = np.random.default_rng(seed).permutation(len(columns))
        train, test = order[:CARS], order[CARS:]
        mean, deviation = columns[train].mean(axis=0), columns[train].std(axis=0)
        x = (columns - mean) / deviation * DIRECTION
        wide = np.c_[x, np.ones(len(x))]
        found = {"linear": wide @ np.linalg.lstsq(wide[train], cars.y[train], rcond=None)[0]}
        for name, build in (("plain", plain), ("monotone", monotone)):
            model = build(seed)
            model.adapt(x[train], cars.y[train])
            trainer = fnn.Trainer(model, "mse", fnn.Adam(3e-3))
            trainer.fit(x[train], cars.y[train], batch_size=10, epochs=EPOCHS, verbose=0)
            found[name] = model.predict(x)
            turns[name].append([share_that_turns(model, x[test], column) for column in range(4)])
        for name, mpg in found.items():
            errors[name].append(fnn.metrics.mean_absolute_error(cars.y[test], mpg[test]))

    print(f"{CARS} cars to train on, drawn {draws} times; mean absolute error on the others:\n")
    for name, values in errors.items():
        print(f"{name:>12}  {np.mean(values):.3f} ± {np.std(values):.3f} mpg")

    print("\nFor how many of them mpg goes the wrong way as one column changes:\n")
    print(f"{'':>12}  plain  monotone")
    shares = {name: np.mean(values, axis=0) for name, values in turns.items()}
    for i, column in enumerate(COLUMNS[:4]):
        print(f"{column:>12}  {shares['plain'][i]:>5.0%}  {shares['monotone'][i]:>8.0%}")


if __name__ == "__main__":
    main()
