"""Figures as PNG files that are the same bytes on every machine."""

from pathlib import Path

from matplotlib.figure import Figure

from boundary.artifacts import files


def write_png(path: Path, figure: Figure) -> None:
    """Write a figure as PNG, without the name of the software: its version would be in the bytes."""
    with files.open_atomically(path) as file:
        figure.savefig(file, format="png", metadata={"Software": None})
