"""A model as one C99 file: weights, a function that predicts, and a main that checks it."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from fastnn import io
from fastnn.inference import as_inputs, check_inputs
from fastnn.interchange import c_functions
from fastnn.interchange.c_names import Names, check_prefix, comment
from fastnn.interchange.c_network import Row, trace_row
from fastnn.layers import Normalization
from fastnn.summary import describe_layers

if TYPE_CHECKING:
    from fastnn.model import Model

__all__ = ["export_c", "write_source"]

Array = npt.NDArray[Any]

# What layers say of themselves that predictions do not know.
TRAINING = {
    f"{array}_{what}"
    for array in ("kernel", "bias", "alpha", "embeddings", "activity")
    for what in ("initializer", "regularizer", "constraint")
} | {"trainable"}
STACK_BYTES = 4096  # up to here values between layers lie on the stack; else the caller brings room
TEST_ROWS = 4
WIDTH = 100
# Of the largest value of an output: what the order of roundings and another libm may change.
TOLERANCE = {"float32": 1e-6, "float64": 1e-12}
MARGIN = 4.0  # times what rounding does to the network, where that is more
FLOAT_PER_DOUBLE = 2.0**29  # how much coarser float32 rounds


def export_c(
    model: Model,
    path: str | os.PathLike[str],
    *,
    name: str = "model",
    x: Any = None,
) -> None:
    """Write `model` as a C99 file; ``model.export_c(path)`` calls it.

    See `fastnn.Model.export_c`.
    """
    file = os.path.basename(os.fsdecode(path))
    io._write_whole(path, write_source(model, name=name, x=x, file=file).encode("ascii"))


def write_source(
    model: Model, *, name: str = "model", x: Any = None, file: str | None = None
) -> str:
    """Return what `export_c` writes.

    Examples
    --------
    >>> import fastnn as fnn
    >>> text = write_source(fnn.Sequential([fnn.Input(2), fnn.Dense(1)], seed=0), name="net")
    >>> print(next(line for line in text.splitlines() if line.startswith("void")))
    void net_predict(const float x[2], float y[1]);
    """
    where = "export_c"
    prefix = check_prefix(where, name)
    arena = model.snapshot()
    arrays = {**model._views(arena, trained=True), **model._views(arena, trained=False)}
    for key, array in arrays.items():
        if not np.isfinite(array).all():
            raise ValueError(f"{where}: {key} has NaN or Inf; want a model with finite parameters")
    rows = _test_rows(model, where) if x is None else as_inputs(model, x, where)
    check_inputs(model, rows, where)
    tests = [np.asarray(one[:64], model.dtype) for one in rows]  # casts too
    wanted = _predict(model, tests)
    names = Names([*c_functions.NAMES, prefix, f"{prefix}_predict", f"{prefix}_predict_rows"])
    row = trace_row(model, arrays, names)
    text = _File(model, prefix, file or f"{prefix}.c", row, tests, wanted).text()
    return text if model.dtype == "float32" else c_functions.as_double(text)


def _predict(model: Model, rows: Sequence[Array]) -> list[Array]:
    outs = [np.empty((len(rows[0]), cols), model.dtype) for cols in model.output_cols]
    model.run_predict(tuple(rows), tuple(outs), model.block_rows(), True)
    return outs


def _tolerance(model: Model, rows: Sequence[Array], wanted: Sequence[Array]) -> float:
    """Return how far other roundings may be off, in shares of the largest value of an output.

    The network in the other type tells what rounding does to it.
    """
    other = "float64" if model.dtype == "float32" else "float32"
    found = _predict(model.as_dtype(other), rows)
    off = max(
        float(np.abs(one - want).max() / max(np.abs(want).max(), 1e-300))
        for one, want in zip(found, wanted, strict=True)
    )
    if model.dtype == "float64":
        off /= FLOAT_PER_DOUBLE
    return max(TOLERANCE[model.dtype], MARGIN * off)


def _test_rows(model: Model, where: str) -> list[Array]:
    """Return rows to check with: normal numbers, in the units that the model was adapted to."""
    rng = np.random.Generator(np.random.Philox(0))
    found = [rng.standard_normal((TEST_ROWS, cols)) for cols in model.input_cols]
    for use in model._uses:
        layer, name = model.layers[use.layer], model.layer_names[use.layer]
        if isinstance(layer, Normalization) and not layer.invert:
            at = use.inputs[0][0]
            if at < len(found):  # the first uses are the inputs
                found[at] = found[at] / model.state[f"{name}/scale"] + model.state[f"{name}/mean"]
    for number, column, size in model._tables:
        found[number][:, column] = rng.integers(0, size, TEST_ROWS)
    return found


def _number(value: float) -> str:
    """Return a finite number in hexadecimal: exact, whatever the compiler."""
    if value == 0:
        return "0"
    mantissa, exponent = float(value).hex().split("p")
    if "." in mantissa:
        mantissa = mantissa.rstrip("0").rstrip(".")
    return f"{mantissa}p{exponent}"


class _File:
    """The parts of the file, for float."""

    def __init__(
        self,
        model: Model,
        prefix: str,
        file: str,
        row: Row,
        tests: Sequence[Array],
        wanted: Sequence[Array],
    ) -> None:
        self.model, self.prefix, self.file, self.row = model, prefix, comment(file), row
        self.tests, self.wanted = tests, wanted
        self.upper = prefix.upper()
        bytes_each = 4 if model.dtype == "float32" else 8
        self.scratch_bytes = row.scratch * bytes_each
        self.on_stack = self.scratch_bytes <= STACK_BYTES
        self.returns = "int" if row.checks else "void"

    def text(self) -> str:
        """Return the whole file."""
        parts = [
            self._head(),
            self._prototypes(),
            "/* ---- weights ---- */\n" if self.row.arrays else "",
            *(self._array(name, array) for name, array in self.row.arrays.items()),
            "/* ---- what the layers compute ---- */\n",
            c_functions.source(self.row.functions),
            "/* ---- the network ---- */\n",
            self._predict(),
            self._predict_rows(),
            self._main(),
        ]
        return "\n".join(part for part in parts if part)

    # -- what people read first -------------------------------------------------------------------

    def _head(self) -> str:
        prefix, upper = self.prefix, self.upper
        lines = [
            f'{self.file}: the network "{comment(self.model.name)}", written by fastnn '
            f"{sys.modules['fastnn'].__version__}.",
            "",
            f"{prefix}_predict computes one row, {prefix}_predict_rows several, one after another.",
            "C99 and libm are all it needs.  No memory is taken and nothing kept between calls:",
            "threads and interrupts may call it at the same time.  What is read and what is",
            "written must not overlap.  NaN and Inf are not looked for; NaN in gives NaN out.",
        ]
        if self.on_stack:
            lines.append(f"Values between layers: {self.scratch_bytes} bytes of stack.")
        else:
            lines += [
                "Values between layers are too many for a small stack: the caller brings room for",
                f"{upper}_SCRATCH numbers ({self.scratch_bytes} bytes), one for each thread.",
            ]
        if self.row.checks:
            lines += [
                "A category must be a whole number that its table has: else -1 is returned and",
                "nothing is written, otherwise 0.",
            ]
        size = sum(array.size for array in self.row.arrays.values())
        lines += [f"Constants: {size} numbers.", "", "Layers:"]
        lines += [f"    {comment(line)}" for line in self._layers()]
        lines += [
            "",
            "It checks itself:",
            f"    cc -std=c99 -O2 -D{upper}_MAIN {self.file} -lm && ./a.out",
        ]
        return "/* " + "\n".join(f" * {line}".rstrip() for line in lines)[3:] + "\n */\n"

    def _layers(self) -> list[str]:
        found = []
        for info in {one.name: one for one in describe_layers(self.model)}.values():
            options = ", ".join(
                f"{key}={value!r}" for key, value in info.options.items() if key not in TRAINING
            )
            what = f"{info.kind}({options})" if options else info.kind
            found.append((info.name, _columns(info.output_shape), what))
        widths = [max(len(one[i]) for one in found) for i in (0, 1)]
        lines = [f"{a:{widths[0]}}  {b:>{widths[1]}}  {c}" for a, b, c in found]
        return [line if len(line) < 92 else line[:89] + "..." for line in lines]

    def _arguments(self, *, rows: bool) -> str:
        found = []
        for const, arguments in (("const ", self.row.inputs), ("", self.row.outputs)):
            for name, cols in arguments:
                found.append(f"{const}float *{name}" if rows else f"{const}float {name}[{cols}]")
        if rows:
            found.append("size_t rows")
        if not self.on_stack:
            found.append("float *scratch" if rows else f"float scratch[{self.upper}_SCRATCH]")
        return ", ".join(found)

    def _signature(self, *, rows: bool) -> str:
        begin = f"{self.returns} {self.prefix}_predict{'_rows' if rows else ''}("
        return _wrapped(begin, self._arguments(rows=rows) + ")", len(begin))

    def _prototypes(self) -> str:
        lines = ["#include <math.h>", "#include <stddef.h>", ""]
        if not self.on_stack:
            lines += [f"#define {self.upper}_SCRATCH {self.row.scratch}", ""]
        lines += [f"{self._signature(rows=False)};", f"{self._signature(rows=True)};"]
        return "\n".join(lines) + "\n"

    # -- the code ---------------------------------------------------------------------------------

    def _array(self, name: str, array: Array) -> str:
        shape = f"/* {array.shape}, row by row */\n" if array.ndim > 1 else ""
        return f"{shape}static const float {name}[{array.size}] = {{\n{_numbers(array)}\n}};\n"

    def _predict(self) -> str:
        lines = [f"{self._signature(rows=False)} {{"]
        for check in self.row.checks:
            lines.append(f"    if (!{check})\n        return -1;")
        if self.on_stack:
            lines += [f"    float {name}[{size}];" for name, size in self.row.buffers]
        else:
            first = 0
            for name, size in self.row.buffers:
                lines.append(f"    float *const {name} = scratch{f' + {first}' if first else ''};")
                first += size
        for layer, statements in self.row.calls:
            lines += ["", f"    /* {comment(layer)} */"]
            lines += [_wrapped_call(one) for one in statements]
        lines += ["    return 0;"] if self.row.checks else []
        return "\n".join(lines) + "\n}\n"

    def _predict_rows(self) -> str:
        steps = [*self.row.inputs, *self.row.outputs]
        arguments = [f"{name} + i * {cols}" for name, cols in steps]
        if not self.on_stack:
            arguments.append("scratch")
        begin = f"{self.prefix}_predict("
        lines = [f"{self._signature(rows=True)} {{", "    for (size_t i = 0; i < rows; ++i)"]
        if self.row.checks:
            begin = f"if ({begin}"
            lines.append(_wrapped(f"        {begin}", ", ".join(arguments) + "))", 8 + len(begin)))
            lines += ["            return -1;", "    return 0;"]
        else:
            lines.append(_wrapped(f"        {begin}", ", ".join(arguments) + ");", 8 + len(begin)))
        return "\n".join(lines) + "\n}\n"

    # -- the check --------------------------------------------------------------------------------

    def _main(self) -> str:
        rows = len(self.tests[0])
        tables, steps = "", ""
        for kind, arguments, arrays in (
            ("given", self.row.inputs, self.tests),
            ("wanted", self.row.outputs, self.wanted),
        ):
            for (name, _), array in zip(arguments, arrays, strict=True):
                table = f"{kind}_{name}[{array.size}]"
                tables += f"static const float {table} = {{\n{_numbers(array)}\n}};\n"
        words = [f"given_{name}" for name, _ in self.row.inputs]
        words += [f"found_{name}" for name, _ in self.row.outputs] + [str(rows)]
        room = [(f"found_{name}", str(rows * cols)) for name, cols in self.row.outputs]
        if not self.on_stack:
            room.append(("scratch", f"{self.upper}_SCRATCH"))
            words.append("scratch")
        places = "".join(f"    static float {name}[{size}];\n" for name, size in room)
        begin, end = f"    {self.prefix}_predict_rows(", ");"
        if self.row.checks:
            begin, end = f"    int failed = {self.prefix}_predict_rows(", ") != 0;"
        else:
            places += "    int failed = 0;\n"
        call = _wrapped(begin, ", ".join(words) + end, len(begin))
        for name, cols in self.row.outputs:
            begin = "    failed |= differs("
            end = f'"{self.prefix}_predict: {name}", found_{name}, wanted_{name}, {rows * cols});'
            steps += _wrapped(begin, end, len(begin)) + "\n"
        return (
            _MAIN.replace("UPPER", self.upper)
            .replace("ROWS", str(rows))
            .replace("TABLES", tables.rstrip())
            .replace("TOLERANCE", f"{_tolerance(self.model, self.tests, self.wanted):.1e}")
            .replace("BODY", f"{places}{call}\n{steps}".rstrip())
        )


_MAIN = """\
#ifdef UPPER_MAIN
/* ---- the check: ROWS rows, and what fastnn predicted for them ---- */

#include <stdio.h>

TABLES

/* Whether what came is further from what was wanted than TOLERANCE of its largest value. */
static int differs(const char *what, const float *found, const float *wanted, size_t n) {
    double far = 0, largest = 0;
    for (size_t i = 0; i < n; ++i) {
        const double distance = fabs((double)found[i] - (double)wanted[i]);
        if (!(distance <= far))
            far = distance; /* NaN too */
        if (fabs((double)wanted[i]) > largest)
            largest = fabs((double)wanted[i]);
    }
    const int bad = !(far <= TOLERANCE * largest);
    printf("%s: %lu numbers up to %.3g, off by at most %.1e: %s\\n", what, (unsigned long)n,
           largest, far, bad ? "WRONG" : "as wanted");
    return bad;
}

int main(void) {
BODY
    return failed;
}
#endif
"""


def _columns(shape: Any) -> str:
    if shape and isinstance(shape[0], tuple):
        return " + ".join(str(one[1]) for one in shape)
    return str(shape[1])


def _numbers(array: Array) -> str:
    """Return the elements, in lines; the suffix f is that of float."""
    real = "f" if array.dtype == np.float32 else ""
    words = [_number(value) for value in array.reshape(-1).tolist()]
    lines, line = [], "   "
    for word in words:
        item = f" {word}{real if word != '0' else ''},"
        if len(line) + len(item) > WIDTH:
            lines.append(line)
            line = "   "
        line += item
    return "\n".join([*lines, line])


def _wrapped_call(statement: str) -> str:
    name, bracket, arguments = statement.partition("(")
    return _wrapped(f"    {name}{bracket}", arguments, len(name) + 5)


def _wrapped(begin: str, arguments: str, indent: int) -> str:
    """Return a call or a signature in lines of at most WIDTH columns."""
    lines, line = [], begin
    for i, word in enumerate(arguments.split(", ")):
        item = word if i == 0 else f" {word}"
        item += "," if i < arguments.count(", ") else ""
        if i and len(line) + len(item) > WIDTH - 6:  # "double" is longer
            lines.append(line)
            line, item = " " * indent, item.lstrip()
        line += item
    return "\n".join([*lines, line])
