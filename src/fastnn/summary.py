"""A model as a table and as a graph, from what the model tells of its layers."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple, cast

from fastnn._spec import lookup

if TYPE_CHECKING:
    from fastnn.model import Model

__all__ = ["Flowchart", "LayerInfo", "Summary", "describe_layers", "mermaid", "summarize"]

HEADER = ("Layer", "Input shape", "Output shape", "Options", "Parameters")
LEFT = "text-align:left;vertical-align:top"
_DTYPES = {"float32": ("f32", 4), "float64": ("f64", 8)}

Shape = tuple[int | None, ...]


class LayerInfo(NamedTuple):
    """What a summary says of one layer.

    Attributes
    ----------
    name : str
        The layer's name in the model.
    kind : str
        "input", "dense", ...
    input_shape : tuple or None
        None stands for the number of rows within a shape; None alone for no input.
    output_shape : tuple
    options : mapping of str to object
    parameters : mapping of str to shape
    reads : tuple of int, optional
        The rows of the table that it reads; the one before it if not given.
    """

    name: str
    kind: str
    input_shape: Shape | tuple[Shape, ...] | None
    output_shape: Shape | tuple[Shape, ...]
    options: Mapping[str, object] = {}
    parameters: Mapping[str, tuple[int, ...]] = {}
    reads: tuple[int, ...] | None = None

    @property
    def label(self) -> str:
        """Name and kind, as in ``dense_0 ( dense )``."""
        return f"{self.name} ( {self.kind} )"


def describe_layers(model: Model) -> list[LayerInfo]:
    """Return what a summary says of each layer of a model, a row for each use."""
    found: list[LayerInfo] = []
    seen: set[int] = set()
    for use in model._uses:
        layer = model.layers[use.layer]
        shapes = [(None, model._uses[node].units[index]) for node, index in use.inputs]
        outs = [(None, cols) for cols in use.units]
        parameters = {}
        if use.layer not in seen:
            units = tuple(cols for _, cols in shapes)
            parameters = layer.parameter_shapes(*units) if units else {}
        seen.add(use.layer)
        found.append(
            LayerInfo(
                model.layer_names[use.layer],
                layer.kind,
                None if not shapes else shapes[0] if len(shapes) == 1 else tuple(shapes),
                outs[0] if len(outs) == 1 else tuple(outs),
                layer.options(),
                parameters,
                tuple(node for node, _ in use.inputs),
            )
        )
    return found


class Summary:
    """A table of a model's layers; its `str` and `repr` are the text.

    Attributes
    ----------
    name : str
        The title.
    rows : list of tuple of str
        Layer, input shape, output shape, options, parameters; cells may hold several lines.
    total_parameters, total_bytes : int
    """

    __slots__ = ("name", "rows", "total_bytes", "total_parameters")

    def __init__(
        self, name: str, rows: list[tuple[str, ...]], total_parameters: int, total_bytes: int
    ) -> None:
        self.name = name
        self.rows = rows
        self.total_parameters = total_parameters
        self.total_bytes = total_bytes

    def __str__(self) -> str:
        return "\n".join(
            [
                *_table(self.name, [HEADER, *self.rows]),
                f"Total parameters: {self.total_parameters}",
                f"Total parameters memory: {_memory(self.total_bytes)}",
            ]
        )

    __repr__ = __str__

    def _repr_html_(self) -> str:
        """Return the table as a notebook shows it."""
        from html import escape

        def row(tag: str, cells: Sequence[str]) -> str:
            lines = ("<br/>".join(escape(line) for line in cell.split("\n")) for cell in cells)
            return (
                "<tr>"
                + "".join(f"<{tag} style='{LEFT}'>{cell}</{tag}>" for cell in lines)
                + "</tr>"
            )

        return (
            f"<div><table><caption style='{LEFT}'><b>{escape(self.name)}</b></caption>"
            f"<thead>{row('th', HEADER)}</thead>"
            f"<tbody>{''.join(row('td', cells) for cells in self.rows)}</tbody></table>"
            f"<p>Total parameters: {self.total_parameters}<br/>"
            f"Total parameters memory: {_memory(self.total_bytes)}</p></div>"
        )


class Flowchart(str):
    """The text of a Mermaid flowchart; notebooks that know Mermaid draw it.

    Examples
    --------
    >>> Flowchart("graph TD;")
    'graph TD;'
    """

    __slots__ = ()

    def _repr_markdown_(self) -> str:
        """Return the block that Markdown draws."""
        return f"```mermaid\n{self}\n```"


def summarize(name: str, layers: Sequence[LayerInfo], dtype: str) -> Summary:
    """Make the summary of a model.

    Parameters
    ----------
    name : str
        The table's title.
    layers : sequence of LayerInfo
    dtype : {"float32", "float64"}

    Examples
    --------
    >>> layers = [
    ...     LayerInfo("features", "input", None, (None, 7)),
    ...     LayerInfo("dense_0", "dense", (None, 7), (None, 1), {}, {"kernel": (7, 1)}),
    ... ]
    >>> summarize("Model", layers, "float32")
    +-------------------------------------------------------------------------------+
    |                                     Model                                     |
    +====================+=============+==============+=========+===================+
    | Layer              | Input shape | Output shape | Options | Parameters        |
    +====================+=============+==============+=========+===================+
    | features ( input ) |             | (None, 7)    |         |                   |
    +--------------------+-------------+--------------+---------+-------------------+
    | dense_0 ( dense )  | (None, 7)   | (None, 1)    |         | kernel: f32[7][1] |
    +--------------------+-------------+--------------+---------+-------------------+
    Total parameters: 7
    Total parameters memory: 28 bytes
    """
    short, size = lookup("dtype", dtype, _DTYPES, where="summarize")
    rows: list[tuple[str, ...]] = []
    total = 0
    chain = all(layer.reads in (None, (), (i - 1,)) for i, layer in enumerate(layers))
    for layer in layers:
        total += sum(math.prod(shape) for shape in layer.parameters.values())
        inputs = [str(shape) for shape in _shapes(layer.input_shape)]
        if not chain:  # the order of the table does not tell what a layer reads
            sources = [layers[source].name for source in layer.reads or ()]
            inputs = [f"{a} of {b}" for a, b in zip(inputs, sources, strict=True)]
        rows.append(
            (
                layer.label,
                ",\n".join(inputs),
                ",\n".join(str(shape) for shape in _shapes(layer.output_shape)),
                ",\n".join(f"{key}={_literal(value)}" for key, value in layer.options.items()),
                ",\n".join(
                    f"{key}: {short}{''.join(f'[{length}]' for length in shape)}"
                    for key, shape in layer.parameters.items()
                ),
            )
        )
    return Summary(name, rows, total, total * size)


def _shapes(given: Shape | tuple[Shape, ...] | None) -> tuple[Shape, ...]:
    """Return one shape, several or none as a tuple of shapes."""
    if given is None:
        return ()
    if given and isinstance(given[0], tuple):
        return given
    return (cast(Shape, given),)


def mermaid(layers: Sequence[LayerInfo]) -> Flowchart:
    """Return the layers as a Mermaid flowchart, top down.

    Parameters
    ----------
    layers : sequence of LayerInfo

    Examples
    --------
    >>> layers = [
    ...     LayerInfo("features", "input", None, (None, 7)),
    ...     LayerInfo("dense_0", "dense", (None, 7), (None, 1)),
    ... ]
    >>> print(mermaid(layers))
    graph TD;
        node0[/"features<br/>input (None, 7)"/];
        node1["dense_0<br/>dense (None, 1)"];
        node0 --> node1;
    """
    lines = ["graph TD;"]
    for i, layer in enumerate(layers):
        shapes = " ".join(str(shape) for shape in _shapes(layer.output_shape))
        text = f'"{_escape(layer.name)}<br/>{_escape(layer.kind)} {shapes}"'
        box = f"[/{text}/]" if layer.kind == "input" else f"[{text}]"
        lines.append(f"    node{i}{box};")
    for i, layer in enumerate(layers):
        reads = layer.reads if layer.reads is not None else range(max(i - 1, 0), i)
        lines += [f"    node{source} --> node{i};" for source in reads]
    return Flowchart("\n".join(lines))


def _escape(text: str) -> str:
    """Mermaid's own character codes; "#" first, since it begins them."""
    for char, code in (("#", "35"), ('"', "quot"), ("<", "lt"), (">", "gt")):
        text = text.replace(char, f"#{code};")
    return text


def _literal(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else repr(value)


def _memory(size: int) -> str:
    """`size` in bytes, and in a larger unit where it fills ten of them."""
    for unit, scale in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if size >= 10 * scale:
            return f"{size} bytes ({size / scale:.1f} {unit})"
    return f"{size} bytes"


def _table(title: str, rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    """Yield the lines of a boxed table; the first row is its header."""
    cells = [[cell.split("\n") for cell in row] for row in rows]
    columns = zip(*cells, strict=True)
    widths = [max(len(line) for cell in column for line in cell) for column in columns]
    widths[-1] += max(0, len(title) - sum(widths) - 3 * (len(widths) - 1))
    inner = sum(widths) + 3 * len(widths) - 1
    yield f"+{'-' * inner}+"
    yield f"|{title:^{inner}}|"
    for i, row in enumerate(cells):
        if i == 0:
            yield _rule("=", widths)
        for k in range(max(len(cell) for cell in row)):
            line = (
                f" {cell[k] if k < len(cell) else '':<{width}} "
                for cell, width in zip(row, widths, strict=True)
            )
            yield f"|{'|'.join(line)}|"
        yield _rule("=" if i == 0 else "-", widths)


def _rule(char: str, widths: Sequence[int]) -> str:
    return f"+{'+'.join(char * (width + 2) for width in widths)}+"
