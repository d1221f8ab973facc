"""A user's table, checked: which columns are features, what the target asks for."""

import re

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
    for row, value in enumerate(values, start=1):
        if isinstance(value, str) and "\0" in value:
            raise TableError(f"column {name!r}, row {row}: found {shown(value)}, expected words without zero bytes")
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
    _check_that_float32_tells_apart(name, column)
    with np.errstate(over="ignore"):
        bad = np.flatnonzero(~np.isfinite(column.to_numpy(dtype=np.float32, na_value=np.nan)))
    if len(bad):
        cell = column.iloc[bad[0]]
        found = "missing" if pd.isna(cell) else f"found {cell}"
        raise TableError(f"column {name!r}, row {bad[0] + 1}: {found}, expected a finite float32 number")


def _check_that_float32_tells_apart(name: str, column: pd.Series) -> None:
    """Of whole numbers; decimal numbers are rounded anyway."""
    if not pd.api.types.is_integer_dtype(column) or column.isna().any():
        return
    values, rows = np.unique(column.to_numpy(), return_index=True)
    same = np.flatnonzero(np.diff(values.astype(np.float32)) == 0)
    if len(same):
        first, second = (f"{values[k]} (row {rows[k] + 1})" for k in (same[0], same[0] + 1))
        raise TableError(
            f"column {name!r}, row {rows[same[0]] + 1}: found {first} and {second}, which are the same float32 number"
        )


def check_labels(name: str, texts: list[str], values: pd.Series, task: Task | None) -> None:
    """Refuse labels of a CSV that are read as other ones than they look like. Raises TableError."""
    whole = all(re.fullmatch(r"\s*[+-]?[0-9]+\s*", text) for text in texts)
    for row, (text, value) in enumerate(zip(texts, values.tolist(), strict=True), start=1):
        text = text.strip()
        if isinstance(value, bool):
            plain = text.lower() == str(value).lower()
        elif isinstance(value, int):
            plain = text == str(value)
        elif isinstance(value, float) and whole:
            plain = bool(re.fullmatch("-?(0|[1-9][0-9]{0,17})", text))
        elif isinstance(value, float) and task is not None:
            plain = not re.fullmatch("[+-]?[0-9]+", text) or abs(value) < 2**53
        else:
            return
        if not plain:
            raise TableError(f"column {name!r}, row {row}: found {text}, which would be read as {value}")


def _is_number(cell: str) -> bool:
    return re.fullmatch(r"\s*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?\s*", cell, re.ASCII) is not None


def publish(table: pd.DataFrame, schema: Schema) -> dict[str, np.ndarray]:
    """The columns that training uses, numbers as float32, classes as they are."""
    numbers = [*schema.features, *([schema.target] if schema.task == "regression" else [])]
    chosen = table[[*schema.features, schema.target]].astype(dict.fromkeys(numbers, np.float32))
    return {name: chosen[name].to_numpy() for name in chosen.columns}
