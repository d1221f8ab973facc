"""Files appear whole or not at all, come back as they went, and what is not a file of its kind is named in one line."""

import math
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from boundary.artifacts import files
from boundary.data.reading import read_table
from boundary.errors import FileError
from boundary.plots.png import write_png
from tests.support.repository import ROOT

COLUMNS = {
    "float32": np.array([0.1, -0.0, np.nan, np.inf, 1e-45], np.float32),
    "float64": np.array([0.1, -0.0, np.nan, -np.inf, 5e-324]),
    "int32": np.array([0, -1, 2**31 - 1, -(2**31), 7], np.int32),
    "int64": np.array([0, -1, 2**63 - 1, -(2**63), 7]),
    "bool": np.array([True, False, False, True, True]),
    "text": np.array(["", "a", "ä, b", 'a "b"\n', "1"]),
}


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def one_line(path: Path, reader: Callable[[Path], object]) -> str:
    """What the reader refuses a file with."""
    with pytest.raises(FileError) as error:
        reader(path)
    message = str(error.value)
    assert "\n" not in message
    assert str(path) in message
    return message


# --- write ---------------------------------------------------------------------------------------------------------


def write(path: Path, writer: Callable[[IO[bytes]], object]) -> None:
    with files.open_atomically(path) as file:
        writer(file)


def test_a_file_appears_with_its_folders_readable_by_all(tmp_path: Path) -> None:
    """Whatever the umask."""
    path = tmp_path / "a/b/c.txt"
    before = os.umask(0o077)
    try:
        write(path, lambda file: file.write(b"new"))
    finally:
        os.umask(before)
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o644
    assert names(path.parent) == ["c.txt"]


def half(file: IO[bytes]) -> None:
    file.write(b"half of it")


def half_then_fail(file: IO[bytes]) -> None:
    half(file)
    raise RuntimeError("no more")


def half_then_interrupt(file: IO[bytes]) -> None:
    half(file)
    raise KeyboardInterrupt


@pytest.mark.parametrize("there", [True, False], ids=["overwriting", "anew"])
@pytest.mark.parametrize(
    ("writer", "broken", "error"),
    [
        (half_then_fail, None, RuntimeError),
        (half_then_interrupt, None, KeyboardInterrupt),
        (half, "fsync", FileError),
        (half, "chmod", FileError),
        (half, "replace", FileError),
    ],
)
def test_a_write_that_fails_changes_nothing(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    there: bool,
    writer: Callable[[IO[bytes]], None],
    broken: str | None,
    error: type[BaseException],
) -> None:
    path = tmp_path / "file.bin"
    if there:
        path.write_bytes(b"old")
    if broken:

        def disk_full(*_: object) -> None:
            raise OSError("disk full")

        monkeypatch.setattr(os, broken, disk_full)
    with pytest.raises(error):
        write(path, writer)
    assert names(tmp_path) == (["file.bin"] if there else [])
    assert not there or path.read_bytes() == b"old"


def test_the_old_file_is_there_until_the_new_one_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "file.bin"
    path.write_bytes(b"old")

    def look(file: IO[bytes]) -> None:
        half(file)
        file.flush()
        assert path.read_bytes() == b"old"

    write(path, look)
    assert path.read_bytes() == b"half of it"


@pytest.mark.parametrize("failing", ["first", "second"])
def test_of_files_written_side_by_side_the_one_that_fails_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    """And none of them appears."""
    write_table = pq.ParquetWriter.write_table

    def full(writer: pq.ParquetWriter, table: pa.Table, **options: object) -> None:
        if failing in table.column_names:
            raise OSError("disk full")
        write_table(writer, table, **options)

    monkeypatch.setattr(pq.ParquetWriter, "write_table", full)
    paths = [tmp_path / "first", tmp_path / "second"]

    def write_both() -> None:
        with files.batch_writer(paths[0]) as first, files.batch_writer(paths[1]) as second:
            first({"first": np.zeros(3)})
            second({"second": np.zeros(3)})

    with pytest.raises(FileError) as caught:
        write_both()
    assert str(caught.value) == f"{tmp_path / failing}: cannot be written (disk full)"
    assert names(tmp_path) == []


@pytest.mark.parametrize("link", [os.link, os.symlink])
def test_what_a_link_points_to_is_left_alone(tmp_path: Path, link: Callable[[Path, Path], None]) -> None:
    """DVC may link a workspace's files into its cache, read-only."""
    cached, path = tmp_path / "cached", tmp_path / "file"
    cached.write_bytes(b"old")
    cached.chmod(0o444)
    link(cached, path)
    files.write_text(path, "new")
    assert (cached.read_bytes(), path.read_bytes()) == (b"old", b"new")
    assert not path.is_symlink()


# --- text, JSON, CSV -----------------------------------------------------------------------------------------------


def test_json_by_hand(tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    content = {"z": 0.1, "a": ["ä", None, True]}
    files.write_json(path, content)
    assert path.read_bytes() == '{\n  "z": 0.1,\n  "a": [\n    "ä",\n    null,\n    true\n  ]\n}\n'.encode()
    assert files.read_json(path) == content


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_json_has_no_nan(tmp_path: Path, number: float) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        files.write_json(tmp_path / "file.json", {"a": [number]})
    assert names(tmp_path) == []


@pytest.mark.parametrize("content", [b"", b'{"a": ', b"\xff\xfe"])
def test_what_is_not_json_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file.json"
    path.write_bytes(content)
    one_line(path, files.read_json)


def test_csv_by_hand(tmp_path: Path) -> None:
    path = tmp_path / "file.csv"
    files.write_csv(path, ("n", "x"), ((k, f"{k / 4:.2f}") for k in range(3)))
    assert path.read_bytes() == b"n,x\n0,0.00\n1,0.25\n2,0.50\n"


# --- columns -------------------------------------------------------------------------------------------------------


def test_columns_come_back_bit_for_bit_in_order(tmp_path: Path) -> None:
    path = tmp_path / "file.parquet"
    files.write_columns(path, COLUMNS)
    found = files.read_columns(path)
    assert list(found) == list(COLUMNS)
    for name, column in COLUMNS.items():
        assert found[name].dtype == column.dtype, name
        assert found[name].tobytes() == column.tobytes(), name


@settings(deadline=None, max_examples=50)
@given(
    st.sampled_from(["f4", "f8", "i4", "i8", "u1"]).flatmap(
        lambda dtype: arrays(dtype, st.tuples(st.integers(0, 20), st.just(3)))
    )
)
def test_any_numbers_come_back(tmp_path_factory: pytest.TempPathFactory, table: np.ndarray) -> None:
    """From columns that do not lie contiguous in memory, too."""
    path = tmp_path_factory.mktemp("columns") / "file.parquet"
    files.write_columns(path, {"a": table[:, 1], "b": table[::-1, 0]})
    found = files.read_columns(path)
    assert found["a"].dtype == found["b"].dtype == table.dtype
    assert found["a"].tobytes() == table[:, 1].tobytes()
    assert found["b"].tobytes() == table[::-1, 0].tobytes()


def test_a_table_without_rows_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "file.parquet"
    files.write_columns(path, {name: column[:0] for name, column in COLUMNS.items()})
    found = files.read_columns(path)
    assert {name: column.shape for name, column in found.items()} == dict.fromkeys(COLUMNS, (0,))
    for name in ("float32", "float64", "int32", "int64"):
        assert found[name].dtype == COLUMNS[name].dtype


def test_a_table_of_several_row_groups_comes_back(tmp_path: Path) -> None:
    """As other programs write them."""
    path = tmp_path / "file.parquet"
    column = np.arange(2**20 + 5, dtype=np.int32)
    pq.write_table(pa.table({"a": column}), path)
    assert pq.ParquetFile(path).num_row_groups == 2
    np.testing.assert_array_equal(files.read_columns(path)["a"], column)


def test_columns_that_were_read_may_be_written_to(tmp_path: Path) -> None:
    path = tmp_path / "file.parquet"
    files.write_columns(path, COLUMNS)
    for name, column in files.read_columns(path).items():
        column[0] = column[1]
        assert column[0] == COLUMNS[name][1]


def test_equal_columns_are_equal_bytes(tmp_path: Path) -> None:
    """However they lie in memory."""
    apart = {
        name: np.stack([column, column], axis=1)[:, 0] if column.dtype.kind in "if" else column.copy()
        for name, column in COLUMNS.items()
    }
    assert not apart["float32"].flags.contiguous
    files.write_columns(tmp_path / "a", COLUMNS)
    files.write_columns(tmp_path / "b", apart)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_pandas_reads_the_columns(tmp_path: Path) -> None:
    path = tmp_path / "file.parquet"
    files.write_columns(path, COLUMNS)
    table = pd.read_parquet(path)
    assert list(table.columns) == list(COLUMNS)
    for name, column in COLUMNS.items():
        np.testing.assert_array_equal(table[name].to_numpy(), column)
    assert pq.ParquetFile(path).schema_arrow.metadata is None


def test_nulls_of_others_come_back_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "file.parquet"
    pq.write_table(pa.table({"a": [1, None, 3]}), path)
    assert files.read_columns(path)["a"].tolist() == [1, None, 3]


def test_numbers_are_written_and_read_without_pandas(tmp_path: Path) -> None:
    program = (
        "import sys, numpy as np; from pathlib import Path; from boundary.artifacts import files\n"
        f"path = Path({str(tmp_path / 'file.parquet')!r})\n"
        "files.write_columns(path, {t: np.zeros(3, t) for t in ('f4', 'f8', 'i4', 'i8')})\n"
        "files.read_columns(path)\n"
        "assert 'pyarrow' in sys.modules\n"
        "sys.exit('pandas' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=False).returncode == 0


@pytest.mark.parametrize("damage", ["missing", "empty", "truncated", "text", "page"])
def test_what_is_not_parquet_is_named(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "file.parquet"
    files.write_columns(path, {"a": np.arange(100.0)})
    whole = path.read_bytes()
    contents = {"empty": b"", "truncated": whole[:-50], "text": b"a,b\n1,2\n", "page": b"PAR1" + b"\xff" * 40}
    contents["page"] += whole[len(contents["page"]) :]
    path.unlink()
    if damage != "missing":
        path.write_bytes(contents[damage])
    one_line(path, files.read_columns)


# --- a user's table ------------------------------------------------------------------------------------------------


def test_a_csv_is_read_by_type(tmp_path: Path) -> None:
    path = tmp_path / "own.csv"
    path.write_text('\ufeffwidth,n,answer,ok,"a, b"\n1.5,1,yes,true,"x, y"\n,2,,false,z\n', encoding="utf-8")
    table = read_table(path)
    assert list(table.columns) == ["width", "n", "answer", "ok", "a, b"]
    assert table["width"].isna().tolist() == [False, True]
    assert table["n"].tolist() == [1, 2]
    assert table["n"].dtype == np.int64
    assert table["ok"].tolist() == [True, False]
    assert table["a, b"].tolist() == ["x, y", "z"]


def test_a_parquet_of_pandas_is_read(tmp_path: Path) -> None:
    path = tmp_path / "own.parquet"
    table = pd.DataFrame({"a": [1.5, 2.5], "answer": ["yes", "no"], "n": [1, 2]})
    table.to_parquet(path)
    pd.testing.assert_frame_equal(read_table(path), table)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=20))
def test_floats_of_a_csv_are_read_back_exactly(tmp_path_factory: pytest.TempPathFactory, numbers: list[float]) -> None:
    path = tmp_path_factory.mktemp("floats") / "own.csv"
    files.write_csv(path, ["x"], [[repr(number)] for number in (*numbers, 0.5)])
    assert read_table(path)["x"].to_numpy()[:-1].tobytes() == np.array(numbers).tobytes()


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("a,b\n1,2\n3\n", "row 2: found 1 cells, expected 2"),
        ("a,b\n1,2\n3,4,5\n", "row 2: found 3 cells, expected 2"),
        ("a,b,a\n1,2,3\n", "column 'a' stands twice in the header, expected names that differ"),
        ("", "Empty CSV file"),
        ("ä,b\n1,2\n".encode("latin-1"), ""),
        ("a,b\n1,2\n".encode("utf-16"), ""),
    ],
    ids=["short row", "long row", "duplicate header", "empty", "latin-1 header", "utf-16"],
)
def test_a_bad_csv_is_refused_by_name(tmp_path: Path, content: str | bytes, fault: str) -> None:
    path = tmp_path / "own.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    assert fault in one_line(path, read_table)


def test_text_of_a_csv_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    """Not handed on as bytes, which no later stage could publish."""
    path = tmp_path / "own.csv"
    path.write_bytes("a,answer\n1,é\n2,è\n".encode("latin-1"))
    one_line(path, read_table)


@pytest.mark.parametrize("content", [b"", b"a,b\n1,2\n", b"PAR1PAR1"])
def test_a_bad_parquet_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "own.parquet"
    path.write_bytes(content)
    one_line(path, read_table)


def test_a_parquet_with_a_column_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "own.parquet"
    pq.write_table(pa.Table.from_arrays([pa.array([1]), pa.array([2])], ["a", "a"]), path)
    one_line(path, read_table)


@pytest.mark.parametrize("name", ["own.csv", "own.parquet"])
def test_a_table_that_is_not_there_is_named_with_what_is_wrong(tmp_path: Path, name: str) -> None:
    assert "no such file" in one_line(tmp_path / name, read_table)


@pytest.mark.parametrize("name", ["own.csv", "own.parquet"])
def test_a_folder_is_no_table(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    one_line(tmp_path / name, read_table)


# --- pictures ------------------------------------------------------------------------------------------------------


def test_a_picture_twice_is_the_same_bytes_and_names_no_software(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        figure = Figure(figsize=(2, 2))
        FigureCanvasAgg(figure)
        figure.subplots().plot([1, 3, 2], label="x")
        write_png(tmp_path / name, figure)
    content = (tmp_path / "a.png").read_bytes()
    assert content == (tmp_path / "b.png").read_bytes()
    assert content.startswith(b"\x89PNG")
    assert b"Software" not in content
    assert b"atplotlib" not in content


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"a,b\n1,2\n3\n", "row 2: expected 2 cells"),
        (b"a,b\n1,2,3\n", "row 1: expected 2 cells"),
        (b"a,c\n1,2\n", "column 'b' is missing"),
        (b"", "column 'a' is missing"),
        (b"a,b\n\xff,2\n", "not UTF-8 text"),
        (b'a,b\n1,"2\n', "not readable as CSV (unexpected end of data)"),
    ],
)
def test_a_damaged_csv_of_our_own_is_refused(tmp_path: Path, content: bytes, fault: str) -> None:
    (tmp_path / "file.csv").write_bytes(content)
    with pytest.raises(FileError) as error:
        files.read_csv(tmp_path / "file.csv", ("a", "b"))
    assert str(error.value) == f"{tmp_path}/file.csv: {fault}"


def test_a_csv_of_our_own_comes_back_as_text(tmp_path: Path) -> None:
    files.write_csv(tmp_path / "file.csv", ("a", "b"), [("1", 'x, "y"\n'), ("", "z")])
    assert files.read_csv(tmp_path / "file.csv", ("b",)) == [{"a": "1", "b": 'x, "y"\n'}, {"a": "", "b": "z"}]


def test_pieces_come_back_one_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "pieces.parquet"
    pieces = [{"a": np.arange(k, k + 3), "b": np.full(3, k / 2)} for k in range(4)]
    files.write_batches(path, iter(pieces))
    found = list(files.read_batches(path, 3, ("b",)))
    assert [{name: column.tolist() for name, column in piece.items()} for piece in found] == [
        {name: column.tolist() for name, column in piece.items()} for piece in pieces
    ]
    assert files.read_columns(path)["a"].tolist() == [0, 1, 2, 1, 2, 3, 2, 3, 4, 3, 4, 5]
    with pytest.raises(FileError, match="column 'c' is missing"):
        next(files.read_batches(path, 3, ("c",)))
    assert [len(piece["a"]) for piece in files.read_batches(path, 2)] == [2, 1] * 4


def test_a_piece_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "pieces.parquet"
    files.write_columns(path, {"a": np.arange(3)})
    before = path.read_bytes()

    def pieces() -> Iterator[dict[str, np.ndarray]]:
        yield {"a": np.arange(3)}
        raise FileError("no more")

    with pytest.raises(FileError, match="no more"):
        files.write_batches(path, pieces())
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["pieces.parquet"]
