"""What the split stage leaves, checked as it is read: it may be damaged, or of another run."""

from pathlib import Path

import numpy as np

from boundary.artifacts import files
from boundary.artifacts.checks import require_all, require_numbers
from boundary.artifacts.schema import Schema, class_indices
from boundary.errors import FileError, TableError


def write_schema(path: Path, schema: Schema) -> None:
    """Write what a table's columns mean, as JSON."""
    files.write_json(path, schema.plain())


def read_schema(path: Path) -> Schema:
    """Read what `write_schema` wrote. Raises FileError."""
    content = files.read_json(path)
    try:
        return Schema.from_plain(content)
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
            require_numbers(path, columns, column)
            require_all(path, columns, column, np.isfinite(columns[column]), "a finite number")
        if schema.classes:
            try:
                class_indices(columns[schema.target], schema)
            except TableError as error:
                raise FileError(f"{path}: {error}") from None
    return schema, parts
