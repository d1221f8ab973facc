"""evaluate: score a variant's predictions."""

import argparse
from pathlib import Path

import pandas as pd

from boundary import artefacts, curves, ensembles, files, results, scores
from stages import _program


def main() -> None:
    """Write the metrics (means over the replicates, on the test part), their details, each test row's score, and rows
    for plots.

    The ensemble (the mean of the replicates' predictions) is scored as one more network.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the split")
    parser.add_argument("--predictions", type=Path, required=True, help="folder of the predictions")
    parser.add_argument("--history", type=Path, required=True)
    parser.add_argument("--metrics", type=Path, required=True)
    parser.add_argument("--details", type=Path, required=True)
    parser.add_argument("--rows", type=Path, required=True, help="table of each test row's score")
    parser.add_argument("--curves", type=Path, required=True, help="table of how it learned")
    for kind in curves.KINDS:
        option = f"--{kind.replace('_', '-')}"
        parser.add_argument(option, type=Path, required=True, help="folder; stays empty for a regression")
    arguments = parser.parse_args()
    described, parts = artefacts.read_split(arguments.data)
    classes = described.classes
    paths = {part: arguments.predictions / f"{part}.parquet" for part in parts}
    said = {part: artefacts.read_predictions(paths[part], described, rows) for part, rows in parts.items()}
    replicates = {part: int(columns["replicate"][-1]) + 1 for part, columns in said.items()}
    for part, count in replicates.items():
        if count != replicates["test"]:
            expected = f"expected {replicates['test']}, as of the test rows"
            raise files.FileError(f"{paths[part]}: found {count} replicates, {expected}")
    learned = results.read_history(arguments.history, replicates["test"], len(classes))
    diverged = set().union(*map(artefacts.diverged, said.values()))
    details, tables = {}, {}
    for part, columns in said.items():
        table = pd.DataFrame(columns)
        table = table[~table["replicate"].isin(diverged)]
        if not len(table):
            raise files.FileError(f"{paths[part]}: every replicate diverged")
        survivors = list(table.groupby("replicate"))
        each = [scores.of(rows, classes) for _, rows in survivors]
        details[part] = {
            "rows": len(survivors[0][1]),
            "summary": scores.summary(each, len(diverged)),
            "ensemble": scores.rounded(scores.of(ensembles.table([rows for _, rows in survivors]), classes)),
            "replicates": [
                {"replicate": replicate, **scores.rounded(score), **scores.class_details(rows, classes)}
                for score, (replicate, rows) in zip(each, survivors, strict=True)
            ],
        }
        tables[part] = table
    files.write_json(arguments.metrics, details["test"]["summary"])
    files.write_json(arguments.details, {"classes": list(classes), **details})
    score, by_row = scores.by_row(tables["test"], classes)
    results.write_scores(arguments.rows, score, by_row)
    files.write_csv(arguments.curves, *curves.learning(*learned, diverged))
    for kind, draw in curves.KINDS.items():
        folder = getattr(arguments, kind)
        folder.mkdir(parents=True, exist_ok=True)
        if classes:
            files.write_csv(folder / "test.csv", *draw(tables["test"], classes))


if __name__ == "__main__":
    _program.run(main)
