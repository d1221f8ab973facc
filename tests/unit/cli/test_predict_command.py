"""boundary/cli/predict.py: tables in, predictions out, in pieces that leave no trace."""

import argparse
import collections
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest
import torch

from benchmarks import growth
from boundary.cli import predict as command
from boundary.data import streaming
from boundary.errors import FileError, TableError
from boundary.evaluation import ensembles
from boundary.models.model import load_model, mark_diverged, save_model
from boundary.models.predict import predict
from tests.support.repository import ROOT, run
from tests.support.trained import SCHEMAS, model, table

ROWS = 500


@pytest.fixture(params=SCHEMAS)
def saved(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A model's file."""
    save_model(tmp_path / "net.safetensors", model(SCHEMAS[request.param]))
    return tmp_path / "net.safetensors"


def written(folder: Path, rows: pd.DataFrame, suffix: str) -> Path:
    path = folder / f"new{suffix}"
    if suffix == ".csv":
        rows.to_csv(path, index=False)
    else:
        rows.to_parquet(path, index=False)
    return path


def ran(*arguments: Path | str) -> None:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    command.run(parser.parse_args(list(map(str, arguments))))


@pytest.mark.parametrize("output", [".csv", ".parquet"])
@pytest.mark.parametrize("given", [".csv", ".parquet"])
def test_the_answers_are_those_of_the_model(
    given: str, output: str, saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However the table is cut into pieces; columns that the model does not know are ignored, the target too."""
    rows = table(ROWS).assign(y="anything")
    chosen = load_model(saved)
    said = predict(chosen, torch.from_numpy(command.inputs(rows, chosen.schema))).numpy()
    expected = ensembles.ensemble_predictions(chosen.schema, list(said))
    contents = set()
    for cut in (ROWS, 64, 1 << 15):
        monkeypatch.setattr(streaming, "ROWS", cut)
        ran(saved, written(tmp_path, rows, given), tmp_path / f"found{output}")
        found = (pd.read_csv if output == ".csv" else pd.read_parquet)(tmp_path / f"found{output}")
        assert list(found.columns) == list(expected)
        assert found["predicted"].astype(expected["predicted"].dtype).tolist() == expected["predicted"].tolist()
        for name in list(expected)[1:]:
            assert found[name].astype(np.float32).tolist() == expected[name].tolist(), name
        contents.add((tmp_path / f"found{output}").read_bytes())
    assert len(contents) == (1 if output == ".csv" else len(contents))


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
@pytest.mark.parametrize(
    ("name", "change", "problem"),
    [
        ("words", {"b": None}, "column 'b': not in the table, known: a"),
        ("words", {"b": "x"}, "column 'b', row 1: found 'x', expected a number in every row"),
        ("words", {"b": np.nan}, "column 'b', row 1: missing, expected a number in every row"),
        ("words", {"b": 1e39}, "column 'b', row 1: found 1e+39, expected a finite float32 number"),
        ("mixed", {"town": None}, "column 'town': not in the table, known: "),
        ("mixed", {"age": "x"}, "column 'age', row 1: found 'x', expected a number, as in training"),
    ],
)
def test_a_table_that_does_not_match_is_refused_with_the_column(
    name: str, change: dict[str, object], problem: str, suffix: str, tmp_path: Path
) -> None:
    """And what stood in the place of the output stays."""
    save_model(tmp_path / "net.safetensors", model(SCHEMAS[name]))
    columns = ["a", "b"] if name == "words" else ["age", "town", "size", "kind"]
    rows = table(5)[columns].assign(**change).dropna(axis=1, how="all")
    if change.get("b") is not None and rows.shape[1] < 2:
        rows = rows.assign(b=np.nan)
    new = written(tmp_path, rows, suffix)
    (tmp_path / "old.csv").write_text("as it was")
    with pytest.raises((TableError, FileError)) as caught:
        ran(tmp_path / "net.safetensors", new, tmp_path / "old.csv")
    assert str(caught.value).startswith(f"{new}: {problem}")
    assert (tmp_path / "old.csv").read_text() == "as it was"
    assert {path.name for path in tmp_path.iterdir()} == {"net.safetensors", new.name, "old.csv"}


@pytest.mark.parametrize("cell", ["x", ""])
def test_the_row_is_that_of_the_table(cell: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not that of a piece, whether Arrow or the model finds it."""
    monkeypatch.setattr(streaming, "ROWS", 100)
    lines = [f"{k},{k}" for k in range(200_000)]
    lines[150_000] = f"1,{cell}"
    (tmp_path / "new.csv").write_text("\n".join(["a,b", *lines]) + "\n")
    pieces = command.predictions(model(SCHEMAS["words"]), tmp_path / "new.csv")
    with pytest.raises(TableError, match=r"column 'b', row 150001: (found 'x'|missing), expected a number"):
        collections.deque(pieces, maxlen=0)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "not readable as CSV: Empty CSV file"),
        (b"a,b\n", "no rows"),
        (b"a,b\n1,2,3\n", "row 1: found 3 cells, expected 2"),
        (b"a,b\n1,2\n1\n", "row 2: found 1 cells, expected 2"),
        (b"a,b\n" + b"1,2\n" * 500_000 + b"1,2,3\n", "row 500001: found 3 cells, expected 2"),
        (b'a,b\n0,0.1\n"1,2",3\n', "column 'a', row 2: found '1,2', expected a number in every row"),
        (b"a,a\n1,2\n", "column 'a' stands twice in the header"),
        (b'a,b\n1,"2\n', "found 1 quotation marks"),
        (b"a,b\n1,\0\n", "not UTF-8 text"),
        (b"a,\xff\n1,2\n", "the header is not UTF-8 text"),
    ],
)
def test_what_is_no_table_is_refused(content: bytes, problem: str, tmp_path: Path) -> None:
    (tmp_path / "new.csv").write_bytes(content)
    with pytest.raises((TableError, FileError)) as caught:
        list(command.predictions(model(SCHEMAS["words"]), tmp_path / "new.csv"))
    assert str(caught.value).startswith(f"{tmp_path / 'new.csv'}: {problem}")


def test_preprocessing_blames_the_cell_that_is_no_number(tmp_path: Path) -> None:
    (tmp_path / "new.csv").write_text('kind,size,town,age\n7,1,Ulm,0\n7,1,Ulm,\n7,1,Ulm,"1,2"\n')
    with pytest.raises(TableError, match=r"column 'age', row 3: found '1,2', expected a number, as in training"):
        list(command.predictions(model(SCHEMAS["mixed"]), tmp_path / "new.csv"))


def test_parquet_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "new.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(FileError, match=r"new\.parquet: not readable as Parquet"):
        list(command.predictions(model(SCHEMAS["words"]), tmp_path / "new.parquet"))


def test_numbers_true_and_false_and_words_as_training_reads_them(tmp_path: Path) -> None:
    """true is 1; 7 is the word "7" where the model knows words; ? is missing."""
    chosen = model(SCHEMAS["mixed"])
    (tmp_path / "new.csv").write_text("kind,size,town,age\n7,1000000,?,true\n8,1000000,Ulm,false\n")
    (found,) = command.predictions(chosen, tmp_path / "new.csv")
    rows = pd.DataFrame({"kind": ["7", "8"], "size": 1e6, "town": [None, "Ulm"], "age": [1.0, 0.0]})
    said = predict(chosen, torch.from_numpy(command.inputs(rows, chosen.schema))).numpy()
    assert (
        found["probability_low"].tolist()
        == ensembles.ensemble_predictions(chosen.schema, list(said))["probability_low"].tolist()
    )


def test_mistakes_of_the_command(tmp_path: Path) -> None:
    save_model(tmp_path / "net.safetensors", model(SCHEMAS["words"]))
    net, new = tmp_path / "net.safetensors", written(tmp_path, table(3), ".csv")
    lost = tmp_path / "lost.safetensors"
    save_model(lost, mark_diverged(load_model(net), {0, 1, 2}))
    for words, problem in [
        ((tmp_path / "none", new, tmp_path / "o.csv"), "none: no such file; there are: lost, net"),
        (
            (tmp_path / "away/none", new, tmp_path / "o.csv"),
            "away/none: no such file; `make repro` trains it, `dvc pull`",
        ),
        (("none", new, tmp_path / "o.csv"), "models/none.safetensors: no such file; "),
        ((net, new, new), "new.csv: is the table itself"),
        ((net, new, tmp_path / "o.txt"), "o.txt: expected a .csv or .parquet file"),
        ((net, tmp_path / "none.csv", tmp_path / "o.csv"), "none.csv: no such file"),
        ((new, new, tmp_path / "o.csv"), "new.csv: not a model of this project"),
        ((lost, new, tmp_path / "o.csv"), "lost.safetensors: every replicate diverged"),
    ]:
        with pytest.raises(FileError, match=re.escape(problem)):
            ran(*words)
    done = run(ROOT, sys.executable, "-m", "boundary.cli", "predict", str(net), str(new), str(new), check=False)
    assert done.returncode == 1
    assert done.stderr == f"{new}: is the table itself, expected another file\n"


def test_a_model_is_named_by_its_variant_or_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    save_model(tmp_path / "models/net.safetensors", model(SCHEMAS["words"]))
    monkeypatch.chdir(tmp_path)
    new = written(tmp_path, table(3), ".csv")
    for word in ("net", "models/net.safetensors", tmp_path / "models/net.safetensors"):
        ran(word, new, "found.csv")
        assert capsys.readouterr().out == "found.csv: 3 rows, the mean of 3 networks\n"


def peak(saved: Path, new: Path, output: Path) -> tuple[float, float]:
    """Of a whole run: processor seconds, and the MiB held at most, as make growth measures them."""
    return growth.run(ROOT, [sys.executable, "-m", "boundary.cli", "predict", str(saved), str(new), str(output)])


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_memory_does_not_grow_with_the_rows(
    suffix: str, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """Ten million rows need no more than a hundred thousand, but for buffers. Prints the seconds and MiB of both."""
    save_model(tmp_path / "net.safetensors", model(SCHEMAS["words"], "relu", 16, (10, 10)))
    peaks = []
    for rows in (100_000, 10_000_000):
        new = tmp_path / f"new{suffix}"
        draw = np.random.default_rng(0)
        with new.open("wb") as file:
            columns = pa.schema([("a", pa.float64()), ("b", pa.float64())])
            writer = pacsv.CSVWriter(file, columns) if suffix == ".csv" else pq.ParquetWriter(file, columns)
            for _ in range(rows // 100_000):
                writer.write_table(pa.table({name: draw.normal(size=100_000).round(6) for name in "ab"}))
            writer.close()
        start = time.perf_counter()
        seconds, mebibytes = peak(tmp_path / "net.safetensors", new, tmp_path / f"found{suffix}")
        waited = time.perf_counter() - start
        peaks.append(mebibytes)
        told = f"{waited:.1f} s, {seconds:.1f} s of the processor, {mebibytes:.0f} MiB"
        record_property(f"{rows} rows", told)
        print(f"{suffix}, {rows:,} rows: {told}")
    if suffix == ".csv":
        with (tmp_path / "found.csv").open("rb") as file:
            assert sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b"")) == 10_000_001
    else:
        assert pq.ParquetFile(tmp_path / "found.parquet").metadata.num_rows == 10_000_000
    assert peaks[1] < peaks[0] + 120, peaks
