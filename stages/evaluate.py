"""evaluate: score a variant's predictions."""

import argparse
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from boundary.artifacts import files
from boundary.artifacts.predictions import has_diverged, read_replicates
from boundary.artifacts.splits import read_split
from boundary.errors import FileError
from boundary.evaluation import curves, metrics, results
from boundary.evaluation.ensembles import EnsembleTable
from stages import _program


def main() -> None:
    """Write the metrics (means over the replicates, on the test part), their details, each test row's score, and rows
    for plots.

    The ensemble (the mean of the replicates' predictions) is scored as one more network.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=_program.source, required=True, help="folder of the split")
    parser.add_argument("--predictions", type=_program.source, required=True, help="folder of the predictions")
    parser.add_argument("--history", type=_program.source, required=True)
    parser.add_argument("--metrics", type=Path, required=True)
    parser.add_argument("--details", type=Path, required=True)
    parser.add_argument("--rows", type=Path, required=True, help="table of each test row's score")
    parser.add_argument("--curves", type=Path, required=True, help="table of how it learned")
    for kind in curves.KINDS:
        option = f"--{kind.replace('_', '-')}"
        parser.add_argument(option, type=Path, required=True, help="folder; stays empty for a regression")
    arguments = parser.parse_args()
    schema, parts = read_split(arguments.data)
    classes = schema.classes
    truth = {part: {schema.target: columns[schema.target]} for part, columns in parts.items()}
    del parts  # the inputs are as much again
    scored = {}
    for part, rows in truth.items():
        path = arguments.predictions / f"{part}.parquet"
        scored[part] = ScoredPart(path, read_replicates(path, schema, rows), classes, keep=part == "test")
    test = scored["test"]
    for each in scored.values():
        if each.count != test.count:
            expected = f"expected {test.count}, as of the test rows"
            raise FileError(f"{each.path}: found {each.count} replicates, {expected}")
    epochs, history = results.read_history(arguments.history, test.count, len(classes))
    table = pd.concat(test.tables, ignore_index=True)
    score, per_example = metrics.per_example(table, classes)
    intervals = {"test": metrics.interval_of(score, np.stack([*per_example.values()]))}
    details = {
        part: each.details(len(truth[part][schema.target]), intervals.get(part, {})) for part, each in scored.items()
    }
    files.write_json(arguments.metrics, details["test"]["summary"])
    files.write_json(arguments.details, {"classes": list(classes), **details})
    results.write_scores(arguments.rows, score, per_example)
    files.write_csv(arguments.curves, *curves.learning(epochs, history, test.diverged))
    for kind, rows_of in curves.KINDS.items():
        folder = getattr(arguments, kind)
        folder.mkdir(parents=True, exist_ok=True)
        if classes:
            files.write_csv(folder / "test.csv", *rows_of(table, classes))


class ScoredPart:
    """The scores of a part of the split, from the table of each replicate's predictions, read once.

    `count`: how many replicates there are; `diverged`: which of them did, and so have no scores; `scores` and
    `replicates`, with details: those of the others. One table is held at a time, or, to `keep`, all as `tables`.
    Raises FileError where every replicate diverged.
    """

    def __init__(
        self, path: Path, tables: Iterable[dict[str, np.ndarray]], classes: Sequence[object], keep: bool
    ) -> None:
        self.path, self.classes, self.count = path, classes, 0
        self.diverged: set[int] = set()
        self.scores: list[dict[str, float]] = []
        self.replicates: list[dict[str, Any]] = []
        self.tables: list[pd.DataFrame] = []
        self.ensemble = EnsembleTable()
        for columns in tables:
            if has_diverged(columns):
                self.diverged.add(self.count)
            else:
                table = pd.DataFrame(columns, copy=False)
                self._score(table)
                self.tables += [table] if keep else []
                del table
            self.count += 1
            del columns  # before the next one is read
        if not self.scores:
            raise FileError(f"{path}: every replicate diverged")

    def _score(self, table: pd.DataFrame) -> None:
        scores = metrics.score_replicate(table, self.classes)
        self.scores.append(scores)
        details = metrics.class_details(table, self.classes)
        self.replicates.append({"replicate": self.count, **metrics.rounded(scores), **details})
        self.ensemble.add(table)

    def details(self, rows: int, interval: Mapping[str, float | None]) -> dict[str, Any]:
        """What is published of the part, which has so many rows."""
        return {
            "rows": rows,
            "summary": metrics.summarize(self.scores, interval, len(self.diverged)),
            "ensemble": metrics.rounded(metrics.score_replicate(self.ensemble.table(), self.classes)),
            "replicates": self.replicates,
        }


if __name__ == "__main__":
    _program.run(main)
