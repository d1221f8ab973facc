"""Snapshots as a page takes them: JSON with the weights in base64, thinned to what a page can carry."""

import base64
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from boundary.artifacts.schema import Schema, class_indices
from boundary.models.snapshots import Snapshots

BUDGET = 1_900_000  # characters for the weights of all variants
FEWEST_FRAMES = 9  # rather fewer replicates than a film with fewer frames
SHORTEST = 3  # frames: before training, soon after, and the end
DRAWN = 1000  # rows of a part shown at most
DIGITS = 6


def divide_budget(snapshots: Mapping[str, Snapshots], budget: int = BUDGET) -> dict[str, int]:
    """A budget divided: each gets what it needs, or, of what the modest leave, an equal share.

    Where that is too little for the shortest film of the largest, this one gets none, so that the others have theirs.
    """
    chosen = sorted(snapshots, key=lambda name: _characters(snapshots[name], whole=True))
    while chosen:
        given, left = {}, budget
        for count, name in zip(range(len(chosen), 0, -1), chosen, strict=True):
            given[name] = min(_characters(snapshots[name], whole=True), left // count)
            left -= given[name]
        if given[chosen[-1]] >= _characters(snapshots[chosen[-1]], whole=False):
            return {name: given.get(name, 0) for name in snapshots}
        chosen.pop()
    return dict.fromkeys(snapshots, 0)


def _characters(snapshots: Snapshots, whole: bool) -> int:
    """What the weights take: all of them, or those of the shortest film."""
    frames, replicates, parameters = snapshots.parameters.shape
    numbers = frames * replicates if whole else min(frames, SHORTEST)
    return -(-numbers * parameters * 16 // 3)


def thin_frames(snapshots: Snapshots, budget: int) -> tuple[list[int], int]:
    """Frames and how many replicates fit into so many characters: ([], 0) where not even the shortest film does.

    Fewer frames first, always with the first two and the last; of fewer than FEWEST_FRAMES, fewer replicates.
    """
    frames, replicates, parameters = snapshots.parameters.shape
    for count in range(replicates, 0, -1):
        fit = min(frames, budget * 3 // (16 * count * parameters))
        if fit == frames or fit >= FEWEST_FRAMES or (count == 1 and fit >= SHORTEST):
            steps = max(fit - 2, 1)
            return sorted({0, *(1 + (frames - 2) * k // steps for k in range(fit - 1))}), count
    return [], 0


def playback(
    snapshots: Snapshots, history: Mapping[str, Sequence[Sequence[float]]], budget: int
) -> dict[str, Any] | None:
    """A variant's replay for the page, within a budget of characters; None where it is too large.

    history: by name of its columns, values (replicates, logged epochs). frames: the epoch that each frame follows, -1
    before training. weights: little-endian float32 (frames, replicates, parameters), in the order of Network.layers.
    """
    frames, replicates = thin_frames(snapshots, budget)
    if not frames:
        return None
    weights = snapshots.parameters[frames, :replicates].contiguous().numpy().astype("<f4")
    logged = {
        name: [[_number(values[r][frame - 1]) for frame in frames if frame] for r in range(replicates)]
        for name, values in history.items()
    }
    return {
        "sizes": snapshots.network.sizes,
        "activation": snapshots.network.activation,
        "seed": snapshots.seed,
        "replicates": replicates,
        "frames": [-1, *(snapshots.epochs[frame - 1] for frame in frames if frame)],
        "history": logged,
        "weights": base64.b64encode(weights.tobytes()).decode(),
    }


def dataset_rows(schema: Schema, parts: Mapping[str, Mapping[str, np.ndarray]]) -> dict[str, Any]:
    """A data set of one or two features for the page: columns, ranges, and some rows of each part."""
    columns = {part: _rows(schema, rows) for part, rows in parts.items()}
    every = [[value for rows in columns.values() for value in rows["x"][k]] for k in range(len(schema.features))]
    return {
        "features": schema.features,
        "target": schema.target,
        "task": schema.task,
        "classes": [str(label) for label in schema.classes],
        "low": [min(values) for values in every],
        "high": [max(values) for values in every],
        "parts": columns,
    }


def _rows(schema: Schema, columns: Mapping[str, np.ndarray]) -> dict[str, Any]:
    target = columns[schema.target]
    step = -(-len(target) // DRAWN)
    y = class_indices(target, schema).tolist() if schema.classes else [_number(v) for v in target.tolist()]
    return {"x": [[_number(v) for v in columns[name].tolist()][::step] for name in schema.features], "y": y[::step]}


def _number(value: float) -> float | None:
    """Rounded to DIGITS significant digits, for a drawing; None where it is not finite."""
    return float(f"{value:.{DIGITS}g}") if abs(value) < float("inf") else None
