"""Forty networks at once: cross-validation, a leaderboard, and the best of them as an ensemble.

Miles per gallon of the cars of Auto MPG, without the column that gives the answer away.  Five
layouts of the network, each on eight folds: a network is judged on the cars that it has not seen.
"""

from __future__ import annotations

import numpy as np

import fastnn as fnn

FOLDS = 8
LAYOUTS = [(4,), (16,), (64,), (32, 8), (64, 16)]


def network(columns: int, units: tuple[int, ...], seed: int) -> fnn.Sequential:
    hidden = [fnn.Dense(n, activation="relu") for n in units]
    return fnn.Sequential([fnn.Input(columns), *hidden, fnn.Dense(1)], seed=seed)


def main(seed: int = 0) -> None:
    train, test = fnn.datasets.load_auto_mpg().split(0.8, seed=seed)
    x, x_test = train.x[:, 1:], test.x[:, 1:]  # the first column says whether mpg > 18
    mean, std = x.mean(axis=0), x.std(axis=0)
    x, x_test = (x - mean) / std, (x_test - mean) / std

    shuffled = np.random.default_rng(seed).permutation(len(x))
    folds = [np.setdiff1d(shuffled, shuffled[k::FOLDS]) for k in range(FOLDS)]
    jobs = [(units, k) for units in LAYOUTS for k in range(FOLDS)]
    trainers = [
        fnn.Trainer(
            network(x.shape[1], units, seed=seed + k), "mse", fnn.Adam(3e-3), metrics=["mae"]
        )
        for units, k in jobs
    ]
    # All of them read the same arrays, each the rows of its fold; one network a core at a time.
    fits = fnn.fit_many(
        trainers,
        x,
        train.y,
        rows=[folds[k] for _, k in jobs],
        batch_size=16,
        epochs=100,
        held_out=True,
        verbose=0,
    )

    print(f"{len(fits)} networks on {len(x)} cars. The best five, by the cars they had not seen:\n")
    board = fits.leaderboard()
    print(board[:5])

    print(f"\nMean absolute error on those cars, over the {FOLDS} folds of a layout:\n")
    errors = np.array([scores["mean_absolute_error"] for scores in fits.held_out])
    for units, row in zip(LAYOUTS, errors.reshape(len(LAYOUTS), FOLDS), strict=True):
        print(f"{'-'.join(map(str, units)):>8}  {row.mean():.3f} ± {row.std():.3f}")

    ensemble = fits.ensemble(best=20)
    y, spread = ensemble.predict(x_test, return_std=True)
    single = fits.models[board[0].job].predict(x_test)
    print(f"\nOn {len(x_test)} cars that none has seen, mean absolute error:\n")
    for name, found in (("best", single), (f"mean of {len(ensemble)}", y)):
        error = fnn.metrics.mean_absolute_error(test.y, found)
        print(f"{name:>10}  {error:.3f}")

    print("\nThe first five of them, and how far the networks are apart:\n")
    for i in range(5):
        print(f"{test.y[i].item():6.1f} mpg, predicted {y[i, 0]:.1f} ± {spread[i, 0]:.1f}")


if __name__ == "__main__":
    main()
