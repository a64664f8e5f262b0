"""CSV by pyarrow: whole, or in blocks; a line that does not fit is named by its number."""

from __future__ import annotations

import csv
import math
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fastnn.tabular.arrow import need_arrow, read_to_end
from fastnn.tabular.schema import Column

__all__ = ["Content", "csv_types", "read_blocks", "read_schema", "read_whole"]

SNIFFED_BYTES = 65_536
BLOCK_BYTES = 2**20  # what a thread reads at a time; it becomes a batch of rows in memory
LONG_BLOCK_BYTES = 2**21  # if each core has some of them: a fit takes time for each batch's columns
ONLY_EMPTY = ("",)  # the one spelling of a missing value in most tables of numbers
_RAGGED = re.compile(r"Row #(\d+): Expected (\d+) columns?, got (\d+)(?:: (.*))?", re.DOTALL)
_WRONG = re.compile(
    r"In CSV column #(\d+): (?:Row #(\d+): )?CSV conversion error to ([^:]+): invalid value (.*)",
    re.DOTALL,
)


class Content:
    """A CSV file, or a pipe that can be read only once.

    Parameters
    ----------
    source : str or binary file
        A path, or a pipe.
    name : str
        For messages.
    """

    def __init__(self, source: Any, name: str) -> None:
        self.source = source
        self.name = name
        self.is_pipe = not isinstance(source, str)
        self._kept: Any = None  # the buffer of a pipe, once it was read whole
        self._head: bytes | None = None

    def open(self) -> Any:
        """Return what pyarrow reads from, at its begin."""
        pa = need_arrow()
        if not self.is_pipe:
            return pa.input_stream(self.source)  # unpacks .gz and its like by the name's ending
        return self.source if self._kept is None else pa.BufferReader(self._kept)

    def size(self) -> int:
        """Return how many bytes there are to read; those of a packed file are fewer."""
        if not self.is_pipe:
            return os.path.getsize(self.source)
        return 0 if self._kept is None else int(self._kept.size)

    def keep(self) -> None:
        """Read a pipe whole, so that it can be read again."""
        if self.is_pipe and self._kept is None:
            self._kept = read_to_end(self.source)

    def head(self) -> str:
        """Return the first line; a pipe still stands at its begin then."""
        if self._head is None:
            start = b""
            if self.is_pipe and self._kept is None and hasattr(self.source, "peek"):
                start = self.source.peek(SNIFFED_BYTES)
            if b"\n" not in start:
                self.keep()
                with self.open() as file:
                    start = file.read(SNIFFED_BYTES)
            self._head = bytes(start).split(b"\n", 1)[0]
        try:
            return self._head.decode("utf-8-sig").rstrip("\r")
        except UnicodeDecodeError:
            raise ValueError(f"open_table: {self.name} is no CSV file, or not in UTF-8") from None

    def delimiter(self) -> str:
        """Return what separates the fields of the first line: , ; tab or |."""
        return max(",;\t|", key=self.head().count)

    def names(self) -> list[str]:
        """Return the fields of the first line."""
        if not self.head().strip():
            raise ValueError(f"open_table: {self.name} is empty; want a line of names first")
        return next(csv.reader([self.head()], delimiter=self.delimiter()))


def _options(
    content: Content,
    columns: Sequence[str] = (),
    types: Mapping[str, Any] | None = None,
    *,
    threads: bool = True,
    newlines: bool = False,
    nulls: Sequence[str] | None = None,
    block: int = BLOCK_BYTES,
) -> dict[str, Any]:
    import pyarrow.csv as arrow_csv

    return {
        "read_options": arrow_csv.ReadOptions(use_threads=threads, block_size=block),
        "parse_options": arrow_csv.ParseOptions(
            delimiter=content.delimiter(), newlines_in_values=newlines
        ),
        "convert_options": arrow_csv.ConvertOptions(
            strings_can_be_null=True,
            null_values=None if nulls is None else list(nulls),
            include_columns=list(columns),
            column_types=dict(types or {}),
        ),
    }


def read_whole(content: Content) -> Any:
    """Return all of it as a pyarrow.Table."""
    pa = need_arrow()
    import pyarrow.csv as arrow_csv

    content.keep()
    content.names()  # says what is wrong with an empty file
    enough = content.size() >= 3 * pa.cpu_count() * LONG_BLOCK_BYTES
    block = LONG_BLOCK_BYTES if enough else BLOCK_BYTES
    try:
        with content.open() as file:
            nulls = ONLY_EMPTY if _looks_plain(content) else None
            table = arrow_csv.read_csv(file, **_options(content, nulls=nulls, block=block))
        doubtful = [] if nulls is None else _doubtful(table)
        if doubtful:
            with content.open() as file:
                again = arrow_csv.read_csv(file, **_options(content, doubtful, block=block))
            for name in doubtful:
                table = table.set_column(table.schema.get_field_index(name), name, again[name])
        return table
    except (pa.ArrowInvalid, OSError):
        pass
    # Once more, for fields with newlines in them; one row after another, for the number of a line.
    try:
        with content.open() as file:
            return arrow_csv.read_csv(file, **_options(content, threads=False, newlines=True))
    except (pa.ArrowInvalid, OSError) as error:
        raise _explain(content, error) from None


# pyarrow compares each field with every spelling of a missing value (NA, null, nan ...), a sixth
# of the time a table of numbers takes.  So one that begins with numbers alone is read with empty
# fields as the only missing ones, and a column for which the others may matter once more.


def _looks_plain(content: Content) -> bool:
    """Tell whether the first rows have no text, so that a long file may be read the quick way."""
    pa = need_arrow()
    import pyarrow.csv as arrow_csv

    with content.open() as file:
        start = file.read_buffer(SNIFFED_BYTES)
    if start.size < SNIFFED_BYTES or len(set(content.names())) < len(content.names()):
        return False
    whole_lines = pa.BufferReader(start.slice(0, start.to_pybytes().rfind(b"\n") + 1))
    try:
        return not _doubtful(arrow_csv.read_csv(whole_lines, **_options(content, nulls=ONLY_EMPTY)))
    except pa.ArrowInvalid:
        return False


def _doubtful(table: Any) -> list[str]:
    """Return the columns that were read as text, or have a NaN where there may be a null."""
    pa = need_arrow()
    types, total = pa.types, pa.compute.sum
    return [
        field.name
        for field, column in zip(table.schema, table.columns, strict=True)
        if types.is_string(field.type)
        or types.is_binary(field.type)
        or (types.is_float64(field.type) and math.isnan(total(column).as_py() or 0.0))
    ]


def read_schema(content: Content, types: Mapping[str, Any] | None) -> Any:
    """Return names and types: those of `types`, or else of the first rows."""
    pa = need_arrow()
    import pyarrow.csv as arrow_csv

    if types is not None:
        return pa.schema([(name, types.get(name, pa.string())) for name in content.names()])
    content.keep()
    content.names()
    try:
        with content.open() as file, arrow_csv.open_csv(file, **_options(content)) as reader:
            return reader.schema
    except (pa.ArrowInvalid, OSError) as error:
        raise _explain(content, error) from None


def read_blocks(
    content: Content, columns: Sequence[str], types: Mapping[str, Any] | None
) -> Iterator[Any]:
    """Read these columns as record batches; one thread, which knows the numbers of the lines."""
    pa = need_arrow()
    import pyarrow.csv as arrow_csv

    options = _options(content, columns, types, threads=False)
    try:
        with content.open() as file, arrow_csv.open_csv(file, **options) as reader:
            yield from reader
    except (pa.ArrowInvalid, OSError) as error:
        raise _explain(content, error) from None


def _explain(content: Content, error: Exception) -> ValueError:
    """Return what is wrong with a file, with the number of the line where that is known."""
    text = str(error)
    if ragged := _RAGGED.search(text):
        number, want, got, line = ragged.groups()
        shown = f": {line[:60]!r}" if line else ""
        fields = "field" if got == "1" else "fields"
        return ValueError(
            f"open_table: {content.name}: line {number} has {got} {fields}, want {want}{shown}"
        )
    if wrong := _WRONG.search(text):
        place, line, wanted, value = wrong.groups()
        names = content.names()
        name = repr(names[int(place)]) if int(place) < len(names) else place
        at = f"line {line}: " if line else ""
        return ValueError(
            f"open_table: {content.name}: {at}column {name} has {value}; want {wanted}"
        )
    return ValueError(f"open_table: {content.name} cannot be read as CSV: {text.splitlines()[0]}")


def csv_types(columns: Sequence[Column]) -> dict[str, Any]:
    """Return the types to read columns with, so that a file has those of training."""
    pa = need_arrow()
    found: dict[str, Any] = {}
    for column in columns:
        if column.is_category:
            found[column.name] = {
                "string": pa.string(),
                "int64": pa.int64(),
                "bool": pa.bool_(),
            }[column.value_type or "string"]
        elif column.kind == "timestamp":
            found[column.name] = pa.timestamp("ns", "UTC" if column.zone else None)
        else:
            found[column.name] = {
                "number": pa.float64(),
                "boolean": pa.bool_(),
                "date": pa.date32(),
                "time": pa.time64("ns"),
                "duration": pa.float64(),
            }[column.kind]
    return found
