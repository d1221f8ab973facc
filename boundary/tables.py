"""A user's table, checked: which columns are features, what the target asks for."""

import numpy as np
import pandas as pd

from boundary.checked import did_you_mean, shown
from boundary.params import Dataset
from boundary.schema import Schema, TableError, Task


def describe(table: pd.DataFrame, dataset: Dataset) -> Schema:
    """The schema of a table under a dataset's settings. Raises TableError."""
    columns = [str(name) for name in table.columns]
    for name in (dataset.target, *(dataset.features or ())):
        if name not in columns:
            raise TableError(f"column {name!r}: not in the table{did_you_mean(name, columns)}")
    others = [name for name in columns if name != dataset.target]
    features = others if dataset.features is None else dataset.features
    if not features or dataset.target in features or len(set(features)) < len(features):
        raise TableError(f"features: found {features}, expected columns other than the target, each once")
    if not len(table):
        raise TableError("no rows")
    for name in features:
        _check_numbers(name, table[name])
    task, classes = _read_target(dataset, table[dataset.target])
    return Schema(tuple(features), dataset.target, task, classes)


def _read_target(dataset: Dataset, target: pd.Series) -> tuple[Task, tuple[int | float | str | bool, ...]]:
    name = dataset.target
    missing = np.flatnonzero(target.isna())
    if len(missing):
        raise TableError(f"column {name!r}, row {missing[0] + 1}: missing, expected a value in every row")
    task: Task | None = dataset.task or ("regression" if pd.api.types.is_float_dtype(target) else None)
    if task == "regression" or pd.api.types.is_float_dtype(target):
        _check_numbers(name, target)
    if task == "regression":
        return task, ()
    values = target.tolist()
    kinds = {type(value) for value in values}
    if len(kinds) > 1 or not kinds <= {bool, int, float, str}:
        found = " and ".join(sorted(kind.__name__ for kind in kinds))
        raise TableError(f"column {name!r}: found {found} values, expected numbers, words or true and false")
    classes = tuple(sorted(set(values)))
    if len(classes) < 2:
        raise TableError(f"column {name!r}: found one class, {classes[0]!r}, expected two or more")
    if task == "binary" and len(classes) > 2:
        raise TableError(f"column {name!r}: found {len(classes)} classes, expected 2 for task: binary")
    return task or ("binary" if len(classes) == 2 else "multiclass"), classes


def _check_numbers(name: str, column: pd.Series) -> None:
    if not pd.api.types.is_numeric_dtype(column):
        for row, cell in enumerate(column.tolist(), start=1):
            if isinstance(cell, str) and not _is_number(cell):
                raise TableError(f"column {name!r}, row {row}: found {shown(cell)}, expected a number")
        kinds = sorted({type(cell).__name__ for cell in column.tolist()})
        raise TableError(f"column {name!r}: found {' and '.join(kinds)} values, expected numbers")
    with np.errstate(over="ignore"):
        bad = np.flatnonzero(~np.isfinite(column.to_numpy(dtype=np.float32, na_value=np.nan)))
    if len(bad):
        cell = column.iloc[bad[0]]
        found = "missing" if pd.isna(cell) else f"found {cell}"
        raise TableError(f"column {name!r}, row {bad[0] + 1}: {found}, expected a finite float32 number")


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def publish(table: pd.DataFrame, schema: Schema) -> dict[str, np.ndarray]:
    """The columns that training uses, numbers as float32, classes as they are."""
    numbers = [*schema.features, *([schema.target] if schema.task == "regression" else [])]
    chosen = table[[*schema.features, schema.target]].astype(dict.fromkeys(numbers, np.float32))
    return {name: chosen[name].to_numpy() for name in chosen.columns}
