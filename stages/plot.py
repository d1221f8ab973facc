"""plot: draw what a variant has learned."""

import argparse
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from boundary.artifacts import files, schema
from boundary.artifacts import splits as artefacts
from boundary.plots import figures
from stages import _program


def main() -> None:
    """Write the variant's picture: decision boundaries, fitted line, confusion matrix or predicted against true."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name")
    parser.add_argument("--data", type=_program.source, required=True, help="folder of the split")
    parser.add_argument("--predictions", type=_program.source, required=True, help="folder of the predictions")
    parser.add_argument("--image", type=Path, required=True)
    arguments = parser.parse_args()
    described, parts = artefacts.read_split(arguments.data)
    files.write_png(arguments.image, draw(arguments.name, described, parts, arguments.predictions))


def draw(
    name: str, described: schema.Schema, parts: Mapping[str, Mapping[str, np.ndarray]], predictions: Path
) -> Figure:
    """The picture that fits the task and the number of features."""
    classes = described.classes
    if classes and len(described.features) == 2:
        plane = figures.Plane.of(artefacts.read_plane(predictions / "plane.parquet", len(classes)), len(classes))
        panels = [
            (f"{name}: {part} data", plane, figures.Points.of(columns, described)) for part, columns in parts.items()
        ]
        return figures.decision_boundaries(panels, classes)
    test = artefacts.read_predictions(predictions / "test.parquet", described, parts["test"])
    if classes:
        counts = np.zeros((len(classes), len(classes)), dtype=int)
        converged = np.isfinite(test["probability_0"])
        np.add.at(counts, (test["true"][converged], test["predicted"][converged]), 1)
        return figures.confusion(
            f"{name}: test data, {converged.sum() // len(parts['test'][described.target])} replicates together",
            counts,
            classes,
        )
    said = test["predicted"].reshape(int(test["replicate"].max()) + 1, -1)
    if len(described.features) == 1:
        feature, target = described.features[0], described.target
        drawn = {part: (columns[feature], columns[target]) for part, columns in parts.items()}
        return figures.regression_line(f"{name}: fit", drawn, parts["test"][feature], said, (feature, target))
    return figures.predicted_against_true(f"{name}: test data", test["true"][: said.shape[1]], said, described.target)


if __name__ == "__main__":
    _program.run(main)
