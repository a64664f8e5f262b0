"""Where tables come from: memory, files, folders of Parquet, queries; batch by batch."""

from __future__ import annotations

import os
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import accumulate
from typing import Any, NamedTuple

from fastnn._spec import describe
from fastnn.tabular import csvfile
from fastnn.tabular.arrow import need_arrow, read_to_end

__all__ = ["Piece", "Source", "open_table"]

BUFFER_BYTES = 2**20  # of a column of a Parquet file
BATCH_ROWS = 16_384  # of a batch cut from memory: its rows of a network stay in cache


class Piece(NamedTuple):
    """Rows of a table that can be read by themselves."""

    first: int  # the number of the first of them in the table
    batches: Callable[[Sequence[str]], Iterator[Any]]


class Source(ABC):
    """A table that is read batch by batch; `open_table` makes one.

    Attributes
    ----------
    name : str
        For people.
    rows : int or None
        Rows, where that is known beforehand.
    again : bool
        Whether it can be read more than once.
    """

    name: str = "table"
    rows: int | None = None
    again: bool = True

    @property
    @abstractmethod
    def schema(self) -> Any:
        """The pyarrow.Schema."""

    @abstractmethod
    def batches(self, columns: Sequence[str]) -> Iterator[Any]:
        """Read these columns as record batches."""

    def pieces(self) -> Sequence[Piece]:
        """Return the pieces that can be read in any order: one, if it has only the one order."""
        return [Piece(0, self.batches)]

    def typed(self, types: Mapping[str, Any]) -> Source:
        """Return it with the types of training, if it is a file that does not say its own."""
        return self

    def for_fit(self) -> Source:
        """Return a source that can be read again and again with the same types."""
        return self

    def __repr__(self) -> str:
        """Show its size."""
        rows = "" if self.rows is None else f"{self.rows} rows, "
        return f"<{type(self).__name__} {self.name}: {rows}{len(self.schema)} columns>"


class MemoryTable(Source):
    """A table in memory."""

    def __init__(self, table: Any, name: str = "table") -> None:
        self.table = table
        self.name = name
        self.rows = table.num_rows

    @property
    def schema(self) -> Any:
        """The pyarrow.Schema."""
        return self.table.schema

    def batches(self, columns: Sequence[str]) -> Iterator[Any]:
        """Cut it into batches."""
        return _in_batches(self.table, columns)

    def pieces(self) -> Sequence[Piece]:
        """Cut it at every so many rows."""
        return [
            Piece(first, partial(_in_batches, self.table.slice(first, BATCH_ROWS)))
            for first in range(0, self.table.num_rows, BATCH_ROWS)
        ]


def _in_batches(table: Any, columns: Sequence[str]) -> Iterator[Any]:
    return iter(table.select(list(columns)).to_batches(max_chunksize=BATCH_ROWS))


class Stream(Source):
    """Whatever a function opens anew each time: a query, a reader."""

    def __init__(self, opens: Callable[[], Any], name: str) -> None:
        self.opens = opens
        self.name = name
        self._schema: Any = None

    def _reader(self) -> Any:
        given = self.opens()
        reader_type = need_arrow().RecordBatchReader
        if isinstance(given, reader_type):
            return given
        if hasattr(given, "__arrow_c_stream__"):
            return reader_type.from_stream(given)
        raise TypeError(
            f"open_table: the function returned {describe(given)}; want a pyarrow "
            f"RecordBatchReader, or an object with __arrow_c_stream__"
        )

    @property
    def schema(self) -> Any:
        """The pyarrow.Schema; it opens the stream once."""
        if self._schema is None:
            with self._reader() as reader:
                self._schema = reader.schema
        return self._schema

    def batches(self, columns: Sequence[str]) -> Iterator[Any]:
        """Open it, and read it to its end."""
        with self._reader() as reader:
            for batch in reader:
                yield from cut(batch.select(list(columns)))


class Once(Source):
    """A reader that somebody has opened; it can be read only once."""

    again = False

    def __init__(self, reader: Any, name: str = "reader") -> None:
        self.reader = reader
        self.name = name

    @property
    def schema(self) -> Any:
        """The pyarrow.Schema."""
        return self.reader.schema

    def batches(self, columns: Sequence[str]) -> Iterator[Any]:
        """Read it to its end."""
        for batch in self.reader:
            yield from cut(batch.select(list(columns)))

    def for_fit(self) -> Source:
        """Read it into memory."""
        return MemoryTable(self.reader.read_all(), self.name)


class Files(Source):
    """A pyarrow dataset: Parquet or Arrow files, one or many."""

    def __init__(self, dataset: Any, name: str = "dataset") -> None:
        self.dataset = dataset
        self.name = name
        self.rows = dataset.count_rows()

    @property
    def schema(self) -> Any:
        """The pyarrow.Schema."""
        return self.dataset.schema

    def batches(self, columns: Sequence[str]) -> Iterator[Any]:
        """Read the files in their order.

        A Parquet file is read page by page: the scanner of a dataset decodes row groups ahead,
        which may be the whole file.
        """
        try:
            parts = self.dataset.get_fragments()
        except ValueError:  # of a dataset with a filter
            names = list(columns)
            yield from self.dataset.to_batches(columns=names, batch_size=BATCH_ROWS)
            return
        for part in parts:
            yield from self._read(part, columns)

    def _read(self, part: Any, columns: Sequence[str]) -> Iterator[Any]:
        """Read a file, or those of its row groups that `part` has."""
        import pyarrow.parquet as parquet

        names = list(columns)
        wanted = [self.schema.field(name) for name in names]
        inside = part.physical_schema
        plain = all(field.name in inside.names for field in wanted) and all(
            inside.field(field.name).type == field.type for field in wanted
        )
        if plain and getattr(part, "row_groups", None) is not None:  # a Parquet file
            with (
                part.open() as file,
                parquet.ParquetFile(
                    file, metadata=part.metadata, buffer_size=BUFFER_BYTES
                ) as pages,
            ):
                for group in part.row_groups:  # one by one: it would read them all ahead
                    found = pages.iter_batches(BATCH_ROWS, [group.id], columns=names)
                    yield from (batch.select(names) for batch in found)
        else:
            yield from part.to_batches(
                schema=self.schema, columns=names, batch_size=BATCH_ROWS, batch_readahead=2
            )

    def pieces(self) -> Sequence[Piece]:
        """Cut it at files, and Parquet files at row groups."""
        try:
            parts = [one for part in self.dataset.get_fragments() for one in _row_groups(part)]
        except ValueError:  # as in `batches`
            return super().pieces()
        firsts = accumulate((rows for _, rows in parts[:-1]), initial=0)
        return [
            Piece(first, partial(self._read, part))
            for first, (part, _) in zip(firsts, parts, strict=True)
        ]


def _row_groups(part: Any) -> Iterator[tuple[Any, int]]:
    """Yield the row groups of a Parquet file, small ones together, and how many rows they have.

    Any other file comes whole.
    """
    groups = getattr(part, "row_groups", None)
    if groups is None:
        yield part, part.count_rows()
        return
    some: list[int] = []
    rows = 0
    for i, group in enumerate(groups, 1):
        some.append(group.id)
        rows += group.num_rows
        if rows >= BATCH_ROWS or i == len(groups):
            yield part.subset(row_group_ids=some), rows  # its count_rows() counts the whole file
            some, rows = [], 0


class CsvFile(Source):
    """A CSV file, or what standard input brings.

    Until it knows the `types` it was told, the first rows say what its columns are.
    """

    def __init__(
        self, content: csvfile.Content, name: str, types: Mapping[str, Any] | None = None
    ) -> None:
        self.content = content
        self.name = name
        self.types = types
        self.again = not content.is_pipe
        self._schema: Any = None

    @property
    def schema(self) -> Any:
        """The pyarrow.Schema."""
        if self._schema is None:
            self._schema = csvfile.read_schema(self.content, self.types)
        return self._schema

    def batches(self, columns: Sequence[str]) -> Iterator[Any]:
        """Read it in blocks, in constant memory."""
        for batch in csvfile.read_blocks(self.content, columns, self.types):
            yield from cut(batch)

    def typed(self, types: Mapping[str, Any]) -> Source:
        """Return it with the types of training; only a value that has another is an error."""
        return CsvFile(self.content, self.name, types)

    def for_fit(self) -> Source:
        """Read it into memory with all cores: only all rows tell what the columns are."""
        return MemoryTable(csvfile.read_whole(self.content), self.name)


def cut(batch: Any) -> Iterator[Any]:
    """Cut a long batch into batches of a usual length."""
    for start in range(0, batch.num_rows, BATCH_ROWS):
        yield batch.slice(start, BATCH_ROWS)


def open_table(table: Any, *, columns: Sequence[str] | None = None) -> Source:
    """Return a table that `fit`, `predict` and `evaluate` read; they call this themselves.

    Parameters
    ----------
    table : object
        The name "auto-mpg"; a file (``.csv``, ``.tsv``, also ``.gz``, ``.bz2``, ``.zst``;
        ``.parquet``; ``.arrow``, ``.feather``, ``.ipc``); a folder of Parquet files; "-" for
        standard input (CSV, Parquet or Arrow); a pyarrow dataset; a function that returns a
        reader; or anything with ``__arrow_c_stream__``: Polars, DuckDB, pandas, PyArrow.
    columns : sequence of str, optional
        Only these, if they are given.

    Returns
    -------
    Source
        Has ``name``, ``rows`` (None if unknown), ``schema`` and ``batches(columns)``.

    Raises
    ------
    OSError
        If there is no such file.
    TypeError, ValueError
        If it is no table, or the file is broken.
    ImportError
        If pyarrow is not installed.

    Notes
    -----
    A CSV file is read whole to fit, with all cores, and in blocks to predict.  A DuckDB relation
    runs its query each time it is read; a reader that is open already is read into memory to fit.

    Examples
    --------
    >>> open_table("auto-mpg")
    <MemoryTable auto-mpg: 392 rows, 8 columns>
    """
    source = _open(table)
    if columns is not None:
        source = Selected(source, list(columns))
    return source


class Selected(Source):
    """Some columns of another source."""

    def __init__(self, source: Source, columns: Sequence[str]) -> None:
        names = source.schema.names
        lacking = [name for name in columns if name not in names]
        if lacking:
            raise ValueError(
                f"open_table: {source.name} has no column {lacking[0]!r}; it has "
                f"{', '.join(map(repr, names))}"
            )
        self.source = source
        self.columns = columns
        self.name, self.rows, self.again = source.name, source.rows, source.again

    @property
    def schema(self) -> Any:
        """The pyarrow.Schema."""
        whole = self.source.schema
        return need_arrow().schema([whole.field(name) for name in self.columns])

    def batches(self, columns: Sequence[str]) -> Iterator[Any]:
        """Read them."""
        return self.source.batches(columns)

    def typed(self, types: Mapping[str, Any]) -> Source:
        """Return it with the types of training, if it is a file that does not say its own."""
        return Selected(self.source.typed(types), self.columns)

    def for_fit(self) -> Source:
        """Return a source that can be read again and again with the same types."""
        return Selected(self.source.for_fit(), self.columns)


def _open(table: Any) -> Source:
    if isinstance(table, Source):
        return table
    pa = need_arrow()
    if isinstance(table, (str, os.PathLike)):
        return _open_path(os.fspath(table))
    if isinstance(table, pa.Table):
        return MemoryTable(table)
    if isinstance(table, pa.RecordBatch):
        return MemoryTable(pa.Table.from_batches([table]))
    if isinstance(table, pa.RecordBatchReader):
        return Once(table)
    module = type(table).__module__.partition(".")[0]
    if module == "pyarrow" and hasattr(table, "to_batches") and hasattr(table, "count_rows"):
        return Files(table)
    if module == "pandas":
        return _open_pandas(table)
    if module in ("duckdb", "_duckdb"):
        return Stream(lambda: table, "query")
    if module == "polars" and hasattr(table, "collect"):
        table = table.collect()
    if hasattr(table, "__arrow_c_stream__"):
        return MemoryTable(pa.table(table))
    if callable(table):
        return Stream(table, "stream")
    raise TypeError(
        f"open_table: got {describe(table)}; want a table with __arrow_c_stream__ (Polars, DuckDB, "
        f"PyArrow, pandas), a path, a pyarrow dataset, or a function that returns a reader"
    )


def _open_pandas(frame: Any) -> Source:
    pa = need_arrow()
    if not hasattr(frame, "columns"):
        raise TypeError("open_table: got a pandas Series; want a DataFrame: series.to_frame()")
    try:
        return MemoryTable(pa.Table.from_pandas(frame, preserve_index=False))
    except (pa.ArrowInvalid, pa.ArrowTypeError, ValueError) as error:
        raise ValueError(f"open_table: pandas cannot give this table to Arrow: {error}") from None


def _open_path(path: str) -> Source:
    pa = need_arrow()
    if path == "auto-mpg":
        return _open_auto_mpg()
    if path == "-":
        return _open_standard_input()
    if os.path.isdir(path):
        return _open_dataset(path, "parquet")
    with open(path, "rb") as file:  # missing or unreadable: Python's own error, which names it
        start = file.read(512)
    name = os.path.basename(path)
    stem, ending = os.path.splitext(name.lower())
    if ending in (".gz", ".bz2", ".zst"):
        ending = os.path.splitext(stem)[1]
    if ending in (".parquet", ".pq"):
        return _open_dataset(path, "parquet")
    if ending in (".arrow", ".feather", ".ipc"):
        if start.startswith(b"ARROW1"):
            return _open_dataset(path, "ipc")
        try:
            with pa.OSFile(path) as file, pa.ipc.open_stream(file):
                pass
        except pa.ArrowInvalid as error:
            raise ValueError(f"open_table: {path} is no Arrow file: {error}") from None
        return Stream(lambda: pa.ipc.open_stream(path), name)
    if ending in (".csv", ".tsv", ".txt"):
        return CsvFile(csvfile.Content(path, path), name)
    raise ValueError(
        f"open_table: {path} is none of the files that are known by their endings: .csv, .tsv "
        f"(also .gz, .bz2, .zst), .parquet, .arrow, .feather, .ipc"
    )


def _open_dataset(path: str, form: str) -> Source:
    pa = need_arrow()
    import pyarrow.dataset as ds

    name = os.path.basename(os.path.normpath(path))
    try:
        files = _parquet_files(path) if os.path.isdir(path) else [path]
        return Files(ds.dataset(files, format=form, partitioning="hive"), name)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OSError) as error:
        if isinstance(error, FileNotFoundError | PermissionError):
            raise
        what = "Parquet" if form == "parquet" else "Arrow"
        last = str(error).splitlines()[0].rpartition(": ")[2]
        raise ValueError(f"open_table: {path} is no {what} file, or broken: {last}") from None


def _parquet_files(folder: str) -> list[str]:
    """Return the Parquet files of a folder and the folders in it, by name."""
    found = [
        os.path.join(inner, name)
        for inner, _, names in os.walk(folder)
        for name in names
        if name.lower().endswith((".parquet", ".pq")) and not name.startswith((".", "_"))
    ]
    if not found:
        raise ValueError(f"open_table: the folder {folder} has no Parquet files")
    return sorted(found)


def _open_standard_input() -> Source:
    pa = need_arrow()
    stream = sys.stdin.buffer
    peek = getattr(stream, "peek", None)
    start = peek(8)[:8] if peek is not None else b""
    if start.startswith((b"PAR1", b"ARROW1")):
        from pyarrow import feather, parquet

        content = pa.BufferReader(read_to_end(stream))
        read = parquet.read_table if start[:4] == b"PAR1" else feather.read_table
        return MemoryTable(read(content), "standard input")
    if start.startswith(b"\xff\xff\xff\xff"):
        return Once(pa.ipc.open_stream(stream), "standard input")
    return CsvFile(csvfile.Content(stream, "standard input"), "standard input")


def _open_auto_mpg() -> Source:
    from fastnn.datasets import load_auto_mpg

    pa = need_arrow()
    cars = load_auto_mpg()
    columns: dict[str, Any] = {}
    for i, name in enumerate(cars.feature_names):
        values = cars.x[:, i]
        whole = name in ("cylinders", "modelyear")
        columns[name] = values != 0 if name == "passedemissions" else values
        if whole:
            columns[name] = values.astype("int64")
    columns[cars.target_name] = cars.y[:, 0]
    return MemoryTable(pa.table(columns), "auto-mpg")
