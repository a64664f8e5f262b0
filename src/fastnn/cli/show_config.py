"""``fastnn config``: what this build is."""

from __future__ import annotations

import argparse

from fastnn.cli.arguments import Commands, Parser, add_command

__all__ = ["add"]

EXAMPLES = """\
  fastnn config
  FASTNN_ISA=avx2 FASTNN_NUM_THREADS=1 fastnn config
"""


def add(commands: Commands[Parser]) -> None:
    """Add the command."""
    add_command(
        commands,
        "config",
        run,
        help="show version, instruction sets, compiler, threads",
        description="Shows what this build is and what it uses on this machine.",
        examples=EXAMPLES,
    )


def run(_: argparse.Namespace) -> None:
    """Run it."""
    from fastnn.config import show_config

    show_config()
