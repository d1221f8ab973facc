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
    if schema.classes and len(schema.classes) > max(FEW, rows / FEW) and not isinstance(schema.classes[0], str):
        what = f"{len(schema.classes)} classes in {rows} rows"
        found.append(f"column {schema.target!r}: {what}; if they are amounts, say task: regression")
    values = table[schema.target].nunique()
    if not schema.classes and values <= FEW and rows >= ENOUGH_ROWS:
        task = "binary" if values == 2 else "multiclass"
        what = f"{values} different decimal numbers in {rows} rows"
        found.append(f"column {schema.target!r}: {what}; if they are classes, say task: {task}")
    return found
