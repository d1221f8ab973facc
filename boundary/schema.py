"""What a table's columns mean, and the way from columns to the arrays that a network takes.

Shapes: rows = examples.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import msgspec
import numpy as np

Task = Literal["binary", "multiclass", "regression"]


class TableError(ValueError):
    """What is wrong with a table, in one line that names the column and the row."""


@dataclass(frozen=True)
class Schema:
    """Which columns are features (all numbers), which one is the target, and what the target is.

    task is binary, multiclass or regression; classes are the target's values in order, () for a regression.
    """

    features: tuple[str, ...]
    target: str
    task: Task
    classes: tuple[int | float | str | bool, ...]

    @classmethod
    def of(cls, plain: Any) -> "Schema":
        """From plain data, as dataclasses.asdict gives it and JSON keeps it. Raises ValueError where it is none."""
        try:
            schema = msgspec.convert(plain, cls)
        except msgspec.ValidationError as error:
            raise ValueError(f"not a schema: {error}") from None
        columns = (*schema.features, schema.target)
        allowed = {"binary": {2}, "multiclass": range(2, len(schema.classes) + 1), "regression": {0}}
        if len(columns) < 2 or len(set(columns)) < len(columns):
            raise ValueError(f"not a schema: found columns {columns}, expected a feature and a target, all different")
        if len(schema.classes) not in allowed[schema.task] or len(set(schema.classes)) < len(schema.classes):
            raise ValueError(f"not a schema: found classes {schema.classes} for a {schema.task} target")
        return schema

    @property
    def outputs(self) -> int:
        """How many raw outputs a network for this task has."""
        return len(self.classes) if self.task == "multiclass" else 1


def arrays(columns: Mapping[str, np.ndarray], schema: Schema) -> tuple[np.ndarray, np.ndarray]:
    """x (features, rows) and y (outputs, rows) in float32: y is 0 or 1, one-hot, or the value, by task."""
    x = np.stack([np.asarray(columns[name], dtype=np.float32) for name in schema.features])
    target = np.asarray(columns[schema.target])
    if schema.task == "regression":
        return x, target.astype(np.float32)[None]
    index = class_indices(target, schema)
    if schema.task == "binary":
        return x, index.astype(np.float32)[None]
    return x, (index == np.arange(len(schema.classes))[:, None]).astype(np.float32)


def class_indices(target: np.ndarray, schema: Schema) -> np.ndarray:
    """Each label's place among the classes (rows,). Raises TableError on a label that is none of them."""
    places = {label: k for k, label in enumerate(schema.classes)}
    try:
        return np.array([places[label] for label in target.tolist()], dtype=np.int64)
    except KeyError as error:
        raise TableError(
            f"column {schema.target!r}: found {error.args[0]!r}, expected one of {schema.classes}"
        ) from None
