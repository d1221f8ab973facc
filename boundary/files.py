"""Reading and writing the artefacts' formats: every file appears whole or not at all, and equal content is equal bytes.

Parquet is written uncompressed and without pandas' metadata: compressors and versions leave traces in the bytes.
Libraries are imported where a format needs them, so that no stage pays for another's.
"""

import json
import os
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from boundary.schema import Schema

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    from matplotlib.figure import Figure


class FileError(ValueError):
    """What is wrong with a file, in one line that names it."""


def write(path: Path, write_to: Callable[[IO[bytes]], object]) -> None:
    """Write a file through `write_to`, atomically: a temporary file beside it takes its name once it is whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
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


def write_text(path: Path, text: str) -> None:
    """Write text as UTF-8."""
    write(path, lambda file: file.write(text.encode()))


def write_json(path: Path, content: Any) -> None:
    """Write JSON, indented, in the order given; nan and infinity are refused."""
    write_text(path, json.dumps(content, indent=2, allow_nan=False, ensure_ascii=False) + "\n")


def read_json(path: Path) -> Any:
    """Read JSON."""
    return json.loads(path.read_text(encoding="utf-8"))


def write_csv(path: Path, header: Iterable[str], rows: Iterable[Iterable[object]]) -> None:
    """Write a CSV of values that need no quoting: numbers, plain words."""
    write_text(path, "".join(",".join(str(cell) for cell in row) + "\n" for row in (header, *rows)))


def write_columns(path: Path, columns: Mapping[str, Any]) -> None:
    """Write equally long arrays as a Parquet file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.Table.from_arrays([_to_arrow(np.asarray(column)) for column in columns.values()], list(columns))
    write(path, lambda file: pq.write_table(table, file, compression="none"))


def read_columns(path: Path) -> dict[str, np.ndarray]:
    """Read a Parquet file as arrays."""
    import pyarrow.parquet as pq

    table = pq.ParquetFile(path).read()
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


def read_table(path: Path) -> "pd.DataFrame":
    """Read a user's table, .csv (comma-separated, UTF-8, with a header) or .parquet. Raises FileError.

    Arrow's CSV reader, because it refuses ragged rows (pandas shifts or cuts them) and reads every float back exactly.
    """
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.parquet as pq

    try:
        table = pa.csv.read_csv(path) if path.suffix == ".csv" else pq.read_table(path)
    except pa.ArrowInvalid as error:
        raise FileError(f"{path}: {str(error).splitlines()[0]}") from None
    twice = sorted({name for name in table.column_names if table.column_names.count(name) > 1})
    if twice:
        raise FileError(f"{path}: column {twice[0]!r} stands twice in the header, expected names that differ")
    return table.to_pandas()


def write_schema(path: Path, schema: Schema) -> None:
    """Write what a table's columns mean, as JSON."""
    write_json(path, asdict(schema))


def read_schema(path: Path) -> Schema:
    """Read what `write_schema` wrote."""
    return Schema.of(read_json(path))


def write_png(path: Path, figure: "Figure") -> None:
    """Write a figure as PNG, without the name of the software: its version would be in the bytes."""
    write(path, lambda file: figure.savefig(file, format="png", metadata={"Software": None}))
