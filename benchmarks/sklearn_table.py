"""Our MLPRegressor and MLPClassifier beside scikit-learn's: how well they predict, how fast.

    python -m benchmarks.sklearn_table            # all, some minutes
    python -m benchmarks.sklearn_table iris       # those named
    python -m benchmarks.sklearn_table --dtype float64

Both get the same parameters (the defaults, but for the epochs of the large sets), the same rows and
the same seeds, and take turns within one run, each on a machine at rest: OpenBLAS's threads go on
spinning for a tenth of a second after a fit of scikit-learn's, so there is a pause before each.
scikit-learn's has the number of BLAS threads that is faster for the data at hand.  A row says
"loses" where ours predicts worse than the noise of the paired seeds allows (three standard errors)
or is not so much faster as we aim at: 10 times on small data, 3 times on large.
"""

from __future__ import annotations

import argparse
import statistics
import time
import warnings
from contextlib import nullcontext

import numpy as np
import sklearn.neural_network as theirs
from sklearn import datasets
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

import fastnn.sklearn as ours

SEEDS = 10
PAUSE = 0.2  # seconds until nobody's threads spin any more
LARGE = 10_000  # rows from which on the aim is that for large data
AIM_SMALL, AIM_LARGE = 10.0, 3.0
ERRORS = 3.0  # standard errors that count as noise


def large_classes():
    return datasets.make_classification(
        50_000, 20, n_informative=12, n_classes=3, class_sep=0.7, random_state=0
    )


def large_numbers():
    return datasets.make_friedman1(50_000, 20, noise=1.0, random_state=0)


# name: (loads x and y, whether they are classes, parameters)
SETS = {
    "diabetes": (lambda: datasets.load_diabetes(return_X_y=True), False, {}),
    "iris": (lambda: datasets.load_iris(return_X_y=True), True, {}),
    "wine": (lambda: datasets.load_wine(return_X_y=True), True, {}),
    "breast_cancer": (lambda: datasets.load_breast_cancer(return_X_y=True), True, {}),
    "digits": (lambda: datasets.load_digits(return_X_y=True), True, {}),
    "classes_50k": (large_classes, True, {"max_iter": 10}),
    "numbers_50k": (large_numbers, False, {"max_iter": 10}),
}


def fit(estimator, x, y):
    """Seconds that a fit took."""
    time.sleep(PAUSE)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        began = time.perf_counter()
        estimator.fit(x, y)
        return time.perf_counter() - began


def faster_blas(make, x, y):
    """The limit of BLAS threads with which scikit-learn's is faster on these rows."""
    seconds = {}
    for limit in (1, None):
        with threadpool_limits(limit) if limit else nullcontext():
            seconds[limit] = min(fit(make(max_iter=3), x, y) for _ in range(5))
    return min(seconds, key=seconds.get)


def row(name, dtype):
    load, is_classes, parameters = SETS[name]
    x, y = load()
    kind = "MLPClassifier" if is_classes else "MLPRegressor"
    their_kind, our_kind = getattr(theirs, kind), getattr(ours, kind)
    scores, seconds = ([], []), ([], [])
    limit = None
    for seed in range(SEEDS):
        parts = train_test_split(
            x, y, test_size=0.25, random_state=seed, stratify=y if is_classes else None
        )
        scaler = StandardScaler().fit(parts[0])
        train, test = scaler.transform(parts[0]), scaler.transform(parts[1])
        y_train, y_test = parts[2], parts[3]
        if not is_classes:
            mean, deviation = y_train.mean(), y_train.std()
            y_train, y_test = (y_train - mean) / deviation, (y_test - mean) / deviation
        if seed == 0:
            limit = faster_blas(their_kind, train, y_train)
            fit(our_kind(max_iter=3, dtype=dtype), train, y_train)
        both = [
            (0, their_kind(random_state=seed, **parameters)),
            (1, our_kind(random_state=seed, dtype=dtype, **parameters)),
        ]
        for who, estimator in both if seed % 2 else both[::-1]:
            with threadpool_limits(limit, "blas") if limit and who == 0 else nullcontext():
                seconds[who].append(fit(estimator, train, y_train))
            scores[who].append(estimator.score(test, y_test))
    difference = np.subtract(scores[1], scores[0])
    error = difference.std(ddof=1) / np.sqrt(SEEDS)
    ratio = statistics.median(a / b for a, b in zip(*seconds, strict=True))
    aim = AIM_LARGE if len(x) >= LARGE else AIM_SMALL
    losses = []
    if difference.mean() < -ERRORS * error:
        losses.append("predicts worse")
    if ratio < aim:
        losses.append(f"below {aim:g}x")
    return (
        f"| {name} | {len(train)} x {x.shape[1]} | {'accuracy' if is_classes else 'R²'} "
        f"| {np.mean(scores[0]):.4f} | {np.mean(scores[1]):.4f} "
        f"| {difference.mean():+.4f} ± {error:.4f} "
        f"| {1e3 * statistics.median(seconds[0]):.0f} | {1e3 * statistics.median(seconds[1]):.1f} "
        f"| {ratio:.1f} | {', '.join(losses) or '–'} |"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help=f"of {', '.join(SETS)}; all by default")
    parser.add_argument("--dtype", default="auto", choices=("auto", "float32", "float64"))
    options = parser.parse_args()
    for name in options.names:
        if name not in SETS:
            parser.error(f"there is no {name!r}; want some of {', '.join(SETS)}")
    print(
        "| data | trained on | score | theirs | ours | ours - theirs | theirs, ms | ours, ms "
        "| times faster | loses |\n|---|---|---|---|---|---|---|---|---|---|"
    )
    for name in options.names or SETS:
        print(row(name, options.dtype), flush=True)


if __name__ == "__main__":
    main()
