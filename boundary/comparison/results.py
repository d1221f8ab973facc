"""What the compare stage leaves to be shown, checked as it is read."""

from collections.abc import Iterable
from pathlib import Path

from boundary.artifacts import files
from boundary.errors import FileError


def read_ranking(folder: Path, variants: Iterable[str]) -> tuple[list[dict[str, str]], list[dict[str, str]]]:
    """Read what the compare stage found: the variants of each data set, best first, and all pairs; numbers as text.

    Raises FileError where one of `variants` is not ranked.
    """
    numbers = ("mean", "low", "high", "difference", "p_holm")
    paths = [folder / "leaderboard.csv", folder / "pairs.csv"]
    names = ("left", "right", "verdict", "replicates_needed", "rows_needed")
    leaders = files.read_csv(paths[0], ("dataset", "variant", "score", *numbers[:3]))
    pairs = files.read_csv(paths[1], ("dataset", "score", *names, *numbers[1:]))
    for path, rows in zip(paths, (leaders, pairs), strict=True):
        for place, row in enumerate(rows, start=1):
            for name in row.keys() & numbers:
                if row[name] or name in ("mean", "difference", "p_holm"):
                    _number(path, place, name, row[name])
    missing = [name for name in variants if name not in {row["variant"] for row in leaders}]
    if missing:
        raise FileError(f"{paths[0]}: lacks variant {missing[0]} of params.yaml, run compare again")
    return leaders, pairs


def _number(path: Path, place: int, name: str, text: str) -> None:
    try:
        float(text)
    except ValueError:
        raise FileError(f"{path}: row {place}: column {name!r}: found {text!r}, expected a number") from None
