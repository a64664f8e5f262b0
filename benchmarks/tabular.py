"""Tables beside arrays: reading a CSV, fitting, predicting a million rows in constant memory.

    python -m benchmarks.tabular

Three figures, each the median of some runs that take turns:

- a CSV of 100,000 x 20 read by fastnn.tabular and by pandas.read_csv;
- the fit of that table beside the plain Trainer.fit on arrays that are standardised already, with
  the same layers, rows, batches and epochs;
- the peak of resident memory of a process that predicts 1,000,000 and 3,000,000 rows of a CSV or
  Parquet file beside that of one that predicts 100,000.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np

ROWS, COLUMNS = 100_000, 20
EPOCHS = (10, 30)  # a usual fit has 21 or more, its patience is 20; in a short one the passes tell
MANY_ROWS = 1_000_000

PREDICT = """
import sys
from fastnn.tabular import load
def peak():  # VmHWM is of this process alone; ru_maxrss begins with that of its parent
    return int(open("/proc/self/status").read().split("VmHWM:")[1].split()[0])
estimator = load(sys.argv[1])
start = peak()
rows = sum(len(part) for part in estimator.predict_batches(sys.argv[2], out_of_range="count"))
print(rows, start, peak())
"""


def make_table(rows: int, seed: int = 0):
    """A table of numbers, and a target that follows from them."""
    import pyarrow as pa

    rng = np.random.default_rng(seed)
    x = rng.standard_normal((rows, COLUMNS)).round(4)
    y = np.sin(x[:, 0]) + x[:, 1] * x[:, 2] + 0.1 * rng.standard_normal(rows)
    columns = {f"x{i}": x[:, i] for i in range(COLUMNS)}
    return pa.table({**columns, "y": y.round(4)})


def take_turns(functions, repeats):
    """Median seconds of each function."""
    seconds = [[] for _ in functions]
    for _ in range(repeats):
        for function, found in zip(functions, seconds, strict=True):
            begin = time.perf_counter()
            function()
            found.append(time.perf_counter() - begin)
    return [statistics.median(found) for found in seconds]


def compare_reading(path, repeats):
    import pandas as pd

    from fastnn.tabular import open_table

    ours, theirs = take_turns(
        [lambda: open_table(path).for_fit(), lambda: pd.read_csv(path)], repeats
    )
    print(f"reading {ROWS} x {COLUMNS + 1} of CSV: {1e3 * ours:.0f} ms; ", end="")
    print(f"pandas.read_csv {1e3 * theirs:.0f} ms, {theirs / ours:.1f} times as long")


def compare_fitting(path, epochs, repeats):
    import fastnn as fnn
    from fastnn.tabular import TabularRegressor, open_table

    source = open_table(path).for_fit()
    table = source.table
    x = np.stack([table[f"x{i}"].to_numpy() for i in range(COLUMNS)], axis=1)
    x = ((x - x.mean(axis=0)) / x.std(axis=0)).astype(np.float32)
    y = table["y"].to_numpy()
    y = ((y - y.mean()) / y.std()).astype(np.float32)[:, None]
    batch_size = 64

    def fit_arrays():
        model = fnn.Sequential(
            [fnn.Input(COLUMNS), fnn.Dense(64, "relu"), fnn.Dense(32, "relu"), fnn.Dense(1)],
            seed=0,
        )
        trainer = fnn.Trainer(model, "mse", metrics=["r2_score"])
        stop = fnn.callbacks.EarlyStopping("val_loss", patience=epochs)
        trainer.fit(
            *(x, y),
            batch_size=batch_size,
            epochs=epochs,
            validation_split=0.1,
            callbacks=[stop],
            verbose=0,
        )

    def fit_table():
        TabularRegressor(seed=0, epochs=epochs, patience=epochs, batch_size=batch_size).fit(
            source, target="y"
        )

    arrays, tables = take_turns([fit_arrays, fit_table], repeats)
    print(f"fit of {epochs} epochs: table {tables:.3f} s, arrays {arrays:.3f} s, ", end="")
    print(f"{tables / arrays:.3f} times as long")


def measure_memory(folder):
    import pyarrow.csv as csv
    import pyarrow.parquet as parquet

    from fastnn.tabular import TabularRegressor

    model = os.path.join(folder, "model.safetensors")
    TabularRegressor(seed=0, epochs=1).fit(make_table(10_000), target="y").save(model)
    for ending, write in ((".csv", csv.write_csv), (".parquet", parquet.write_table)):
        for rows in (ROWS, MANY_ROWS, 3 * MANY_ROWS):
            path = os.path.join(folder, f"{rows}{ending}")
            write(make_table(rows), path)
            done = subprocess.run(
                [sys.executable, "-c", PREDICT, model, path],
                capture_output=True,
                text=True,
                check=True,
            )
            found, start, peak = map(int, done.stdout.split())
            assert found == rows
            size = os.path.getsize(path) / 2**20
            print(
                f"predicting {rows:9} rows of {ending} ({size:.0f} MiB): "
                f"peak {peak / 1024:.0f} MiB, {(peak - start) / 1024:.0f} above the start"
            )


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        import pyarrow.csv as csv

        path = os.path.join(folder, "table.csv")
        csv.write_csv(make_table(ROWS), path)
        compare_reading(path, arguments.repeats)
        for epochs in EPOCHS:
            compare_fitting(path, epochs, arguments.repeats)
        measure_memory(folder)


if __name__ == "__main__":
    main()
