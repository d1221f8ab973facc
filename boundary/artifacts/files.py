"""Reading and writing the formats of artifacts: a file appears whole or not at all, and equal content is equal bytes.

Parquet is written uncompressed and without pandas' metadata: compressors and versions leave traces in the bytes.
Libraries are imported where a format needs them, so that no stage pays for another's.
"""

import csv
import glob
import io
import json
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from boundary.errors import FileError

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq


@contextmanager
def open_atomically(path: Path) -> Iterator[IO[bytes]]:
    """A file to write to: a temporary one beside the path, which takes its name once the block has ended well.

    Temporary files that a killed process left are removed; only one process may write a file at a time. Raises
    FileError where it cannot be written; the old file is then as it was.
    """
    if path.is_dir():
        raise FileError(f"{path}: is a folder, expected a file")
    with _named(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        for left in path.parent.glob(f".{glob.escape(path.name)}.*.tmp"):
            left.unlink()
        with _replacing(path) as file:
            yield file


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """What the system says of a write, as a FileError that names the file."""
    try:
        yield
    except OSError as error:
        raise FileError(f"{path}: cannot be written ({error.strerror or error})") from None


@contextmanager
def _replacing(path: Path) -> Iterator[IO[bytes]]:
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def write_bytes(path: Path, content: bytes) -> None:
    """Write bytes as they are."""
    with open_atomically(path) as file:
        file.write(content)


def write_text(path: Path, text: str) -> None:
    """Write text as UTF-8."""
    write_bytes(path, text.encode())


def read_text(path: Path) -> str:
    """Read UTF-8 text. Raises FileError."""
    require_file(path)
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise FileError(f"{path}: not UTF-8 text") from None


def write_json(path: Path, content: Any) -> None:
    """Write JSON, indented, in the order given; nan and infinity are refused."""
    write_text(path, json.dumps(content, indent=2, allow_nan=False, ensure_ascii=False) + "\n")


def read_json(path: Path) -> Any:
    """Read JSON. Raises FileError."""
    require_file(path)
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:  # not JSON, or not UTF-8
        raise FileError(f"{path}: not JSON ({error})") from None


def write_csv(path: Path, header: Iterable[object], rows: Iterable[Iterable[object]]) -> None:
    """Write a CSV; what needs quotes gets them."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    write_text(path, text.getvalue())


def read_csv(path: Path, needed: Iterable[str]) -> list[dict[str, str]]:
    """Read a CSV of the project's own as rows of text. Raises FileError where a column or a cell is missing."""
    rows = csv.DictReader(io.StringIO(read_text(path), newline=""), restkey="", strict=True)
    try:
        missing = [name for name in needed if name not in (rows.fieldnames or [])]
        if missing:
            raise FileError(f"{path}: column {missing[0]!r} is missing")
        found = list(rows)
    except csv.Error as error:
        raise FileError(f"{path}: not readable as CSV ({error})") from None
    for number, row in enumerate(found, start=1):
        if "" in row or None in row.values():
            raise FileError(f"{path}: row {number}: expected {len(rows.fieldnames or [])} cells")
    return found


def require_file(path: Path) -> None:
    """Raises FileError where it is none."""
    if not path.is_file():
        raise FileError(f"{path}: {'is a folder, expected a file' if path.is_dir() else 'no such file'}")


def write_columns(path: Path, columns: Mapping[str, Any]) -> None:
    """Write equally long arrays as a Parquet file."""
    write_batches(path, [columns])


def write_batches(path: Path, batches: Iterable[Mapping[str, Any]]) -> None:
    """Write tables of the same columns, below each other, as a Parquet file; only one of them is held at a time."""
    with batch_writer(path) as write:
        for batch in batches:
            write(batch)


@contextmanager
def batch_writer(path: Path) -> Iterator[Callable[[Mapping[str, Any]], None]]:
    """A function that adds a table's columns to a Parquet file, which appears once the block has ended well."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    with open_atomically(path) as file, ExitStack() as stack:
        writer: pq.ParquetWriter | None = None

        def write(columns: Mapping[str, Any]) -> None:
            nonlocal writer
            arrays = [_to_arrow(np.asarray(column)) for column in columns.values()]
            table = pa.Table.from_arrays(arrays, list(columns))
            with _named(path):  # other files may be open beside it
                if writer is None:
                    writer = stack.enter_context(pq.ParquetWriter(file, table.schema, compression="none"))
                writer.write_table(table, row_group_size=max(1, table.num_rows))

        yield write


def read_columns(path: Path, needed: Iterable[str] = ()) -> dict[str, np.ndarray]:
    """Read a Parquet file as arrays. Raises FileError where it is none, or lacks a column that is needed."""
    with _parquet(path, needed) as file:
        return _arrays(file.read())


def read_batches(path: Path, rows: int, needed: Iterable[str] = ()) -> Iterator[dict[str, np.ndarray]]:
    """Read what `write_batches` wrote, so many rows at a time. Raises FileError as read_columns."""
    with _parquet(path, needed) as file:
        for group in range(file.num_row_groups):
            table = file.read_row_group(group)
            for start in range(0, table.num_rows, rows):
                yield _arrays(table.slice(start, rows))
            del table  # before the next one is read


@contextmanager
def _parquet(path: Path, needed: Iterable[str]) -> Iterator["pq.ParquetFile"]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    require_file(path)
    try:
        file = pq.ParquetFile(path)
        names = file.schema_arrow.names
        missing = [name for name in needed if name not in names]
        if missing:
            raise FileError(f"{path}: column {missing[0]!r} is missing, found {', '.join(names)}")
        yield file
    except (pa.ArrowException, OSError):
        raise FileError(f"{path}: not readable as Parquet") from None


def _arrays(table: "pa.Table") -> dict[str, np.ndarray]:
    return {name: _from_arrow(table[name].combine_chunks()) for name in table.column_names}


def _to_arrow(column: np.ndarray) -> "pa.Array":
    """Numbers are handed over as they lie in memory: pa.array and to_numpy would import pandas, half a second."""
    import pyarrow as pa

    if column.dtype.kind not in "iuf":
        return pa.array(column.tolist())
    contiguous = np.ascontiguousarray(column)
    return pa.Array.from_buffers(pa.from_numpy_dtype(column.dtype), len(column), [None, pa.py_buffer(contiguous)])


def _from_arrow(column: "pa.Array") -> np.ndarray:
    """The opposite; the result is a copy that may be written to."""
    import pyarrow.types as types

    if types.is_boolean(column.type) or not types.is_primitive(column.type) or column.null_count:
        return np.array(column.to_pylist())
    dtype = column.type.to_pandas_dtype()
    start = column.offset * np.dtype(dtype).itemsize
    return np.frombuffer(column.buffers()[1], dtype, len(column), start).copy()
