"""``fastnn evaluate``: how good a model is on a table that has the target."""

from __future__ import annotations

import argparse

from fastnn.cli.arguments import Commands, Parser, add_command, add_data

__all__ = ["add"]

EXAMPLES = """\
  fastnn evaluate cars.safetensors test.csv
  fastnn evaluate cars.safetensors test.parquet --json | jq .r2_score
"""


def add(commands: Commands[Parser]) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "evaluate",
        run,
        help="show how good a model is on a table",
        description="Shows how good a model is on a table that has the target, read batch\n"
        "by batch.",
        examples=EXAMPLES,
    )
    parser.add_argument("model", metavar="MODEL", help="a file of fastnn train --target")
    add_data(parser)
    parser.add_argument(
        "--sample-weight", metavar="COLUMN", help="how much each row counts (default: 1)"
    )
    parser.add_argument("--json", action="store_true", help="print one object of JSON")


def run(arguments: argparse.Namespace) -> None:
    """Run the command."""
    from fastnn.cli.models import load_estimator
    from fastnn.cli.show import number, one_line_warnings, print_table
    from fastnn.cli.tables import open_data

    estimator = load_estimator(arguments.model)
    with one_line_warnings():
        values = estimator.evaluate(
            open_data(arguments.data), sample_weight=arguments.sample_weight
        )
    if arguments.json:
        import json

        print(json.dumps(values))
        return
    print_table(("metric", "value"), [(name, number(value)) for name, value in values.items()])
