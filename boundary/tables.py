"""A user's table, checked: which columns are features, what the target asks for."""

import numpy as np
import pandas as pd

from boundary.checked import did_you_mean
from boundary.params import Dataset
from boundary.schema import Schema, TableError


def describe(table: pd.DataFrame, dataset: Dataset) -> Schema:
    """The schema of a table under a dataset's settings. Raises TableError."""
    columns = [str(name) for name in table.columns]
    for name in (dataset.target, *(dataset.features or ())):
        if name not in columns:
            raise TableError(f"column {name!r}: not in the table{did_you_mean(name, columns)}")
    features = dataset.features or [name for name in columns if name != dataset.target]
    if not features or dataset.target in features or len(set(features)) < len(features):
        raise TableError(f"features: found {features}, expected columns other than the target, each once")
    if not len(table):
        raise TableError("no rows")
    for name in features:
        _check_numbers(name, table[name])
    task, classes = _read_target(dataset, table[dataset.target])
    return Schema(tuple(features), dataset.target, task, classes)


def _read_target(dataset: Dataset, target: pd.Series) -> tuple[str, tuple[int | str | bool, ...]]:
    name = dataset.target
    missing = np.flatnonzero(target.isna())
    if len(missing):
        raise TableError(f"column {name!r}, row {missing[0] + 1}: missing, expected a value in every row")
    task = dataset.task or ("regression" if pd.api.types.is_float_dtype(target) else None)
    if task == "regression":
        _check_numbers(name, target)
        return task, ()
    classes = tuple(sorted(target.unique().tolist()))
    if len(classes) < 2:
        raise TableError(f"column {name!r}: found one class, {classes[0]!r}, expected two or more")
    if task == "binary" and len(classes) > 2:
        raise TableError(f"column {name!r}: found {len(classes)} classes, expected 2 for task: binary")
    return task or ("binary" if len(classes) == 2 else "multiclass"), classes


def _check_numbers(name: str, column: pd.Series) -> None:
    if not pd.api.types.is_numeric_dtype(column):
        raise TableError(f"column {name!r}: found {column.dtype} values, expected numbers")
    with np.errstate(over="ignore"):
        bad = np.flatnonzero(~np.isfinite(column.to_numpy(dtype=np.float32, na_value=np.nan)))
    if len(bad):
        found = column.iloc[bad[0]]
        raise TableError(f"column {name!r}, row {bad[0] + 1}: found {found}, expected a finite float32 number")


def publish(table: pd.DataFrame, schema: Schema) -> dict[str, np.ndarray]:
    """The columns that training uses, numbers as float32, classes as they are."""
    numbers = [*schema.features, *([schema.target] if schema.task == "regression" else [])]
    chosen = table[[*schema.features, schema.target]].astype(dict.fromkeys(numbers, np.float32))
    return {name: chosen[name].to_numpy() for name in chosen.columns}
