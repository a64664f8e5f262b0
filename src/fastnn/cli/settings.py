"""Options from a TOML file: the same names, the same checks; the command line wins."""

from __future__ import annotations

import argparse
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

from fastnn._spec import lookup

__all__ = ["fill"]

TABLES = ("network", "training", "data", "output")  # as the help groups the options


def fill(arguments: argparse.Namespace, path: str) -> None:
    """Fill in what the command line does not say from the file.

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If it is no TOML, or has an unknown name or a value that its option refuses.
    """
    try:
        with open(path, "rb") as file:
            content = tomllib.load(file)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"--config: {path} is no TOML: {error}") from None
    options = vars(arguments).keys() - {"command", "config"}
    known = {name.replace("_", "-"): name for name in sorted(options)}
    argv = []
    for name, value in _flat(content):
        dest = lookup("option", name.replace("_", "-"), known, f"--config: {path}")
        argv += _words(f"--{dest.replace('_', '-')}", dest, value, path)
    from fastnn.cli.parser import make_parser

    try:
        found = make_parser().parse_args(["train", *argv])
    except ValueError as error:
        raise ValueError(f"--config: {path}: {error}") from None
    for name in options:
        if getattr(arguments, name) is None:
            setattr(arguments, name, getattr(found, name))


def _flat(content: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield names and values; the tables only group them."""
    for name, value in content.items():
        if isinstance(value, dict) and name in TABLES:
            yield from value.items()
        else:
            yield name, value


def _words(option: str, name: str, value: Any, path: str) -> list[str]:
    """Return an option as a command line has it."""
    if name == "data":
        return [str(value)]
    if isinstance(value, bool):
        if name not in ("scale", "quiet"):
            raise ValueError(f"--config: {path}: {option[2:]} takes no true or false")
        return [option] if value else []
    if name == "kind" and isinstance(value, dict):
        return [f"{option}={column}={kind}" for column, kind in value.items()]
    if isinstance(value, list):
        parts = [str(one) for one in value]
        if name in ("drop", "kind"):
            return [f"{option}={part}" for part in parts]
        return [f"{option}={','.join(parts)}"]
    if isinstance(value, dict):
        raise ValueError(f"--config: {path}: {option[2:]} is a table; want a value")
    if name in ("scale", "quiet"):
        raise ValueError(f"--config: {path}: {option[2:]} must be true or false, got {value!r}")
    return [f"{option}={value}"]
