"""A user's table, checked: which columns are features, what the target asks for."""

import re
from collections.abc import Collection, Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from boundary.artifacts.schema import Schema, Task
from boundary.config.constraints import features_problem
from boundary.config.params import Dataset
from boundary.errors import SettingsError, TableError, did_you_mean, shown


def describe_table(table: pd.DataFrame, dataset: Dataset) -> Schema:
    """The schema of a table under a dataset's settings. Raises TableError, SettingsError."""
    columns = [str(name) for name in table.columns]
    for name in (dataset.target, *(dataset.features or ()), *(dataset.drop or ()), *(dataset.categories or ())):
        if name not in columns:
            raise TableError(f"column {name!r}: not in the table{did_you_mean(name, columns)}")
    others = [name for name in columns if name != dataset.target and name not in (dataset.drop or ())]
    features = others if dataset.features is None else dataset.features
    if not others and dataset.features is None:
        raise TableError(
            f"found no column besides the target {dataset.target!r} and those left out, expected a feature"
        )
    if problem := features_problem(features, dataset.target):
        raise SettingsError(problem)
    for name in dataset.categories or ():
        if name not in features:
            raise TableError(f"categories: found {name!r}, expected one of the features: {', '.join(features)}")
    if not len(table):
        raise TableError("no rows")
    if not dataset.preprocess:
        _check_ready(table, features)
    task, classes = _read_target(dataset, table[dataset.target])
    return Schema(tuple(features), dataset.target, task, classes)


def _check_ready(table: pd.DataFrame, features: Iterable[str]) -> None:
    """That features are finite numbers, as they must be without preprocessing."""
    for name in features:
        column = table[name]
        try:
            _check_numbers(name, column)
        except TableError as error:
            if not pd.api.types.is_string_dtype(column) and not column.isna().any():
                raise
            raise TableError(f"{error}; preprocess: true takes words and missing values") from None


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


def first_non_number(cells: Sequence[str | None]) -> int | None:
    """The place of the cell to blame in words that should be numbers: the first that looks like none, or the first.

    None where all are missing.
    """
    present = [place for place, cell in enumerate(cells) if cell is not None]
    return next((place for place in present if not _is_number(str(cells[place]))), present[0] if present else None)


def raw_columns(
    table: pd.DataFrame, features: Iterable[str], categories: Collection[str] = ()
) -> dict[str, np.ndarray]:
    """Columns as preprocessing takes them: numbers, and true and false as 1 and 0, in float64 with nan where missing;
    words as objects, with None where missing. Those of `categories` are words whatever they hold, 7 the word "7".

    Empty words are missing, as a CSV tells no difference. Raises TableError where a column is missing, or holds
    anything else, dates say, or a number beyond float32.
    """
    for name in features:
        if name not in table.columns:
            raise TableError(f"column {name!r}: not in the table{did_you_mean(name, map(str, table.columns))}")
    return {name: _raw(name, table[name], name in categories) for name in features}


def _raw(name: str, column: pd.Series, as_words: bool) -> np.ndarray:
    missing = column.isna().to_numpy()
    if pd.api.types.is_numeric_dtype(column) and not as_words:
        numbers = column.to_numpy(dtype=np.float64, na_value=np.nan)
        _check_range(name, numbers)
        return numbers
    cells = [None if gone else cell for gone, cell in zip(missing, column.tolist(), strict=True)]
    kinds = {type(cell) for cell in cells if cell is not None}
    if as_words:
        cells = [_word(name, row, cell) for row, cell in enumerate(cells, start=1)]
    elif kinds <= {bool, int, float}:
        numbers = np.array([np.nan if cell is None else float(cell) for cell in cells])
        _check_range(name, numbers)
        return numbers
    elif kinds != {str}:
        found = " and ".join(sorted(kind.__name__ for kind in kinds))
        raise TableError(f"column {name!r}: found {found} values, expected numbers, words or true and false")
    else:
        _check_words(name, cells)
    words = np.empty(len(cells), dtype=object)
    words[:] = [cell or None for cell in cells]
    return words


def _check_words(name: str, cells: list[Any]) -> None:
    """Refuse numbers with some words among them: they would become categories, a column each."""
    present = [(row, cell) for row, cell in enumerate(cells, start=1) if cell]
    others = [(row, cell) for row, cell in present if not _is_number(cell)]
    if others and len(others) < len(present) / 2:
        row, cell = others[0]
        raise TableError(
            f"column {name!r}, row {row}: found {shown(cell)} among numbers, expected a number; where that means a "
            f"missing value say missing: [{shown(cell)}], where all are words say categories: [{name}]"
        )


def _check_range(name: str, numbers: np.ndarray) -> None:
    bad = np.flatnonzero(np.abs(numbers) > np.finfo(np.float32).max)
    if len(bad):
        raise TableError(
            f"column {name!r}, row {bad[0] + 1}: found {numbers[bad[0]]}, expected a finite float32 number"
        )


def _word(name: str, row: int, cell: object) -> str | None:
    """A cell of a column of categories as a word; a whole number looks as a CSV writes it."""
    if cell is None or isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return str(cell).lower()
    if isinstance(cell, int) or (isinstance(cell, float) and cell.is_integer()):
        return str(int(cell))
    raise TableError(f"column {name!r}, row {row}: found {shown(cell)}, expected a word or a whole number")


def published_columns(table: pd.DataFrame, schema: Schema) -> dict[str, np.ndarray]:
    """The columns that training uses as they stand in the table, numbers as float32, classes as they are.

    Where the schema has preprocessing, only the target is one of them.
    """
    features = () if schema.preprocessing else schema.features
    numbers = [*features, *([schema.target] if schema.task == "regression" else [])]
    chosen = table[[*features, schema.target]].astype(dict.fromkeys(numbers, np.float32))
    return {name: chosen[name].to_numpy() for name in chosen.columns}
