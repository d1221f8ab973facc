"""Tables too long for memory, read and written piece by piece: .csv (as files.read_table reads it) or .parquet."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from boundary.artifacts import files
from boundary.data.reading import check_csv, check_header
from boundary.errors import FileError, TableError, did_you_mean

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

ROWS = 1 << 15


def read_batches(
    path: Path, columns: Sequence[str], words: Collection[str] = (), missing: Iterable[str] = ()
) -> Iterator["pd.DataFrame"]:
    """Pieces of at most ROWS rows of the columns that are named; others are not read.

    Of a CSV, those of `words` are read as they stand there, the others as numbers, true or false, or, where the first
    rows are neither, as words. Raises FileError, and TableError where a column is missing or a cell is no number.
    """
    import pyarrow as pa

    files.require_file(path)
    try:
        source = _csv(path, columns, words, missing) if path.suffix == ".csv" else _parquet(path, columns)
        for batch in source:
            for start in range(0, len(batch), ROWS):
                yield batch.slice(start, ROWS).to_pandas()
    except UnicodeDecodeError:
        raise FileError(f"{path}: the header is not UTF-8 text") from None
    except (pa.ArrowException, OSError) as error:
        kind = "CSV" if path.suffix == ".csv" else "Parquet"
        raise FileError(f"{path}: not readable as {kind}: {str(error).splitlines()[0]}") from None


def _parquet(path: Path, columns: Sequence[str]) -> Iterator["pa.RecordBatch"]:
    import pyarrow.parquet as pq

    file = pq.ParquetFile(path, pre_buffer=False)  # what was buffered stays in memory until the end
    _must_hold(file.schema_arrow.names, columns)
    yield from file.iter_batches(ROWS, columns=columns)


def _csv(
    path: Path, columns: Sequence[str], words: Collection[str], missing: Iterable[str]
) -> Iterator["pa.RecordBatch"]:
    import pyarrow as pa
    import pyarrow.csv as pacsv

    check_csv(path)
    ragged: list[pacsv.InvalidRow] = []

    def note(row: "pacsv.InvalidRow") -> str:
        ragged.append(row)
        return "error"

    read = pacsv.ReadOptions(use_threads=False)  # with threads, rows are not numbered
    parse = pacsv.ParseOptions(newlines_in_values=True, invalid_row_handler=note)
    empty: dict[str, Any] = {"null_values": ["", *missing], "strings_can_be_null": True}
    try:
        head = pacsv.open_csv(path, read, parse, pacsv.ConvertOptions(**empty)).schema
        check_header(path, head.names)
        _must_hold(head.names, columns)
        kinds = {name: pa.string() if name in words else _wide(head.field(name).type) for name in columns}
        convert = pacsv.ConvertOptions(include_columns=columns, column_types=kinds, **empty)
        yield from pacsv.open_csv(path, read, parse, convert)
    except pa.ArrowInvalid as error:
        if ragged:
            number, found, expected = ragged[0].number - 1, ragged[0].actual_columns, ragged[0].expected_columns
            raise FileError(f"{path}: row {number}: found {found} cells, expected {expected}") from None
        place = re.search(r"In CSV column #(\d+): Row #(\d+): .*invalid value '(.*)'", str(error))
        if place is None:
            raise
        name, row = head.names[int(place[1])], int(place[2]) - 1  # the header is a row to Arrow
        raise TableError(f"column {name!r}, row {row}: found {place[3]!r}, expected a number") from None


def _wide(kind: "pa.DataType") -> "pa.DataType":
    """A type for all rows, from that of the first ones."""
    import pyarrow as pa

    return pa.float64() if pa.types.is_null(kind) or pa.types.is_integer(kind) else kind


def _must_hold(found: list[str], needed: Iterable[str]) -> None:
    for name in needed:
        if name not in found:
            raise TableError(f"column {name!r}: not in the table{did_you_mean(name, found)}")


def write_batches(path: Path, batches: Iterable[Mapping[str, np.ndarray]]) -> None:
    """Write pieces of a table, columns that are equally long, as one file: whole or not at all."""
    import pyarrow as pa
    import pyarrow.csv as pacsv
    import pyarrow.parquet as pq

    with files.open_atomically(path) as file:
        writer: Any = None
        for batch in batches:
            table = pa.table({name: pa.array(column) for name, column in batch.items()})
            if writer is None and path.suffix == ".csv":
                writer = pacsv.CSVWriter(file, table.schema, write_options=pacsv.WriteOptions(quoting_style="needed"))
            elif writer is None:
                writer = pq.ParquetWriter(file, table.schema, compression="none")
            writer.write_table(table)
        if writer is not None:
            writer.close()
