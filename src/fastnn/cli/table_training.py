"""``fastnn train DATA --target COLUMN``: an estimator for a table, judged on held-out rows."""

from __future__ import annotations

import argparse
import sys
import time
from typing import TYPE_CHECKING, Any

from fastnn.callbacks import LambdaCallback
from fastnn.cli.show import one_line_warnings, print_values
from fastnn.cli.tables import find_task, open_data, split
from fastnn.tabular import Source, TabularClassifier, TabularRegressor

if TYPE_CHECKING:
    from fastnn.cli.models import Estimator

__all__ = ["train_on_table"]

# Of the command line, and of the estimators; what is not given is theirs to choose.
OPTIONS = {
    "layers": "hidden",
    **{
        name: name
        for name in (
            *("activation", "dropout", "loss", "optimizer", "epochs", "batch_size", "patience"),
            *("learning_rate", "validation_split", "missing", "out_of_range", "columns", "drop"),
            *("dtype",),
        )
    },
}
TEST_SIZE = 0.2


def train_on_table(arguments: argparse.Namespace) -> None:
    """Train, evaluate, save, report."""
    if arguments.scale:
        raise ValueError("--scale: with --target the columns always are scaled; leave it out")
    if arguments.test is not None and arguments.test_size is not None:
        raise ValueError("want --test-size or --test, not both")
    if arguments.report is not None:
        _check_plots()
    with one_line_warnings():
        _train(arguments)


def _check_plots() -> None:
    """Refuse a report that cannot be drawn before the time is spent on training."""
    from fastnn.html_report.svg import new_figure

    new_figure()


def _train(arguments: argparse.Namespace) -> None:
    began = time.perf_counter()
    quiet, target = bool(arguments.quiet), arguments.target
    seed = 0 if arguments.seed is None else arguments.seed
    whole = open_data(arguments.data).for_fit()
    found, reason = find_task(whole, target)
    task = arguments.task or found
    train, test = whole, None
    if arguments.test is not None:
        test = open_data(arguments.test)
    elif arguments.test_size != 0:
        train, test = split(whole, arguments.test_size or TEST_SIZE, seed, target)
    estimator = make_estimator(arguments, task, seed)
    if arguments.test is not None:
        estimator.callbacks = (
            LambdaCallback(on_train_begin=lambda _: check_test(estimator, test)),
        )
    if arguments.report is not None and test is None:
        raise ValueError("--report: shows held-out rows; give --test, or --test-size above 0")
    if not quiet:
        held = "" if test is None or test.rows is None else f", {test.rows:,} held out"
        rows = "" if train.rows is None else f"{train.rows:,} rows to train on{held}; "
        print(f"{whole.name}: {rows}{task} of {target}")
        if arguments.task is None:
            other = "regression" if task == "classification" else "classification"
            print(f"({reason}; --task {other} if that is not meant)")
        print()
        sys.stdout.flush()
    estimator.fit(train, target, sample_weight=arguments.sample_weight)
    if not quiet:
        _tell(estimator, time.perf_counter() - began)
    values = judge(estimator, test)
    if arguments.out is not None:
        estimator.save(arguments.out)
        if not quiet:
            print(f"Saved as {arguments.out}")
    if arguments.report is not None and test is not None:
        from fastnn.cli.reporting import report

        report(arguments.report, estimator, test, values, arguments.data, seed)
        if not quiet:
            print(f"Report in {arguments.report}")


def make_estimator(arguments: argparse.Namespace, task: str, seed: int) -> Estimator:
    """Return the estimator that the options describe."""
    options: dict[str, Any] = {}
    for name, theirs in OPTIONS.items():
        value = getattr(arguments, name, None)
        if value is not None:
            options[theirs] = value
    if options.get("learning_rate") is not None and "optimizer" not in options:
        options["optimizer"] = "adam"
    kinds = getattr(arguments, "kind", None)
    if kinds is not None:
        options["kinds"] = dict(map(_kind, kinds))
    kind = TabularClassifier if task == "classification" else TabularRegressor
    return kind(seed=seed, verbose=0 if arguments.quiet else 1, **options)


def check_test(estimator: Estimator, test: Any) -> None:
    """Refuse a broken table to test with before the time is spent on training."""
    source = estimator._open(test, "--test", [estimator.target_.name])
    names = [estimator.target_.name, *(column.name for column in estimator.schema_)]
    if source.again and not sum(batch.num_rows for batch in source.batches(names)):
        raise ValueError(f"--test: {source.name} has no rows")


def _kind(text: str) -> tuple[str, str]:
    column, equals, kind = text.rpartition("=")
    if not equals or not column or not kind:
        raise ValueError(f"--kind: want COLUMN=KIND, such as modelyear=category, got {text!r}")
    return column, kind


def _tell(estimator: Estimator, seconds: float) -> None:
    history = estimator.history_
    parameters = estimator.model_.summary().total_parameters
    print(
        f"\n{len(history.epoch)} epochs in {sum(history.seconds):.3g} s, {seconds:.3g} s in all; "
        f"{parameters:,} parameters, {len(estimator.schema_)} columns\n"
    )


def judge(estimator: Estimator, test: Source | None) -> dict[str, float]:
    """Print and return the metrics over the test rows, or else over the validation rows."""
    if test is None:
        if not estimator.metrics_:
            return {}
        print("On the rows it was validated with:")
        print_values(estimator.metrics_)
        return estimator.metrics_
    # Held-out rows a little beyond the training range are no surprise, nor a reason to stop.
    policy = "clip" if estimator.out_of_range == "clip" else "count"
    values = estimator.evaluate(test, out_of_range=policy)
    rows = "" if test.rows is None else f"{test.rows:,} "
    print(f"On the {rows}rows it has not seen:")
    print_values(values)
    sys.stdout.flush()
    return values
