"""What the train stage leaves of each replicate's predictions, checked as it is read.

A table of predictions has a row per example: replicate, row, true, predicted; for classes these two are their indices,
and probability_0, probability_1, ... follow. All that a replicate predicts that diverged is nan.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from boundary.artifacts import files
from boundary.artifacts.checks import require_all, require_numbers
from boundary.artifacts.schema import Schema, class_indices
from boundary.errors import FileError

Table = Mapping[str, np.ndarray]


def read_replicates(path: Path, schema: Schema, rows: Table) -> Iterator[dict[str, np.ndarray]]:
    """Read the table of each replicate's predictions for these rows, a part of a split, in turn. Raises FileError.

    All with the truth; predicted classes are among the schema's, probabilities from 0 to 1, and predicted amounts
    finite, all but those of a replicate that diverged: they are nan.
    """
    classes, target = len(schema.classes), rows[schema.target]
    true = class_indices(target, schema) if classes else target
    probabilities = [f"probability_{k}" for k in range(classes)]
    needed = ("replicate", "row", "true", "predicted", *probabilities)
    count = 0
    for table in files.read_batches(path, len(target), needed):  # enumerate would keep the one before
        for name in needed:
            require_numbers(path, table, name)
        replicate, count = count // len(target), count + len(table["row"])
        if len(table["row"]) != len(target):
            raise FileError(f"{path}: found {count} rows, expected {len(target)} of each replicate")
        if (table["replicate"] != replicate).any() or (table["row"] != np.arange(len(target))).any():
            raise FileError(f"{path}: not all rows of each replicate in turn")
        if (table["true"] != true).any():
            raise FileError(f"{path}: not of the rows of this split, run train again")
        predicted = table["predicted"]
        if not classes:
            fits = np.isfinite(predicted) | np.isnan(predicted)
            require_all(path, table, "predicted", fits, "a finite number, or nan")
        else:
            known = (predicted >= 0) & (predicted < classes) & (predicted == predicted.astype(np.int64))
            require_all(path, table, "predicted", known, f"a class's index, 0 to {classes - 1}")
        for name in probabilities:
            possible = (table[name] >= 0) & (table[name] <= 1) | np.isnan(table[name])
            require_all(path, table, name, possible, "a number from 0 to 1, or nan")
        yield table
        del table, predicted  # before the next one is read
    if not count:
        raise FileError(f"{path}: found 0 rows, expected {len(target)} of each replicate")


def read_predictions(path: Path, schema: Schema, rows: Table) -> dict[str, np.ndarray]:
    """The tables of all replicates below each other. Raises FileError."""
    tables = list(read_replicates(path, schema, rows))
    return {name: np.concatenate([table[name] for table in tables]) for name in tables[0]}


def has_diverged(table: Table) -> bool:
    """Whether the replicate that predicts this has diverged: whether a prediction is nan."""
    columns = [column for name, column in table.items() if name == "predicted" or name.startswith("probability_")]
    return any(bool(np.isnan(column).any()) for column in columns)


def confusion_counts(true: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """How many rows of each true class are predicted as each class (true, predicted), from indices of classes."""
    return np.bincount(true * classes + predicted, minlength=classes * classes).reshape(classes, classes)


def class_scores(counts: np.ndarray) -> list[dict[str, float]]:
    """Of each class precision, recall, f1-score and support (its rows), from confusion_counts; 0 where undefined."""
    hits, true, predicted = counts.diagonal().tolist(), counts.sum(1).tolist(), counts.sum(0).tolist()
    return [
        {"precision": h / max(p, 1), "recall": h / max(t, 1), "f1-score": 2 * h / max(p + t, 1), "support": float(t)}
        for h, t, p in zip(hits, true, predicted, strict=True)
    ]


@dataclass(frozen=True)
class Plane:
    """What all replicates say of a square grid over two features.

    first, second: the grid's coordinates (steps,); votes (steps, steps, classes): the share of replicates for each
    class; probability (steps, steps, classes): what the first replicate says. The second feature varies along the
    first axis.
    """

    first: np.ndarray
    second: np.ndarray
    votes: np.ndarray
    probability: np.ndarray

    @classmethod
    def from_columns(cls, columns: Table, classes: int) -> "Plane":
        """From the columns of models/predict.predict_plane, for a number of classes."""
        steps = math.isqrt(len(columns["first"]))
        first, second = columns["first"][:steps], columns["second"][::steps]
        votes, probability = (
            np.stack([columns[f"{kind}_{k}"].reshape(steps, steps) for k in range(classes)], axis=-1)
            for kind in ("votes", "probability")
        )
        return cls(first, second, votes, probability)


def read_plane(path: Path, classes: int) -> Plane:
    """Read a grid that predict_plane made: as many rows as a square has, all numbers. Raises FileError."""
    needed = ("first", "second", *(f"{kind}_{k}" for kind in ("probability", "votes") for k in range(classes)))
    columns = files.read_columns(path, needed)
    for name in needed:
        require_numbers(path, columns, name)
    count = len(columns["first"])
    if not count or math.isqrt(count) ** 2 != count:
        raise FileError(f"{path}: found {count} rows, expected those of a square grid")
    return Plane.from_columns(columns, classes)
