"""What the columns of a file between two stages must hold. A file that does not is refused with one line."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from boundary.errors import FileError


def require_numbers(path: Path, columns: Mapping[str, np.ndarray], name: str) -> None:
    """Raises FileError where a column holds text, or a cell that was left empty."""
    if columns[name].dtype.kind not in "iuf":
        cells = columns[name].tolist()
        bad = next((k for k, cell in enumerate(cells) if not isinstance(cell, int | float)), 0)
        found = f", row {bad + 1}: found {cells[bad]!r}" if cells else ""
        raise FileError(f"{path}: column {name!r}{found}, expected a number")


def require_all(path: Path, columns: Mapping[str, np.ndarray], name: str, fits: np.ndarray, expected: str) -> None:
    """Raises FileError with the first row of a column whose value does not fit (rows,)."""
    if not fits.all():
        bad = int(fits.argmin())
        raise FileError(f"{path}: column {name!r}, row {bad + 1}: found {columns[name][bad]}, expected {expected}")
