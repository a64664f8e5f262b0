"""The parser of the whole command line: one module a command."""

from __future__ import annotations

import argparse

from fastnn import __version__
from fastnn.cli import (
    benchmark,
    compare,
    completion,
    evaluate,
    export,
    inspect,
    predict,
    show_config,
    tour,
    train,
)
from fastnn.cli.arguments import Parser

__all__ = ["make_parser"]

EXAMPLES = """\
examples:
  fastnn train cars.csv --target mpg --out cars.safetensors --report cars.html
  fastnn predict cars.safetensors new.csv --out predictions.parquet
  fastnn evaluate cars.safetensors test.csv
  fastnn inspect cars.safetensors
  fastnn train auto-mpg                         train a network 7-32-8-1
  fastnn train auto-mpg --scale                 scaled inputs: usually better
  fastnn train auto-mpg --out cars.safetensors  keep it for fastnn.load
  fastnn demo                                   a tour, and honest numbers
"""


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    parser = Parser(
        prog="fastnn",
        description="Small neural networks on the CPU, trained by compiled kernels.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"fastnn {__version__}")
    parser.set_defaults(command=lambda _: parser.print_help())
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for module in (train, predict, evaluate, inspect, export, compare, benchmark):
        module.add(commands)
    for module in (tour, show_config, completion):
        module.add(commands)
    return parser
