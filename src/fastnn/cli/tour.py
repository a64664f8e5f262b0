"""``fastnn demo``: an article retold, then honest numbers."""

from __future__ import annotations

import argparse

from fastnn.cli.arguments import Commands, Parser, add_command, whole

__all__ = ["add"]


def add(commands: Commands[Parser]) -> None:
    """Add the command."""
    demo = add_command(
        commands,
        "demo",
        run,
        help="retell an article: two networks, then honest numbers over many seeds",
        description="Retells an article about Axon, a library for Elixir: it trains two\n"
        "networks on Auto MPG, then shows what they reach over many seeds.",
        examples="  fastnn demo --seeds 3                         three seeds: quicker\n",
    )
    demo.add_argument(
        "--seeds",
        type=whole(1),
        default=10,
        metavar="N",
        help="seeds in the table at the end (default: 10)",
    )
    demo.add_argument(
        "--seed", type=whole(0), default=0, metavar="N", help="the first seed (default: 0)"
    )


def run(arguments: argparse.Namespace) -> None:
    """Run it."""
    from fastnn import demo

    demo.run(seeds=arguments.seeds, seed=arguments.seed)
