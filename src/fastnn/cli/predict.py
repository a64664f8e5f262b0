"""``fastnn predict``: a table in, predictions out, batch by batch in constant memory."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import Any

from fastnn.cli.arguments import Commands, Parser, add_command, add_data, check_out, names

__all__ = ["add"]

ENDINGS = (".parquet", ".csv", ".arrow", ".feather")

EXAMPLES = """\
  fastnn predict cars.safetensors new.csv --out predictions.parquet
  fastnn predict cars.safetensors new.csv --keep id,name --out predictions.csv
  fastnn predict iris.safetensors iris.parquet --proba
  cat new.csv | fastnn predict cars.safetensors - | sort -g | tail
"""


def add(commands: Commands[Parser]) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "predict",
        run,
        help="predict the target for each row of a table",
        description="Predicts the target for each row of a table, however long it is: rows\n"
        "are read, predicted and written in batches. Columns are found by name.",
        examples=EXAMPLES,
    )
    parser.add_argument("model", metavar="MODEL", help="a file of fastnn train --target")
    add_data(parser)
    parser.add_argument(
        "--out",
        default="-",
        metavar="FILE",
        help="a .parquet, .csv or .arrow file; - for CSV on standard output (default: -)",
    )
    parser.add_argument(
        "--keep", type=names, default=[], metavar="A,B", help="columns of DATA to copy"
    )
    parser.add_argument(
        "--proba", action="store_true", help="a column with the probability of each class, too"
    )
    parser.add_argument(
        "--out-of-range",
        choices=("warn", "count", "clip", "raise"),
        help="what to do with values that training has not seen (default: the model's own)",
    )


def run(arguments: argparse.Namespace) -> None:
    """Run the command."""
    if arguments.out != "-":
        check_out(arguments.out, endings=ENDINGS)
    from fastnn._spec import lookup
    from fastnn.cli.models import load_estimator
    from fastnn.cli.show import Progress, one_line_warnings
    from fastnn.cli.tables import Keeping, open_data
    from fastnn.tabular import TabularClassifier

    estimator = load_estimator(arguments.model)
    if arguments.proba and not isinstance(estimator, TabularClassifier):
        raise ValueError(f"--proba: {arguments.model} predicts numbers, which have no classes")
    source = Keeping(open_data(arguments.data), arguments.keep)
    for name in arguments.keep:
        lookup("column", name, dict.fromkeys(source.schema.names), "--keep")
        if name == "prediction":
            raise ValueError("--keep: the column 'prediction' would be there twice")
    rows = 0
    with one_line_warnings(), Progress(source.rows) as progress, _writer(arguments.out) as write:
        for outputs in estimator._outputs(source, "predict", arguments.out_of_range):
            batch = _batch(source.kept.popleft(), estimator, outputs, arguments.proba)
            write(batch)
            rows += batch.num_rows
            progress.add(batch.num_rows)
        estimator.counts_.warn("predict")
        if rows == 0:
            raise ValueError(f"{source.name} has no rows")
    if arguments.out != "-":
        print(f"{rows:,} predictions in {arguments.out}")


def _batch(kept: Any, estimator: Any, outputs: Any, proba: bool) -> Any:
    """Return a record batch: what is kept, the prediction, the probabilities."""
    import pyarrow as pa

    columns = dict(zip(kept.schema.names, kept.columns, strict=True))
    columns["prediction"] = pa.array(estimator._answers(outputs))
    if proba:
        shares = estimator._probabilities(outputs)
        for place, one in enumerate(estimator.classes_):
            columns[f"probability_{one}"] = pa.array(shares[:, place].copy())
    return pa.record_batch(columns)


@contextlib.contextmanager
def _writer(path: str) -> Iterator[Callable[[Any], None]]:
    """Yield what writes a record batch; a file is there only once it is whole."""
    if path == "-":
        yield _CsvText(sys.stdout)
        return
    from fastnn.io import _whole_file

    with _whole_file(path) as file, contextlib.ExitStack() as stack:
        made: list[Any] = []

        def write(batch: Any) -> None:
            if not made:  # the schema is known with the first batch
                made.append(stack.enter_context(_open_writer(path, file, batch.schema)))
            made[0].write(batch)

        yield write


def _open_writer(path: str, file: Any, schema: Any) -> Any:
    ending = path.lower().rpartition(".")[2]
    if ending == "parquet":
        import pyarrow.parquet

        return _Batches(pyarrow.parquet.ParquetWriter(file, schema))
    if ending == "csv":
        import pyarrow.csv

        return pyarrow.csv.CSVWriter(file, schema)
    import pyarrow.ipc

    return pyarrow.ipc.new_file(file, schema)


class _Batches:
    """A Parquet writer that gathers small batches: a row group for each would be slow to read."""

    ROWS = 131_072

    def __init__(self, writer: Any) -> None:
        self.writer = writer
        self.batches: list[Any] = []
        self.rows = 0

    def __enter__(self) -> _Batches:
        return self

    def write(self, batch: Any) -> None:
        """Take a batch."""
        self.batches.append(batch)
        self.rows += batch.num_rows
        if self.rows >= self.ROWS:
            self._flush()

    def _flush(self) -> None:
        import pyarrow as pa

        if self.batches:
            self.writer.write_table(pa.Table.from_batches(self.batches))
        self.batches, self.rows = [], 0

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            self._flush()
        self.writer.close()


class _CsvText:
    """CSV on standard output."""

    def __init__(self, file: Any) -> None:
        file.flush()
        self.file = getattr(file, "buffer", file)
        self.first = True

    def __call__(self, batch: Any) -> None:
        """Write a batch, the names before the first."""
        import pyarrow as pa
        import pyarrow.csv

        sink = pa.BufferOutputStream()
        options = pyarrow.csv.WriteOptions(include_header=self.first)
        pyarrow.csv.write_csv(batch, sink, options)
        self.first = False
        self.file.write(sink.getvalue().to_pybytes())
        self.file.flush()
