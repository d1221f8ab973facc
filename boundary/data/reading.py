"""A user's table, read whole. Tables too long for memory: streaming.py."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from boundary.artifacts.files import require_file
from boundary.errors import FileError

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


def read_table(path: Path, words: Iterable[str] = (), missing: Iterable[str] = ()) -> "pd.DataFrame":
    """Read a user's table, .csv (comma-separated, UTF-8, with a header) or .parquet. Raises FileError.

    Of a CSV, empty cells are missing values, and cells that hold a word of `missing`; other words, NA among them, are
    words; the columns `words` are read as they stand there, digits and all. Arrow's CSV reader, because it refuses
    ragged rows (pandas shifts or cuts them) and reads every float back exactly.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    require_file(path)
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
