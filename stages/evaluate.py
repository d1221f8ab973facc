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
    classes = artefacts.read_schema(arguments.data / "schema.json").classes
    paths = artefacts.part_paths(arguments.predictions)
    tables = {part: pd.DataFrame(artefacts.read_predictions(path, len(classes))) for part, path in paths.items()}
    diverged = set().union(*(scores.diverged(table) for table in tables.values()))
    details = {}
    for part, table in tables.items():
        table = table[~table["replicate"].isin(diverged)]
        if not len(table):
            raise files.FileError(f"{paths[part]}: every replicate diverged")
        replicates = list(table.groupby("replicate"))
        each = [scores.of(rows, classes) for _, rows in replicates]
        details[part] = {
            "rows": len(replicates[0][1]),
            "summary": scores.summary(each, len(diverged)),
            "ensemble": scores.rounded(scores.of(ensembles.table([rows for _, rows in replicates]), classes)),
            "replicates": [
                {"replicate": replicate, **scores.rounded(score), **scores.class_details(rows, classes)}
                for score, (replicate, rows) in zip(each, replicates, strict=True)
            ],
        }
        tables[part] = table
    score, together = next(iter(details["test"]["ensemble"].items()))
    files.write_json(arguments.metrics, {**details["test"]["summary"], f"ensemble_{score}": together})
    files.write_json(arguments.details, {"classes": list(classes), **details})
    score, by_row = scores.by_row(tables["test"], classes)
    results.write_scores(arguments.rows, score, by_row)
    files.write_csv(arguments.curves, *curves.learning(*results.read_history(arguments.history), diverged))
    for kind, draw in curves.KINDS.items():
        folder = getattr(arguments, kind)
        folder.mkdir(parents=True, exist_ok=True)
        if classes:
            files.write_csv(folder / "test.csv", *draw(tables["test"], classes))


if __name__ == "__main__":
    _program.run(main)
