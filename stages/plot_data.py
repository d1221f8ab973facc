"""plot_data: draw a data set."""

import argparse
from pathlib import Path

import numpy as np

from boundary.artifacts import splits
from boundary.plots import figures
from boundary.plots.geometry import Points
from boundary.plots.png import write_png
from stages import _program


def main() -> None:
    """Write a picture of a split's rows: by class where there are classes, else by part."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name")
    parser.add_argument("--data", type=_program.source, required=True, help="folder of the split")
    parser.add_argument("--image", type=Path, required=True)
    arguments = parser.parse_args()
    schema, parts = splits.read_split(arguments.data)
    if schema.classes:
        names = (*schema.features, schema.target)
        rows = {name: np.concatenate([columns[name] for columns in parts.values()]) for name in names}
        figure = figures.data_by_class(arguments.name, Points.from_columns(rows, schema), schema.classes)
    else:
        feature, target = schema.features[0], schema.target
        drawn = {part: (columns[feature], columns[target]) for part, columns in parts.items()}
        figure = figures.data_line(arguments.name, drawn, (feature, target))
    write_png(arguments.image, figure)


if __name__ == "__main__":
    _program.run(main)
