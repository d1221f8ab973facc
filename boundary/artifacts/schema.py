"""What a table's columns mean, and the way from columns to the arrays that a network takes.

Shapes: rows = examples.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import msgspec
import numpy as np
from msgspec import Struct

from boundary.errors import TableError

Task = Literal["binary", "multiclass", "regression"]
TASK_LOSSES: dict[str, tuple[str, ...]] = {  # the losses that fit a task; the first is its default
    "binary": ("bce_with_logits",),
    "multiclass": ("cross_entropy",),
    "regression": ("l1", "mse"),
}


class Numbers(Struct, frozen=True, tag="numbers", tag_field="kind", forbid_unknown_fields=True):
    """A column of numbers, or of true and false as 1 and 0: becomes (value - mean) / scale, `fill` where missing."""

    name: str
    fill: float
    mean: float
    scale: float

    @property
    def features(self) -> tuple[str, ...]:
        """The names of what it becomes."""
        return (self.name,)


class Categories(Struct, frozen=True, tag="categories", tag_field="kind", forbid_unknown_fields=True):
    """A column of words: becomes one column per category, 1 where the word stands and 0 elsewhere (one-hot).

    A word that is no category is 0 in all of them. None stands for a missing word.
    """

    name: str
    categories: tuple[str | None, ...]

    @property
    def features(self) -> tuple[str, ...]:
        """The names of what it becomes: column=word, and column= where the word is missing."""
        return tuple(f"{self.name}={category or ''}" for category in self.categories)


class Preprocessing(Struct, frozen=True, forbid_unknown_fields=True):
    """What turns a raw table's columns into a network's features, in this order. See boundary/data/preprocessing.py.

    `missing` are the words of a CSV that stand for a missing value, besides an empty cell.
    """

    columns: tuple[Numbers | Categories, ...]
    missing: tuple[str, ...] = ()

    @property
    def features(self) -> tuple[str, ...]:
        """The names of all that the columns become."""
        return tuple(feature for column in self.columns for feature in column.features)


@dataclass(frozen=True)
class Schema:
    """Which columns are features (all numbers), which one is the target, and what the target is.

    task is binary, multiclass or regression; classes are the target's values in order, () for a regression.
    Where the features were made by preprocessing, that is how to make them of another raw table.
    """

    features: tuple[str, ...]
    target: str
    task: Task
    classes: tuple[int | float | str | bool, ...]
    preprocessing: Preprocessing | None = None

    def plain(self) -> dict[str, Any]:
        """As plain data that JSON keeps."""
        plain = asdict(self)
        if self.preprocessing is None:
            del plain["preprocessing"]
        else:
            plain["preprocessing"] = msgspec.to_builtins(self.preprocessing)
        return plain

    @classmethod
    def from_plain(cls, plain: Any) -> "Schema":
        """From what `plain` gave. Raises ValueError where it is no schema."""
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
        if schema.preprocessing is not None:
            if schema.preprocessing.features != schema.features:
                made = schema.preprocessing.features
                raise ValueError(f"not a schema: found preprocessing that makes {made}, expected {schema.features}")
            for column in schema.preprocessing.columns:
                if isinstance(column, Numbers) and not _can_scale(column):
                    raise ValueError(f"not a schema: found {column}, expected finite numbers and a scale above 0")
        return schema

    @property
    def raw_columns(self) -> tuple[str, ...]:
        """The columns of a raw table that the features are, or are made of."""
        return self.features if self.preprocessing is None else tuple(c.name for c in self.preprocessing.columns)

    @property
    def word_columns(self) -> tuple[str, ...]:
        """Those of them that hold words."""
        columns = () if self.preprocessing is None else self.preprocessing.columns
        return tuple(column.name for column in columns if isinstance(column, Categories))

    @property
    def outputs(self) -> int:
        """How many raw outputs a network for this task has."""
        return len(self.classes) if self.task == "multiclass" else 1


def _can_scale(column: Numbers) -> bool:
    return all(map(math.isfinite, (column.fill, column.mean, column.scale))) and column.scale > 0


def arrays(columns: Mapping[str, np.ndarray], schema: Schema) -> tuple[np.ndarray, np.ndarray]:
    """x (features, rows) and y (outputs, rows) in float32: y is 0 or 1, one-hot, or the value, by task.

    Raises TableError on words in the place of numbers, and on a label that is none of the classes.
    """
    x = np.stack([_numbers(name, columns) for name in schema.features])
    if schema.task == "regression":
        return x, _numbers(schema.target, columns)[None]
    index = class_indices(np.asarray(columns[schema.target]), schema)
    if schema.task == "binary":
        return x, index.astype(np.float32)[None]
    return x, (index == np.arange(len(schema.classes))[:, None]).astype(np.float32)


def _numbers(name: str, columns: Mapping[str, np.ndarray]) -> np.ndarray:
    column = np.asarray(columns[name])
    if column.dtype.kind not in "biuf":
        raise TableError(f"column {name!r}: found words, expected numbers")
    return column.astype(np.float32)


def class_indices(target: np.ndarray, schema: Schema) -> np.ndarray:
    """Each label's place among the classes (rows,). Raises TableError on a label that is none of them."""
    labels = np.asarray(schema.classes)
    if labels.dtype.kind == target.dtype.kind and labels.dtype.kind in "iU":  # a long table's in bulk
        order = labels.argsort()
        index = order[np.searchsorted(labels[order], target).clip(max=len(labels) - 1)]
        unknown = target[labels[index] != target][:1].tolist()
    else:
        places = {label: k for k, label in enumerate(schema.classes)}
        unknown = [label for label in target.tolist() if label not in places][:1]
        index = np.array([places.get(label, 0) for label in target.tolist()], dtype=np.int64)
    if unknown:
        raise TableError(f"column {schema.target!r}: found {unknown[0]!r}, expected one of {schema.classes}")
    return index
