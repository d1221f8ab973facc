"""What split and train leave for the next stages, checked as it is read: it may be damaged, or of another run.

All functions that read raise FileError with one line that names the file.
"""

import math
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from boundary.artifacts import files
from boundary.artifacts.files import FileError
from boundary.artifacts.schema import Schema, TableError, class_indices


def write_schema(path: Path, schema: Schema) -> None:
    """Write what a table's columns mean, as JSON."""
    files.write_json(path, schema.plain())


def read_schema(path: Path) -> Schema:
    """Read what `write_schema` wrote. Raises FileError."""
    content = files.read_json(path)
    try:
        return Schema.of(content)
    except ValueError as error:
        raise FileError(f"{path}: {error}") from None


def part_paths(folder: Path) -> dict[str, Path]:
    """The tables of a folder with one per part of a split: train, test and, where it is there, validation."""
    paths = {part: folder / f"{part}.parquet" for part in ("train", "test", "validation")}
    return {part: path for part, path in paths.items() if part != "validation" or path.exists()}


def read_split(folder: Path) -> tuple[Schema, dict[str, dict[str, np.ndarray]]]:
    """Read what the split stage wrote: the schema, and the columns of each part. Raises FileError.

    Features, and the target of a regression, are finite numbers; every label is one of the schema's classes.
    """
    schema = read_schema(folder / "schema.json")
    parts = {}
    for name, path in part_paths(folder).items():
        columns = parts[name] = files.read_columns(path, (*schema.features, schema.target))
        if not len(columns[schema.target]):
            raise FileError(f"{path}: no rows")
        for column in (*schema.features, *(() if schema.classes else (schema.target,))):
            _must_be_numbers(path, columns, column)
            _must_all(path, columns, column, np.isfinite(columns[column]), "a finite number")
        if schema.classes:
            try:
                class_indices(columns[schema.target], schema)
            except TableError as error:
                raise FileError(f"{path}: {error}") from None
    return schema, parts


def read_replicates(path: Path, schema: Schema, rows: Mapping[str, np.ndarray]) -> Iterator[dict[str, np.ndarray]]:
    """Read what predictions.tables said of these rows, a part of a split: a table of each replicate. Raises FileError.

    All with the truth; predicted classes are among the schema's, probabilities from 0 to 1, and predicted amounts
    finite, all but those of a replicate that diverged: they are nan.
    """
    classes, target = len(schema.classes), rows[schema.target]
    true = class_indices(target, schema) if classes else target
    shares = [f"probability_{k}" for k in range(classes)]
    needed = ("replicate", "row", "true", "predicted", *shares)
    count = 0
    for found in files.read_pieces(path, len(target), needed):  # enumerate would keep the one before
        for name in needed:
            _must_be_numbers(path, found, name)
        replicate, count = count // len(target), count + len(found["row"])
        if len(found["row"]) != len(target):
            raise FileError(f"{path}: found {count} rows, expected {len(target)} of each replicate")
        if (found["replicate"] != replicate).any() or (found["row"] != np.arange(len(target))).any():
            raise FileError(f"{path}: not all rows of each replicate in turn")
        if (found["true"] != true).any():
            raise FileError(f"{path}: not of the rows of this split, run train again")
        said = found["predicted"]
        if not classes:
            _must_all(path, found, "predicted", np.isfinite(said) | np.isnan(said), "a finite number, or nan")
        else:
            known = (said >= 0) & (said < classes) & (said == said.astype(np.int64))
            _must_all(path, found, "predicted", known, f"a class's index, 0 to {classes - 1}")
        for name in shares:
            possible = (found[name] >= 0) & (found[name] <= 1) | np.isnan(found[name])
            _must_all(path, found, name, possible, "a number from 0 to 1, or nan")
        yield found
        del found, said  # before the next one is read
    if not count:
        raise FileError(f"{path}: found 0 rows, expected {len(target)} of each replicate")


def read_predictions(path: Path, schema: Schema, rows: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The tables of all replicates below each other. Raises FileError."""
    tables = list(read_replicates(path, schema, rows))
    return {name: np.concatenate([table[name] for table in tables]) for name in tables[0]}


def diverged(predictions: Mapping[str, np.ndarray]) -> set[int]:
    """The replicates whose training diverged: their predictions, as predictions.tables makes them, are nan."""
    said = [column for name, column in predictions.items() if name == "predicted" or name.startswith("probability_")]
    return {replicate for column in said for replicate in predictions["replicate"][np.isnan(column)].tolist()}


def read_plane(path: Path, classes: int) -> dict[str, np.ndarray]:
    """Read a grid that predictions.plane made: as many rows as a square has, all numbers. Raises FileError."""
    needed = ("first", "second", *(f"{kind}_{k}" for kind in ("probability", "votes") for k in range(classes)))
    found = files.read_columns(path, needed)
    for name in needed:
        _must_be_numbers(path, found, name)
    count = len(found["first"])
    if not count or math.isqrt(count) ** 2 != count:
        raise FileError(f"{path}: found {count} rows, expected those of a square grid")
    return found


def _must_be_numbers(path: Path, columns: Mapping[str, np.ndarray], name: str) -> None:
    if columns[name].dtype.kind not in "iuf":  # text, or a column with a cell left empty
        cells = columns[name].tolist()
        bad = next((k for k, cell in enumerate(cells) if not isinstance(cell, int | float)), 0)
        found = f", row {bad + 1}: found {cells[bad]!r}" if cells else ""
        raise FileError(f"{path}: column {name!r}{found}, expected a number")


def _must_all(path: Path, columns: Mapping[str, np.ndarray], name: str, fits: np.ndarray, expected: str) -> None:
    if not fits.all():
        bad = int(fits.argmin())
        raise FileError(f"{path}: column {name!r}, row {bad + 1}: found {columns[name][bad]}, expected {expected}")
