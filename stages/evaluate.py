"""evaluate: score a variant's predictions."""

import argparse
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from boundary.artifacts import files
from boundary.artifacts import splits as artefacts
from boundary.artifacts.schema import Schema
from boundary.evaluation import curves, ensembles, results
from boundary.evaluation import metrics as scores
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
    described, parts = artefacts.read_split(arguments.data)
    truth = {part: {described.target: columns[described.target]} for part, columns in parts.items()}
    del parts  # the inputs are as much again
    classes = described.classes
    details, tested = {}, Survivors(arguments.predictions / "test.parquet", described, truth["test"])
    learned = results.read_history(arguments.history, tested.count, len(classes))
    for part, rows in truth.items():
        said = tested
        if part != "test":
            said = Survivors(arguments.predictions / f"{part}.parquet", described, rows)
        if said.count != tested.count:
            expected = f"expected {tested.count}, as of the test rows"
            raise files.FileError(f"{said.path}: found {said.count} replicates, {expected}")
        each = [
            (replicate, scores.of(table, classes), scores.class_details(table, classes)) for replicate, table in said
        ]
        details[part] = {
            "rows": len(rows[described.target]),
            "summary": scores.summary([score for _, score, _ in each], len(said.diverged)),
            "ensemble": scores.rounded(scores.of(ensembles.table(table for _, table in said), classes)),
            "replicates": [{"replicate": k, **scores.rounded(score), **by_class} for k, score, by_class in each],
        }
    table = pd.concat([table for _, table in tested], ignore_index=True)
    files.write_json(arguments.metrics, details["test"]["summary"])
    files.write_json(arguments.details, {"classes": list(classes), **details})
    score, by_row = scores.by_row(table, classes)
    results.write_scores(arguments.rows, score, by_row)
    files.write_csv(arguments.curves, *curves.learning(*learned, tested.diverged))
    for kind, draw in curves.KINDS.items():
        folder = getattr(arguments, kind)
        folder.mkdir(parents=True, exist_ok=True)
        if classes:
            files.write_csv(folder / "test.csv", *draw(table, classes))


class Survivors:
    """The tables of the replicates that did not diverge, as often as they are asked for; one is held at a time.

    `count`: how many replicates there are in all; `diverged`: which of them did. Raises FileError where all did.
    """

    def __init__(self, path: Path, described: Schema, rows: Mapping[str, np.ndarray]):
        self.path, self.described, self.rows = path, described, rows
        lost = [bool(artefacts.diverged(table)) for table in artefacts.read_replicates(path, described, rows)]
        self.count = len(lost)
        self.diverged = {replicate for replicate, diverged in enumerate(lost) if diverged}
        if all(lost):
            raise files.FileError(f"{path}: every replicate diverged")

    def __iter__(self) -> Iterator[tuple[int, pd.DataFrame]]:
        for table in artefacts.read_replicates(self.path, self.described, self.rows):
            if (replicate := int(table["replicate"][0])) not in self.diverged:
                yield replicate, pd.DataFrame(table, copy=False)
            del table


if __name__ == "__main__":
    _program.run(main)
