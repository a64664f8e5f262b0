"""``fastnn export``: a network for other programs."""

from __future__ import annotations

import argparse

from fastnn.cli.arguments import Commands, Parser, add_command, check_out

__all__ = ["add"]

EXAMPLES = """\
  fastnn export cars.safetensors --to onnx --out cars.onnx
  fastnn export cars.safetensors --to c --out cars.c
"""


def add(commands: Commands[Parser]) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "export",
        run,
        help="write a network as ONNX or as a C file",
        description="Writes a network as an ONNX file, or as one C99 file that needs libm alone.",
        examples=EXAMPLES,
    )
    parser.add_argument("model", metavar="MODEL", help="a file that fastnn has saved")
    parser.add_argument("--to", required=True, choices=("onnx", "c"), help="the format")
    parser.add_argument("--out", required=True, metavar="FILE", help="the file to write")


def run(arguments: argparse.Namespace) -> None:
    """Run the command."""
    check_out(arguments.out)
    from fastnn.cli.models import load_any

    model, estimator = load_any(arguments.model)
    if arguments.to == "onnx":
        model.export_onnx(arguments.out)
    else:
        model.export_c(arguments.out)
    print(f"Written to {arguments.out}")
    if estimator is not None:
        from fastnn.tabular.recipe import inputs_of, outputs_of

        lines = inputs_of(estimator.schema_)
        print(f"It is the network alone: it reads {len(lines)} numbers a row,")
        for i, line in enumerate(lines):
            print(f"{i:4}  {line}")
        print(f"and gives {outputs_of(estimator)}.")
