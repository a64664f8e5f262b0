"""Types of arguments, and the checks that come before any work is done."""

from __future__ import annotations

import argparse
import math
import os
from collections.abc import Callable
from typing import NoReturn

__all__ = [
    "Commands",
    "Parser",
    "add_command",
    "add_data",
    "check_out",
    "fraction",
    "layers",
    "names",
    "positive",
    "whole",
]

DATA_HELP = "a .csv, .parquet or .arrow file, a folder of Parquet, - for standard input, auto-mpg"


class Parser(argparse.ArgumentParser):
    """An ArgumentParser whose errors are one line, the same for every command."""

    def error(self, message: str) -> NoReturn:
        """End with an error; `main` prints it."""
        raise ValueError(f"{message} (see {self.prog} --help)")


Commands = argparse._SubParsersAction  # of Parser


def add_command(
    commands: Commands[Parser],
    name: str,
    run: Callable[[argparse.Namespace], None],
    *,
    help: str,
    description: str,
    examples: str = "",
) -> Parser:
    """Add a command whose help ends with examples."""
    parser = commands.add_parser(
        name,
        help=help,
        description=description,
        epilog=f"examples:\n{examples}" if examples else None,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(command=run)
    return parser


def add_data(parser: argparse.ArgumentParser) -> None:
    """Add the table that a command reads."""
    parser.add_argument("data", metavar="DATA", help=DATA_HELP)


def whole(minimum: int) -> Callable[[str], int]:
    """Return a type of argument: a whole number of at least `minimum`, below 2**63."""

    def convert(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = minimum - 1
        if not minimum <= number < 2**63:
            raise argparse.ArgumentTypeError(
                f"want a whole number of at least {minimum}, got {text!r}"
            )
        return number

    return convert


def positive(text: str) -> float:
    """Type of argument: a finite number above 0."""
    number = _number(text)
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"want a number above 0, got {text!r}")
    return number


def fraction(text: str) -> float:
    """Type of argument: a number from 0 to below 1."""
    number = _number(text)
    if not 0 <= number < 1:
        raise argparse.ArgumentTypeError(f"want a number of at least 0 and below 1, got {text!r}")
    return number


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def layers(text: str) -> tuple[int, ...]:
    """Type of argument: "32,8"."""
    try:
        units = tuple(int(part) for part in text.split(","))
    except ValueError:
        units = (0,)
    if min(units) < 1:
        raise argparse.ArgumentTypeError(
            f"want whole numbers of at least 1 with commas between, such as 32,8, got {text!r}"
        )
    return units


def names(text: str) -> list[str]:
    """Type of argument: "weight,horsepower"."""
    found = [part.strip() for part in text.split(",")]
    if not all(found):
        raise argparse.ArgumentTypeError(f"want names with commas between, got {text!r}")
    return found


def check_out(path: str, option: str = "--out", endings: tuple[str, ...] = ()) -> None:
    """Refuse a file that cannot be written before the time is spent on training."""
    folder = os.path.dirname(path) or "."
    if not os.path.basename(path) or os.path.isdir(path):
        raise ValueError(f"{option}: want the name of a file, got {path!r}")
    if endings and not path.lower().endswith(endings):
        raise ValueError(f"{option}: want a name that ends in {', '.join(endings)}, got {path!r}")
    if not os.path.isdir(folder):
        raise ValueError(f"{option}: there is no folder {folder!r}")
    if not os.access(folder, os.W_OK):
        raise ValueError(f"{option}: the folder {folder!r} cannot be written to")
