"""The command ``fastnn``: train on tables, predict, evaluate, inspect, export, compare.

A file a command.  Only the standard library is loaded here; each command loads what it needs.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from fastnn.cli.parser import make_parser

if TYPE_CHECKING:
    import argparse

__all__ = ["main"]

EXIT_ERROR, EXIT_INTERRUPTED, EXIT_BROKEN_PIPE = 2, 130, 141  # as shells count signals


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code.

    Parameters
    ----------
    argv : sequence of str, optional
        The arguments; those of the process by default.

    Returns
    -------
    int
        0, or 2 after an error, 130 after Ctrl-C, 141 if whoever reads the output has gone.

    Examples
    --------
    >>> from fastnn.cli import main
    >>> main(["train", "mpg"])
    2
    """
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")  # R² in an encoding that lacks the sign
    try:
        code = run(argv)
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        # What is still buffered has nowhere to go; else Python would complain of it at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_BROKEN_PIPE
    except KeyboardInterrupt:
        print("\nfastnn: interrupted", file=sys.stderr)
        return EXIT_INTERRUPTED
    except MemoryError:
        print("fastnn: error: there is not enough memory for this network", file=sys.stderr)
        return EXIT_ERROR
    except (ValueError, ArithmeticError, OSError, ImportError) as error:
        print(f"fastnn: error: {one_line(error)}", file=sys.stderr)
        return EXIT_ERROR


def one_line(error: Exception) -> str:
    """Return what an error says, in one line; of the system's, the file and what is wrong."""
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        return f"{error.filename}: {error.strerror}"
    text = str(error)
    return " ".join(text.split()) if "\n" in text else text


def run(argv: Sequence[str] | None) -> int:
    """Parse the arguments and run the command."""
    try:
        arguments = make_parser().parse_args(argv)
    except SystemExit as end:  # after --help and --version
        return int(end.code or 0)
    command: Callable[[argparse.Namespace], None] = arguments.command
    command(arguments)
    return 0
