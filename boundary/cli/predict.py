"""Let a trained model predict the rows of a new table.

The table is read, and the predictions are written, piece by piece: what it needs of memory does not grow with the rows.
"""

import argparse
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from tqdm import tqdm

from boundary.artifacts.schema import Schema
from boundary.data import preprocessing, streaming, tables
from boundary.errors import FileError, TableError
from boundary.evaluation import ensembles
from boundary.models.model import Model, load_model, without_diverged
from boundary.models.predict import predict

FORMATS = (".csv", ".parquet")


def inputs(table: pd.DataFrame, schema: Schema) -> np.ndarray:
    """x (features, rows) in float32 of a raw table's rows. Raises TableError where it is not like that of training."""
    if schema.preprocessing is None:
        columns = tables.raw_columns(table, schema.features)
        for name, column in columns.items():
            words = column.dtype == object
            gaps = np.flatnonzero(np.isnan(column)).tolist() if not words else []
            bad = tables.first_non_number(column.tolist()) if words else next(iter(gaps), None)
            if bad is not None:
                found = f"found {column[bad]!r}" if words else "missing"
                raise TableError(f"column {name!r}, row {bad + 1}: {found}, expected a number in every row")
    else:
        raw = tables.raw_columns(table, schema.raw_columns, schema.word_columns)
        columns = preprocessing.apply(schema.preprocessing, raw)
    return np.stack([columns[name] for name in schema.features]).astype(np.float32)


def predictions(model: Model, table: Path) -> Iterator[dict[str, np.ndarray]]:
    """The predictions for each piece of a table. Raises TableError and FileError, which name the table and the row."""
    schema, start = model.schema, 0
    missing = schema.preprocessing.missing if schema.preprocessing else ()
    try:
        for batch in streaming.read_batches(table, schema.raw_columns, schema.word_columns, missing):
            try:
                x = inputs(batch, schema)
            except TableError as error:
                raise TableError(_in_whole_table(str(error), start)) from None
            predicted = predict(model, torch.from_numpy(x)).numpy()
            yield ensembles.ensemble_predictions(schema, list(predicted))
            start += len(batch)
    except TableError as error:
        raise TableError(f"{table}: {error}") from None
    if not start:
        raise TableError(f"{table}: no rows")


def _in_whole_table(text: str, rows: int) -> str:
    """A line that names a row of a batch, with the row of the table."""
    return re.sub(r"\brow (\d+):", lambda row: f"row {int(row[1]) + rows}:", text, count=1)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Its arguments."""
    parser.add_argument("model", help="a variant's name, or a file, models/<variant>.safetensors")
    parser.add_argument("table", type=Path, help="the columns that the model was trained on; others are not read")
    parser.add_argument("output", type=Path, help="predicted, probability_<class> for each class, disagreement")


def run(arguments: argparse.Namespace) -> None:
    """Write the predictions, one row per row of the table, in its order. Raises UserError."""
    for path in (arguments.table, arguments.output):
        if path.suffix not in FORMATS:
            raise FileError(f"{path}: expected a .csv or .parquet file")
    if arguments.output.resolve() == arguments.table.resolve():
        raise FileError(f"{arguments.output}: is the table itself, expected another file")
    model = load(model_path(arguments.model))
    torch.set_num_threads(1)  # predict cuts the rows into pieces too small to share
    rows = 0
    with tqdm(desc=arguments.model, unit="row", unit_scale=True, delay=2, disable=not sys.stderr.isatty()) as bar:

        def counted() -> Iterator[dict[str, np.ndarray]]:
            nonlocal rows
            for batch in predictions(model, arguments.table):
                yield batch
                rows += len(batch["predicted"])
                bar.update(len(batch["predicted"]))

        streaming.write_batches(arguments.output, counted())
    print(f"{arguments.output}: {rows} rows, the mean of {len(model.parameters)} networks")


def model_path(word: str) -> Path:
    """The file of a variant's model, or the file that is named."""
    return Path(word) if word.endswith(".safetensors") or "/" in word else Path(f"models/{word}.safetensors")


def load(path: Path) -> Model:
    """The model without the replicates that diverged. Raises FileError."""
    if not path.is_file():
        there = ", ".join(sorted(other.stem for other in path.parent.glob("*.safetensors")))
        hint = f"there are: {there}" if there else "`make repro` trains it, `dvc pull` fetches it"
        raise FileError(f"{path}: no such file; {hint}")
    try:
        return without_diverged(load_model(path))
    except FileError:
        raise
    except ValueError as error:
        raise FileError(f"{path}: {error}") from None
