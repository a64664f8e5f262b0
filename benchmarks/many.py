"""How `fit_many` scales: ``python benchmarks/many.py [--rounds N] [--networks N] [--epochs N]``.

64 networks of 7-32-8-1 on the 392 cars of Auto MPG, on one worker and on as many as there are
cores.  Wall time, in rounds that take turns (one worker, all, one, all, ...); the ratio is of two
neighbours, and what is printed is the median of the rounds, their range, and the ratio of the best
times, which other programs on the machine disturb least.

A fit of 20 epochs at batch 32 takes about half a millisecond, so what a job costs in Python, some
20 us that the workers must take turns for, shows there first; five times as many epochs hide it.
"""

from __future__ import annotations

import os

# Read when NumPy loads its BLAS, so before anything here imports NumPy.
os.environ.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1", MKL_NUM_THREADS="1")

import argparse
import statistics
import time

import fastnn as fnn


def trainers(networks: int) -> list[fnn.Trainer]:
    layers = [(32, "relu"), (8, "relu"), (1, "linear")]
    return [
        fnn.Trainer(
            fnn.Sequential(
                [fnn.Input(7), *(fnn.Dense(units, activation) for units, activation in layers)],
                seed=seed,
            ),
            "mse",
        )
        for seed in range(networks)
    ]


def measure(batch_size: int, networks: int, epochs: int, rounds: int, workers: int) -> str:
    cars = fnn.datasets.load_auto_mpg()
    x = (cars.x - cars.x.mean(axis=0)) / cars.x.std(axis=0)
    crew = trainers(networks)
    times: dict[int, list[float]] = {1: [], workers: []}
    for _ in range(rounds + 1):
        for count, found in times.items():
            began = time.perf_counter()
            fnn.fit_many(
                crew,
                x,
                cars.y,
                batch_size=batch_size,
                epochs=epochs,
                workers=count,
                verbose=0,
            )
            found.append(time.perf_counter() - began)
    one, all_ = times[1][1:], times[workers][1:]  # the first round warms up
    ratios = [a / b for a, b in zip(one, all_, strict=True)]
    steps = -(-len(x) // batch_size) * epochs
    return (
        f"batch {batch_size:2}, {epochs:3} epochs: "
        f"{workers} workers {statistics.median(ratios):.2f}x one "
        f"({min(ratios):.2f} - {max(ratios):.2f}; best times {min(one) / min(all_):.2f}x), "
        f"{1e3 * min(one) / networks:.2f} ms a network on one worker, "
        f"{1e6 * min(one) / networks / steps:.2f} us a step"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="How fit_many scales with its workers.")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--networks", type=int, default=64)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--workers", type=int, default=max(2, fnn.get_num_threads()))
    given = parser.parse_args()
    for batch_size, epochs in ((1, given.epochs), (32, given.epochs), (32, 5 * given.epochs)):
        print(measure(batch_size, given.networks, epochs, given.rounds, given.workers))


if __name__ == "__main__":
    main()
