"""plot: draw what a variant has learned."""

import argparse
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from boundary import figures, files, schema
from stages import _program


def main() -> None:
    """Write the variant's picture: decision boundaries, fitted line, confusion matrix or predicted against true."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name")
    parser.add_argument("--data", type=Path, required=True, help="folder of the split")
    parser.add_argument("--predictions", type=Path, required=True, help="folder of the predictions")
    parser.add_argument("--image", type=Path, required=True)
    arguments = parser.parse_args()
    described = files.read_schema(arguments.data / "schema.json")
    files.write_png(arguments.image, draw(arguments.name, described, arguments.data, arguments.predictions))


def draw(name: str, described: schema.Schema, data: Path, predictions: Path) -> Figure:
    """The picture that fits the task and the number of features."""
    if described.classes and len(described.features) == 2:
        plane = figures.Plane.of(files.read_columns(predictions / "plane.parquet"), described.features)
        panels = [
            (f"{name}: {part} data", plane, figures.Points.of(files.read_columns(data / f"{part}.parquet"), described))
            for part in ("train", "test")
        ]
        return figures.decision_boundaries(panels, described.classes)
    test = files.read_columns(predictions / "test.parquet")
    if described.classes:
        counts = np.zeros((len(described.classes), len(described.classes)), dtype=int)
        np.add.at(counts, (test["true"], test["predicted"]), 1)
        return figures.confusion(f"{name}: test data, all replicates", counts, described.classes)
    replicates = int(test["replicate"].max()) + 1
    said = test["predicted"].reshape(replicates, -1)
    if len(described.features) == 1:
        parts = {part: files.read_columns(data / f"{part}.parquet") for part in ("train", "test")}
        feature, target = described.features[0], described.target
        drawn = {part: (columns[feature], columns[target]) for part, columns in parts.items()}
        return figures.regression_line(f"{name}: fit", drawn, parts["test"][feature], said, (feature, target))
    return figures.predicted_against_true(f"{name}: test data", test["true"][: said.shape[1]], said, described.target)


if __name__ == "__main__":
    _program.run(main)
