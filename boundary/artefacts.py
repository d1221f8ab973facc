"""What split and train leave for the next stages, checked as it is read: it may be damaged, or of another run.

All functions that read raise FileError with one line that names the file.
"""

from pathlib import Path

import numpy as np

from boundary import files
from boundary.files import FileError
from boundary.schema import Schema, TableError, class_indices


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
    """Read what the split stage wrote: the schema, and the columns of each part. Raises FileError."""
    schema = read_schema(folder / "schema.json")
    parts = {}
    for name, path in part_paths(folder).items():
        parts[name] = files.read_columns(path, (*schema.features, schema.target))
        if schema.classes:
            try:
                class_indices(parts[name][schema.target], schema)
            except TableError as error:
                raise FileError(f"{path}: {error}") from None
    return schema, parts


def read_predictions(path: Path, classes: int) -> dict[str, np.ndarray]:
    """Read a table that predictions.table made; classes is 0 for a regression. Raises FileError."""
    return files.read_columns(
        path, ("replicate", "row", "true", "predicted", *(f"probability_{k}" for k in range(classes)))
    )


def read_plane(path: Path, classes: int) -> dict[str, np.ndarray]:
    """Read a grid that predictions.plane made. Raises FileError."""
    kinds = ("probability", "votes")
    return files.read_columns(path, ("first", "second", *(f"{kind}_{k}" for kind in kinds for k in range(classes))))
