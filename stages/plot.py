"""plot: draw what a variant has learned."""

import argparse
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from boundary.artifacts.predictions import confusion_counts, read_plane, read_predictions
from boundary.artifacts.schema import Schema
from boundary.artifacts.splits import read_split
from boundary.plots import figures
from boundary.plots.geometry import Points
from boundary.plots.png import write_png
from stages import _program


def main() -> None:
    """Write the variant's picture: decision boundaries, fitted line, confusion matrix or predicted against true."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name")
    parser.add_argument("--data", type=_program.source, required=True, help="folder of the split")
    parser.add_argument("--predictions", type=_program.source, required=True, help="folder of the predictions")
    parser.add_argument("--image", type=Path, required=True)
    arguments = parser.parse_args()
    schema, parts = read_split(arguments.data)
    write_png(arguments.image, draw(arguments.name, schema, parts, arguments.predictions))


def draw(name: str, schema: Schema, parts: Mapping[str, Mapping[str, np.ndarray]], predictions: Path) -> Figure:
    """The picture that fits the task and the number of features."""
    classes = schema.classes
    if classes and len(schema.features) == 2:
        plane = read_plane(predictions / "plane.parquet", len(classes))
        panels = [
            (f"{name}: {part} data", plane, Points.from_columns(columns, schema)) for part, columns in parts.items()
        ]
        return figures.decision_boundaries(panels, classes)
    test = read_predictions(predictions / "test.parquet", schema, parts["test"])
    if classes:
        converged = np.isfinite(test["probability_0"])
        counts = confusion_counts(test["true"][converged], test["predicted"][converged], len(classes))
        return figures.confusion(
            f"{name}: test data, {converged.sum() // len(parts['test'][schema.target])} replicates together",
            counts,
            classes,
        )
    predicted = test["predicted"].reshape(int(test["replicate"].max()) + 1, -1)
    if len(schema.features) == 1:
        feature, target = schema.features[0], schema.target
        drawn = {part: (columns[feature], columns[target]) for part, columns in parts.items()}
        return figures.regression_line(f"{name}: fit", drawn, parts["test"][feature], predicted, (feature, target))
    return figures.predicted_against_true(
        f"{name}: test data", test["true"][: predicted.shape[1]], predicted, schema.target
    )


if __name__ == "__main__":
    _program.run(main)
