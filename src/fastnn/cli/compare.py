"""``fastnn compare``: a linear model, our network and scikit-learn's on one table."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from fastnn.cli.arguments import Commands, Parser, add_command, add_data, fraction, layers, whole

if TYPE_CHECKING:
    from fastnn.cli.contest import Entry, Result

__all__ = ["add"]

EXAMPLES = """\
  fastnn compare auto-mpg --target mpg --drop passedemissions
  fastnn compare iris.csv --target species
"""


def add(commands: Commands[Parser]) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "compare",
        run,
        help="hold a linear model, our network and scikit-learn's against each other",
        description="Fits linear (or logistic) regression, our network and, if it is there,\n"
        "scikit-learn's MLP to one table with the same rows held out, one after\n"
        "another, each in a process of its own, and shows what they reach and take.",
        examples=EXAMPLES,
    )
    add_data(parser)
    parser.add_argument("--target", required=True, metavar="COLUMN", help="what to predict")
    parser.add_argument(
        "--task",
        choices=("regression", "classification"),
        help="(default: by the values of the target)",
    )
    parser.add_argument(
        "--drop",
        action="append",
        default=[],
        metavar="COLUMN",
        help="leave a column out; may be given several times",
    )
    parser.add_argument(
        "--layers", type=layers, default=(64, 32), metavar="UNITS", help="(default: 64,32)"
    )
    parser.add_argument(
        "--epochs", type=whole(1), default=200, metavar="N", help="at most (default: 200)"
    )
    parser.add_argument(
        "--test-size",
        type=fraction,
        default=0.2,
        metavar="SHARE",
        help="rows to hold out (default: 0.2)",
    )
    parser.add_argument(
        "--seed", type=whole(0), default=0, metavar="N", help="of all of them (default: 0)"
    )


def run(arguments: argparse.Namespace) -> None:
    """Run the command."""
    from importlib.util import find_spec

    from fastnn.cli.contest import CONTESTANTS, hold
    from fastnn.cli.show import print_table

    entry, y_test, title = _enter(arguments)
    print(f"{title}\n", flush=True)
    absent = find_spec("sklearn") is None
    rows = []
    for name in CONTESTANTS:
        if name == "scikit-learn MLP" and absent:
            continue
        shown = name if name != "linear" or not entry.classes else "logistic"
        result = hold(name, entry)
        rows.append(
            (f"{shown} regression" if name == "linear" else shown, *_row(result, entry, y_test))
        )
    header = ("accuracy", "log loss") if entry.classes else ("R²", "mean abs. error")
    print_table(("model", *header, "fit", "predict", "memory"), rows)
    print(
        "\nScores on the held-out rows; one seed says little. The times are of one run;\n"
        "memory is what came on top of the data and the code."
    )
    if absent:
        print("scikit-learn is not installed, and so not in the table.")


def _enter(arguments: argparse.Namespace) -> tuple[Entry, Any, str]:
    """Return what all are given, the targets of the test rows, and a line that says so."""
    import numpy as np

    from fastnn._spec import lookup
    from fastnn.cli.contest import Entry
    from fastnn.cli.design import design
    from fastnn.cli.tables import find_task, open_data, read_all, split
    from fastnn.tabular.target import ClassTarget, NumberTarget

    target = arguments.target
    whole = open_data(arguments.data).for_fit()
    task, _ = find_task(whole, target)
    task = arguments.task or task
    names = whole.schema.names
    for name in arguments.drop:
        lookup("column", name, dict.fromkeys(names), "--drop")
    kept = [name for name in names if name not in arguments.drop and name != target]
    if not kept:
        raise ValueError("--drop: no columns are left")
    train, test = (
        read_all(part, [*kept, target])
        for part in split(whole, arguments.test_size, arguments.seed, target)
    )
    arrays = [table.column(target).combine_chunks() for table in (train, test)]
    classes = 0
    if task == "classification":
        classed = ClassTarget(target, arrays[0].type, "compare")
        for array in arrays:  # a class of the test rows alone is a class, too
            classed.update(array)
        classed.finish()
        classes = len(classed.classes)
        y, y_test = (classed.encode(array, "compare") for array in arrays)
    else:
        number = NumberTarget(target, arrays[0].type, "compare")
        number.update(arrays[0])
        number.finish(False)
        y, y_test = (number.encode(one, np.float64, "compare", scaled=False) for one in arrays)
    x, x_test = design(train, test, kept)
    options = {"hidden": arguments.layers, "epochs": arguments.epochs}
    entry = Entry(train, test, x, x_test, y, classes, target, options, arguments.seed)
    title = (
        f"{whole.name}: {task} of {target} from {len(kept)} columns; "
        f"{len(y):,} rows to train on, {len(y_test):,} held out"
    )
    return entry, y_test, title


def _row(result: Result, entry: Entry, y_test: Any) -> tuple[str, ...]:
    """Return the cells of a contestant."""
    from fastnn import metrics
    from fastnn.report import format_seconds

    p = result.predictions
    if entry.classes:
        scores = metrics.accuracy(y_test, p), metrics.log_loss(y_test, p)
    else:
        scores = metrics.r2_score(y_test, p), metrics.mean_absolute_error(y_test, p)
    memory = "-" if result.memory is None else f"{result.memory / 2**20:.1f} MiB"
    return (
        *(f"{value:.4f}" for value in scores),
        format_seconds(result.seconds),
        format_seconds(result.predict_seconds),
        memory,
    )
