"""baseline: score simple models on the rows of every data set."""

import argparse
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from boundary.artifacts import files
from boundary.artifacts.schema import Schema, class_indices
from boundary.artifacts.splits import read_split
from boundary.config.load import open_params
from boundary.evaluation.baselines import baseline_scores
from stages import _program


def main() -> None:
    """Write the scores of all data sets that params.yaml names: one program, since most of its time is its start."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--params", type=Path, required=True)
    parser.add_argument("--data", type=_program.source, required=True, help="folder of all splits")
    parser.add_argument("--scores", type=Path, required=True)
    arguments = parser.parse_args()
    with open_params(arguments.params, "datasets") as settings:
        scores = {}
        for name in settings.datasets:
            schema, parts = read_split(arguments.data / name)
            train, test = (rows_of(parts[part], schema) for part in ("train", "test"))
            scores[name] = baseline_scores(schema.task, train, test)
        files.write_json(arguments.scores, scores)


def rows_of(columns: Mapping[str, np.ndarray], schema: Schema) -> tuple[np.ndarray, np.ndarray]:
    """x (rows, features) in float64 and y (rows,)."""
    x = np.stack([columns[name] for name in schema.features], axis=1).astype(np.float64)
    target = columns[schema.target]
    return x, class_indices(target, schema) if schema.classes else target.astype(np.float64)


if __name__ == "__main__":
    _program.run(main)
