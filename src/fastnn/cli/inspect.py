"""``fastnn inspect``: what is in a file of a model."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from fastnn.cli.arguments import Commands, Parser, add_command

if TYPE_CHECKING:
    from fastnn.cli.models import Estimator

__all__ = ["add"]

EXAMPLES = """\
  fastnn inspect cars.safetensors
"""


def add(commands: Commands[Parser]) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "inspect",
        run,
        help="show what is in a file: layers, columns, metrics, versions",
        description="Shows what is in a file of fastnn: the layers of the network, and if it\n"
        "was trained on a table, its columns, metrics and versions.",
        examples=EXAMPLES,
    )
    parser.add_argument("model", metavar="MODEL", help="a file that fastnn has saved")


def run(arguments: argparse.Namespace) -> None:
    """Run the command."""
    import os

    from fastnn import demo
    from fastnn.cli.models import load_any

    model, estimator = load_any(arguments.model)
    size = os.path.getsize(arguments.model)
    if estimator is None:
        print(f"{arguments.model}: a network, {model.dtype}, {size:,} bytes\n")
    else:
        print(
            f"{arguments.model}: {type(estimator).__name__} of {estimator.target_.name} "
            f"from {len(estimator.schema_)} columns, {model.dtype}, {size:,} bytes\n"
        )
        _show_table(estimator, arguments.model)
    print(demo.table(model))  # type: ignore[arg-type]  # any model has a summary


def _show_table(estimator: Estimator, path: str) -> None:
    """Print columns, metrics, versions."""
    from fastnn.cli.show import print_table, print_values
    from fastnn.tabular.file import read

    print_table(
        ("column", "kind", "values in training", "missing"),
        [
            (column.name, column.kind, column.describe_range(), str(column.missing))
            for column in estimator.schema_
        ],
        left=3,
    )
    classes = getattr(estimator, "classes_", None)
    if classes is not None:
        shown = ", ".join(str(one) for one in classes[:20])
        print(f"\nClasses: {shown}{', ...' if len(classes) > 20 else ''}")
    if estimator.metrics_:
        print("\nOn the rows it was validated with:")
        print_values(estimator.metrics_)
    _, facts = read(path)
    versions = ", ".join(f"{name} {one}" for name, one in facts["versions"].items())
    epochs = len(estimator.history_.epoch)
    print(
        f"\nTrained on {estimator.rows_:,} rows in {epochs} epochs, seed {estimator.seed_}; "
        f"{versions}\n"
    )
