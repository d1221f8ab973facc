"""Reading and writing the artefacts' formats: every file appears whole or not at all, and equal content is equal bytes.

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

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as pq
    from matplotlib.figure import Figure


class FileError(ValueError):
    """What is wrong with a file, in one line that names it."""


def write(path: Path, write_to: Callable[[IO[bytes]], object]) -> None:
    """Write a file through `write_to`, atomically: a temporary file beside it takes its name once it is whole.

    Temporary files that a killed process left are removed; only one process may write a file at a time. Raises
    FileError where it cannot be written; the old file is then as it was.
    """
    if path.is_dir():
        raise FileError(f"{path}: is a folder, expected a file")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        for left in path.parent.glob(f".{glob.escape(path.name)}.*.tmp"):
            left.unlink()
        _replace(path, write_to)
    except OSError as error:
        raise FileError(f"{path}: cannot be written ({error.strerror or error})") from None


def _replace(path: Path, write_to: Callable[[IO[bytes]], object]) -> None:
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            write_to(file)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def write_bytes(path: Path, content: bytes) -> None:
    """Write bytes as they are."""
    write(path, lambda file: file.write(content))


def write_text(path: Path, text: str) -> None:
    """Write text as UTF-8."""
    write_bytes(path, text.encode())


def read_text(path: Path) -> str:
    """Read UTF-8 text. Raises FileError."""
    must_be_a_file(path)
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise FileError(f"{path}: not UTF-8 text") from None


def write_json(path: Path, content: Any) -> None:
    """Write JSON, indented, in the order given; nan and infinity are refused."""
    write_text(path, json.dumps(content, indent=2, allow_nan=False, ensure_ascii=False) + "\n")


def read_json(path: Path) -> Any:
    """Read JSON. Raises FileError."""
    must_be_a_file(path)
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


def must_be_a_file(path: Path) -> None:
    """Raises FileError where it is none."""
    if not path.is_file():
        raise FileError(f"{path}: {'is a folder, expected a file' if path.is_dir() else 'no such file'}")


def write_columns(path: Path, columns: Mapping[str, Any]) -> None:
    """Write equally long arrays as a Parquet file."""
    write_pieces(path, [columns])


def write_pieces(path: Path, pieces: Iterable[Mapping[str, Any]]) -> None:
    """Write tables of the same columns, below each other, as a Parquet file; only one of them is held at a time."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    def write_all(file: IO[bytes]) -> None:
        with ExitStack() as stack:
            writer = None
            for columns in pieces:
                arrays = [_to_arrow(np.asarray(column)) for column in columns.values()]
                table = pa.Table.from_arrays(arrays, list(columns))
                writer = writer or stack.enter_context(pq.ParquetWriter(file, table.schema, compression="none"))
                writer.write_table(table, row_group_size=max(1, table.num_rows))

    write(path, write_all)


def read_columns(path: Path, needed: Iterable[str] = ()) -> dict[str, np.ndarray]:
    """Read a Parquet file as arrays. Raises FileError where it is none, or lacks a column that is needed."""
    with _parquet(path, needed) as file:
        return _arrays(file.read())


def read_pieces(path: Path, rows: int, needed: Iterable[str] = ()) -> Iterator[dict[str, np.ndarray]]:
    """Read what `write_pieces` wrote, so many rows at a time, as each piece had. Raises FileError as read_columns."""
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

    must_be_a_file(path)
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


def read_table(path: Path, words: Iterable[str] = (), missing: Iterable[str] = ()) -> "pd.DataFrame":
    """Read a user's table, .csv (comma-separated, UTF-8, with a header) or .parquet. Raises FileError.

    Of a CSV, empty cells are missing values, and cells that hold a word of `missing`; other words, NA among them, are
    words; the columns `words` are read as they stand there, digits and all. Arrow's CSV reader, because it refuses
    ragged rows (pandas shifts or cuts them) and reads every float back exactly.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    must_be_a_file(path)
    try:
        table = _read_csv(path, words, missing) if path.suffix == ".csv" else pq.ParquetFile(path).read()
        names = table.column_names
    except UnicodeDecodeError:
        raise FileError(f"{path}: the header is not UTF-8 text") from None
    except (pa.ArrowException, OSError) as error:
        what = f"not readable as CSV: {str(error).splitlines()[0]}" if path.suffix == ".csv" else "not Parquet"
        raise FileError(f"{path}: {what}") from None
    check_header(path, names)
    for name in names:
        try:
            table[name].validate(full=True)
        except pa.ArrowException as error:
            raise FileError(f"{path}: column {name!r}: not readable ({str(error).splitlines()[0]})") from None
    if path.suffix == ".csv":
        for name in names:
            if pa.types.is_binary(table[name].type):
                raise FileError(f"{path}: column {name!r}: not UTF-8 text")
    try:
        frame = table.to_pandas()
    except (pa.ArrowException, ValueError, LookupError, TypeError) as error:
        raise FileError(f"{path}: not readable as a table ({(str(error).splitlines() or [''])[0]})") from None
    return frame.set_axis([str(name) for name in frame.columns], axis=1)


def check_header(path: Path, names: list[str]) -> None:
    """Refuse columns without a name, or of the same name. Raises FileError."""
    for place, name in enumerate(names, start=1):
        if not name.strip():
            raise FileError(f"{path}: column {place} of the header has no name")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise FileError(f"{path}: column {twice[0]!r} stands twice in the header, expected names that differ")


def check_csv(path: Path) -> None:
    """Refuse what Arrow's reader takes for text and is none, and a quotation that never ends. Raises FileError."""
    quotes = 0
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            quotes += block.count(b'"')
            if b"\0" in block:
                raise FileError(f"{path}: not UTF-8 text (it holds zero bytes)")
    if quotes % 2:
        raise FileError(f"{path}: found {quotes} quotation marks, expected as many that close as that open")


def read_words(path: Path, column: str) -> list[str]:
    """The cells of a CSV's column as they stand there, for a file that read_table has read."""
    import pyarrow as pa
    import pyarrow.csv as pacsv

    convert = pacsv.ConvertOptions(include_columns=[column], column_types={column: pa.string()})
    parse = pacsv.ParseOptions(newlines_in_values=True)
    return pacsv.read_csv(path, parse_options=parse, convert_options=convert)[column].to_pylist()


def _read_csv(path: Path, words: Iterable[str], missing: Iterable[str]) -> "pa.Table":
    import pyarrow as pa
    import pyarrow.csv as pacsv

    check_csv(path)
    ragged: list[pacsv.InvalidRow] = []

    def note(row: "pacsv.InvalidRow") -> str:
        ragged.append(row)
        return "skip"

    table = pacsv.read_csv(
        path,
        pacsv.ReadOptions(use_threads=False),  # with threads, rows are not numbered
        pacsv.ParseOptions(newlines_in_values=True, invalid_row_handler=note),
        pacsv.ConvertOptions(
            column_types={name: pa.string() for name in words}, null_values=["", *missing], strings_can_be_null=True
        ),
    )
    if ragged:
        row = ragged[0]
        number = row.number - 1  # the header is not counted
        raise FileError(f"{path}: row {number}: found {row.actual_columns} cells, expected {row.expected_columns}")
    return table


def write_png(path: Path, figure: "Figure") -> None:
    """Write a figure as PNG, without the name of the software: its version would be in the bytes."""
    write(path, lambda file: figure.savefig(file, format="png", metadata={"Software": None}))
