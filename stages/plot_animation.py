"""plot_animation: draw the training of two variants of a data set side by side, as an animation on its test rows."""

import argparse
from pathlib import Path

import torch

from boundary.artifacts import files, splits
from boundary.errors import FileError
from boundary.models import snapshots
from boundary.plots import animations, figures
from boundary.plots.geometry import Points
from stages import _program


def main() -> None:
    """Write the animation of one entry of `contrasts`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=_program.source, required=True, help="folder of the split")
    parser.add_argument("--left", required=True, help="a variant's name")
    parser.add_argument("--right", required=True)
    parser.add_argument("--left-snapshots", type=_program.source, required=True, help="file of its snapshots")
    parser.add_argument("--right-snapshots", type=_program.source, required=True)
    parser.add_argument("--image", type=Path, required=True)
    arguments = parser.parse_args()
    torch.set_num_threads(1)  # predict cuts the rows into pieces too small to share
    schema, parts = splits.read_split(arguments.data)
    if not schema.classes or len(schema.features) != 2:
        raise FileError(f"{arguments.data}: a contrast is drawn for classes of two features only")
    sides = []
    for name, path in (
        (arguments.left, arguments.left_snapshots),
        (arguments.right, arguments.right_snapshots),
    ):
        replay = snapshots.load_snapshots(path)
        if replay.schema != schema:
            raise FileError(f"{path}: not trained on what {arguments.data} holds, run train@{name} again")
        activation = "no activation" if replay.network.activation == "none" else replay.network.activation
        sides.append((f"{name}: {activation}, test data", replay))
    points = Points.from_columns(parts["test"], schema)
    frames = figures.moving_boundaries(animations.courses(sides, parts), points, schema.classes)
    files.write_bytes(arguments.image, animations.gif(frames))


if __name__ == "__main__":
    _program.run(main)
