"""What a user should know of a table that can be used but may not be meant so.

The schema is that of tables.describe: its features are the table's own columns.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from boundary.artifacts.schema import Schema

ENOUGH_ROWS = 20  # with fewer, anything may look like an identifier
FEW = 10


def repeated_rows(table: pd.DataFrame, schema: Schema, parts: Mapping[str, np.ndarray]) -> dict[str, int]:
    """For each part but train (row numbers), how many of its rows stand among the training rows too.

    A row is its features and its target, missing values included.
    """
    columns = {name: _plain(table[name]) for name in [*schema.features, schema.target]}
    rows = pd.DataFrame(columns, copy=False)
    keys = pd.util.hash_pandas_object(rows, index=False)  # equal rows have equal keys; others hardly ever
    train, found = parts["train"], {}
    for part, numbers in parts.items():
        if part != "train":
            alike = numbers[keys.iloc[numbers].isin(keys.iloc[train])]
            both = np.concatenate([alike, train[keys.iloc[train].isin(keys.iloc[alike])]])
            same = rows.iloc[both].groupby(list(columns), dropna=False, sort=False, observed=True).ngroup().to_numpy()
            found[part] = int(np.isin(same[: len(alike)], same[len(alike) :]).sum())
    return found


def _plain(column: pd.Series) -> pd.Series:
    """With the same bits for what is equal: one zero, one nan; float16, which pandas does not group, as float64."""
    if not pd.api.types.is_float_dtype(column):
        return column
    numbers = column.to_numpy(np.float64) + 0.0
    numbers[np.isnan(numbers)] = np.nan
    return pd.Series(numbers, column.index)


def unseen_classes(table: pd.DataFrame, schema: Schema, training: np.ndarray) -> list[object]:
    """The classes that no training row (row numbers) has; of a regression none."""
    seen = set(table[schema.target].iloc[training].tolist())
    return [label for label in schema.classes if label not in seen]


def data_warnings(table: pd.DataFrame, schema: Schema) -> list[str]:
    """What can be used but may not be meant, a line each."""
    found, rows = [], len(table)
    for name in schema.features if rows >= ENOUGH_ROWS else ():
        column = table[name]
        if pd.api.types.is_integer_dtype(column) and column.nunique() == rows:
            what = "a different whole number in each row"
        elif pd.api.types.is_string_dtype(column) and (values := column.nunique()) > rows / 2:
            what = f"{values} different words in {rows} rows"
        else:
            continue
        found.append(f"column {name!r}: {what}, as identifiers have; if it is one, say drop: [{name}]")
    if schema.classes and len(schema.classes) > max(FEW, rows / FEW):
        what = f"column {schema.target!r}: {len(schema.classes)} classes in {rows} rows"
        if isinstance(schema.classes[0], str):
            found.append(f"{what}, too few to learn each from; if they are names or texts, choose another target")
        else:
            found.append(f"{what}; if they are amounts, say task: regression")
    if not schema.classes and rows >= ENOUGH_ROWS and (values := table[schema.target].nunique()) <= FEW:
        task = "binary" if values == 2 else "multiclass"
        what = f"{values} different decimal numbers in {rows} rows"
        found.append(f"column {schema.target!r}: {what}; if they are classes, say task: {task}")
    return found
