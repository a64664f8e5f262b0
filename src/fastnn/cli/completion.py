"""``fastnn completion``: a script with which a shell completes commands and options."""

from __future__ import annotations

import argparse

from fastnn.cli.arguments import Commands, Parser, add_command

__all__ = ["add"]

EXAMPLES = """\
  fastnn completion bash > ~/.local/share/bash-completion/completions/fastnn
  fastnn completion zsh > ~/.zfunc/_fastnn      with fpath+=~/.zfunc in ~/.zshrc
"""


def add(commands: Commands[Parser]) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "completion",
        run,
        help="print a completion script for a shell",
        description="Prints a script that completes commands and options in a shell.",
        examples=EXAMPLES,
    )
    parser.add_argument("shell", choices=("bash", "zsh", "tcsh"))


def run(arguments: argparse.Namespace) -> None:
    """Run it."""
    try:
        import shtab
    except ImportError as error:
        raise ImportError(
            f"completion needs shtab, which cannot be imported ({error}); "
            f'pip install "fastnn-core[completion]"'
        ) from None
    from fastnn.cli.parser import make_parser

    parser = make_parser()
    _complete_files(parser, shtab.FILE)
    print(shtab.complete(parser, arguments.shell))


def _complete_files(parser: argparse.ArgumentParser, how: object) -> None:
    """Tell which arguments are names of files."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for inner in action.choices.values():
                _complete_files(inner, how)
        elif action.metavar in ("DATA", "FILE", "MODEL"):
            action.complete = how  # type: ignore[attr-defined]
