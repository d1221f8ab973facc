"""baseline: score simple models on the rows of every data set."""

import argparse
from pathlib import Path

import numpy as np

from boundary.artifacts import files, schema
from boundary.artifacts import splits as artefacts
from boundary.config import params
from boundary.evaluation import baselines
from stages import _program


def main() -> None:
    """Write the scores of all data sets that params.yaml names: one program, since most of its time is its start."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--params", type=Path, required=True)
    parser.add_argument("--data", type=_program.source, required=True, help="folder of all splits")
    parser.add_argument("--scores", type=Path, required=True)
    arguments = parser.parse_args()
    settings = params.load(arguments.params)
    scores = {}
    for name in settings.datasets:
        described, parts = artefacts.read_split(arguments.data / name)
        rows = {part: _rows(columns, described) for part, columns in parts.items()}
        scores[name] = baselines.scores(described.task, rows["train"], rows["test"])
    files.write_json(arguments.scores, scores)
    params.must_still_say(arguments.params, settings, lambda now: now.datasets)


def _rows(columns: dict[str, np.ndarray], described: schema.Schema) -> tuple[np.ndarray, np.ndarray]:
    """x (rows, features) in float64 and y (rows,)."""
    x = np.stack([columns[name] for name in described.features], axis=1).astype(np.float64)
    target = columns[described.target]
    return x, schema.class_indices(target, described) if described.classes else target.astype(np.float64)


if __name__ == "__main__":
    _program.run(main, params.ParamsError)
