"""plot_contrast: draw two variants of a data set side by side, one on its training rows, one on the test rows."""

import argparse
from pathlib import Path

from boundary.artifacts import splits
from boundary.artifacts.predictions import read_plane
from boundary.errors import FileError
from boundary.plots import figures
from boundary.plots.geometry import Points
from boundary.plots.png import write_png
from stages import _program


def main() -> None:
    """Write the picture of one entry of `contrasts`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=_program.source, required=True, help="folder of the split")
    parser.add_argument("--left", required=True, help="a variant's name")
    parser.add_argument("--right", required=True)
    parser.add_argument("--left-predictions", type=_program.source, required=True, help="folder of its predictions")
    parser.add_argument("--right-predictions", type=_program.source, required=True)
    parser.add_argument("--image", type=Path, required=True)
    arguments = parser.parse_args()
    schema, parts = splits.read_split(arguments.data)
    classes = schema.classes
    if not classes or len(schema.features) != 2:
        raise FileError(f"{arguments.data}: a contrast is drawn for classes of two features only")
    sides = (
        (arguments.left, arguments.left_predictions, "train"),
        (arguments.right, arguments.right_predictions, "test"),
    )
    panels = [
        (
            f"{name}: {part} data",
            read_plane(predictions / "plane.parquet", len(classes)),
            Points.from_columns(parts[part], schema),
        )
        for name, predictions, part in sides
    ]
    write_png(arguments.image, figures.decision_boundaries(panels, classes))


if __name__ == "__main__":
    _program.run(main)
