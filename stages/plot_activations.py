"""plot_activations: draw the project's own relu, sigmoid and tanh beside torch's, as the tutorial does."""

import argparse
from pathlib import Path

import torch

from boundary.nn import activations
from boundary.numerics.arithmetic import Exact
from boundary.plots import figures
from boundary.plots.png import write_png
from stages import _program


def main() -> None:
    """Write the picture for A = -10, -9, ..., 9."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--image", type=Path, required=True)
    arguments = parser.parse_args()
    a = torch.arange(-10, 10, 1, dtype=torch.float64)
    exact = Exact(1)
    curves = [
        ("A", a, None),
        ("relu(A)", activations.relu(exact, a), torch.relu(a)),
        ("sigmoid(A)", activations.sigmoid(exact, a), torch.sigmoid(a)),
        ("tanh(A)", activations.tanh(exact, a), torch.tanh(a)),
    ]
    drawn = [(title, ours.numpy(), None if theirs is None else theirs.numpy()) for title, ours, theirs in curves]
    write_png(arguments.image, figures.functions(a.numpy(), drawn))


if __name__ == "__main__":
    _program.run(main)
