"""What the train and evaluate stages leave to be compared and shown, checked as it is read.

It may be damaged, or of another run. All functions that read raise FileError with one line that names the file.
"""

from collections import Counter
from collections.abc import Mapping
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

import numpy as np

from boundary.artifacts import files
from boundary.errors import FileError


def write_scores(path: Path, score: str, values: Mapping[int, np.ndarray]) -> None:
    """Write the score of every test row, by replicate, as a table: replicate, row, and the score under its name."""
    rows = len(next(iter(values.values())))
    columns = {
        "replicate": np.repeat(np.array(list(values), dtype=np.int32), rows),
        "row": np.tile(np.arange(rows, dtype=np.int32), len(values)),
        score: np.concatenate(list(values.values())),
    }
    files.write_columns(path, columns)


def read_scores(path: Path) -> tuple[str, dict[int, np.ndarray]]:
    """Read what `write_scores` wrote: the score's name, and its values (rows,) in float64 by replicate."""
    columns = files.read_columns(path, ("replicate", "row"))
    (score,) = columns.keys() - {"replicate", "row"} if len(columns) == 3 else [""]
    replicates = np.unique(columns["replicate"])
    rows = np.arange(len(columns["row"]) // max(len(replicates), 1))
    same = np.array_equal(columns["replicate"], np.repeat(replicates, len(rows)))
    if not score or not len(rows) or not same or not np.array_equal(columns["row"], np.tile(rows, len(replicates))):
        raise FileError(f"{path}: not a score for each row of each replicate")
    values = columns[score].astype(np.float64).reshape(len(replicates), len(rows))
    return score, dict(zip(replicates.tolist(), values, strict=True))


def read_history(path: Path, replicates: int, classes: int) -> tuple[list[int], dict[str, list[list[float]]]]:
    """Read a table that history.table made: its epochs, and by name of a column, values (replicates, epochs).

    classes is 0 for a regression. A replicate that stopped early keeps its last values from there on, as its snapshots
    stand still: a mean over the replicates then does not jump when one of them ends. Raises FileError where the table
    is none, or one of other columns or of another number of replicates.
    """
    names = ("train_loss", "test_loss", *(("train_accuracy", "test_accuracy") if classes else ()))
    rows = files.read_csv(path, ("replicate", "epoch", *names))
    try:
        places = [(int(row["replicate"]), int(row["epoch"])) for row in rows]
        counts = Counter(replicate for replicate, _ in places)
        epochs = sorted({epoch for _, epoch in places})
        if not rows or places != [(r, e) for r in range(len(counts)) for e in epochs[: counts[r]]]:
            raise ValueError
        values = {name: [float(row[name]) for row in rows] for name in names}
    except ValueError:
        raise FileError(f"{path}: not the numbers of a history, the same epochs for each replicate") from None
    if unknown := [name for name in rows[0] if name not in ("replicate", "epoch", *names)]:
        raise FileError(f"{path}: found column {unknown[0]!r}, expected {', '.join(names)}, run train again")
    if len(counts) != replicates:
        raise FileError(f"{path}: found {len(counts)} replicates, expected {replicates}, run train again")
    firsts = [0, *accumulate(counts[r] for r in range(replicates))]
    return epochs, {
        name: [each[a:b] + each[b - 1 : b] * (len(epochs) - (b - a)) for a, b in pairwise(firsts)]
        for name, each in values.items()
    }


def read_details(path: Path, classes: int) -> dict[str, Any]:
    """Read what the evaluate stage says of each replicate of a variant. Raises FileError."""
    content = files.read_json(path)
    try:
        replicates = content["test"]["replicates"]
        whole = replicates and len(content["classes"]) == classes and "summary" in content["test"]
        whole = whole and all(np.shape(row["confusion_matrix"]) == (classes, classes) for row in replicates if classes)
    except (KeyError, TypeError):
        whole = False
    if not whole:
        raise FileError(f"{path}: holds no scores of test rows of {classes} classes")
    return content
