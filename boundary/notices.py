"""What a user should know of a table that can be used but may not be meant so.

The schema is that of tables.describe: its features are the table's own columns.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from boundary.schema import Schema

ENOUGH_ROWS = 20  # with fewer, anything may look like an identifier
FEW = 10


def repeated(table: pd.DataFrame, schema: Schema, parts: Mapping[str, np.ndarray]) -> dict[str, int]:
    """For each part but train (row numbers), how many of its rows stand among the training rows too.

    A row is its features and its target, missing values included.
    """
    columns = [*schema.features, schema.target]
    halves = {name: np.float32 for name in columns if table[name].dtype == np.float16}  # which pandas does not group
    same = table.astype(halves).groupby(columns, dropna=False, sort=False, observed=True).ngroup().to_numpy()
    return {
        part: int(np.isin(same[rows], same[parts["train"]]).sum()) for part, rows in parts.items() if part != "train"
    }


def unseen(table: pd.DataFrame, schema: Schema, training: np.ndarray) -> list[object]:
    """The classes that no training row (row numbers) has; of a regression none."""
    seen = set(table[schema.target].iloc[training].tolist())
    return [label for label in schema.classes if label not in seen]


def suspicions(table: pd.DataFrame, schema: Schema) -> list[str]:
    """What can be used but may not be meant, a line each."""
    found, rows = [], len(table)
    for name in schema.features if rows >= ENOUGH_ROWS else ():
        values = table[name].nunique()
        if pd.api.types.is_integer_dtype(table[name]) and values == rows:
            what = "a different whole number in each row"
        elif pd.api.types.is_string_dtype(table[name]) and values > rows / 2:
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
    values = table[schema.target].nunique()
    if not schema.classes and values <= FEW and rows >= ENOUGH_ROWS:
        task = "binary" if values == 2 else "multiclass"
        what = f"{values} different decimal numbers in {rows} rows"
        found.append(f"column {schema.target!r}: {what}; if they are classes, say task: {task}")
    return found
