"""``fastnn train``: the options; the work is in table_training.py and cars.py."""

from __future__ import annotations

import argparse

from fastnn.cli.arguments import (
    Commands,
    Parser,
    add_command,
    check_out,
    fraction,
    layers,
    names,
    positive,
    whole,
)

__all__ = ["add"]

EXAMPLES = """\
  fastnn train cars.csv --target mpg --out cars.safetensors --report cars.html
      a network for a table: one file to predict with, one page to look at
  fastnn train flights/ --target delay --drop id --layers 128,64 --epochs 20
      a folder of Parquet files, larger than memory if need be
  fastnn train iris.csv --target species --config iris.toml
      options from a file; those of the command line win
  fastnn train auto-mpg
      the network 7-32-8-1: 40 epochs, batches of one row, as the article has it
  fastnn train auto-mpg --scale --drop passedemissions
      inputs of mean 0 and variance 1, without the column made from the answer
  fastnn train auto-mpg --layers 1 --batch-size 4 --epochs 30 --seed 2
      the article's 7-1-1, a network that often dies
  fastnn train auto-mpg --layers 64,64 --activation gelu --out my.safetensors
      a network of your own, kept: fastnn.load("my.safetensors").predict(rows)
"""

# Options that a table has, and the article's cars have not.
OF_TABLES = (
    *("task", "columns", "kind", "missing", "out_of_range", "sample_weight", "test_size", "test"),
    *("dropout", "loss", "optimizer", "patience", "validation_split", "report"),
)


def add(commands: Commands[Parser]) -> None:
    """Add the command."""
    train = add_command(
        commands,
        "train",
        run,
        help="train a network on a table and evaluate it",
        description="Trains a network on four fifths of a table, and evaluates it on the rest.\n"
        "Columns are typed, scaled and embedded by themselves; the file that --out\n"
        "writes knows them. Without --target: the article's networks on auto-mpg,\n"
        "beside linear regression.",
        examples=EXAMPLES,
    )
    train.add_argument(
        "data",
        metavar="DATA",
        nargs="?",
        help="a .csv, .parquet or .arrow file, a folder of Parquet, - for standard input, "
        "or auto-mpg, which comes with fastnn",
    )
    train.add_argument("--target", metavar="COLUMN", help="the column to predict")
    train.add_argument(
        "--config", metavar="FILE", help="options from a TOML file; the command line wins"
    )
    _add_network(train.add_argument_group("the network"))
    _add_training(train.add_argument_group("the training"))
    _add_columns(train.add_argument_group("the data"))
    _add_output(train.add_argument_group("the output"))


def _add_network(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--layers",
        type=layers,
        metavar="UNITS",
        help="units of the hidden layers, with commas between "
        "(default: 32,8) (with --target: 64,32)",
    )
    group.add_argument(
        "--activation",
        metavar="NAME",
        help="of the hidden layers: relu, tanh, gelu, ... (default: relu)",
    )
    group.add_argument(
        "--dropout", type=fraction, metavar="SHARE", help="after each of them (default: 0)"
    )
    group.add_argument("--dtype", choices=("float32", "float64"), help="(default: float32)")


def _add_training(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--epochs",
        type=whole(1),
        metavar="N",
        help="times over all rows (default: 40) (with --target: at most 200)",
    )
    group.add_argument(
        "--batch-size",
        type=whole(1),
        metavar="N",
        help="rows in a step (default: 1) (with --target: 32 to 512, by the rows)",
    )
    group.add_argument(
        "--learning-rate", type=positive, metavar="X", help="of the optimizer (default: 0.001)"
    )
    group.add_argument("--optimizer", metavar="NAME", help="adam, adamw, sgd, ... (default: adam)")
    group.add_argument(
        "--loss", metavar="NAME", help="mean_squared_error, huber, ... (default: by the task)"
    )
    group.add_argument(
        "--patience",
        type=whole(1),
        metavar="N",
        help="stop after so many epochs without a better validation loss (default: 20)",
    )
    group.add_argument(
        "--validation-split",
        type=fraction,
        metavar="SHARE",
        help="of the training rows, for that (default: 0.1)",
    )
    group.add_argument(
        "--seed",
        type=whole(0),
        metavar="N",
        help="of the split, the initial weights and the order of the rows (default: 0)",
    )


def _add_columns(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--task",
        choices=("regression", "classification"),
        help="(default: by the values of the target)",
    )
    group.add_argument(
        "--columns", type=names, metavar="A,B", help="to learn from (default: all others)"
    )
    group.add_argument(
        "--drop",
        action="append",
        metavar="COLUMN",
        help="leave a column out; may be given several times",
    )
    group.add_argument(
        "--kind",
        action="append",
        metavar="COLUMN=KIND",
        help="read a column as number or category; may be given several times",
    )
    group.add_argument(
        "--missing", choices=("impute", "error"), help="what to do then (default: impute)"
    )
    group.add_argument(
        "--out-of-range",
        choices=("warn", "count", "clip", "raise"),
        help="what predictions do with values that training has not seen (default: warn)",
    )
    group.add_argument(
        "--sample-weight", metavar="COLUMN", help="how much each row counts (default: 1)"
    )
    group.add_argument(
        "--test-size", type=fraction, metavar="SHARE", help="rows to hold out (default: 0.2)"
    )
    group.add_argument("--test", metavar="DATA", help="a table of its own for that")
    group.add_argument(
        "--scale",
        action="store_true",
        default=None,
        help="give each input column mean 0 and variance 1; tables with --target always are",
    )


def _add_output(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--out",
        metavar="FILE",
        help="save the network as a safetensors file; it takes rows as they are in the data, "
        "with --scale too",
    )
    group.add_argument("--report", metavar="FILE", help="write a page on it: an .html file")
    group.add_argument(
        "--quiet", action="store_true", default=None, help="show the evaluation alone"
    )


def run(arguments: argparse.Namespace) -> None:
    """Run the command."""
    if arguments.config is not None:
        from fastnn.cli.settings import fill

        fill(arguments, arguments.config)
    if arguments.data is None:
        raise ValueError("the following arguments are required: DATA (see fastnn train --help)")
    if arguments.out is not None:
        check_out(arguments.out)
    if arguments.report is not None:
        check_out(arguments.report, "--report", (".html", ".htm"))
    if arguments.target is not None:
        from fastnn.cli.table_training import train_on_table

        train_on_table(arguments)
        return
    if arguments.data != "auto-mpg":
        from fastnn.cli.tables import open_data

        columns = ", ".join(open_data(arguments.data).schema.names)
        raise ValueError(f"--target: name the column to predict; there are {columns}")
    for name in OF_TABLES:
        if getattr(arguments, name) is not None:
            raise ValueError(
                f"--{name.replace('_', '-')} needs --target: fastnn train auto-mpg --target mpg"
            )
    from fastnn.cli.cars import train_on_cars

    train_on_cars(arguments)
